"""What a category weighs: held to BFCL's own overall score."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalbudget.measures import MEASURES, ScoredRow, weights_of
from tests.measures.test_bfcl import V3, V4, accuracies


def scored(category: str, number: int, score: float, version: str) -> ScoredRow:
    return ScoredRow(
        sample_id=f"{category}_{number}",
        repeat=0,
        category=category,
        score=score,
        target=None,
        extracted=None,
        details={"version": version},
    )


@settings(deadline=None, max_examples=60)
@given(data=st.data(), version=st.sampled_from(["v3", "v4"]))
def test_the_weighted_mean_of_the_categories_that_were_run_is_bfcls_overall(
    data: st.DataObject, version: str
) -> None:
    sizes = V3 if version == "v3" else V4
    run = data.draw(st.sets(st.sampled_from(sorted(sizes)), min_size=1))
    means = {category: mean for category, mean in accuracies(sizes).items() if category in run}
    rows = [
        scored(category, number, score, version)
        for category, mean in means.items()
        for number, score in enumerate((mean, mean, mean))
    ]
    measured = {each.name.removesuffix(" of what was run"): each for each in MEASURES["bfcl"](rows)}
    weights = weights_of("bfcl", f"bfcl_{version}", run)
    if "overall" not in measured:
        assert weights == {}
        return
    assert weights.keys() == run
    assert sum(weights.values()) == pytest.approx(1)
    total = sum(weight * means[category] for category, weight in weights.items())
    assert total == pytest.approx(measured["overall"].value)


def test_the_whole_of_each_version_has_the_published_weights() -> None:
    third = weights_of("bfcl", "bfcl_v3", V3)
    assert third["multi_turn_base"] == pytest.approx(1 / 12)
    assert third["multiple"] == pytest.approx(1 / 15)
    assert third["simple"] == pytest.approx(1 / 45)
    assert third["live_simple"] == pytest.approx(258 / 2251 / 3)
    fourth = weights_of("bfcl", "bfcl_v4", V4)
    assert fourth["multi_turn_base"] == pytest.approx(0.3 / 4)
    assert fourth["web_search_base"] == pytest.approx(0.1)
    assert fourth["irrelevance"] == pytest.approx(0.05)
    assert fourth["live_relevance"] == 0


def test_a_task_file_of_another_name_goes_by_the_names_of_its_categories() -> None:
    assert weights_of("bfcl", "./mine.yaml", {"simple", "multiple"}) == {"simple": 0.5, "multiple": 0.5}
    assert weights_of("bfcl", "./mine.yaml", {"multiple", "live_relevance"}) == {
        "multiple": 1.0,
        "live_relevance": 0.0,
    }


def test_other_scorers_and_categories_that_count_nowhere_have_no_weights() -> None:
    assert weights_of("choice", "gpqa_diamond", {"Physics", "Chemistry"}) == {}
    assert weights_of("bfcl", "bfcl_v4", {"live_relevance"}) == {}
    assert weights_of("bfcl", "bfcl_v4", set()) == {}
