"""What a page is given: the store, the run that was chosen, and what the filters leave."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evalbudget.report.charts.style import Style
from evalbudget.store.queries import RunRow, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One state of the store, seen through the filters of the address."""

    db: Path
    stamp: str
    """Changes whenever the store does: the key of everything that is kept between two drawings."""
    runs: tuple[RunRow, ...]
    """All of the store, the newest first; never empty."""
    run: RunRow
    """The chosen one."""
    all_models: tuple[str, ...]
    """Labels of the run, in its order: what colours go by."""
    all_tasks: tuple[str, ...]
    """Tasks of the run, by name."""
    models: tuple[str, ...]
    """Those that the filter leaves; all where none is chosen. So is the next."""
    tasks: tuple[str, ...]
    style: Style

    @property
    def store(self) -> Store:
        """For reading: ask several questions within one `with view.store.batch() as store:`."""
        return Store(self.db)

    @property
    def key(self) -> tuple[str, str, str]:
        """What cached answers depend on besides their own arguments."""
        return (str(self.db), self.stamp, self.run.run_id)
