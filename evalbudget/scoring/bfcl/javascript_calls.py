"""A call in JavaScript's syntax, as prompt mode gives it for JavaScript functions: `[f(a='x', b=[1, 2])]`.

A value is its own text, without the quotes around it. Understood are the expressions that stand among the
possible answers; functions, classes, and templates with expressions in them do not, so they are not
understood.
Source: bfcl_eval, model_handler/parser/js_parser.py; tree-sitter-javascript 0.21, grammar.js.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from evalbudget.scoring.bfcl.calls import Call, NotDecodedError
from evalbudget.scoring.bfcl.source import Source, arguments_by_name

_NAME = re.compile(r"(?:[^\W\d]|\$)[\w$]*")
_NUMBER = re.compile(
    r"(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?)"
    r"n?(?![\w$])"
)
_ESCAPE = r"\\(?:[^xu]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]+\})"
_STRING = re.compile(rf'"(?:[^"\\\n]|{_ESCAPE})*"|' rf"'(?:[^'\\\n]|{_ESCAPE})*'", re.DOTALL)
_TEMPLATE = re.compile(rf"`(?:[^`\\$]|{_ESCAPE}|\$(?!\{{))*`", re.DOTALL)
_REGULAR = re.compile(r"/(?![/*])(?:[^/\\\[\n]|\\[^\n]|\[(?:[^\]\\\n]|\\[^\n])*\])+/[a-z]*")
_PREFIX_WORD = re.compile(r"(?:typeof|void|delete|await)(?![\w$])")
_INFIX_WORD = re.compile(r"(?:instanceof|in)(?![\w$])")
_ASSIGN = re.compile(r"(?:\*\*|<<|>>>?|&&|\|\||\?\?|[-+*/%&|^])?=(?![=>])")
_BINARY = (">>>", "===", "!==", "**", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "??", *"+-*/%<>&|^")
_NO_OPERANDS = frozenset({"await", "class", "delete", "function", "import", "typeof", "void", "yield"})
_VALUES = frozenset({"this", "super", "null", "true", "false", "new"})
"""Words that are no names where an expression may stand. Others are, even `if`: so tree-sitter reads them."""
_NO_BEGINNING = frozenset(
    {"break", "class", "const", "continue", "debugger", "do", "for", "function", "if", "return", "switch"}
    | {"throw", "try", "var", "while", "with"}
)
"""Words that begin a statement of another kind."""

_Kind: TypeAlias = Literal["name", "place", "true", "call", "assignment", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """An expression that has been read."""

    start: int
    end: int
    kind: _Kind = "other"
    """place: what a value can be assigned to, besides names; assignment: one with `=` alone."""
    argument: tuple[str | None, str] | None = None
    """Name and value where it counts as an argument of a call: `a=1`, a name, `true`."""
    called: str = ""
    """Where it is a call: what is called."""
    arguments: tuple[tuple[str | None, str], ...] = ()
    """Those of the call."""


def javascript_call(text: str) -> Call:
    """The first statement that is a call, in an answer in brackets. Raises NotDecodedError."""
    return _Reader(text[1:-1]).call()


class _Reader:
    def __init__(self, text: str) -> None:
        self._source = Source(text)

    def call(self) -> Call:
        source = self._source
        statements: list[_Part] = []
        while not source.at_end:
            if source.take(";"):
                continue
            if source.glimpse(_NAME) in _NO_BEGINNING:
                raise source.wrong()
            statements.append(self._expression())
            if (
                not source.at_end
                and not source.see(";")
                and "\n" not in source.text[source.end : source.place]
            ):
                raise source.wrong()
        first = next((part for part in statements if part.called), None)
        if first is None:
            raise NotDecodedError("no call")
        return Call(name=first.called, arguments=arguments_by_name(first.arguments))

    def _expression(self) -> _Part:
        """Operands with operators between them, an assignment last: `a - b = c` is `a - (b = c)`."""
        source = self._source
        with source.deeper():
            last = first = self._operand()
            alone = True
            while True:
                if last.kind in {"name", "place"} and (sign := source.match(_ASSIGN)):
                    last = self._assigned(last, sign)
                    return last if alone else self._part(first.start)
                if source.glimpse(_ASSIGN):
                    raise source.wrong()
                if source.take(*_BINARY) or source.match(_INFIX_WORD):
                    last = self._operand()
                elif source.take("?"):
                    self._expression()
                    source.need(":")
                    self._expression()
                else:
                    return first if alone else self._part(first.start)
                alone = False

    def _assigned(self, left: _Part, sign: str) -> _Part:
        text = self._source.text
        value = self._expression()
        if sign != "=":
            return self._part(left.start)
        bare = text[value.start : value.end]
        if bare[:1] in {'"', "'"} and bare[:1] == bare[-1:]:
            bare = bare[1:-1]
        name = text[left.start : left.end]
        return _Part(start=left.start, end=value.end, kind="assignment", argument=(name, bare))

    def _operand(self) -> _Part:
        source, start = self._source, self._source.place
        with source.deeper():
            if source.take("++", "--", "+", "-", "!", "~") or source.match(_PREFIX_WORD):
                self._operand()
                return self._part(start)
            part = self._primary()
            while (longer := self._longer(part)) is not None:
                part = longer
            return self._part(start) if source.take("++", "--") else part

    def _primary(self) -> _Part:
        source, start = self._source, self._source.place
        for pattern in (_STRING, _TEMPLATE, _NUMBER, _REGULAR):
            if source.match(pattern) is not None:
                return self._part(start)
        if source.take("("):
            self._expression()
            while source.take(","):
                self._expression()
            source.need(")")
            return self._part(start)
        if source.see("[", "{"):
            self._collection()
            return self._part(start)
        word = source.match(_NAME)
        if word is None or word in _NO_OPERANDS or source.see("=>"):
            raise source.wrong()
        if word == "new":
            return self._creation(start)
        if word == "true":
            return self._part(start, "true", "true")
        return self._part(start) if word in _VALUES else self._part(start, "name", word)

    def _creation(self, start: int) -> _Part:
        """After `new`: a name with dots, and arguments or none."""
        source = self._source
        if source.match(_NAME) is None:
            raise source.wrong()
        while source.take("."):
            if source.match(_NAME) is None:
                raise source.wrong()
        if source.see("("):
            self._listed()
        return self._part(start)

    def _collection(self) -> None:
        """A list or an object; entries may be missing between commas."""
        source = self._source
        close = "]" if source.take("[") else "}"
        if close == "}":
            source.need("{")
        with source.deeper():
            while not source.take(close):
                if not source.see(","):
                    self._entry(in_object=close == "}")
                if not source.take(",") and not source.see(close):
                    raise source.wrong()

    def _entry(self, *, in_object: bool) -> None:
        source = self._source
        if source.take("...") or not in_object:
            self._expression()
            return
        if source.take("["):
            self._expression()
            source.need("]")
            source.need(":")
            self._expression()
            return
        named = source.match(_NAME) is not None
        if not named and source.match(_STRING) is None and source.match(_NUMBER) is None:
            raise source.wrong()
        if source.take(":"):
            self._expression()
        elif not named:
            raise source.wrong()

    def _longer(self, part: _Part) -> _Part | None:
        """The part with what follows it after a dot or in brackets; None where nothing does."""
        source = self._source
        if source.see("("):
            called = source.text[part.start : part.end]
            listed = self._listed()
            arguments = tuple(each.argument for each in listed if each.argument is not None)
            return _Part(start=part.start, end=source.end, kind="call", called=called, arguments=arguments)
        optional = source.take("?.")
        if source.take("["):
            self._expression()
            source.need("]")
            return self._part(part.start, "place")
        if optional and source.see("("):
            self._listed()
            return self._part(part.start)
        if optional or source.take("."):
            if source.match(_NAME) is None:
                raise source.wrong()
            return self._part(part.start, "place")
        return None

    def _listed(self) -> list[_Part]:
        """What stands in parentheses; entries may be missing between commas."""
        source = self._source
        source.need("(")
        listed: list[_Part] = []
        while not source.take(")"):
            if not source.see(","):
                spread = source.take("...")
                part = self._expression()
                listed += [] if spread else [part]
            if not source.take(",") and not source.see(")"):
                raise source.wrong()
        return listed

    def _part(self, start: int, kind: _Kind = "other", word: str | None = None) -> _Part:
        argument = (None, word) if word is not None else None
        return _Part(start=start, end=self._source.end, kind=kind, argument=argument)
