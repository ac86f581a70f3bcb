"""Work in worker processes with a time limit: what hangs, dies or raises there harms nothing here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from evalbudget.errors import InputError, TimeLimitError
from evalbudget.isolation import bounded, submit


def double(number: int) -> int:
    return 2 * number


def backtracks() -> bool:
    return re.match(r"(a+)+$", "a" * 40 + "b") is not None


def loses_an_alarm() -> None:
    try:
        while True:
            pass
    except:  # noqa: E722, S110 - as careless code does
        pass
    while True:
        pass


def swallows() -> None:
    while True:
        try:
            while True:
                pass
        except Exception:  # noqa: BLE001, S110 - as careless code does
            pass


def dies() -> None:
    os._exit(3)


def complains() -> None:
    raise InputError("line 5: a word too many")


def worker() -> int:
    return os.getpid()


def ignores_interrupts() -> str:
    import signal  # noqa: PLC0415

    return str(signal.getsignal(signal.SIGINT))


def test_a_result_comes_back_from_another_process() -> None:
    assert bounded(double, 21) == 42
    assert bounded(worker) != os.getpid()


def test_what_a_function_raises_is_raised_here() -> None:
    with pytest.raises(InputError, match="line 5: a word too many"):
        bounded(complains)


@pytest.mark.parametrize("function", [backtracks, swallows, loses_an_alarm])
def test_what_does_not_end_is_ended_and_the_next_call_works(function: object) -> None:
    with pytest.raises(TimeLimitError, match=r"did not end within 0\.5 s"):
        bounded(function, seconds=0.5)  # type: ignore[arg-type]
    assert bounded(double, 4) == 8


def test_a_worker_that_dies_is_told_and_replaced() -> None:
    with pytest.raises(TimeLimitError, match="ended its worker process"):
        bounded(dies)
    assert bounded(double, 5) == 10


def test_many_threads_share_the_workers_while_one_of_them_hangs() -> None:
    hanging = submit(backtracks, seconds=2)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda number: bounded(double, number), range(100))) == list(range(0, 200, 2))
    with pytest.raises(TimeLimitError):
        hanging.result()


def test_ctrl_c_on_the_terminal_leaves_the_workers_to_the_run() -> None:
    assert bounded(ignores_interrupts) == "1"


def test_a_process_that_used_workers_ends_by_itself_and_leaves_none_behind() -> None:
    program = "from evalbudget.isolation import bounded\nimport os\nprint(bounded(os.getpid))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)
