"""One letter of a multiple-choice question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.records import JsonValue, Outcome, Reply, Sample, Score
from evalbudget.scoring.choice import choice
from evalbudget.scoring.outcome import decide_outcome

OPTIONS: list[JsonValue] = ["5 m", "B cells", "the light bends towards the denser medium, always", "12.5"]


def score(answer: str, *, reasoning: str = "", target: str = "B", texts: bool = False) -> Score:
    sample = Sample(id="1", prompt="", target=target, extra={"options": OPTIONS} if texts else {})
    return choice(sample, Reply(reasoning=reasoning, answer=answer))


@pytest.mark.parametrize(
    ("answer", "form"),
    [
        ("Answer: B", "stated"),
        ("**Answer:** B", "stated"),
        ("**Answer: (B)**", "stated"),
        ("Answer: $B$", "stated"),
        ("answer : b", "stated"),
        ("Answer: B) 5 m", "stated"),
        ("Answer: **B**. 5 m", "stated"),
        ("Answer: Ｂ", "stated"),
        ("答案：Ｂ", "stated"),
        ("Answer: \u24b7", "stated"),
        ("Answer: \U0001d401", "stated"),
        ("Answer:\u200b\u00a0B", "stated"),
        ("Answer: “B”", "stated"),
        ("Answer: `B`", "stated"),
        ("Answer: ✅ B", "stated"),
        (r"Answer: $\text{B}$", "stated"),
        (r"Answer: \(\mathrm{B}\)", "stated"),
        ("<answer>B</answer>", "stated"),
        ("Antwort: B", "stated"),
        ("The answer is (B).", "stated"),
        ("The answer is b.", "stated"),
        ("The correct answer is B because light is fast.", "stated"),
        ("The answer is option B: 5 m", "stated"),
        ("The answer is clearly the letter B", "stated"),
        ("The answer to this question is B, as shown.", "stated"),
        ("Thus the answer (B).", "stated"),
        ("The correct option is B.", "stated"),
        ("Best choice: B", "stated"),
        ("Final answer: B", "stated"),
        ("### Final Answer\n\n**B**", "stated"),
        ("**Answer**\nB) 5 m\n\nBecause of the light.", "stated"),
        ("The answer is not A but B.", "stated"),
        ("The answer is B, not A.", "stated"),
        ("Answer: B, C is wrong", "stated"),
        (r"The answer is \boxed{B}", "boxed"),
        (r"$\boxed{\text{Answer: B}}$", "stated"),
        (r"\boxed{\text{(B) 5 m}}", "boxed"),
        ("Answer:\n\n$$\\boxed{B}$$", "boxed"),
        ("**Final Answer: Option B**", "stated"),
        ("The correct answer is:\n\n**B) 5 m**", "stated"),
        ("Answer: The answer is B.", "stated"),
        ("Answer: I believe the correct option is (B)", "stated"),
        ("My answer: b) 5 m", "stated"),
        ("Answer - B", "stated"),
        ("Answer: <B>", "stated"),
        ("The answer here is B", "stated"),
        ("The answer, then, is B.", "stated"),
        ("The correct answer is B—the densest", "stated"),
        ("Die Antwort ist B.", "stated"),
        ("答案选B", "stated"),
        ("정답은 B입니다", "stated"),
        ("Response: B", "stated"),
        ("Answer: A... scratch that, B.", "stated"),
        ("It's tempting to say the answer is A, but the answer is B", "stated"),
        ("A common answer is A, but the correct answer is B.", "stated"),
        ("Answer: B and not C", "stated"),
        ("Answer: B; C is wrong.", "stated"),
        ("(A) fails. (C) fails. (D) fails. Only (B) remains.", "concluded"),
        ("By elimination, B.", "concluded"),
        ("It is A or B, but I lean towards B.", "concluded"),
        ("A is incorrect.\nB is correct.\nC is incorrect.\nD is incorrect.", "concluded"),
        ("Answer choice: B", "stated"),
        ('{"reasoning": "fast", "answer": "B"}', "stated"),
        ("Answer: B<|im_end|>", "stated"),
        ("正确答案是 (B)。", "stated"),
        ("故选B。", "stated"),
        (r"\text{Answer: } B", "stated"),
        ("Answer: B\n\nConfidence: 90 %", "stated"),
        ("Answer: B\nAnswer:", "stated"),
        ("Between B and D, the answer is B.", "stated"),
        ("I'd say the answer is probably B (not C).", "stated"),
        ("Answer: (B) 5 m. Answer choice (C) is wrong, answer (A) would need more.", "stated"),
        ("The answer would be A if light were slow. It is not. So B.", "concluded"),
        ("The answer is A... Actually, hmm, I'd say (B).", "concluded"),
        ("It is B, not C.", "concluded"),
        ("The only option that fits both laws is B.", "concluded"),
        ("The option that is wrong is A. Option (b) is correct.", "concluded"),
        ("```\nB\n```", "bare"),
        (r"\boxed{B}", "boxed"),
        (r"\boxed{\text{B}}", "boxed"),
        (r"\boxed{(B)}", "boxed"),
        (r"\boxed{b}", "boxed"),
        (r"\boxed{\textbf{B) } 5\,m}", "boxed"),
        (r"So it is \boxed{ \mathbf{B} }.", "boxed"),
        (r"\boxed{A}, no: \boxed{B}", "boxed"),
        (r"Answer: A. Checking again gives \boxed{B}", "boxed"),
        (r"\boxed{A} was my first thought. Answer: B", "stated"),
        (r"The speed is \boxed{7}. Answer: B", "stated"),
        ("Answer: A\nOn reflection:\nAnswer: B", "stated"),
        ("End with 'Answer: LETTER'.\nAnswer: B", "stated"),
        ("The last line should be 'Answer: $LETTER'.\n\nAnswer: B", "stated"),
        ("I reply with Answer: A, B, C or D.\nAnswer: B", "stated"),
        (
            "If the answer is A, then light is slow. It is not. Answer: B\nWere the answer A, so be it.",
            "stated",
        ),
        ("I am not sure, but the answer is B.", "stated"),
        ("Answer: A. Wait, no, it's B.", "stated"),
        ("Answer: A\n\nActually, B.", "stated"),
        ("Answer: A. Correction: B", "stated"),
        ("Answer: B\n\nA better question would ask for C. Option A is correct only in vacuum.", "stated"),
        ("Answer: B\n\nA) wrong\nC) wrong\nD) wrong", "stated"),
        ("The answer is A at first sight. Looking closer, option B is correct.", "concluded"),
        ("Option B is correct.", "concluded"),
        ("(A) is too slow. Therefore, (B) must be the right answer, since light is fast.", "concluded"),
        ("Hence B.", "concluded"),
        ("This corresponds to option B.", "concluded"),
        ("I would go with option B", "concluded"),
        ("I think it's B.", "concluded"),
        ("B", "bare"),
        ("(b)", "bare"),
        ("**B**", "bare"),
        ("B.", "bare"),
        ("Option B", "bare"),
        ("B) 5 m", "bare"),
        ("B, because light is fast.", "bare"),
        ("B\n\nLight is fast in A, in C and in D.", "bare"),
        ("Light is fast.\n\n(B)", "bare"),
    ],
)
def test_a_careful_reader_would_take_b(answer: str, form: str) -> None:
    verdict = score(answer, reasoning="Answer: A")
    assert (verdict.extracted, verdict.value, verdict.details["form"]) == ("B", 1.0, form)


@pytest.mark.parametrize(
    "answer",
    [
        "The answer is a matter of taste.",
        "The answer is a better one than C.",
        "Answer: A careful look shows that light is fast.",
        "A careful look shows that B and C are slow.",
        "The answer is not given.",
        "The answer is not B.",
        "I don't think the answer is B.",
        "If the answer is B, light is slow.",
        "One might think that the answer is B.",
        "Answer: Because",
        "Answer: $LETTER",
        "Answer: A/B/C/D",
        "Answer: [A-D]",
        "Answer: N/A",
        "Answer:",
        "I like B and C",
        "Not B.",
        "Option B is incorrect.",
        "Option B is not correct.",
        "There is no B. Vitamin B is the answer.",
        "The molecule holds no B.",
        "Point B.",
        "It is at 5 B.",
        "The answer is an integer",
        "Answer: None of these",
        "A: wrong\nB: right\nC: wrong",
        "A) slow\nB) slow\nC) slow\nD) slow",
        "I'm sorry, but I cannot answer this question.",
        r"\boxed{}",
        r"\boxed{\text{letter}}",
        "",
    ],
)
def test_where_a_careful_reader_finds_no_letter_there_is_no_answer(answer: str) -> None:
    verdict = score(answer)
    assert (verdict.extracted, verdict.value) == (None, 0.0)
    assert decide_outcome(verdict, Reply(reasoning="", answer=answer)) is Outcome.NO_ANSWER


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("Answer: B or C", "B or C"),
        ("Answer: A, B", "A, B"),
        ("Answer: B (or C)", "B (or C)"),
        ("The answer is either B or C.", "either B or C."),
        ("Answer: B/C", "B/C"),
        ("Answer: BC", "BC"),
        ("Answer: (B) and (D)", "(B) and (D)"),
        ("Answer: B\nAnswer: B or C", "B or C"),
        ("Answer: E", "E"),
        (r"\boxed{A, B}", "A, B"),
        (r"\boxed{42}", "42"),
    ],
)
def test_two_letters_or_a_strange_one_are_an_answer_and_a_wrong_one(answer: str, words: str) -> None:
    verdict = score(answer)
    assert (verdict.extracted, verdict.value) == (words, 0.0)
    assert decide_outcome(verdict, Reply(reasoning="", answer=answer)) is Outcome.WRONG


@pytest.mark.parametrize(
    ("answer", "letter", "form"),
    [
        ("Answer: B cells", "B", "text"),
        ("The answer is **b cells**.", "B", "text"),
        (r"\boxed{B \text{ cells}}", "B", "text"),
        (r"\boxed{12.5}", "D", "text"),
        (r"The answer is $12.5$.", "D", "text"),
        ("Answer: The light bends\ntowards the denser medium, always", "C", "text"),
        ("The answer is: the light bends towards the denser medium, always. B cells do not.", "C", "text"),
        ("5 m", "A", "text"),
        ("Answer: C) 12.5", "C", "stated"),
        ("The answer is 12.56", None, None),
        ("Cells of kind B cells are many.", None, None),
    ],
)
def test_the_words_of_one_option_stand_for_its_letter(
    answer: str, letter: str | None, form: str | None
) -> None:
    verdict = score(answer, texts=True)
    assert (verdict.extracted, verdict.details["form"]) == (letter, form)


def test_the_words_of_two_equal_options_say_nothing_and_a_letter_goes_before_an_options_text() -> None:
    twice = Sample(id="1", prompt="", target="A", extra={"options": ["5 m", "5 m.", "6 m"]})
    assert choice(twice, Reply(reasoning="", answer="Answer: 5 m")).extracted is None
    letters = Sample(id="1", prompt="", target="A", extra={"options": ["D", "C", "B", "A"]})
    assert choice(letters, Reply(reasoning="", answer="Answer: A")).value == 1.0


def test_the_options_decide_which_letters_there_are() -> None:
    three = Sample(id="1", prompt="", target="C", extra={"options": ["x", "y", "z"]})
    assert choice(three, Reply(reasoning="", answer="Answer: C")).value == 1.0
    assert choice(three, Reply(reasoning="", answer="Answer: D")).extracted == "D"
    sample = Sample(id="1", prompt="", target="H")
    assert choice(sample, Reply(reasoning="", answer="Answer: H")).value == 0.0
    assert choice(sample, Reply(reasoning="", answer="Answer: H"), letters="ABCDEFGH").value == 1.0


def test_an_answer_that_stands_only_in_the_thinking_is_none_and_its_place_is_told() -> None:
    for reasoning, seen in [("So the answer is B.", "concluded"), ("So the answer is C.", None), ("", None)]:
        verdict = score("", reasoning=reasoning)
        assert (verdict.value, verdict.extracted) == (0.0, None)
        assert verdict.details["seen_in_thinking"] == seen
    assert "seen_in_thinking" not in score("Answer: B", reasoning="Answer: B").details


@pytest.mark.parametrize(
    ("answer", "letter", "first", "agrees"),
    [
        ("Answer: B", "B", "B", True),
        ("Answer: A\nAnswer: B", "B", "A", False),
        ("**Answer:** B", "B", None, False),
        (r"\boxed{B}", "B", None, False),
        ("Answer: b", "B", "b", False),
        ("Answer: Because light is fast.", None, "B", True),
        ("answer: $B$", "B", "B", True),
    ],
)
def test_the_verdict_of_published_figures_stands_beside_ours(
    answer: str, letter: str | None, first: str | None, agrees: bool
) -> None:
    verdict = score(answer)
    assert verdict.extracted == letter
    assert (verdict.details["first_match"], verdict.details["first_match_correct"]) == (first, agrees)


def test_the_order_of_the_options_is_kept_with_the_verdict() -> None:
    extra: dict[str, JsonValue] = {"options": ["z", "x", "y"], "option_order": "CAB", "option_position": 2}
    verdict = choice(Sample(id="1", prompt="", target="B", extra=extra), Reply(reasoning="", answer="B"))
    assert (verdict.details["option_order"], verdict.details["option_position"]) == ("CAB", 2)


WORDS = st.sampled_from(
    [
        "Answer",
        ":",
        "**",
        "B",
        "(C)",
        "\\boxed{",
        "}",
        "not",
        "or",
        "A",
        "is",
        "\n",
        "$",
        "5 m",
        "wait,",
        "option",
    ]
)


@given(st.text(max_size=300) | st.lists(WORDS, max_size=30).map(" ".join))
def test_no_text_makes_it_fail_and_what_it_takes_is_a_letter_of_the_question(text: str) -> None:
    verdict = score(text, reasoning=text, texts=True)
    assert verdict.value in (0.0, 1.0)
    assert verdict.value == 0.0 or verdict.extracted == "B"


@given(st.text(max_size=300), st.sampled_from("ABCD"))
def test_the_format_that_the_prompt_asks_for_always_counts_as_the_last_line(before: str, letter: str) -> None:
    assert score(f"{before}\nAnswer: {letter}", target=letter).value == 1.0
