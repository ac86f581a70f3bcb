"""Failed attempts of a run by what went wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from evalbudget.report.words import FAILURES, one_line
from evalbudget.store.queries import FailureGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureKindCount:
    """One kind of failure over all models of a run."""

    kind: str
    """A `records.FailureKind`, or a word that a later version wrote."""
    attempts: int
    models: tuple[str, ...]
    """The most struck first."""

    @property
    def why(self) -> str:
        """In plain words, on one line."""
        return one_line(FAILURES.get(self.kind, self.kind))


def by_kind(groups: Iterable[FailureGroup]) -> tuple[FailureKindCount, ...]:
    """The kinds of failure, the most frequent first."""
    found: dict[str, list[FailureGroup]] = {}
    for group in groups:
        found.setdefault(group.kind, []).append(group)
    counts = [
        FailureKindCount(
            kind=kind,
            attempts=sum(group.attempts for group in of_kind),
            models=tuple(group.model for group in sorted(of_kind, key=lambda group: -group.attempts)),
        )
        for kind, of_kind in found.items()
    ]
    return tuple(sorted(counts, key=lambda each: -each.attempts))
