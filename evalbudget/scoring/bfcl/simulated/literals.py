"""The text of a call → its function and arguments, plain values only: nothing is evaluated."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

_NAME_BEFORE_BRACKET = re.compile(r"\b([a-zA-Z_]\w*)\s*(?=\()")
_REFUSED_NAMES = frozenset({"kill", "exit", "quit", "remove", "unlink", "popen", "Popen", "run"})
"""Source: bfcl_eval, eval_checker/multi_turn_eval/multi_turn_utils.py."""

Value: TypeAlias = Any
"""What a literal or a call gives: a value of any type."""

Method: TypeAlias = Callable[..., Value]
_Methods: TypeAlias = Callable[[str], Method | None]


class RefusedCallError(Exception):
    """A call that is not carried out; its message is the result that the model gets."""


def carry_out(call: str, method: Callable[[str], Method | None]) -> Value:
    """What the call written as `call` returns: a name that `method` knows, literals and calls as arguments.

    Raises what the method raises, and the errors that Python would raise for the same text, with its words: a
    SyntaxError, a NameError for every name that is no method. The official executor evaluates the text, with
    all of Python in reach; here, what is neither literal nor call of a method is refused.
    """
    tree = _parsed(call)
    name = call.split("(", maxsplit=1)[0].split(".")
    refused = name[1] if len(name) > 1 else name[0]
    if refused in _REFUSED_NAMES:
        raise RefusedCallError(f"Function call {refused} is not allowed.")
    return _evaluated(tree, method)


def _parsed(call: str) -> ast.expr:
    """The official executor puts an instance's name before each method's, wherever a bracket follows: blanks
    between a name and a bracket vanish with that, inside quoted text as well."""
    text = _NAME_BEFORE_BRACKET.sub(r"\1", call).lstrip(" \t")
    with warnings.catch_warnings(action="ignore"):  # about text that a model wrote, on the user's terminal
        tree = ast.parse(text, "<string>", "eval")
        compile(tree, "<string>", "eval")  # the errors that only the compiler finds; nothing runs
    return tree.body


def _evaluated(node: ast.expr, method: _Methods) -> Value:  # noqa: PLR0911 - a line for each kind of node
    match node:
        case ast.Constant():
            return node.value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.List():
            return [_evaluated(each, method) for each in node.elts]
        case ast.Tuple():
            return tuple(_evaluated(each, method) for each in node.elts)
        case ast.Set():
            return {_evaluated(each, method) for each in node.elts}
        case ast.Dict(keys=keys, values=values) if None not in keys:
            pairs = zip(keys, values, strict=True)
            return {_evaluated(key, method): _evaluated(value, method) for key, value in pairs if key}
        case ast.Name(id=name):
            raise NameError(f"name '{name}' is not defined")
        case ast.Call():
            return _called(node, method)
    raise RefusedCallError(
        f"only literals and calls of the functions are carried out, not {type(node).__name__}"
    )


def _called(node: ast.Call, method: _Methods) -> Value:
    if any(isinstance(each, ast.Starred) for each in node.args) or any(
        each.arg is None for each in node.keywords
    ):
        raise RefusedCallError("unpacked arguments are not carried out")
    function = _function(node.func, method)
    arguments = [_evaluated(each, method) for each in node.args]
    named = {str(each.arg): _evaluated(each.value, method) for each in node.keywords}
    return function(*arguments, **named)


def _function(node: ast.expr, method: _Methods) -> Method:
    root = node
    while isinstance(root, ast.Attribute):
        root = root.value
    if not isinstance(root, ast.Name):
        raise RefusedCallError(f"only the functions can be called, not {type(root).__name__}")
    found = method(root.id) if root is node else None
    if found is None:
        raise NameError(f"name '{root.id}' is not defined")
    return found
