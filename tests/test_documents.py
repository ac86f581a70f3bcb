"""Every command in `docs/` prints the figures that stand under it there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from docs.remake import shown
from evalbudget.cli import cli

REPOSITORY = Path(__file__).parents[1]
PAGES = sorted((REPOSITORY / "docs").glob("*.md"))


def examples(page: Path) -> list[tuple[str, list[str]]]:
    """Each command of a page with the lines under it; `…` stands for lines that are left out."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line != "…":
                found[-1][1].append(line)
    return found


EXAMPLES = [example for page in PAGES for example in examples(page)]


def test_the_pages_have_commands_and_each_has_figures() -> None:
    assert len(EXAMPLES) > 20
    assert all(lines for _, lines in EXAMPLES)


@pytest.mark.parametrize(("command", "lines"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_a_command_prints_what_the_page_shows(
    command: str, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setenv("COLUMNS", "100")
    program, *words = shlex.split(command)
    assert program == "evalbudget"
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    printed = [" ".join(line.split()) for line in done.output.splitlines()]
    for line in lines:
        assert line in printed, done.output


def test_the_quickstarts_output_is_put_in_its_place_without_the_machines_name() -> None:
    page = "a\n<!-- quickstart:begin -->\nold\n<!-- quickstart:end -->\nb\n"
    made = shown(page, "first\nresults/x.duckdb on secret-host\nlast\n")
    assert made == (
        "a\n<!-- quickstart:begin -->\n```\nfirst\nresults/x.duckdb on my-machine\nlast\n```\n"
        "<!-- quickstart:end -->\nb\n"
    )


def test_the_readmes_picture_is_there() -> None:
    named = re.findall(r"!\[[^]]+\]\(([^)]+)\)", (REPOSITORY / "README.md").read_text(encoding="utf-8"))
    assert named
    for picture in named:
        assert (REPOSITORY / picture).read_bytes().startswith(b"\x89PNG")


def test_every_configuration_is_used_or_named() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    tests = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "tests" / "kv").glob("*.py"))
    for path in (REPOSITORY / "suites" / "configs").glob("*.json"):
        assert path.stem in pages or f'"{path.stem}"' in tests, path.name
