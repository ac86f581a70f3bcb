"""`evalbudget doctor`: the servers of a suite, or the one behind a URL, opened and examined one by one."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from pydantic import ValidationError

from evalbudget.contracts import Assignment
from evalbudget.doctor import Examination, Patient, examine, unreachable
from evalbudget.errors import InputError
from evalbudget.jobs import parse_only
from evalbudget.records import Job
from evalbudget.suite import Model, Suite, SuiteTask, api_key, check_ready
from evalbudget.urls import shown_url
from evalbudget.wiring.opening import closing_of
from evalbudget.wiring.prepare import Prepared, read_suite
from evalbudget.wiring.servers import Server, Servers

_HOST_AND_PORT = re.compile(r"[\w.-]+:\d{1,5}(?:/|$)")
_AT_ONCE = 4
"""Questions in flight to one server, where its `concurrency` does not say fewer."""


class View(Protocol):
    """Hears how far the examinations are."""

    def say(self, line: str) -> None:
        """Something that takes a while begins."""

    def progress(self, model: str, done: int, of: int, name: str) -> None:
        """So many of a server's checks are done."""

    def seen(self, examination: Examination) -> None:
        """One server is done."""


def examine_suite(name: str, only: str | None, view: View) -> tuple[Examination, ...]:
    """Examine the servers of a suite's models, or of those that `only` names. Raises InputError."""
    if _HOST_AND_PORT.match(name) and not Path(name).exists():
        raise InputError(f"{name} is no suite; for a server, write http://{name}")
    suite = read_suite(name)
    wanted = parse_only(only, suite).models
    models = tuple(model for model in suite.models if wanted is None or model.name in wanted)
    check_ready(suite, {model.name for model in models})
    return _examine(suite, models, view)


def examine_url(url: str, model: str | None, api_key_env: str | None, view: View) -> tuple[Examination, ...]:
    """Examine the server at this base URL. Raises InputError."""
    try:
        label = urlsplit(url).netloc.rpartition("@")[2] or "server"
    except ValueError:
        raise InputError(f"{url[:80]!r} is no URL: http://HOST:PORT/v1 works") from None
    try:
        asked = Model(name=label, base_url=url, model=model, api_key_env=api_key_env)
    except ValidationError as error:
        first = error.errors()[0]
        option = {"base_url": shown_url(url) or "URL", "api_key_env": "--api-key-env"}
        place = str(first["loc"][0]) if first["loc"] else ""
        what = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{option.get(place, place)}: {what}") from None
    suite = Suite(name="doctor", models=(asked,), tasks=(SuiteTask(task="sums"),))
    api_key(asked)
    return _examine(suite, (asked,), view)


def is_url(target: str) -> bool:
    """Whether the command's argument is meant as a base URL and not as a suite."""
    return "://" in target


def _examine(suite: Suite, models: tuple[Model, ...], view: View) -> tuple[Examination, ...]:
    logs = Path(tempfile.mkdtemp(prefix="evalbudget-doctor-"))
    servers = Servers(
        run_id="doctor",
        prepared=Prepared(suite=suite, models=models, parts=(), rows=(), jobs={}, open=_no_jobs),
        keys={model.name: api_key(model) for model in models},
        logs=logs,
        say=view.say,
    )
    try:
        examinations = asyncio.run(_one_by_one(servers, models, view))
    except BaseException:
        shutil.rmtree(logs, ignore_errors=True)
        raise
    if all(each.failure is None for each in examinations) or not any(logs.iterdir()):
        # Else a message may name a log in it.
        shutil.rmtree(logs, ignore_errors=True)
    return examinations


async def _one_by_one(servers: Servers, models: Sequence[Model], view: View) -> tuple[Examination, ...]:
    examinations = []
    for model in models:
        async with servers.opened(model) as server:
            examination = await _examined(server, partial(view.progress, model.name))
        view.seen(examination)
        examinations.append(examination)
    return tuple(examinations)


async def _examined(server: Server, progress: Callable[[int, int, str], None]) -> Examination:
    model, record = server.model, server.record
    if server.blocked is not None:
        return unreachable(model.name, record, server.blocked)
    patient = Patient(
        name=model.name,
        record=record,
        endpoint=server.endpoint,
        probe=server.probe,
        kv=server.kv,
        force=closing_of(model, record),
        effort=model.effort,
        extra_body=model.extra_body,
        at_once=min(model.concurrency or _AT_ONCE, _AT_ONCE),
    )
    return await examine(patient, progress=progress)


def _no_jobs(job: Job) -> Assignment:
    raise KeyError(job)
