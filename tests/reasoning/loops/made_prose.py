"""Prose as a reasoning model writes it, made from a seed: it never repeats a clause by design."""

from __future__ import annotations

from random import Random

OPENERS = (
    "So", "Wait", "Hmm", "But", "Now", "Okay", "First", "Then", "Also", "Next", "Therefore", "Actually",
    "Alternatively", "Since that holds", "On the other hand", "To be careful", "In that case",
)  # fmt: skip
SUBJECTS = (
    "the sum", "the left side", "this triangle", "the second root", "every divisor", "the remainder",
    "our first guess", "the series", "the function", "that term", "a smaller case", "the graph",
    "the product", "each vertex", "the matrix", "the condition", "the angle at B", "the bound",
    "the exponent", "the sequence",
)  # fmt: skip
VERBS = (
    "gives", "must equal", "cannot exceed", "simplifies to", "is close to", "depends on", "is divisible by",
    "contradicts", "is larger than", "follows from", "reduces to", "is parallel to", "leads back to",
    "would need", "is bounded by", "agrees with", "turns into", "has the same parity as",
)  # fmt: skip
OBJECTS = (
    "the midpoint of AC", "a perfect square", "the value that we want", "an odd prime", "twice the radius",
    "its own inverse", "the answer from before", "the area of the square", "half of the total", "a constant",
    "the number of pairs", "the shortest path", "an even integer", "the first term", "the other equation",
    "the given ratio", "a rational number", "the height of the cone", "the largest element", "zero",
)  # fmt: skip
TAILS = (
    "by symmetry", "after we substitute", "when n is small", "for every choice of x", "as the problem says",
    "if the lemma holds", "up to rounding", "modulo 7", "because the terms cancel", "in the usual way",
    "which is what we expect", "except at the boundary", "by the triangle inequality", "with equality at 0",
)  # fmt: skip


def sentence(random: Random) -> str:
    """One sentence of 8 to 25 words and figures; two equal ones are unlikely."""
    clauses = [
        f"{random.choice(SUBJECTS)} {random.choice(VERBS)} {random.choice(OBJECTS)}",
        random.choice(TAILS),
    ]
    if random.random() < 0.6:
        clauses.append(f"so it is {random.randrange(2, 1000)}{random.choice(('', '/7', '.5', ' + k', '²'))}")
    if random.random() < 0.4:
        clauses.append(f"and {random.choice(SUBJECTS)} {random.choice(VERBS)} {random.choice(OBJECTS)}")
    return f"{random.choice(OPENERS)}, {', '.join(clauses)}."


def prose(random: Random, sentences: int) -> str:
    """Paragraphs of one to four sentences."""
    text = []
    for number in range(sentences):
        text.append(sentence(random))
        text.append("\n\n" if random.random() < 0.4 and number < sentences - 1 else " ")
    return "".join(text).rstrip()
