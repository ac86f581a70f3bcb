"""The report as one HTML file: the same figures as everywhere, nothing loaded, nothing that runs."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from evalbudget.cli import cli
from evalbudget.report.charts.style import DARK, LIGHT, Style
from evalbudget.report.figures import gather
from evalbudget.report.json_text import json_text
from evalbudget.report.markdown import markdown
from tests.report.html.pages import EVIL, page_of
from tests.report.test_memory import a_run_with_memory
from tests.store.making import make_attempt, make_failed, make_run, make_server, make_store
from tests.store.traces import traced_run


class Read(HTMLParser):
    """What a page consists of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def values(self, *names: str) -> list[str]:
        return [value for _, name, value in self.attributes if name in names]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with budgets, loops and effort words, to be read only."""
    return make_store(tmp_path_factory.mktemp("page") / "s.duckdb", traced_run())


@pytest.fixture(scope="module")
def page(db: Path) -> str:
    return page_of(db)


def test_text_from_outside_never_becomes_an_element_an_event_or_an_address(hostile_page: str) -> None:
    read = Read(hostile_page)
    allowed = (
        "html head meta title style body header nav main section h1 h2 h3 h4 p a ol ul li div table caption"
    )
    allowed += " thead tbody tr th td figure figcaption details summary dl dt dd pre code"
    allowed += " svg g path line rect text defs clippath tspan circle"
    assert set(read.tags) <= set(allowed.split())
    assert not [name for _, name, _ in read.attributes if name.startswith("on") or name in ("style", "src")]
    addresses = read.values("href", "xlink:href", "action", "data", "background", "poster", "srcset")
    assert addresses
    assert all(re.fullmatch(r"#[a-z0-9-]+", each) for each in addresses)
    assert all(re.fullmatch(r"url\(#chart-\d+-\w+\)", each) for each in read.values("clip-path"))
    assert "@import" not in hostile_page
    assert not re.search(r"url\((?!#)", hostile_page)


def test_hostile_text_is_shown_as_it_is_but_for_what_would_turn_lines(hostile_page: str) -> None:
    told = " ".join(Read(hostile_page).texts)
    for text in EVIL[:5]:
        assert text in told
    assert "{{ 7 * 7 }}" in told
    assert "right to left" in told
    assert not set("\u202e\u2066\x1b\ufffe") & set(hostile_page)


def test_the_page_forbids_what_it_does_not_need(page: str) -> None:
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in page
    assert page.index("Content-Security-Policy") < page.index("<style>")


def test_ids_are_used_once_and_every_reference_finds_its_own(page: str, hostile_page: str) -> None:
    for each in (page, hostile_page):
        read = Read(each)
        ids = read.values("id")
        assert len(ids) == len(set(ids))
        used = [value.strip("#") for value in read.values("href", "aria-labelledby")]
        used += [value.removeprefix("url(#").rstrip(")") for value in read.values("clip-path")]
        assert set(used) <= set(ids)


def test_every_chart_says_what_it_shows(page: str) -> None:
    read = Read(page)
    assert read.tags.count("svg") >= 4
    assert read.tags.count("svg") == read.tags.count("figcaption") == read.values("role").count("img")
    assert page.count('-title">') >= read.tags.count("svg")


def test_headings_come_in_order_and_tables_name_rows_and_columns(page: str) -> None:
    read = Read(page)
    levels = [int(tag[1]) for tag in read.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert read.tags.count("table") == read.tags.count("caption") == read.tags.count("thead")
    assert set(read.values("scope")) == {"row", "col"}


def test_no_colour_of_a_chart_is_fixed(page: str, hostile_page: str) -> None:
    for each in (page, hostile_page):
        found = re.findall(r'(?:fill|stroke|color|stop-color)="([^"]*)"', each)
        assert found
        assert all(re.fullmatch(r"none|transparent|var\(--[a-z0-9-]+\)", colour) for colour in found)
        defined = set(re.findall(r"(--[a-z0-9-]+):", each))
        assert set(re.findall(r"var\((--[a-z0-9-]+)\)", each)) <= defined


def test_one_light_colour_never_stands_for_two_dark_ones() -> None:
    def colours(style: Style) -> list[str]:
        rest = [getattr(style, each.name) for each in fields(style) if each.name not in ("name", "series")]
        return [*rest, *style.series]

    pairs = set(zip(colours(LIGHT), colours(DARK), strict=True))
    assert len({light for light, _ in pairs}) == len(pairs)


def test_html_markdown_and_json_have_the_same_figures(db: Path, page: str) -> None:
    figures = gather(db, None)
    told = json.loads(json_text(figures))
    rows = {
        tuple(re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)) for row in re.findall(r"<tr>(.*?)</tr>", page)
    }
    lines = markdown(figures).splitlines()
    assert told["cells"]
    for cell in told["cells"]:
        budget = "unlimited" if cell["budget"] is None else f"{cell['budget']:,}"
        accuracy = f"{100 * cell['accuracy']:.1f} %".replace("100.0", "100")
        ends = "-".join(f"{100 * cell[end]:.1f}".replace("100.0", "100") for end in ("ci_low", "ci_high"))
        named = (cell["model"], budget, f"{cell['attempts'] - cell['failed']:,}", f"{accuracy} ({ends})")
        assert any(row[:4] == named for row in rows), named
        assert any(line.startswith(f"| {' | '.join(named)} |") for line in lines), named
    shown = " ".join(Read(page).texts)
    for told_line in (*told["warnings"], *(each["line"] for each in told["compared"])):
        assert told_line in shown


def test_what_is_not_there_has_no_place(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s.duckdb", [make_run()])
    page = page_of(store)
    assert "no attempt yet" in page
    assert "interrupted" in page
    assert "<svg" not in page
    assert 'id="compared"' not in page
    assert 'id="failures"' not in page


def test_an_only_attempt_without_figures_is_drawn_without_them(tmp_path: Path) -> None:
    wrong = make_attempt(outcome="wrong", tokens=None)
    store = make_store(tmp_path / "s.duckdb", [make_run(), wrong, make_failed(1, task="sums")])
    assert "0.0 % (" in page_of(store)


def test_memory_is_drawn_expected_beside_measured(tmp_path: Path) -> None:
    page = page_of(make_store(tmp_path / "s.duckdb", a_run_with_memory()))
    assert "17.8 ×" in page
    assert "what the architecture needs" in page
    assert "How full each server" in page


def test_the_page_may_be_published(tmp_path: Path) -> None:
    suite = (
        "name: x\nmodels:\n  - {name: m, base_url: 'http://gpu7.corp.example:8000/v1', config: /home/me/m}\n"
    )
    run = replace(make_run(status="finished"), suite=suite)
    flags = {
        "command": ["/home/me/vllm", "serve", "/data/models/GLM", "--api-key", "hush", "--hf-token=whisper"]
    }
    server = replace(make_server(), base_url="http://gpu7.corp.example:8000/v1", flags=flags)
    page = page_of(make_store(tmp_path / "s.duckdb", [run, server, make_attempt()]))
    for private in ("gpu7", "/home/me", "/data/models", "hush", "whisper", "lab-1", str(tmp_path)):
        assert private not in page
    assert "base_url: &#39;URL" in page
    assert "GLM" in page


def test_a_private_task_shows_no_text_of_its_own(tmp_path: Path) -> None:
    secret = "the wording of a question that must not be seen"
    failed = replace(make_failed(1, task="gpqa_diamond"), error=secret)
    attempt = replace(
        make_attempt(task="gpqa_diamond", text=secret), prompt=secret, extracted=secret, target=secret
    )
    page = page_of(make_store(tmp_path / "s.duckdb", [make_run(status="finished"), attempt, failed]))
    assert "gpqa_diamond" in page
    assert secret not in page


def test_out_writes_each_kind_of_report_and_says_so(db: Path, tmp_path: Path) -> None:
    for form, begins in (("html", "<!DOCTYPE html>"), ("markdown", "## flash-kv"), ("json", "{")):
        out = tmp_path / f"report.{form}"
        done = CliRunner().invoke(cli, ["report", "--db", str(db), "--format", form, "--out", str(out)])
        assert done.exit_code == 0, done.output
        assert done.output.startswith(str(out))
        assert out.read_text(encoding="utf-8").startswith(begins)


def test_out_that_cannot_be_written_or_is_for_the_terminal_is_refused(db: Path, tmp_path: Path) -> None:
    told = CliRunner().invoke(cli, ["report", "--db", str(db), "--out", str(tmp_path / "x")])
    assert told.exit_code == 2
    assert "--format markdown, html or json" in told.output
    there = str(tmp_path / "no" / "x.html")
    told = CliRunner().invoke(cli, ["report", "--db", str(db), "--format", "markdown", "--out", there])
    assert "cannot be written" in str(told.exception)


def test_the_page_of_a_run_is_small(page: str) -> None:
    assert len(page.encode()) < 400_000
