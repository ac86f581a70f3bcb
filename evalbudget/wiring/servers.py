"""A run's servers: those that it starts, who each of them is, and the lane that leads there."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path

from evalbudget.contracts import Endpoint, Lane, Meter
from evalbudget.endpoints.openai_chat import OpenAIChat
from evalbudget.engines.command import CommandEngine, ServeCommand
from evalbudget.engines.embedded import EmbeddedEngine
from evalbudget.engines.facts import EngineFacts
from evalbudget.errors import EngineError
from evalbudget.probes.identify import ServerProbe
from evalbudget.reasoning.budgets.advice import missing_flag
from evalbudget.records import Failure, FailureKind, Job, Request, ServerRecord
from evalbudget.runner.resume import pending
from evalbudget.suite import Model
from evalbudget.wiring.opening import Opening
from evalbudget.wiring.prepare import Prepared

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
    probe: ServerProbe | None = None
    blocked: Failure | None = None
    """Why nothing can be asked of it."""

    def lane(
        self,
        jobs: tuple[Job, ...],
        opening: Opening,
        done: Iterable[tuple[Job, str, str | None]],
    ) -> Lane:
        """Its part of the run; `done` are the attempts that the journal holds from before."""
        left = pending(jobs, done)
        opened = opening.lane(self.model, self.record, left)
        return Lane(
            model=self.model.name,
            endpoint=self.endpoint,
            jobs=opened.jobs,
            already_done=len(jobs) - len(left),
            following=opened.following,
            budget_ignored=partial(self._advice, opening.prepared.suite.holds_budgets_by),
            concurrency=_slots(self.model) if self.model.gguf is not None else self.model.concurrency,
            open=opened.open,
            blocked=self.blocked,
            probe=self.probe,
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
            engine = self._engine(model)
            known = self._known(model)
            if engine is None:
                server = await self._reached(model, known, model.base_url or "")
            else:
                stack.push_async_callback(engine.stop)
                self.say(f"{model.name}: {self._begins(model)}")
                try:
                    base_url = await engine.start()
                except EngineError as error:
                    reason = str(error).removeprefix(f"{model.name}: ")
                    failure = Failure(kind=FailureKind.CONNECTION, message=reason)
                    server = _unreachable(model, known, failure)
                else:
                    server = await self._reached(model, _with_facts(known, engine.facts), base_url)
                    server = replace(server, record=_with_facts(server.record, engine.facts))
            stack.push_async_callback(server.endpoint.close)
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
                threads=max(1, (os.cpu_count() or 1) // embedded),
            )
        if model.serve is not None and model.base_url is not None:
            serve = ServeCommand(
                command=model.serve.command,
                env=model.serve.env,
                patches=tuple(suite.locate(patch) for patch in model.serve.patches),
                ready_s=model.serve.ready_s,
            )
            return CommandEngine(serve, label=model.name, base_url=model.base_url, log=log)
        return None

    def _begins(self, model: Model) -> str:
        if model.serve is None:
            return f"loading {model.gguf}"
        return f"starting {model.serve.command[0]}; its log is {self._log(model)}"

    def _log(self, model: Model) -> Path:
        return self.logs / (re.sub(r"[^\w.-]+", "_", model.name) + ".log")

    def _known(self, model: Model) -> ServerRecord:
        return ServerRecord(
            run_id=self.run_id,
            model=model.name,
            family=model.family,
            quantization=model.quantization or "unknown",
            base_url=model.base_url,
            served_model=model.model,
            effort=model.effort,
        )

    async def _reached(self, model: Model, known: ServerRecord, base_url: str) -> Server:
        key = self.keys[model.name]
        probe = ServerProbe(
            run_id=self.run_id,
            model_label=model.name,
            base_url=base_url,
            api_key=key,
            wanted_model=known.served_model,
            family=model.family,
            quantization=None if known.quantization == "unknown" else known.quantization,
        )
        found = await probe.identify()
        if isinstance(found, Failure):
            return _unreachable(model, known, found)
        found = replace(found, effort=model.effort)
        most = model.concurrency or MOST_IN_FLIGHT
        endpoint = OpenAIChat(
            base_url=base_url,
            model=found.served_model or "",
            api_key=key,
            max_connections=most,
            prompt_opens_thinking=model.prompt_opens_thinking,
            engine=found.engine,
        )
        return Server(model=model, record=found, endpoint=endpoint, probe=probe)


def _unreachable(model: Model, known: ServerRecord, failure: Failure) -> Server:
    return Server(model=model, record=known, endpoint=_Nowhere(failure), blocked=failure)


def _slots(model: Model) -> int:
    return model.slots or model.concurrency or EMBEDDED_SLOTS


def _with_facts(record: ServerRecord, facts: EngineFacts) -> ServerRecord:
    """What the engine knows goes before what was found out from outside, the suite before both."""
    known = {
        each.name: value for each in fields(facts) if (value := getattr(facts, each.name)) not in (None, {})
    }
    if record.quantization != "unknown":
        known.pop("quantization", None)
    if record.served_model is not None:
        known.pop("served_model", None)
    return replace(record, **known)
