"""docs/kv-memory.md: every command runs, and prints the figures under it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from evalbudget.cli import cli

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "kv-memory.md").read_text(encoding="utf-8")


def examples() -> list[tuple[str, list[str]]]:
    """Each command of the page with the lines under it."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line != "…":
                found[-1][1].append(line)
    return found


EXAMPLES = examples()


def test_the_page_has_commands_and_each_has_figures() -> None:
    assert len(EXAMPLES) > 10
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


def test_every_configuration_is_used_or_named() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "tests" / "kv").glob("*.py"))
    for path in (REPOSITORY / "suites" / "configs").glob("*.json"):
        assert path.stem in PAGE or f'"{path.stem}"' in tests, path.name
