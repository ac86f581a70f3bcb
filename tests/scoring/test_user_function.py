"""Scorers that users write: what they may give, what is refused before anything is sent, what fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalbudget.errors import InputError, ScorerError, TimeLimitError
from evalbudget.records import Reply, Sample, Score
from evalbudget.tasks import Task, read_task

JUDGE = '''\
"""A judge."""
import beside
from evalbudget.records import Score

def share(sample, reply, *, threshold=0.5, strict=False):
    return 1.0 if threshold < 0.4 and strict else 0.25

def right(sample, reply):
    return beside.same(reply.answer, sample.target)

def pair(sample, reply):
    return True, reply.answer.upper()

def full(sample, reply):
    return Score(value=1.0, extracted=None, details={"thinking": len(reply.reasoning)})

class Judge:
    def __call__(self, sample, reply):
        return beside.same("a", "a")

judge = Judge()
number = 5

def divides(sample, reply):
    return beside.divide(reply.answer)

def waits(sample, reply):
    while True:
        try:
            pass
        except BaseException:
            pass

def leaves(sample, reply):
    raise SystemExit(3)

def nothing(sample, reply):
    pass

def too_much(sample, reply):
    return 1.5

def no_number(sample, reply):
    return float("nan")

def no_json(sample, reply):
    return Score(value=1.0, extracted="x", details={"a": {1}})

def no_text(sample, reply):
    return 1.0, 5

async def later(sample, reply):
    return True

def three(sample, reply, more):
    return True
'''
BESIDE = "def same(a, b):\n    return a == b\n\ndef divide(text):\n    return 1 / 0\n"
SAMPLE = Sample(id="1", prompt="", target="a")
REPLY = Reply(reasoning="abc", answer="a\n b")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "judge.py").write_text(JUDGE, encoding="utf-8")
    (tmp_path / "beside.py").write_text(BESIDE, encoding="utf-8")
    return tmp_path


def task(folder: Path, scorer: str) -> Task:
    path = folder / "task.yaml"
    path.write_text(
        f'name: mine\ntitle: Mine\ndata: {{file: d.jsonl}}\nprompt: "{{question}}"\nscorer: {scorer}\n',
        encoding="utf-8",
    )
    return read_task(path)


@pytest.mark.parametrize(
    ("scorer", "score"),
    [
        ("judge.py:share", Score(value=0.25, extracted="a b")),
        ("{name: 'judge.py:share', threshold: 0.1, strict: true}", Score(value=1.0, extracted="a b")),
        ("judge.py:right", Score(value=0.0, extracted="a b")),
        ("judge.py:pair", Score(value=1.0, extracted="A\n B")),
        ("judge.py:full", Score(value=1.0, extracted=None, details={"thinking": 3})),
        ("judge.py:judge", Score(value=1.0, extracted="a b")),
    ],
)
def test_what_a_function_may_give(folder: Path, scorer: str, score: Score) -> None:
    assert task(folder, scorer).score(SAMPLE, REPLY) == score


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("divides", "judge.py:25: ZeroDivisionError: division by zero"),
        ("leaves", "judge.py:35: SystemExit: 3"),
        ("nothing", "judge.py: `nothing` gave nothing (None), not True or False, a number from 0 to 1"),
        ("too_much", "judge.py: `too_much` gave 1.5, not a value from 0 to 1"),
        ("no_number", "`no_number` gave nan"),
        ("no_json", "`no_json` gave details that are no JSON"),
        ("no_text", "`no_text` gave a value of the type int as what was extracted"),
    ],
)
def test_what_is_no_verdict_is_a_failure_that_names_the_users_line(
    folder: Path, function: str, says: str
) -> None:
    with pytest.raises(ScorerError) as caught:
        task(folder, f"judge.py:{function}").score(SAMPLE, REPLY)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_never_returns_is_a_failure_and_the_next_reply_is_judged(folder: Path) -> None:
    with pytest.raises(TimeLimitError, match=r"did not end within 0\.5 s"):
        task(folder, "{name: 'judge.py:waits', time_limit_s: 0.5}").score(SAMPLE, REPLY)
    assert task(folder, "judge.py:share").score(SAMPLE, REPLY).value == 0.25


@pytest.mark.parametrize(
    ("scorer", "says"),
    [
        ("judge.py:absent", "task.yaml:5: scorer: judge.py has no function `absent`"),
        ("judge.py:number", "judge.py has no function `number`"),
        ("judge.py:later", "`later` is async"),
        ("judge.py:three", "cannot be called as three(sample, reply): missing a required argument: 'more'"),
        ("{name: 'judge.py:share', treshold: 1}", "unexpected keyword argument 'treshold'"),
        ("{name: 'judge.py:share', time_limit_s: 0}", "`time_limit_s` must be a number above 0"),
        ("nowhere.py:score", "no file "),
        ("broken.py:score", "broken.py:2: SyntaxError: "),
        ("imports.py:score", "imports.py:1: ModuleNotFoundError: No module named 'not_there_at_all'"),
        ("quits.py:score", "quits.py:2: SystemExit: 4"),
        ("judge.py", "a function of your own is named `file.py:function`"),
    ],
)
def test_what_cannot_be_called_stops_before_anything_is_sent(folder: Path, scorer: str, says: str) -> None:
    (folder / "broken.py").write_text("x = 1\ndef score(sample, reply:\n", encoding="utf-8")
    (folder / "imports.py").write_text("import not_there_at_all\n", encoding="utf-8")
    (folder / "quits.py").write_text("import sys\nsys.exit(4)\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        task(folder, scorer)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_changed_file_is_read_again(folder: Path) -> None:
    (folder / "changing.py").write_text("def score(sample, reply):\n    return 0\n", encoding="utf-8")
    assert task(folder, "changing.py:score").score(SAMPLE, REPLY).value == 0.0
    (folder / "changing.py").write_text("def score(sample, reply):\n    return 1.0\n", encoding="utf-8")
    assert task(folder, "changing.py:score").score(SAMPLE, REPLY).value == 1.0
