"""What differs between two identities and between the conditions of two runs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evalbudget.fingerprint import NOT_SET, Difference, condition_differences, differences, said, words_of
from evalbudget.records import JsonValue

VLLM: dict[str, JsonValue] = {
    "weights": {"folder": "sampled 1", "named": "Qwen3"},
    "engine": "vllm",
    "engine_version": "0.33.0",
    "kv_dtype": "bf16",
    "flags": {"command": "vllm serve", "reasoning_parser": "qwen3"},
    "patches": {},
}
NAMES = st.sampled_from(
    ["engine", "engine_version", "kv_dtype", "template", "max_model_len", "weights", "flags"]
)
WORDS = st.sampled_from(["x", "y"]) | st.integers(0, 2)
IDENTITIES = st.dictionaries(
    NAMES,
    WORDS | st.dictionaries(st.sampled_from(["file", "told", "named", "command", "dtype"]), WORDS),
    max_size=7,
)


def names(found: tuple[Difference, ...]) -> list[str]:
    return [each.name for each in found]


@given(IDENTITIES, IDENTITIES)
def test_differences_are_symmetric(a: dict[str, JsonValue], b: dict[str, JsonValue]) -> None:
    assert tuple(each.swapped() for each in differences(b, a)) == differences(a, b)


@given(IDENTITIES)
def test_nothing_differs_from_itself(a: dict[str, JsonValue]) -> None:
    assert differences(a, a) == ()


def test_each_name_is_told_alone_and_in_words() -> None:
    (found,) = differences(VLLM, VLLM | {"engine_version": "0.34.0"})
    assert (found.name, found.a, found.b, found.matters, found.known) == (
        "engine_version",
        "0.33.0",
        "0.34.0",
        "figures",
        True,
    )
    assert found.words == "engine version"


def test_what_one_side_does_not_tell_is_not_called_different() -> None:
    (found,) = differences(VLLM, {name: value for name, value in VLLM.items() if name != "kv_dtype"})
    assert (found.name, found.b, found.known) == ("kv_dtype", None, False)


def test_an_identity_that_was_not_recorded_differs_in_nothing() -> None:
    assert differences(VLLM, {}) == ()


def test_a_flag_of_one_command_alone_is_not_set_in_the_other() -> None:
    flags: JsonValue = {"command": "vllm serve", "reasoning_parser": "qwen3", "enforce_eager": True}
    (found,) = differences(VLLM, VLLM | {"flags": flags})
    assert (found.name, found.a, found.b, found.matters) == ("flags.enforce_eager", NOT_SET, True, "speed")
    assert found.words == "flag enforce_eager"


def test_a_command_and_a_page_are_compared_by_the_flags_that_both_show() -> None:
    shown: JsonValue = {"reasoning_parser": "deepseek_r1", "block_size": 16}
    assert names(differences(VLLM, VLLM | {"flags": shown})) == ["flags.reasoning_parser"]


def test_a_flag_is_silent_where_servers_tell_its_topic() -> None:
    flags: JsonValue = {"command": "vllm serve", "reasoning_parser": "qwen3", "kv_cache_dtype": "fp8"}
    assert names(differences(VLLM, VLLM | {"flags": flags, "kv_dtype": "fp8"})) == ["kv_dtype"]
    silent = {name: value for name, value in VLLM.items() if name != "kv_dtype"}
    found = [each for each in differences(silent, silent | {"flags": flags}) if each.known]
    assert [(each.name, each.topic) for each in found] == [("flags.kv_cache_dtype", "kv_dtype")]


def test_what_an_engine_decides_for_itself_is_no_difference() -> None:
    left: dict[str, JsonValue] = {"engine": "llama.cpp", "flags": {"flash_attn": "auto"}}
    assert differences(left, left | {"flags": {"flash_attn": "enabled"}}) == ()


def test_two_engines_are_told_apart_without_their_flags() -> None:
    other = VLLM | {"engine": "sglang", "flags": {"attention_backend": "fa3"}}
    assert names(differences(VLLM, other)) == ["engine"]


def test_weights_are_compared_by_the_surest_way_that_both_know() -> None:
    file: dict[str, JsonValue] = {"weights": {"file": "sha256 1", "told": "5 bytes"}, "engine": "llama.cpp"}
    assert differences(file, file | {"weights": {"file": "sha256 1", "told": "6 bytes"}}) == ()
    assert names(differences(file, file | {"weights": {"file": "sha256 2", "told": "5 bytes"}})) == [
        "weights"
    ]
    assert differences(file, file | {"weights": {"told": "5 bytes", "named": "b"}}) == ()
    told: dict[str, JsonValue] = {"weights": {"told": "5 bytes", "named": "a"}, "engine": "llama.cpp"}
    assert names(differences(told, told | {"weights": {"told": "5 bytes", "named": "b"}})) == ["weights"]
    (found,) = differences(file, file | {"weights": {"named": "a"}})
    assert not found.known


def test_a_request_field_that_is_not_sent_is_not_set() -> None:
    thinks: JsonValue = {"chat_template_kwargs": {"enable_thinking": False}}
    (found,) = differences(VLLM, VLLM | {"extra_body": thinks})
    assert (found.name, found.a, found.b) == (
        "extra_body.chat_template_kwargs.enable_thinking",
        NOT_SET,
        False,
    )


def test_a_patch_is_told_by_its_name_and_by_its_content() -> None:
    patched = VLLM | {"patches": {"vllm_patches.diff": "aa"}}
    assert names(differences(VLLM, patched)) == ["patches.vllm_patches.diff"]
    assert names(differences(patched, VLLM | {"patches": {"vllm_patches.diff": "bb"}})) != []


SUMS: dict[str, JsonValue] = {
    "samples": "30, ids 1",
    "prompts": "p",
    "targets": "t",
    "first_sample": "s",
    "first_prompt": "f",
    "sampling": {"temperature": 0.6, "top_p": "left to the server"},
    "seed": 0,
}


def test_conditions_are_told_once_for_all_tasks_that_share_them() -> None:
    before: dict[str, JsonValue] = {"sums": SUMS, "more": SUMS, "gone": SUMS}
    now: dict[str, JsonValue] = {"sums": SUMS | {"seed": 1}, "more": SUMS | {"seed": 1, "targets": "u"}}
    found = condition_differences(before, now)
    assert [(each.name, each.a, each.b, each.tasks) for each in found] == [
        ("targets", "t", "u", ("more",)),
        ("seed", 0, 1, ("more", "sums")),
    ]


def test_sampling_is_told_by_the_setting() -> None:
    other = SUMS | {"sampling": {"temperature": 1, "top_p": "left to the server"}}
    (found,) = condition_differences({"sums": SUMS}, {"sums": other})
    assert (found.words, found.a, found.b) == ("temperature", 0.6, 1)


def test_prompts_of_other_samples_are_compared_by_the_first() -> None:
    fewer = SUMS | {"samples": "5, ids 2", "prompts": "q", "targets": "u"}
    assert names(differences(SUMS, fewer)) == ["samples"]
    assert names(differences(SUMS, fewer | {"first_prompt": "g"})) == ["samples", "first_prompt"]
    found = differences(SUMS, fewer | {"first_prompt": "g", "first_sample": "other"})
    assert [(each.name, each.known) for each in found] == [
        ("samples", True),
        ("prompts", False),
        ("targets", False),
    ]


def test_conditions_of_another_shape_are_passed_over() -> None:
    assert condition_differences({"sums": 3}, {"sums": SUMS}) == ()


def test_values_are_said_in_words() -> None:
    values: list[JsonValue] = [None, True, False, 32768, 5, ["a", 1], [], {"k": None}, "x"]
    told = list(map(said, values))
    assert told == ["not known", "on", "off", "32,768", "5", "a, 1", "none", "k not known", "x"]
    assert words_of("a.later.name") == "a later.name"
