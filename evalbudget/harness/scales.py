"""Which of lm-eval's figures are of 100 and not of 1."""

from __future__ import annotations

PERCENT = frozenset({"bleu", "chrf", "chrf++", "ter"})
"""Aggregations that give a figure of 100 (sacrebleu)."""
_PERCENT_METRICS = frozenset(
    {"bleu_max", "rouge1_max", "rouge2_max", "rougeL_max", "eqbench", "percent_parseable"}
)
"""Metrics of 100 whose aggregation is a mean (truthfulqa, eq_bench)."""


def of_hundred(metric: str, aggregation: str) -> bool:
    """Whether a metric's figure is of 100; all others are taken for shares."""
    return aggregation in PERCENT or metric in _PERCENT_METRICS
