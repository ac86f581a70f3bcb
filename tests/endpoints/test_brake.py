"""Streams that are ended by us: at the right token, for the right reason, however they come in pieces."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, cast

import pytest

from evalbudget.endpoints.brake import Brake
from evalbudget.endpoints.collect import Collector
from evalbudget.endpoints.exchange import Exchange
from evalbudget.endpoints.failures import Classifier
from evalbudget.endpoints.limits import Limits
from evalbudget.endpoints.transport import Client
from evalbudget.endpoints.watchdog import Watchdog
from evalbudget.reasoning.counting import count_tokens
from evalbudget.reasoning.loops import RULES, Segment
from evalbudget.reasoning.loops.of_reply import loop_of
from evalbudget.reasoning.token_ids import Vocabulary
from evalbudget.records import Failure, Reply, Request, Stopped, Timings, TokenSource
from tests.endpoints.hostile import DONE, REQUEST, Call, Counter, endpoint, event, serving

OPEN, CLOSE, END = 100, 101, 102
MARKERS = Vocabulary(closing={OPEN: CLOSE})
COUNTS = ("ids", "ids of known markers", "timings", "usage", "pieces")
FORMS = ("field", "field, opened by the template", "inline", "inline, opened by the template")
EXACT = {
    "ids": TokenSource.TOKEN_IDS,
    "ids of known markers": TokenSource.TOKEN_IDS,
    "timings": TokenSource.TIMINGS,
}
ROUND = (" Wait", " hmm", " maybe", " again", "\n")


class Reads:
    """A client whose server sends these bytes, in these reads."""

    def __init__(self, reads: Sequence[bytes]) -> None:
        self.headers: dict[str, str] = {}
        self._reads = reads
        self.taken = 0

    async def post(self, _content: bytes) -> Reads:
        return self

    async def aiter_raw(self) -> AsyncIterator[bytes]:
        for data in self._reads:
            self.taken += 1
            yield data


class Stream:
    """Tokens as one kind of server sends them, a piece for each."""

    def __init__(self, counts: str, form: str) -> None:
        self.counts, self.form = counts, form
        self.opened = form.endswith("template")
        self.said = 0
        self.ids: dict[str, int] = {}
        self.events: list[bytes] = []
        if counts.startswith("ids"):
            prompt = [7] * 9 + ([OPEN] if self.opened else [8])
            self.events.append(
                b"data: " + json.dumps({"choices": [], "prompt_token_ids": prompt}).encode() + b"\n\n"
            )

    def send(self, delta: dict[str, str], *ids: int, finish: str | None = None) -> None:
        self.said += len(ids)
        choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk: dict[str, Any] = {"choices": [choice]}
        if self.counts.startswith("ids"):
            choice["token_ids"] = list(ids)
        elif self.counts == "timings":
            chunk["timings"] = {"predicted_n": self.said}
        elif self.counts == "usage":
            chunk["usage"] = {"prompt_tokens": 9, "completion_tokens": self.said}
        self.events.append(b"data: " + json.dumps(chunk).encode() + b"\n\n")

    def id_of(self, text: str) -> int:
        return self.ids.setdefault(text, 200 + len(self.ids))

    def open(self) -> None:
        if not self.opened:
            self.send({} if self.form == "field" else {"content": "<think>"}, OPEN)

    def think(self, texts: Sequence[str]) -> None:
        name = "reasoning" if self.form.startswith("field") else "content"
        for text in texts:
            self.send({name: text}, self.id_of(text))

    def close(self) -> None:
        self.send({} if self.form.startswith("field") else {"content": "</think>"}, CLOSE)

    def answer(self, texts: Sequence[str]) -> None:
        for text in texts:
            self.send({"content": text}, self.id_of(text))

    def end(self, reason: str = "stop") -> None:
        self.send({}, *([END] if reason == "stop" else []), finish=reason)
        usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": self.said}}
        self.events += [b"data: " + json.dumps(usage).encode() + b"\n\n", DONE]


def a_stream(
    counts: str, form: str, thinking: Sequence[str], answer: Sequence[str], *, end: bool = True
) -> Stream:
    stream = Stream(counts, form)
    stream.open()
    stream.think(thinking)
    if answer:
        stream.close()
        stream.answer(answer)
    if end:
        stream.end()
    return stream


def read(
    stream: Stream, request: Request, reads: Sequence[bytes] | None = None, **options: Any
) -> tuple[Reply | Failure, int]:
    """What comes of the stream, and how many reads were taken of it."""

    async def go() -> tuple[Reply | Failure, int]:
        known = MARKERS if stream.counts == "ids of known markers" else None
        shown = {"prompt_opens_thinking": stream.opened, "vocabulary": known, **options}
        brake = Brake.of(request, opened=bool(shown["prompt_opens_thinking"]))
        exchange = Exchange(
            collector=Collector(asyncio.get_running_loop().time(), brake=brake, **shown),
            limits=Limits(),
            failures=Classifier("http://127.0.0.1", None),
            meter=Counter(),
            streams=True,
        )
        client = Reads(stream.events if reads is None else reads)
        outcome = await exchange.run(cast(Client, client), b"", Watchdog())
        return outcome, client.taken

    return asyncio.run(go())


def reply_of(stream: Stream, request: Request, reads: Sequence[bytes] | None = None, **options: Any) -> Reply:
    reply, _ = read(stream, request, reads, **options)
    assert isinstance(reply, Reply), reply
    return replace(reply, timings=Timings(latency_s=None))


def words(count: int) -> list[str]:
    """Different words."""
    return [f" {'abcdefghij'[at % 10]}{'klmnopqrst'[at // 10 % 10]}{at // 100}x" for at in range(count)]


def cuts_at(most: int) -> Request:
    return replace(REQUEST, cut_thinking=most)


STOPS = replace(REQUEST, stop_loops=True)

# ── budgets ──


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("budget", [0, 1, 7])
def test_thinking_is_cut_one_token_behind_its_budget(counts: str, form: str, budget: int) -> None:
    stream = a_stream(counts, form, words(30), words(40), end=False)
    reply = reply_of(stream, cuts_at(budget))
    assert (reply.stopped, reply.finish_reason, reply.thinking_closed) == (Stopped.BUDGET, None, False)
    assert reply.reasoning == "".join(words(30)[: budget + 1])
    assert reply.answer == ""
    if counts in EXACT:
        told = count_tokens(reply)
        completion = budget + 1 + (not stream.opened)
        assert (told.reasoning, told.answer, told.completion) == (budget + 1, 0, completion)
        assert told.source == EXACT[counts]
    elif counts == "usage":
        assert count_tokens(reply).completion == budget + 1 + (not stream.opened)
    else:
        assert count_tokens(reply).completion is None
    assert reply.token_ids is None or len(reply.token_ids) == count_tokens(reply).completion


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("counts", COUNTS)
def test_a_reply_that_keeps_its_budget_is_left_alone(counts: str, form: str) -> None:
    stream = a_stream(counts, form, words(7), words(60))
    reply = reply_of(stream, cuts_at(7))
    assert reply.stopped is None
    assert reply.finish_reason == "stop"
    assert reply == reply_of(stream, REQUEST)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("counts", COUNTS)
def test_no_cutting_of_the_bytes_changes_where_a_stream_is_ended(counts: str, form: str) -> None:
    chance = random.Random(4)
    for thinking, request in ((words(30), cuts_at(7)), (ROUND * 130, STOPS)):
        stream = a_stream(counts, form, thinking, words(20), end=False)
        data = b"".join(stream.events)
        expected = reply_of(stream, request)
        assert expected.stopped is not None
        for _ in range(6):
            places = [0, *sorted(chance.choices(range(len(data)), k=chance.randint(0, 60))), len(data)]
            assert reply_of(stream, request, [data[a:b] for a, b in pairwise(places)]) == expected


@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("request_", [cuts_at(7), STOPS], ids=["budget", "loops"])
def test_a_reply_that_was_complete_within_the_same_read_is_not_ended(counts: str, request_: Request) -> None:
    stream = a_stream(counts, "field", ROUND * 130, words(20))
    whole = [b"".join(stream.events)]
    assert reply_of(stream, request_, whole) == reply_of(stream, REQUEST, whole)


@pytest.mark.parametrize("counts", ["ids", "ids of known markers", "usage"])
@pytest.mark.parametrize("form", ["field", "inline, opened by the template"])
def test_pieces_of_several_tokens_never_count_too_much(counts: str, form: str) -> None:
    """A piece may hold the closing marker and some of the answer."""
    name = "reasoning" if form == "field" else "content"
    stream = Stream(counts, form)
    if form == "field":
        stream.send({name: "a b"}, OPEN, 1, 2)
    else:
        stream.send({name: "a b "}, 1, 2)
    stream.send({name: " c d"} if form == "field" else {name: "c d</think>e"}, 3, 4, CLOSE, 5)
    stream.send({"content": " f g h i"}, 6, 7, 8, 9)
    stream.end()
    assert reply_of(stream, cuts_at(4)).stopped is None
    if counts == "ids of known markers":
        reply = reply_of(stream, cuts_at(3))
        assert (reply.stopped, count_tokens(reply).reasoning) == (Stopped.BUDGET, 4)


def test_markers_around_blanks_are_no_thinking() -> None:
    stream = a_stream("timings", "inline", ["\n\n"], words(5))
    assert reply_of(stream, cuts_at(0)).stopped is None


def test_content_of_an_unknown_template_is_no_thinking_until_its_closing_marker_comes() -> None:
    stream = a_stream("timings", "inline, opened by the template", words(30), words(40))
    unknown = {"prompt_opens_thinking": False}
    reply = reply_of(stream, cuts_at(7), **unknown)
    assert (reply.stopped, reply.thinking_closed) == (Stopped.BUDGET, True)
    assert count_tokens(reply).reasoning == 30
    assert count_tokens(reply).answer == 0
    assert reply_of(stream, cuts_at(30), **unknown).stopped is None
    plain = Stream("timings", "inline")
    plain.answer(words(60))
    plain.end()
    assert reply_of(plain, cuts_at(7), **unknown).stopped is None


def test_a_tool_call_ends_the_thinking() -> None:
    stream = Stream("timings", "field, opened by the template")
    stream.think(words(5))
    for _ in range(40):
        call = [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]
        stream.send(cast(Any, {"tool_calls": call}), 1)
    stream.end("tool_calls")
    assert reply_of(stream, cuts_at(5)).stopped is None
    assert reply_of(stream, cuts_at(4)).stopped is Stopped.BUDGET


def test_an_error_beside_the_last_token_is_the_error() -> None:
    stream = a_stream("pieces", "field", words(3), [], end=False)
    stream.events.append(b'data: {"error": {"message": "CUDA error", "code": 500}}\n\n')
    outcome, _ = read(stream, cuts_at(5))
    assert isinstance(outcome, Failure)


# ── loops ──


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("where", list(Segment))
def test_a_loop_is_ended_within_three_periods_of_certainty(counts: str, form: str, where: Segment) -> None:
    loop = ROUND * 400
    thinking = [*words(30), *loop] if where is Segment.REASONING else words(30)
    answer = [] if where is Segment.REASONING else [*words(20), *loop]
    stream = a_stream(counts, form, thinking, answer, end=False)
    reply = reply_of(stream, STOPS)
    verdict = loop_of(reply)
    assert (reply.stopped, reply.finish_reason) == (Stopped.LOOP, "repetition")
    assert reply.thinking_closed is (where is Segment.ANSWER)
    assert verdict.doom
    assert verdict.segment is where
    assert verdict.certain_token is not None
    assert verdict.tokens - verdict.certain_token <= 3 * len(ROUND)
    if counts in EXACT:
        told = count_tokens(reply)
        assert told.source == EXACT[counts]
        if where is Segment.ANSWER:
            assert told.reasoning == 30


@pytest.mark.parametrize("counts", COUNTS)
def test_a_reply_without_a_loop_is_left_alone(counts: str) -> None:
    stream = a_stream(counts, "field", words(900), [*ROUND * 3, *words(300)])
    assert reply_of(stream, STOPS) == reply_of(stream, REQUEST)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("counts", ["ids", "ids of known markers", "pieces"])
def test_what_is_ended_for_a_loop_is_doom_in_the_whole_reply(counts: str, seed: int) -> None:
    chance = random.Random(seed)
    unit = [f" {chance.choice('abcdefgh')}{chance.choice('xyz')}" for _ in range(chance.randint(1, 60))]
    noise = chance.choice([0.0, 0.0, 0.01, 0.03])
    looped = [" or" if chance.random() < noise else text for text in unit * (6000 // len(unit))]
    at = chance.randint(0, 2000)
    said = [*words(chance.randint(0, 300)), *looped]
    form = chance.choice(FORMS)
    stream = a_stream(counts, form, said[:at] or [" a"], said[at:] or [" b"], end=False)
    data = b"".join(stream.events)
    size = chance.choice([300, 3000, 100_000])
    outcome, _ = read(stream, STOPS, [data[place : place + size] for place in range(0, len(data), size)])
    if isinstance(outcome, Reply):
        assert outcome.stopped is Stopped.LOOP
        assert loop_of(outcome).doom
    else:  # it went on to the stream's end, which is none
        assert outcome.partial is not None
        certain = loop_of(replace(outcome.partial, finish_reason="repetition")).certain_token
        assert certain is None or noise > 0


def test_rows_of_zeros_in_ids_are_given_time_to_end() -> None:
    row = (" 0", " 0", " 0", ",")
    stream = a_stream("ids", "field", words(5), row * 600)
    assert reply_of(stream, STOPS).stopped is None
    endless = reply_of(a_stream("ids", "field", words(5), row * 2000, end=False), STOPS)
    assert endless.stopped is Stopped.LOOP
    assert len(endless.token_ids or ()) > RULES.beyond_doubt - RULES.certain


@pytest.mark.parametrize("counts", ["ids", "pieces"])
def test_a_loop_that_was_left_within_one_event_ends_nothing(counts: str) -> None:
    stream = Stream(counts, "field")
    said = [*ROUND * 110, *words(400)]
    stream.send({"reasoning": "".join(said)}, *map(stream.id_of, said))
    stream.close()
    stream.answer(words(900))
    stream.end()
    reply = reply_of(stream, STOPS)
    assert reply.stopped is None
    assert loop_of(reply).recovered


@pytest.mark.parametrize("counts", ["ids", "pieces"])
def test_an_answer_that_repeats_the_thinking_is_no_loop(counts: str) -> None:
    draft = words(700)
    stream = a_stream(counts, "inline", [*draft, *draft, *draft], [*draft, *draft])
    assert reply_of(stream, STOPS).stopped is None


def test_ids_that_are_none_leave_the_text_to_be_looked_at() -> None:
    stream = Stream("ids", "field")
    stream.send({"reasoning": " a"}, 2**40)
    stream.think(ROUND * 300)
    reply = reply_of(stream, STOPS)
    assert (reply.stopped, reply.token_ids) == (Stopped.LOOP, None)
    assert loop_of(reply).doom


# ── the road to the server ──


def test_a_request_for_neither_has_no_brake() -> None:
    assert Brake.of(REQUEST, opened=True) is None
    assert Brake.of(cuts_at(0), opened=True) is not None


@pytest.mark.parametrize("request_", [cuts_at(3), STOPS], ids=["budget", "loop"])
def test_the_server_sees_its_client_leave_and_the_next_request_has_a_connection_of_its_own(
    request_: Request,
) -> None:
    async def handler(call: Call) -> None:
        if call.path != "/v1/chat/completions":
            await call.reply({"count": 4, "tokens": [1, 2, 3, 4]})
            return
        if call.number > 1 and call.json["messages"][0]["content"] == "again":
            await call.stream(event({"content": "4"}), event({}, "stop"), DONE)
            return
        await call.begin_stream()
        while True:
            for text in ROUND:
                await call.send(event({"reasoning": text}))
            await asyncio.sleep(0)

    async def go() -> tuple[Reply | Failure, Reply | Failure, int]:
        async with serving(handler) as server, endpoint(server, engine="vllm") as chat:
            ended = await chat.ask(request_, Counter())
            await asyncio.wait_for(server.left.wait(), 5)
            again = replace(REQUEST, messages=(replace(REQUEST.messages[0], content="again"),))
            return ended, await chat.ask(again, Counter()), server.connections

    ended, again, connections = asyncio.run(go())
    assert isinstance(ended, Reply)
    assert ended.stopped is not None
    told = count_tokens(ended)
    assert (told.reasoning, told.completion, told.source) == (4, None, TokenSource.TOKENIZE)
    assert isinstance(again, Reply)
    assert again.answer == "4"
    assert connections >= 2


def test_sglang_is_asked_for_a_running_count_where_its_stream_may_be_ended() -> None:
    async def handler(call: Call) -> None:
        if call.path == "/v1/chat/completions":
            asked.append(call.json["stream_options"])
            await call.stream(*a_stream("usage", "field", words(9), words(9)).events)
        else:
            await call.reply({}, "404 Not Found")

    async def go() -> list[Reply | Failure]:
        async with serving(handler) as server, endpoint(server, engine="sglang") as chat:
            return [await chat.ask(each, Counter()) for each in (REQUEST, cuts_at(5), STOPS)]

    asked: list[object] = []
    replies = asyncio.run(go())
    assert all(isinstance(reply, Reply) for reply in replies)
    along = {"include_usage": True, "continuous_usage_stats": True}
    assert asked == [{"include_usage": True}, along, along]
