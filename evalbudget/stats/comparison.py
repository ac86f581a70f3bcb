"""Two models on one task, compared in every respect that the answers to the same questions allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from evalbudget.stats.ratio import TokenRatio

Target: TypeAlias = Literal["benchmark", "questions"]
"""What a difference is said of. benchmark: "this benchmark", these very questions, were they answered without
end; only the answers vary. questions: "questions like these", of which these are a draw."""

DEFAULT_MARGIN = 0.02
"""Of accuracy: by so much a candidate may be lower and still be called no worse, where no margin is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAnswers:
    """One model's scored answers to one question, in the order of the repeats."""

    scores: tuple[float, ...]
    """0 to 1, one for each scored answer; at least one."""
    stratum: str | None = None
    """The sample's category."""
    completion_tokens: tuple[int, ...] = ()
    """Thinking and answer, of the answers whose count is known; so is the next."""
    reasoning_tokens: tuple[int, ...] = ()
    loops: tuple[bool, ...] = ()
    """Whether it is a doom loop, of the answers that were looked at for loops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the answers say of the difference for one target."""

    target: Target
    low: float
    """Ends of the two-sided 95 % interval of the difference (candidate - base), -1 to 1."""
    high: float
    recipe: str
    """How the interval was made."""
    p: float
    """Two-sided: how often models that are alike for this target differ so much. Not corrected."""
    p_exact: bool
    p_no_worse: float
    """One-sided, of "it is lower by the margin or more": at most 0.05 shows that it is no worse."""
    p_equivalent: float
    """Of "it differs by the margin or more" (the larger of two one-sided tests)."""
    detectable: float
    """The smallest difference, 0 to 1, that this design finds with 80 % probability at a two-sided 5 %."""
    more_repeats: int | None
    """So many more answers to each question, of both models, would tell with 80 % probability on which side
    of the margin the candidate lies, were it as far away as it seems now; 0 = it is told already; None = no
    number would, for the questions themselves vary too much, or it seems to lie on the line itself; so it is
    too where any question was answered only once, for then nobody knows (`benchmark` is missing then)."""

    @property
    def no_worse(self) -> bool:
        """Shown to be not lower by the margin (non-inferiority, one-sided 5 %)."""
        return self.p_no_worse <= 0.05

    @property
    def equivalent(self) -> bool:
        """Shown to be within the margin on both sides (two one-sided tests of 5 %)."""
        return self.p_equivalent <= 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """How often an answer of the candidate is right where one of the base is not, or the reverse."""

    lost: float
    """Share of pairs of answers to one question, the base's right and the candidate's not; mean over
    questions. So is the next, reversed."""
    won: float
    noise: float | None
    """Share that flips between two answers of the same model, mean of both models; None where no question was
    answered twice by both."""
    excess: float | None
    """lost + won - noise: flips that reruns of the same model do not explain; None where noise is."""
    excess_low: float | None
    """Ends of its 95 % interval on questions like these; of fewer than a hundred questions it is too sure,
    see `flips`."""
    excess_high: float | None

    @property
    def share(self) -> float:
        """All flips."""
        return self.lost + self.won


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChange:
    """A share of answers of both models, such as that of doom loops, and how it differs."""

    base: float
    """Share of the base's answers, each question weighing the same; so is the next."""
    candidate: float
    difference: float
    low: float
    """Ends of the difference's 95 % interval on questions like these."""
    high: float
    p: float
    """Two-sided, of the sign-flip test."""

    @property
    def ratio(self) -> float | None:
        """candidate ÷ base; None where the base has none."""
        return self.candidate / self.base if self.base else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A candidate beside its base, over the questions that both have answered."""

    questions: int
    """Answered by both."""
    left_out: int
    """Questions that one of them alone has answered."""
    base_answers: int
    """Scored answers of the base to the questions that count; so is the next."""
    candidate_answers: int
    base: float
    """Accuracy, 0 to 1: the mean over questions; with `strata`, the weighted mean of the strata's means."""
    candidate: float
    difference: float
    """candidate - base."""
    margin: float
    """Named beforehand, above 0: of accuracy, as `difference`."""
    judged: Mapping[Target, Judged]
    """Both targets; `benchmark` is missing where any question was answered only once by either, for then the
    noise of an answer is not known."""
    differing: int
    """Questions whose mean scores differ."""
    lost: int
    """Questions that more than half of the base's answers have right, and not so of the candidate's."""
    won: int
    mcnemar_p: float | None
    """Exact, two-sided; None where any question was answered more than once or scored between 0 and 1."""
    flips: Flips | None
    """None where any score lies between 0 and 1."""
    tokens: TokenRatio | None
    """Of completion tokens; None where they are not known. So is the next, of thinking tokens."""
    thinking: TokenRatio | None
    loops: RateChange | None
    """Of doom loops; None where nothing was looked at."""
    unweighted: int = 0
    """Questions that both have answered, but of a category without a weight: in no figure."""
    strata: Mapping[str, float] = field(default_factory=dict)
    """Category → its weight in the accuracies, summing to 1; empty where each question weighs the same."""
    weak: str | None = None
    """Why the interval is wider, or less certain, than 95 % says, in plain words; None = it is not."""
