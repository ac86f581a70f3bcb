"""What fits of each model of a run, by measured and by expected bytes per token."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evalbudget.report.memory_room import GIB, fitting, weights_of
from evalbudget.store.queries import Store
from tests.report.test_memory import MHA, MLA, a_run_with_memory
from tests.store.making import make_server, make_store


@pytest.mark.parametrize(
    ("told", "size"),
    [
        ({"told": "2633856 bytes, 1314848 values"}, 2_633_856),
        ({"told": "glm-bf16"}, None),
        ({"told": None}, None),
        ({"file": "sha256 12 bytes"}, None),
        ("2633856 bytes", None),
    ],
)
def test_the_size_of_weights_is_taken_where_the_server_told_it(told: object, size: int | None) -> None:
    record = replace(make_server(), identity={"weights": told})  # type: ignore[dict-item]
    assert weights_of(record) == size
    assert weights_of(make_server()) is None


def test_each_model_fits_by_what_it_takes_and_by_what_it_should_take(tmp_path: Path) -> None:
    memory = Store(make_store(tmp_path / "s.duckdb", a_run_with_memory())).memory("r1")
    wide = "GLM-4.7-Flash-REAP-NVFP4-before"
    found = {each.model: each for each in fitting(memory, {wide: 13 * GIB, "silent": GIB}, 24 * GIB)}
    assert found[wide].measured is not None
    assert found[wide].expected is not None
    assert found[wide].measured.tokens == 11 * GIB // MHA
    assert found[wide].expected.tokens == 11 * GIB // MLA
    assert found["silent"].measured is None
    assert found["silent"].expected is not None
    assert found["flash-bf16-kv"].expected is None
