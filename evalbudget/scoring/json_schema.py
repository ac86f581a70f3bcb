"""`json_schema`: an answer that is JSON, as a schema of the user's wants it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from evalbudget.errors import InputError
from evalbudget.isolation import bounded
from evalbudget.records import JsonValue, Reply, Sample, Score
from evalbudget.scoring.json_text import json_text, json_value, same

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_SHOWN = 300
"""Characters of an error that are kept."""
_LONGEST = 2_000
"""Characters of the extracted text that are kept."""
_FRAMES = 20_000
"""A hundred levels of an answer, each checked through several levels of a schema."""
_NO_SCHEMA = frozenset({"const", "enum", "default", "examples"})
"""Keywords whose values are data, whatever stands in them."""


def json_schema(
    sample: Sample,
    reply: Reply,
    *,
    schema: dict[str, object] | None = None,
    schema_file: Path | None = None,
    equals_target: bool = False,
    time_limit_s: float = 10.0,
) -> Score:
    """1 where the answer is a JSON text that the schema allows and, if so asked, whose value is the target's.

    The text: the last fenced block, else the whole answer; words around JSON without a fence are not
    looked through. The schema stands in the task file, or in a file beside it; its `$schema` names the
    draft, by default 2020-12. `format` is not checked, and nothing is fetched. details: `error`, the first
    thing that is wrong, and `path`, where (both null for a right answer).

    Validated in a worker process: the schema's patterns are searched in the model's text. Raises
    TimeLimitError where that takes more than `time_limit_s`.
    """
    text = json_text(reply.answer)
    if text is None:
        return Score(value=0.0, extracted=None, details={"error": "no JSON", "path": None})
    target = sample.target if equals_target else None
    rules = json.dumps(schema) if schema is not None else _read(Path(str(schema_file)))
    wrong = bounded(_first_error, text, rules, target, seconds=time_limit_s, needs=("jsonschema",))
    path, error = wrong or (None, None)
    return Score(
        value=float(wrong is None), extracted=text[:_LONGEST], details={"error": error, "path": path}
    )


def check_json_schema(
    *,
    schema: dict[str, object] | None = None,
    schema_file: Path | None = None,
    equals_target: bool = False,
    time_limit_s: float = 10.0,
) -> None:
    """Raise InputError where these options of `json_schema` cannot work."""
    del equals_target, time_limit_s
    if (schema is None) == (schema_file is None):
        raise InputError("the scorer json_schema needs either `schema: {…}` or `schema_file: …`")
    rules = json.dumps(schema) if schema is not None else _read(Path(str(schema_file)))
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415 - heavy
    from referencing.exceptions import Unresolvable  # noqa: PLC0415

    name = schema_file or "the schema"
    try:
        validator = _validator(rules)
        validator.check_schema(validator.schema)
        _refuse_foreign_references(json.loads(rules))
        next(iter(validator.iter_errors({})), None)
    except SchemaError as error:
        raise InputError(f"{name}: {error.json_path}: {_one_line(error.message)}") from None
    except Unresolvable as error:
        raise InputError(f"{name}: cannot refer to {error.ref}; only to its own parts, `#/…`") from None
    except RecursionError:
        raise InputError(f"{name}: refers to itself without end") from None


@lru_cache(maxsize=16)
def _read(path: Path) -> str:
    """The file's JSON text, checked. Raises InputError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        value = json_value(text)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a JSON schema: {_one_line(str(error))}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: a schema is a JSON object")
    return text


def _first_error(text: str, rules: str, target: str | None) -> tuple[str | None, str] | None:
    """In a worker: where and what is wrong first, None where nothing is."""
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - heavy, in workers alone

    sys.setrecursionlimit(_FRAMES)
    try:
        value = json_value(text)
    except ValueError as error:
        return None, _one_line(f"not valid JSON: {error}")
    wrong = best_match(_validator(rules).iter_errors(value))
    if wrong is not None:
        return wrong.json_path[:_SHOWN], _one_line(wrong.message)
    if target is not None and not same(value, json_value(target)):
        return "$", "not the target's value"
    return None


@lru_cache(maxsize=16)
def _validator(rules: str) -> Validator:
    """For a schema's JSON text; what it refers to is sought in itself and among the drafts' own schemas."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - heavy
    from jsonschema.validators import validator_for  # noqa: PLC0415
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # noqa: PLC0415

    schema = json.loads(rules)
    kind = validator_for(schema, default=Draft202012Validator)
    return cast("Validator", kind(schema, registry=REGISTRY))


def _refuse_foreign_references(schema: Mapping[str, JsonValue]) -> None:
    """Raise Unresolvable where a `$ref` leads nowhere; a schema that names its parts is not looked at."""
    from jsonschema_specifications import REGISTRY  # noqa: PLC0415
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415

    resource = DRAFT202012.create_resource(schema)
    name = resource.id() or ""
    resolver = REGISTRY.with_resource(name, resource).resolver(name)
    for key, value in _keywords(schema):
        if key in ("$id", "$anchor", "$dynamicAnchor") and value != schema.get("$id"):
            return
    for key, value in _keywords(schema):
        if key == "$ref" and isinstance(value, str):
            resolver.lookup(value)


def _keywords(schema: JsonValue | Mapping[str, JsonValue]) -> Iterator[tuple[str, JsonValue]]:
    """Every key of a schema and of the schemas in it, with its value."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            yield key, value
            if key not in _NO_SCHEMA:
                yield from _keywords(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _keywords(value)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_SHOWN]
