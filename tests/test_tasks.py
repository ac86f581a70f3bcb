"""Task files: what is read, what is refused, and that tasks/README.md tells the truth."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from evalbudget.datasets import load_samples
from evalbudget.errors import InputError
from evalbudget.records import Reply, Sample, Sampling
from evalbudget.scorer_choice import scorer_options
from evalbudget.scoring import SCORERS
from evalbudget.shipped import shipped_folder
from evalbudget.tasks import (
    SamplingChoice,
    Task,
    known_tasks,
    load_task,
    locate,
)
from evalbudget.yaml_source import parse, read_yaml

MINIMAL = """\
name: mine
title: Mine
data: {file: mine.jsonl}
prompt: "{question}"
scorer: exact
"""


def parsed(text: str) -> Task:
    return parse(read_yaml(text, "mine.yaml"), Task)


def complaint(text: str) -> str:
    with pytest.raises(InputError) as caught:
        parsed(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_readme_adds_a_task_that_loads_and_scores(tmp_path: Path) -> None:
    readme = (shipped_folder("tasks") / "README.md").read_text(encoding="utf-8")
    data = re.search(r"```jsonl\n(.*?)```", readme, re.DOTALL)
    task_file = re.search(r"```yaml\n(.*?)```", readme, re.DOTALL)
    assert data and task_file
    (tmp_path / "capitals.jsonl").write_text(data[1], encoding="utf-8")
    (tmp_path / "capitals.yaml").write_text(task_file[1], encoding="utf-8")
    task = load_task("capitals.yaml", tmp_path)
    first, second = load_samples(task)
    assert first.prompt == "Name the capital of France. Answer with the name alone."
    assert (first.id, first.category, second.category) == ("fr", "Europe", "Africa")
    assert task.scorer.function(first, Reply(reasoning="", answer=" paris\n")).value == 1.0
    assert task.scorer.function(second, Reply(reasoning="", answer="Paris")).value == 0.0
    assert task.defaults.repeats == 2


def test_the_readme_takes_no_more_than_some_twenty_lines_for_a_task() -> None:
    readme = (shipped_folder("tasks") / "README.md").read_text(encoding="utf-8")
    steps = readme.split("## Add a task")[1].split("Before anything is asked")[0]
    assert len([line for line in steps.splitlines() if line.strip() and "```" not in line]) <= 20


def test_each_scorer_of_the_readme_loads_and_every_scorer_for_a_users_task_stands_there(
    tmp_path: Path,
) -> None:
    readme = (shipped_folder("tasks") / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```scorers\n(.*?)```", readme, re.DOTALL)
    assert block
    judge = "def score(sample, reply, *, threshold):\n    return threshold\n"
    (tmp_path / "judge.py").write_text(judge, encoding="utf-8")
    named = set()
    for line in block[1].splitlines():
        (tmp_path / "mine.yaml").write_text(MINIMAL.replace("scorer: exact", line), encoding="utf-8")
        named.add(load_task("mine.yaml", tmp_path).scorer.name)
    assert named == {*SCORERS, "judge.py:score"} - {"ifeval", "lm_eval", "bfcl"}


@pytest.mark.parametrize("name", known_tasks())
def test_each_shipped_task_is_named_as_its_file_and_says_where_it_comes_from(name: str) -> None:
    task = load_task(name)
    assert task.name == name
    assert task.source and task.licence
    assert task.defaults.sampling.max_tokens is not None


def test_aime_asks_as_matharena_does() -> None:
    for name in ("aime24", "aime25", "aime26"):
        assert load_task(name).render({"question": r"Find $x_{1}$ in \boxed{question}, {target}."}) == (
            "Put your final answer within \\boxed{}.\n"
            "The answer is an integer between 0 and 999 inclusive.\n\n"
            "Find $x_{1}$ in \\boxed{question}, {target}."
        )
        assert load_task(name).scorer.options == {"low": 0, "high": 999}


def test_a_wrong_name_gets_the_nearest_right_one() -> None:
    with pytest.raises(InputError, match='unknown task "aime_25", did you mean "aime25"'):
        load_task("aime_25")
    with pytest.raises(InputError, match='did you mean "gpqa_diamond"'):
        load_task("gpqa_diamnod")


def test_a_task_file_that_is_not_there_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_task("other.yaml", tmp_path)
    assert "no file other.yaml; looked for" in str(caught.value)
    assert str(tmp_path / "other.yaml") in str(caught.value)


def test_a_task_file_that_is_not_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read as text"):
        load_task("mine.yaml", tmp_path)


def test_literal_braces_stay_and_columns_are_filled_in_once() -> None:
    task = parsed(
        MINIMAL.replace('"{question}"', r"'{question} \boxed{} {x} {hint} \frac{1}{2}'")
        + "columns: {extra: [hint]}"
    )
    assert task.render({"question": "Q {hint}", "hint": "H"}) == r"Q {hint} \boxed{} {x} H \frac{1}{2}"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "scorer: exact",
            "scorer: exakt",
            'mine.yaml:5: scorer: unknown scorer "exakt", did you mean "exact"?',
        ),
        (
            "scorer: exact",
            "scorer: {name: integer, hihg: 9}",
            'the scorer integer has no option "hihg", did you mean "high"?',
        ),
        (
            "scorer: exact",
            "scorer: {name: integer, high: nine}",
            "the scorer's option `high` must be a valid integer",
        ),
        ("scorer: exact", "scorer: {high: 9}", "mine.yaml:5: scorer.name: missing"),
        ('"{question}"', '"Hello"', "the prompt must hold {question}"),
        ('"{question}"', '"{question} {target}"', "would give the answer away"),
        ('"{question}"', '"{question} {categroy}"', 'did you mean "category"?'),
        (
            "data: {file: mine.jsonl}",
            "data: {}",
            "mine.yaml:3: data: needs one of `hub: owner/name`, `file: …`",
        ),
        ("data: {file: mine.jsonl}", "data: {file: a, hub: b/c}", "needs one of"),
        ("data: {file: mine.jsonl}", "data: {file: a.csv, split: test}", "belong to `hub`"),
        (
            "data: {file: mine.jsonl}",
            "data: {hub: ../secret}",
            "mine.yaml:3: data.hub: must be made of letters",
        ),
        ("name: mine", "name: my task", "mine.yaml:1: name: must be made of letters"),
        ("name: mine", "name: mine\nsystme: x", 'mine.yaml:2: systme: unknown key, did you mean "system"?'),
        ("title: Mine", "title: Mine\nversion: true", "version: must be a whole number"),
    ],
)
def test_a_mistake_in_a_task_file_names_file_line_and_key(old: str, new: str, says: str) -> None:
    text = MINIMAL.replace(old, new)
    if "categroy" in new:
        text += "columns: {category: area}"
    assert says in complaint(text)


def test_the_paths_of_a_scorer_start_at_the_task_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    (tmp_path / "city.json").write_text('{"required": ["city"]}', encoding="utf-8")
    text = MINIMAL.replace("exact", "{name: json_schema, schema_file: city.json}")
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    task = load_task("mine.yaml", tmp_path)
    sample = Sample(id="1", prompt="", target="")
    assert task.score(sample, Reply(reasoning="", answer='{"city": 1}')).value == 1.0
    assert task.score(sample, Reply(reasoning="", answer="{}")).value == 0.0


def test_options_that_cannot_work_together_name_the_line(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINIMAL.replace("exact", "regex"), encoding="utf-8")
    with pytest.raises(InputError, match=r"mine\.yaml:5: scorer: the scorer regex needs a `pattern`"):
        load_task("mine.yaml", tmp_path)


def test_a_json_target_that_the_schema_refuses_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    text = MINIMAL.replace("exact", "{name: json_schema, schema: {type: object}, equals_target: true}")
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    data = tmp_path / "mine.jsonl"
    data.write_text('{"question": "q", "target": "{\\"a\\": 1}"}\n', encoding="utf-8")
    assert load_samples(load_task("mine.yaml", tmp_path))[0].target == '{"a": 1}'
    data.write_text('{"question": "q", "target": "[]"}\n', encoding="utf-8")
    with pytest.raises(InputError, match="the scorer json_schema does not accept the target"):
        load_samples(load_task("mine.yaml", tmp_path))


def test_options_reach_the_scorer() -> None:
    task = parsed(MINIMAL.replace("exact", "{name: integer, low: 5}"))
    sample = Sample(id="1", prompt="", target="3")
    assert task.scorer.function(sample, Reply(reasoning="", answer="3")).value == 0.0
    assert SCORERS["integer"](sample, Reply(reasoning="", answer="3")).value == 1.0


@pytest.mark.parametrize("name", list(SCORERS))
def test_every_option_of_a_scorer_has_a_default(name: str) -> None:
    parameters = inspect.signature(SCORERS[name]).parameters
    assert all(parameters[option].default is not inspect.Parameter.empty for option in scorer_options(name))


def test_sampling_goes_over_what_lies_below_and_null_clears_it() -> None:
    base = Sampling(temperature=0.5, max_tokens=100)
    choice = SamplingChoice(temperature=None, top_p=0.9, stop=("x",))
    assert choice.over(base) == Sampling(top_p=0.9, max_tokens=100, stop=("x",))
    assert SamplingChoice().over(base) == base


def test_a_path_is_seen_from_the_suite_then_above_then_from_what_is_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "suites"
    inner.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    for place in (elsewhere, tmp_path, inner):
        (place / "a.gguf").touch()
        assert locate("a.gguf", inner) == place / "a.gguf"
    assert locate(str(elsewhere / "a.gguf"), inner) == elsewhere / "a.gguf"
    assert locate("tasks/README.md", inner) == shipped_folder("tasks") / "README.md"
