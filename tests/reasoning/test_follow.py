"""A content that is followed piece by piece comes apart as the whole one does."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from evalbudget.reasoning.follow import Follower
from evalbudget.reasoning.harmony import is_harmony
from evalbudget.reasoning.split import MARKERS, split_content

WORDS = ("so", " ", "\n", "4", "<", "</", "th", "[", "◁", "<|", "analysis", "think>")
PARTS = st.sampled_from((*WORDS, *WORDS, *list(MARKERS)[:3], *list(MARKERS.values())[:3]))
CONTENT = st.lists(PARTS, max_size=14).map("".join)
CUTS = st.lists(st.integers(0, 80), max_size=12)


def followed(content: str, *, opened: bool, cuts: list[int] | None = None) -> tuple[Follower, str, str]:
    """The follower at the end, and what it told as thinking and as answer."""
    follower = Follower(opened=opened)
    places = [0, *sorted(min(cut, len(content)) for cut in cuts or []), len(content)]
    told = [follower.feed(content[begin:end]) for begin, end in pairwise(places)]
    return follower, "".join(before for before, _ in told), "".join(after for _, after in told)


@settings(deadline=None)
@given(CONTENT, st.booleans())
def test_thinking_begins_and_ends_where_it_does_in_the_whole_content(content: str, opened: bool) -> None:
    if is_harmony(content):
        return
    parts = split_content(content, prompt_opens_thinking=opened)
    follower, before, after = followed(content, opened=opened)
    if follower.begins is None or not before.strip():
        return
    if follower.ends is None:
        assert parts.closed is False
        assert parts.reasoning.startswith(before)
        assert len(content) - follower.until < max(map(len, MARKERS.values()))
    else:
        assert parts.closed is True
        assert parts.reasoning.startswith(before)
        assert (before, after) == (content[follower.begins : follower.until], content[follower.ends :])


@settings(deadline=None)
@given(CONTENT, st.booleans(), CUTS)
def test_no_cutting_changes_what_is_told(content: str, opened: bool, cuts: list[int]) -> None:
    whole, *texts = followed(content, opened=opened)
    cut, *same = followed(content, opened=opened, cuts=cuts)
    assert same == texts
    assert (cut.begins, cut.until, cut.ends, cut.visible) == (
        whole.begins,
        whole.until,
        whole.ends,
        whole.visible,
    )


def test_harmonys_channel_of_thinking_is_followed() -> None:
    content = "<|channel|>analysis<|message|>so<|end|><|start|>assistant<|channel|>final<|message|>4"
    _, before, _ = followed(content, opened=False)
    assert before == "so"
    assert followed("analysisWe add.assistantfinal4", opened=False)[1:] == ("We add.", "4")


def test_what_nothing_shows_to_be_thinking_is_not_taken_for_it_until_a_closing_marker_comes() -> None:
    follower = Follower(opened=False)
    assert follower.feed("so it is 4") == ("so it is 4", "")
    assert follower.begins is None
    assert follower.feed(".</think>4") == (".", "4")
    assert (follower.begins, follower.until, follower.ends) == (0, 11, 19)


def test_a_quoted_pair_of_markers_closes_nothing() -> None:
    follower = Follower(opened=False)
    follower.feed("The tags <think> and </think> are two.")
    assert follower.begins is None
