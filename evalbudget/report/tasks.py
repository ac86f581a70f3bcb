"""The tasks: a list, or one with its first prompt."""

from __future__ import annotations

from collections.abc import Iterator

import click
import msgspec
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from evalbudget.datasets import load_samples
from evalbudget.errors import DataError
from evalbudget.records import Sample, Sampling
from evalbudget.runner.attempts import prompt_text
from evalbudget.tasks import DEFAULT_SAMPLING, Task, known_tasks, load_task


def print_tasks(*, as_json: bool) -> None:
    """List the tasks that travel with evalbudget."""
    tasks = [load_task(name) for name in known_tasks()]
    if as_json:
        _print_json([_summary(task) for task in tasks])
        return
    console = _console()
    table = Table(
        Column("task", no_wrap=True), "what it is", Column("scorer", no_wrap=True), box=None, pad_edge=False
    )
    for task in tasks:
        table.add_row(Text(task.name), Text(task.title), Text(task.scorer.name))
    console.print(table)
    console.print(
        "\nAnd lm_eval/<name> for any generation task of lm-eval, such as lm_eval/gsm8k."
        "\n`evalbudget tasks NAME` shows one with its first prompt; tasks/README.md adds one."
    )


def print_task(name: str, *, as_json: bool) -> None:
    """Show one task; without its data at hand, all but the prompt."""
    task = load_task(name)
    samples: tuple[Sample, ...] = ()
    trouble: str | None = None
    try:
        samples = load_samples(task, 1)
    except DataError as error:
        trouble = str(error)
    prompt = None if task.is_private or not samples else prompt_text(samples[0].conversation)
    tools = ", ".join(_names(samples[0])) if samples else ""
    if as_json:
        _print_json({**_summary(task), "first_prompt": prompt, "trouble": trouble})
        return
    console = _console()
    console.print(Text(f"{task.name}: {task.title} (version {task.version})", style="bold"))
    lines = {
        "modes": ", ".join(task.modes),
        "categories": ", ".join(task.categories),
        "scorer": " ".join([task.scorer.name, *(f"{k}={v}" for k, v in task.scorer.options.items())]),
        "sampling": ", ".join(f"{key} {value}" for key, value in _set(_sampling(task)).items()),
        "source": task.source,
        "licence": task.licence,
    }
    for key, text in lines.items():
        if text:
            console.print(Text(f"{key}: ", style="dim").append(" ".join(text.split()), style="not dim"))
    if prompt is not None:
        console.print(Text("\nfirst prompt:", style="dim"))
        console.print(Text(prompt))
        if tools:
            console.print(Text("with the tools: ", style="dim").append(tools, style="not dim"))
    elif task.is_private:
        console.print(Text("\nThe authors of this data ask that no question is shown.", style="dim"))
    if trouble is not None:
        console.print(Text(f"\nno prompt to show: {trouble}", style="yellow"))


def _names(sample: Sample) -> Iterator[str]:
    """Of the functions that may be called."""
    for tool in sample.tools:
        function = tool.get("function")
        yield str(function.get("name")) if isinstance(function, dict) else "?"


def _sampling(task: Task) -> Sampling:
    return task.defaults.sampling.over(DEFAULT_SAMPLING)


def _set(sampling: Sampling) -> dict[str, object]:
    values: dict[str, object] = msgspec.to_builtins(sampling)
    return {key: value for key, value in values.items() if value not in (None, [], ())}


def _summary(task: Task) -> dict[str, object]:
    return {
        "name": task.name,
        "title": task.title,
        "version": task.version,
        "scorer": task.scorer.name,
        "private": task.is_private,
        "modes": task.modes,
        "categories": task.categories,
        "sampling": _set(_sampling(task)),
        "repeats": task.defaults.repeats,
    }


def _print_json(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


def _console() -> Console:
    return Console(highlight=False, markup=False, emoji=False)
