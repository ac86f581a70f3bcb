"""What a report says of a multiple-choice task beside its score."""

from __future__ import annotations

from evalbudget.measures import MEASURES, Measure, ScoredRow
from evalbudget.records import JsonValue

ROWS = [("A", "A", True), ("A", "B", False), ("B", "B", True), ("B", "B", False), ("B", None, False)]


def row(target: str, extracted: str | None, details: dict[str, JsonValue]) -> ScoredRow:
    return ScoredRow(
        sample_id="q",
        repeat=0,
        category=None,
        score=float(target == extracted),
        target=target,
        extracted=extracted,
        details=details,
    )


def measured(rows: list[ScoredRow]) -> dict[str, Measure]:
    return {each.name: each for each in MEASURES["choice"](rows)}


def test_both_rules_stand_side_by_side_and_the_published_one_is_labelled() -> None:
    found = measured([row(target, letter, {"first_match_correct": first}) for target, letter, first in ROWS])
    assert (found["last-match"].value, found["last-match"].n) == (3 / 5, 5)
    assert (found["first-match"].value, found["first-match"].n) == (2 / 5, 5)
    assert "simple-evals" in found["first-match"].note


def test_a_preference_for_a_letter_is_told_in_one_line() -> None:
    found = measured([row(target, letter, {}) for target, letter, _ in ROWS])
    assert list(found) == ["by position", "letters given"]
    assert found["by position"].value == 2 / 3 - 1 / 2
    assert found["by position"].note.startswith("A 50, B 67 % right")
    assert (found["letters given"].value, found["letters given"].n) == (3 / 4, 4)
    assert found["letters given"].note.startswith("A 25, B 75 % of")


def test_a_letter_that_was_never_given_is_told_too() -> None:
    assert measured([row("A", "B", {}), row("C", "B", {})])["letters given"].note.startswith(
        "A 0, B 100, C 0 %"
    )


def test_rows_without_letters_have_no_measures() -> None:
    assert measured([]) == {}
    assert measured([row("204", "17", {})]) == {}
