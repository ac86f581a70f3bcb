"""Calls in Python's syntax, as prompt mode asks for: `[f(a=1), g(b="x")]`.

Source: bfcl_eval, model_handler/utils.py (default_decode_ast_prompting, ast_parse, resolve_ast_by_type).
What is not understood there, such as `x.y` or a comparison as an argument, is not understood here;
positional arguments are dropped, and a nested call becomes the mapping of its name to its arguments.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence

from evalbudget.errors import TimeLimitError
from evalbudget.isolation import bounded
from evalbudget.scoring.bfcl.arithmetic import computed
from evalbudget.scoring.bfcl.calls import Call, NotDecodedError

_SHORT = 4_000
"""Characters that Python's own parser handles in any thread: its C stack grows with the nesting."""
_LONGEST = 100_000
"""Characters that are read at all."""
_SECONDS = 5.0
_BEGINNING = re.compile(r"[\s\[({]*[^\W\d]\w*\s*[.(\[]")
_LARGEST_BITS = 14_000
"""Of a whole number: Python refuses to write longer ones in decimal."""


def python_calls(text: str, version: str) -> tuple[Call, ...]:
    """The calls in the answer `text`; `version` is v3 or v4, which cut brackets differently.

    Raises NotDecodedError. Text that is long enough to overflow a stack is parsed in a worker process.
    """
    source = in_brackets(text)
    source = source.strip("[]'") if version == "v3" else source.strip().strip("'")
    if "(" not in source:
        raise NotDecodedError("no call in the text")
    if len(source) > _LONGEST:
        raise NotDecodedError("a text too long for a list of calls")
    if len(source) <= _SHORT:
        return parsed_calls(source)
    if _BEGINNING.match(source) is None:
        raise NotDecodedError("a long text that does not begin with a call")
    try:
        return bounded(parsed_calls, source, seconds=_SECONDS)
    except TimeLimitError:
        raise NotDecodedError("a text that Python's parser cannot read") from None


def in_brackets(text: str) -> str:
    """The text without backticks, line ends and blanks around it, in one pair of brackets."""
    text = text.strip("`\n ")
    return f"{'' if text.startswith('[') else '['}{text}{'' if text.endswith(']') else ']'}"


def parsed_calls(source: str) -> tuple[Call, ...]:
    """The calls of one expression: a call, or a list, tuple or set of calls. Raises NotDecodedError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an unknown escape in a literal is the model's business
            body = ast.parse(source, mode="eval").body
        return tuple(map(_call, _entries(body)))
    except SyntaxError as error:
        raise NotDecodedError(f"not Python's syntax: {error.msg}") from None
    except (RecursionError, MemoryError, OverflowError):
        raise NotDecodedError("nested too deeply") from None
    except UnicodeEncodeError:
        raise NotDecodedError("half a character") from None
    except (TypeError, ValueError) as error:
        if isinstance(error, NotDecodedError):
            raise
        raise NotDecodedError(f"not a literal: {error}") from None


def _entries(body: ast.expr) -> Sequence[ast.expr]:
    if isinstance(body, ast.Call):
        return [body]
    if isinstance(body, ast.List | ast.Tuple | ast.Set):
        return body.elts
    raise NotDecodedError("neither a call nor a list of calls")


def _call(node: ast.expr) -> Call:
    if not isinstance(node, ast.Call):
        raise NotDecodedError("a list that holds something else than calls")
    return Call(name=_name(node.func), arguments={each.arg: _value(each.value) for each in node.keywords})


def _name(node: ast.expr) -> str:
    """`a.b.f`; of anything else that is called, only the attributes, as in the official decoder."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts))


def _value(node: ast.expr | None) -> object:  # noqa: C901, PLR0911 - a line for each kind of literal
    match node:
        case ast.Constant(value=value):
            return _constant(value)
        case ast.UnaryOp(operand=ast.Constant(value=value)):
            return _negative(_constant(value))
        case ast.List(elts=entries):
            return [_value(each) for each in entries]
        case ast.Tuple(elts=entries):
            return tuple(_value(each) for each in entries)
        case ast.Dict(keys=keys, values=values):
            return {_value(key): _value(value) for key, value in zip(keys, values, strict=True)}
        case ast.BinOp():
            return computed(node)
        case ast.Name(id=name):
            return name
        case ast.Call(keywords=[]):
            return ast.unparse(node)
        case ast.Call():
            call = _call(node)
            return {call.name: dict(call.arguments)}
        case ast.Subscript(value=value, slice=place):
            return f"{ast.unparse(value)}[{ast.unparse(place)}]"
    raise NotDecodedError(f"an argument that is no literal ({type(node).__name__})")


def _constant(value: object) -> object:
    if value is Ellipsis:
        return "..."
    if isinstance(value, int) and value.bit_length() > _LARGEST_BITS:
        raise NotDecodedError("a giant number")
    return value


def _negative(value: object) -> object:
    """Whatever the sign, `+`, `~` and `not` included: so the official decoder takes it."""
    if not isinstance(value, int | float | complex):
        raise NotDecodedError("a sign before something that is no number")
    return -value
