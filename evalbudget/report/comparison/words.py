"""What a comparison shows, and its sentences: nothing is called shown that was not, no silence a sameness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evalbudget.report.comparison.records import Compared, Pair, Verdict
from evalbudget.report.words import budget, one_line
from evalbudget.stats.comparison import Comparison, Judged, RateChange, Target
from evalbudget.stats.ratio import TokenRatio

TARGETS: Final[dict[Target, str]] = {"benchmark": "this benchmark", "questions": "questions like these"}
"""What a difference is said of, in the words of every report."""
TITLE: Final = "compared"
MEANING: Final = (
    "Compared: the difference of accuracy on the same questions, in brackets its 95 % interval: on this "
    "benchmark, were these very questions answered without end, or on questions like these, of which they "
    "are a draw. p: how often models alike differ so much; Holm's p is corrected for all comparisons shown "
    "together. Shown no worse: not lower by the margin (one-sided, 5 %). Lost: the model named second has "
    "most of its answers to the question right and the first has not; won: the reverse."
)
_FEW: Final = 6
"""Fewer questions that differ never give a p below 0.05 on questions like these, however large it is."""
_SURE: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the sentences are made of."""

    pair: Pair
    task: str
    budget: int | None
    found: Comparison
    target: Target
    p_holm: float
    family_size: int

    @property
    def judged(self) -> Judged:
        """Of the target that the verdict is about."""
        return self.found.judged[self.target]

    @property
    def verdict(self) -> Verdict:
        """What is shown: see `Verdict`."""
        judged = self.judged
        if judged.high < 0 and self.p_holm <= _SURE:
            return _lower(judged, self.found.margin)
        if judged.low > 0 and self.p_holm <= _SURE:
            return "higher"
        if self.found.differing == 0:
            return "identical"
        if judged.no_worse:
            return "within margin" if judged.equivalent else "no worse"
        few = self.target == "questions" and self.found.differing < _FEW
        return "too few questions" if few else "undecided"


def _lower(judged: Judged, margin: float) -> Verdict:
    """Beyond the margin where it is told on which side of it the candidate lies, and not the near one."""
    if judged.high < -margin or (judged.more_repeats == 0 and not judged.no_worse):
        return "lower beyond margin"
    return "lower within margin" if judged.no_worse else "lower"


def sentence(facts: Facts) -> str:
    """Such as: aime25: nvfp4 is 1.4 points lower than bf16 (−3.0 to +0.2) on this benchmark, not shown to be
    within 1 point; 18 more repeats would tell; it thinks 12 % longer and loops 3 times as often."""
    found = facts.found
    habits = " and ".join(each for each in (_thinking(found), _looping(found.loops)) if each)
    parts = [
        f"{place(facts.task, facts.budget)}: {_change(facts)} on {TARGETS[facts.target]}, {shown(facts)}",
        _more(facts),
        f"it {habits}" if habits else "",
    ]
    return "; ".join(part for part in parts if part)


def line(facts: Facts) -> str:
    """Such as: tiny-q4 beside tiny-f16 on sums: 7.1 points lower (−10.2 to −4.1) on this benchmark,
    p = 0.0002, Holm's p = 0.0008, shown lower, by more than 2 points; 24 questions lost, 6 won; tokens 1.02
    times (0.99 to 1.05)."""
    found, judged = facts.found, facts.judged
    holm = "" if facts.family_size == 1 else f", Holm's {chance(facts.p_holm)}"
    size = _size(found.difference)
    change = f"{size} {'lower' if found.difference < 0 else 'higher'}" if size else "equal"
    parts = [
        f"{change} ({ends(judged.low, judged.high)}) on {TARGETS[facts.target]}, {chance(judged.p)}{holm}, "
        f"{shown(facts)}",
        f"{questions(found.lost)} lost, {found.won:,} won",
    ]
    if found.left_out:
        parts.append(f"{questions(found.left_out)} that one alone answered left out")
    if found.tokens is not None:
        parts.append(f"tokens {times(found.tokens)}")
    names = [one_line(side.model, 80) for side in (facts.pair.candidate, facts.pair.base)]
    return f"{' beside '.join(names)} on {place(facts.task, facts.budget)}: {'; '.join(parts)}"


def shown(facts: Facts) -> str:
    """What the margin and the interval say, in a few words."""
    verdict, margin = facts.verdict, points(facts.found.margin)
    if verdict == "higher" and facts.judged.equivalent:
        return f"shown higher, by less than {margin}"
    told = {
        "lower beyond margin": f"shown lower, by more than {margin}",
        "lower within margin": f"shown lower, but by less than {margin}",
        "lower": f"shown lower, not shown whether by more than {margin}",
        "higher": "shown higher",
    }
    return told.get(verdict) or _by_margin(facts, margin)


def _by_margin(facts: Facts, margin: str) -> str:
    judged, differing = facts.judged, facts.found.differing
    if judged.no_worse:
        return f"shown to be {'within' if judged.equivalent else 'no worse by'} {margin}"
    why = ""
    if facts.verdict == "too few questions":
        differ = "1 question differs" if differing == 1 else f"{differing} questions differ"
        why = f"too few to tell, only {differ}: "
    elif judged.high < 0 or judged.low > 0:
        several = facts.family_size > 1
        by = f"once corrected for {facts.family_size} comparisons" if several else "by its p"
        why = f"not shown {'lower' if judged.high < 0 else 'higher'} {by}: "
    return f"{why}not shown to be within {margin}"


def _change(facts: Facts) -> str:
    found, judged = facts.found, facts.judged
    ours, theirs = facts.pair.base.name, facts.pair.candidate.name
    within = f"({ends(judged.low, judged.high)})"
    size = _size(found.difference)
    if found.differing == 0:
        return f"{theirs} scores as {ours} on every question {within}"
    if not size:
        return f"{theirs} comes to the accuracy of {ours} {within}"
    return f"{theirs} is {size} {'lower' if found.difference < 0 else 'higher'} than {ours} {within}"


def _size(difference: float) -> str:
    """Of a difference, in points; empty where it is none to the tenth of a thousandth."""
    return "" if abs(difference) < 0.00005 else points(abs(difference))


def _more(facts: Facts) -> str:
    """How many more answers would tell; nothing where it is told."""
    more = facts.judged.more_repeats
    if more == 0 or facts.judged.no_worse or facts.verdict in ("lower beyond margin", "higher"):
        return ""
    if more:
        return f"{more:,} more {'repeat' if more == 1 else 'repeats'} would tell"
    if "benchmark" not in facts.found.judged:
        return "several answers to each question would say more"
    if facts.target == "questions":
        return "no number of repeats would tell, more questions would"
    return "it seems to lie at the margin itself, where no number of repeats tells"


def _thinking(found: Comparison) -> str:
    """How much longer it thinks, or answers where thinking was not counted; only where that is shown."""
    ratio, verb = (found.thinking, "thinks") if found.thinking is not None else (found.tokens, "answers")
    if ratio is None or ratio.low is None or ratio.high is None or ratio.low <= 1 <= ratio.high:
        return ""
    if ratio.ratio >= 2:
        return f"{verb} {many(ratio.ratio)} times as long"
    share = f"{100 * abs(ratio.ratio - 1):.0f}"
    return "" if share == "0" else f"{verb} {share} % {'longer' if ratio.ratio > 1 else 'shorter'}"


def _looping(loops: RateChange | None) -> str:
    """How much more often it loops; only where that is shown."""
    if loops is None or loops.p > _SURE or loops.low <= 0 <= loops.high:
        return ""
    ratio = loops.ratio
    if ratio is None:
        return f"loops in {percent(loops.candidate)} of answers, the base in none"
    if ratio == 0:
        return f"loops in none of its answers, the base in {percent(loops.base)}"
    if ratio < 1:
        return f"loops {100 * (1 - ratio):.0f} % less often"
    return f"loops {many(ratio)} times as often"


def over_all(compared: Sequence[Compared], margin: float) -> str:
    """One sentence over several comparisons, such as: 3 tasks: 1 shown lower (ifeval), 1 shown no worse by 2
    points (gpqa_diamond), 1 undecided (aime25)."""
    if not compared:
        return ""
    pairs = list(dict.fromkeys(each.pair.title for each in compared))
    if len(compared) == 1:
        return compared[0].sentence
    groups: dict[str, list[str]] = {}
    for each in compared:
        where = place(each.task, each.budget)
        named = where if len(pairs) == 1 else f"{one_line(each.pair.candidate.name, 60)} on {where}"
        groups.setdefault(_group(each, margin), []).append(named)
    told = [
        f"{word} on {len(groups[word])} ({_listed(groups[word])})"
        for word in _groups(margin)
        if word in groups
    ]
    whose = pairs[0] if len(pairs) == 1 else f"{len(pairs)} pairs"
    tasks = len({each.task for each in compared})
    of = f"{len(compared)} tasks" if len(pairs) == 1 else f"{_counted(tasks, 'task')}, {len(compared)} in all"
    return f"{whose} on {of}: {', '.join(told)}"


def _groups(margin: float) -> tuple[str, ...]:
    size = points(margin)
    return (
        f"shown lower by more than {size}",
        "shown lower",
        "shown higher",
        f"shown to be within {size}",
        f"shown to be no worse by {size}",
        f"not shown to be within {size}",
    )


def _group(each: Compared, margin: float) -> str:
    beyond, lower, higher, within, no_worse, undecided = _groups(margin)
    if each.verdict == "lower beyond margin":
        return beyond
    if each.verdict.startswith("lower"):
        return lower
    if each.verdict == "higher":
        return higher
    return within if each.judged.equivalent else no_worse if each.no_worse else undecided


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:8]) + (f" and {len(words) - 8} more" if len(words) > 8 else "")


def place(task: str, at: int | None) -> str:
    """A task with its budget, of one line."""
    return one_line(task, 80) + ("" if at is None else f" at budget {budget(at)}")


def points(share: float) -> str:
    """A size of accuracy without sign, such as 1.4 points, 2 points, 1 point."""
    number = f"{100 * share:.1f}".removesuffix(".0")
    if number == "0" and share >= 0.00005:
        number = f"{100 * share:.2g}"
    return f"{number} point{'' if number == '1' else 's'}"


def ends(low: float, high: float) -> str:
    """An interval of a difference in points, such as −10.2 to −4.1."""
    return f"{signed(low)} to {signed(high)}"


def signed(share: float) -> str:
    """Points with their sign, such as −10.2, +4.1 or 0.0."""
    text = f"{abs(100 * share):.1f}"
    return text if text == "0.0" else f"{'−' if share < 0 else '+'}{text}"


def percent(share: float) -> str:
    """A share, such as 3.4 %."""
    return f"{100 * share:.1f} %"


def many(ratio: float) -> str:
    """A ratio from 1 up, such as 3, 2.4 or 17."""
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}".removesuffix(".0")


def times(found: TokenRatio) -> str:
    """A ratio with its interval, such as 1.02 times (0.99 to 1.05)."""
    within = "" if found.low is None or found.high is None else f" ({found.low:.2f} to {found.high:.2f})"
    return f"{found.ratio:.2f} times{within}"


def chance(p: float) -> str:
    """A p in words, such as p = 0.012."""
    if p < 0.0001:
        return "p < 0.0001"
    return f"p = {p:.4f}" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def questions(number: int) -> str:
    """Such as 1 question, 1,200 questions."""
    return _counted(number, "question")


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
