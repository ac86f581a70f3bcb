"""The doctor's page at 80 columns, its JSON, and the line that shows that it is at work."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from evalbudget.doctor import Examination, Finding, Verdict
from evalbudget.records import Failure, FailureKind, ServerRecord
from evalbudget.report.doctor import DoctorView, json_text, print_examination

GOLDEN = Path(__file__).parent.parent / "golden" / "doctor.txt"
RECORD = ServerRecord(run_id="", model="flash", base_url="http://localhost:8000/v1")


def finding(name: str, group: str, verdict: Verdict, evidence: str, mend: str = "") -> Finding:
    return Finding(name=name, group=group, verdict=verdict, evidence=evidence, mend=mend)


EXAMINATION = Examination(
    model="flash",
    record=RECORD,
    findings=(
        finding("server", "server", Verdict.WORKS, "vllm 0.33.0, model flash, nvfp4, context 202,752"),
        finding("max_tokens", "server", Verdict.WORKS, "max_tokens 6 gave 6 tokens, finish_reason length"),
        finding(
            "reasoning_tokens",
            "thinking",
            Verdict.MISSING,
            "says 0, although it thought 143 tokens",
            "use the family's own `--reasoning-parser`, such as glm45; a run does not believe this figure",
        ),
        finding("continuation", "budgets", Verdict.PARTLY, "cut after 16 tokens, it answered"),
        finding(
            "server's budget", "budgets", Verdict.MISSING, "ignored: 16 tokens allowed, it thought 80", "`-x`"
        ),
        finding("seed", "repeatability", Verdict.UNKNOWN, "no time left"),
        finding("tool calls", "requests", Verdict.UNKNOWN, "no reply: [red]\x1b[31m" + "x" * 120),
    ),
    seconds=12.34,
)


def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, each: Examination) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    print_examination(each)
    return capsys.readouterr().out


def test_the_page_is_the_golden_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = printed(capsys, monkeypatch, EXAMINATION)
    assert page == GOLDEN.read_text(encoding="utf-8")


def test_no_line_is_too_long_or_ends_in_blanks_and_no_word_of_a_server_is_markup(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = printed(capsys, monkeypatch, EXAMINATION)
    assert all(len(line) <= 80 and line == line.rstrip() for line in page.splitlines())
    assert "[red]" in page
    assert "\x1b" not in page


def test_a_server_that_answered_nothing_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = Failure(kind=FailureKind.AUTH, message="HTTP 401 from http://localhost:8000/v1: no key")
    page = printed(
        capsys, monkeypatch, Examination(model="flash", record=RECORD, findings=(), failure=failure)
    )
    assert page.splitlines() == [
        "flash · http://localhost:8000/v1",
        "no question was answered: HTTP 401 from http://localhost:8000/v1: no key",
    ]


def test_json_has_every_finding_and_the_budget_modes() -> None:
    told: list[dict[str, Any]] = json.loads(json_text([EXAMINATION]))
    assert [each["name"] for each in told[0]["findings"]] == [each.name for each in EXAMINATION.findings]
    assert told[0]["budget_modes"] == {
        "trace": "partly",
        "force": "partly",
        "server": "missing",
        "max_tokens": "works",
    }
    assert told[0]["failure"] is None


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_one_line_that_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    view = DoctorView(as_json=True)
    view.progress("flash", 0, 21, "the first question")
    view.progress("flash", 3, 21, "seed")
    view.close()
    assert terminal.getvalue().endswith("\r\x1b[Kflash: 3 of 21 checks, seed\r\x1b[K")
    assert "\n" not in terminal.getvalue()


def test_where_there_is_no_terminal_it_says_once_that_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr("sys.stderr", file)
    view = DoctorView(as_json=False)
    for done in range(4):
        view.progress("flash", done, 21, "seed")
    view.close()
    assert file.getvalue() == "flash: asking short questions, for a minute at most\n"
