"""What a reader must know before trusting a run's figures, and what loops cost, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from evalbudget.reasoning.budgets import missing_flag
from evalbudget.records import JsonValue, ServerRecord
from evalbudget.report import words
from evalbudget.report.differences import lines_within
from evalbudget.report.figures import RunFigures
from evalbudget.report.memory import preempted, preempted_in
from evalbudget.store.cells import Cell
from evalbudget.store.loops import LoopCost


def warnings(figures: RunFigures) -> tuple[str, ...]:
    """One line each: budgets that were ignored, answers seen in the thinking but not given, latencies that
    are not the model's own, and what differs between models of a family besides what is compared."""
    cells = [cell for part in figures.tasks for cell in part.cells]
    return _all(cells, figures.servers, figures.run.conditions, preempted(figures.memory))


def warnings_of_cells(
    cells: Sequence[Cell], servers: Sequence[ServerRecord], conditions: Mapping[str, JsonValue]
) -> tuple[str, ...]:
    """The same from a run's cells alone, without looking through its readings: how often a server took memory
    away is then told as at least so often."""
    return _all(cells, servers, conditions, preempted_in(cells))


def _all(
    cells: Sequence[Cell],
    servers: Sequence[ServerRecord],
    conditions: Mapping[str, JsonValue],
    recomputed: Iterable[str],
) -> tuple[str, ...]:
    by_model = {record.model: record for record in servers}
    besides = lines_within(servers, conditions)
    return (*budgets_ignored(cells, by_model), *_seen(cells), *recomputed, *besides)


def budgets_ignored(cells: Iterable[Cell], servers: Mapping[str, ServerRecord]) -> Iterator[str]:
    """Budgets that were not kept: a line a model, and one for budget 0, which takes another flag."""
    groups: dict[tuple[str, str | None, bool], list[Cell]] = {}
    for cell in cells:
        if cell.budget is not None and cell.budget_ignored:
            groups.setdefault((cell.model, cell.budget_mode, cell.budget == 0), []).append(cell)
    for (model, mode, no_thinking), found in groups.items():
        ignored, known = sum(cell.budget_ignored for cell in found), sum(cell.budget_known for cell in found)
        budgets = sorted({cell.budget for cell in found if cell.budget is not None})
        listed = f"budget{'s' * (len(budgets) > 1)} {', '.join(words.budget(each) for each in budgets)}"
        line = (
            f"budget ignored in {ignored:,} of {known:,} attempts of model {words.one_line(model)} ({listed})"
        )
        if mode == "server" or (mode == "max_tokens" and no_thinking):
            record = servers.get(model)
            line += f"; {_mend(record, 0 if no_thinking else budgets[-1])}"
        yield line


def _mend(record: ServerRecord | None, budget: int) -> str:
    engine, version = (None, None) if record is None else (record.engine, record.engine_version)
    return words.one_line(missing_flag(engine, version, budget=budget))


def _seen(cells: Iterable[Cell]) -> Iterator[str]:
    """A line a model and task."""
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        if cell.seen_in_thinking:
            groups.setdefault((cell.model, cell.task), []).append(cell)
    for (model, task), found in groups.items():
        whose = f"{words.one_line(model)}, {words.one_line(task)}"
        told = "the right answer was seen in the thinking but not given, of those not correct"
        yield f"{whose}: {told}: {', '.join(_seen_at(cell) for cell in found)}"


def _seen_at(cell: Cell) -> str:
    others = cell.attempts - cell.failed - cell.correct
    where = "without a budget" if cell.budget is None else f"at budget {words.budget(cell.budget)}"
    return f"{cell.seen_in_thinking:,} of {others:,} {where}"


def loop_lines(costs: Sequence[LoopCost]) -> tuple[str, ...]:
    """What loops cost, or what stopping them did: one to three lines for each model and task."""
    return tuple(line for cost in costs for line in _loop_lines(cost))


def _loop_lines(cost: LoopCost) -> Iterator[str]:
    whose = f"{words.one_line(cost.model)}, {words.one_line(cost.task)}"
    if cost.certain:
        yield (
            f"{whose}: had `loops: stop` been set, {_streams(cost.certain)} would have been ended; "
            f"{cost.certain_finished:,} of them had gone on to finish, {cost.certain_correct:,} with the "
            f"right answer; {words.tokens(cost.certain_tokens_behind)} tokens "
            f"({words.share(cost.saved_share)}) saved"
        )
    if cost.stopped:
        yield (
            f"{whose}: {_streams(cost.stopped)} of {cost.attempts:,} ended for a loop, after "
            f"{words.tokens(cost.stopped_tokens)} tokens in all; had every one of them recovered, accuracy "
            f"would be at most {100 * cost.stopped_share:.1f} points higher"
        )
    if cost.rescued:
        yield (
            f"{whose}: {_streams(cost.rescued)} of {cost.attempts:,} ended for a loop and made to answer, "
            f"{cost.rescued_correct:,} of them correctly: "
            f"{100 * cost.rescued_correct / cost.attempts:.1f} points of accuracy that loops would have cost"
        )


def _streams(number: int) -> str:
    return "1 stream" if number == 1 else f"{number:,} streams"
