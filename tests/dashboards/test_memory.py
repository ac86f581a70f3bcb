"""The page Memory over real stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from streamlit.testing.v1 import AppTest

from tests.report.test_memory import MHA, MLA, a_run_with_memory
from tests.store.making import make_attempt, make_run, make_server, make_store

Page = Callable[[str], AppTest]
EVIL = "**b** <script>alert(1)</script> ![i](http://x)"
GIB = 2**30
WIDE = "GLM-4.7-Flash-REAP-NVFP4-before"


def test_the_memory_of_the_servers_is_charts_and_a_table_with_what_differs(page: Page, db: Path) -> None:
    make_store(db, a_run_with_memory())
    shown = page("memory").run()
    assert not shown.exception
    assert len(shown.get("vega_lite_chart")) == 3
    table = shown.dataframe[0].value
    assert list(table["model"]) == ["flash-bf16-kv", WIDE, "tiny-q8_0", "silent"]
    assert list(table["measured by expected"]) == ["agrees", "17.8 ×", "agrees", "-"]
    told = [each.value for each in shown.text]
    assert any("loaded as full attention" in line for line in told)
    assert any("include recomputation" in line for line in told)
    cells = shown.dataframe[1].value
    assert set(cells["task"]) == {"aime25"}
    assert list(cells[cells["model"] == "flash-bf16-kv"]["kv_peak_bytes"]) == [4400 * MLA]


def test_what_fits_follows_the_gpu_and_the_weights_of_the_address(page: Page, db: Path) -> None:
    make_store(db, a_run_with_memory())
    shown = page("memory")
    shown.query_params["gpu"] = "48"
    shown.query_params["weights_1"] = "13"
    shown.run()
    assert not shown.exception
    fits = shown.dataframe[2].value.set_index("model")
    assert fits.loc[WIDE, "tokens, measured"] == 35 * GIB // MHA
    assert fits.loc[WIDE, "tokens, expected"] == 35 * GIB // MLA
    assert fits.loc[WIDE, "8k, measured"] == 35 * GIB // (MHA * 8192)
    assert fits.loc["flash-bf16-kv", "weights"] == "-"
    assert len(shown.get("vega_lite_chart")) == 4


def test_a_run_without_servers_says_which_keys_make_them_known(page: Page, db: Path) -> None:
    make_store(db, [make_run(), make_attempt()])
    shown = page("memory").run()
    assert not shown.exception
    assert "log: " in shown.code[0].value


def test_a_server_that_told_nothing_leaves_no_chart_and_what_would_tell(page: Page, db: Path) -> None:
    make_store(db, [make_run(), make_server(), make_attempt()])
    shown = page("memory").run()
    assert not shown.exception
    assert not shown.get("vega_lite_chart")
    assert any("give its server's log" in each.value for each in shown.text)
    assert len(shown.info) == 3


def test_a_server_that_would_like_to_be_markup_stays_text(page: Page, db: Path) -> None:
    server = replace(make_server(model=EVIL), kv_dtype=EVIL, kv_verdict="differs", kv_advice=EVIL)
    make_store(db, [make_run(), replace(server, kv_bytes_per_token=5.0, kv_ratio=2.0)])
    shown = page("memory").run()
    assert not shown.exception
    assert any(EVIL in each.value for each in shown.text)
    assert all("<script" not in each.value for each in (*shown.markdown, *shown.caption, *shown.subheader))
    assert all("<script" not in each.label for each in shown.number_input)
