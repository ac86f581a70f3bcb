"""What one lane tells the user in words: one line for each thing, the first time that it happens."""

from __future__ import annotations

from evalbudget.contracts import Lane, Watcher
from evalbudget.records import Attempt


class Notices:
    """Of one lane."""

    def __init__(self, lane: Lane, watcher: Watcher) -> None:
        self._lane = lane
        self._watcher = watcher
        self._kinds: set[str | None] = set()
        self._budget_told = False

    def know(self, kind: str) -> None:
        """This kind of failure was told of already."""
        self._kinds.add(kind)

    def tell(self, line: str) -> None:
        """This line."""
        self._watcher.notice(self._lane.model, line)

    def look_at(self, attempt: Attempt) -> None:
        """One line for each kind of failure, the others are counted; and one for a budget not kept."""
        first = f"(first: {attempt.task}, sample {attempt.sample_id})"
        if attempt.status != "ok" and attempt.error_kind not in self._kinds:
            self._kinds.add(attempt.error_kind)
            self.tell(f"{attempt.error_kind}: {attempt.error} {first}")
        if attempt.budget_honoured is False and attempt.budget is not None:
            self._tell_of_budget(attempt.budget, first)

    def _tell_of_budget(self, budget: int, first: str) -> None:
        advice = self._lane.budget_ignored
        if advice is None or self._budget_told:
            return
        self._budget_told = True
        self.tell(f"the budget of {budget} thinking tokens was not kept {first}; {advice(budget)}")
