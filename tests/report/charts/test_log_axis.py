"""Round numbers for logarithmic axes."""

from __future__ import annotations

import pytest

from evalbudget.report.charts.log_axis import log_axis, round_numbers


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([90, 5_200], [100, 200, 500, 1_000, 2_000, 5_000]),
        ([1, 1e6], [1, 10, 100, 1e3, 1e4, 1e5, 1e6]),
        ([0.3, 2], [0.5, 1, 2]),
        ([700, 800], []),
        ([None, 0, -3, float("nan"), float("inf")], []),
        ([], []),
    ],
)
def test_ones_twos_and_fives_lie_between_the_ends(values: list[float | None], ticks: list[float]) -> None:
    assert round_numbers(values) == ticks


def test_where_none_lies_between_vega_chooses() -> None:
    assert "values" not in log_axis([700, 800]).to_dict()
    assert log_axis([90, 500]).to_dict()["values"] == [100, 200, 500]
