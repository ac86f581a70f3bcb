"""Accuracy over the budget of thinking, with its bands, and what one number says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

from evalbudget.stats.answers import Answer, budgets_of, table, traces_of
from evalbudget.stats.area import area
from evalbudget.stats.bootstrap import RESAMPLES, resampled_means
from evalbudget.stats.columns import ColumnFigures, column_figures
from evalbudget.stats.intervals import LEVEL
from evalbudget.stats.overthinking import Overthinking, overthinking
from evalbudget.stats.reach import reach
from evalbudget.stats.strict import strict_scores

if TYPE_CHECKING:
    from evalbudget.stats.answers import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One budget of a curve. Accuracies are shares, 0 to 1, in which every question weighs the same."""

    budget: int | None
    """None = unlimited."""
    questions: int
    """Questions with an answer at this budget."""
    answers: int
    accuracy: float
    """The forced curve F(B): the mean score of the answers at this budget, those that were cut included."""
    low: float
    """Ends of the band around `accuracy`: pointwise, questions drawn again."""
    high: float
    strict: float | None
    """The strict curve S(B): the same, where an answer counts only if it finished within B by itself. From
    the unlimited answers where there are any, else from the budget's own. None where no length is known."""
    strict_low: float | None
    strict_high: float | None
    mean_reasoning_tokens: float | None
    """Over the answers whose count is known, each answer alike, as in `cells`; so is the next."""
    mean_completion_tokens: float | None
    forced_share: float | None
    """Share of the answers whose thinking was cut."""
    ock_score: float | None
    """`ock_score` of this accuracy and `mean_completion_tokens`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One model on one task over all its budgets."""

    points: tuple[CurvePoint, ...]
    """By budget, unlimited last."""
    area: float | None
    """Mean of F over ln B, 0 to 1, between the two budgets named next; None with fewer than two budgets that
    are positive and finite: 0 and unlimited have no place on this axis."""
    area_low: float | None
    area_high: float | None
    first_budget: int | None
    """The budgets that `area` runs between: publish them with it. None where it is."""
    last_budget: int | None
    best: float | None
    """Top of the closest curve that never falls (`isotonic`). Where accuracy falls with more thinking it lies
    below the highest point. None without answers."""
    tokens_to_best: int | None
    """The smallest budget at which that curve reaches 95 % of `best`, between two budgets on the line over
    ln B. None where only unlimited thinking reaches it, or `best` is 0. If it is the smallest budget that was
    asked for, read it as "at most"."""
    tokens_to_best_low: int | None
    """Ends of its interval; None = beyond the largest finite budget (or, with one question, unknown). With
    few questions the upper end is too low, as the rare question that needs more was not met: nominal 95 %
    hold the truth in 77-88 % of runs with 30 questions, in 95 % with 200 (as bench/curves.py, 400 runs)."""
    tokens_to_best_high: int | None
    regret: float | None
    """What stopping each trace at its best budget would add to the accuracy of the unlimited answers: the
    mean of max_B c(B) - c(unlimited), unlimited being one of the B. It is an oracle's gain: never negative,
    and above 0 by chance alone where forced answers are sampled. None unless `one_trace`; so are the next
    two."""
    lost_after_correct: float | None
    """Share of traces that were correct at some budget and not at the end."""
    post_answer_share: float | None
    """Mean over traces of the tokens after the last change of the forced answer ÷ those of the thinking."""


_NOTHING = Curve(
    points=(),
    area=None,
    area_low=None,
    area_high=None,
    first_budget=None,
    last_budget=None,
    best=None,
    tokens_to_best=None,
    tokens_to_best_low=None,
    tokens_to_best_high=None,
    regret=None,
    lost_after_correct=None,
    post_answer_share=None,
)


def ock_score(accuracy: float, mean_tokens: float) -> float:
    """OckScore: accuracy in percent less 10·ln(tokens/10,000 + 1); `accuracy` is a share, 0 to 1.

    Source: OckBench, arXiv:2511.05722, natural logarithm and constants as in its code.
    """
    return 100 * accuracy - 10 * log(mean_tokens / 10_000 + 1)


def curve(
    answers: Sequence[Answer],
    *,
    one_trace: bool = True,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> Curve:
    """The curve of one model on one task.

    `one_trace`: the answers of a question and repeat come from prefixes of one thinking (budget mode
    `trace`); with separate draws at each budget (`force`, `server`, `max_tokens`) pass False: the best of
    several draws beats any one of them by chance, and says nothing of thinking too long.
    """
    if not answers:
        return _NOTHING
    traces = traces_of(answers)
    by_budget: dict[int | None, list[Answer]] = {budget: [] for budget in budgets_of(answers)}
    for answer in answers:
        by_budget[answer.budget].append(answer)
    size = len(by_budget)
    forced = [[(answer.question, answer.score) for answer in each] for each in by_budget.values()]
    whole = table([*forced, *(strict_scores(traces, budget) for budget in by_budget)])
    draws = resampled_means(whole.means, resamples=resamples, seed=seed)
    figures = [column_figures(whole, draws, column, level) for column in range(2 * size)]
    forced_figures = [found for found in figures[:size] if found is not None]
    points = tuple(
        _point(budget, each, forced_figure, strict_figure)
        for (budget, each), forced_figure, strict_figure in zip(
            by_budget.items(), forced_figures, figures[size:], strict=True
        )
    )
    thought = overthinking(traces) if one_trace else Overthinking(None, None, None)
    return _summed_up(points, draws[:, :size], len(whole.means), thought, level)


def _point(
    budget: int | None, answers: Sequence[Answer], forced: ColumnFigures, strict: ColumnFigures | None
) -> CurvePoint:
    completion = _mean_known([answer.completion_tokens for answer in answers])
    return CurvePoint(
        budget=budget,
        questions=forced.questions,
        answers=len(answers),
        accuracy=forced.mean,
        low=forced.low,
        high=forced.high,
        strict=None if strict is None else strict.mean,
        strict_low=None if strict is None else strict.low,
        strict_high=None if strict is None else strict.high,
        mean_reasoning_tokens=_mean_known([answer.reasoning_tokens for answer in answers]),
        mean_completion_tokens=completion,
        forced_share=sum(answer.forced for answer in answers) / len(answers),
        ock_score=None if completion is None else ock_score(forced.mean, completion),
    )


def _mean_known(values: Sequence[int | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _summed_up(
    points: tuple[CurvePoint, ...], draws: Floats, questions: int, thought: Overthinking, level: float
) -> Curve:
    """`draws`: F at each point, one row a draw."""
    budgets = [point.budget for point in points]
    accuracies = [point.accuracy for point in points]
    answers = sum(point.answers for point in points if point.budget)
    under = area(budgets, accuracies, draws, questions=questions, answers=answers, level=level)
    reached = reach(budgets, accuracies, draws, questions=questions, level=level)
    return Curve(
        points=points,
        area=None if under is None else under.mean,
        area_low=None if under is None else under.low,
        area_high=None if under is None else under.high,
        first_budget=None if under is None else under.first,
        last_budget=None if under is None else under.last,
        best=reached.best,
        tokens_to_best=reached.tokens,
        tokens_to_best_low=reached.low,
        tokens_to_best_high=reached.high,
        regret=thought.regret,
        lost_after_correct=thought.lost_after_correct,
        post_answer_share=thought.post_answer_share,
    )
