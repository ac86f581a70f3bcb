"""Work in worker processes, awaited."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from evalbudget.dialogues.apart import apart
from evalbudget.records import Failure, FailureKind
from evalbudget.scoring.bfcl.simulated.world import SearchFailedError


def failing_search() -> None:
    raise SearchFailedError("the web search failed: 402")


def test_a_result_comes_back() -> None:
    assert asyncio.run(apart(divmod, 7, 2)) == (3, 1)


def test_work_without_an_end_is_a_failure() -> None:
    failure = asyncio.run(apart(time.sleep, 30, seconds=0.2))
    assert isinstance(failure, Failure) and failure.kind is FailureKind.SCORER
    assert "did not end within 0.2 s" in failure.message


def test_work_that_ends_its_process_is_a_failure() -> None:
    failure = asyncio.run(apart(os._exit, 3))
    assert isinstance(failure, Failure) and "ended its worker process" in failure.message
    assert asyncio.run(apart(divmod, 7, 2)) == (3, 1)


def test_a_search_that_fails_is_a_failure_that_may_pass() -> None:
    failure = asyncio.run(apart(failing_search))
    assert isinstance(failure, Failure) and failure.kind is FailureKind.SERVER and failure.retryable
    assert failure.message == "the web search failed: 402"


def test_what_else_is_raised_passes() -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(apart(divmod, 1, 0))


def test_other_dialogues_go_on_meanwhile() -> None:
    async def both() -> list[str]:
        order: list[str] = []

        async def slow() -> None:
            await apart(time.sleep, 0.3)
            order.append("slow")

        async def quick() -> None:
            order.append("quick")

        await asyncio.gather(slow(), quick())
        return order

    assert asyncio.run(both()) == ["quick", "slow"]
