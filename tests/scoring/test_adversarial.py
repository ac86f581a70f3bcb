"""Answers made to mislead a scorer, with the verdict that a careful reader would give."""

from __future__ import annotations

import pytest

from evalbudget.records import Reply, Sample
from evalbudget.scoring import SCORERS

IN_THINKING = r"So it is \boxed{TARGET}. The answer is TARGET."
"""Every case is thought of correctly: what counts stands in the answer."""


def value(name: str, target: str, answer: str, **options: object) -> float:
    reply = Reply(reasoning=IN_THINKING.replace("TARGET", target), answer=answer)
    return SCORERS[name](Sample(id="1", prompt="", target=target), reply, **options).value  # type: ignore[call-arg]


RIGHT_204 = [
    r"First \boxed{17}; corrected: \boxed{204}",
    "\\boxed{204}\n\nThe answer was to be put as \\boxed{answer}.",
    "\\boxed{204}\nFormat: \\boxed{\\text{your answer}}",
    "\\boxed{204}\n(as asked, within \\boxed{...})",
    r"I put the final answer within \boxed{}: \boxed{204}",
    "Answer: <number>\nAnswer: 204",
    "Answer: 204\nThe last line is 'Answer: N' as asked.",
    "The answer is ٢٠٤.",
    r"\boxed{२०४}",
    "Answer: 𝟐𝟎𝟒",
    "Answer：２０４",
    "答案是204。",
    "最终答案：204",
    "The answer is two hundred and four.",
    r"\boxed{\text{two hundred four}}",
    "Answer: 204 cm",
    "Answer: 204 m/s",
    r"\boxed{204\text{ square centimetres}}",
    "Answer:\n```\n204\n```",
    "| quantity | value |\n|---|---|\n| **Answer** | **204** |",
    "<answer>204</answer>",
    "<answer>\n204\n</answer>",
    "The answer is 204!",
    "**Final answer: 204** ✅",
    "Answer: \u200e204\u200f",
    "The answer is not 205 but 204.",
    "The answer is 204, or two hundred and four.",
    "Answer: 204 (mod 1000)",
    r"\boxed{m + n = 200 + 4 = 204}",
    r"\boxed{204 = 200 + 4}",
    r"The answer is \(204\).",
    "Answer: 205. Let me check again.\n\nAnswer: 204",
]
WRONG_204 = [
    "",
    r"\boxed{204}. Hmm, rather \boxed{17}",
    "The answer is not 204.",
    r"\boxed{\text{not } 204}",
    r"\boxed{\neq 204}",
    "The answer is 205, not 204.",
    "The answer lies between 200 and 204.",
    r"\boxed{200\text{ to }204}",
    "Answer: 200-204",
    "The answer is 204 or 205.",
    "The answer is 204, or maybe 205.",
    "The answer is 204 (or 205 if zero counts).",
    r"\boxed{204\text{ or }205}",
    r"\boxed{203\text{ or }204}",
    "```python\nprint(204)\n```",
    "| n | value |\n|---|---|\n| 204 | 3 |",
    "<answer>203</answer>\n\n204 is the next one",
    "I am sorry, I cannot help with 204.",
    "There are 204 ways to look at it.",
    "Answer: 204.5",
    "Answer: 204,000",
    r"\boxed{204!}",
    r"\boxed{a = 17, b = 204}",
    r"\boxed{-204}",
    "204\n205",
    "The answer is 204 if n is even, and 205 otherwise.",
]
ONLY_INTEGER_WRONG = [r"\boxed{\frac{408}{2}}", "Answer: 0xCC", r"\boxed{\approx 204}", "The answer is 204²"]
"""AIME asks for the number itself."""


@pytest.mark.parametrize("answer", RIGHT_204)
@pytest.mark.parametrize("name", ["integer", "number", "math_verify"])
def test_a_right_number_is_found_however_it_is_given(name: str, answer: str) -> None:
    assert value(name, "204", answer) == 1.0


@pytest.mark.parametrize("answer", WRONG_204)
@pytest.mark.parametrize("name", ["integer", "number", "math_verify"])
def test_what_commits_to_another_number_or_to_none_is_wrong(name: str, answer: str) -> None:
    assert value(name, "204", answer) == 0.0


@pytest.mark.parametrize("answer", ONLY_INTEGER_WRONG)
def test_an_integer_is_not_computed_from_an_expression(answer: str) -> None:
    assert value("integer", "204", answer) == 0.0


@pytest.mark.parametrize(
    ("target", "answer", "right"),
    [
        ("0.5", r"\boxed{\frac12}", True),
        ("0.5", "Answer: 0,5", True),
        ("0.5", "Answer: 5 × 10⁻¹", True),
        ("0.5", "Answer: ½", True),
        ("0.5", "Answer: ٠٫٥", True),
        ("0.5", "Answer: 0.5 m/s²", True),
        ("0.5", "Answer: approximately 0.5 kg", True),
        ("0.5", r"\boxed{x \approx 0.5}", True),
        ("0.5", "The answer is 1/2, or 0.5.", True),
        ("0.5", "Answer: 50%", True),
        ("50", "Answer: 50%", True),
        ("50%", "Answer: 50", True),
        ("1.5", "Answer: 1 1/2", True),
        ("1.5", r"\boxed{1\frac{1}{2}}", True),
        ("5.5", r"\boxed{1\frac{1}{2}}", False),
        ("1500000", "Answer: 1.5 million", True),
        ("1.5", "Answer: 1.5 million", False),
        ("0.5", "Answer: 0.5 ± 0.1", False),
        ("0.5", "Answer: 0.4-0.5", False),
        ("0.5", "Answer: 0.5 or 0.6", False),
        ("0.5", "Answer: <0.5", False),
        ("0.5", "Answer: 0.5x", False),
        ("0.5", r"\boxed{0.5\pi}", False),
        ("0.5", "Answer: 1/2/1", False),
        ("0.5", "Answer: -0.5", False),
        ("2", "Answer: 2 pi", False),
        ("1024", "Answer: 1,024", True),
        ("1.024", "Answer: 1,024", False),
    ],
)
def test_a_decimal_is_read_as_a_careful_reader_would(target: str, answer: str, right: bool) -> None:
    assert value("number", target, answer) == float(right)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("Paris", True),
        ("  Paris \n", True),
        ("Pa\u00adris", True),
        ("\ufeffParis\u200b", True),
        ("New  Paris", False),
        ("paris", False),
        ("Paris.", False),
        ("**Paris**", False),
        ('"Paris"', False),
        ("`Paris`", False),
        ("```\nParis\n```", False),
        (r"\boxed{Paris}", False),
        ("Answer: Paris", False),
        ("The answer is Paris", False),
        ("not Paris", False),
        ("Paris or Rome", False),
        ("Paris, France", False),
        ("Рaris", False),  # a Cyrillic letter
        ("Ｐaris", False),  # a full-width letter
        ("Pariss", False),
        ("", False),
        ("Paris\nParis", False),
    ],
)
def test_exact_takes_nothing_but_the_words_themselves(answer: str, right: bool) -> None:
    assert value("exact", "Paris", answer) == float(right)


@pytest.mark.parametrize(
    ("target", "answer", "right"),
    [
        ("1/2", r"\boxed{\frac{2}{4}}", True),
        ("1/2", r"\boxed{\cos\frac{\pi}{3}}", True),
        ("1/2", r"\boxed{0.5}", True),
        ("1/2", r"\boxed{50\%}", True),
        ("50%", "0.5", True),
        ("50%", "Answer: 5%", False),
        ("1/2", r"\boxed{-\frac12}", False),
        ("1/2", r"\boxed{\frac12 x}", False),
        (r"\frac{\sqrt{3}}{2}", "Answer: sqrt(3)/2", True),
        (r"\frac{\sqrt{3}}{2}", "√3/2", True),
        (r"\frac{\sqrt{3}}{2}", "0.866", False),
        ("x^2+1", "Answer: $y = x^2+1$", True),
        ("x^2+1", r"\boxed{(x+1)^2-2x}", True),
        ("x^2+1", "x**2 + 1", True),
        ("x^2+1", r"\boxed{x^2}", False),
        ("1, 2", "The answer is $1$ and $2$.", True),
        ("1, 2", r"\boxed{\{2,1\}}", True),
        ("1, 2", "Answer: 1", False),
        ("2", "The answer is $1$ or $2$.", False),
        ("3", "The answer is from $1$ to $3$.", False),
        (r"\text{no solution}", r"\boxed{\text{No solution}}", True),
        (r"\text{no solution}", r"\boxed{0}", False),
        (r"(-\infty, 3]", r"\boxed{(-\infty,3]}", True),
        (r"(-\infty, 3]", r"\boxed{(-\infty,3)}", False),
        (r"2\pi", "Answer: 2π", True),
        (r"2\pi", r"\boxed{\text{about }2\pi}", False),
        ("12", r"\boxed{\text{(B)}\ 12}", True),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\[\boxed{\begin{pmatrix}1\\2\end{pmatrix}}\]", True),
    ],
)
def test_expressions_are_compared_as_mathematics(target: str, answer: str, right: bool) -> None:
    assert value("math_verify", target, answer) == float(right)


COLOUR = r"(?im)^colou?r:\s*\**(\w+)"


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("Colour: red", True),
        ("color: red", True),
        ("Colour: blue\nColour: red", True),
        ("Colour: red\nColour: blue", False),
        ("Say `Colour: NAME`.\n\nColour: red", True),
        ("Colour: red\n\nAs asked, in the form 'Colour: NAME'.", True),
        ("Colour: **red**", True),
        ("Colour: Red", False),
        ("Colour:", False),
        ("My colour: red", False),
        ("red", False),
        ("Colour: reddish", False),
        ("Colour: ｒｅｄ", False),
        ("", False),
        ("Colour: \nred", True),
        ("```\nColour: red\n```", True),
        ("| Colour: red |", False),
        ("Not sure.\nColour: not red", False),
        ("Colour: red or blue", True),  # the pattern asks for one word
        ("I cannot say.", False),
    ],
)
def test_a_pattern_finds_what_it_says_and_the_last_match_counts(answer: str, right: bool) -> None:
    assert value("regex", "red", answer, pattern=COLOUR) == float(right)


CITY = {
    "type": "object",
    "properties": {"city": {"type": "string", "minLength": 1}, "people": {"type": "integer", "minimum": 0}},
    "required": ["city"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ('{"city": "Paris"}', True),
        ('```json\n{"city": "Paris"}\n```', True),
        ('Here it is:\n```json\n{"city": "Paris"}\n```\nAnything else?', True),
        ('```json\n{"town": "Paris"}\n```\nNo:\n```json\n{"city": "Paris"}\n```', True),
        ('```json\n{"city": "Paris"}\n```\nNo:\n```json\n{"town": "Paris"}\n```', False),
        ('```json\n{"city": "Paris"}\n```\n```python\nprint(1)\n```', True),
        ('```\n{"city": "Paris"}', True),
        ('~~~JSON\n{"city": "Paris"}\n~~~', True),
        ('`{"city": "Paris"}`', True),
        ('{"city": "Paris", "people": 2.0}', True),
        ('{"city": "Paris", "people": true}', False),
        ('{"city": "Paris", "people": NaN}', False),
        ('{"city": "Paris", "people": 1e999}', False),
        ('{"city": "Rome", "city": "Paris"}', False),
        ('{"city": "Paris",}', False),
        ("{'city': 'Paris'}", False),
        ('{"city": "Paris"} // the capital', False),
        ('{"city": "Paris"}{"city": "Rome"}', False),
        ('Sure: {"city": "Paris"}', False),
        ('[{"city": "Paris"}]', False),
        ('"{\\"city\\": \\"Paris\\"}"', False),
        ('{"city": ""}', False),
        ('{"City": "Paris"}', False),
        ("```python\n{'city': 'Paris'}\n```", False),
        ("I cannot do that.", False),
        ("", False),
        ('{"city": ' + "[" * 5000 + "]" * 5000 + "}", False),
    ],
)
def test_json_is_read_as_the_standard_says(answer: str, right: bool) -> None:
    assert value("json_schema", "", answer, schema=CITY) == float(right)
