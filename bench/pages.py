"""How long the dashboard's questions and pages take on a large store, and how much memory the server needs.

    python -m bench.big_store /tmp/million.duckdb --attempts 1000000
    python -m bench.pages /tmp/million.duckdb [--browser]

Each question that a page asks the store is asked three times, each time at an opening of the file of its own.
Shown are the first time, the median, the median of the processors' time, and the process's peak so far. (On
two free cores a question takes between half of the processors' time and all of it: on a busy machine that
tells more.) The bars: 0.5 s a question, 2 s to a page's first content, 1 GiB for the server. All runs on two
cores. With `--browser` the dashboard is started on the store, and each page is opened in headless Chromium as
a reader opens a link: a tab of its own, after the server has been asked for something once. Its first content
is the first figure, table or text under the page's title; at rest it is when the script has ended.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from evalbudget.records import Job
from evalbudget.store.browse import ORDERS, Wanted
from evalbudget.store.load import catch_up
from evalbudget.store.paired import ModelOfRun
from evalbudget.store.queries import Store

QUESTION_S = 0.5
"""The bar for one question to the store; the next is that for a page's first content."""
CONTENT_S = 2.0
SERVER_MIB = 1024
TIMES = 3
PAGES = ("overview", "budgets", "compare", "loops", "memory", "answers", "runs")

Ask = Callable[[Store], object]

_FIRST_CONTENT = """
() => {
    const main = document.querySelector('[data-testid=stMain]')
    const kinds = ['DataFrame', 'Table', 'Metric', 'VegaLiteChart', 'Text', 'Code', 'Alert', 'Image']
    return main !== null && kinds.some(kind => main.querySelector(`[data-testid=st${kind}]`) !== null)
}
"""


def questions(store: Store) -> Mapping[str, Ask]:
    """What pages ask about the newest run: of its largest task, and of the one with the longest curve."""
    run = store.run("last").run_id
    cells = store.cells(run)
    tasks = {cell.task: cell.attempts for cell in cells}
    largest = max(tasks, key=lambda task: tasks[task])
    curved = next(cell.task for cell in cells if cell.budget is not None)
    models = store.models(run)
    base, candidate = ModelOfRun(run, models[0]), ModelOfRun(run, models[-1])
    told = store.browse.page(run, Wanted(tasks=(largest,)), limit=1).lines[0]
    looping = store.browse.page(run, Wanted(only="doom-loop"), limit=1).lines[0]
    return {
        "runs": lambda store: store.runs(),
        "progress": lambda store: store.progress(),
        "cells": lambda store: store.cells(run),
        "servers": lambda store: store.servers(run),
        "models": lambda store: store.models(run),
        "failures": lambda store: store.failures(run),
        "token_sources": lambda store: store.token_sources(run),
        "efforts": lambda store: store.efforts(run),
        "loop_costs": lambda store: store.loop_costs(run),
        "memory": lambda store: store.memory(run),
        "use_over_time": lambda store: store.use_over_time(run),
        "known_models": lambda store: store.known_models(),
        "common_conditions": lambda store: store.common_conditions(base, candidate),
        f"answers, {curved}": lambda store: store.answers(run, models[0], curved),
        f"paired, {largest}": lambda store: store.paired(largest, base, candidate),
        f"paired, {curved}": lambda store: store.paired(curved, base, candidate),
        "loops, counted": lambda store: store.looped.counts(run),
        "loops, where": lambda store: store.looped.bins(run),
        "repeats": lambda store: store.repeats(run),
        **_browsing(run, told.job, looping.job),
    }


def _browsing(run: str, job: Job, looping: Job) -> dict[str, Ask]:
    """The page Answers, and the list of the page Loops."""

    def page(wanted: Wanted, order: str, offset: int = 0) -> Ask:
        return lambda store: store.browse.page(run, wanted, order=order, offset=offset)

    everything = Wanted()
    return {
        **{f"browse by {order}": page(everything, order) for order in ORDERS},
        "browse, far": page(everything, "question", 500_000),
        "browse, doom loops": page(Wanted(only="doom-loop"), "wasted"),
        "browse, stopped": page(Wanted(only="stopped-for-a-loop"), "newest"),
        "browse, right in thinking": page(Wanted(only="right-in-thinking"), "question"),
        "categories": lambda store: store.browse.categories(run),
        "read": lambda store: store.browse.read(run, job),
        "piece": lambda store: store.browse.piece(run, job, "reasoning", 0, 20_000),
        "piece, all of a loop": lambda store: store.browse.piece(run, looping, "generated"),
        "same_question": lambda store: store.browse.same_question(run, job),
    }


def ask_all(db: Path) -> None:
    """Print each question's times and what the process came to."""
    print(f"{'question':32} {'first s':>8} {'median s':>8} {'cpu s':>8} {'peak MiB':>8}")
    began = time.perf_counter()
    catch_up(db)
    print(f"{'catch_up':32} {time.perf_counter() - began:8.3f}", flush=True)
    store = Store(db)
    for name, ask in questions(store).items():
        took, busy = [], []
        for _ in range(TIMES):
            began, worked = time.perf_counter(), time.process_time()
            ask(store)
            took.append(time.perf_counter() - began)
            busy.append(time.process_time() - worked)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        over = f"  {max(took) / QUESTION_S:.1f} times the bar" if max(took) > QUESTION_S else ""
        middle = f"{statistics.median(took):8.3f} {statistics.median(busy):8.3f}"
        print(f"{name:32} {took[0]:8.3f} {middle} {peak:8.0f}{over}", flush=True)


def open_all(db: Path) -> None:
    """Print for each page when its first content stood there, when it was at rest, and the server's peak."""
    from tests.browser.driver import a_browser, dashboard_on, looking  # noqa: PLC0415 - needs Playwright

    print(f"\n{'page':16} {'first s':>8} {'again s':>8} {'rest s':>8} {'peak MiB':>8}")
    with a_browser() as browser, dashboard_on(db) as address:
        with looking(browser) as warm:
            warm.open(f"{address}/runs")
        for name in PAGES:
            firsts, rests, troubles = [], [], []
            for _ in range(2):
                with looking(browser) as looked:
                    began = time.perf_counter()
                    looked.page.goto(f"{address}/{name}", wait_until="commit")
                    looked.page.wait_for_function(_FIRST_CONTENT, timeout=120_000)
                    firsts.append(time.perf_counter() - began)
                    looked.settle()
                    rests.append(time.perf_counter() - began)
                    troubles += [*looked.troubles, *looked.exceptions()]
            over = f"  {firsts[0] / CONTENT_S:.1f} times the bar" if firsts[0] > CONTENT_S else ""
            peak = _server_peak_mib()
            told = [*firsts, rests[0]]
            print(f"{name:16} {''.join(f'{each:8.2f} ' for each in told)}{peak:8.0f}{over}", flush=True)
            for trouble in dict.fromkeys(troubles):
                print(f"    {trouble.splitlines()[0][:150]}")
        if _server_peak_mib() > SERVER_MIB:
            print(f"the server took {_server_peak_mib() / SERVER_MIB:.1f} times its bar")


def _server_peak_mib() -> float:
    """Of the processes below this one, that which runs Streamlit."""
    peaks = [0.0]
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            words = (status.parent / "cmdline").read_bytes().split(b"\0")
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except (OSError, ValueError, IndexError):
            continue
        if b"streamlit" in words and _is_below(int(status.parent.name)):
            peaks.append(int(lines["VmHWM"].split()[0]) / 1024)
    return max(peaks)


def _is_below(process: int) -> bool:
    while process > 1:
        if process == os.getpid():
            return True
        try:
            process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return False


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("store", type=Path)
    parser.add_argument("--browser", action="store_true", help="open the pages too")
    told = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    ask_all(told.store)
    if told.browser:
        open_all(told.store)


if __name__ == "__main__":
    main()
