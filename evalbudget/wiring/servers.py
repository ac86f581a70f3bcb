"""A run's servers: those that it starts, who each of them is, and the lane that leads there."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from evalbudget.contracts import Endpoint, Lane, Meter
from evalbudget.endpoints.openai_chat import OpenAIChat
from evalbudget.engines.command import CommandEngine, ServeCommand
from evalbudget.engines.embedded import EmbeddedEngine
from evalbudget.errors import EngineError
from evalbudget.fingerprint import fingerprint_of
from evalbudget.kv import KvVerdict, judge
from evalbudget.probes.identify import ServerProbe
from evalbudget.probes.logs import LogWatch, facts_of_log
from evalbudget.probes.slots import measure_slots
from evalbudget.probes.watch import ServerWatch
from evalbudget.reasoning.budgets.advice import missing_flag
from evalbudget.records import Failure, FailureKind, Job, Request, ServerFacts, ServerRecord
from evalbudget.suite import Model
from evalbudget.urls import shown_url
from evalbudget.wiring.identity import identity_of
from evalbudget.wiring.memory import kv_model_of, record_of
from evalbudget.wiring.opening import Opening
from evalbudget.wiring.prepare import Prepared
from evalbudget.wiring.started import StartedEndpoint

MOST_IN_FLIGHT = 1024
"""Connections to one server at most: the bound of `concurrency: auto`."""
EMBEDDED_SLOTS = 4
"""Sequences that an embedded engine decodes at once where the suite says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One model's server, as far as it could be reached."""

    model: Model
    record: ServerRecord
    endpoint: Endpoint
    probe: ServerWatch | None = None
    kv: KvVerdict = field(default_factory=KvVerdict)
    blocked: Failure | None = None
    """Why nothing can be asked of it."""

    def lane(self, left: tuple[Job, ...], already_done: int, opening: Opening) -> Lane:
        """Its part of the run: the jobs that are left, beside those that the journal holds from before."""
        opened = opening.lane(self.model, self.record, left)
        return Lane(
            model=self.model.name,
            endpoint=self.endpoint,
            jobs=opened.jobs,
            already_done=already_done,
            following=opened.following,
            budget_ignored=partial(self._advice, opening.prepared.suite.holds_budgets_by),
            concurrency=_slots(self.model) if self.model.gguf is not None else self.model.concurrency,
            open=opened.open,
            blocked=self.blocked,
            probe=self.probe,
            kv_bytes=self.kv.bytes_of,
        )

    def _advice(self, mode: str, budget: int) -> str:
        """What would help where a budget was not kept."""
        if mode == "server" or (mode == "max_tokens" and budget == 0):
            return missing_flag(self.record.engine, self.record.engine_version, budget=budget)
        return "it began to think anew behind the thinking that was closed"


class _Nowhere:
    """`contracts.Endpoint` of a model whose server could not be reached at the start."""

    def __init__(self, failure: Failure) -> None:
        self._failure = failure

    async def ask(self, request: Request, meter: Meter) -> Failure:
        """The reason why not."""
        return self._failure

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Opens the servers of one execution."""

    run_id: str
    prepared: Prepared
    keys: Mapping[str, str | None]
    """Model → its API key."""
    logs: Path
    """The folder for the logs of the servers that the run starts."""
    say: Callable[[str], None]
    """Tells the user, in a line, what takes a while."""

    @asynccontextmanager
    async def opened(self, model: Model) -> AsyncIterator[Server]:
        """The model's server, started if that is ours to do; stopped again at the end of the context."""
        async with AsyncExitStack() as stack:
            engine, log = self._engine(model), self._log_of(model)
            start = log.stat().st_size if log is not None and log.exists() else 0
            if engine is None:
                server = await self._reached(model, ServerFacts(), model.base_url or "", log, 0)
            else:
                stack.push_async_callback(engine.stop)
                self.say(f"{model.name}: {self._begins(model)}")
                try:
                    base_url = await engine.start()
                except EngineError as error:
                    reason = str(error).removeprefix(f"{model.name}: ")
                    failure = Failure(kind=FailureKind.CONNECTION, message=reason)
                    server = self._unreachable(model, failure)
                else:
                    server = await self._reached(model, engine.facts, base_url, log, start)
                    if isinstance(engine, CommandEngine):
                        server = await _watched(server, engine)
            stack.push_async_callback(server.endpoint.close)
            if server.probe is not None:
                stack.push_async_callback(server.probe.close)
            yield server

    def _engine(self, model: Model) -> EmbeddedEngine | CommandEngine | None:
        """What the run starts for this model; None where its server is running already."""
        suite = self.prepared.suite
        log = self._log(model)
        if model.gguf is not None:
            embedded = sum(each.gguf is not None for each in self.prepared.models)
            return EmbeddedEngine(
                suite.locate(model.gguf),
                label=model.name,
                log=log,
                context=model.context or self.prepared.longest_sequence,
                slots=_slots(model),
                kv_dtype=model.kv_dtype or "f16",
                threads=max(1, (os.cpu_count() or 1) // embedded),
            )
        if model.serve is not None and model.base_url is not None:
            serve = ServeCommand(
                command=model.serve.command,
                env=model.serve.env,
                patches=tuple(suite.locate(patch) for patch in model.serve.patches),
                ready_s=model.serve.ready_s,
            )
            return CommandEngine(serve, label=model.name, base_url=model.base_url, log=log, say=self.say)
        return None

    def _begins(self, model: Model) -> str:
        if model.serve is None:
            return f"loading {model.gguf}"
        return f"starting {model.serve.command[0]}; its log is {self._log(model)}"

    def _log(self, model: Model) -> Path:
        return self.logs / (re.sub(r"[^\w.-]+", "_", model.name) + ".log")

    def _log_of(self, model: Model) -> Path | None:
        """The log that its server writes: one of ours, or the one that the suite names."""
        if model.log is not None:
            return self.prepared.suite.folder / model.log
        return None if model.gguf is None and model.serve is None else self._log(model)

    async def _reached(
        self, model: Model, told: ServerFacts, base_url: str, log: Path | None, start: int
    ) -> Server:
        """`told`: what its engine knows; `start`: where in `log` its own lines begin."""
        key = self.keys[model.name]
        wanted = model.model or told.served_model
        found = await ServerProbe(base_url, key, wanted).identify()
        if isinstance(found, Failure):
            return self._unreachable(model, found)
        logged = await asyncio.to_thread(_facts_of_log, log, start)
        facts = told.over(logged).over(found)
        facts = replace(facts, served_model=found.served_model, kv_dtype=facts.kv_dtype or model.kv_dtype)
        if facts.pool is None and facts.engine == "llama.cpp":
            facts = replace(facts, pool=await measure_slots(base_url, key))
        kv_model = kv_model_of(model, self.prepared.suite, facts)
        verdict = judge(kv_model, facts)
        record = record_of(self.run_id, model, shown_url(base_url), facts, (kv_model, verdict))
        identity = await asyncio.to_thread(identity_of, model, self.prepared.suite, facts)
        return Server(
            model=model,
            record=replace(record, identity=identity, fingerprint=fingerprint_of(identity)),
            endpoint=OpenAIChat(
                base_url=base_url,
                model=facts.served_model or "",
                api_key=key,
                max_connections=model.concurrency or MOST_IN_FLIGHT,
                prompt_opens_thinking=model.prompt_opens_thinking,
                engine=facts.engine or "unknown",
            ),
            probe=ServerWatch(
                run_id=self.run_id,
                model=model.name,
                base_url=base_url,
                api_key=key,
                engine=facts.engine,
                served_model=facts.served_model,
                scale=verdict.scale,
                log=None if log is None or model.gguf is not None else LogWatch(log, start),
            ),
            kv=verdict,
        )

    def _unreachable(self, model: Model, failure: Failure) -> Server:
        facts = ServerFacts(served_model=model.model)
        record = record_of(self.run_id, model, shown_url(model.base_url or ""), facts, (None, KvVerdict()))
        return Server(model=model, record=record, endpoint=_Nowhere(failure), blocked=failure)


async def _watched(server: Server, engine: CommandEngine) -> Server:
    """The same; once the command has ended, what is asked of it fails with how it ended."""
    label = server.model.name

    def ended() -> str | None:
        message = engine.ended()
        return None if message is None else message.removeprefix(f"{label}: ")

    if server.blocked is not None:
        await asyncio.sleep(_ENDS_WITHIN_S)
        if (message := ended()) is not None:
            server = replace(server, blocked=replace(server.blocked, message=message))
    return replace(server, endpoint=StartedEndpoint(server.endpoint, ended))


_ENDS_WITHIN_S = 0.5
"""From a server's last breath until its end is known: what watches over it looks ten times a second."""
_MOST_LOG_BYTES = 32 * 1024 * 1024
"""Of a log: so much of its beginning and so much of its end, where the server may have been started anew."""


def _facts_of_log(log: Path | None, start: int) -> ServerFacts:
    """What stands in a log from there on; nothing where there is none."""
    if log is None:
        return ServerFacts()
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(start)
            text = file.read(_MOST_LOG_BYTES)
            if (rest := size - file.tell()) > 0:
                file.seek(-min(rest, _MOST_LOG_BYTES), os.SEEK_END)
                text += b"\n" + file.read(_MOST_LOG_BYTES)
    except OSError:
        return ServerFacts()
    return facts_of_log(text.decode("utf-8", "replace"))


def _slots(model: Model) -> int:
    return model.slots or model.concurrency or EMBEDDED_SLOTS
