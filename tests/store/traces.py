"""A run with budgets, one trace a question: three models, four budgets, effort words, loops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from evalbudget.contracts import JournalRecord
from evalbudget.records import Attempt
from tests.store.making import make_attempt, make_run, make_server

BUDGETS = (0, 128, 512, 2048)
THINKING = (60, 100, 300, 450, 900, 1500, 3000, 5000, 9000, 12_000)
"""Tokens that each of ten questions takes."""
FORCE = {"family": "qwen3", "why": "budget", "by": "token_ids", "closing": "</think>", "closing_tokens": 2}


def trace_of(number: int, model: str, *, shift: int = 0, repeat: int = 0) -> Iterator[Attempt]:
    """A question's attempts at all budgets and without one: right once two thirds of it are thought."""
    thought = THINKING[(number + shift) % len(THINKING)]
    right_from = thought * 2 // 3
    solved = (number + shift + repeat) % 7 != 6
    for budget in (*BUDGETS, None):
        kept = thought if budget is None else min(thought, budget)
        right = kept >= right_from if solved else 0 < kept < thought
        forced = budget is not None and thought > budget
        details: dict[str, Any] = {"force": {**FORCE, "kept": kept, "generated": 20}} if forced else {}
        if not right and kept > right_from:
            details["in_thinking"] = {"extracted": "42", "correct": True}
        attempt = make_attempt(
            number, model=model, budget=budget, repeat=repeat, outcome="correct" if right else "wrong"
        )
        yield replace(
            attempt,
            budget_mode=None if budget is None else "trace",
            budget_honoured=None if budget is None else True,
            reasoning_tokens=kept,
            answer_tokens=20,
            completion_tokens=kept + 24,
            extracted="42" if right else str(number),
            details=details,
            finish_reason="stop",
            loop_doom=False,
        )


def traced_run() -> list[JournalRecord]:
    """Three models on one task, four budgets and unlimited, two repeats; one model loops."""
    records: list[JournalRecord] = [make_run(), make_run(status="finished")]
    for shift, model in enumerate(("flash-bf16-kv", "flash-fp8-kv", "GLM-4.7-Flash-REAP-NVFP4")):
        records.append(make_server(model=model))
        for number in range(20):
            for repeat in range(2):
                records += trace_of(number, model, shift=2 * shift, repeat=repeat)
    records += (
        looping(number, "flash-fp8-kv", certain=2500, finished=number < 22) for number in range(20, 24)
    )
    for word, thought, right in (("high", 4100, 9), ("low", 812, 4), ("medium", 2222, 7)):
        model = f"oss-{word}"
        records.append(replace(make_server(model=model), family="oss", effort=word))
        for number in range(12):
            outcome = "correct" if number < right else "wrong"
            attempt = make_attempt(number, model=model, outcome=outcome)
            records.append(
                replace(attempt, reasoning_tokens=thought, completion_tokens=thought + 30, answer_tokens=30)
            )
    return records


def looping(number: int, model: str = "m", *, certain: int | None, finished: bool, **loop: Any) -> Attempt:
    """An attempt of 6000 tokens with a loop; `certain`: the token at which its doom was called."""
    said = {"version": "1", "certain_token": certain, **loop}
    return replace(
        make_attempt(number, model=model, outcome="correct" if finished else "looped", tokens=6000),
        loop_doom=not finished,
        loop_kind="interior" if finished else "exact",
        details={"loop": said},
        finish_reason="stop" if finished else "length",
    )
