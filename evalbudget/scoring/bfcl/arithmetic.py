"""Arithmetic on literals, as in `f(x=2*3.14)`, computed within bounds.

The official decoder gives such an argument to `eval`, which runs whatever a model wrote. Here only
operators on literals count, and no result may grow: `9**9**9` and `"a" * 10**9` are refused.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from evalbudget.scoring.bfcl.calls import NotDecodedError

_LARGEST_BITS = 4096
"""Of a whole number."""
_LONGEST = 10_000
"""Characters of a text, entries of a list."""

_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.BitAnd: operator.and_,
}
_UNARY: Mapping[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
}


def computed(node: ast.expr) -> object:
    """The value of operators on literals. Raises NotDecodedError for anything else."""
    try:
        return _value(node)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise NotDecodedError(f"arithmetic that cannot be computed: {error}") from None


def _value(node: ast.expr) -> object:
    if isinstance(node, ast.Constant):
        return _bounded(node.value)
    if isinstance(node, ast.UnaryOp):
        return _bounded(_UNARY[type(node.op)](_value(node.operand)))
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        left, right = _value(node.left), _value(node.right)
        _refuse_growth(node.op, left, right)
        return _bounded(_BINARY[type(node.op)](left, right))
    if isinstance(node, ast.List):
        return [_value(each) for each in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(_value(each) for each in node.elts)
    raise NotDecodedError("arithmetic on something that is no literal")


def _refuse_growth(kind: ast.operator, left: object, right: object) -> None:
    """Before it is computed: afterwards would be too late."""
    if isinstance(kind, ast.Mod) and isinstance(left, str | bytes):
        raise NotDecodedError("a text filled in with %")
    if isinstance(kind, ast.Mult):
        for several, times in ((left, right), (right, left)):
            if isinstance(several, str | bytes | list | tuple) and isinstance(times, int):
                _refuse_above(len(several) * times, _LONGEST)
    if isinstance(left, int) and isinstance(right, int):
        if isinstance(kind, ast.Pow):
            _refuse_above(left.bit_length() * max(right, 0), _LARGEST_BITS)
        if isinstance(kind, ast.LShift):
            _refuse_above(left.bit_length() + right, _LARGEST_BITS)


def _bounded(value: object) -> object:
    if isinstance(value, int):
        _refuse_above(value.bit_length(), _LARGEST_BITS)
    if isinstance(value, str | bytes | list | tuple):
        _refuse_above(len(value), _LONGEST)
    return value


def _refuse_above(size: int, most: int) -> None:
    if size > most:
        raise NotDecodedError("arithmetic with a giant result")
