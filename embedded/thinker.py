"""Writes a tiny GGUF model that thinks, and whose answer depends on how far it thought.

    python -m embedded.thinker FILE

It is no language model: its weights are made by hand, and what it says is known beforehand, to the token
(`thoughts.py`). One block does it all:

- The embedding of a token is the code of its one follower, and the output layer compares codes.
- Two heads of attention are memories. The question's thought has a control token, which the second head looks
  at for ever. The first looks at the furthest milestone: the words with which some thought makes a step have
  keys that grow along the chain, so that the softmax sees the last of them alone. Every other token has the
  key 0, and `<|im_start|>` a small one: what is seen as long as nothing else is.
- Each neuron of the feed-forward layer is an AND of features, such as "the last token is ` \\boxed{`", "it is
  thought 7", "the furthest milestone is one of these". Where it holds, it puts another code in the place of
  the follower's: that of a digit, or of a thought's first word.

The frequencies of RoPE's last pair are so low that it turns nothing, so that keys live there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, LlamaFileType, TokenType

from embedded.scripted import F16, F32, Tensors, add_vocabulary, byte_alphabet, ones, save
from embedded.thoughts import (
    ANSWER,
    CHAIN,
    CLOSE,
    CONTROLS,
    END,
    OKAY,
    OPEN,
    RING,
    SYLLABLES,
    TEMPLATE,
    THOUGHTS,
    UNKNOWN,
    Thought,
)

# ------------------------------------------------------------------------------------------- the vocabulary


def vocabulary() -> tuple[list[str], list[TokenType], list[str], dict[str, int]]:
    """Tokens as GGUF writes them, their types, the merges, and the id of each text.

    The words are ordinary tokens that merges build from bytes: b + e, then blank + be, then that + mu.
    """
    alphabet = byte_alphabet()
    blank = alphabet[ord(" ")]
    first = [blank + syllable for syllable in SYLLABLES]
    merges = [" ".join(syllable) for syllable in SYLLABLES]
    merges += [f"{blank} {syllable}" for syllable in SYLLABLES]
    merges += [f"{blank}{word[1:3]} {word[3:]}" for word in CHAIN]
    tokens = [*alphabet, *SYLLABLES, *first, *(blank + word[1:] for word in CHAIN)]
    ids = {chr(byte): byte for byte in range(128)}
    ids |= {word: len(tokens) - len(CHAIN) + place for place, word in enumerate(CHAIN)}
    types = [TokenType.NORMAL] * len(tokens)
    words = [text for text in (OPEN, CLOSE, OKAY, *ANSWER, *UNKNOWN) if text not in ids]
    for kind, texts in ((TokenType.CONTROL, CONTROLS), (TokenType.USER_DEFINED, dict.fromkeys(words))):
        for text in texts:
            ids[text] = len(tokens)
            tokens.append(text)
            types.append(kind)
    return tokens, types, merges, ids


TOKENS, TYPES, MERGES, IDS = vocabulary()


def followers() -> dict[str, str]:
    """The table: each token's one follower, whatever was thought."""
    chains: list[tuple[str, ...]] = [
        (OPEN, OKAY),
        ("\n", OKAY),  # behind an opening marker in the prompt
        (*CHAIN, CLOSE, *ANSWER),
        (*UNKNOWN[-2:], END),
        *((str(digit), "}", END) for digit in range(10)),
        *((f"<|thought-{number}|>", OPEN) for number in THOUGHTS),
    ]
    return {token: following for chain in chains for token, following in pairwise(chain)}


TABLE = followers()

# ---------------------------------------------------------------------------------------------- the features

MILESTONES = tuple(
    sorted({thought.entry + place - 2 for thought in THOUGHTS.values() for place, _ in thought.steps})
)
"""Places in the chain at which some thought makes a step."""

KINDS: Mapping[str, str] = {
    **{f"milestone {place}": CHAIN[place] for place in MILESTONES},
    **{f"thought {number}": f"<|thought-{number}|>" for number in THOUGHTS},
    "sink": "<|im_start|>",
    "okay": OKAY,
    "is": ANSWER[-2],
    "box": ANSWER[-1],
    "last": CHAIN[-1],
}
"""What a token can be, and the token that is it; every other one is plain."""

SEEN = ("nothing", *MILESTONES)
"""What the first head can see."""
ASKED = (None, *THOUGHTS)
"""What the second head can see: the number of a thought."""

CODE = 256
"""Length of the codes by which tokens are told apart."""
FEATURES = tuple(
    ["one", "plain", *KINDS, *(f"seen {place}" for place in SEEN), *(f"asked {each}" for each in ASKED)]
)
"""What the numbers behind the code mean. The memories write `seen` and `asked`."""
HIDDEN = 416
HEAD = 64
HEADS = 2
FEED_FORWARD = 160

ONE, FEATURE = 4, 12
"""Values of `one` and of a feature that holds. CODE + ONE² + FEATURE² = HIDDEN: embeddings are normed."""
LEAD = 60.0
"""The follower's logit; those of all others are spread around 0 with a deviation of LEAD / √CODE."""
LOUDER = 4.0
"""How much of a code a neuron adds, in whole codes."""
STEEP = 8.0
"""Weight of a feature in a neuron: the sum of features passes its threshold by ±37."""

_MEMORIES_FILLED = CODE + ONE**2 + 3 * FEATURE**2
"""Sum of squares of a token behind the attention: two memories each added a feature."""
RMS = float(np.sqrt(_MEMORIES_FILLED / HIDDEN))


def dimension(feature: str) -> int:
    """Where a feature stands in the hidden state."""
    return CODE + FEATURES.index(feature)


CODES = np.where(np.random.RandomState(4).rand(len(TOKENS), CODE) < 0.5, np.float32(-1), np.float32(1))
"""(vocabulary, CODE) of ±1: by its code a token is called for."""


def code(text: str) -> F32:
    """The code that calls for a token."""
    called: F32 = CODES[IDS[text]]
    return called


# ----------------------------------------------------------------------------------------------- the weights


def embeddings() -> F32:
    """(vocabulary, HIDDEN): the code of each token's follower, by default the end token; its features."""
    rows = np.zeros((len(TOKENS), HIDDEN), np.float32)
    rows[:, :CODE] = code(END)
    rows[:, dimension("one")] = ONE
    rows[:, dimension("plain")] = FEATURE
    for token, following in TABLE.items():
        rows[IDS[token], :CODE] = code(following)
    for kind, text in KINDS.items():
        rows[IDS[text], dimension("plain")] = 0
        rows[IDS[text], dimension(kind)] = FEATURE
    return rows


def output_layer() -> F16:
    """(vocabulary, HIDDEN): a logit of LEAD for the token that is called for."""
    layer = np.zeros((len(TOKENS), HIDDEN), np.float32)
    layer[:, :CODE] = CODES * (LEAD / CODE * RMS)
    return layer.astype(np.float16)


def memories() -> Tensors:
    """Attention: a key is worth 12 times its number here, of which the softmax makes powers of e.

    So what is seen next to the strongest key counts for e⁻¹² of it, and 30,000 plain tokens beside the
    weakest for 10⁻⁶.
    """
    query, key, value = (np.zeros((HEADS * HEAD, HIDDEN), np.float16) for _ in range(3))
    output = np.zeros((HIDDEN, HEADS * HEAD), np.float16)
    seen = {"sink": "seen nothing", **{f"milestone {place}": f"seen {place}" for place in MILESTONES}}
    asked = {"sink": "asked None", **{f"thought {number}": f"asked {number}" for number in THOUGHTS}}
    for head, noticed in enumerate((seen, asked)):
        begin, unturned = head * HEAD, (head + 1) * HEAD - 1
        query[unturned, dimension("one")] = np.sqrt(HEAD) / ONE
        for place, (kind, memory) in enumerate(noticed.items()):
            key[unturned, dimension(kind)] = 2 + place if head == 0 else 2 + (place > 0)
            value[begin + place, dimension(kind)] = 1
            output[dimension(memory), begin + place] = 1
    return {
        "attn_norm.weight": ones(HIDDEN),
        "attn_q.weight": query,
        "attn_k.weight": key,
        "attn_v.weight": value,
        "attn_output.weight": output,
    }


@dataclass(frozen=True, slots=True)
class Neuron:
    """Where all of some features hold, another token is called for."""

    all_of: Sequence[Sequence[str]]
    """Groups of features; of each group one must hold. No two of a group can."""
    usual: str
    """The token that is called for otherwise."""
    instead: str
    """The token that is called for here."""


def neurons() -> Iterator[Neuron]:
    """One for each thought's first word, one for each of its answers, one for each that never ends."""
    for number, thought in THOUGHTS.items():
        asked = [f"asked {number}"]
        yield Neuron([["okay"], asked], END, CHAIN[thought.entry])
        for digit, places in seen_with(thought).items():
            seen = [f"seen {place}" for place in places]
            if digit is None:
                yield Neuron([["is"], asked, seen], ANSWER[-1], UNKNOWN[-2])
            else:
                yield Neuron([["box"], asked, seen], END, str(digit))
        if thought.length is None:
            yield Neuron([["last"], asked], CLOSE, CHAIN[-RING])


def seen_with(thought: Thought) -> dict[int | None, list[str | int]]:
    """For each digit that a thought ever answers, or None: what the first head sees when it does."""
    found: dict[int | None, list[str | int]] = {thought.digit(0): ["nothing"]}
    for place in MILESTONES:
        if place >= thought.entry:
            found.setdefault(thought.digit(place - thought.entry + 2), []).append(place)
    return found


def feed_forward() -> Tensors:
    """The neurons: gate × up is 37 where one holds, nothing to speak of (e⁻³⁷) where it does not."""
    gate, up = (np.zeros((FEED_FORWARD, HIDDEN), np.float32) for _ in range(2))
    down = np.zeros((HIDDEN, FEED_FORWARD), np.float32)
    one, feature = ONE / RMS, FEATURE / RMS
    for place, neuron in enumerate(neurons()):
        for group in neuron.all_of:
            gate[place, [dimension(each) for each in group]] = STEEP
        gate[place, dimension("one")] = -STEEP * (len(neuron.all_of) - 0.5) * feature / one
        up[place, dimension("one")] = 1 / one
        change = code(neuron.instead) * LOUDER - code(neuron.usual)
        down[:CODE, place] = change / (STEEP * feature / 2)
    return {
        "ffn_norm.weight": ones(HIDDEN),
        "ffn_gate.weight": gate.astype(np.float16),
        "ffn_up.weight": up.astype(np.float16),
        "ffn_down.weight": down.astype(np.float16),
    }


# -------------------------------------------------------------------------------------------------- the file


def thinking_model(path: Path) -> Path:
    """Write the model to `path`, the same bytes every time; returns `path`."""
    writer = GGUFWriter(path, "llama")
    writer.add_name("scripted-thinker")
    writer.add_description("No language model: thinks thoughts of known length and answer, for tests")
    writer.add_file_type(LlamaFileType.MOSTLY_F16)
    writer.add_context_length(32768)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(1e30)
    writer.add_vocab_size(len(TOKENS))
    writer.add_block_count(1)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_rope_dimension_count(HEAD)
    add_vocabulary(writer, TOKENS, TYPES, MERGES, eos=IDS[END], pad=IDS["<|endoftext|>"])
    writer.add_chat_template(TEMPLATE)
    block = memories() | feed_forward()
    tensors: Tensors = {
        "token_embd.weight": embeddings().astype(np.float16),
        "output_norm.weight": ones(HIDDEN),
        "output.weight": output_layer(),
        **{f"blk.0.{name}": tensor for name, tensor in block.items()},
    }
    save(writer, tensors)
    return path


def main(arguments: list[str]) -> int:
    """Write the model into the file named."""
    if len(arguments) != 1:
        print("usage: python -m embedded.thinker FILE", file=sys.stderr)
        return 2
    path = thinking_model(Path(arguments[0]))
    print(f"{path}  {path.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
