"""What the doctor says of servers with known virtues and faults."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from evalbudget.doctor import Examination, Patient, Verdict, budget_modes, examine
from evalbudget.doctor.examine import CHECKS
from evalbudget.kv import KvVerdict
from evalbudget.records import FailureKind, Reading, ServerRecord
from tests.doctor.imitation import BOTH, CALL, THOUGHTS, Imitation
from tests.endpoints.hostile import endpoint, serving

WORKS, PARTLY, MISSING, UNKNOWN = Verdict


class Shown:
    """`contracts.Probe` of a server that shows its metrics."""

    def __init__(self, server: Imitation) -> None:
        self._server = server

    async def read(self) -> Reading:
        running = self._server.running
        return Reading(
            run_id="", model="m", at="", running=running, kv_usage=0.25, preemptions=0, source="metrics"
        )


def record(**more: Any) -> ServerRecord:
    return ServerRecord(run_id="", model="m", **{"max_model_len": 2000, "served_model": "m", **more})


def examined(server: Imitation, *, deadline_s: float = 20.0, **more: Any) -> Examination:
    """The doctor's findings about a server of an unknown engine, unless `record` says which."""
    patient = {"record": record(), **more}

    async def run() -> Examination:
        async with serving(server) as loopback, endpoint(loopback, engine=patient["record"].engine) as asked:
            return await examine(Patient(name="m", endpoint=asked, **patient), deadline_s=deadline_s)

    return asyncio.run(run())


def seen(server: Imitation, name: str, **more: Any) -> tuple[Verdict, str, str]:
    """Verdict, evidence and mend of one check."""
    found = next(each for each in examined(server, **more).findings if each.name == name)
    return found.verdict, found.evidence, found.mend


def test_a_server_without_a_fault_gets_no_advice() -> None:
    server = Imitation(counts_on=True)
    examination = examined(
        server,
        record=record(engine="dynamo", engine_version="1", quantization="fp8", kv_capacity_tokens=8000),
        probe=Shown(server),
        kv=KvVerdict(name="agrees", says="as it should be"),
    )
    verdicts = {each.name: each.verdict for each in examination.findings}
    assert list(verdicts) == [check.name for check in CHECKS]
    # Without token ids a thinking can only be left open in a message.
    assert verdicts == dict.fromkeys(verdicts, WORKS) | {"continuation": PARTLY}
    assert {each.name for each in examination.findings if each.mend} == {"continuation"}


def test_the_first_question_tells_whether_max_tokens_is_kept() -> None:
    assert seen(Imitation(), "max_tokens")[0] is WORKS
    verdict, evidence, _ = seen(Imitation(limits=False), "max_tokens")
    assert (verdict, f"gave {THOUGHTS + 7} tokens" in evidence) == (MISSING, True)


@pytest.mark.parametrize(
    ("server", "verdict", "evidence"),
    [
        (Imitation(place="reasoning"), WORKS, f"in the field `reasoning`, {THOUGHTS} tokens"),
        (Imitation(), WORKS, f"in the field `reasoning_content`, {THOUGHTS} tokens"),
        (Imitation(place=None), PARTLY, f"inside the content, between its markers, {THOUGHTS} tokens"),
        (Imitation(thinks=False), UNKNOWN, "the model did not think before this answer"),
    ],
)
def test_the_thinkings_place_is_named(server: Imitation, verdict: Verdict, evidence: str) -> None:
    assert seen(server, "thinking")[:2] == (verdict, evidence)


def test_the_parser_that_a_server_was_started_with_is_named() -> None:
    for flags in (
        {"reasoning_parser": "glm45"},
        {"command": ["vllm", "serve", "--reasoning-parser", "glm45"]},
        {"command": ["vllm", "serve", "--reasoning-parser=glm45"]},
    ):
        assert "parser glm45" in seen(Imitation(), "thinking", record=record(flags=flags))[1]


def test_a_zero_beside_thinking_is_not_believed_and_the_parser_is_blamed() -> None:
    verdict, evidence, mend = seen(
        Imitation(reasoning_tokens="zero"), "reasoning_tokens", record=record(engine="vllm")
    )
    assert verdict is MISSING
    assert evidence.startswith("says 0, although it thought")
    assert "deepseek_r1" in mend


def test_counts_are_as_good_as_what_the_server_tells() -> None:
    assert seen(Imitation(), "token counts")[0] is WORKS
    verdict, evidence, mend = seen(Imitation(reasoning_tokens=None), "token counts")
    assert (verdict, "estimated" in evidence, bool(mend)) == (MISSING, True, True)
    assert seen(Imitation(usage=False), "usage")[0] is MISSING
    assert seen(Imitation(usage=False), "token counts")[0] is MISSING


@pytest.mark.parametrize(
    ("budget", "verdict", "evidence", "mend"),
    [
        ("honoured", WORKS, f"16 tokens allowed, it thought 16; without a budget {THOUGHTS}", ""),
        ("ignored", MISSING, f"ignored: 16 tokens allowed, it thought {THOUGHTS}", "--reasoning-parser"),
        ("refused", MISSING, "refused: this server refuses `thinking_token_budget`", "--reasoning-parser"),
        ("parser", MISSING, "only where it was started with `--reasoning-parser`", "--reasoning-parser"),
    ],
)
def test_the_servers_own_budget(budget: str, verdict: Verdict, evidence: str, mend: str) -> None:
    engine = "vllm" if budget == "parser" else "unknown"
    server = Imitation(budget=budget)
    found = seen(server, "server's budget", record=record(engine=engine, engine_version="0.33.0"))
    assert found[0] is verdict
    assert evidence in found[1]
    assert mend in found[2]


def test_thinking_that_cannot_be_switched_off_is_seen() -> None:
    assert seen(Imitation(), "thinking off")[0] is WORKS
    verdict, evidence, mend = seen(Imitation(switches=False, budget="ignored"), "thinking off")
    assert (verdict, f"still thought {THOUGHTS}" in evidence) == (MISSING, True)
    assert "chat template" in mend


def test_effort_words_show_in_the_prompt_or_not_at_all() -> None:
    assert seen(Imitation(), "effort words")[0] is WORKS
    refused = Imitation(refuses=frozenset({"reasoning_effort"}))
    assert seen(refused, "effort words")[0] is MISSING


def test_without_thinking_there_is_nothing_to_try_budgets_on() -> None:
    examination = examined(Imitation(thinks=False))
    verdicts = {each.name: each.verdict for each in examination.findings}
    assert {
        verdicts[name] for name in ("continuation", "server's budget", "thinking off", "effort words")
    } == {UNKNOWN}
    assert budget_modes(examination.findings)["trace"] is UNKNOWN


def test_repeatability() -> None:
    assert seen(Imitation(), "seed")[0] is WORKS
    assert seen(Imitation(seeds=False), "seed")[0] is MISSING
    assert seen(Imitation(refuses=frozenset({"seed"})), "seed")[:2] == (MISSING, "it refuses `seed`")
    verdict, evidence, mend = seen(Imitation(steady=False), "temperature 0", record=record(engine="vllm"))
    assert verdict is MISSING
    assert evidence.startswith("asked twice, the texts part after ")
    assert "VLLM_BATCH_INVARIANT=1" in mend


BROKEN = ({"name": "get_weather", "arguments": "{city: Paris"},)
EMPTY = ({"name": "get_weather", "arguments": "{}"},)


@pytest.mark.parametrize(
    ("server", "verdict", "evidence"),
    [
        (Imitation(calls=BOTH), WORKS, "2 calls in one reply, their arguments valid"),
        (Imitation(calls=(CALL,)), PARTLY, "one call where two were wanted"),
        (Imitation(calls=BROKEN), PARTLY, "arguments that are no JSON"),
        (Imitation(calls=EMPTY), PARTLY, "lacks its argument `city`"),
        (Imitation(calls=(), says="It is sunny."), UNKNOWN, "no call"),
        (Imitation(calls=(), says='<tool_call>{"name": "x"}'), MISSING, "the call came as text"),
        (Imitation(refuses=frozenset({"tools"})), MISSING, "refused: HTTP 400"),
    ],
)
def test_tool_calls(server: Imitation, verdict: Verdict, evidence: str) -> None:
    found = seen(server, "tool calls")
    assert found[0] is verdict
    assert evidence in found[1]


def test_a_field_that_nobody_knows_is_refused_or_taken() -> None:
    assert seen(Imitation(), "unknown fields")[0] is WORKS
    assert seen(Imitation(strict=False), "unknown fields")[0] is PARTLY


def test_a_prompt_beyond_the_context() -> None:
    assert seen(Imitation(), "context overflow")[0] is WORKS
    verdict, evidence, _ = seen(Imitation(cuts_prompts=True), "context overflow")
    assert (verdict, "was cut to 2,000 tokens without a word" in evidence) == (MISSING, True)
    unknown_context = record(max_model_len=None)
    assert seen(Imitation(), "context overflow", record=unknown_context)[0] is UNKNOWN


def test_the_prefix_cache_is_seen_in_the_usage() -> None:
    assert seen(Imitation(), "prefix cache")[0] is WORKS
    assert seen(Imitation(cached=0), "prefix cache")[0] is MISSING
    verdict, _, mend = seen(Imitation(cached=None), "prefix cache", record=record(engine="vllm"))
    assert (verdict, "--enable-prompt-tokens-details" in mend) == (UNKNOWN, True)


def test_metrics_are_named_or_the_flag_that_shows_them() -> None:
    verdict, evidence, _ = seen(Imitation(), "metrics", probe=Shown(Imitation()))
    assert verdict is WORKS
    assert evidence == "shown: requests running, KV use, preemptions (by metrics)"
    verdict, _, mend = seen(Imitation(), "metrics", record=record(engine="sglang"))
    assert (verdict, mend) == (MISSING, "start SGLang with `--enable-metrics`")


def test_a_stream_that_is_left_has_to_stop_on_the_server() -> None:
    noticing, deaf = Imitation(counts_on=True), Imitation(counts_on=True, notices=False)
    assert seen(noticing, "hang-up", probe=Shown(noticing))[0] is WORKS
    verdict, evidence, _ = seen(deaf, "hang-up", probe=Shown(deaf))
    assert (verdict, evidence) == (MISSING, "left, the request still runs 4 s later")
    short = Imitation()
    assert seen(short, "hang-up", probe=Shown(short))[:2] == (
        UNKNOWN,
        "the reply ended before it could be left",
    )


def test_memory_that_differs_carries_its_advice() -> None:
    kv = KvVerdict(name="mha", ratio=17.8, says="17.8 times what it needs.", advice="Update vLLM to 0.15.")
    assert seen(Imitation(), "KV memory", kv=kv) == (MISSING, kv.says, kv.advice)
    only_expected = KvVerdict(expected_bytes_per_token=54144.0, says="Not measured: no log.", advice="log:")
    assert seen(Imitation(), "KV memory", kv=only_expected)[0] is UNKNOWN


# ── trouble ──


def test_a_server_that_refuses_everything_ends_in_one_line() -> None:
    examination = examined(Imitation(refuses_after=0))
    assert examination.failure is not None
    assert examination.failure.kind is FailureKind.AUTH
    assert [each.name for each in examination.findings] == ["server"]
    assert budget_modes(examination.findings) == {}


@pytest.mark.parametrize("trouble", ["refuses_after", "closes_after"])
@pytest.mark.parametrize("after", [1, 2, 3, 5, 8, 13])
def test_trouble_in_the_middle_is_a_line_each_and_never_a_crash(trouble: str, after: int) -> None:
    examination = examined(Imitation(**{trouble: after}))
    assert [each.name for each in examination.findings] == [check.name for check in CHECKS]
    assert not any("check itself failed" in each.evidence for each in examination.findings)
    late = next(each for each in examination.findings if each.name == "seed")
    assert late.verdict is not WORKS


def test_what_hangs_is_unknown_at_the_deadline() -> None:
    examination = examined(Imitation(hangs_after=4), deadline_s=1.5)
    found = {each.name: each for each in examination.findings}
    assert found["chat"].verdict is WORKS
    assert found["seed"].evidence == "no time left"
    assert examination.seconds < 10


def test_a_server_that_never_answers_ends_in_one_line() -> None:
    examination = examined(Imitation(hangs_after=0), deadline_s=0.5)
    assert examination.failure is not None
    assert examination.failure.kind is FailureKind.TIMEOUT


def test_a_check_that_raises_is_its_own_line() -> None:
    class Broken:
        async def read(self) -> Reading:
            raise ZeroDivisionError

    verdict, evidence, _ = seen(Imitation(), "hang-up", probe=Broken())
    assert verdict is UNKNOWN
    assert evidence.startswith("the check itself failed: ZeroDivisionError (test_imitations.py:")


def test_progress_counts_to_the_end() -> None:
    told: list[tuple[int, int, str]] = []

    async def run() -> None:
        async with serving(Imitation()) as loopback, endpoint(loopback) as asked:
            patient = Patient(name="m", record=record(), endpoint=asked)
            await examine(patient, progress=lambda done, of, name: told.append((done, of, name)))

    asyncio.run(run())
    assert [done for done, _, _ in told] == list(range(len(CHECKS) + 1))
    assert {of for _, of, _ in told} == {len(CHECKS)}
