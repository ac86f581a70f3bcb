"""Makes a store of up to a million attempts in minutes, for measurements at size: `bench.pages`.

    python -m bench.big_store /tmp/million.duckdb --attempts 1000000

Four runs of six models (three quantizations of each of two families) on five tasks of 30 to 14,042 questions,
the newest run with 60 % of all attempts. The rows are made by SQL from hashes of a seed (`big_store_rows`),
a few ten thousand at a time, in the order in which they would have been recorded. Lengths are lognormal, four
characters to a token; answers depend on the question, the model and what the budget cuts off; words are drawn
from a vocabulary, so that texts compress about as language does. One attempt in 100,000 thinks 5 MB.
"""

from __future__ import annotations

import argparse
import json
import math
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path

import duckdb

from bench import big_store_rows as rows_of
from evalbudget.store import cells, migrations

SLICE = 8_000
"""Rows of each model that one statement makes."""
READINGS = 10
"""Attempts for each reading of a server."""
FEW = 5000
"""Attempts; a smaller store has the last two runs alone."""


@dataclass(frozen=True, slots=True)
class Model:
    """One label, with what it changes beside its siblings."""

    name: str
    family: str
    quantization: str
    skill: float
    """Added to the logit of a correct answer."""
    length: float
    """Factor on the tokens that it thinks."""
    loops: float
    """Share of its long thinkings that end in a doom loop."""
    kv_bytes: int
    """Of a token."""
    speed: float
    """Tokens per second and request."""
    source: str
    """Where its counts come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task and the length of its texts."""

    name: str
    questions: int
    share: float
    """Of a run's attempts."""
    ability: float
    """Logit of a correct answer to a question of middling difficulty."""
    tokens: float
    """Median of the thinking."""
    spread: float
    """Standard deviation of its logarithm."""
    max_tokens: int
    prompt: int
    """Characters of a prompt, on average."""
    answer: int
    """The same of an answer."""
    scorer: str
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run; a task that is not in `budgets` is asked without any."""

    name: str
    share: float
    """Of all attempts."""
    began: str
    mode: str | None = None
    loops: str = "measure"
    status: str = "finished"
    budgets: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Task → its budgets, beside unlimited."""

    @property
    def run_id(self) -> str:
        """As a run of that name and time would be called."""
        return f"{self.name}-{self.began[:10].replace('-', '')}-{self.began[11:].replace(':', '')}-0b16"


MODELS = (
    Model("glm-bf16", "glm-4.7-flash", "bf16", 0.4, 1.0, 0.004, 54_144, 55, "usage"),
    Model("glm-fp8", "glm-4.7-flash", "fp8", 0.37, 1.02, 0.006, 27_072, 80, "usage"),
    Model("glm-nvfp4", "glm-4.7-flash", "nvfp4", 0.25, 1.12, 0.02, 27_072, 110, "token_ids"),
    Model("qwen-bf16", "qwen3-30b-a3b", "bf16", 0.2, 1.3, 0.006, 98_304, 60, "timings"),
    Model("qwen-q8_0", "qwen3-30b-a3b", "Q8_0", 0.19, 1.3, 0.006, 98_304, 45, "tokenize"),
    Model("qwen-q4_k_m", "qwen3-30b-a3b", "Q4_K_M", 0.05, 1.42, 0.03, 98_304, 70, "estimate"),
)
_BFCL = (
    "simple", "multiple", "parallel", "parallel_multiple", "live_simple", "live_multiple", "irrelevance",
    "live_irrelevance", "multi_turn_base", "multi_turn_miss_func",
)  # fmt: skip
TASKS = (
    Task(
        name="aime25", questions=30, share=0.03, ability=0.2, tokens=9000, spread=0.7, max_tokens=32_768,
        prompt=420, answer=900, scorer="integer", categories=("I", "II"),
    ),
    Task(
        name="gpqa_diamond", questions=198, share=0.06, ability=0.3, tokens=5000, spread=0.8,
        max_tokens=32_768, prompt=900, answer=1200, scorer="choice",
        categories=("Physics", "Chemistry", "Biology"),
    ),
    Task(
        name="ifeval", questions=541, share=0.05, ability=1.4, tokens=900, spread=0.7, max_tokens=8192,
        prompt=280, answer=1800, scorer="ifeval", categories=(),
    ),
    Task(
        name="bfcl_v3", questions=4441, share=0.26, ability=1.0, tokens=350, spread=0.8, max_tokens=8192,
        prompt=2600, answer=200, scorer="bfcl", categories=_BFCL,
    ),
    Task(
        name="lm_eval/mmlu", questions=14_042, share=0.6, ability=1.2, tokens=260, spread=0.9,
        max_tokens=4096, prompt=700, answer=250, scorer="lm_eval", categories=(),
    ),
)  # fmt: skip
RUNS = (
    Run(name="plain", share=0.05, began="2026-10-30T08:00:00", loops="rescue", status="interrupted"),
    Run(
        name="server-budgets", share=0.15, began="2026-11-03T18:30:00", mode="server",
        budgets={"bfcl_v3": (256, 1024), "ifeval": (0, 512)},
    ),
    Run(
        name="forced", share=0.2, began="2026-11-10T07:15:00", mode="force", loops="stop",
        budgets={"aime25": (1024, 8192), "lm_eval/mmlu": (0, 256)},
    ),
    Run(
        name="quantizations", share=0.6, began="2026-11-18T20:00:00", mode="trace",
        budgets={"aime25": (0, 512, 2048, 8192, 16_384), "gpqa_diamond": (512, 2048, 8192)},
    ),
)  # fmt: skip
"""The newest is the one that `last` means, and the largest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The attempts of one model on one task in one run: a row of the table that the SQL reads."""

    run_id: str
    run_began: str
    mode: str | None
    loops: str
    before: int
    """Attempts of the whole store before this block."""
    first: int
    """Place of its first attempt among those of its run and model."""
    rows: int
    asked: int
    """Questions that are asked: fewer than the task has in a small store."""
    budgets: list[int | None]
    model: Model
    task: Task


def blocks(attempts: int) -> Iterator[Block]:
    """Which attempts there are, so many in all: repeats as needed, the last of them in part."""
    before = 0
    for run in RUNS if attempts >= FEW else RUNS[-2:]:
        of_run = attempts - before if run is RUNS[-1] else round(attempts * run.share)
        for place, model in enumerate(MODELS):
            of_model = of_run * (place + 1) // len(MODELS) - of_run * place // len(MODELS)
            first = 0
            for task in TASKS:
                last = task is TASKS[-1]
                count = of_model - first if last else round(of_model * task.share)
                budgets: list[int | None] = [*run.budgets.get(task.name, ()), None]
                if count <= 0:
                    continue
                yield Block(
                    run_id=run.run_id, run_began=run.began, mode=run.mode, loops=run.loops, before=before,
                    first=first, rows=count, asked=min(task.questions, math.ceil(count / len(budgets))),
                    budgets=budgets, model=model, task=task,
                )  # fmt: skip
                first += count
                before += count


def make(path: Path, attempts: int, *, seed: int = 0) -> None:
    """Write the store. Raises `FileExistsError` where there is a file already."""
    if path.exists():
        raise FileExistsError(f"{path}: there is a file already")
    path.parent.mkdir(parents=True, exist_ok=True)
    planned = list(blocks(attempts))
    with duckdb.connect(str(path), config={"threads": 2, "memory_limit": "4GB"}) as connection:
        migrations.apply(connection)
        rows_of.prepare(connection, seed=seed, texts=min(256, max(8, attempts // 2000)))
        _write_plan(connection, planned, giants=max(1, attempts // 100_000), attempts=attempts)
        for run in RUNS:
            mine = [block for block in planned if block.run_id == run.run_id]
            if not mine:
                continue
            most = max(block.first + block.rows for block in mine)
            for start in range(0, most, SLICE):
                connection.execute(
                    rows_of.ATTEMPTS, {"run": run.run_id, "start": start, "end": start + SLICE}
                )
            connection.execute(rows_of.READINGS, {"run": run.run_id, "every": READINGS})
            connection.execute(rows_of.SERVERS, {"run": run.run_id})
            _write_run(connection, run, mine)
            connection.execute("BEGIN")
            cells.refresh(connection, run.run_id)
            connection.execute("COMMIT")


def _write_plan(
    connection: duckdb.DuckDBPyConnection, planned: list[Block], *, giants: int, attempts: int
) -> None:
    """The temporary table `blocks`, of scalars and lists."""
    connection.execute(rows_of.BLOCKS)
    every = attempts // giants
    for block in planned:
        model, task = astuple(block.model), asdict(block.task)
        values = [
            block.run_id, block.run_began, block.mode, block.loops, block.before, block.first, block.rows,
            block.asked, block.budgets, every, *model, task["name"], task["ability"], task["tokens"],
            task["spread"], task["max_tokens"], task["prompt"], task["answer"], task["scorer"],
            list(task["categories"]),
        ]  # fmt: skip
        connection.execute(f"INSERT INTO blocks VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608


def _write_run(connection: duckdb.DuckDBPyConnection, run: Run, mine: list[Block]) -> None:
    """Its row, with the suite and the conditions as a real run records them."""
    tasks = {block.task.name: block for block in mine}
    private = [name for name in tasks if name.startswith("gpqa")]
    conditions = {name: _conditions(run, block) for name, block in tasks.items()}
    lines = [f"name: {run.name}", "models:", *(f"  - {{name: {each.name}}}" for each in MODELS)]
    lines += [f"tasks: [{', '.join(tasks)}]", f"loops: {run.loops}", "seed: 0"]
    connection.execute(
        "INSERT INTO runs (run_id, name, status, started_at, finished_at, suite, version, host, options, "
        "conditions) SELECT $id, $name, $status, $began::TIMESTAMP, max(started_at), $suite, '0.1.0', "
        "'lab-1', $options, $conditions FROM attempts WHERE run_id = $id",
        {
            "id": run.run_id, "name": run.name, "status": run.status, "began": run.began,
            "suite": "\n".join(lines) + "\n", "options": json.dumps({"private_tasks": private}),
            "conditions": json.dumps(conditions),
        },
    )  # fmt: skip


def _conditions(run: Run, block: Block) -> dict[str, object]:
    task = block.task
    repeats = math.ceil(block.rows / (block.asked * len(block.budgets)))
    digest = f"{zlib.crc32(task.name.encode()):08x}"
    return {
        "samples": f"{block.asked}, ids {digest}", "prompts": digest, "targets": digest,
        "scorer": task.scorer, "scorer_version": "default", "task_version": 1, "loop_detector": "2",
        "evalbudget": "0.1.0", "sampling": {"temperature": 0.6, "top_p": 0.95, "max_tokens": task.max_tokens},
        "repeats": repeats, "budgets": ["unlimited", *block.budgets[:-1]], "budget_mode": run.mode,
        "loops": run.loops, "seed": 0, "limit": None, "categories": "all",
    }  # fmt: skip


def main() -> None:
    """Make it and say how large it became."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--attempts", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    began = time.monotonic()
    make(told.path, told.attempts, seed=told.seed)
    size = told.path.stat().st_size / 1e9
    print(f"{told.path}: {told.attempts:,} attempts, {size:.2f} GB, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
