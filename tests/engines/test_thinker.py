"""The thinking model is what its documents say, before any engine sees it."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from embedded.thinker import (
    CODE,
    FEED_FORWARD,
    HIDDEN,
    IDS,
    MILESTONES,
    RMS,
    TABLE,
    TOKENS,
    code,
    embeddings,
    neurons,
    output_layer,
    thinking_model,
)
from embedded.thoughts import CHAIN, CLOSE, END, OKAY, RING, SYLLABLES, THOUGHTS, Said, truth
from evalbudget.reasoning.budgets.force import SENTENCES, force_string

MANY = 5000


def test_the_model_is_the_same_bytes_every_time_and_small(tmp_path: Path) -> None:
    first, again = (thinking_model(tmp_path / name) for name in ("first.gguf", "again.gguf"))
    assert first.read_bytes() == again.read_bytes()
    assert first.stat().st_size < 10_000_000


def test_every_token_leads_to_its_follower_by_more_than_30() -> None:
    texts = {number: text for text, number in IDS.items()}
    layer = output_layer().astype(np.float32)[:, :CODE]
    for first in range(0, len(TOKENS), 512):
        logits = embeddings()[first : first + 512, :CODE] / RMS @ layer.T
        for token, row in enumerate(logits, first):
            assert row.argmax() == IDS[TABLE.get(texts.get(token, ""), END)], TOKENS[token]
            best, second = np.sort(row)[[-1, -2]]
            assert best - second > 30, TOKENS[token]


def test_every_neuron_makes_its_own_token_lead_by_more_than_30() -> None:
    layer = output_layer().astype(np.float32)
    for neuron in neurons():
        hidden = 4 * code(neuron.instead)
        norm = float(np.sqrt((RMS**2 * HIDDEN - CODE + hidden @ hidden) / HIDDEN))
        logits = layer[:, :CODE] @ hidden / norm
        assert logits.argmax() == IDS[neuron.instead]
        assert np.subtract(*np.sort(logits)[[-1, -2]]) > 30
    assert len(list(neurons())) <= FEED_FORWARD


def test_embeddings_are_normed_already() -> None:
    assert np.unique((embeddings() ** 2).mean(axis=1)).tolist() == [1.0]


def test_a_text_can_be_cut_into_its_tokens_in_one_way_alone() -> None:
    assert len(set(TOKENS)) == len(TOKENS)
    assert len(set(CHAIN)) == len(CHAIN)
    syllable = "|".join(SYLLABLES)
    assert all(re.fullmatch(f" ({syllable}){{2}}", word) for word in CHAIN)


def test_what_closes_a_thinking_moves_no_step() -> None:
    """Its words are in the model's vocabulary too, where they happen to be words of the chain."""
    loud = {CHAIN[place].strip() for place in MILESTONES} | {CHAIN[-1].strip(), OKAY}
    families = ("qwen3", "nemotron", "glm-4.7", "deepseek-r1", "thinker", "scripted")
    said = " ".join([*SENTENCES, *(force_string(name).closing for name in families)])
    assert not loud & set(re.findall(r"\w+", said))


@pytest.mark.parametrize("thought", THOUGHTS.values(), ids=lambda thought: str(thought.number))
def test_a_thought_is_a_walk_along_the_table(thought: object) -> None:
    assert thought in THOUGHTS.values()
    each = next(each for each in THOUGHTS.values() if each == thought)
    words = each.words(MANY)
    assert words[0] == OKAY
    assert len(words) == (each.length or MANY)
    ends = {(CHAIN[-1], CHAIN[-RING])} if each.length is None else set()
    assert {pair for pair in pairwise(words[1:]) if TABLE[pair[0]] != pair[1]} == ends
    assert TABLE[CHAIN[-1]] == CLOSE
    for place, _ in each.steps:
        assert 2 <= place <= (each.length or len(CHAIN) - each.entry)
        assert words[place - 1] in {CHAIN[milestone] for milestone in MILESTONES}


def test_the_truth_of_a_budget_is_what_was_known_by_then() -> None:
    fourth = THOUGHTS[4]
    assert [fourth.digit(tokens) for tokens in (0, 15, 16, 32, 33, 55)] == [None, None, 2, 2, 9, 9]
    assert fourth.words(3) == (OKAY, CHAIN[-54], CHAIN[-53])
    forced = truth(fourth, 32, 4600)
    assert forced == Said(
        reasoning=32, closed=False, digit=2, answer=("The", " answer", " is", " \\boxed{", "2", "}")
    )
    assert truth(fourth, 55, 4600) == truth(fourth, None, 4600)
    assert truth(THOUGHTS[28], None, 4600) == Said(reasoning=4599, closed=False, digit=None, answer=())
