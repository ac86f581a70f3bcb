"""What a user is told of a server that ignores budgets."""

from __future__ import annotations

import pytest

from evalbudget.reasoning.budgets.advice import missing_flag


@pytest.mark.parametrize(
    ("engine", "version", "flags"),
    [
        ("vllm", "0.33.0", ["--reasoning-parser", "--reasoning-config"]),
        ("vllm", None, ["--reasoning-parser", "--reasoning-config"]),
        ("vllm", "0.18.1", ["0.18.1", "update to 0.19", "--reasoning-parser"]),
        ("vllm", "v0.9.2rc1", ["update to 0.19"]),
        ("sglang", "0.5.23", ["--enable-strict-thinking", "--reasoning-parser"]),
        ("llama.cpp", "b8000", ["--jinja", "--reasoning-format", "thinking tags", "#20297", "0 and -1"]),
        ("tensorrt-llm", None, ["--reasoning_parser", "thinking_token_budget"]),
        ("ollama", "0.20", ["Ollama has no parameter"]),
        ("lmdeploy", None, ["no parameter"]),
        ("transformers", None, ["no parameter"]),
        ("unknown", None, ["--reasoning-parser", "--jinja"]),
        (None, None, ["--reasoning-parser", "--jinja"]),
    ],
)
def test_the_line_names_the_flag_and_what_works_everywhere(
    engine: str | None, version: str | None, flags: list[str]
) -> None:
    line = missing_flag(engine, version)
    assert all(flag in line for flag in flags)
    assert line.endswith("use `budget_mode: force` or `max_tokens`") and "\n" not in line


@pytest.mark.parametrize("version", ["0.19.0", "0.19.1", "1.0", "dev", ""])
def test_a_version_that_is_not_older_is_not_told_to_update(version: str) -> None:
    assert "update" not in missing_flag("vllm", version)


@pytest.mark.parametrize("engine", ["vllm", "llama.cpp", "unknown"])
def test_thinking_that_cannot_be_switched_off_is_the_templates_matter(engine: str) -> None:
    line = missing_flag(engine, budget=0)
    assert "`enable_thinking`" in line and "`budget_mode: force`" in line and "--" not in line
