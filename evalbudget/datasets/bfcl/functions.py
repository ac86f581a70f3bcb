"""Descriptions of functions, as models get to see them: as tools, or in the system prompt.

Source: bfcl_eval, utils.py (_func_doc_language_specific_pre_processing), model_handler/utils.py
(convert_to_tool, formulate_system_prompt), constants/default_prompts.py, constants/type_mappings.py; for v3
the release 2025.8.6.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from evalbudget.records import JsonValue

Description: TypeAlias = dict[str, Any]

_SYNTAX = {
    "java": " Note that the provided function is in Java 8 SDK syntax.",
    "javascript": " Note that the provided function is in JavaScript syntax.",
    "python": " Note that the provided function is in Python 3 syntax.",
}
_SPELLED = {"java": "Java", "javascript": "JavaScript"}
_JSON_TYPES = {
    **dict.fromkeys(("integer", "byte", "short", "long", "Bigint"), "integer"),
    **dict.fromkeys(("number", "float", "double"), "number"),
    **dict.fromkeys(("string", "any", "Any", "char", "String"), "string"),
    **dict.fromkeys(("boolean", "bool"), "boolean"),
    **dict.fromkeys(("array", "list", "tuple", "ArrayList", "Array", "Queue", "Stack"), "array"),
    **dict.fromkeys(("dict", "object", "HashMap", "Hashtable"), "object"),
}
"""Type in a description → JSON schema's; anything else becomes string."""

_BEGIN_V4 = (
    "You are an expert in composing functions.You are given a question and a set of possible "
    "functions. Based on the question, you will need to make one or more function/tool calls "
    "to achieve the purpose. If none of the functions can be used, point it out. If the given "
    "question lacks the parameters required by the function, also point it out.\n"
    "\nYou should only return the function calls in your response.\n"
    "\nIf you decide to invoke any of the function(s), you MUST put it in the format of "
    "[func_name1(params_name1=params_value1, params_name2=params_value2...), "
    "func_name2(params)].  You SHOULD NOT include any other text in the response.\n"
    "\n"
)
_BEGIN_V3 = (
    "You are an expert in composing functions. You are given a question and a set of possible "
    "functions. Based on the question, you will need to make one or more function/tool calls "
    "to achieve the purpose.\nIf none of the functions can be used, point it out. If the given "
    "question lacks the parameters required by the function, also point it out.\n"
    "You should only return the function calls in your response.\n"
    "\nIf you decide to invoke any of the function(s), you MUST put it in the format of "
    "[func_name1(params_name1=params_value1, params_name2=params_value2...), "
    "func_name2(params)]\nYou SHOULD NOT include any other text in the response.\n"
    "\n"
)
_TURNS = (
    "At each turn, you should try your best to complete the tasks requested by the user within "
    "the current turn. Continue to output functions to call until you have fulfilled the "
    "user's request to the best of your ability. Once you have no more functions to call, the "
    "system will consider the current turn complete and proceed to the next turn or task.\n"
    "\n"
)
_LISTED = "Here is a list of functions in {kind} format that you can invoke.\n"
"""The benchmark's own words, quoted: other words would be another benchmark."""


def system_prompt(written_functions: Sequence[str], version: str) -> str:
    """What prompt mode says before the question, with the functions as `written` writes them."""
    if version == "v3":
        listed = f"[{', '.join(written_functions)}]"
        return f"{_BEGIN_V3}{_TURNS}{_LISTED.format(kind='JSON')}{listed}\n\n"
    entries = ",".join(f"\n    {each}" for each in written_functions)
    listed = f"[{entries}\n]" if entries else "[]"
    return f"{_BEGIN_V4}{_TURNS}{_LISTED.format(kind='json')}{listed}\n"


def written(function: Mapping[str, Any], version: str) -> str:
    """A description in the system prompt: as Python writes it in v3, as indented JSON in v4."""
    return repr(dict(function)) if version == "v3" else json.dumps(function, indent=4).replace("\n", "\n    ")


def hinted(functions: Sequence[Mapping[str, Any]], language: str) -> list[Description]:
    """The descriptions with the language named; parameters of Java and JavaScript functions become texts."""
    return [_hinted(function, language) for function in functions]


def _hinted(function: Mapping[str, Any], language: str) -> Description:
    found = {**function, "description": function["description"] + _SYNTAX[language]}
    if language != "python":
        parameters = function["parameters"]
        texts = {name: _as_text(each, _SPELLED[language]) for name, each in parameters["properties"].items()}
        found["parameters"] = {**parameters, "properties": texts}
    return found


def _as_text(parameter: Mapping[str, Any], language: str) -> Description:
    found = {**parameter, "type": "string"}
    kind = parameter["type"]
    if kind == "any":
        said = f" This parameter can be of any type of {language} object in string representation."
    else:
        said = f" This is {language} {kind} type parameter in string representation."
    if kind in {"ArrayList", "Array", "array"}:
        said += f" The list elements are of type {found.pop('items')['type']};"
        said += " they are not in string representation."
    if kind == "dict" and "properties" in parameter:
        schema = json.dumps(found.pop("properties"))
        said += " The dictionary entries have the following schema; they are not in string representation."
        said += f" {schema}"
    found["description"] = parameter["description"] + said
    return found


def tools(functions: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, JsonValue], ...]:
    """The descriptions as entries of `tools=`; a dot in a name, which the API forbids, becomes `_`."""
    return tuple({"type": "function", "function": _as_tool(function)} for function in functions)


def _as_tool(function: Mapping[str, Any]) -> Description:
    parameters = function["parameters"]
    schema = {**parameters, "type": "object", "properties": _as_schemas(parameters["properties"])}
    return {**function, "name": function["name"].replace(".", "_"), "parameters": schema}


def _as_schemas(properties: Mapping[str, Mapping[str, Any]]) -> Description:
    return {name: _as_schema(value) for name, value in properties.items()}


def _as_schema(value: Mapping[str, Any]) -> Description:
    kind = value.get("type", "")
    found: Description = {**value, "type": _JSON_TYPES.get(kind, "string")}
    if kind == "float":
        found["format"] = "float"
        found["description"] = value.get("description", "") + " This is a float type value."
    if found["type"] in {"array", "object"}:
        if "properties" in value:
            found["properties"] = _as_schemas(value["properties"])
        elif "items" in value:
            found["items"] = _entry_as_schema(value["items"])
    return found


def _entry_as_schema(items: Mapping[str, Any]) -> Description:
    """Entries are converted two levels deep, as officially."""
    found: Description = {**items, "type": _JSON_TYPES.get(items.get("type", ""), "string")}
    if found["type"] == "array" and "items" in items:
        inner = items["items"]
        found["items"] = {**inner, "type": _JSON_TYPES.get(inner.get("type", ""), "string")}
    elif found["type"] == "object" and "properties" in items:
        found["properties"] = _as_schemas(items["properties"])
    return found
