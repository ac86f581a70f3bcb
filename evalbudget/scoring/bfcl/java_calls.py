"""A call in Java's syntax, as prompt mode gives it for Java functions: `[A.b(c="x", d=new int[]{1, 2})]`.

The official decoder takes it from a tree-sitter parse tree, without blanks between the parts of a value.
The same text is composed here, for the expressions that stand among the possible answers; lambdas, switches
and tests of types do not, so they are not understood.
Source: bfcl_eval, model_handler/parser/java_parser.py; tree-sitter-java 0.21, grammar.js.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal, TypeAlias

from evalbudget.scoring.bfcl.calls import Call, NotDecodedError
from evalbudget.scoring.bfcl.source import Source, arguments_by_name

_NAME = re.compile(r"(?:[^\W\d]|\$)[\w$]*")
_NUMBER = re.compile(
    r"(?:(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|\d[\d_]*)[lL]?|"
    r"(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?[fFdD]?)(?![\w$.])"
)
_ESCAPE = r"\\(?:[^xu]|x[0-9a-fA-F]{2}|u+[0-9a-fA-F]{4})"
_STRING = re.compile(rf'"""(?:[^"\\]|"(?!"")|{_ESCAPE})*"""|"(?:[^"\\]|{_ESCAPE})*"', re.DOTALL)
_CHARACTERS = re.compile(rf"'(?:[^'\\\n]|{_ESCAPE})+'", re.DOTALL)
_IN_BODY = re.compile(rf"[^{{}}\"'/]+|/|{_STRING.pattern}|{_CHARACTERS.pattern}", re.DOTALL)
_ARRAY = re.compile(r"\[\s*\]")
_ASSIGN = re.compile(r"(?:[-+*/%&|^]|<<|>>>?)?=(?!=)")
_BINARY = (">>>", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", *"+-*/%<>&|^")
_RESUMED = re.compile(r"(?:[^\W\d]|\$)(?:[\w$]{9,}|[\w$]*(?![\w$.]))")
"""The begin of a statement before which tree-sitter supplies a missing semicolon; it would rather drop a
short name before a dot, and cannot."""
_CAST_OPERAND = re.compile(r"[\w$\"'(!~]")
_TYPES = frozenset({"boolean", "byte", "char", "double", "float", "int", "long", "short", "void"})
_NO_NAMES = _TYPES | {"new", "super", "switch", "this", "true", "false", "null"}
"""Words that are no names in an expression. Others are, even `class`: so tree-sitter reads them."""
_NO_BEGINNING = frozenset(
    {"abstract", "assert", "break", "class", "continue", "default", "do", "enum", "final", "for", "if"}
    | {"import", "interface", "native", "package", "private", "protected", "public", "return", "static"}
    | {"strictfp", "synchronized", "throw", "transient", "try", "volatile", "while"}
)
"""Words that begin a statement of another kind."""

_Kind: TypeAlias = Literal["name", "place", "class", "text", "call", "other"]
_Argument: TypeAlias = tuple[str | None, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """An expression that has been read."""

    start: int
    end: int
    text: str
    """Its parts without blanks between them; names, calls and literals as they stand."""
    kind: _Kind = "other"
    """place: what a value can be assigned to, besides names; text: a literal in quotes."""
    argument: _Argument | None = None
    """Name and value where it counts as an argument of a call: `a=1`, a name, a class."""
    called: str = ""
    """Where it is a call, or assigns one: what is called."""
    arguments: tuple[_Argument, ...] = ()
    """Those of that call."""


def java_call(text: str, *, officially: bool = True) -> Call:
    """The call in an answer that stands in brackets. Raises NotDecodedError.

    `officially`: leave out the body of an object, such as the entries of a map, and take places in bytes for
    places in characters, so that whatever stands behind a character outside ASCII is cut wrongly.
    """
    return _Reader(text[1:-1], officially).call()


class _Reader:
    def __init__(self, text: str, officially: bool) -> None:
        self._source = Source(text)
        self._officially = officially
        sizes = [len(each.encode("utf-8", "replace")) for each in text] if not text.isascii() else []
        self._bytes = list(accumulate(sizes, initial=0)) if officially and sizes else None

    def call(self) -> Call:
        """The first call of the first statement that has one; the others are read and left out."""
        called = self._statements()
        if not self._source.at_end:
            raise self._source.wrong()
        if called is None:
            raise NotDecodedError("no call")
        return Call(name=called.called, arguments=arguments_by_name(called.arguments))

    def _statements(self) -> _Part | None:
        """Statements up to the end of the text or of their block; semicolons may be missing."""
        source = self._source
        parts: list[_Part] = []
        parted = True
        while not source.at_end and not source.see("}"):
            if source.take(";"):
                parted = True
            elif parted or source.glimpse(_RESUMED) is not None:
                parts += self._statement()
                parted = False
            else:
                raise source.wrong()
        return next((part for part in parts if part.called), None)

    def _statement(self) -> list[_Part]:
        """An expression, or the declaration of a variable with its value; or these in braces or brackets, for
        which tree-sitter supplies what is missing."""
        source, start = self._source, self._source.place
        if source.glimpse(_NAME) in _NO_BEGINNING:
            raise source.wrong()
        if source.take("{"):
            with source.deeper():
                inner = self._statements()
            source.need("}")
            return [] if inner is None else [inner]
        if source.take("["):
            part = self._expression()
            source.need("]")
            return [part]
        try:
            self._type()
            self._word()
            source.need("=")
        except NotDecodedError:
            source.back(start)
        return [self._expression()]

    def _expression(self) -> _Part:
        """Operands with operators between them, an assignment last: `a - b = c` is `a - (b = c)`."""
        source = self._source
        with source.deeper():
            last = first = self._operand()
            texts = [first.text]
            while True:
                if last.kind in {"name", "place"} and (sign := source.match(_ASSIGN)):
                    last = self._assigned(last, sign)
                    texts[-1] = last.text
                    return last if len(texts) == 1 else self._part(first.start, *texts)
                if source.take("?"):
                    texts += ["?", self._expression().text, source.need(":"), self._expression().text]
                elif not source.glimpse(_ASSIGN) and (found := source.take(*_BINARY)):
                    last = self._operand()
                    texts += [found, last.text]
                else:
                    return first if len(texts) == 1 else self._part(first.start, *texts)

    def _assigned(self, left: _Part, sign: str) -> _Part:
        value = self._expression()
        bare = value.text[1:-1] if value.kind == "text" else value.text
        return _Part(
            start=left.start,
            end=value.end,
            text=left.text + sign + value.text,
            argument=(self._cut(left.start, left.end), bare),
            called=value.called,
            arguments=value.arguments,
        )

    def _operand(self) -> _Part:
        source, start = self._source, self._source.place
        with source.deeper():
            if sign := source.take("++", "--", "+", "-", "!", "~"):
                return self._part(start, sign, self._operand().text)
            part = self._primary()
            while (longer := self._longer(part)) is not None:
                part = longer
            sign = source.take("++", "--")
            return self._part(start, part.text, sign) if sign else part

    def _primary(self) -> _Part:
        source, start = self._source, self._source.place
        if source.match(_STRING) is not None or source.match(_CHARACTERS) is not None:
            return self._as_it_stands(start, "text")
        if source.take("("):
            return self._parenthesis(start)
        if source.match(_NUMBER) is not None:
            return self._as_it_stands(start)
        word = source.glimpse(_NAME)
        if (word not in _NO_NAMES or word in _TYPES) and (part := self._of_type(start)) is not None:
            return part
        if source.match(_NAME) is None or word == "switch" or word in _TYPES:
            raise source.wrong()
        return self._creation(start) if word == "new" else self._named(start)

    def _named(self, start: int) -> _Part:
        """A name, called or not, or a word such as `true`."""
        source = self._source
        if source.text[start : source.end] in _NO_NAMES:
            return self._as_it_stands(start)
        name = self._as_it_stands(start, "name")
        return self._call(name.start, name.text) if source.see("(") else name

    def _parenthesis(self, start: int) -> _Part:
        """`(a)`, or a cast: `(A) a`."""
        source, inside = self._source, self._source.place
        try:
            part = self._expression()
            source.need(")")
            cast = _NAME.match(source.text, inside) and source.glimpse(_CAST_OPERAND)
            text = part.text
        except NotDecodedError:
            source.back(inside)
            text, cast = self._type(), "("
            source.need(")")
        if cast:
            return self._part(start, f"({text})", self._operand().text)
        return replace(part, start=start, end=source.end, text=f"({text})", kind="other", argument=None)

    def _of_type(self, start: int) -> _Part | None:
        """`A[].class`, `A<B>::new`, `int.class`; None for anything else."""
        source = self._source
        try:
            text = self._type()
        except NotDecodedError:
            text = ""
        if text.endswith(("]", ">")) or text in _TYPES:
            if source.take("."):
                if source.match(_NAME) == "class":
                    return self._as_it_stands(start, "class")
            elif source.take("::"):
                return self._part(start, text, "::", self._word())
        source.back(start)
        return None

    def _longer(self, part: _Part) -> _Part | None:
        """The part with what follows it after a dot or in brackets; None where nothing does."""
        source = self._source
        if source.take("."):
            return self._member(part)
        if source.take("::"):
            return self._part(part.start, part.text, "::", self._type_arguments(), self._word())
        if source.see("[") and not source.glimpse(_ARRAY):
            source.need("[")
            inner = self._expression().text
            source.need("]")
            return self._part(part.start, part.text, "[", inner, "]", kind="place")
        return None

    def _member(self, part: _Part) -> _Part:
        source, types, start = self._source, self._type_arguments(), self._source.place
        literal = source.match(_STRING) is not None
        word = None if literal else source.match(_NAME)
        if not literal and (word is None or word in {"new", "super"}):
            raise source.wrong()
        name = self._cut(start, source.end)
        if source.see("(") and word not in {None, "this"}:
            return self._call(part.start, f"{self._cut(part.start, part.end)}.{name}")
        if types:
            raise source.wrong()
        if word == "class":
            return self._as_it_stands(part.start, "class")
        return self._part(
            part.start, part.text, ".", name, kind="other" if literal or word == "this" else "place"
        )

    def _call(self, start: int, called: str) -> _Part:
        listed = self._listed()
        return _Part(
            start=start,
            end=self._source.end,
            text=self._cut(start, self._source.end),
            kind="call",
            called=called,
            arguments=tuple(part.argument for part in listed if part.argument is not None),
        )

    def _listed(self) -> list[_Part]:
        """What stands in parentheses, between commas."""
        source = self._source
        source.need("(")
        listed: list[_Part] = []
        while not source.take(")"):
            if listed:
                source.need(",")
            listed.append(self._expression())
        return listed

    def _creation(self, start: int) -> _Part:
        """After `new`: an object, or an array with its entries."""
        source, text = self._source, self._type(arrays=False)
        if source.glimpse(_ARRAY):
            while source.match(_ARRAY):
                pass
            return self._part(start, f"new {text}[]", self._entries())
        if source.see("["):
            raise NotDecodedError("an array without its entries")
        listed = ", ".join(part.text for part in self._listed())
        if source.see("{"):
            self._skip_body()
            if not self._officially:
                return self._as_it_stands(start)
        return self._part(start, f"new {text}({listed})")

    def _entries(self) -> str:
        source = self._source
        texts = [source.need("{")]
        with source.deeper():
            while not source.take("}"):
                texts.append(self._entries() if source.see("{") else self._expression().text)
                if source.take(","):
                    texts.append(",")
                elif not source.see("}"):
                    raise source.wrong()
        return "".join([*texts, "}"])

    def _skip_body(self) -> None:
        source, open_braces = self._source, 0
        while True:
            if source.take("{"):
                open_braces += 1
            elif source.take("}"):
                open_braces -= 1
                if open_braces == 0:
                    return
            elif source.match(_IN_BODY) is None:
                raise source.wrong()

    def _type(self, *, arrays: bool = True) -> str:
        """`a.b.C<D, E>[]` without blanks."""
        source = self._source
        texts = [self._word()]
        if texts[0] in _NO_NAMES - _TYPES:
            raise source.wrong()
        texts.append(self._type_arguments())
        while source.see(".") and not source.see(".class"):
            texts += [source.need("."), self._word(), self._type_arguments()]
        while arrays and source.match(_ARRAY):
            texts.append("[]")
        return "".join(texts)

    def _type_arguments(self) -> str:
        source = self._source
        if not source.take("<"):
            return ""
        texts = ["<"]
        with source.deeper():
            while not source.take(">"):
                if len(texts) > 1:
                    texts.append(source.need(","))
                texts.append(source.take("?") or self._type())
        return "".join([*texts, ">"])

    def _word(self) -> str:
        start = self._source.place
        if self._source.match(_NAME) is None:
            raise self._source.wrong()
        return self._cut(start, self._source.end)

    def _as_it_stands(self, start: int, kind: _Kind = "other") -> _Part:
        text = self._cut(start, self._source.end)
        argument = (None, text) if kind in {"name", "class"} else None
        return _Part(start=start, end=self._source.end, text=text, kind=kind, argument=argument)

    def _part(self, start: int, *texts: str, kind: _Kind = "other") -> _Part:
        return _Part(start=start, end=self._source.end, text="".join(texts), kind=kind)

    def _cut(self, start: int, end: int) -> str:
        """What stands between two places, or where the official decoder looks for it."""
        if self._bytes is not None:
            start, end = self._bytes[start], self._bytes[end]
        return self._source.text[start:end]
