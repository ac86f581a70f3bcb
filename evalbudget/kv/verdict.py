"""What a server's cache takes beside what the architecture needs: do they agree, and if not, why?"""

from __future__ import annotations

from dataclasses import dataclass, field

from evalbudget.kv.layers import KvModel
from evalbudget.records import KvScale, ServerFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class KvVerdict:
    """Measured beside expected, on one GPU. None = not known."""

    bytes_per_token: float | None = None
    """Measured."""
    expected_bytes_per_token: float | None = None
    fixed_bytes: float | None = None
    """Of each sequence; measured, or else expected."""
    capacity_tokens: int | None = None
    capacity_bytes: int | None = None
    block_tokens: int | None = None
    ratio: float | None = None
    """Measured by expected."""
    name: str | None = None
    """agrees, or the name of what explains the ratio; None where there is nothing to compare."""
    says: str = ""
    """What was found, in one sentence with its figures."""
    advice: str = ""
    """What mends it: the version, the patch, the flag; empty where all is well."""
    source: str | None = None
    """Where the measurement comes from."""
    scale: KvScale = field(default_factory=KvScale)
    """For readings."""

    def bytes_of(self, tokens: int) -> float | None:
        """What one sequence of so many tokens takes: as measured, or else as expected; None where neither is
        known."""
        return None


def judge(model: KvModel | None, facts: ServerFacts) -> KvVerdict:
    """The verdict on one server; `model`: what its weights' configuration says, None where it is unknown."""
    return KvVerdict()
