"""A prepared suite → what each task's figures depend on besides the model; of questions only hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import msgspec

from evalbudget import __version__
from evalbudget.fingerprint import LEFT_TO_SERVER, digest, plain_json
from evalbudget.jobs import TaskPart
from evalbudget.reasoning.loops.rules import DETECTOR_VERSION
from evalbudget.records import JsonValue, Sample
from evalbudget.scoring.user_function import UserFunction
from evalbudget.suite import Suite, SuiteTask
from evalbudget.wiring.prepare import Prepared

_ALL = "all"
_ENCODER = msgspec.json.Encoder(enc_hook=dict)
"""6 ms for 1,000 samples of GPQA, 27 ms of BFCL with its tools. Keys keep the data's order, in which chat
templates write them out."""


def conditions_of(prepared: Prepared) -> dict[str, JsonValue]:
    """Task → name (`fingerprint.names`) → value, for `RunRecord.conditions`.

    `prompts` is a hash over the messages and tools as they are sent in repeat 0, so that another prompt,
    system message, number of examples or version of the data is another hash.
    """
    suite, limit = prepared.suite, prepared.limit
    return {
        part.task.name: _of_task(suite, suite.tasks[suite.loaded.index(part.task)], part, limit)
        for part in prepared.parts
    }


def _of_task(suite: Suite, entry: SuiteTask, part: TaskPart, limit: int | None) -> dict[str, JsonValue]:
    sampling = {
        name: LEFT_TO_SERVER if value is None else plain_json(value)
        for name, value in asdict(part.sampling).items()
    }
    limits = [each for each in (entry.limit, limit) if each is not None]
    found: dict[str, JsonValue] = {
        **_of_samples(part.samples),
        "scorer": part.task.scorer.name,
        "scorer_version": _scorer(part),
        "task_version": part.task.version,
        "loop_detector": DETECTOR_VERSION,
        "evalbudget": __version__,
        "sampling": sampling,
        "repeats": part.repeats,
        "budgets": ["unlimited" if budget is None else budget for budget in part.budgets],
        "budget_mode": part.budget_mode if part.is_limited else "none",
        "answer_tokens": part.answer_tokens if part.cuts_thinking else "not forced",
        "loops": suite.loops,
        "seed": suite.seed,
        "limit": min(limits, default=_ALL),
        "categories": list[JsonValue](sorted(entry.categories)) or _ALL,
    }
    return found


def _of_samples(samples: tuple[Sample, ...]) -> dict[str, JsonValue]:
    if not samples:
        return {"samples": "none"}
    return {
        "samples": f"{len(samples)}, ids {_hash(samples, lambda each: each.id)}",
        "prompts": _hash(samples, _asked),
        "targets": _hash(samples, lambda each: (each.target, each.extra)),
        "first_sample": _hash(samples[:1], lambda each: each.id),
        "first_prompt": _hash(samples[:1], _asked),
    }


def _asked(sample: Sample) -> object:
    """All that the model is shown; a dialogue's later turns stand in `extra`."""
    return sample.conversation, sample.tools, sample.extra.get("turns")


def _hash(samples: Iterable[Sample], told: Callable[[Sample], object]) -> str:
    hashed = hashlib.sha256()
    for sample in samples:
        value = told(sample)
        try:
            hashed.update(_ENCODER.encode(value))
        except (UnicodeEncodeError, TypeError, ValueError, msgspec.MsgspecError):
            hashed.update(repr(value).encode("utf-8", "backslashreplace"))
        hashed.update(b"\n")
    return hashed.hexdigest()[:16]


def _scorer(part: TaskPart) -> str:
    """A hash of its options, and of the files that they and a function of the user's own lie in."""
    function = part.task.score_under(part.sampling)
    if isinstance(function, UserFunction):
        return digest(f"{function.function} {_content(function.file)} {_options(function.options)}")
    options = function.keywords if isinstance(function, partial) else {}
    return _options(options) if options else "default"


def _options(options: object) -> str:
    items = options.items() if hasattr(options, "items") else ()
    told = {
        str(name): _content(value) if isinstance(value, Path) else plain_json(value) for name, value in items
    }
    return digest(repr(sorted(told.items())))


def _content(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "cannot be read"
