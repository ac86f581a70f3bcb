"""Suites: every key of the contract is read, every wrong word is named, no secret gets in."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalbudget.errors import InputError
from evalbudget.shipped import shipped_folder
from evalbudget.suite import Suite, api_key, check_ready, find_suite, hints, load_suite, parse_suite

CONTRACT = """\
name: flash-kv
models:
  - name: flash-bf16-kv               # label, unique
    base_url: http://localhost:8000/v1/
    model: ./GLM-4.7-Flash-REAP-NVFP4 # default: the one model that the server lists
    family: glm-4.7-flash
    quantization: nvfp4               # default: detected, else "unknown"
    api_key_env: OPENAI_API_KEY       # the variable's NAME; a key in the file is refused
    config: ./GLM-4.7-Flash-REAP-NVFP4/config.json
    concurrency: auto                 # or a number
    effort: medium                    # optional
    extra_body: {chat_template_kwargs: {enable_thinking: true}, eos_token: x, max_tokens: 3}
    serve:                            # optional: the run starts and stops the server
      command: [vllm, serve, ./GLM-4.7-Flash-REAP-NVFP4, --reasoning-parser, glm45, --port, 8000]
      env: {VLLM_TEST_FORCE_FP8_MARLIN: "1", TOKENIZERS_PARALLELISM: 0}
      patches: [vllm_patches.diff]    # recorded by name and sha256
      ready_s: 900
  - name: tiny-q4
    gguf: embedded/tiny-mla-q4_0.gguf # llama.cpp inside the process, no server to install
    concurrency: 4
    context: 4096
tasks:
  - aime25
  - {task: aime24, repeats: 8, limit: 3, sampling: {temperature: 0}}
  - {task: arithmetic, categories: [addition, division], budgets: [unlimited]}
sampling: {temperature: 0.6, top_p: 0.95, max_tokens: 32768}
repeats: 4
budgets: [0, 512, 2048, 8192, unlimited]
budget_mode: trace                    # trace | force | server | max_tokens
loops: measure                        # measure | stop | rescue
seed: 0
"""

SMALL = """\
name: small
models:
  - {name: m, base_url: http://localhost:8000/v1}
tasks: [arithmetic]
"""


def suite(text: str) -> Suite:
    return parse_suite(text, Path("suite.yaml"))


def complaint(text: str) -> str:
    with pytest.raises(InputError) as caught:
        suite(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_whole_suite_of_the_contract_is_read() -> None:
    read = suite(CONTRACT)
    flash, tiny = read.models
    assert flash.base_url == "http://localhost:8000/v1"
    assert (flash.concurrency, tiny.concurrency, tiny.context) == (None, 4, 4096)
    assert flash.serve is not None
    assert flash.serve.command[-2:] == ("--port", "8000")
    assert flash.serve.env == {"VLLM_TEST_FORCE_FP8_MARLIN": "1", "TOKENIZERS_PARALLELISM": "0"}
    assert flash.extra_body["chat_template_kwargs"] == {"enable_thinking": True}
    assert [task.name for task in read.loaded] == ["aime25", "aime24", "arithmetic"]
    assert [entry.repeats for entry in read.tasks] == [None, 8, None]
    assert read.budgets == (0, 512, 2048, 8192, None)
    assert (read.budget_mode, read.loops, read.seed, read.repeats) == ("trace", "measure", 0, 4)
    assert read.sampling.max_tokens == 32768
    assert (read.source, read.path) == (CONTRACT, Path("suite.yaml"))


def test_what_is_not_said_has_its_default() -> None:
    read = suite(SMALL)
    (model,) = read.models
    assert (model.concurrency, model.quantization, model.effort, model.extra_body) == (None, None, None, {})
    assert (read.budgets, read.budget_mode, read.loops, read.seed, read.repeats) == (
        (None,),
        None,
        "measure",
        0,
        None,
    )


def test_a_suite_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        suite(SMALL).name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "concurrency: auto",
            "concurency: auto",
            'suite.yaml:10: models[0].concurency: unknown key, did you mean "concurrency"?',
        ),
        (
            "concurrency: auto",
            "concurrency: fast",
            'models[0].concurrency: must be a whole number of at least 1, or "auto"',
        ),
        (
            "concurrency: auto",
            "concurrency: 0",
            "models[0].concurrency: must be greater than or equal to 1, not 0",
        ),
        ("concurrency: auto", "concurrency: yes", "models[0].concurrency: must be a whole number, not True"),
        (
            "  - aime25",
            "  - aime_25",
            'suite.yaml:23: tasks[0]: unknown task "aime_25", did you mean "aime25"?',
        ),
        ("  - aime25", "  - aime24", "suite.yaml:24: tasks[1]: the task aime24 stands in tasks[0] already"),
        ("  - aime25", "  - ./my.yaml", "suite.yaml:23: tasks[0]: no file ./my.yaml; looked for"),
        ("repeats: 8", "repeat: 8", 'suite.yaml:24: tasks[1].repeat: unknown key, did you mean "repeats"?'),
        (
            "addition, division",
            "additon",
            'suite.yaml:25: tasks[2].categories[0]: unknown category "additon", did you mean "addition"?',
        ),
        ("addition, division", "addition, addition", "holds addition more than once"),
        (
            "repeats: 8",
            "categories: [x]",
            "suite.yaml:24: tasks[1].categories: the task aime24 has no categories",
        ),
        (
            "budget_mode: trace",
            "budget_mode: trase",
            'suite.yaml:29: budget_mode: unknown word, did you mean "trace"?',
        ),
        ("loops: measure", "loops: halt", "suite.yaml:30: loops: unknown word, known: measure, stop, rescue"),
        (
            ", unlimited]",
            ", unlimted]",
            'suite.yaml:28: budgets[4]: must be a number of tokens, or the word "unlimited"',
        ),
        ("512,", "0,", "suite.yaml:28: budgets: holds 0 more than once"),
        ("512,", "-5,", "budgets[1]: must be greater than or equal to 0, not -5"),
        (
            "budgets: [0, 512, 2048, 8192, unlimited]",
            "budgets: []",
            "budgets: must be a list with at least one entry",
        ),
        (
            "name: tiny-q4",
            "name: flash-bf16-kv",
            'suite.yaml:18: models[1].name: "flash-bf16-kv" is the label of models[0] already',
        ),
        ("name: tiny-q4", "name: a,b", "models[1].name: must hold no comma"),
        (
            "    gguf: embedded/tiny-mla-q4_0.gguf",
            "    family: x",
            "suite.yaml:18: models[1]: needs `base_url` or `gguf`",
        ),
        (
            "concurrency: 4",
            "base_url: http://x/v1",
            "suite.yaml:18: models[1]: has both `base_url` and `gguf`; keep one",
        ),
        ("concurrency: 4", "serve: {command: [x]}", "`gguf` runs inside the process"),
        ("effort: medium", "context: 4096", "`context` and `slots` belong to `gguf`"),
        (
            "gguf: embedded/tiny-mla-q4_0.gguf",
            "gguf: a.gguf\n    kv_dtype: fp8",
            "one of f16, bf16, f32, q8_0",
        ),
        (
            "gguf: embedded/tiny-mla-q4_0.gguf",
            "gguf: a.gguf\n    log: a.log",
            "`log` is of a server that runs",
        ),
        ("http://localhost:8000/v1/", "localhost:8000/v1", "models[0].base_url: must be a URL such as"),
        ("http://localhost:8000/v1/", "http://x/v1/chat/completions", "must be the root of the API"),
        (
            "http://localhost:8000/v1/",
            "http://localhost:{port}/v1/",
            "`{port}` must stand in `base_url` and in `serve.command`",
        ),
        ("temperature: 0.6", "temperature: hot", "sampling.temperature: must be a number, not 'hot'"),
        (
            "temperature: 0.6",
            "temprature: 0.6",
            'suite.yaml:26: sampling.temprature: unknown key, did you mean "temperature"?',
        ),
        ("repeats: 4", "repeats: 4.5", "suite.yaml:27: repeats: must be a whole number, not 4.5"),
        ("seed: 0", "seed: 0\nseed: 1", '"seed" stands here twice'),
        ("name: flash-kv\n", "", "suite.yaml:1: name: missing"),
        ("command: [vllm,", "command: vllm #", "models[0].serve.command: must be a list"),
    ],
)
def test_a_wrong_word_is_named_with_file_line_and_key(old: str, new: str, says: str) -> None:
    assert old in CONTRACT
    assert says in complaint(CONTRACT.replace(old, new))


SECRET = "geheim-geheim-1234567890"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("api_key_env: OPENAI_API_KEY", f"api_key: {SECRET}", 8),
        ("api_key_env: OPENAI_API_KEY", f"api_key_env: {SECRET}", 8),
        ("api_key_env: OPENAI_API_KEY", f"api_key_env: sk-proj-{SECRET}", 8),
        ("api_key_env: OPENAI_API_KEY", "api_key_env: GEHEIM1234567890GEHEIM", 8),
        ("effort: medium", f"Authorization: Bearer {SECRET}", 11),
        ("effort: medium", f"extra_headers: {{x-api-key: {SECRET}}}", 11),
        ("eos_token: x", f"Authorization: {SECRET}", 12),
        ("eos_token: x", f"nested: [{{password: {SECRET}}}]", 12),
        ("eos_token: x", f"access_token: {SECRET}", 12),
        ("glm45,", f"--api-key, {SECRET},", 14),
        ("glm45,", f"--api-key={SECRET},", 14),
        ("glm45,", f"'vllm serve --api-key {SECRET}',", 14),
        ("glm45,", f"'HF_TOKEN={SECRET} vllm serve',", 14),
        ("TOKENIZERS_PARALLELISM: 0", f"HF_TOKEN: {SECRET}", 15),
        ("TOKENIZERS_PARALLELISM: 0", f"VLLM_API_KEY: {SECRET}", 15),
        ("seed: 0", f"seed: 0 # sk-{SECRET}", 31),
        ("seed: 0", "seed: 0 # hf_geheimgeheimgeheimgeheim", 31),
        ("http://localhost", f"http://me:{SECRET}@localhost", 4),
        ("8000/v1/", f"8000/v1?api-key={SECRET}", 4),
    ],
)
def test_a_secret_is_refused_wherever_it_stands_and_is_not_shown(old: str, new: str, line: int) -> None:
    assert old in CONTRACT
    said = complaint(CONTRACT.replace(old, new))
    assert said.startswith(f"suite.yaml:{line}: ")
    assert "geheim" not in said.lower()


@pytest.mark.parametrize(
    "harmless",
    [
        "model: sk-learn-something",
        "model: task-0123456789abcdefgh",
        "model: hf_GLM-4.7",
        "extra_body: {stop_token_ids: [1], pad_token: '<pad>', thinking_token_budget: 5}",
        "serve: {command: [x, --max-tokens, 5], env: {VLLM_USE_V1: '1', CUDA_VISIBLE_DEVICES: '0'}}",
        "serve: {command: [sh, -c, 'HF_TOKEN=$MINE vllm serve --api-key \"$KEY\" --max-tokens 5']}",
    ],
)
def test_what_only_resembles_a_secret_is_allowed(harmless: str) -> None:
    suite(
        SMALL.replace(
            "{name: m, base_url: http://localhost:8000/v1}", f"{{name: m, base_url: http://x/v1, {harmless}}}"
        )
    )


def test_a_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    flash, tiny = suite(CONTRACT).models
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert api_key(tiny) is None
    with pytest.raises(InputError, match="flash-bf16-kv: the environment variable OPENAI_API_KEY"):
        api_key(flash)
    monkeypatch.setenv("OPENAI_API_KEY", " geheim\n")
    assert api_key(flash) == "geheim"


@pytest.mark.parametrize("loops", ["measure", "stop", "rescue"])
@pytest.mark.parametrize("mode", ["trace", "force", "server", "max_tokens"])
def test_every_way_to_hold_a_budget_and_to_treat_a_loop_can_be_run(mode: str, loops: str) -> None:
    check_ready(suite(SMALL + f"budgets: [0, 64, unlimited]\nbudget_mode: {mode}\nloops: {loops}\n"))


def test_a_force_string_that_closes_nothing_is_refused_at_its_model() -> None:
    read = suite(SMALL.replace("{name: ", "{force_string: 'now answer', name: ", 1))
    with pytest.raises(InputError, match=r"suite.yaml:\d+: models\[0\].force_string: "):
        check_ready(read)


def test_a_file_that_is_missing_is_named_before_the_run_unless_its_model_stays_out(tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(SMALL.replace("tasks:", "  - {name: t, gguf: tiny.gguf}\ntasks:"), encoding="utf-8")
    read = load_suite(path)
    with pytest.raises(InputError, match=r"suite.yaml:4: models\[1\].gguf: no file tiny.gguf; looked for"):
        check_ready(read)
    check_ready(read, ["m"])
    (tmp_path / "tiny.gguf").touch()
    check_ready(read)
    assert read.locate("tiny.gguf") == tmp_path / "tiny.gguf"


def test_a_task_file_beside_the_suite_is_found(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "{name: mine, title: Mine, data: {file: x.csv}, prompt: '{question}', scorer: exact}",
        encoding="utf-8",
    )
    (tmp_path / "suite.yaml").write_text(SMALL.replace("[arithmetic]", "[mine.yaml]"), encoding="utf-8")
    assert load_suite(tmp_path / "suite.yaml").loaded[0].name == "mine"
    (tmp_path / "mine.yaml").write_text("{name: mine, titel: Mine}", encoding="utf-8")
    with pytest.raises(InputError, match=r"suite.yaml:4: tasks\[0\]: mine.yaml:1: "):
        load_suite(tmp_path / "suite.yaml")


def test_a_base_url_without_its_version_gets_a_hint_and_is_kept() -> None:
    assert hints(suite(SMALL)) == ()
    read = suite(SMALL.replace("8000/v1", "8000/"))
    assert read.models[0].base_url == "http://localhost:8000"
    (hint,) = hints(read)
    assert hint.startswith("suite.yaml:3: models[0].base_url: most servers want http://localhost:8000/v1")


def test_a_suite_is_found_by_path_or_by_the_name_of_a_shipped_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SMALL, encoding="utf-8")
    assert find_suite(str(path)) == path
    for shipped in shipped_folder("suites").glob("*.yaml"):
        assert find_suite(shipped.stem) == shipped
        assert find_suite(f"suites/{shipped.name}").resolve() == shipped.resolve()
    with pytest.raises(InputError, match=r"no suite nowhere/mine\.yaml"):
        find_suite("nowhere/mine.yaml")
    with pytest.raises(InputError, match='unknown suite "quickstrat"'):
        find_suite("quickstrat")


def test_every_shipped_suite_is_read_without_complaint() -> None:
    for path in shipped_folder("suites").glob("*.yaml"):
        read = load_suite(path)
        assert hints(read) == (), path
        if not any(model.serve and model.serve.patches for model in read.models):  # they lie with the weights
            check_ready(read)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_bytes(b"name: \xff")
    with pytest.raises(InputError, match="not UTF-8 text"):
        load_suite(tmp_path / "suite.yaml")
    with pytest.raises(InputError, match="cannot be read: No such file"):
        load_suite(tmp_path / "other.yaml")
