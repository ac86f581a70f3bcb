"""A model whose answer depends on how far it thought, on a real vLLM. Opt-in: `make test-vllm`."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedded.thoughts import THOUGHTS, answer_of, truth
from tests.command import evalbudget
from tests.engines.thinking_suite import (
    MAX_TOKENS,
    Row,
    curve_of,
    rows_of,
    tokens_of_one_trace,
    tokens_of_separate_runs,
    write_suite,
)
from tests.engines.vllm_server import PYTHON, THINKER, Servers

if not PYTHON:
    pytest.skip("EVALBUDGET_VLLM names no Python with vLLM (make test-vllm)", allow_module_level=True)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

BUDGETS = (0, 16, 32, 64, 128, 256, 512, 1024)
ASKED = [THOUGHTS[number] for number in (*range(1, 14), 24, 25, 26, 28)]
"""Up to 900 tokens long, and one without an end."""
MODES = ("trace", "force", "server")


@pytest.fixture(scope="module")
def curves(vllms: Servers, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each mode → the folder in which its suite was run."""
    url, folder = vllms.of(THINKER).url, tmp_path_factory.mktemp("curves")
    for mode in MODES:
        budgets = (*BUDGETS, "unlimited")
        suite = write_suite(folder / mode, url, mode=mode, budgets=budgets, thoughts=ASKED)
        done = evalbudget(folder / mode, "run", str(suite), enough_s=900)
        assert done.returncode == 0, done.stderr
    return {mode: folder / mode for mode in MODES}


def right(row: Row, mode: str) -> tuple[str | None, int, int]:
    """The answer, and the tokens of thinking and answer, that a row must have."""
    said = truth(row.thought, row.budget, MAX_TOKENS)
    answer = said.answer
    if (
        mode == "server" and row.budget
    ):  # which closes with the marker alone, so that the answer begins its line
        answer = answer_of(said.digit)
    return None if said.digit is None else str(said.digit), said.reasoning, len(answer)


@pytest.mark.parametrize("mode", MODES)
def test_every_row_is_the_truth_of_its_budget(curves: dict[str, Path], mode: str) -> None:
    rows = rows_of(curves[mode])
    assert len(rows) == len(ASKED) * (len(BUDGETS) + 1)
    for row in rows:
        assert (row.extracted, row.reasoning, row.answer) == right(row, mode), row
        assert row.source == "token_ids"
        assert row.honoured is (None if row.budget is None else True)
        if row.force is not None:
            assert (row.force["kept"], row.force["by"]) == (row.budget, "token_ids")


def test_one_trace_gives_the_curve_of_separate_runs_for_little_more(curves: dict[str, Path]) -> None:
    trace, force, server = (curve_of(curves[mode]) for mode in MODES)
    assert trace == force
    assert [point.forced for point in server] == [point.forced for point in trace]
    rows = rows_of(curves["trace"])
    one = sum(row.completion or 0 for row in rows if row.budget is None)
    assert tokens_of_one_trace(rows) <= 1.25 * one
    assert tokens_of_separate_runs(rows_of(curves["force"])) >= 2 * one
