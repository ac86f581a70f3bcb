"""Calls and literals in Python's, Java's and JavaScript's syntax."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.scoring.bfcl.calls import Call, NotDecodedError
from evalbudget.scoring.bfcl.java_calls import java_call
from evalbudget.scoring.bfcl.java_values import java_value
from evalbudget.scoring.bfcl.javascript_calls import javascript_call
from evalbudget.scoring.bfcl.javascript_values import javascript_value
from evalbudget.scoring.bfcl.python_calls import python_calls
from tests.bfcl_questions import function, question, said

JAVA = [
    ('"a \\"b\\" c"', 'a \\"b\\" c'),
    ("'/srv/x'", "/srv/x"),
    ("5L", "5L"),
    ("- 2.5f", "-2.5f"),
    ("true", "true"),
    ("None", "None"),
    ("a . b [ 0 ]", "a.b[0]"),
    ("Level.HIGH", "Level.HIGH"),
    ("Foo.class", "Foo.class"),
    ("int[].class", "int[].class"),
    ("Builder :: build", "Builder::build"),
    ("List<String>::new", "List<String>::new"),
    ('Paths.get("a" , "b")', 'Paths.get("a" , "b")'),
    ("new int[] { 1, 2 }", "new int[]{1,2}"),
    ('new Box<A, B>(1 , "x", a . b())', 'new Box<A,B>(1, "x", a . b())'),
    ('new HashMap<>() {{ put("a", 1); }}', "new HashMap<>()"),
    ("(String) name", "(String)name"),
    ("1 + 2 * 3", "1+2*3"),
    ("ready ? a : b", "ready?a:b"),
    ("2024-01-01", "2024-01-01"),
]
"""What is assigned → the value that tree-sitter's tree yields, as the official decoder takes it apart."""
NO_JAVA = [
    "[1, 2]",
    "{1, 2}",
    '{"a": 1}',
    '"a" "b"',
    "a b",
    "/usr/bin",
    "http://x.y",
    "10%",
    "a@b.c",
    "x => x",
    "''",
    '"x',
]

JAVASCRIPT = [
    ("'a \\'b\\''", "a \\'b\\'"),
    ("[1, , 'x',]", "[1, , 'x',]"),
    ("{a: 1, 'b': [2], c, ...d}", "{a: 1, 'b': [2], c, ...d}"),
    ("new Date( 2024 )", "new Date( 2024 )"),
    ("data-active", "data-active"),
    ("document.getElementById('x')?.y[0]", "document.getElementById('x')?.y[0]"),
    ("/re[/]/g", "/re[/]/g"),
    ("`a b`", "`a b`"),
    ("99n", "99n"),
    ("typeof x === 'y' ? 1 : 2", "typeof x === 'y' ? 1 : 2"),
    ('"a" + "b"', 'a" + "b'),
    ("true", "true"),
]
NO_JAVASCRIPT = ["{a 1}", "{a: 1 b: 2}", "'it's'", "a b", "x@y", "10%", "f'x'", "(1", "1.2.3", "function"]


@pytest.mark.parametrize(("written", "value"), JAVA)
def test_java_values_are_those_of_the_official_tree(written: str, value: str) -> None:
    call = java_call(f"[Cache.store(key={written}, size=1)]")
    assert call == Call(name="Cache.store", arguments={"key": value, "size": "1"})


@pytest.mark.parametrize("written", NO_JAVA)
def test_what_is_no_java_is_no_call(written: str) -> None:
    with pytest.raises(NotDecodedError):
        java_call(f"[Cache.store(key={written}, size=1)]")


@pytest.mark.parametrize(
    "around",
    [
        "[{}]",
        "[{};]",
        "[[{}]]",
        "[({})]",
        "[Result r = {}]",
        "[r = {}]",
        "[// first\n{}]",
        "[{}; Other.call(b=2)]",
    ],
)
def test_the_first_call_of_java_statements_counts(around: str) -> None:
    assert java_call(around.replace("{}", "Cache.store(key=a)")) == Call(
        name="Cache.store", arguments={"key": "a"}
    )


def test_a_java_call_behind_a_character_outside_ascii_is_cut_as_the_official_decoder_cuts_it() -> None:
    text = '[Cache.store(name="é", key="x")]'
    assert java_call(text).arguments != {"name": "é", "key": "x"}
    assert java_call(text, officially=False).arguments == {"name": "é", "key": "x"}
    sample = question(
        "simple_java", [function("Cache.store", key="String")], [{"Cache.store": {"key": ["é"]}}]
    )
    score = said(sample, '[Cache.store(key="é")]')
    assert (score.value, score.details["right_but_for"]) == (0, "a character outside ASCII")


@pytest.mark.parametrize(("written", "value"), JAVASCRIPT)
def test_javascript_values_are_their_own_text(written: str, value: str) -> None:
    call = javascript_call(f"[drawChart(key={written}, size=1)]")
    assert call == Call(name="drawChart", arguments={"key": value, "size": "1"})


@pytest.mark.parametrize("written", NO_JAVASCRIPT)
def test_what_is_no_javascript_is_no_call(written: str) -> None:
    with pytest.raises(NotDecodedError):
        javascript_call(f"[drawChart(key={written}, size=1)]")


@pytest.mark.parametrize(
    ("text", "kind", "inner", "value"),
    [
        ("5", "integer", None, 5),
        ("5.0", "integer", None, "5.0"),
        ("5", "long", None, "5"),
        ("-5L", "long", None, -5),
        ("1.5", "float", None, "1.5"),
        ("1e3f", "float", None, 1000.0),
        ("0.75", "double", None, 0.75),
        ("true", "boolean", None, True),
        ("True", "boolean", None, "True"),
        ("new ArrayList<>(Arrays.asList(1, 2))", "ArrayList", "integer", [1, 2]),
        ('new ArrayList<String>(Arrays.asList("a", "b"))', "ArrayList", "String", ["a", "b"]),
        ("new ArrayList<Integer>() {{ add(1); add(2); }}", "ArrayList", "integer", [1, 2]),
        ("new ArrayList<>()", "ArrayList", "integer", []),
        ("[1, 2]", "ArrayList", "integer", "[1, 2]"),
        ("new int[]{1, 2}", "Array", "integer", [1, 2]),
        ('new String[]{"a"}', "Array", "String", ['"a"']),
        (
            'new HashMap<>() {{ put("a", 1); put("b", "x"); put("c", true); }}',
            "HashMap",
            None,
            {"a": 1, "b": "x", "c": True},
        ),
        ("new HashMap<String, Object>()", "HashMap", None, {}),
        ("Map.of()", "HashMap", None, "Map.of()"),
    ],
)
def test_java_literals_become_values(text: str, kind: str, inner: str | None, value: object) -> None:
    found = java_value(text, kind, inner)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "kind", "inner", "value"),
    [
        ("'a'", "String", None, "a"),
        ("5", "integer", None, 5),
        ("1e3", "float", None, "1e3"),
        ("99n", "Bigint", None, 99),
        ("false", "Boolean", None, False),
        ("[1.5, 2]", "array", "float", [1.5, 2.0]),
        ("['a', b]", "array", "String", ["a", "b"]),
        ("[[1, 2], [3]]", "array", None, [[1, 2], [3]]),
        ("new Array(1, 2)", "array", "integer", [1, 2]),
        ("[]", "array", "String", []),
        ("{}", "dict", None, {}),
        ("{a: 1, 'b': [2, x], c: true}", "dict", None, {"a": 1, "b": [2, "x"], "c": True}),
        ("{a: 'x, y', b: 2}", "dict", None, {"a": "x, y", "b": 2}),
        ("{a: {b: 1}}", "dict", None, {"a": "{b: 1"}),
        ("text", "dict", None, "text"),
    ],
)
def test_javascript_literals_become_values(text: str, kind: str, inner: str | None, value: object) -> None:
    found = javascript_value(text, kind, inner)
    assert (found, type(found)) == (value, type(value))


literals = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True).filter(str.isidentifier), literals, max_size=4
    )
)
def test_python_literals_come_back_as_they_were_written(arguments: dict[str, object]) -> None:
    listed = ", ".join(f"p_{name}={value!r}" for name, value in arguments.items())
    (call,) = python_calls(f"[a.b({listed})]", "v4")
    assert call == Call(name="a.b", arguments={f"p_{name}": value for name, value in arguments.items()})


@given(
    st.text(alphabet=st.sampled_from("f(a=1,[]{}'\"x.)+-* \n:;!?<>/\\é"), max_size=40),
    st.sampled_from(["v3", "v4"]),
)
def test_any_text_is_decoded_or_refused(text: str, version: str) -> None:
    for read in (lambda: python_calls(text, version), lambda: java_call(text), lambda: javascript_call(text)):
        try:
            read()
        except NotDecodedError as error:
            assert str(error)


@given(
    st.integers(0, 1000),
    st.sampled_from(["+", "-", "*", "//", "%", "**", "<<", "|", "&", "^"]),
    st.integers(0, 9),
)
def test_arithmetic_on_numbers_gives_what_python_gives(left: int, sign: str, right: int) -> None:
    text = f"{left}{sign}{right}"
    try:
        wanted = eval(compile(ast.parse(text, mode="eval"), "", "eval"))  # noqa: S307 - two numbers of our own
    except ZeroDivisionError:
        wanted = None
    try:
        (call,) = python_calls(f"f(x={text})", "v4")
    except NotDecodedError:
        assert wanted is None
    else:
        assert call.arguments["x"] == wanted
