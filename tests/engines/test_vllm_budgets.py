"""Budgets, cuts and stops on a real vLLM. Opt-in: `make test-vllm`."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from embedded.scripted import IDS
from embedded.scripts import LOOP, LOOP_THINKING, OPEN, THINK, Script
from evalbudget.contracts import Dialogue
from evalbudget.dialogues.closing import Closing, Prefix
from evalbudget.endpoints.openai_chat import OpenAIChat
from evalbudget.reasoning.budgets.honoured import honoured
from evalbudget.reasoning.counting import count_tokens
from evalbudget.reasoning.loops.of_reply import loop_of
from evalbudget.records import (
    ContinuedBy,
    Failure,
    FailureKind,
    JsonValue,
    Message,
    Reply,
    Request,
    Sampling,
    Stopped,
    TokenSource,
)
from tests.endpoints.hostile import Counter
from tests.engines.forced import BEHIND, CLOSING_IDS, FORCE, PROMPT, SAID, forced, thought
from tests.engines.relay import relay_to
from tests.engines.truth import figures, truth
from tests.engines.vllm_server import PYTHON, Server, Servers

if not PYTHON:
    pytest.skip("EVALBUDGET_VLLM names no Python with vLLM (make test-vllm)", allow_module_level=True)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ENDLESS = 30_000
"""`max_tokens` of a reply that only its loop, or its budget, should end."""


def request_for(script: Script, *, max_tokens: int | None = 200, **extra: JsonValue) -> Request:
    return Request(
        messages=(Message(role="user", content=f"{script.mark} Q"),),
        sampling=Sampling(temperature=0, max_tokens=max_tokens),
        extra_body=extra,
    )


def outcome(url: str, request: Request, *, streams: bool = True) -> Reply | Failure:
    """What one request comes to, through our endpoint as a run uses it."""

    async def go() -> Reply | Failure:
        chat = OpenAIChat(base_url=url, model="scripted", engine="vllm")
        chat._dialect.streams = streams
        try:
            return await chat.ask(request, Counter())
        finally:
            await chat.close()

    return asyncio.run(go())


def ask(url: str, request: Request, *, streams: bool = True) -> Reply:
    reply = outcome(url, request, streams=streams)
    assert isinstance(reply, Reply), reply
    return reply


def carried_out(url: str, dialogue: Dialogue) -> tuple[Reply, int]:
    """The dialogue's reply, and how many requests it took."""

    async def go() -> tuple[Reply, int]:
        chat = OpenAIChat(base_url=url, model="scripted", engine="vllm")
        asked = 0
        try:
            step = await dialogue.begin()
            while isinstance(step, Request):
                asked += 1
                reply = await chat.ask(step, Counter())
                if isinstance(reply, Failure) and reply.retryable:  # a busy machine; the runner does the same
                    reply = await chat.ask(step, Counter())
                assert isinstance(reply, Reply), reply
                step = await dialogue.heard(reply)
            assert step is None, step
        finally:
            await dialogue.close()
            await chat.close()
        whole = dialogue.reply()
        assert whole is not None
        return whole, asked

    return asyncio.run(go())


# --------------------------------------------------------------------------------- the server's own parameter


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("budget", [0, 3, 5, 50])
@pytest.mark.parametrize("script", [THINK, LOOP_THINKING], ids=lambda script: script.name)
def test_vllms_own_budget_is_kept_and_seen_to_be(
    parsing: Server, script: Script, budget: int, streams: bool
) -> None:
    reply = ask(parsing.url, replace(request_for(script), thinking_budget=budget), streams=streams)
    counts = count_tokens(reply)
    # vLLM counts the line end that the template puts behind its opening marker.
    kept = min(budget, len(THINK.reasoning)) if script is THINK else max(budget - 1, 0)
    opening = script is THINK
    expected = (kept, len(THINK.answer), opening + kept + 1 + len(THINK.answer) + 1)
    assert figures(reply) == ((0, BEHIND, BEHIND + 1) if budget == 0 else expected)
    assert counts.source is TokenSource.TOKEN_IDS
    assert reply.reasoning == "".join(thought(script, kept))
    assert reply.answer.strip() == SAID
    assert reply.stopped is None
    assert honoured(reply, counts, budget=budget, mode="server") is True


def test_a_budget_that_vllm_ignores_is_found_out(parsing: Server) -> None:
    reply = ask(parsing.url, request_for(THINK, chat_template_kwargs={"thinking_token_budget": 3}))
    assert honoured(reply, count_tokens(reply), budget=3, mode="server") is False


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
def test_without_a_parser_the_failure_names_the_flag(vllms: Servers, streams: bool) -> None:
    failure = outcome(vllms.of("none").url, replace(request_for(THINK), thinking_budget=3), streams=streams)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.REQUEST
    assert not failure.retryable
    assert "--reasoning-parser" in failure.message
    assert "budget_mode: force" in failure.message


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
def test_thinking_is_switched_off_without_a_parser_too(vllms: Servers, streams: bool) -> None:
    reply = ask(vllms.of("none").url, replace(request_for(THINK), thinking_budget=0), streams=streams)
    assert figures(reply) == (0, BEHIND, BEHIND + 1)
    assert honoured(reply, count_tokens(reply), budget=0, mode="server") is True


@pytest.mark.parametrize(("effort", "thinks"), [("none", False), ("off", False), ("low", True), ("on", True)])
def test_an_effort_reaches_the_template(server: Server, effort: str, thinks: bool) -> None:
    reply = ask(server.url, replace(request_for(THINK), effort=effort))
    assert figures(reply) == (truth(THINK, 200) if thinks else (0, BEHIND, BEHIND + 1))


# ------------------------------------------------------------------------------------------ cut and continued


@pytest.mark.parametrize("most", [1, 3, 8, 9, 10])
def test_short_thinking_is_cut_or_comes_to_its_end(server: Server, most: int) -> None:
    reply = ask(server.url, replace(request_for(THINK), cut_thinking=most))
    if reply.stopped is None:  # it closed, or a busy machine brought all of it in one read
        assert figures(reply) == truth(THINK, 200)
        return
    thinking = count_tokens(reply).reasoning
    assert thinking is not None and thinking > most
    assert (reply.stopped, reply.finish_reason) == (Stopped.BUDGET, None)
    assert reply.token_ids is not None
    assert list(reply.token_ids[: most + 1]) == [IDS[OPEN], *(IDS[text] for text in thought(THINK, most))]


@pytest.mark.parametrize("most", [0, 1, 100, 500])
def test_long_thinking_is_cut_and_the_servers_slot_is_free(server: Server, most: int) -> None:
    before = server.metric("generation_tokens_total")
    reply = ask(server.url, replace(request_for(LOOP_THINKING, max_tokens=ENDLESS), cut_thinking=most))
    thinking = count_tokens(reply).reasoning
    assert (reply.stopped, reply.finish_reason, reply.answer) == (Stopped.BUDGET, None, "")
    assert reply.thinking_closed is False
    assert thinking is not None and most < thinking < ENDLESS
    assert reply.token_ids is not None
    assert list(reply.token_ids[:most]) == [IDS[text] for text in thought(LOOP_THINKING, most)]
    assert server.idle_within(10)
    # One token more on an idle machine; on a busy one the engine runs ahead of what it sends.
    assert server.metric("generation_tokens_total") - before < ENDLESS


@pytest.mark.parametrize("budget", [0, 1, 3, 5, 8, 9, 50])
@pytest.mark.parametrize("script", [THINK, LOOP_THINKING], ids=lambda script: script.name)
def test_a_forced_answer_is_cut_and_counted_exactly(server: Server, script: Script, budget: int) -> None:
    dialogue = Closing(
        request_for(script, max_tokens=ENDLESS), FORCE, budget=budget, rescue=False, answer_tokens=64
    )
    with relay_to(server.url) as relay:
        reply, asked = carried_out(relay.url, dialogue)
    counts = count_tokens(reply)
    assert honoured(reply, counts, budget=budget, mode="force") is True
    assert counts.prompt == PROMPT[script]
    assert counts.source is TokenSource.TOKEN_IDS
    if script is THINK and budget >= len(THINK.reasoning):
        assert (asked, reply.continued, figures(reply)) == (1, None, truth(THINK, 200))
        return
    assert asked == (1 if budget == 0 else 2)
    assert figures(reply) == forced(script, budget)
    assert reply.reasoning == "".join(thought(script, budget))
    assert reply.answer == SAID
    assert reply.continued is not None
    assert reply.continued.by is ContinuedBy.TOKEN_IDS
    assert (reply.continued.kept, reply.continued.closing_tokens) == (budget, len(CLOSING_IDS))
    assert reply.continued.generated == BEHIND + 1
    sent = relay.to("/v1/completions")[-1]["prompt"]
    kept = [IDS[text] for text in thought(script, budget)]
    head = [IDS[OPEN]] if script is THINK else [IDS[OPEN], IDS["\n"]]
    assert sent[-len(kept) - len(head) - len(CLOSING_IDS) :] == [*head, *kept, *CLOSING_IDS]


def test_one_trace_gives_the_answer_at_every_budget(server: Server) -> None:
    request = request_for(THINK, max_tokens=ENDLESS)
    trace = ask(server.url, request)
    assert trace.token_ids is not None and trace.prompt_token_ids is not None
    for budget in (0, 1, 2, 3, 5, 8, 9, 64):
        with relay_to(server.url) as relay:
            dialogue = Prefix(request, FORCE, budget=budget, trace=trace, answer_tokens=64)
            reply, asked = carried_out(relay.url, dialogue)
        assert honoured(reply, count_tokens(reply), budget=budget, mode="trace") is True
        if budget >= len(THINK.reasoning):
            assert (asked, reply) == (0, trace)
            continue
        assert figures(reply) == forced(THINK, budget)
        assert count_tokens(reply).source is TokenSource.TOKEN_IDS
        assert reply.answer == SAID
        begun = [*trace.prompt_token_ids, *trace.token_ids[: 1 + budget], *CLOSING_IDS]
        assert relay.to("/v1/completions")[-1]["prompt"] == begun
        assert reply.token_ids is None or list(reply.token_ids[: 1 + budget]) == list(
            trace.token_ids[: 1 + budget]
        )


def test_an_answer_without_a_limit_is_not_cut_at_vllms_sixteen_tokens(vllms: Servers) -> None:
    dialogue = Closing(request_for(THINK, max_tokens=None), FORCE, budget=0, rescue=False, answer_tokens=64)
    with relay_to(vllms.of("qwen3").url) as relay:
        carried_out(relay.url, dialogue)
    assert relay.to("/v1/completions")[0]["max_tokens"] == 64


def test_an_endless_trace_gives_the_answer_at_every_budget(server: Server) -> None:
    request = request_for(LOOP_THINKING, max_tokens=600)
    trace = ask(server.url, request)
    for budget in (0, 1, 16, 128, 512):
        dialogue = Prefix(request, FORCE, budget=budget, trace=trace, answer_tokens=64)
        reply, _ = carried_out(server.url, dialogue)
        assert figures(reply) == forced(LOOP_THINKING, budget)
        assert reply.answer == SAID


# ------------------------------------------------------------------------------------------------- doom loops


@pytest.mark.parametrize("script", [LOOP, LOOP_THINKING], ids=lambda script: script.name)
def test_a_loop_is_ended_within_three_periods_of_certainty(server: Server, script: Script) -> None:
    before = server.metric("generation_tokens_total")
    reply = ask(server.url, replace(request_for(script, max_tokens=ENDLESS), stop_loops=True))
    assert (reply.stopped, reply.finish_reason) == (Stopped.LOOP, "repetition")
    verdict = loop_of(reply)
    period = len(script.reasoning or script.answer)
    assert (verdict.doom, verdict.period_tokens) == (True, period)
    assert verdict.certain_token is not None
    came = count_tokens(reply).completion
    assert came is not None and came <= verdict.certain_token + 3 * period
    assert server.idle_within(10)
    # One token more on an idle machine; on a busy one the engine runs ahead of what it sends.
    assert came <= server.metric("generation_tokens_total") - before < ENDLESS


def test_a_looping_thinking_is_rescued(server: Server) -> None:
    request = replace(request_for(LOOP_THINKING, max_tokens=ENDLESS), stop_loops=True)
    dialogue = Closing(request, FORCE, budget=None, rescue=True, answer_tokens=64)
    reply, asked = carried_out(server.url, dialogue)
    assert asked == 2
    assert reply.answer == SAID
    assert reply.continued is not None
    assert reply.stopped is Stopped.LOOP
