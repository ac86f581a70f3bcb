"""Two models → what comparing them is about, and what differs besides and so may be the cause instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from evalbudget.fingerprint.difference import Difference, differences
from evalbudget.fingerprint.names import topic_of
from evalbudget.records import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """What a comparison is about."""

    subject: str
    """In plain words, behind "besides": the models, the quantization, the cache type, …"""
    names: frozenset[str]
    """The names, and the topics of names, that are meant to differ."""

    def covers(self, name: str) -> bool:
        """Whether this name is meant to differ."""
        return name in self.names or topic_of(name) in self.names


MODELS: Final = Meant(
    subject="the models",
    names=frozenset(
        {
            "weights",
            "base_model",
            "architecture",
            "template",
            "force_string",
            "prompt_opens_thinking",
            "flags.reasoning_parser",
            "flags.tool_call_parser",
            "flags.trust_remote_code",
        }
    ),
)
"""Two models that share no family."""

_IN_A_FAMILY: Final = (
    (("quantization", "weight_dtype"), "the quantization", ("weights",)),
    (("effort",), "the effort", ()),
    (("kv_dtype",), "the cache type", ()),
    (("patches",), "the patches", ()),
    (("engine",), "the engine", ("engine_version",)),
    (("engine_version",), "the engine's version", ()),
    (("weights", "base_model"), "the weights", ()),
    (("extra_body",), "the request fields", ()),
    (("template",), "the chat template", ()),
    (("max_model_len",), "the context length", ()),
    (("flags",), "the flags", ()),
    (("environment",), "the environment", ()),
)
"""(what differs, in words, what then differs with it): the first that differs is what is compared."""

_NOTHING: Final = Meant(subject="their names", names=frozenset())


def meant_by(
    a: Mapping[str, JsonValue], b: Mapping[str, JsonValue], *, family: str | None, other_family: str | None
) -> Meant:
    """What a comparison of two identities is about, from the families that the suites name.

    Models of different families, or of none, are compared as models. Within a family it is the first that
    differs of: quantization, effort, cache type, patches, engine, its version, weights, request fields.
    """
    if family is None or family != other_family:
        return MODELS
    topics = {each.topic for each in differences(a, b) if each.known}
    for names, subject, besides in _IN_A_FAMILY:
        if topics & set(names):
            return Meant(subject=subject, names=frozenset((*names, *besides)))
    return _NOTHING


def unintended(found: Iterable[Difference], meant: Meant) -> tuple[Difference, ...]:
    """What differs, or is not known, besides what is meant."""
    return tuple(each for each in found if not meant.covers(each.name))
