"""Texts that repeat for good reasons and end well: no detector may call one of them doomed.

Each family writes the repetitive part; `hard_negative` puts it into a reply that finished: in the middle, at
the very end, in the answer behind thinking, or as the whole reply.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.reasoning.loops.made_prose import OBJECTS, SUBJECTS, VERBS, prose, sentence

NAMES = ("Ada", "Bela", "Chen", "Dana", "Emil", "Fumi", "Gita", "Hugo", "Ines", "Jona", "Kira", "Liam")
CITIES = ("Oslo", "Lima", "Turin", "Quito", "Dakar", "Kyoto", "Perth", "Delhi", "Porto", "Sofia", "Accra")


@dataclass(frozen=True, slots=True)
class Reply:
    """One made reply."""

    family: str
    reasoning: str
    answer: str
    finish_reason: str | None


def table(random: Random) -> str:
    rows = range(random.randrange(5, 120))
    head = "| n | value | square | note |\n|---|---|---|---|\n"
    note = random.choice(("ok", "", "checked", "see above"))
    return head + "\n".join(f"| {n} | {n * 3} | {n * n} | {note} |" for n in rows)


def wide_separator(random: Random) -> str:
    columns = random.randrange(6, 60)
    rule = "|" + "---|" * columns
    return "\n".join(["|" + "a|" * columns, rule, "|" + "0|" * columns, "=" * random.randrange(20, 90)])


def enumeration(random: Random) -> str:
    return "\n".join(f"{n}. {sentence(random)}" for n in range(1, random.randrange(5, 90)))


def similar_sentences(random: Random) -> str:
    things = [
        f"The capital of region {n} is {random.choice(CITIES)}; its mayor is {random.choice(NAMES)}."
        for n in range(random.randrange(10, 120))
    ]
    return random.choice((" ", "\n")).join(things)


def decimals(random: Random) -> str:
    bottom = random.choice((3, 7, 9, 11, 13, 17, 19, 23, 27, 37, 41, 101))
    digits, rest = [], 1
    for _ in range(random.randrange(40, 700)):
        rest *= 10
        digits.append(str(rest // bottom))
        rest %= bottom
    return f"1/{bottom} = 0.{''.join(digits)}..."


def code(random: Random) -> str:
    lines = [
        f"    if name == '{random.choice(NAMES)}{n}':\n        return {n}\n"
        for n in range(random.randrange(4, 60))
    ]
    return "```python\ndef number(name):\n" + "".join(lines) + "    raise KeyError(name)\n```"


def same_code_lines(random: Random) -> str:
    line = random.choice(("    queue.append(queue.popleft())\n", "    x = step(x)\n", "    print(row)\n"))
    return "```python\ndef run(queue, x, row):\n" + line * random.randrange(4, 60) + "    return x\n```"


def drafts(random: Random) -> str:
    draft = code(random)
    return f"Draft:\n{draft}\n\n{sentence(random)}\n\nAgain, carefully:\n{draft}\n\nFinal:\n{draft}"


def case_list(random: Random) -> str:
    return "\n".join(
        f"Case {n}: if x = {n}, then x² + 1 = {n * n + 1}, which is {'odd' if n % 2 == 0 else 'even'}."
        for n in range(random.randrange(6, 90))
    )


def same_verdict_cases(random: Random) -> str:
    return "\n".join(
        f"Try n = {n}: {n}² = {n * n}, not a solution." for n in range(1, random.randrange(10, 120))
    )


def zero_matrix(random: Random) -> str:
    size = random.randrange(4, 40)
    row = "[" + ", ".join(["0"] * size) + "]"
    return "[" + ",\n ".join([row] * size) + "]"


def identity_matrix(random: Random) -> str:
    size = random.randrange(4, 30)
    rows = (", ".join("1" if row == column else "0" for column in range(size)) for row in range(size))
    return "[" + ",\n ".join(f"[{row}]" for row in rows) + "]"


def latex_matrix(random: Random) -> str:
    size = random.randrange(3, 14)
    row = " & ".join([random.choice(("0", "1", "a", "x"))] * size)
    return "\\[\\begin{pmatrix}\n" + " \\\\\n".join([row] * size) + "\n\\end{pmatrix}\\]"


def csv(random: Random) -> str:
    rows = [
        f"{n},{random.choice(NAMES)},{random.choice(CITIES)},{random.randrange(3)}"
        for n in range(random.randrange(8, 120))
    ]
    return "id,name,city,level\n" + "\n".join(rows)


def same_csv(random: Random) -> str:
    return "a,b,c\n" + "\n".join(["0,0,0"] * random.randrange(8, 90))


def asserts(random: Random) -> str:
    return "\n".join(f"assert double({n}) == {2 * n}" for n in range(random.randrange(8, 120)))


def modexp(random: Random) -> str:
    base, modulus = random.randrange(2, 9), random.choice((7, 13, 100, 1000))
    return "\n".join(
        f"{base}^{n} mod {modulus} = {pow(base, n, modulus)}" for n in range(1, random.randrange(10, 130))
    )


def poem(random: Random) -> str:
    refrain = "\n".join(sentence(random) for _ in range(random.randrange(2, 4)))
    verses = ["\n".join(sentence(random) for _ in range(4)) for _ in range(random.randrange(3, 8))]
    return "\n\n".join(f"{verse}\n\n{refrain}" for verse in verses)


def bottles(random: Random) -> str:
    return "\n\n".join(
        f"{n} bottles of beer on the wall, {n} bottles of beer. Take one down, pass it around, "
        f"{n - 1} bottles of beer on the wall."
        for n in range(random.randrange(8, 60), 0, -1)
    )


def json_array(random: Random) -> str:
    rows = [
        {"id": n, "name": random.choice(NAMES), "active": True, "tags": []}
        for n in range(random.randrange(5, 90))
    ]
    return "```json\n" + json.dumps(rows, indent=random.choice((None, 2))) + "\n```"


def log_lines(random: Random) -> str:
    return "\n".join(
        f"2026-01-{1 + n % 28:02}T10:{n % 60:02}:00Z INFO worker-{n % 4} heartbeat ok"
        for n in range(random.randrange(8, 120))
    )


def sql(random: Random) -> str:
    rows = [
        f"INSERT INTO people (id, name) VALUES ({n}, '{random.choice(NAMES)}');"  # noqa: S608 - no database
        for n in range(random.randrange(8, 90))
    ]
    return "```sql\n" + "\n".join(rows) + "\n```"


def html(random: Random) -> str:
    cells = "<td></td>" * random.randrange(3, 12)
    return "<table>\n" + f"<tr>{cells}</tr>\n" * random.randrange(3, 20) + "</table>"


def truth_table(random: Random) -> str:
    width = random.randrange(3, 7)
    rows = [" ".join("TF"[n >> bit & 1] for bit in range(width)) + " | T" for n in range(2**width)]
    return "\n".join(rows)


def words_asked_for(random: Random) -> str:
    return " ".join([random.choice(("buffalo", "ha", "na", "tick tock"))] * random.randrange(10, 150)) + "!"


def checks(random: Random) -> str:
    return "\n".join(
        f"- {random.choice(SUBJECTS)} {random.choice(VERBS)} {random.choice(OBJECTS)}: yes"
        for _ in range(random.randrange(10, 90))
    )


def rechecking(random: Random) -> str:
    claim = sentence(random)
    return "\n\n".join(
        f"{prose(random, random.randrange(2, 5))} {claim}" for _ in range(random.randrange(3, 14))
    )


def star_triangle(random: Random) -> str:
    return "```\n" + "\n".join("*" * n for n in range(1, random.randrange(8, 60))) + "\n```"


FAMILIES: tuple[Callable[[Random], str], ...] = (
    table, wide_separator, enumeration, similar_sentences, decimals, code, same_code_lines, drafts, case_list,
    same_verdict_cases, zero_matrix, identity_matrix, latex_matrix, csv, same_csv, asserts, modexp, poem,
    bottles, json_array, log_lines, sql, html, truth_table, words_asked_for, checks, rechecking,
    star_triangle,
)  # fmt: skip


def hard_negative(seed: int) -> Reply:
    """A finished reply with a repetitive part of the family `seed` modulo their number."""
    random = Random(seed)
    family = FAMILIES[seed % len(FAMILIES)]
    part = family(random)
    before, after = prose(random, random.randrange(1, 40)), prose(random, random.randrange(1, 6))
    inner, last = f"{before}\n\n{part}\n\n{after}", f"{before}\n\n{part}"
    place = random.choice(("answer only", "ends", "inside", "thinking", "both"))
    finish = random.choice(("stop", None))
    match place:
        case "answer only":
            reasoning, answer = "", part
        case "ends":
            reasoning, answer = before, last
        case "inside":
            reasoning, answer = "", inner
        case "thinking":
            reasoning, answer = inner, after
        case _:
            reasoning, answer = inner, f"{part}\n\n{after}"
    return Reply(family.__name__, reasoning, answer, finish)
