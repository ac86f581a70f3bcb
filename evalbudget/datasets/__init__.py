"""A task's samples: from the Hub, from an offline mirror of it, or from a local file."""

from evalbudget.datasets.samples import left_out, load_samples

__all__ = ["left_out", "load_samples"]
