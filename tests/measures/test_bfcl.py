"""BFCL's overall score, with the weights of each version."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.measures import MEASURES, Measure, ScoredRow

SINGLE_V3 = {"simple": 400, "java": 100, "javascript": 50}
SINGLE_V4 = {"simple_python": 400, "simple_java": 100, "simple_javascript": 50}
COMMON = {"multiple": 200, "parallel": 200, "parallel_multiple": 200, "irrelevance": 240} | {
    "live_simple": 258,
    "live_multiple": 1053,
    "live_parallel": 16,
    "live_parallel_multiple": 24,
}
TURNS = {f"multi_turn_{each}": 200 for each in ("base", "miss_func", "miss_param", "long_context")}
AGENTIC = {"memory_kv": 155, "memory_vector": 155, "memory_rec_sum": 155} | {
    "web_search_base": 100,
    "web_search_no_snippet": 100,
}
V3 = SINGLE_V3 | COMMON | {"live_irrelevance": 882, "live_relevance": 18} | TURNS
V4 = SINGLE_V4 | COMMON | {"live_irrelevance": 884, "live_relevance": 16} | TURNS | AGENTIC


def rows(accuracies: dict[str, float], sizes: dict[str, int], **details: object) -> list[ScoredRow]:
    """The first so many rows of each category are right."""
    return [
        ScoredRow(
            sample_id=f"{category}_{number}",
            repeat=0,
            category=category,
            score=float(number < round(accuracy * sizes[category])),
            target=None,
            extracted=None,
            details=details,  # type: ignore[arg-type]
        )
        for category, accuracy in accuracies.items()
        for number in range(sizes[category])
    ]


def measured(accuracies: dict[str, float], sizes: dict[str, int], **details: object) -> dict[str, Measure]:
    return {each.name: each for each in MEASURES["bfcl"](rows(accuracies, sizes, **details))}


def mean(*values: float) -> float:
    return sum(values) / len(values)


def accuracies(sizes: dict[str, int]) -> dict[str, float]:
    """A different accuracy for each category, that its size can have."""
    return {
        category: round(size * (0.2 + 0.02 * n)) / size for n, (category, size) in enumerate(sizes.items())
    }


def test_v3_is_the_mean_of_three_groups_with_irrelevance_and_relevance_in_them() -> None:
    a = accuracies(V3)
    found = measured(a, V3)
    non_live = mean(
        mean(a["simple"], a["java"], a["javascript"]),
        *(a[each] for each in ("multiple", "parallel", "parallel_multiple", "irrelevance")),
    )
    live_sizes = {category: size for category, size in V3.items() if category.startswith("live_")}
    live = sum(a[category] * size for category, size in live_sizes.items()) / sum(live_sizes.values())
    turns = mean(*(a[category] for category in TURNS))
    assert found["non_live"].value == pytest.approx(non_live)
    assert found["live"].value == pytest.approx(live)
    assert found["multi_turn"].value == pytest.approx(turns)
    assert found["overall"].value == pytest.approx(mean(non_live, live, turns))
    assert found["overall"].n == sum(V3.values())
    assert found["irrelevance_all"].value == pytest.approx(mean(a["irrelevance"], a["live_irrelevance"]))
    assert found["live_relevance"].value == pytest.approx(a["live_relevance"])


def test_v4_weighs_five_groups_and_relevance_counts_nowhere() -> None:
    a = accuracies(V4)
    found = measured(a, V4)
    non_live = mean(
        mean(a["simple_python"], a["simple_java"], a["simple_javascript"]),
        *(a[each] for each in ("multiple", "parallel", "parallel_multiple")),
    )
    live_sizes = {each: COMMON[each] for each in COMMON if each.startswith("live_")}
    live = sum(a[category] * size for category, size in live_sizes.items()) / sum(live_sizes.values())
    irrelevance = mean(a["irrelevance"], a["live_irrelevance"])
    turns = mean(*(a[category] for category in TURNS))
    agentic = mean(
        mean(a["web_search_base"], a["web_search_no_snippet"]),
        mean(a["memory_kv"], a["memory_vector"], a["memory_rec_sum"]),
    )
    wanted = 0.1 * non_live + 0.1 * live + 0.1 * irrelevance + 0.3 * turns + 0.4 * agentic
    assert found["overall"].value == pytest.approx(wanted)
    assert found["agentic"].value == pytest.approx(agentic)
    assert measured(a | {"live_relevance": 0.0}, V4)["overall"].value == found["overall"].value


def test_what_was_not_run_is_named_with_its_weight_and_the_score_says_so() -> None:
    sizes = {
        category: size for category, size in V4.items() if category not in AGENTIC or "memory_kv" in category
    }
    found = measured(accuracies(sizes), sizes)
    assert "overall" not in found
    overall = found["overall of what was run"]
    assert "memory_vector" in overall.note and "web_search_base" in overall.note
    assert "33.3 % of the weight" in overall.note
    a = accuracies(sizes)
    rest = 0.1 * sum(float(found[each].value or 0) for each in ("non_live", "live", "irrelevance_all"))
    rest += 0.3 * float(found["multi_turn"].value or 0) + 0.4 * a["memory_kv"]
    assert overall.value == pytest.approx(rest)


def test_one_category_alone_is_no_overall_score() -> None:
    found = measured({"simple": 0.5}, {"simple": 400})
    assert found["simple"].value == found["overall of what was run"].value == 0.5
    assert "multi_turn" not in found
    assert "97.8 % of the weight" in found["overall of what was run"].note


def test_the_version_is_the_rows_own_where_categories_leave_it_open() -> None:
    sizes = {"multiple": 200, "irrelevance": 240}
    a = {"multiple": 1.0, "irrelevance": 0.0}
    assert measured(a, sizes, version="v3")["non_live"].value == 0.5
    assert measured(a, sizes, version="v4")["non_live"].value == 1.0
    assert measured(a, sizes)["non_live"].value == 1.0


@given(st.dictionaries(st.sampled_from(sorted(V4)), st.sampled_from([0.0, 0.5, 1.0]), min_size=1))
def test_every_share_lies_between_the_worst_and_the_best_category(chosen: dict[str, float]) -> None:
    sizes = dict.fromkeys(V4, 2)
    for each in measured(chosen, sizes).values():
        assert each.value is not None
        assert min(chosen.values()) - 1e-9 <= each.value <= max(chosen.values()) + 1e-9
        assert each.note


def test_parallel_questions_that_never_get_two_calls_point_at_the_server() -> None:
    sizes = {"parallel": 6}
    one = measured({"parallel": 0.0}, sizes, mode="fc", calls=1, calls_from="tool_calls")
    assert one["parallel calls"].value == 0.0
    assert "parser" in one["parallel calls"].note
    for details in (
        {"mode": "fc", "calls": 2, "calls_from": "tool_calls"},
        {"mode": "fc", "calls": 0, "calls_from": "tool_calls"},
        {"mode": "prompt", "calls": 1, "calls_from": "prompt"},
    ):
        assert "parallel calls" not in measured({"parallel": 0.0}, sizes, **details)
    assert "parallel calls" not in measured({"parallel": 0.0}, {"parallel": 4}, mode="fc", calls=1)


def test_calls_left_in_the_text_point_at_the_server() -> None:
    found = measured({"multiple": 1.0}, {"multiple": 4}, mode="fc", calls=1, calls_from="text")
    assert found["calls left in the text"].value == 1.0
    assert "calls left in the text" not in measured(
        {"multiple": 1.0}, {"multiple": 4}, mode="fc", calls=1, calls_from="tool_calls"
    )


def test_no_rows_give_no_measures() -> None:
    assert MEASURES["bfcl"]([]) == ()


def test_groups_and_categories_have_an_interval_and_missing_ones_do_not_matter_to_it() -> None:
    found = measured(accuracies(V4), V4, version="v4")
    for name in ("overall", "live", "multi_turn", "memory_kv", "live_relevance"):
        each = found[name]
        assert each.value is not None
        assert each.low is not None
        assert each.high is not None
        assert each.low < each.value < each.high
    assert width_of(found["overall"]) < 0.05
    assert width_of(found["live_relevance"]) > 0.3
    alone = measured({"memory_kv": 0.4}, V4, version="v4")
    assert alone["overall of what was run"].low == alone["memory_kv"].low


def width_of(each: Measure) -> float:
    assert each.low is not None
    assert each.high is not None
    return each.high - each.low
