"""The dialogue of a multi-turn or web-search question: one conversation is the job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from evalbudget.dialogues.conversation import Conversation, Turn
from evalbudget.dialogues.merged import merged
from evalbudget.records import Failure, Message, Reply, Request, Sample
from evalbudget.scoring.bfcl.simulated.classes import official_texts
from evalbudget.scoring.bfcl.turns import scenario_of


class TurnsDialogue:
    """Implements `contracts.Dialogue`."""

    def __init__(self, sample: Sample, request: Request) -> None:
        """`request`: the job's, with the first turn's messages."""
        mode = str(sample.extra["mode"])
        self._conversation = Conversation(scenario_of(sample), mode, request, turns_of(sample, request))

    async def begin(self) -> Request | Failure:
        """The first turn's request."""
        return self._conversation.first()

    async def heard(self, reply: Reply) -> Request | Failure | None:
        """The next step's request, or the next turn's; None after the last."""
        return await self._conversation.heard(reply)

    def reply(self) -> Reply | None:
        """All replies so far as one."""
        return merged(self._conversation.replies, self._conversation.steps, {})

    async def close(self) -> None:
        """Holds nothing."""


def turns_of(sample: Sample, request: Request) -> tuple[Turn, ...]:
    """The sample's turns; the first one's messages are those of `request`, with the whole system message."""
    extra: Mapping[str, Any] = sample.extra
    later = [_turn(extra, number) for number in range(1, len(extra["turns"]))]
    return (Turn(messages=request.messages), *later)


def messages_of(turn: Iterable[Mapping[str, object]]) -> tuple[Message, ...]:
    """A turn's messages as the data have them."""
    return tuple(Message(role=str(each["role"]), content=str(each["content"])) for each in turn)


def _turn(extra: Mapping[str, Any], number: int) -> Turn:
    """One turn. Where functions come that were held back, the user says the official sentence and no more."""
    functions = (extra.get("missed_function") or {}).get(str(number))
    if functions is None:
        return Turn(messages=messages_of(extra["turns"][number]))
    texts = official_texts(str(extra["version"]))
    sentence = str(texts["DEFAULT_USER_PROMPT_FOR_ADDITIONAL_FUNCTION_FC"])
    if extra["mode"] == "prompt":
        template = str(texts["DEFAULT_USER_PROMPT_FOR_ADDITIONAL_FUNCTION_PROMPTING"])
        sentence = template.format(functions=functions)
    tools = (extra.get("missed_tools") or {}).get(str(number)) or ()
    return Turn(messages=(Message(role="user", content=sentence),), tools=tuple(tools))
