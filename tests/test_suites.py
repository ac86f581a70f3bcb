"""The shipped suites: each one plans without weights, servers or a network, and is what its documents say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from evalbudget.cli import cli
from evalbudget.suite import Model, load_suite

REPOSITORY = Path(__file__).parent.parent
SUITES = sorted((REPOSITORY / "suites").glob("*.yaml"))
COMPARISONS = (REPOSITORY / "docs" / "comparisons.md").read_text(encoding="utf-8")
COMPARED = [path for path in SUITES if f"`suites/{path.name}`" in COMPARISONS]
BYTES_PER_TOKEN = {
    "glm-4.7-flash": 54_144,
    "lfm2.5-1.2b": 12_288,
    "qwen3-1.7b": 114_688,
    "qwen3-8b": 147_456,
}
"""By arithmetic, BF16: layers × values × 2, with the sizes of the published config.json."""


@pytest.fixture(scope="session")
def stand_in_hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mirror with data of the right shape and none of the right words, for all but BFCL."""
    hub = tmp_path_factory.mktemp("hub")
    write(
        hub / "math-ai/aime25/test.jsonl",
        *({"id": str(n), "problem": f"What is {n}?", "answer": str(n)} for n in range(30)),
    )
    write(
        hub / "google/IFEval/ifeval_input_data.jsonl",
        *(
            {
                "key": n,
                "prompt": f"Say {n} without commas.",
                "instruction_id_list": ["punctuation:no_comma"],
                "kwargs": [{}],
            }
            for n in range(541)
        ),
    )
    columns = ["Record ID", "Question", "High-level domain", "Correct Answer"]
    columns += [f"Incorrect Answer {n}" for n in (1, 2, 3)]
    rows = [f"r{n},Which of {n}?,Physics,a{n},b{n},c{n},d{n}" for n in range(198)]
    archive = hub / "Idavidrein/gpqa/dataset.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("dataset/gpqa_diamond.csv", "\n".join([",".join(columns), *rows]))
    return hub


def write(path: Path, *rows: dict[str, object]) -> None:
    """JSON lines."""
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture(scope="session")
def stand_in_splitter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What NLTK takes for its sentence splitter, without which IFEval does not load; it knows no word."""
    folder = tmp_path_factory.mktemp("nltk")
    english = folder / "tokenizers" / "punkt_tab" / "english"
    english.mkdir(parents=True)
    for name in ("abbrev_types.txt", "collocations.tab", "ortho_context.tab", "sent_starters.txt"):
        (english / name).touch()
    return folder


def jobs_of(said: str) -> list[str]:
    """The numbers of jobs that `evalbudget plan --json` says, of each model and task."""
    return re.findall(r'"jobs": (\d+)', said)


PLAN = """
import json, sys
from click.testing import CliRunner
from evalbudget.cli import cli

done = {path: CliRunner().invoke(cli, ["plan", path, "--json"]) for path in sys.argv[1:]}
print(json.dumps({path: [each.exit_code, each.output] for path, each in done.items()}))
"""


def plans(suites: list[Path], hub: Path, splitter: Path, folder: Path) -> dict[str, tuple[int, str]]:
    """Exit code and output of `evalbudget plan --json` for each suite, from a folder of its own.

    In one process, because IFEval's checker takes seconds to load; not in this one, whose workers may have
    started without the splitter.
    """
    env = {**os.environ, "EVALBUDGET_HUB": str(hub), "NLTK_DATA": str(splitter), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PLAN, *map(str, suites)],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=250,
        check=True,
    )
    said: dict[str, tuple[int, str]] = json.loads(done.stdout.splitlines()[-1])
    return said


def needs_bfcl(suite: Path) -> bool:
    """Whether it has tasks for whose data there is no stand-in."""
    return any(task.data.format in {"bfcl_v3", "bfcl_v4"} for task in load_suite(suite).loaded)


def check_plan(suite: Path, said: tuple[int, str]) -> None:
    """It succeeded, and names every model and task."""
    code, output = said
    assert code == 0, output
    read = load_suite(suite)
    for name in [model.name for model in read.models] + [task.name for task in read.loaded]:
        assert f'"{name}"' in output
    assert len(jobs_of(output)) >= len(read.models) * len(read.loaded)


@pytest.fixture(scope="session")
def planned(
    stand_in_hub: Path, stand_in_splitter: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[int, str]]:
    """The plans of all suites but those with BFCL."""
    suites = [path for path in SUITES if not needs_bfcl(path)]
    return plans(suites, stand_in_hub, stand_in_splitter, tmp_path_factory.mktemp("empty"))


@pytest.mark.parametrize(
    "suite", [path for path in SUITES if not needs_bfcl(path)], ids=lambda path: path.stem
)
def test_every_suite_plans_without_weights_servers_or_network(
    suite: Path, planned: dict[str, tuple[int, str]]
) -> None:
    check_plan(suite, planned[str(suite)])


def test_suites_with_bfcl_plan_on_its_data(shared: Path, stand_in_splitter: Path, tmp_path: Path) -> None:
    suites = [path for path in SUITES if needs_bfcl(path)]
    for path, said in plans(suites, shared / "hub", stand_in_splitter, tmp_path).items():
        check_plan(Path(path), said)


def test_the_stand_in_has_as_many_questions_as_the_data(
    planned: dict[str, tuple[int, str]], shared: Path, stand_in_splitter: Path, tmp_path: Path
) -> None:
    suite = REPOSITORY / "suites" / "lfm-qwen-budgets.yaml"
    ((_, output),) = plans([suite], shared / "hub", stand_in_splitter, tmp_path).values()
    assert jobs_of(output) == jobs_of(planned[str(suite)][1]) != []


def test_the_comparisons_of_the_articles_are_all_there() -> None:
    assert len(COMPARED) == 6
    readme = (REPOSITORY / "suites" / "README.md").read_text(encoding="utf-8")
    for path in SUITES:
        assert f"`{path.name}`" in readme
    table = re.findall(r"^\| `([\w.-]+)` \| (.*?) \| (.*?) \|", COMPARISONS, re.MULTILINE)
    named = {path.stem: load_suite(path).models for path in COMPARED}
    compared = {name: re.findall(r"`([^`]+)`", f"{base} {others}") for name, base, others in table}
    for name, models in named.items():
        assert sorted(compared[name]) == sorted(model.name for model in models)


@pytest.mark.parametrize("suite", COMPARED, ids=lambda path: path.stem)
def test_of_every_compared_model_the_kv_memory_is_known_and_replies_fit(suite: Path) -> None:
    read = load_suite(suite)
    for model in read.models:
        assert model.serve is not None and model.family is not None and model.config is not None
        config = read.locate(model.config)
        assert bytes_per_token(config) == BYTES_PER_TOKEN[config.stem]
        longest = model.extra_body.get("max_tokens", read.sampling.max_tokens)
        assert longest + 1024 <= context(model), f"{model.name}: a reply and its prompt do not fit"
        assert "deepseek_r1" not in " ".join(model.serve.command)


def bytes_per_token(config: Path) -> int:
    """Bytes per token as `evalbudget kv` prints them."""
    done = CliRunner().invoke(cli, ["kv", str(config), "--json"])
    assert done.exit_code == 0, done.output
    found: int = json.loads(done.stdout)["bytes_per_token"]
    return found


def context(model: Model) -> int:
    """Tokens of one sequence, as the command asks for them."""
    assert model.serve is not None
    said = dict(word.split("=", 1) for word in model.serve.command if "=" in word)
    if "--max-model-len" in said:
        return int(said["--max-model-len"])
    return int(said["--ctx-size"]) // int(said["--parallel"])


def test_models_of_one_comparison_differ_in_what_they_are_meant_to() -> None:
    """The command but for the program, the environment and the weights is the same within a family."""
    for stem in ("glm-flash-vllm", "glm-flash-llamacpp", "glm-flash-gguf-quants", "qwen3-8b-vllm-quants"):
        models = load_suite(REPOSITORY / "suites" / f"{stem}.yaml").models
        flags = {
            tuple(word for word in model.serve.command if word.startswith("--") and "model=" not in word)
            for model in models
            if model.serve
        }
        assert len(flags) == 1, stem
