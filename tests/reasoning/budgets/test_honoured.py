"""Whether a budget was kept: honest servers get what they need, and none that ignores it gets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.reasoning.budgets import force_string
from evalbudget.reasoning.budgets.honoured import honoured
from evalbudget.records import Continued, ContinuedBy, JsonValue, Reply, TokenCounts, TokenSource

EXACT = st.sampled_from([source for source in TokenSource if source is not TokenSource.ESTIMATE])
MODES = ("server", "force", "trace", "max_tokens")


def kept(
    thought: int | None,
    budget: int | None,
    mode: str = "server",
    *,
    text: str = "so it is",
    source: TokenSource = TokenSource.TOKEN_IDS,
    completion: int | None = None,
) -> bool | None:
    """The verdict on a reply of so many tokens that came without our doing."""
    counts = TokenCounts(reasoning=thought, completion=completion, source=source)
    return honoured(Reply(reasoning=text, answer="42"), counts, budget=budget, mode=mode)


def forced(
    *,
    generated: int | None,
    answer: int | None,
    reasoning: int | None = 100,
    kept_tokens: int | None = 100,
    notes: dict[str, JsonValue] | None = None,
) -> Reply:
    """A reply that we closed, with its counts."""
    continued = Continued(
        by=ContinuedBy.TOKEN_IDS,
        kept=kept_tokens,
        closing="\n</think>\n\n",
        closing_tokens=3,
        generated=generated,
    )
    counts = TokenCounts(reasoning=reasoning, answer=answer)
    return Reply(reasoning="so", answer="42", continued=continued, counts=counts, notes=notes or {})


def verdict(reply: Reply, mode: str, budget: int = 100) -> bool | None:
    assert reply.counts is not None
    return honoured(reply, reply.counts, budget=budget, mode=mode)


@pytest.mark.parametrize("mode", MODES)
def test_without_a_budget_or_a_count_nothing_is_said(mode: str) -> None:
    assert kept(10, None, mode, completion=20) is None
    assert kept(None, 10, mode) is None
    assert kept(None, 0, mode) is None


@pytest.mark.parametrize("mode", MODES)
def test_budget_0_is_kept_by_blanks_alone(mode: str) -> None:
    assert kept(0, 0, mode, text="", completion=500) is True
    assert kept(4, 0, mode, text="\n\n", completion=500) is True
    assert kept(5, 0, mode, completion=500) is False


def test_a_server_may_finish_a_character_and_write_a_line_end() -> None:
    assert kept(8 + 4 + 1, 8) is True
    assert kept(8 + 4 + 2, 8) is False


def test_a_server_may_write_a_sentence_of_its_own() -> None:
    assert kept(512 + 32 + 4, 512) is True
    assert kept(512 + 32 + 5, 512) is False
    assert kept(64 + 8 + 4, 64) is True
    assert kept(64 + 8 + 5, 64) is False


@pytest.mark.parametrize("model", ["Qwen3-8B", "another"])
def test_a_known_sentence_at_the_end_of_the_thinking_is_taken_off(model: str) -> None:
    sentence = force_string(model).closing.removesuffix("\n</think>\n\n")
    text = "word " * 16 + sentence
    share = 16 + len(sentence) // 5
    assert kept(share, 16, text=text) is True
    assert kept(share, 16, text="word " * 16 + sentence[::-1]) is False
    assert kept(share, 16, text=sentence + " word" * 16) is False


def test_a_sentence_that_the_server_was_started_with_is_taken_off_where_it_is_told() -> None:
    text = "word " * 16 + "Time is up, so I have to tell what I know by now and no more than that."
    reply, counts = Reply(reasoning=text, answer="42"), TokenCounts(reasoning=16 + 18)
    assert honoured(reply, counts, budget=16, mode="server") is False
    phrases = ("Time is up, so I have to tell what I know by now and no more than that.",)
    assert honoured(reply, counts, budget=16, mode="server", phrases=phrases) is True


def test_an_estimate_may_be_off_by_a_quarter() -> None:
    most = int((100 + 4 + 12) * 1.25)
    assert kept(most, 100, source=TokenSource.ESTIMATE) is True
    assert kept(most + 1, 100, source=TokenSource.ESTIMATE) is False
    assert kept(125, 100, "force", source=TokenSource.ESTIMATE) is True
    assert kept(126, 100, "force", source=TokenSource.ESTIMATE) is False


@pytest.mark.parametrize("mode", ["force", "trace"])
def test_what_we_closed_is_kept_unless_the_model_thought_anew(mode: str) -> None:
    assert verdict(forced(generated=21, answer=20), mode) is True
    assert verdict(forced(generated=60, answer=20, reasoning=137), mode) is False
    assert verdict(forced(generated=27, answer=20, reasoning=104), mode) is True, "an empty block of its own"
    assert verdict(forced(generated=21, answer=20, kept_tokens=None), mode) is True
    assert verdict(forced(generated=60, answer=20, kept_tokens=None), mode) is False
    assert verdict(forced(generated=None, answer=None, kept_tokens=None), mode) is None


def test_of_a_rescued_reply_the_loop_is_no_thinking_anew() -> None:
    rescue: dict[str, JsonValue] = {"rescue": {"thought": "so"}}
    assert verdict(forced(generated=21, answer=20, reasoning=900, notes=rescue), "force") is True
    assert verdict(forced(generated=60, answer=20, reasoning=937, notes=rescue), "force") is False
    assert verdict(forced(generated=None, answer=None, reasoning=900, notes=rescue), "force") is None


@pytest.mark.parametrize("mode", ["force", "trace"])
def test_a_reply_that_we_did_not_close_has_to_keep_the_budget_itself(mode: str) -> None:
    assert kept(100, 100, mode) is True
    assert kept(101, 100, mode) is False


def test_max_tokens_limits_the_whole_completion() -> None:
    assert kept(90, 100, "max_tokens", completion=100) is True
    assert kept(90, 100, "max_tokens", completion=101) is False
    assert kept(None, 100, "max_tokens", completion=99) is True


@given(
    budget=st.integers(32, 100_000),
    times=st.floats(2, 50),
    source=EXACT,
    text=st.sampled_from(["so", "a" * 99]),
)
def test_a_server_that_ignores_the_budget_is_never_called_honest(
    budget: int, times: float, source: TokenSource, text: str
) -> None:
    assert kept(int(budget * times), budget, source=source, text=text) is False


@given(
    budget=st.integers(1, 100_000), source=st.sampled_from(list(TokenSource)), mode=st.sampled_from(MODES[:3])
)
def test_one_that_stops_exactly_at_it_always_is(budget: int, source: TokenSource, mode: str) -> None:
    assert kept(budget, budget, mode, source=source) is True
