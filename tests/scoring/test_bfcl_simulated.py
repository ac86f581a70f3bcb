"""The simulated APIs: official result texts, nothing of a model's text evaluated, nothing without an end."""

from __future__ import annotations

import decimal
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalbudget.records import Step, ToolCall
from evalbudget.scoring.bfcl.calls import NotDecodedError
from evalbudget.scoring.bfcl.simulated.bm25 import BM25Plus
from evalbudget.scoring.bfcl.simulated.decode import calls_of, tool_calls_in
from evalbudget.scoring.bfcl.simulated.literals import carry_out
from evalbudget.scoring.bfcl.simulated.steps import do_step, judge, judge_calls
from evalbudget.scoring.bfcl.simulated.world import (
    CALLS_A_STEP,
    CHARACTERS_A_STEP,
    Scenario,
    SearchFailedError,
    World,
    _guarded,
)
from tests.bfcl_conversations import folder_or_skip, multi_turn

DISK = {
    "root": {
        "work": {
            "type": "directory",
            "contents": {
                "a.txt": {"type": "file", "content": "one\ntwo"},
                "docs": {"type": "directory", "contents": {}},
            },
        }
    }
}


@pytest.fixture
def scenario() -> Scenario:
    folder_or_skip("v4")
    return Scenario(
        version="v4", classes=("GorillaFileSystem", "MathAPI"), config={"GorillaFileSystem": DISK}
    )


def results(scenario: Scenario, *calls: str) -> list[str]:
    return World(scenario).run(calls)


# ── what results look like ──


@pytest.mark.parametrize(
    ("call", "result"),
    [
        ("ls()", '{"current_directory_content": ["a.txt", "docs"]}'),
        ("ls ( a = True )", '{"current_directory_content": ["a.txt", "docs"]}'),
        ("touch('b')", "None"),
        ("add(1, b=2)", '{"result": 3}'),
        ("mean(numbers=[1, 2, -3])", '{"result": 0.0}'),
        ("square_root(2, 10)", "{'result': Decimal('1.414213562')}"),
        ("add(a=power(2, 3), b=1)", '{"error": "Both inputs must be numbers"}'),
        ("cd()", "GorillaFileSystem.cd() missing 1 required positional argument: 'folder'"),
        ("cd(x=1)", "GorillaFileSystem.cd() got an unexpected keyword argument 'x'"),
        ("fly(to='x')", "name 'fly' is not defined"),
        ("cd(folder=docs)", "name 'docs' is not defined"),
        ("cd(folder=nan)", "name 'nan' is not defined"),
        ("GorillaFileSystem.cd('x')", "name 'GorillaFileSystem' is not defined"),
        ("add(a=1,a=2)", "keyword argument repeated: a (<string>, line 1)"),
        ("add(a=1", "'(' was never closed (<string>, line 1)"),
        ("add({[1]: 2}, 1)", "unhashable type: 'list'"),
        ("exit()", "Function call exit is not allowed."),
        ("shutil.remove('x')", "Function call remove is not allowed."),
    ],
)
def test_results_read_as_the_official_ones(scenario: Scenario, call: str, result: str) -> None:
    plain = result.startswith(("{", "None"))
    assert results(scenario, call) == [result if plain else f"Error during execution: {result}"]


def test_blanks_between_a_word_and_a_bracket_vanish_inside_texts_as_they_do_officially(
    scenario: Scenario,
) -> None:
    calls = ["echo(content='draft (old)  (new)', file_name='a.txt')", "cat(file_name='a.txt')"]
    assert json.loads(results(scenario, *calls)[1]) == {"file_content": "draft(old)  (new)"}


def test_a_methods_name_inside_a_text_stays_as_it_is(scenario: Scenario) -> None:
    calls = ["echo(content='please sort (it)', file_name='a.txt')", "cat(file_name='a.txt')"]
    assert json.loads(results(scenario, *calls)[1]) == {"file_content": "please sort(it)"}


# ── attacks ──

ATTACKS = [
    "__import__('pathlib').Path({0!r}).touch()",
    "open({0!r}, 'w')",
    "exec('open({0!r}, \"w\")')",
    "eval('open({0!r}, \"w\")')",
    "cd(folder=open({0!r}, 'w'))",
    "cd(folder=[open(n, 'w') for n in [{0!r}]])",
    "cd(folder=(lambda: open({0!r}, 'w'))())",
    "cd(folder=f'{{open({0!r}, \"w\")}}')",
    "(lambda: open({0!r}, 'w'))()",
    "cd.__globals__['__builtins__']['open']({0!r}, 'w')",
    "cd.__func__.__globals__['subprocess'].run(['touch', {0!r}])",
    "().__class__.__base__.__subclasses__()",
    "''.join(open({0!r}, 'w'))",
    "ls(**{{'a': open({0!r}, 'w')}})",
    "ls(*[open({0!r}, 'w')])",
    "ls(a=(x := open({0!r}, 'w')))",
    "ls(a=1 if open({0!r}, 'w') else 2)",
    "ls(a=not open({0!r}, 'w'))",
    "ls(a={{**open({0!r}, 'w')}})",
    "_load_scenario(scenario={{}})",
    "__init__()",
    "__class__()",
    "self.run(1)",
    "os.system('touch ' + {0!r})",
    "ls(); open({0!r}, 'w')",
    "ls()\nopen({0!r}, 'w')",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_a_model_writes_is_evaluated(scenario: Scenario, attack: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    world, modules = World(scenario), set(sys.modules)
    world.run(["ls()"])
    assert world.run([attack.format(str(canary))])[0].startswith("Error during execution: ")
    assert not canary.exists() and set(sys.modules) == modules
    assert not world.differences(World(scenario))


@pytest.mark.parametrize("mode", ["fc", "prompt"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_is_evaluated_on_the_way_from_an_answer_either(
    scenario: Scenario, attack: str, mode: str, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    text = attack.format(str(canary))
    name, _bracket, arguments = text.partition("(")
    call = ToolCall(name=name, arguments=json.dumps({arguments: text}))
    step = Step(
        turn=0, answer=text if mode == "prompt" else "", tool_calls=() if mode == "prompt" else (call,)
    )
    done = do_step(scenario, [], step, mode)
    harmless = (
        "Error during execution: ",
        "{",
        "()",
    )  # what is called is no name: only its brackets are left
    assert all(result.startswith(harmless) for result in done.results)
    assert not canary.exists()


@pytest.mark.parametrize(
    "call",
    [
        "power(base=10, exponent=10000000000)",
        "power(exponent=10**9, base=10)",
        "round_number(5, -10000000000)",
        "square_root(2, 10000000000)",
        "logarithm(value=10, base=2, precision=10000000000)",
        "add(" + "9" * 5000 + ", 1)",
        "mean(" + "[" * 5000 + "]" * 5000 + ")",
        "mean(" + "-" * 200_000 + "1)",
        "a" + ".b" * 100_000 + "()",
        "mean(" * 3000 + ")" * 3000,
        "cd(folder='" + "x" * 1_000_000 + "')",
        "x" * 1_000_000 + "(" * 100,
        "cd(folder='" + "a " * 200_000 + "')",
    ],
    ids=lambda call: call[:30],
)
def test_giants_end(scenario: Scenario, call: str) -> None:
    assert results(scenario, call)[0].startswith(("Error during execution: ", '{"error": '))


def test_numbers_that_can_be_printed_are_computed(scenario: Scenario) -> None:
    assert results(scenario, "power(2, 10)", "power(2.5, 2)", "power(10, -2)", "round_number(2.345, 2)") == [
        '{"result": 1024}', '{"result": 6.25}', '{"result": 0.01}', '{"result": 2.35}',
    ]  # fmt: skip


def test_a_hundred_thousand_calls_in_one_step_are_bounded(scenario: Scenario) -> None:
    found = results(scenario, *["pwd()"] * 100_000)
    assert len(found) == 100_000 and sum(map(len, found)) <= CHARACTERS_A_STEP
    assert found[CALLS_A_STEP - 1].startswith("{")
    assert found[CALLS_A_STEP] == "Error during execution: too many calls"


def test_results_of_megabytes_are_cut(scenario: Scenario) -> None:
    big = f"echo(content='{'x' * 900_000}', file_name='a.txt')"
    found = results(scenario, big, *["cat('a.txt')"] * 5)
    assert sum(map(len, found)) == CHARACTERS_A_STEP


def test_a_folder_that_holds_itself_is_another_state_and_no_crash(scenario: Scenario) -> None:
    calls = ["mv(source='docs', destination='docs')", "cd('docs')", "find('.', 'x')", "cp('docs', 'docs')"]
    assert not judge_calls(scenario, [[calls]], [["ls()"]]).valid


def test_a_very_deep_folder_ends_in_a_verdict(scenario: Scenario) -> None:
    deep = [call for _level in range(490) for call in ("mkdir(dir_name='d')", "cd(folder='d')")]
    steps = [deep] * 3
    assert not judge_calls(scenario, [steps], [["ls()"]]).valid


# ── the same whatever ran before ──


def test_the_mathematics_of_others_keep_their_precision(scenario: Scenario) -> None:
    mpmath = pytest.importorskip("mpmath")
    before = mpmath.mp.dps, decimal.getcontext().prec
    results(scenario, "logarithm(10, 2, 80)", "square_root(2, 90)")
    assert (mpmath.mp.dps, decimal.getcontext().prec) == before


def test_long_conversations_share_no_tables() -> None:
    sample = next(each for each in multi_turn("v4", "long_context") if "TravelAPI" in str(each.extra))
    config: dict[str, object] = {"TravelAPI": {"access_token": "t", "token_expires_in": 9}}
    long = Scenario(version="v4", classes=("TravelAPI",), config=config, long_context=True)  # type: ignore[arg-type]
    world = World(long)
    card = next(iter(world._instances["TravelAPI"].credit_card_list))
    book = (
        f"book_flight(access_token='t', card_id='{card}', travel_date='2026-10-06', travel_from='RMS', "
        "travel_to='SBK', travel_class='economy')"
    )
    assert '"booking_status": true' in world.run([book])[0], sample.id
    balances = [
        World(long)._instances["TravelAPI"].credit_card_list[card]["balance"],
        world._instances["TravelAPI"].credit_card_list[card]["balance"],
    ]
    assert balances[0] > balances[1]


CALLS = st.sampled_from(
    [
        "ls()",
        "pwd()",
        "cd(folder='docs')",
        "cd(folder='..')",
        "mkdir(dir_name='x')",
        "touch(file_name='y')",
        "echo(content='z', file_name='y')",
        "rm(file_name='y')",
        "mv(source='a.txt', destination='docs')",
        "cp(source='a.txt', destination='b')",
        "cat(file_name='a.txt')",
        "add(a=1, b=2)",
        "nothing()",
    ]
)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.lists(CALLS, max_size=4), max_size=6))
def test_repeating_what_came_before_gives_the_same_results(steps: Sequence[Sequence[str]]) -> None:
    folder_or_skip("v4")
    scenario = Scenario(
        version="v4", classes=("GorillaFileSystem", "MathAPI"), config={"GorillaFileSystem": DISK}
    )  # type: ignore[dict-item]
    world = World(scenario)
    for number, calls in enumerate(steps):
        written = Step(turn=0, answer=f"[{', '.join(calls)}]")
        done = do_step(scenario, [tuple(each) for each in steps[:number]], written, "prompt")
        assert list(done.calls) == list(calls)
        assert list(done.results) == world.run(calls)


@settings(max_examples=60, deadline=None)
@given(turns=st.lists(st.lists(CALLS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_a_conversation_that_is_its_own_ground_truth_is_right(turns: list[list[str]]) -> None:
    folder_or_skip("v4")
    scenario = Scenario(
        version="v4", classes=("GorillaFileSystem", "MathAPI"), config={"GorillaFileSystem": DISK}
    )  # type: ignore[dict-item]
    assert judge_calls(scenario, [[calls] for calls in turns], turns).valid
    split = [[[call] for call in calls] for calls in turns]
    assert judge_calls(scenario, split, turns).valid


def test_memory_is_taken_up_and_given_back() -> None:
    folder_or_skip("v4")
    empty = Scenario(version="v4", classes=("MemoryAPI_kv",), config={})
    world = World(empty)
    assert world.shown_memory() == "There is no content in the core memory at this point."
    world.run(["core_memory_add(key='user_name', value='Michael')"])
    memory = world.memory()
    assert memory == {"core_memory": {"user_name": "Michael"}, "archival_memory": {}}
    later = World(Scenario(version="v4", classes=("MemoryAPI_kv",), config={}, memory=memory))
    assert later.run(["core_memory_key_search(query='name')"]) == [
        '{"ranked_results": [[1.3862943611198906, "user_name"]]}'
    ]
    assert later.memory() == memory and World(empty).memory() == {"core_memory": {}, "archival_memory": {}}


def test_keys_are_ranked_with_the_numbers_of_rank_bm25() -> None:
    corpus = ["user first name", "coffee machine order", "user city", "coffee preference"]
    scores = BM25Plus([text.split() for text in corpus]).get_scores(["user", "coffee"])
    assert scores == [2.673215162715425, 2.673215162715425, 2.8394943559177115, 2.8394943559177115]
    with pytest.raises(ZeroDivisionError):
        BM25Plus([])


def test_a_search_without_a_result_is_no_answer_to_the_model() -> None:
    def search_engine_query(keywords: str) -> object:
        return {"error": "Invalid API key"} if keywords == "bad" else [{"title": keywords}]

    guarded = _guarded("search_engine_query", search_engine_query)
    assert carry_out("search_engine_query(keywords='x')", {"search_engine_query": guarded}.get) == [
        {"title": "x"}
    ]
    with pytest.raises(SearchFailedError, match="Invalid API key"):
        carry_out("search_engine_query('bad')", {"search_engine_query": guarded}.get)


# ── from an answer to calls ──


@pytest.mark.parametrize(
    ("answer", "calls"),
    [
        ("[f(a=1), g(b='x')]", ["f(a=1)", "g(b='x')"]),
        ("f(a=1)", ["f(a=1)"]),
        ("```\n[f(a=1)]\n```", ["f(a=1)"]),
        ("f(1, a=2)", ["f(a=2)"]),  # positional arguments are dropped
        ("f(a=g(x=1))", ["f(a=g(x=1))"]),
        ("f(a=g(1))", ["f(a='g(1)')"]),
        ("f(a={'k': 'v'})", ["f(a={'k': 'v'})"]),
        ("f(a={'k': {'x': 1}})", ["f(a=k(x=1))"]),  # taken for a nested call
        ("f(a=2*3, b='x'+'y')", ["f(a=6, b='xy')"]),
        ("f(a=true)", ["f(a='true')"]),
        ("f(a=+5)", ["f(a=-5)"]),  # whatever the sign
        ("f(a={})", None),
        ("Sure! [f(a=1)]", None),
        ("I cannot do that.", None),
        ("[f(a=1), 'text']", None),
        ("f(a=x.y)", None),
    ],
)
def test_prompt_mode_is_decoded_as_the_official_handlers_do(answer: str, calls: list[str] | None) -> None:
    if calls is None:
        with pytest.raises(NotDecodedError):
            calls_of(answer, (), "prompt", "v4")
    else:
        assert list(calls_of(answer, (), "prompt", "v4")) == calls


def test_where_nobody_says_how_it_was_asked_the_answer_shows_it() -> None:
    call = ToolCall(name="f", arguments='{"a": 1}')
    for mode, answer, parsed in [
        (None, "[f(a=1)]", ()),
        (None, "", (call,)),
        (None, '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>', ()),
        ("prompt", "[f(a=1)]", ()),
        ("fc", "", (call,)),
    ]:
        assert calls_of(answer, parsed, mode, "v4") == ("f(a=1)",)
    with pytest.raises(NotDecodedError):
        calls_of("[f(a=1)]", (), "fc", "v4")


def test_one_broken_call_takes_its_step_with_it() -> None:
    good, bad = ToolCall(name="f", arguments='{"a": [1, null]}'), ToolCall(name="g", arguments="{")
    assert calls_of("", (good,), "fc", "v4") == ("f(a=[1, None])",)
    with pytest.raises(NotDecodedError):
        calls_of("", (good, bad), "fc", "v4")
    with pytest.raises(NotDecodedError):
        calls_of("No call here.", (), "fc", "v4")
    assert calls_of("", (), "fc", "v4") == ()


def test_elements_that_hold_no_json_are_passed_over_in_v4_and_spoil_the_step_in_v3() -> None:
    one = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'
    text = f"{one}\n<tool_call>\nnonsense\n</tool_call>\n" + one.replace('{"a": 1}', '"{\\"a\\": 2}"')
    assert calls_of(text, (), "fc", "v4") == ("f(a=1)", "f(a=2)")
    assert [call.name for call in tool_calls_in(text, "v4")] == ["f", "f"]
    with pytest.raises(NotDecodedError):
        calls_of(text, (), "fc", "v3")


def test_tags_without_an_end_take_linear_time() -> None:
    assert tool_calls_in("<tool_call>\n" * 50_000, "v4") == ()


def test_v3_takes_brackets_and_quotes_from_both_ends() -> None:
    assert calls_of("[[f(a=1)]]", (), "prompt", "v3") == ("f(a=1)",)
    with pytest.raises(NotDecodedError):
        calls_of("[[f(a=1)]]", (), "prompt", "v4")


def test_whatever_cannot_be_decoded_is_no_call_in_a_judged_conversation(scenario: Scenario) -> None:
    steps = [Step(turn=0, answer="", tool_calls=(ToolCall(name="f", arguments="[" * 100_000),))]
    assert judge(scenario, [steps], "fc", [["ls()"]]).reason == "empty_turn_model_response"
