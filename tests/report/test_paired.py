"""The models of one family compared in a report: what each line says, and in which order."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evalbudget.contracts import JournalRecord
from evalbudget.records import ServerRecord
from evalbudget.report.figures import gather
from evalbudget.report.json_text import json_text
from evalbudget.report.markdown import markdown
from evalbudget.report.paired import Compared
from evalbudget.report.paired_words import MEANING, sentence
from evalbudget.report.widths import weight_bits, widest
from evalbudget.stats import PairedDifference, paired_difference
from tests.report.test_report import EVIL, compare, terminal
from tests.store.making import make_attempt, make_run, make_server, make_store


def server(model: str, quantization: str, family: str | None = "tiny") -> ServerRecord:
    return replace(make_server(model=model), family=family, quantization=quantization)


def a_run_of_a_family() -> list[JournalRecord]:
    """Three precisions of one model, an early checkpoint as wide as the base, and a model of another family;
    two tasks, one of them under budgets alone."""
    models = {"tiny-q4": "Q4_0", "tiny-f16": "F16", "tiny-early": "f16", "tiny-q8": "Q8_0"}
    lost = {"tiny-f16": 0, "tiny-q8": 1, "tiny-q4": 9, "tiny-early": 40}
    records: list[JournalRecord] = [make_run(), server("alone", "Q4_0", "other")]
    records += [server(model, word) for model, word in models.items()]
    for model in [*models, "alone"]:
        for number in range(60):
            right = (number % 3 < 2 and number // 2 >= lost.get(model, 5)) or (
                model == "tiny-q4" and number == 59
            )
            for repeat in range(2):
                records.append(
                    make_attempt(
                        number,
                        model=model,
                        task="sums",
                        repeat=repeat,
                        outcome="correct" if right and (number % 7 or repeat) else "wrong",
                        tokens=100 + number + (lost.get(model, 0) * (number % 4)),
                    )
                )
            if number < 20:
                for budget in (8, 1024):
                    outcome = "correct" if right and budget == 1024 else "wrong"
                    records.append(
                        make_attempt(number, model=model, task="short", budget=budget, outcome=outcome)
                    )
    return [*records, make_run(status="finished")]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of that run, to be read only."""
    return make_store(tmp_path_factory.mktemp("paired") / "s.duckdb", a_run_of_a_family())


def block(text: str, title: str) -> str:
    """The part of a report under this title, up to the next empty line."""
    return text.split(f"\n{title}\n", 1)[1].lstrip("\n").split("\n\n", 1)[0]


def test_the_terminal_shows_them_like_this(db: Path) -> None:
    text = terminal(gather(db, None))
    compare("compared.txt", block(text, "compared") + "\n")
    assert max(map(len, text.splitlines())) <= 80
    assert " ".join(text.split()).count(MEANING) == 1


def test_markdown_has_them(db: Path) -> None:
    compare("compared.md", block(markdown(gather(db, None)), "**Compared**") + "\n")


@pytest.mark.parametrize("width", [40, 60, 120])
def test_no_line_is_wider_than_the_terminal(db: Path, width: int) -> None:
    assert max(map(len, terminal(gather(db, None), width).splitlines())) <= width


def test_each_model_is_beside_the_widest_and_none_of_the_same_precision(db: Path) -> None:
    found = gather(db, None).compared
    assert [(each.candidate, each.base, each.task, each.budget) for each in found] == [
        ("tiny-q4", "tiny-f16", "short", 1024),
        ("tiny-q4", "tiny-f16", "sums", None),
        ("tiny-q8", "tiny-f16", "short", 1024),
        ("tiny-q8", "tiny-f16", "sums", None),
    ]


def test_json_has_them_unrounded(db: Path) -> None:
    told = json.loads(json_text(gather(db, None)))["compared"][1]
    assert (told["family"], told["base_quantization"], told["candidate_quantization"]) == (
        "tiny",
        "F16",
        "Q4_0",
    )
    assert told["difference"]["questions"] == 60
    assert told["difference"]["difference"] == pytest.approx(
        told["difference"]["candidate"] - told["difference"]["base"]
    )
    assert set(told["tokens"]) == {"questions", "base", "candidate", "ratio", "low", "high"}


@pytest.mark.parametrize(
    "servers",
    [
        [server("a", "F16"), server("b", "f16")],
        [server("a", "F16"), server("b", "unknown")],
        [server("a", "F16"), server("b", "Q4_0", "other")],
        [server("a", "F16", None), server("b", "Q4_0", None)],
    ],
    ids=["one precision", "a precision not known", "two families", "no family"],
)
def test_what_is_not_known_to_be_one_model_in_two_precisions_has_no_block(
    tmp_path: Path, servers: list[ServerRecord]
) -> None:
    attempts = [make_attempt(number, model=model) for model in "ab" for number in range(3)]
    figures = gather(make_store(tmp_path / "s.duckdb", [make_run(), *servers, *attempts]), None)
    assert figures.compared == ()
    for text in (terminal(figures), markdown(figures)):
        assert MEANING not in " ".join(text.split())
        assert "ompared\n" not in text
        assert "beside" not in text


def test_of_words_that_say_no_width_the_first_of_the_run_is_the_base(tmp_path: Path) -> None:
    servers = [server("z", "compressed-tensors"), server("a", "modelopt")]
    attempts = [make_attempt(number, model=model) for model in "az" for number in range(3)]
    figures = gather(make_store(tmp_path / "s.duckdb", [make_run(), *servers, *attempts]), None)
    assert [(each.base, each.candidate) for each in figures.compared] == [("z", "a")]


def a_difference(**fields: object) -> Compared:
    found = paired_difference({"a": [1.0]}, {"a": [1.0]})
    assert isinstance(found, PairedDifference)
    told = {"difference": -0.071, "low": -0.102, "high": -0.041, "p": 0.0002, "lost": 24, "won": 6}
    shown = replace(found, **{"questions": 500, "differing": 60, **told, **fields})  # type: ignore[arg-type]
    return Compared(
        task="sums",
        family="tiny",
        base="tiny-f16",
        candidate="tiny-q4",
        base_quantization="F16",
        candidate_quantization="Q4_0",
        budget=None,
        difference=shown,
        tokens=None,
    )


def test_a_sentence_says_how_much_how_sure_and_which_way() -> None:
    assert sentence(a_difference()) == (
        "tiny-q4 beside tiny-f16 on sums: 7.1 points lower (−10.2 to −4.1), p = 0.0002; "
        "24 questions lost, 6 won"
    )
    up = sentence(a_difference(difference=0.05, low=-0.0001, high=0.12, p=0.051, lost=1, left_out=1))
    assert "5.0 points higher (0.0 to +12.0), p = 0.051; 1 question lost, 6 won; 1 question that one" in up
    few = sentence(a_difference(difference=-0.0004, p=1.0, lost=0, won=0, differing=2))
    assert "equal (−10.2 to −4.1), p = 1.00; 0 questions lost, 0 won; only 2 of 500 questions differ" in few
    assert "p < 0.0001" in sentence(a_difference(p=3e-9))


def test_names_from_outside_are_shown_and_do_nothing(tmp_path: Path) -> None:
    servers = [server("a|*", "F16"), server(EVIL, "Q4_0")]
    attempts = [make_attempt(number, model=each.model, task=EVIL) for each in servers for number in range(3)]
    figures = gather(make_store(tmp_path / "s.duckdb", [make_run(), *servers, *attempts]), None)
    assert len(figures.compared) == 1
    for text in (terminal(figures), markdown(figures)):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "<img" not in markdown(figures)


@pytest.mark.parametrize(
    ("word", "bits"),
    [
        ("F32", 32),
        ("bf16", 16),
        ("torch.bfloat16", 16),
        ("half", 16),
        ("fp8", 8),
        ("fp8_e4m3", 8),
        ("Q8_0", 8),
        ("w8a8", 8),
        ("int8", 8),
        ("Q6_K", 6),
        ("UD-Q5_K_XL", 5),
        ("Q4_K_M", 4),
        ("IQ4_XS", 4),
        ("nvfp4", 4),
        ("MXFP4_MOE", 4),
        ("w4a16", 4),
        ("awq", 4),
        ("gptq-int3", 3),
        ("awq-w3g128", 3),
        ("3bit", 3),
        ("2-bit", 2),
        ("TQ1_0", 1),
        ("gptq", None),
        ("compressed-tensors", None),
        ("unknown", None),
        ("", None),
        ("q99", None),
    ],
)
def test_the_word_for_a_quantization_says_how_wide_it_is(word: str, bits: float | None) -> None:
    assert weight_bits(word) == bits


@pytest.mark.parametrize(
    ("words", "base"),
    [
        (["Q4_0", "F16", "Q8_0"], "F16"),
        (["nvfp4", "fp8"], "fp8"),
        (["F16", "bf16", "f32"], "f32"),
        (["bf16", "F16"], "bf16"),
        (["compressed-tensors", "bf16"], "bf16"),
        (["compressed-tensors", "fp8"], "compressed-tensors"),
        (["x", "y"], "x"),
        (["nvfp4"], "nvfp4"),
    ],
)
def test_the_widest_of_several_is_the_base(words: list[str], base: str) -> None:
    assert words[widest(words)] == base
