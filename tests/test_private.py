"""Attacks on private tasks: whatever a server, a scorer or broken data do, their texts are shown nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.datasets import load_samples
from evalbudget.errors import DataError
from evalbudget.privacy import DETAILS, LEFT_OUT, PRIVATE_WORDS, is_private, public_details, quotes, unquoting
from evalbudget.records import Failure, FailureKind, Message, Reply
from evalbudget.report.figures import gather
from evalbudget.report.json_text import json_text
from evalbudget.report.markdown import markdown
from evalbudget.runner.attempts import score_or_failure
from evalbudget.store.export import FORMATS, export_tables
from evalbudget.store.queries import Store
from evalbudget.tasks import known_tasks, load_task, read_task
from tests.command import evalbudget
from tests.dashboards.drawing import PAGES, at_home, drawing
from tests.fakes import make_failure, make_job, make_reply, open_job
from tests.loopback import answer, event, serving

CANARY = "kanarienvogel"
QUESTION = f'Which "{CANARY}frage"\nis asked, number'
ROWS = [
    {"id": f"q{number}", "q": f"{QUESTION} {number}?"}
    | {name: f"{CANARY}option {name}" for name in ("right", "wrong", "worse")}
    for number in range(6)
]
TASK = f"""\
name: secret
title: A private task
data: {{file: secret.jsonl}}
columns: {{id: id, question: q, choices: [right, wrong, worse]}}
system: "Answer {CANARY}systematisch."
prompt: |-
  {{question}} Think of the {CANARY}vorlage.

  {{choices}}
scorer: choice
private: true
"""


def write(folder: Path, base_url: str, *, task: str = TASK) -> Path:
    """A suite of a private task and, after it, an open one."""
    (folder / "secret.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    (folder / "secret.yaml").write_text(task, encoding="utf-8")
    (folder / "open.jsonl").write_text('{"question": "2 + 2 = ?", "target": "4"}\n' * 1, encoding="utf-8")
    (folder / "open.yaml").write_text(
        "name: open\ntitle: o\ndata: {file: open.jsonl}\nprompt: '{question}'\nscorer: integer\n",
        encoding="utf-8",
    )
    models = [{"name": "m", "base_url": base_url, "concurrency": 1}]
    suite = {"name": "attack", "models": models, "tasks": ["secret.yaml", "open.yaml"]}
    (folder / "suite.yaml").write_text(json.dumps(suite), encoding="utf-8")
    return folder / "suite.yaml"


def shown(done: CompletedProcess[str]) -> str:
    """All that a command printed, without the canary."""
    said = done.stdout + done.stderr
    assert CANARY not in said
    assert "Traceback" not in said
    return said


def assert_hidden(folder: Path) -> None:
    """No report, export or page holds the canary, nor any other file but the store and the journal."""
    db = folder / "results" / "evalbudget.duckdb"
    figures = gather(db, None)
    for text in (markdown(figures), json_text(figures)):
        assert "secret" in text
        assert CANARY not in text
    for form in FORMATS:
        export_tables(db, None, form, folder / "tables")
    page(db)
    inputs = {"secret.jsonl", "secret.yaml"}
    holding = set()
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in inputs and CANARY.encode() in path.read_bytes():
            holding.add(path.name)
    assert holding == {"evalbudget.duckdb", "journal.jsonl"}


def page(db: Path) -> None:
    """No page of the dashboard over this store shows the canary, nor finds it."""
    for name, search in [*((name, "") for name in PAGES), ("answers", CANARY[:-2])]:
        with pytest.MonkeyPatch.context() as patch:
            at_home(patch, db)
            app = drawing(name)
            app.query_params["answer_text"] = search
            app.run()
        assert not app.exception, name
        drawn = [frame.value.to_csv() for frame in app.dataframe]
        drawn += [str(each) for each in (*app.main, *app.sidebar)]
        assert len(drawn) > 2
        assert not any(CANARY in text for text in drawn), name


def question_of(body: dict[str, object]) -> str:
    messages = body["messages"]
    assert isinstance(messages, list)
    return str(messages[-1]["content"])


async def spiteful(request: web.Request, body: dict[str, object]) -> web.StreamResponse:
    """Quotes the question in every way that a server has."""
    asked = question_of(body)
    if "number 0" in asked:
        return await answer(request, f"{asked}\nAnswer: A")
    if "number 1" in asked:
        return web.json_response({"error": {"message": f"cannot digest {asked!r}"}}, status=400)
    if "number 2" in asked:
        return web.json_response({"detail": [{"loc": ["body"], "msg": asked.upper()}]}, status=422)
    if "number 3" in asked:
        return web.json_response({"error": f"maximum context length: {asked[:40]}"}, status=400)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    if "number 4" in asked:
        await response.write(event({"content": asked}))
        error = {"error": {"message": f"never again {json.dumps(asked)}", "code": 400}}
        await response.write(b"data: " + json.dumps(error).encode() + b"\n\n")
    elif "number 5" in asked:
        await response.write(
            event({"reasoning_content": asked}) + event({"content": asked}, "content_filter")
        )
    else:
        await response.write(event({"content": "4"}, "stop") + b"data: [DONE]\n\n")
    return response


def test_a_server_that_quotes_every_question_gets_none_of_them_shown(tmp_path: Path) -> None:
    with serving(spiteful) as server:
        done = evalbudget(tmp_path, "run", str(write(tmp_path, server.base_url)))
    assert done.returncode == 1, done.stderr
    assert LEFT_OUT in shown(done)
    assert "HTTP 400 from http://127.0.0.1" in done.stderr
    store = Store(tmp_path / "results" / "evalbudget.duckdb")
    groups = store.failures(store.run().run_id)
    assert sum(group.attempts for group in groups) == 5
    assert [group.example for group in groups] == [""] * len(groups)
    assert store.run().options["private_tasks"] == ["secret"]
    assert_hidden(tmp_path)
    for command in ("report", "tasks secret.yaml", "plan suite.yaml"):
        assert "secret" in shown(evalbudget(tmp_path, *command.split()))
    for words, holds in (([], False), (["--include-private"], True)):
        shown(evalbudget(tmp_path, "export", "--format", "csv", "--out", "out", *words))
        assert (CANARY in (tmp_path / "out" / "attempts.csv").read_text(encoding="utf-8")) is holds
        again = evalbudget(tmp_path, "score", "secret.yaml", "out/attempts.csv")
        assert ("export --include-private" in shown(again), again.returncode) == (
            not holds,
            0 if holds else 2,
        )


def test_a_lane_that_gives_up_over_a_private_job_quotes_it_in_no_other_tasks_row(tmp_path: Path) -> None:
    async def refuse(_request: web.Request, body: dict[str, object]) -> web.StreamResponse:
        return web.json_response({"error": {"message": f"not for you: {question_of(body)}"}}, status=401)

    with serving(refuse) as server:
        done = evalbudget(tmp_path, "run", str(write(tmp_path, server.base_url)))
    assert done.returncode == 1
    assert "HTTP 401" in shown(done)
    store = Store(tmp_path / "results" / "evalbudget.duckdb")
    (group,) = store.failures(store.run().run_id)
    assert group.tasks == ("open", "secret")
    assert group.example.endswith(LEFT_OUT)
    assert_hidden(tmp_path)


def test_recorded_replies_are_scored_without_quoting_them(tmp_path: Path) -> None:
    write(tmp_path, "http://127.0.0.1:9/v1")
    lines = [
        {"id": "q0", "answer": f"Answer: {CANARY}option right", "repeat": 0},
        {"id": "q1", "answer": rf"{CANARY} \boxed{{{CANARY}}}", "reasoning": CANARY, "finish_reason": "stop"},
        {"id": "q2", "answer": f"Answer: A or B, {CANARY}", "target": "C"},
    ]
    (tmp_path / "replies.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8"
    )
    done = evalbudget(tmp_path, "score", "secret.yaml", "replies.jsonl", "--out", "verdicts.jsonl")
    assert "3 replies: 1 correct, 2 wrong" in shown(done) or "2 wrong, 1 correct" in shown(done)
    verdicts = (tmp_path / "verdicts.jsonl").read_text(encoding="utf-8")
    assert CANARY not in verdicts
    found = [json.loads(line) for line in verdicts.splitlines()]
    assert [each["extracted"] for each in found[1:]] == [None, None]
    assert found[0]["details"]["form"] == "text"
    shown(evalbudget(tmp_path, "score", "secret.yaml", "replies.jsonl"))


SCORER = """
from evalbudget.records import Score

def judge(sample, reply):
    if sample.id == "q0":
        raise ValueError(reply.answer)
    said = reply.answer
    return Score(value=0.5, extracted=said, details={said: 1, "form": said, "option_order": said})
"""


def test_a_scorer_of_the_users_own_that_quotes_in_details_and_errors_is_kept_quiet(tmp_path: Path) -> None:
    async def reply(request: web.Request, body: dict[str, object]) -> web.StreamResponse:
        return await answer(request, f"Answer: {question_of(body)}")

    (tmp_path / "mine.py").write_text(SCORER, encoding="utf-8")
    with serving(reply) as server:
        suite = write(tmp_path, server.base_url, task=TASK.replace("scorer: choice", "scorer: mine.py:judge"))
        done = evalbudget(tmp_path, "run", str(suite))
    assert done.returncode == 1, done.stderr
    assert "the scorer could not judge it" in shown(done)
    assert_hidden(tmp_path)


BROKEN: list[tuple[str, str, str]] = [
    ("no header", f"{CANARY}a,{CANARY}b\n{CANARY}c,{CANARY}d\n", "no column"),
    ("short row", f"id,q,right,wrong,worse\n1,{CANARY}\n", "not as many fields"),
    ("open quote", f'id,q,right,wrong,worse\n1,"{CANARY}\n', "not valid CSV"),
    ("empty cell", f"id,q,right,wrong,worse\n1,{CANARY},,{CANARY},{CANARY}\n", "not an empty text"),
]


@pytest.mark.parametrize(("csv", "says"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_broken_private_data_are_told_without_quoting_them(tmp_path: Path, csv: str, says: str) -> None:
    (tmp_path / "secret.csv").write_text(csv, encoding="utf-8")
    (tmp_path / "secret.yaml").write_text(TASK.replace("secret.jsonl", "secret.csv"), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load_samples(read_task(tmp_path / "secret.yaml"))
    assert says in str(caught.value)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("text", [f'{{"q": "{CANARY}"', f'["{CANARY}"]', f'{{"{CANARY}": 1}}', f"{CANARY}"])
def test_broken_json_of_private_data_is_told_without_quoting_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "secret.jsonl").write_text(text + "\n", encoding="utf-8")
    (tmp_path / "secret.yaml").write_text(TASK, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load_samples(read_task(tmp_path / "secret.yaml"))
    assert CANARY not in str(caught.value)


# ── the parts ──


def test_every_shipped_private_task_is_known_by_its_name_and_so_is_every_road_to_gpqa() -> None:
    private = {name for name in known_tasks() if load_task(name).private}
    assert private == {"gpqa_diamond", "gpqa_main"}
    assert all(is_private(name) for name in (*private, "lm_eval/leaderboard_gpqa_main", "My-GPQA"))
    assert not any(is_private(name) for name in set(known_tasks()) - private)
    assert PRIVATE_WORDS == ("gpqa",)


LONG = st.text(st.characters(categories=["L", "N"]), min_size=16, max_size=60)


@given(LONG, st.text(max_size=40), st.text(max_size=40), st.sampled_from([str, str.upper, repr, json.dumps]))
def test_a_quotation_is_found_wherever_it_stands_and_however_it_is_written(
    text: str, before: str, after: str, written: Callable[[str], str]
) -> None:
    plain = "".join(letter for letter in text if letter.isascii()) or "a"
    if len(plain) >= 16:
        assert quotes(before + written(plain) + after, ["", f"so {plain}!"])


@given(st.text(max_size=200))
def test_a_message_that_shares_nothing_is_left_alone(message: str) -> None:
    assert not quotes(message, [])
    assert not quotes(message, ["", "B", "204"])


def texts_and_messages() -> Iterator[tuple[str, str]]:
    yield "HTTP 400 from http://x/v1: what is {} here", f"HTTP 400 from http://x/v1: {LEFT_OUT}"
    yield (
        "the server sent an error instead of a reply: {}",
        f"the server sent an error instead of a reply: {LEFT_OUT}",
    )
    yield "what is {} here", LEFT_OUT


@pytest.mark.parametrize(("message", "left"), list(texts_and_messages()))
def test_of_a_failure_that_quotes_only_our_own_words_stay(message: str, left: str) -> None:
    text = "the secret question of the day"
    opened = open_job(make_job(1))
    request = replace(opened.request, messages=(Message(role="user", content=f"Now: {text}?"),))
    private = replace(opened, request=request, private=True)
    failure = Failure(kind=FailureKind.REQUEST, message=message.format(text), status=400)
    assert unquoting(failure, private) == replace(failure, message=left)
    assert unquoting(failure, replace(private, private=False)) == failure
    silent = make_failure()
    assert unquoting(silent, private) == silent
    partial = replace(silent, message=message.format("an answer that was cut off"))
    told = replace(partial, partial=make_reply("Well: an answer that was cut off"))
    assert unquoting(told, private).message == left  # type: ignore[union-attr]


def test_a_scorers_exception_over_a_private_reply_says_its_type_and_place_only() -> None:
    def quoting(_sample: object, reply: Reply) -> None:
        raise ValueError(reply.answer)

    opened = replace(open_job(make_job(1)), scorer=quoting)  # type: ignore[arg-type]
    failure = score_or_failure(replace(opened, private=True), make_reply("the whole answer"))
    assert isinstance(failure, Failure)
    assert failure.message.startswith("the scorer raised ValueError (test_private.py:")
    open_failure = score_or_failure(opened, make_reply("the whole answer"))
    assert isinstance(open_failure, Failure)
    assert "the whole answer" in open_failure.message


def test_details_keep_known_keys_with_known_words_only() -> None:
    assert public_details({"form": "boxed", "first_match": "b", "first_match_correct": False}) == {
        "form": "boxed",
        "first_match": "b",
        "first_match_correct": False,
    }
    assert public_details({"form": "a question", "option_order": "ABDC ", "option_position": 27.5}) == {}
    assert public_details({"x": 1, "form": ["boxed"], "seen_in_thinking": None}) == {"seen_in_thinking": None}
    assert public_details(dict.fromkeys(DETAILS)) == dict.fromkeys(DETAILS)
