"""Who a model is: real engines that differ in one thing are told apart by its name; no secret is in it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedded.scripted import SHIPPED
from evalbudget.fingerprint import condition_differences, differences, fingerprint_of
from evalbudget.records import JsonValue, ServerFacts, ServerRecord
from evalbudget.report.differences import Side, lines_between, lines_within
from evalbudget.store.queries import Store
from evalbudget.suite import Suite, load_suite
from evalbudget.wiring.identity import identity_of
from tests.command import evalbudget

TASK = {
    "name": "small",
    "title": "small sums",
    "data": {"file": "sums.jsonl"},
    "columns": {"id": "id", "question": "question", "target": "answer"},
    "prompt": "{question}",
    "scorer": "integer",
}
CANARY = "kanarienvogel"


def write(folder: Path, models: list[dict[str, Any]], **suite: object) -> Path:
    """A suite of these models and a task of two sums."""
    rows = [{"id": f"q{number}", "question": f"{number} + 0?", "answer": str(number)} for number in range(2)]
    (folder / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "small.yaml").write_text(json.dumps(TASK), encoding="utf-8")
    path = folder / "suite.yaml"
    path.write_text(json.dumps({"name": "who", "models": models, "tasks": ["small.yaml"], **suite}), "utf-8")
    return path


def other_weights(folder: Path) -> Path:
    """The shipped model with one bit of its last weight turned."""
    data = bytearray(SHIPPED.read_bytes())
    data[-1] ^= 1
    path = folder / "other.gguf"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, dict[str, ServerRecord], Path]:
    """Two runs of real engines: models that each differ from `base` in one thing; then with another seed."""
    folder = tmp_path_factory.mktemp("who")
    base = {"gguf": str(SHIPPED), "family": "scripted", "slots": 1, "context": 512}
    changes: dict[str, dict[str, object]] = {
        "base": {},
        "again": {},
        "busy": {"slots": 3},
        "cache": {"kv_dtype": "q8_0"},
        "weights": {"gguf": str(other_weights(folder))},
        "fields": {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}},
        "longer": {"context": 768},
        "effort": {"effort": "low"},
    }
    sampling = {"temperature": 0, "max_tokens": 16}
    models = [{"name": name, **base, **change} for name, change in changes.items()]
    done = evalbudget(folder, "run", str(write(folder, models, sampling=sampling)))
    assert done.returncode == 0, done.stderr
    done = evalbudget(folder, "run", str(write(folder, models[:1], sampling={"max_tokens": 16}, seed=7)))
    assert done.returncode == 0, done.stderr
    store = Store(folder / "results" / "evalbudget.duckdb")
    newest, first = store.runs()
    records = {record.model: record for record in store.servers(first.run_id)}
    (again,) = store.servers(newest.run_id)
    return store, {**records, "newest": again}, folder


@pytest.mark.engine
@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("again", []),
        ("busy", []),
        ("newest", []),
        ("cache", ["kv_dtype"]),
        ("weights", ["weights"]),
        ("fields", ["extra_body.chat_template_kwargs.enable_thinking"]),
        ("longer", ["max_model_len"]),
        ("effort", ["effort"]),
    ],
)
def test_engines_that_differ_in_one_thing_are_told_apart_by_exactly_that_name(
    runs: tuple[Store, dict[str, ServerRecord], Path], model: str, names: list[str]
) -> None:
    base, other = runs[1]["base"], runs[1][model]
    found = differences(base.identity, other.identity)
    assert [each.name for each in found if each.known] == names
    assert [each.name for each in found if not each.known] == []
    assert (base.fingerprint == other.fingerprint) is (names == [])
    assert other.fingerprint == fingerprint_of(other.identity)


@pytest.mark.engine
def test_two_runs_are_told_apart_by_what_their_tasks_were_asked_under(
    runs: tuple[Store, dict[str, ServerRecord], Path],
) -> None:
    store, records, _ = runs
    newest, first = store.runs()
    found = condition_differences(first.conditions, newest.conditions)
    assert [(each.name, each.a, each.b, each.tasks) for each in found] == [
        ("sampling.temperature", 0, "left to the server", ("small",)),
        ("seed", 0, 7, ("small",)),
    ]
    base, other = (
        Side(label=label, record=records[label], conditions=conditions)
        for label, conditions in (("base", first.conditions), ("newest", newest.conditions))
    )
    assert lines_between(base, other) == (
        "besides their names: temperature of small differs: 0 (base), left to the server (newest)",
        "besides their names: seed of small differs: 0 (base), 7 (newest)",
        "left to each server, whose defaults may differ: temperature, top_p, top_k, min_p (small)",
    )


@pytest.mark.engine
def test_the_report_says_that_steps_of_one_thing_each_are_not_one_step(
    runs: tuple[Store, dict[str, ServerRecord], Path],
) -> None:
    store, records, folder = runs
    first = store.runs()[1]
    told = " ".join(evalbudget(folder, "report", first.run_id).stdout.split())
    assert (
        "scripted: some of its models differ in more than one of weights, cache type, context length, effort,"
        " request field chat_template_kwargs.enable_thinking; what one of these does" in told
    )
    assert lines_within([records["base"], records["cache"]], first.conditions) == ()
    assert lines_within([records["longer"], records["cache"]], first.conditions) == (
        "scripted: besides the cache type, context length differs: 768 (longer), 512 (cache)",
    )


@pytest.mark.engine
def test_no_path_address_or_run_stands_in_what_real_runs_record(
    runs: tuple[Store, dict[str, ServerRecord], Path],
) -> None:
    store, records, folder = runs
    conditions = [run.conditions for run in store.runs()]
    told = json.dumps([*(record.identity for record in records.values()), *conditions])
    for word in (str(folder), str(SHIPPED.parent), folder.name, "127.0.0.1", "who-2", store.runs()[0].host):
        assert word not in told


@pytest.mark.engine
def test_a_resume_says_what_changed_under_the_run(tmp_path: Path) -> None:
    path = write(tmp_path, [{"name": "m", "gguf": str(SHIPPED), "context": 512}], sampling={"max_tokens": 8})
    assert evalbudget(tmp_path, "run", str(path)).returncode == 0
    assert "changed" not in evalbudget(tmp_path, "run", str(path), "--resume", "last").stderr
    (tmp_path / "small.yaml").write_text(json.dumps(TASK | {"prompt": "{question} Now!"}), encoding="utf-8")
    done = evalbudget(tmp_path, "run", str(path), "--resume", "last")
    assert re.search(r"prompts of small changed since this run was begun: \w+ before, \w+ now", done.stderr)


# ── from facts alone ──


def suite_of(folder: Path, **model: object) -> Suite:
    suite = {"base_url": "http://127.0.0.1:9/v1", **model}
    if "gguf" in model:
        del suite["base_url"]
    return load_suite(write(folder, [{"name": "m", **suite}]))


def identity(folder: Path, facts: ServerFacts, **model: object) -> Mapping[str, JsonValue]:
    suite = suite_of(folder, **model)
    return identity_of(suite.models[0], suite, facts)


SPITEFUL = ServerFacts(
    engine="vllm",
    engine_version="0.33.0",
    served_model=f"/home/{CANARY}/models/Qwen3",
    model_path=f"/home/{CANARY}/models/Qwen3",
    weights=f"/srv/{CANARY}/blob/sha256-1",
    kv_dtype="auto",
    flags={
        "command": [
            *f"/{CANARY}/vllm serve /{CANARY}/x --api-key {CANARY} --chat-template /{CANARY}/t".split()
        ],
        "env": ["VLLM_X"],
        "host": CANARY,
        "hf_token": CANARY,
        "speculative_config": f'{{"model": "/data/{CANARY}/draft", "url": "http://{CANARY}:1/"}}',
        "attention_backend": "fa3",
    },
    patches={f"/p/{CANARY}/mla.diff": "ab" * 32},
)


def test_a_server_that_shows_paths_keys_and_hosts_leaves_none_in_its_identity(tmp_path: Path) -> None:
    extra = {"lora": f"/home/{CANARY}/a", "x": {"top_k": 3}}
    told = identity(tmp_path, SPITEFUL, extra_body=extra)
    assert CANARY not in json.dumps(told)
    assert told["weights"] == {"told": "sha256-1", "named": "Qwen3"}
    assert told["patches"] == {"mla.diff": "ab" * 8}
    assert told["environment"] == {"VLLM_X": "set"}
    flags = told["flags"]
    assert isinstance(flags, dict)
    assert flags["attention_backend"] == "fa3"
    assert "template" not in told


def test_a_variable_counts_with_its_value_which_is_not_shown(tmp_path: Path) -> None:
    told = []
    for value in ("one", "other"):
        env = {"VLLM_BACKEND": value, "CUDA_VISIBLE_DEVICES": value, "X": CANARY}
        told.append(identity(tmp_path, ServerFacts(), serve={"command": ["s"], "env": env}))
    assert [each.name for each in differences(told[0], told[1])] == ["environment.VLLM_BACKEND"]
    assert CANARY not in json.dumps(told)
    assert "CUDA" not in json.dumps(told)


TEXTS = st.text(max_size=30)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(
        ServerFacts,
        engine=TEXTS,
        served_model=TEXTS,
        model_path=TEXTS
        | st.sampled_from(["/dev/zero", "/proc/self/mem", "/etc", "\0", "/etc/passwd", "a" * 5000]),
        architecture=TEXTS,
        quantization=TEXTS,
        kv_dtype=TEXTS,
        template=TEXTS,
        weights=TEXTS,
        flags=st.dictionaries(TEXTS, TEXTS | st.lists(TEXTS, max_size=2), max_size=3),
    )
)
def test_whatever_a_server_says_an_identity_is_made(tmp_path: Path, facts: ServerFacts) -> None:
    told = identity(tmp_path, facts)
    assert json.loads(json.dumps(told)) == told
    assert fingerprint_of(told)


def test_a_local_server_is_known_by_its_files_and_a_remote_one_by_its_name(tmp_path: Path) -> None:
    facts = ServerFacts(engine="llama.cpp", model_path=str(SHIPPED), served_model="s")
    near = identity(tmp_path, facts)["weights"]
    far = identity(tmp_path, facts, base_url="http://models.example/v1")["weights"]
    assert isinstance(near, dict)
    assert str(near["file"]).startswith("sha256 ")
    assert far == {"named": "scripted.gguf"}


def test_one_type_has_one_name_whatever_the_engine_calls_it(tmp_path: Path) -> None:
    facts = ServerFacts(
        engine="vllm", weight_dtype="torch.bfloat16", quantization="NVFP4", kv_dtype="float16"
    )
    told = identity(tmp_path, facts)
    assert (told["weight_dtype"], told["quantization"], told["kv_dtype"]) == ("bf16", "nvfp4", "f16")
    names = ["Qwen3ForCausalLM", "qwen3", "Glm4MoeLiteForCausalLM", "glm4_moe_lite"]
    found = [identity(tmp_path, ServerFacts(architecture=name))["architecture"] for name in names]
    assert found == ["qwen3", "qwen3", "glm4moelite", "glm4moelite"]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"command": ["s", "--kv-cache-dtype", "fp8"]}, "fp8"),
        ({"command": ["s", "-ctk", "q8_0"]}, "q8_0/f16"),
        ({"command": ["s", "-ctk", "q8_0", "-ctv", "q8_0"]}, "q8_0"),
        ({"command": ["s"]}, "bf16"),
    ],
)
def test_a_cache_type_that_no_page_tells_is_that_of_the_command_or_of_the_suite(
    tmp_path: Path, flags: dict[str, JsonValue], told: str
) -> None:
    assert identity(tmp_path, ServerFacts(flags=flags), kv_dtype="bfloat16")["kv_dtype"] == told


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("--enable-prefix-caching", True),
        ("--no-enable-prefix-caching", False),
        ("--disable-radix-cache", False),
        ("--no-cache-prompt", False),
        ("--x", None),
    ],
)
def test_prefix_caching_is_read_from_flags(tmp_path: Path, word: str, told: bool | None) -> None:
    facts = ServerFacts(flags={"command": ["s", word]})
    assert identity(tmp_path, facts).get("prefix_caching") is told


def test_what_closes_a_thinking_counts_where_the_suite_cuts_it(tmp_path: Path) -> None:
    model = {"name": "qwen3", "base_url": "http://127.0.0.1:9/v1", "force_string": "Enough.</think>"}
    for suite, told in (({}, None), ({"budgets": [0, 64]}, "Enough.</think>")):
        loaded = load_suite(write(tmp_path, [model], **suite))
        assert identity_of(loaded.models[0], loaded, ServerFacts()).get("force_string") == told
