"""IFEval: the official verdicts on real answers, one passing answer of each kind, traps, doubts, attacks."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evalbudget.datasets import load_samples
from evalbudget.errors import InputError
from evalbudget.isolation import bounded
from evalbudget.records import Reply, Sample, Score
from evalbudget.scoring.ifeval import ifeval, ifeval_ready
from evalbudget.scoring.ifeval.checker import Instruction, judge, variants
from evalbudget.scoring.ifeval.long_text import LONG, linear_check
from evalbudget.tasks import load_task

ANSWERS = yaml.safe_load((Path(__file__).parents[1] / "data/ifeval_answers.yaml").read_text(encoding="utf-8"))
PASSING, TRAPS, DOUBTFUL = ANSWERS["passing"], ANSWERS["traps"], ANSWERS["doubtful"]
RANDOM_KEYS = {"1122", "1129"}
"""Where the official checker counts a letter that it draws at random."""

each_passing = pytest.mark.parametrize("case", PASSING, ids=[case["instruction"] for case in PASSING])


@pytest.fixture(autouse=True, scope="module")
def checker() -> None:
    try:
        ifeval_ready()
    except InputError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def samples(shared: Path) -> Mapping[str, Sample]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVALBUDGET_HUB", str(shared / "hub"))
        return {sample.prompt: sample for sample in load_samples(load_task("ifeval"))}


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def asked(*instructions: tuple[str, Mapping[str, Any]], key: str = "1") -> Sample:
    names, arguments = [name for name, _ in instructions], [dict(given) for _, given in instructions]
    return Sample(id=key, prompt="", target="", extra={"instruction_id_list": names, "kwargs": arguments})


def score(answer: str, name: str, arguments: Mapping[str, Any] | None = None, *, key: str = "1") -> Score:
    return ifeval(asked((name, arguments or {}), key=key), Reply(reasoning="", answer=answer))


def scored(case: Mapping[str, Any]) -> Score:
    return score(case["answer"], case["instruction"], case.get("arguments"), key=case.get("key", "1"))


def official(shared: Path, samples: Mapping[str, Sample]) -> list[tuple[Sample, str, tuple[Any, Any]]]:
    """Sample, answer, and its strict and loose verdicts: 5 models' answers to 97 of the prompts."""
    found = []
    for model in sorted((shared / "verdicts/ifeval").iterdir()):
        strict, loose = (json_lines(model / f"eval_results_{kind}.jsonl") for kind in ("strict", "loose"))
        for hard, soft in zip(strict, loose, strict=True):
            sample = samples.get(hard["prompt"])  # one prompt was changed after the verdicts
            if sample is not None and sample.id not in RANDOM_KEYS:
                verdicts = hard["follow_instruction_list"], soft["follow_instruction_list"]
                found.append((sample, hard["response"], verdicts))
    return found


def test_every_official_verdict_is_reproduced_in_any_order_and_from_any_thread(
    shared: Path, samples: Mapping[str, Sample]
) -> None:
    rows = official(shared, samples)
    assert len(rows) > 480

    def verdicts(place: int) -> tuple[Any, Any]:
        details = ifeval(rows[place][0], Reply(reasoning="", answer=rows[place][1])).details
        return details["strict"], details["loose"]

    order = list(range(len(rows)))
    random.Random(4213).shuffle(order)
    with ThreadPoolExecutor(4) as threads:
        found = dict(zip(order, threads.map(verdicts, order), strict=True))
    for place, (sample, answer, expected) in enumerate(rows):
        assert found[place] == expected, (sample.id, answer[:80])


def test_all_of_the_data_can_be_judged(samples: Mapping[str, Sample]) -> None:
    assert len(samples) == 541
    for sample in samples.values():
        details = ifeval(sample, Reply(reasoning="", answer="I would say: it depends.")).details
        assert details["instructions"] == sample.extra["instruction_id_list"]
        assert ("official_is_random" in details) == (sample.id in RANDOM_KEYS)


@each_passing
def test_an_answer_that_follows_the_instruction_passes_without_a_doubt(case: Mapping[str, Any]) -> None:
    found = scored(case)
    assert (found.value, found.details["strict"], found.details["loose"]) == (1.0, [True], [True])
    assert found.extracted == "1 of 1 instructions"
    assert not {"known_defect", "official_is_random"} & found.details.keys()


def test_the_passing_answers_cover_every_instruction_of_the_data(samples: Mapping[str, Sample]) -> None:
    used = {name for sample in samples.values() for name in sample.extra["instruction_id_list"]}
    assert {case["instruction"] for case in PASSING} == used
    assert len(PASSING) == len(used) == 25


@pytest.mark.parametrize("case", TRAPS, ids=[case["case"] for case in TRAPS])
def test_a_trap_gets_the_official_verdict(case: Mapping[str, Any]) -> None:
    found = scored(case)
    assert (found.details["strict"], found.details["loose"]) == ([case["strict"]], [case["loose"]])
    assert found.value == float(case["strict"])


@pytest.mark.parametrize("answer", ["", " \n\t\u2003\n"])
def test_an_empty_answer_follows_nothing_whatever_the_thinking_says(answer: str) -> None:
    sample = asked(("punctuation:no_comma", {}), ("startend:quotation", {}))
    found = ifeval(sample, Reply(reasoning='"Tea."', answer=answer))
    assert (found.value, found.extracted) == (0.0, None)
    assert (found.details["strict"], found.details["loose"]) == ([False, False], [False, False])


def test_thinking_is_never_judged_and_the_blank_lines_behind_it_neither() -> None:
    first_word = {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "tea"}
    sample = asked(("length_constraints:nth_paragraph_first_word", first_word), ("punctuation:no_comma", {}))
    assert ifeval(sample, Reply(reasoning="Well, let me see.", answer="\n\nTea.")).value == 1.0
    assert ifeval(sample, Reply(reasoning="", answer="\n\nTea.")).details["strict"] == [False, True]


def test_one_instruction_of_three_missed_is_no_pass() -> None:
    sample = asked(("punctuation:no_comma", {}), ("startend:quotation", {}), ("detectable_format:title", {}))
    found = ifeval(sample, Reply(reasoning="", answer='"<<Tea>>, he said"'))
    assert (found.value, found.extracted) == (0.0, "2 of 3 instructions")
    assert found.details["strict"] == [False, True, True]
    assert (found.details["prompt_strict"], found.details["prompt_loose"]) == (False, False)


@pytest.mark.parametrize(("sign", "enough", "short"), [("#", "#a #b", "#a b"), ("!", "a! b!", "a! b.")])
def test_a_sign_is_counted_where_the_official_checker_draws_a_letter(
    sign: str, enough: str, short: str
) -> None:
    name, two = "keywords:letter_frequency", {"letter": sign, "let_frequency": 2, "let_relation": "at least"}
    for answer, followed in ((enough, True), (short, False)):
        found = score(answer, name, two)
        assert found.details["strict"] == [followed]
        assert "drawn at random" in str(found.details["official_is_random"])
    assert score(short, name, {**two, "let_relation": "less than"}).value == 1.0
    assert score(enough, name, {**two, "let_relation": "less than"}).value == 0.0


@each_passing
def test_what_the_data_leave_open_is_drawn_once_and_for_all_and_told(case: Mapping[str, Any]) -> None:
    if case["instruction"] == "combination:repeat_prompt":
        with pytest.raises(ValueError, match="prompt_to_repeat"):
            score("Tea.", case["instruction"])
        return
    found = [score(case["answer"], case["instruction"], key="7") for _ in range(5)]
    assert all(each == found[0] for each in found)
    assert ("official_is_random" in found[0].details) == ("arguments" in case)


@each_passing
def test_nulls_as_the_hub_fills_them_in_change_nothing(case: Mapping[str, Any]) -> None:
    nulls = {key: None for other in PASSING for key in other.get("arguments", {})}
    assert scored({**case, "arguments": {**nulls, **case.get("arguments", {})}}) == scored(case)


@pytest.mark.parametrize("case", DOUBTFUL, ids=[f"{case['instruction']} {case['says']}" for case in DOUBTFUL])
def test_a_defect_of_the_checker_keeps_its_verdict_and_is_told(case: Mapping[str, Any]) -> None:
    found = scored(case)
    assert found.details["strict"] == [case["strict"]]
    (sentence,) = found.details["known_defect"]
    assert str(sentence).startswith(case["instruction"]) and case["says"] in str(sentence)


def test_a_text_of_two_languages_is_flagged_as_a_matter_of_luck() -> None:
    answer = "Guten Tag, wie geht es Ihnen? Good day, how are you?"
    found = score(answer, "language:response_language", {"language": "en"})
    assert "wavers" in str(found.details["official_is_random"])


def test_json_nested_deeper_than_the_parser_can_read_is_no_json_and_that_is_told() -> None:
    found = score("[" * 200_000 + "]" * 200_000, "detectable_format:json_format")
    assert (found.details["strict"], found.details["loose"]) == ([False], [False])
    assert "nested" in str(found.details["known_defect"])


PIECES = ["[", "]", "<", ">", "*", "-", "p", ".", "s", "P.S.", "a", " ", "\n", "\t", "\r", "\u2028", "\xa0"]


@settings(max_examples=300, deadline=None)
@given(
    text=st.lists(st.sampled_from(PIECES), max_size=60).map("".join),
    number=st.integers(1, 4),
    marker=st.sampled_from(["P.S.", "P.P.S"]),
)
@example(text="*\n* a\n- b", number=2, marker="P.S.")
@example(text="<<>>>[[]]", number=1, marker="P.P.S")
def test_the_checks_for_long_texts_judge_short_ones_as_lm_eval_does(
    text: str, number: int, marker: str
) -> None:
    instructions = (
        Instruction(name="detectable_content:number_placeholders", arguments={"num_placeholders": number}),
        Instruction(name="detectable_format:number_bullet_lists", arguments={"num_bullets": number}),
        Instruction(name="detectable_content:postscript", arguments={"postscript_marker": marker}),
        Instruction(name="detectable_format:title", arguments={}),
    )
    if text.strip():
        linear = [linear_check(each.name, each.arguments) for each in instructions]
        found = tuple(check is not None and check(text) for check in linear)
        assert found == bounded(judge, "1", instructions, text).strict


def test_long_texts_get_the_same_verdicts_as_short_ones() -> None:
    words = "word " * (LONG // 4) + "\n"
    for case in PASSING:
        name = case["instruction"]
        if linear_check(name, case.get("arguments", {})) is not None:
            assert score(words + case["answer"], name, case.get("arguments")).value == 1.0
            assert score(words, name, case.get("arguments")).value == 0.0


@given(st.lists(st.sampled_from(["a", "*", " ", "\n", "\n\n"]), max_size=12).map("".join))
def test_loose_judging_looks_at_the_eight_texts_of_the_paper(answer: str) -> None:
    lines = answer.split("\n")
    shorter = ["\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1])]
    eight = [answer, *shorter, *(text.replace("*", "") for text in (answer, *shorter))]
    found = variants(answer)
    assert set(found) == {text for text in eight if text.strip()}
    assert len(found) == len(set(found))
    assert not answer.strip() or found[0] == answer


ATTACKS = [
    "[",
    "<",
    "*",
    "**a",
    '"',
    "{",
    "\n",
    " ",
    " \n",
    "- \n",
    "p.",
    "'",
    "!",
    "[[x",
    "\ud800",
    "\0",
    "\u202e",
]


@pytest.mark.parametrize("sign", ATTACKS, ids=ascii)
def test_texts_made_of_one_sign_are_judged(sign: str) -> None:
    """By every instruction at once. What grows with the square of the length would pass the time limit."""
    text = sign * (100_000 // len(sign)) + "x"
    sample = asked(*((case["instruction"], case.get("arguments", {})) for case in PASSING))
    details = ifeval(sample, Reply(reasoning="", answer=text)).details
    assert isinstance(details["strict"], list)
    verdicts = dict(zip([case["instruction"] for case in PASSING], details["strict"], strict=True))
    assert verdicts["punctuation:no_comma"] is True
    assert verdicts["detectable_format:json_format"] is False
    assert verdicts["detectable_content:number_placeholders"] is False


def test_an_instruction_that_does_not_exist_is_named_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r'knows no instruction "keywords:existance".*"keywords:existence"'):
        score("Tea.", "keywords:existance")


@pytest.mark.parametrize("extra", [{}, {"instruction_id_list": [], "kwargs": []}, {"kwargs": [{}]}])
def test_a_sample_without_instructions_is_refused(extra: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="instruction_id_list"):
        ifeval(Sample(id="x", prompt="", target="", extra=extra), Reply(reasoning="", answer="Tea."))


@pytest.mark.parametrize(
    "text", ["**" + "a" * 200_000, "*" + "a " * 100_000, "- " * 100_000, "“" + "a" * 200_000]
)
def test_looking_for_doubts_takes_no_longer_than_the_text_allows(text: str) -> None:
    sample = asked(*((case["instruction"], case.get("arguments", {})) for case in PASSING))
    details = ifeval(sample, Reply(reasoning="", answer=text)).details
    assert isinstance(details["strict"], list) and len(details["strict"]) == 25
