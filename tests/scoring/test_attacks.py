"""Texts made to slow a scorer down are judged all the same, in another process that can be ended."""

from __future__ import annotations

import subprocess
import sys

import pytest

from evalbudget.errors import InputError
from evalbudget.scoring import SCORERS, check_ready

PATTERNS = [
    r"\boxed{",
    "}",
    "{",
    r"\boxed{1}",
    "\\",
    "boxed",
    r"\text{",
    "answer",
    "the answer is ",
    "answer:\n",
    "answer: (",
    "answer ****",
    "answer\n\n",
    "answer: 1, or ",
    "答案：",
    "<answer>",
    "| answer |",
    "not 1 but ",
    "1",
    "1,",
    "0",
    "1 ",
    "1 m/s",
    ",000",
    " ",
    "\n",
    "=",
    "$",
    "-",
    ". ",
    r"\frac{1}{",
    r"\mathrm{\mathrm{",
    "A ",
    "(A",
    "10^",
    "⁻¹",
    "one hundred ",
    "\u2028",
    "```json\n",
    '{"a":',
    '\\"',
    "[",
    "[f(a=",
    "<tool_call>",
]

LONG = [
    "{",
    "}",
    r"\boxed{1",
    "the answer is 1, ",
    "answer\n",
    "a" * 9 + " ",
    '"\\',
    '[{"a":',
    "```\n",
    "f(a=",
]
"""A megabyte of each."""

FUNCTION = {
    "name": "f",
    "description": "",
    "parameters": {"type": "dict", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
}
KNOWN = {
    "bfcl": {"version": "v4", "mode": "prompt", "functions": [FUNCTION], "ground_truth": [{"f": {"a": [1]}}]},
    "ifeval": {
        "instruction_id_list": ["punctuation:no_comma", "keywords:existence"],
        "kwargs": [{}, {"keywords": ["x"]}],
    },
}
"""`Sample.extra` for the scorers that need it."""
OPTIONS = {
    "regex": {"pattern": r"(?:(\d+)\s*)+x|answer is (.*)"},
    "json_schema": {"schema": {"type": "object"}},
    "math_verify": {"time_limit_s": 0.3},
}
IN_WORKERS = {"math_verify", "ifeval"}
"""Each text may take these as long as their limit; a few will do."""
ELSEWHERE = {"lm_eval"}
"""Runs the authors' code on every text in a worker with a limit, as tests/scoring/test_lm_eval.py shows."""

PROGRAM = """
import sys
from tests.scoring.test_attacks import IN_WORKERS, KNOWN, LONG, OPTIONS, PATTERNS
from evalbudget.errors import TimeLimitError
from evalbudget.records import Reply, Sample
from evalbudget.scoring import SCORERS

def judge(name, answer, thinking):
    sample = Sample(id="1", prompt="", target="4", category="simple", extra=KNOWN.get(name, {}))
    try:
        score = SCORERS[name](sample, Reply(reasoning=thinking, answer=answer), **OPTIONS.get(name, {}))
    except TimeLimitError:
        assert name in IN_WORKERS
        return
    assert 0.0 <= score.value <= 1.0

if __name__ == "__main__":
    name, every = sys.argv[1], 20 if sys.argv[1] in IN_WORKERS else 1
    for turn, pattern in enumerate(PATTERNS[::every]):
        text = pattern * (100_000 // len(pattern))
        box = "\\\\boxed{"
        forms = ("answer is " + text, box + text + "}", text)
        judge(name, forms[turn % 3], text)
        judge(name, box + text[:180] + "}", "")
    for pattern in LONG[::every]:
        text = pattern * (1_000_000 // len(pattern))
        judge(name, text, text)
    print("done")
"""


@pytest.mark.parametrize("name", sorted(set(SCORERS) - ELSEWHERE))
def test_a_megabyte_of_anything_is_judged(name: str) -> None:
    """Four minutes for some 15 megabytes: what grows with the square of the length takes hours."""
    try:
        check_ready(name)
    except InputError as error:
        pytest.skip(str(error))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, name], capture_output=True, text=True, timeout=240, check=False
    )
    assert (done.stdout, done.stderr) == ("done\n", "")
