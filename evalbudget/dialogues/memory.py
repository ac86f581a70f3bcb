"""The dialogue of a memory question, and the memory that all questions of its scenario share.

Before a scenario's questions are asked, its earlier conversations are held, in their order, the memory
carried from one to the next. The first question that needs them holds them itself, with requests of its own;
the others wait. What memory holds after each is kept in a file, so that none is held twice, whoever fails and
whenever the run is resumed. Questions change nothing for each other.
Source: bfcl_eval, _llm_response_generation.py, utils.py, model_handler/utils.py (system message).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from evalbudget.dialogues.apart import apart
from evalbudget.dialogues.conversation import Conversation, Turn
from evalbudget.dialogues.merged import completion_tokens, merged
from evalbudget.dialogues.turns import messages_of
from evalbudget.records import Failure, FailureKind, Job, JsonValue, Message, Reply, Request, Sample
from evalbudget.scoring.bfcl.simulated.classes import official_texts
from evalbudget.scoring.bfcl.simulated.steps import shown_memory
from evalbudget.scoring.bfcl.turns import scenario_of

MOST_FAILURES = 3
"""Of one earlier conversation, by different questions; then the scenario's questions fail without asking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is there of a scenario's earlier conversations."""

    conversations: tuple[str, ...] = ()
    """The ids of those that were held, in order."""
    memory: Mapping[str, JsonValue] | None = None
    """What memory holds after the last of them; None before the first."""
    requests: int = 0
    """Requests that they took."""
    completion_tokens: int | None = 0
    """Tokens that the model wrote in them; None where a server did not say."""


class MemoryBank:
    """The memory of one model for one scenario, backend, budget and repeat."""

    def __init__(self, path: Path, conversations: Sequence[str]) -> None:
        """`path`: the file that keeps it. `conversations`: the ids of those to hold, in order."""
        self.held = Held()
        self.failures = 0
        """How often the next conversation was begun and not ended."""
        self.conducting = asyncio.Lock()
        """Held by the dialogue that holds the conversations."""
        self._path = path
        self._conversations = tuple(conversations)
        self._read = False

    @property
    def complete(self) -> bool:
        """Whether every earlier conversation was held."""
        return len(self.held.conversations) == len(self._conversations)

    async def look(self) -> None:
        """Take up what an earlier execution of the run has kept."""
        if not self._read:
            held = await asyncio.to_thread(self._kept)
            if not self._read:
                self.held, self._read = held, True

    async def keep(
        self, conversation: str, memory: Mapping[str, JsonValue] | None, replies: list[Reply]
    ) -> None:
        """Note a conversation that was held, durably."""
        written, before = completion_tokens(replies), self.held.completion_tokens
        held = Held(
            conversations=(*self.held.conversations, conversation),
            memory=memory,
            requests=self.held.requests + len(replies),
            completion_tokens=None if written is None or before is None else before + written,
        )
        await asyncio.to_thread(self._write, held)
        self.held, self.failures = held, 0

    def _kept(self) -> Held:
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            held = Held(**{**kept, "conversations": tuple(kept["conversations"])})
        except (OSError, ValueError, TypeError, KeyError):
            return Held()  # nothing is there, or not by us: they are held from the first on
        same = held.conversations == self._conversations[: len(held.conversations)]
        return held if same else Held()

    def _write(self, held: Held) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(asdict(held), file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)


class MemoryBanks:
    """The memory banks of one run."""

    def __init__(self, folder: Path) -> None:
        """`folder`: where they are kept; made when there is something to keep."""
        self._folder = folder
        self._banks: dict[str, MemoryBank] = {}

    def bank(self, job: Job, sample: Sample) -> MemoryBank:
        """The bank that the sample's question is asked with in this job."""
        extra: Mapping[str, Any] = sample.extra
        place = (job.model, job.task, job.budget, job.repeat, sample.category, extra["scenario"])
        identity = hashlib.blake2b(repr(place).encode(), digest_size=6).hexdigest()
        name = re.sub(r"[^\w.-]+", "_", f"{job.model}-{sample.category}-{extra['scenario']}")[:100]
        file = f"{name}-{identity}.json"
        if file not in self._banks:
            ids = [str(each["id"]) for each in extra["prerequisites"]]
            self._banks[file] = MemoryBank(self._folder / file, ids)
        return self._banks[file]


class MemoryDialogue:
    """Implements `contracts.Dialogue`: the earlier conversations that are missing, then the question."""

    def __init__(self, sample: Sample, request: Request, bank: MemoryBank) -> None:
        """`request`: the job's; its messages are replaced, because the memory's content belongs into them."""
        self._extra: Mapping[str, Any] = sample.extra
        self._scenario = scenario_of(sample)
        self._request = request
        self._bank = bank
        self._conducts = False
        self._earlier: str | None = None
        """The id of the earlier conversation that is being held."""
        self._conversation: Conversation | None = None
        self._notes: dict[str, JsonValue] = {}

    async def begin(self) -> Request | Failure:
        """The first request, once the memory is complete or it is this dialogue's turn to complete it."""
        await self._bank.look()
        if not self._bank.complete:
            await self._bank.conducting.acquire()
            self._conducts = True
        return await self._next()

    async def heard(self, reply: Reply) -> Request | Failure | None:
        """The next request, of an earlier conversation or of the question's; None at the question's end."""
        conversation = self._conversation
        assert conversation is not None  # noqa: S101 - `begin` was called
        said = await conversation.heard(reply)
        if said is not None or self._earlier is None:
            return said
        before = self._bank.held
        await self._bank.keep(self._earlier, conversation.memory, conversation.replies)
        self._note(before, self._bank.held)
        return await self._next()

    def reply(self) -> Reply | None:
        """The question's replies as one; those of earlier conversations are counted in `notes` alone."""
        if self._conversation is None or self._earlier is not None:
            return None
        return merged(self._conversation.replies, self._conversation.steps, self._notes)

    async def close(self) -> None:
        """Let another question go on where this one stopped."""
        if self._conducts:
            self._bank.failures += 1
            self._release()

    def _release(self) -> None:
        self._conducts = False
        self._bank.conducting.release()

    async def _next(self) -> Request | Failure:
        """Begin the conversation that is due."""
        held, due = self._bank.held, None
        if not self._bank.complete:
            due = self._extra["prerequisites"][len(held.conversations)]
            if self._bank.failures >= MOST_FAILURES:
                message = (
                    f"the conversation {due['id']}, which fills the memory, failed {MOST_FAILURES} times"
                )
                return Failure(kind=FailureKind.SERVER, message=message)
        elif self._conducts:
            self._release()
        scenario = replace(self._scenario, memory=held.memory)
        shown = await apart(shown_memory, scenario)
        if isinstance(shown, Failure):
            return shown
        self._earlier = str(due["id"]) if due is not None else None
        turns = self._turns(due["turns"] if due is not None else self._extra["turns"], shown)
        self._conversation = Conversation(scenario, str(self._extra["mode"]), self._request, turns)
        return self._conversation.first()

    def _turns(self, turns: Sequence[Any], shown: str) -> list[Turn]:
        """The conversation's turns, the first with the system message that shows the memory."""
        texts = official_texts(str(self._extra["version"]))
        unified = "MemoryAPI_rec_sum" in self._scenario.classes
        template = "MEMORY_BACKEND_INSTRUCTION_" + ("UNIFIED" if unified else "CORE_ARCHIVAL")
        setting = texts["MEMORY_AGENT_SETTINGS"][self._extra["scenario"]]
        instruction = str(texts[template]).format(scenario_setting=setting, memory_content=shown)
        first = messages_of(turns[0])
        own = [message.content for message in first if message.role == "system"]
        system = "\n\n".join([*filter(None, [self._extra.get("function_prompt")]), instruction, *own])
        messages = (
            Message(role="system", content=system),
            *(each for each in first if each.role != "system"),
        )
        return [Turn(messages=messages), *(Turn(messages=messages_of(turn)) for turn in turns[1:])]

    def _note(self, before: Held, after: Held) -> None:
        """Count the earlier conversations that this dialogue held, beside the question's own tokens."""
        noted: Any = self._notes.get(
            "prerequisites", {"conversations": 0, "requests": 0, "completion_tokens": 0}
        )
        tokens = noted["completion_tokens"]
        known = (
            tokens is not None
            and before.completion_tokens is not None
            and after.completion_tokens is not None
        )
        self._notes["prerequisites"] = {
            "conversations": noted["conversations"] + 1,
            "requests": noted["requests"] + after.requests - before.requests,
            "completion_tokens": tokens + after.completion_tokens - before.completion_tokens
            if known
            else None,
        }
