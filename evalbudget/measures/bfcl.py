"""BFCL's scores: overall, by group and by category, with the weights of its version.

    v3   overall = mean of non_live, live, multi_turn
         non_live = mean of simple_all, multiple, parallel, parallel_multiple, irrelevance
         live = mean over all its questions, irrelevance and relevance included
    v4   overall = 10 % non_live + 10 % live + 10 % irrelevance + 30 % multi_turn + 40 % agentic
         non_live, live as in v3, without irrelevance and relevance
         irrelevance = mean of irrelevance and live_irrelevance; relevance is shown and counts nowhere
         agentic = mean of web_search and memory, each a mean of its categories
    both multi_turn = mean of its four categories; simple_all = mean of its three languages

Source: bfcl_eval, eval_checker/eval_runner_helper.py (generate_leaderboard_csv), 2025.8.6 and 2026.3.23.
What was not run counts as 0 there; here it is left out, the other weights keep their proportions, and the
note says so. Intervals: `stats.weighted_interval` over the categories' questions, for categories that stay.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypedDict

from evalbudget.measures.measure import Measure, ScoredRow
from evalbudget.stats import Stratum, weighted_interval

_SIZES = {
    "live_simple": 258,
    "live_multiple": 1053,
    "live_parallel": 16,
    "live_parallel_multiple": 24,
    "live_irrelevance": 882,
    "live_relevance": 18,
}
"""Questions of each live category, for v3, and the first four for v4: the weights within `live`."""
_FEWEST = 5
"""Parallel questions from which the server's parser can be suspected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """A weighted mean."""

    name: str
    parts: Mapping[_Group | str, float]
    """Groups and categories → their weights, in any unit."""
    meaning: str = ""

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    """What a group, or a category, comes to."""

    value: float | None
    """None where nothing of it was run."""
    rows: int
    missing: Mapping[str, float]
    """Categories that were not run → their share of the group's weight."""


def _evenly(name: str, *parts: _Group | str) -> _Group:
    return _Group(name=name, parts=dict.fromkeys(parts, 1.0), meaning="mean of its parts")


def _by_size(name: str, *categories: str) -> _Group:
    parts: dict[_Group | str, float] = {category: float(_SIZES[category]) for category in categories}
    return _Group(name=name, parts=parts, meaning="over all its questions")


_MULTI_TURN = _evenly(
    "multi_turn",
    *(f"multi_turn_{each}" for each in ("base", "miss_func", "miss_param", "long_context")),
)
_IRRELEVANCE = _evenly("irrelevance_all", "irrelevance", "live_irrelevance")
_AST = ("multiple", "parallel", "parallel_multiple")
_LIVE_AST = ("live_simple", "live_multiple", "live_parallel", "live_parallel_multiple")

_V3 = _evenly(
    "overall",
    _evenly("non_live", _evenly("simple_all", "simple", "java", "javascript"), *_AST, "irrelevance"),
    _by_size("live", *_LIVE_AST, "live_irrelevance", "live_relevance"),
    _MULTI_TURN,
)
_V4 = _Group(
    name="overall",
    parts={
        _evenly(
            "non_live",
            _evenly("simple_all", "simple_python", "simple_java", "simple_javascript"),
            *_AST,
        ): 10,
        _by_size("live", *_LIVE_AST): 10,
        _IRRELEVANCE: 10,
        _MULTI_TURN: 30,
        _evenly(
            "agentic",
            _evenly("web_search", "web_search_base", "web_search_no_snippet"),
            _evenly("memory", "memory_kv", "memory_vector", "memory_rec_sum"),
        ): 40,
    },
    meaning="10 % non_live, 10 % live, 10 % irrelevance_all, 30 % multi_turn, 40 % agentic",
)


def bfcl(rows: Sequence[ScoredRow]) -> tuple[Measure, ...]:
    """overall (`overall of what was run` where categories are missing), groups, categories; and, where
    there is reason to suspect it, `parallel calls` and `calls left in the text`: what the server's tool
    parser does."""
    by_category: dict[str, list[float]] = {}
    questions: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        by_category.setdefault(row.category or "", []).append(row.score)
        questions.setdefault(row.category or "", {}).setdefault(row.sample_id, []).append(row.score)
    means = {name: [fmean(scores) for scores in found.values()] for name, found in questions.items()}
    version = _version(rows)
    tree = _V3 if version == "v3" else _V4
    groups = list(_measures(tree, by_category, means, version))
    shown = _evenly("irrelevance_all", *_IRRELEVANCE.parts)
    if version == "v3" and "live_irrelevance" in by_category and "irrelevance" in by_category:
        groups += _measures(shown, by_category, means, version)
    categories = [
        Measure(
            name=name,
            value=sum(scores) / len(scores),
            n=len(scores),
            note=f"category of BFCL {version}",
            **_within(name, means),
        )
        for name, scores in by_category.items()
    ]
    return (*groups, *categories, *_of_the_server(rows))


def category_weights(categories: Collection[str], version: str | None = None) -> Mapping[str, float]:
    """What each category weighs in `overall`, were these what was run: they sum to 1.

    `version`: v3 or v4; None: as the names say. A category that counts nowhere (v4's live_relevance, or one
    that is not BFCL's) is in it with 0. Empty where none counts.
    """
    tree = _V3 if (version or _version_by_name(categories)) == "v3" else _V4
    run = set(categories)
    found = _weights(tree, run)
    return {category: found.get(category, 0.0) for category in sorted(run)} if found else {}


def _weights(part: _Group | str, run: Collection[str]) -> Mapping[str, float]:
    """Category → its share of the part's value, of what was run; empty where nothing of it was."""
    if isinstance(part, str):
        return {part: 1.0} if part in run else {}
    found = [(_weights(each, run), weight) for each, weight in part.parts.items()]
    covered = sum(weight for within, weight in found if within)
    return {name: share * weight / covered for within, weight in found for name, share in within.items()}


def _version(rows: Sequence[ScoredRow]) -> str:
    """As the rows say; else by the names that only one version has."""
    said = next((row.details["version"] for row in rows if row.details.get("version")), None)
    return str(said) if said is not None else _version_by_name({row.category or "" for row in rows})


def _version_by_name(categories: Collection[str]) -> str:
    return "v3" if {"simple", "java", "javascript"} & set(categories) else "v4"


def _measures(
    group: _Group,
    by_category: Mapping[str, Sequence[float]],
    means: Mapping[str, Sequence[float]],
    version: str,
) -> Iterator[Measure]:
    """The group and those within it, as far as anything of them was run."""
    found = _value(group, by_category)
    if found.value is None:
        return
    name, note = group.name, f"BFCL {version}: {group.meaning}"
    if found.missing:
        share = 100 * sum(found.missing.values())
        note = f"{share:.1f} % of the weight was not run ({', '.join(found.missing)}: officially 0); {note}"
        name = f"{name} of what was run" if name == "overall" else name
    yield Measure(name=name, value=found.value, n=found.rows, note=note, **_within(group, means))
    for part in group.parts:
        if isinstance(part, _Group):
            yield from _measures(part, by_category, means, version)


class _Ends(TypedDict, total=False):
    low: float
    high: float


def _within(part: _Group | str, means: Mapping[str, Sequence[float]]) -> _Ends:
    """The interval of a group or a category, from the mean of each question of what was run of it."""
    weights = _weights(part, means)
    strata = [Stratum(weight=weight, question_means=means[name]) for name, weight in weights.items()]
    found = weighted_interval(strata)
    return {} if found is None else {"low": found.low, "high": found.high}


def _value(part: _Group | str, by_category: Mapping[str, Sequence[float]]) -> _Value:
    if isinstance(part, str):
        scores = by_category.get(part, ())
        if not scores:
            return _Value(value=None, rows=0, missing={part: 1.0})
        return _Value(value=sum(scores) / len(scores), rows=len(scores), missing={})
    whole = sum(part.parts.values())
    values = [(_value(each, by_category), weight / whole) for each, weight in part.parts.items()]
    run = [(each, weight) for each, weight in values if each.value is not None]
    covered = sum(weight for _, weight in run)
    return _Value(
        value=sum(weight * (each.value or 0.0) for each, weight in run) / covered if run else None,
        rows=sum(each.rows for each, _ in values),
        missing={name: weight * share for each, weight in values for name, share in each.missing.items()},
    )


def _of_the_server(rows: Sequence[ScoredRow]) -> Iterator[Measure]:
    """What the server's tool parser does with calls, in function-calling mode."""
    asked = [row for row in rows if row.details.get("mode") == "fc"]
    parallel = [row for row in asked if "parallel" in (row.category or "") and _calls(row) > 0]
    several = _share(parallel, lambda row: _calls(row) > 1)
    if len(parallel) >= _FEWEST and several == 0.0:
        note = "no reply to a parallel question has two calls: likely the server's tool parser, not the model"
        yield Measure(name="parallel calls", value=several, n=len(parallel), note=note)
    left = _share(asked, lambda row: row.details.get("calls_from") == "text")
    if left:
        note = (
            "replies whose calls the server left in the text: its tool parser is missing or another model's"
        )
        yield Measure(name="calls left in the text", value=left, n=len(asked), note=note)


def _calls(row: ScoredRow) -> int:
    calls = row.details.get("calls")
    return calls if isinstance(calls, int) else 0


def _share(rows: Sequence[ScoredRow], holds: Callable[[ScoredRow], bool]) -> float | None:
    return sum(map(holds, rows)) / len(rows) if rows else None
