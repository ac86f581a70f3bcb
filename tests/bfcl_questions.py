"""Questions of BFCL for tests: of our own making, and right answers to those of the data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from evalbudget.records import Reply, Sample, Score, ToolCall
from evalbudget.scoring import SCORERS


def question(
    category: str,
    functions: Sequence[Mapping[str, Any]],
    answers: Sequence[Mapping[str, Any]] | None = None,
    *,
    mode: str | None = "prompt",
    version: str = "v4",
) -> Sample:
    extra: Any = {"version": version, "mode": mode, "functions": functions, "ground_truth": answers}
    return Sample(id="1", prompt="", target="", category=category, extra=extra)


def function(name: str, required: Sequence[str] = (), **parameters: object) -> dict[str, Any]:
    """A description; a parameter is its type, or (type, type of its entries)."""
    properties = {
        key: {"type": kind[0], "items": {"type": kind[1]}} if isinstance(kind, tuple) else {"type": kind}
        for key, kind in parameters.items()
    }
    listed = {"type": "dict", "properties": properties, "required": list(required)}
    return {"name": name, "description": "Does it.", "parameters": listed}


def said(sample: Sample, text: str) -> Score:
    """The verdict on a text."""
    return SCORERS["bfcl"](sample, Reply(reasoning="", answer=text))


def called(sample: Sample, *calls: tuple[str, object]) -> Score:
    """The verdict on tool calls; arguments that are no text are written as JSON."""
    made = tuple(
        ToolCall(name=name, arguments=given if isinstance(given, str) else json.dumps(given))
        for name, given in calls
    )
    return SCORERS["bfcl"](sample, Reply(reasoning="", answer="", tool_calls=made))


def right_reply(sample: Sample) -> Reply:
    """A reply with the first of the possible answers, as the sample asks for it."""
    extra: Any = sample.extra
    language = "javascript" if "javascript" in (sample.category or "") else "python"
    language = "java" if "java" in (sample.category or "") and language == "python" else language
    calls = []
    for answer in extra["ground_truth"]:
        for name, wanted in answer.items():
            chosen = next(
                (each for each in extra["functions"] if each["name"] == name), extra["functions"][0]
            )
            given = _arguments(wanted, chosen["parameters"], language, in_text=extra["mode"] == "prompt")
            calls.append((chosen["name"], given))
    if extra["mode"] == "fc":
        made = [ToolCall(name=name.replace(".", "_"), arguments=json.dumps(given)) for name, given in calls]
        return Reply(reasoning="", answer="", tool_calls=tuple(made))
    shown = (
        f"{name}({', '.join(f'{key}={value}' for key, value in given.items())})" for name, given in calls
    )
    return Reply(reasoning="", answer=f"[{', '.join(shown)}]")


def _arguments(
    wanted: Mapping[str, Sequence[Any]], parameters: Mapping[str, Any], language: str, *, in_text: bool
) -> dict[str, Any]:
    """Nothing where an empty text alone is right, unless something has to be given."""
    given, described = {}, parameters["properties"]
    for key, options in wanted.items():
        values = [
            each for each in options if each != "" or (key in parameters["required"] and options == [""])
        ]
        if not values or key not in described:
            continue
        value = _plain(values[0])
        if language == "python":
            given[key] = repr(value) if in_text else value
        else:
            given[key] = _literal(value, described[key], language, in_text=in_text)
    return given


def _plain(value: Any) -> Any:
    """A possible answer as a value: a dictionary lists the possible values of each key."""
    if isinstance(value, dict):
        return {key: options[0] for key, options in value.items() if options[0] != ""}
    return (
        [_plain(each) if isinstance(each, dict) else each for each in value]
        if isinstance(value, list)
        else value
    )


def _literal(value: Any, described: Mapping[str, Any], language: str, *, in_text: bool) -> str:
    kind = described["type"]
    text = isinstance(value, str)
    if text and in_text and (kind in {"String"} or not value.isidentifier()):
        return value if '"' in value else f'"{value}"'
    if text:
        return str(value)
    inner = described.get("items", {}).get("type", kind)
    if language == "javascript":
        return _javascript(value, inner)
    written = _java(value, inner, kind)
    return f"'{written}'" if in_text and isinstance(value, list | dict) else written


def _java(value: Any, inner: str, kind: str = "ArrayList") -> str:
    if isinstance(value, list) and kind == "Array":
        return f"new Object[]{{{', '.join(map(str, value))}}}"
    if isinstance(value, list):
        return f"new ArrayList<>(Arrays.asList({', '.join(_java(each, inner) for each in value)}))"
    if isinstance(value, dict):
        return (
            "new HashMap<>() {{ " + " ".join(f'put("{k}", {_java(v, "")});' for k, v in value.items()) + " }}"
        )
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value)
    return f"{value}L" if inner == "long" else str(value)


def _javascript(value: Any, _inner: str) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_javascript(each, '') for each in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_javascript(each, '')}" for key, each in value.items()) + "}"
    return json.dumps(value)
