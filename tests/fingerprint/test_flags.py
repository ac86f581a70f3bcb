"""Commands and parameters → the flags that can change an answer or its speed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evalbudget.fingerprint import meaningful_flags
from evalbudget.records import JsonValue


def of_command(*words: str) -> dict[str, JsonValue]:
    return meaningful_flags({"command": [*words]})


def test_a_command_becomes_flags_without_model_place_and_size() -> None:
    words = (
        "/opt/v/bin/vllm serve ./GLM --port {port} --host 0.0.0.0 --reasoning-parser glm45 --dtype=bfloat16"
    )
    words += (
        " --max-num-seqs 4 --gpu-memory-utilization 0.9 --enforce-eager --api-key *** --max-model-len 32768"
    )
    assert of_command(*words.split()) == {
        "command": "vllm serve",
        "dtype": "bfloat16",
        "enforce_eager": True,
        "max_model_len": 32768,
        "reasoning_parser": "glm45",
    }


def test_two_ways_of_writing_a_command_are_one() -> None:
    short = of_command("llama-server", "-m", "x.gguf", "-c", "4096", "-np", "2", "-ctk", "q8_0", "-fa", "on")
    long = of_command(
        "/usr/bin/llama-server",
        "--cache-type-k=q8_0",
        "--flash-attn",
        "on",
        "--ctx-size",
        "4096",
        "--model",
        "/y",
    )
    assert short == long
    assert short["cache_type_k"] == "q8_0"


def test_negative_numbers_are_values_and_a_flag_given_twice_has_both() -> None:
    told = of_command("s", "--top-k", "-1", "--lora", "a", "--lora", "b", "--lora", "a")
    assert told["top_k"] == -1
    assert told["lora"] == ["a", "b", "a"]


def test_a_servers_parameters_lose_what_is_of_one_machine_or_start() -> None:
    told = meaningful_flags(
        {
            "host": "lab-1",
            "port": 30000,
            "random_seed": 81723,
            "nccl_port": 1,
            "model_path": "/m/x",
            "log_level": "info",
            "api_key": "kanarienvogel",
            "mem_fraction_static": 0.87,
            "max_running_requests": 4,
            "internal_states": [{"memory_usage": {"kvcache": 1.2}}],
            "attention_backend": "fa3",
            "disable_radix_cache": True,
            "env": ["VLLM_USE_V1"],
            "threads": None,
            "parameters": {"temperature": 0.7, "num_ctx": 4096},
        }
    )
    assert told == {
        "attention_backend": "fa3",
        "disable_radix_cache": True,
        "num_ctx": 4096,
        "temperature": 0.7,
    }


@given(
    st.dictionaries(
        st.text(max_size=20) | st.just("command"),
        st.none() | st.integers() | st.text() | st.lists(st.text() | st.integers(), max_size=5),
        max_size=5,
    )
)
def test_whatever_a_server_shows_is_read(flags: dict[str, JsonValue]) -> None:
    told = meaningful_flags(flags)
    assert list(told) == sorted(told)
