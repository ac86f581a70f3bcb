"""Recorded replies: what a line may hold, and what is told about a broken one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

import pytest

from evalbudget.errors import InputError
from evalbudget.reasoning.split import split_content
from evalbudget.records import Outcome, Reply, Sample, Score, Step, ToolCall
from evalbudget.scoring import SCORERS
from evalbudget.scoring.recorded import Questions, RecordedVerdict, judged, rows_of, score_recorded
from evalbudget.scoring.recordings import read_recordings

SAMPLES = (Sample(id="1", prompt="", target="4"), Sample(id="2024-I-1", prompt="", target="204"))


def split(text: str) -> tuple[str, str]:
    parts = split_content(text)
    return parts.reasoning, parts.answer


def verdicts(
    text: str, scorer: Callable[[Sample, Reply], Score] = SCORERS["integer"]
) -> list[RecordedVerdict]:
    return list(score_recorded(text, "replies.jsonl", samples=SAMPLES, scorer=scorer, split=split))


def line(**keys: object) -> str:
    return json.dumps(keys) + "\n"


def test_each_line_gets_its_verdict_in_order() -> None:
    text = line(id=1, answer=r"\boxed{4}", model="x") + "\n" + line(id="1", answer=r"\boxed{5}")
    text += line(id="2024-I-1", answer="", reasoning=r"\boxed{204}", finish_reason="length")
    text += line(id="1", answer=None, tool_calls=[])
    found = verdicts(text)
    assert [verdict.outcome for verdict in found] == [
        Outcome.CORRECT,
        Outcome.WRONG,
        Outcome.TRUNCATED,
        Outcome.NO_ANSWER,
    ]
    assert [verdict.id for verdict in found] == ["1", "1", "2024-I-1", "1"]


def test_the_line_that_comes_out_has_the_keys_of_the_contract() -> None:
    written = verdicts(line(id="1", answer="Antwort\u2028: \\boxed{4}"))[0].json_line()
    assert "\n" not in written
    assert list(json.loads(written)) == ["id", "score", "outcome", "extracted", "details"]
    assert json.loads(written)["outcome"] == "correct"


def test_thinking_inside_the_answer_is_taken_out_first() -> None:
    (verdict,) = verdicts(line(id="1", answer=r"<think>\boxed{4}</think>I do not know."))
    assert (verdict.score, verdict.extracted) == (0.0, None)
    assert verdict.details["seen_in_thinking"] == "concluded"


def test_thinking_that_is_given_apart_leaves_the_answer_as_it_is() -> None:
    (verdict,) = verdicts(line(id="1", reasoning="so", answer=r"<think>\boxed{4}"))
    assert verdict.score == 1.0


def test_a_scorer_that_fails_gives_no_score_and_says_why() -> None:
    def fails(sample: Sample, reply: Reply) -> Score:
        raise ZeroDivisionError("in the\nscorer")

    (verdict,) = verdicts(line(id="1", answer="x"), fails)
    assert (verdict.score, verdict.outcome) == (None, None)
    assert json.loads(verdict.json_line())["error"] == "the scorer raised ZeroDivisionError: in the scorer"


@pytest.mark.parametrize("form", ["chat", "bare"])
def test_tool_calls_are_read_in_both_forms(form: str) -> None:
    seen = []

    def keep(sample: Sample, reply: Reply) -> Score:
        seen.extend(reply.tool_calls)
        return Score(value=1.0, extracted="x")

    call = {"name": "f", "arguments": {"a": 1}}
    calls = [{"id": "7", "type": "function", "function": call}] if form == "chat" else [call]
    verdicts(line(id="1", tool_calls=calls), keep)
    assert [(each.name, each.arguments) for each in seen] == [("f", '{"a": 1}')]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "replies.jsonl:1: not valid JSON"),
        ("\n[]", "replies.jsonl:2: a JSON object was expected"),
        (line(answer="x"), "replies.jsonl:1: `id` must be"),
        (
            line(id="2024-I-2", answer="x"),
            'replies.jsonl:1: the task has no sample "2024-I-2", did you mean "2024-I-1"?',
        ),
        (line(id="zzz", answer="x"), 'ids look like "1"'),
        (line(id="1"), "neither `answer` nor `tool_calls`"),
        (line(id="1", answer=4), "`answer` must be a text"),
        (line(id="1", answer="x", tool_calls=[{"a": 1}]), "each of `tool_calls` needs a `name`"),
    ],
)
def test_a_broken_line_is_named(text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        verdicts(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def lm_eval(doc_id: int, *texts: str, **keys: object) -> str:
    doc = {"problem": "p", "key": f"2024-I-{doc_id}"}
    return line(**{"doc_id": doc_id, "doc": doc, "target": "204", "resps": [list(texts)], **keys})


def from_file(text: str, *, id_column: str | None = "key") -> list[RecordedVerdict]:
    recordings = read_recordings(rows_of(text, "replies.jsonl"), "mine", split)
    questions = Questions(SAMPLES, id_column=id_column)
    return list(judged([questions.find(each) for each in recordings], SCORERS["integer"]))


def replies(text: str) -> list[Reply]:
    return [each.reply for each in read_recordings(rows_of(text, "replies.jsonl"), "mine", split)]


def test_samples_of_lm_eval_are_known_by_the_data_and_each_repeat_is_a_reply() -> None:
    text = lm_eval(1, r"\boxed{204}", r"<think>\boxed{204}</think>\boxed{5}", filter="strict")
    found = from_file(text + lm_eval(1, r"\boxed{204}", filter="flexible"))
    assert [(each.id, each.score, each.repeat) for each in found] == [
        ("2024-I-1", 1.0, 0),
        ("2024-I-1", 0.0, 1),
    ]


def test_samples_of_lm_eval_are_known_by_their_number_where_ids_are_numbers() -> None:
    (found,) = from_file(line(doc_id=1, doc={}, target="4", resps=[["4"]]), id_column=None)
    assert (found.id, found.score) == ("1", 1.0)


def test_result_files_of_bfcl_hold_text_calls_or_a_conversation() -> None:
    text = line(id="1", result="[f(a=1)]", reasoning_content="so")
    text += line(id="1", result=[{"f": '{"a": 1}'}, {"g": {}}], reasoning_content="so")
    text += line(id="1", result=[[[{"f": '{"a": 1}'}], "done"], ["bye"]])
    text += line(id="1", result=[])
    plain, calls, turns, nothing = replies(text)
    assert (plain.answer, plain.reasoning) == ("[f(a=1)]", "so")
    assert [(call.name, call.arguments) for call in calls.tool_calls] == [("f", '{"a": 1}'), ("g", "{}")]
    assert (calls.answer, calls.reasoning) == ("", "so")
    assert [(step.turn, step.answer) for step in turns.steps] == [(0, ""), (0, "done"), (1, "bye")]
    assert turns.answer == "bye"
    assert nothing == Reply(reasoning="", answer="")


def test_attempts_of_a_run_are_judged_again_and_those_without_a_reply_stay_failures() -> None:
    reply = {"sample_id": "1", "task": "mine", "status": "ok", "reasoning": "so", "finish_reason": "length"}
    steps = [{"turn": 0, "answer": "x", "tool_calls": [{"name": "f", "arguments": "{}"}], "results": ["r"]}]
    text = line(kind="run", run_id="r") + line(kind="attempt", answer="4", **reply)
    text += line(**{**reply, "task": "other", "answer": "5"})
    text += line(**{**reply, "status": "failed", "error_kind": "timeout", "error": "too late"})
    text += line(**{**reply, "status": "failed", "error_kind": "scorer", "answer": "5"})
    text += line(
        **{**reply, "answer": "4", "repeat": "1", "tool_calls": "[]", "details": json.dumps({"steps": steps})}
    )
    found = from_file(text)
    assert [each.outcome for each in found] == ["correct", None, "truncated", "correct"]
    assert found[1].error == "no reply to judge: too late"
    assert replies(text)[-1].steps == (
        Step(turn=0, answer="x", tool_calls=(ToolCall(name="f", arguments="{}"),), results=("r",)),
    )


def test_a_reply_without_an_id_is_known_by_its_prompt() -> None:
    samples = (Sample(id="a", prompt="Add.", target="4"),)
    text = line(prompt="Add.", response="<think>5</think>4")
    (found,) = score_recorded(text, "r.jsonl", samples=samples, scorer=SCORERS["integer"], split=split)
    assert (found.id, found.score) == ("a", 1.0)
    with pytest.raises(InputError, match=r"r\.jsonl:1: the task has no sample with this `prompt`"):
        score_recorded(
            line(prompt="?", response=""), "r.jsonl", samples=samples, scorer=SCORERS["exact"], split=split
        )


@pytest.mark.parametrize("key", ["response", "completion", "output"])
def test_other_words_for_the_answer_are_understood(key: str) -> None:
    assert verdicts(line(**{"id": "1", key: "4"}))[0].score == 1.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (lm_eval(9, "x"), 'the task has no sample "2024-I-9", did you mean "2024-I-1"?'),
        (lm_eval(1, "x", target="70"), 'sample "2024-I-1" has the target 204, not 70: the file is of'),
        (line(doc_id=1, doc={"q": 1}, resps=[["x"]]), "lm-eval's `doc` has no `key`"),
        (line(doc_id=1, doc={}, resps=[[["-1.5", "True"]]]), "as a generation task logs them"),
        (line(sample_id="1", status="ok"), "an attempt without its `answer`"),
        (line(sample_id="1", status="ok", answer="x", details="{"), "not valid JSON in a cell"),
        (line(id="1", response="4", output="5"), "which is the answer, `response` or `output`?"),
        (line(id="1", result=[["a"], "b"]), "replies.jsonl:1: a conversation is a list of turns"),
    ],
)  # fmt: skip
def test_a_row_of_another_tool_that_cannot_be_used_is_named(text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        from_file(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_verdicts_come_in_the_order_of_the_file_whatever_takes_longer() -> None:
    begun = threading.Barrier(3, timeout=20)

    def slow(sample: Sample, reply: Reply) -> Score:
        begun.wait()  # nothing ends before three are under way
        return Score(value=float(reply.answer), extracted=reply.answer)

    text = "".join(line(id="1", answer=str(number / 300)) for number in range(300))
    assert [verdict.extracted for verdict in verdicts(text, slow)] == [
        str(number / 300) for number in range(300)
    ]


def test_nothing_is_judged_before_every_line_was_read() -> None:
    judged_ids = []

    def keep(sample: Sample, reply: Reply) -> Score:
        judged_ids.append(sample.id)
        return Score(value=1.0, extracted="x")

    with pytest.raises(InputError, match=r"replies\.jsonl:2"):
        verdicts(line(id="1", answer="4") + "{", keep)
    assert judged_ids == []


def test_half_a_character_and_a_score_out_of_bounds_harm_nothing() -> None:
    (verdict,) = verdicts(line(id="1", answer="\ud800"), SCORERS["exact"])
    assert verdict.json_line().encode("utf-8")
    (verdict,) = verdicts(line(id="1", answer="x"), lambda sample, reply: Score(value=2.0, extracted="x"))
    assert (verdict.score, verdict.error) == (None, "the scorer gave 2.0, not a value from 0 to 1")
