"""The checks in their order, under one deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from evalbudget.doctor import budgets, chat, errors, load, memory, repeating, thinking, tools
from evalbudget.doctor.findings import Finding, Seen, UntoldError, Verdict, unknown
from evalbudget.doctor.interview import Interview, Patient, first_reply
from evalbudget.errors import where_raised
from evalbudget.records import Failure, FailureKind, ServerRecord

DEADLINE_S = 55.0
"""For all questions to one server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """All that was found out about one server."""

    model: str
    """The label."""
    record: ServerRecord
    findings: tuple[Finding, ...]
    """In the order to show them."""
    failure: Failure | None = None
    """Why nothing could be asked; there is no finding then but who the server is."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Check:
    """One question, or what is read from the reply to one that others ask as well."""

    name: str
    group: str
    see: Callable[[Interview], Awaitable[Seen]]

    def finding(self, seen: Seen) -> Finding:
        """What it found, under its name."""
        return Finding(
            name=self.name, group=self.group, verdict=seen.verdict, evidence=seen.evidence, mend=seen.mend
        )


_SERVER = Check("server", "server", chat.server)
CHECKS: tuple[Check, ...] = (
    _SERVER,
    Check("chat", "server", chat.chat),
    Check("max_tokens", "server", chat.ending),
    Check("usage", "server", chat.usage),
    Check("thinking", "thinking", thinking.field),
    Check("reasoning_tokens", "thinking", thinking.reasoning_tokens),
    Check("token counts", "thinking", thinking.exact_counts),
    Check("continuation", "budgets", budgets.continuation),
    Check("server's budget", "budgets", budgets.server_budget),
    Check("thinking off", "budgets", budgets.switched_off),
    Check("effort words", "budgets", budgets.effort),
    Check("temperature 0", "repeatability", repeating.at_temperature_0),
    Check("seed", "repeatability", repeating.seed),
    Check("tool calls", "requests", tools.tool_calls),
    Check("unknown fields", "requests", errors.unknown_fields),
    Check("context overflow", "requests", errors.overflow),
    Check("hang-up", "requests", load.hang_up),
    Check("metrics", "memory", load.metrics),
    Check("prefix cache", "memory", load.prefix_cache),
    Check("KV capacity", "memory", memory.kv_capacity),
    Check("KV memory", "memory", memory.kv_bytes),
)
"""In the order to show them."""

_FIRST = ("chat", "temperature 0", "prefix cache")
"""Asked one after the other, with nothing beside them: other requests in a batch change numbers, and take
the cache of this one."""
_LAST = ("seed", "hang-up", "metrics")
"""The same, behind what can be asked at the same time. A server that does not notice a hang-up is busy with
it for a while; metrics are read from what was seen meanwhile."""
_READING_S = 0.05
"""Behind the deadline, too, for the checks that only read what is known."""


async def examine(
    patient: Patient,
    *,
    deadline_s: float = DEADLINE_S,
    progress: Callable[[int, int, str], None] = lambda done, of, name: None,
) -> Examination:
    """Ask one server all questions. `progress` hears: checks done, of how many, the last one's name.

    Raises for nothing that the server does; what is not answered by the deadline is unknown.
    """
    clock = asyncio.get_running_loop().time
    started = clock()
    progress(0, len(CHECKS), "the first question")
    try:
        async with asyncio.timeout(deadline_s):
            first = await first_reply(patient)
    except TimeoutError:
        what = f"no reply to a question of a few tokens within {deadline_s:.0f} s"
        first = Failure(kind=FailureKind.TIMEOUT, message=what, retryable=True)
    if isinstance(first, Failure):
        return unreachable(patient.name, patient.record, first, clock() - started)
    interview = Interview(patient, first)
    ward = _Ward(interview, until=started + deadline_s, progress=progress)
    try:
        await ward.see_all()
    finally:
        await interview.close()
    return Examination(
        model=patient.name,
        record=patient.record,
        findings=tuple(ward.found[check.name] for check in CHECKS),
        seconds=clock() - started,
    )


def unreachable(model: str, record: ServerRecord, failure: Failure, seconds: float = 0.0) -> Examination:
    """Of a server that answers no question."""
    finding = _SERVER.finding(chat.identity(record))
    return Examination(model=model, record=record, findings=(finding,), failure=failure, seconds=seconds)


class _Ward:
    """Carries out the checks of one examination."""

    def __init__(
        self, interview: Interview, *, until: float, progress: Callable[[int, int, str], None]
    ) -> None:
        self._interview = interview
        self._until = until
        self._progress = progress
        self.found: dict[str, Finding] = {}
        """By the check's name; complete behind `see_all`."""

    async def see_all(self) -> None:
        """What has to be asked alone, and between that all the rest at the same time."""
        for name in _FIRST:
            await self._together([check for check in CHECKS if check.name == name])
        await self._together([check for check in CHECKS if check.name not in {*_FIRST, *_LAST}])
        for name in _LAST:
            await self._together([check for check in CHECKS if check.name == name])

    async def _together(self, checks: Sequence[Check]) -> None:
        tasks = {asyncio.ensure_future(self._see(check)): check for check in checks}
        try:
            left_s = self._until - asyncio.get_running_loop().time()
            _, late = await asyncio.wait(tasks, timeout=max(left_s, _READING_S))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in late:
            check = tasks[task]
            self.found.setdefault(check.name, check.finding(unknown("no time left")))

    async def _see(self, check: Check) -> None:
        try:
            seen = await check.see(self._interview)
        except UntoldError as untold:
            seen = untold.seen
        except Exception as error:  # noqa: BLE001 - one check's trouble is its own line
            seen = unknown(f"the check itself failed: {type(error).__name__} ({where_raised(error)})")
        self.found[check.name] = check.finding(seen)
        self._progress(len(self.found), len(CHECKS), check.name)


def tally(findings: Sequence[Finding]) -> dict[Verdict, int]:
    """How many ended in each verdict, those with none included."""
    return {verdict: sum(each.verdict is verdict for each in findings) for verdict in Verdict}


def budget_modes(findings: Sequence[Finding]) -> dict[str, Verdict]:
    """Each of the suite's budget modes → whether it can work there; empty where nothing was asked."""
    verdicts = {each.name: each.verdict for each in findings}
    if "continuation" not in verdicts:
        return {}
    cuts = verdicts["continuation"]
    return {
        "trace": cuts,
        "force": cuts,
        "server": verdicts["server's budget"],
        "max_tokens": verdicts["max_tokens"],
    }
