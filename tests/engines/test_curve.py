"""A model whose answer depends on how far it thought, in real llama.cpp: its curves are the truth."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from embedded.thoughts import OPEN, THOUGHTS, Thought, answer_of, truth
from evalbudget.reasoning.budgets.force import force_string
from tests.command import evalbudget
from tests.engine_fixtures import chat, embedded
from tests.engines.thinking_suite import (
    CONTEXT,
    MAX_TOKENS,
    OCTAVES,
    SLOTS,
    Row,
    asked,
    curve_of,
    rows_of,
    tokens_of_one_trace,
    tokens_of_separate_runs,
    write_suite,
)

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(1200)]

T = TypeVar("T")
MODES = ("trace", "force", "server")
LONG = {18, 19, 20, 21, 22, 23, 29, 30}
"""Left out of the runs here, which would take twice as long with them; bench/budgets.py asks for all."""
ASKED = [thought for number, thought in THOUGHTS.items() if number not in LONG]
OPENED = [THOUGHTS[number] for number in (1, 4, 8, 9, 12, 13, 25)]
CLOSINGS = tuple(force_string(name).closing for name in ("scripted", "thinker", "qwen3", "nemotron"))
"""With no sentence, and with each kind of one."""


@dataclass(frozen=True)
class Server:
    """The engine's plain HTTP interface."""

    url: str

    def post(self, path: str, **body: object) -> Any:
        """What a POST to a path beside `/v1` gives, as JSON."""
        request = urllib.request.Request(  # noqa: S310  (loopback)
            self.url.removesuffix("/v1") + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310  (loopback)
            return json.load(response)

    def prompt(self, thought: Thought, **template: object) -> str:
        """The rendered chat that asks for this thought."""
        messages = [{"role": "user", "content": f"Which digit is it? {thought.mark}"}]
        rendered = self.post("/apply-template", messages=messages, chat_template_kwargs=template)
        return str(rendered["prompt"])

    def ids(self, text: str) -> list[int]:
        """The text's tokens."""
        return [int(each) for each in self.post("/tokenize", content=text, parse_special=True)["tokens"]]

    def said_behind(self, prompt: Sequence[int]) -> str:
        """What the model says behind these tokens."""
        done = self.post("/v1/completions", prompt=prompt, max_tokens=32, temperature=0.6)
        return str(done["choices"][0]["text"])


def served(gguf: Path, folder: Path, ask: Callable[[Server], T]) -> T:
    """What `ask` makes of the model, served."""

    async def go() -> T:
        async with embedded(gguf, folder, "thinker", context=8192, slots=1) as url:
            return await asyncio.to_thread(ask, Server(url))

    return asyncio.run(go())


def test_a_thought_is_said_to_the_token_and_its_text_gives_the_tokens_back(
    thinking_gguf: Path, tmp_path: Path
) -> None:
    def wrong(server: Server) -> list[object]:
        found: list[object] = []
        for thought in THOUGHTS.values():
            said = truth(thought, None, MAX_TOKENS)
            reply = chat(server.url, f"Q {thought.mark}", max_tokens=MAX_TOKENS, temperature=0.6)
            words = thought.words(said.reasoning)
            end = 3 if said.closed else 1  # both markers and the end token, or what opened the thinking
            seen = (reply.reasoning, reply.answer, reply.completion_tokens)
            right = ("".join(words), "".join(said.answer), said.reasoning + len(said.answer) + end)
            if seen != right or len(server.ids(reply.reasoning)) != said.reasoning:
                found.append((thought.number, seen, right))
        return found

    assert served(thinking_gguf, tmp_path, wrong) == []


def test_a_thought_that_is_closed_early_gives_the_answer_that_was_known_by_then(
    thinking_gguf: Path, tmp_path: Path
) -> None:
    def wrong(server: Server) -> list[object]:
        found: list[object] = []
        closings = [server.ids(closing) for closing in CLOSINGS]
        for thought in THOUGHTS.values():
            opened = server.ids(server.prompt(thought) + OPEN)
            longest = server.ids("".join(thought.words(max(OCTAVES))))
            for budget in OCTAVES:
                said = truth(thought, budget, MAX_TOKENS)
                closing = closings[(thought.number + budget.bit_length()) % len(closings)]
                if not said.closed:
                    answer = server.said_behind([*opened, *longest[:budget], *closing])
                    if answer != "".join(said.answer):
                        found.append((thought.number, budget, answer, said))
        return found

    assert served(thinking_gguf, tmp_path, wrong) == []


@pytest.mark.parametrize("closing", CLOSINGS)
def test_every_closing_string_leads_to_the_answer_wherever_it_stands(
    thinking_gguf: Path, tmp_path: Path, closing: str
) -> None:
    thought = THOUGHTS[15]

    def answers(server: Server) -> list[str]:
        opened, closed = server.ids(server.prompt(thought) + OPEN), server.ids(closing)
        kept = server.ids("".join(thought.words(600)))
        return [server.said_behind([*opened, *kept[:budget], *closed]) for budget in range(0, 600, 7)]

    right = ["".join(truth(thought, budget, MAX_TOKENS).answer) for budget in range(0, 600, 7)]
    assert served(thinking_gguf, tmp_path, answers) == right


def test_the_template_can_open_the_thinking_or_leave_it_out(thinking_gguf: Path, tmp_path: Path) -> None:
    thought = THOUGHTS[8]

    def replies(server: Server) -> list[object]:
        opened, off = {"opened": True}, {"enable_thinking": False}
        assert server.prompt(thought, **opened).endswith("<think>\n")
        seen: list[object] = []
        for template in (opened, off):
            reply = chat(server.url, f"Q {thought.mark}", max_tokens=999, chat_template_kwargs=template)
            seen.append((reply.reasoning, reply.answer, reply.completion_tokens))
        return seen

    thinking, without = truth(thought, None, MAX_TOKENS), truth(thought, 0, MAX_TOKENS)
    assert served(thinking_gguf, tmp_path, replies) == [
        # llama.cpp gives the line ends of the prompt back as if they had been said.
        ("\n" + "".join(thought.words(170)), "".join(thinking.answer), 170 + 1 + len(thinking.answer) + 1),
        ("", "\n\n" + "".join(without.answer), len(without.answer) + 1),
    ]


# ----------------------------------------------------------------------------------- the road of evalbudget


def runs(gguf: Path, folder: Path, thoughts: Sequence[Thought], **model: Any) -> dict[str, Path]:
    """Each budget mode → the folder in which its suite was run, all on one server."""

    async def go() -> dict[str, Path]:
        async with embedded(gguf, folder, "thinker", context=CONTEXT, slots=SLOTS) as url:
            for mode in MODES:
                suite = write_suite(folder / mode, url, mode=mode, thoughts=thoughts, **model)
                done = await asyncio.to_thread(evalbudget, folder / mode, "run", str(suite), enough_s=600)
                assert done.returncode == 0, done.stderr
        return {mode: folder / mode for mode in MODES}

    return asyncio.run(go())


@pytest.fixture(scope="module")
def curves(thinking_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Most thoughts at every octave, in each mode that ends a thinking."""
    return runs(thinking_gguf, tmp_path_factory.mktemp("curves"), ASKED)


Figures = tuple[str | None, int | None, int | None]
"""What was taken for the answer, tokens of thinking and of the answer."""


def true_figures(thought: Thought, budget: int | None, mode: str) -> Figures:
    """What a row must say."""
    said = truth(thought, budget, MAX_TOKENS)
    by_server = mode == "server" and budget is not None  # which closes with the marker alone
    answer = answer_of(said.digit) if by_server else said.answer
    return None if said.digit is None else str(said.digit), said.reasoning, len(answer)


def wrong_rows(rows: Sequence[Row], mode: str, less: int = 0) -> list[object]:
    """Rows that are not the truth of their budget, which is `less` tokens smaller where it limits."""
    found: list[object] = []
    for row in rows:
        length = row.thought.length
        held = row.budget is None or (length is not None and length <= row.budget - less)
        budget = row.budget if row.budget is None or held else row.budget - less
        right = true_figures(row.thought, budget, mode)
        seen = (row.extracted, row.reasoning, row.answer)
        cut_by_us = row.budget is not None and not held and mode != "server"
        if seen != right or row.honoured is False or (row.force is not None) != cut_by_us:
            found.append((row.thought.number, row.budget, seen, right, row))
        if row.force is not None and row.force["kept"] != row.budget:
            found.append((row.thought.number, row.budget, row.force))
    return found


@pytest.mark.parametrize("mode", MODES)
def test_every_row_of_every_mode_is_the_truth(curves: dict[str, Path], mode: str) -> None:
    rows = rows_of(curves[mode])
    assert len(rows) == len(ASKED) * (len(OCTAVES) + 1)
    assert wrong_rows(rows, mode) == []
    assert {row.honoured for row in rows} == {True, None}
    assert {row.source for row in rows} <= {"timings", "tokenize", "token_ids"}


def test_the_forced_curve_of_one_trace_is_that_of_separate_runs(curves: dict[str, Path]) -> None:
    trace, force, server = (curve_of(curves[mode]) for mode in MODES)
    assert trace == force
    assert [(point.budget, point.forced) for point in server] == [
        (point.budget, point.forced) for point in trace
    ]


def test_strict_and_forced_curve_are_those_of_the_thoughts(curves: dict[str, Path]) -> None:
    points = curve_of(curves["trace"])
    for point in points:
        said = {each.number: truth(each, point.budget, MAX_TOKENS) for each in ASKED}
        right = [each.number for each in ASKED if said[each.number].digit == each.target]
        assert point.forced == pytest.approx(len(right) / len(ASKED))
        assert point.strict == pytest.approx(sum(said[each].closed for each in right) / len(ASKED))
        assert point.low <= point.forced <= point.high
    assert sum(point.forced - point.strict > 0.1 for point in points) >= 5


def test_a_whole_curve_costs_little_more_than_its_longest_answers(curves: dict[str, Path]) -> None:
    trace, force = rows_of(curves["trace"]), rows_of(curves["force"])
    one = sum(row.completion or 0 for row in trace if row.budget is None)
    assert tokens_of_one_trace(trace) <= 1.25 * one
    assert tokens_of_separate_runs(force) >= 3 * one


def test_answers_that_were_there_and_are_lost_again_are_found(curves: dict[str, Path]) -> None:
    """Two thoughts go wrong, one never ends."""
    found = asked(curves["trace"], "SELECT regret, lost_after_correct FROM cells WHERE budget IS NULL")
    assert found == [(pytest.approx(3 / len(ASKED)), pytest.approx(3 / len(ASKED)))]


def test_thinking_that_the_template_opens_is_cut_at_the_same_tokens(
    thinking_gguf: Path, tmp_path: Path
) -> None:
    opened = {"chat_template_kwargs": {"opened": True}}
    folders = runs(thinking_gguf, tmp_path, OPENED, extra_body=opened)
    assert wrong_rows(rows_of(folders["trace"]), "trace") == []
    assert wrong_rows(rows_of(folders["force"]), "force") == []
    # llama.cpp counts the prompt's line end behind the opening marker as the first token of a budget.
    assert wrong_rows(rows_of(folders["server"]), "server", less=1) == []
