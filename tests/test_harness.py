"""lm-eval's tasks: found by name, known from their files, and asked as lm-eval asks them."""

from __future__ import annotations

import datetime
import json
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.datasets import load_samples
from evalbudget.errors import DataError, InputError
from evalbudget.harness import Facts, find_task, read_facts
from evalbudget.harness.catalogue import catalogue, tasks_folder
from evalbudget.harness.quiet import quiet
from evalbudget.harness.values import from_json, to_json
from evalbudget.records import Message, Reply, Sample, Sampling
from evalbudget.tasks import TaskSettings, load_task
from tests.lm_eval.making import SUMS, make_tasks, offline

with quiet():
    from lm_eval.tasks import TaskManager

MINIMAL = """\
task: mine
dataset_path: json
dataset_kwargs: {data_files: {test: FOLDER/test.jsonl}}
test_split: test
doc_to_text: "{{question}}"
doc_to_target: "{{answer}}"
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
"""


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test here asks the Hub."""
    offline(monkeypatch, tmp_path)


@pytest.fixture
def task_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a task of lm-eval, with two rows of data."""

    def write(text: str = MINIMAL, **columns: object) -> Path:
        rows = [{"question": f"{n}?", "answer": str(n), "n": n, **columns} for n in range(2)]
        (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (tmp_path / "mine.yaml").write_text(text.replace("FOLDER", str(tmp_path)))
        return tmp_path / "mine.yaml"

    return write


def samples_of(path: Path, limit: int | None = None, **settings: object) -> tuple[Sample, ...]:
    chosen = TaskSettings(**settings)  # type: ignore[arg-type]
    return load_samples(load_task(f"lm_eval/{path.name}", path.parent, chosen), limit)


def complaint(task: str, folder: Path | None = None) -> str:
    with pytest.raises(InputError) as caught:
        load_task(task, folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ── names ──


def test_each_name_means_the_file_that_lm_evals_own_index_gives_it() -> None:
    with quiet():
        folders = [
            tasks_folder() / each for each in ("gsm8k", "bbh", "scrolls", "aradice", "leaderboard", "ifeval")
        ]
        index = TaskManager(include_defaults=False, include_path=folders).task_index
    named = {name: entry for name, entry in index.items() if entry.yaml_path is not None}
    assert len(named) > 200
    found = {name: (catalogue()[name].path, catalogue()[name].group) for name in named}
    assert found == {name: (entry.yaml_path, entry.kind.name == "GROUP") for name, entry in named.items()}


def test_a_wrong_name_gets_the_nearest_right_ones() -> None:
    assert complaint("lm_eval/gsm8k_cott").startswith(
        'lm-eval has no task "gsm8k_cott", did you mean gsm8k_cot'
    )
    assert "`lm-eval ls tasks` lists them" in complaint("lm_eval/qwxzqwxz")
    assert complaint("lm_eval/bbh").startswith('"bbh" is a group of lm-eval; name its tasks one by one')


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (
            "hellaswag",
            "multiple_choice needs log-probabilities of the prompt, which chat endpoints do not give",
        ),
        ("wikitext", "loglikelihood_rolling needs log-probabilities"),
        ("lambada_openai", "loglikelihood needs log-probabilities"),
        ("humaneval", "runs the code that a model writes"),
        ("squadv2", "is written as a Python class"),
        ("chartqa", "asks about images"),
    ],
)
def test_a_task_that_cannot_be_asked_or_judged_here_says_why(name: str, why: str) -> None:
    assert why in complaint(f"lm_eval/{name}")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("task: mine", "task: my own", "must be a name made of letters"),
        ("task: mine", "group: mine\ntask: [gsm8k]", "is a group of tasks"),
        ("test_split: test", "generation_kwargs: [1]", "generation_kwargs: must be a mapping"),
        ("test_split: test", "generation_kwargs: {max_gen_toks: many}", "max_gen_toks: must be a number"),
        ("test_split: test", "repeats: 1.5", "repeats: must be a whole number"),
        ("test_split: test", "\t: x", "cannot be read as a task of lm-eval"),
    ],
)
def test_a_mistake_in_a_task_file_of_lm_evals_is_one_line(
    task_file: Callable[..., Path], old: str, new: str, why: str
) -> None:
    path = task_file(MINIMAL.replace(old, new))
    assert why in complaint("lm_eval/mine.yaml", path.parent)


# ── facts ──


def test_a_task_brings_the_sampling_that_lm_eval_asks_a_chat_endpoint_for() -> None:
    task = load_task("lm_eval/gsm8k")
    assert task.name == "lm_eval/gsm8k"
    assert task.version == 3
    assert task.defaults.sampling.over(Sampling(max_tokens=9)) == Sampling(
        temperature=0.0, stop=("Question:", "</s>", "<|im_end|>"), max_tokens=9
    )
    assert load_task("lm_eval/ifeval").defaults.sampling.max_tokens == 1280
    assert load_task("lm_eval/gsm8k_cot_self_consistency").defaults.repeats == 64
    assert load_task("lm_eval/gpqa_diamond_cot_zeroshot").private
    assert not task.private


def test_only_four_stop_words_are_sent_and_all_are_known(task_file: Callable[..., Path]) -> None:
    six = task_file(MINIMAL + 'generation_kwargs: {until: ["a", "b", "c", "d", "e", "f"], temperature: 0.5}')
    facts = read_facts(six)
    assert facts.sampling == Sampling(temperature=0.5, stop=("a", "b", "c", "d"))
    assert facts.until == ("a", "b", "c", "d", "e", "f")


def test_without_stop_words_of_its_own_a_task_stops_where_examples_are_parted(
    task_file: Callable[..., Path],
) -> None:
    assert read_facts(task_file()).until == ("\n\n",)
    assert read_facts(task_file(MINIMAL + 'fewshot_delimiter: "##"')).until == ("##",)
    assert read_facts(task_file(MINIMAL + "generation_kwargs: {until: []}")).until == ()


def test_every_task_that_is_no_choice_among_options_is_known_or_refused_in_one_line() -> None:
    some = [entry.path for entry in catalogue().values() if not entry.group][::97]
    known = 0
    for path in some:
        try:
            known += isinstance(read_facts(path), Facts)
        except InputError as error:
            assert "\n" not in str(error)
    assert known > 30


# ── questions ──


def test_examples_are_messages_of_their_own_unless_the_suite_says_otherwise(tmp_path: Path) -> None:
    path = make_tasks(tmp_path)["sums"]
    first = samples_of(path)[0]
    assert [message.role for message in first.messages] == ["user", "assistant"] * 3 + ["user"]
    single = samples_of(path, fewshot_as_multiturn=False, num_fewshot=1)[0]
    assert [message.role for message in single.messages] == ["user"]
    assert single.prompt == single.messages[0].content
    assert single.prompt.count("Question:") == 2
    assert first.prompt.count("[assistant]") == 3


def test_the_system_message_stands_before_the_tasks_description(tmp_path: Path) -> None:
    path = make_tasks(tmp_path)["words"]
    first = samples_of(path, limit=1, system="Be brief.")[0]
    assert first.messages[0].role == "system"
    assert first.messages[0].content.startswith("Be brief.\n\nSay the product of ")
    assert first.system == first.messages[0].content
    assert first.messages[-1] == Message(role="assistant", content="It is")
    assert first.target.startswith('["')


def test_the_first_documents_are_the_same_with_and_without_a_limit(tmp_path: Path) -> None:
    path = make_tasks(tmp_path)["sums"]
    everything = samples_of(path)
    assert len(everything) == 24
    assert samples_of(path, limit=5) == everything[:5]
    assert [sample.id for sample in everything] == [str(number) for number in range(24)]


def test_a_task_that_takes_no_examples_says_so(task_file: Callable[..., Path]) -> None:
    path = task_file(MINIMAL + "num_fewshot: 0")
    assert len(samples_of(path, num_fewshot=0)) == 2
    with pytest.raises(InputError, match="lm_eval/mine takes no examples: its file sets `num_fewshot: 0`"):
        samples_of(path, num_fewshot=2)


def test_loading_shows_nothing_and_leaves_the_random_generators_as_they_were(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = make_tasks(tmp_path)["graded"]
    random.seed(5)
    state = random.getstate()
    assert len(samples_of(path)) == 24
    assert random.getstate() == state
    assert capfd.readouterr() == ("", "")


def test_the_tasks_own_shuffling_is_the_same_each_time(tmp_path: Path) -> None:
    path = make_tasks(tmp_path)["graded"]
    random.seed(1)
    once = samples_of(path)
    random.seed(2)
    assert samples_of(path) == once
    assert len({sample.prompt.index("One of") for sample in once}) > 1


def test_data_that_are_not_there_are_one_line_and_python_that_fails_too(
    task_file: Callable[..., Path], tmp_path: Path
) -> None:
    path = task_file()
    (tmp_path / "test.jsonl").unlink()
    with pytest.raises(DataError, match=r"^lm_eval/mine: lm-eval cannot load it: FileNotFoundError: .*$"):
        samples_of(path)
    (tmp_path / "own.py").write_text("def asked(doc):\n    raise ValueError('first\\nsecond')\n")
    path = task_file(MINIMAL.replace('"{{question}}"', "!function own.asked"))
    with pytest.raises(DataError, match=r"^lm_eval/mine: lm-eval cannot load it: ValueError: first second$"):
        samples_of(path)
    path = task_file(MINIMAL.replace('"{{question}}"', "!function missing.asked"))
    with pytest.raises(DataError, match="missing"):
        samples_of(path)
    with pytest.raises(
        DataError, match=r"openai/gsm8k.*, or set EVALBUDGET_HUB to a folder that holds openai/gsm8k/"
    ):
        load_samples(load_task("lm_eval/gsm8k"))


def test_a_task_of_lm_evals_own_takes_its_data_from_the_mirror(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "openai" / "gsm8k"
    folder.mkdir(parents=True)
    for split, count in (("train", 9), ("test", 3)):
        rows = [{"question": f"{split} {n}?", "answer": f"So.\n#### {n}"} for n in range(count)]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    parts = "".join(f"\n  - {{split: {split}, path: {split}.jsonl}}" for split in ("train", "test"))
    (folder / "README.md").write_text(f"---\nconfigs:\n- config_name: main\n  data_files:{parts}\n---\n")
    monkeypatch.setenv("EVALBUDGET_HUB", str(tmp_path))
    task = load_task("lm_eval/gsm8k")
    samples = load_samples(task)
    assert [sample.messages[-1].content for sample in samples] == [
        f"Question: test {n}?\nAnswer:" for n in range(3)
    ]
    assert all(len(sample.messages) == 11 and "train" in sample.messages[0].content for sample in samples)
    assert [task.score(sample, Reply(reasoning="", answer="#### 1")).value for sample in samples] == [0, 1, 0]


def test_a_changed_file_in_the_mirror_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALBUDGET_HUB", str(tmp_path))
    folder = tmp_path / "google" / "IFEval"
    folder.mkdir(parents=True)
    for prompt in ("Say a.", "Say something else."):
        row = {"key": 1, "prompt": prompt, "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
        (folder / "input.jsonl").write_text(json.dumps(row) + "\n")
        assert load_samples(load_task("lm_eval/ifeval"))[0].prompt == prompt


# ── values ──

plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
written = st.dates() | st.datetimes() | st.times() | st.decimals(allow_nan=False) | st.binary(max_size=20)
values = st.recursive(
    plain | written,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(values)
def test_a_document_comes_back_from_json_as_it_was(value: object) -> None:
    back = from_json(json.loads(json.dumps(to_json(value))))
    assert back == value
    assert type(back) is type(value)


def test_numbers_of_numpy_come_back_to_the_last_bit() -> None:
    short = [numpy.float32(0.1), numpy.float32(0.2), numpy.float32(0.7)]
    back = [from_json(json.loads(json.dumps(to_json(each)))) for each in short]
    assert back == short
    assert float(sum(back)) == float(sum(short)) != sum(map(float, short))  # type: ignore[arg-type]
    assert to_json(numpy.float64(0.1)) == 0.1
    assert type(to_json(numpy.str_("a"))) is str
    assert to_json([numpy.bool_(True), numpy.int64(3), numpy.array([1.5, 2.5])]) == [True, 3, [1.5, 2.5]]
    assert str(from_json(json.loads(json.dumps(to_json(float("nan")))))) == "nan"


@pytest.mark.parametrize("value", [object(), {1: 2}, {"a": {1, 2}}, {"lm-eval value": "float", "value": "1"}])
def test_what_cannot_come_back_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        to_json(value)


def test_a_document_with_a_date_reaches_the_tasks_python_as_a_date(
    task_file: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(
        "def judged(doc, results):\n    return {'acc': float(results[0] == str(doc['when'].year))}\n"
    )
    path = task_file(
        MINIMAL.replace("metric: exact_match", "metric: acc") + "process_results: !function own.judged",
        when="2020-01-01 00:00:00",
    )
    sample = samples_of(path)[0]
    document = from_json(sample.extra["doc"])
    assert isinstance(document, dict) and document["when"] == datetime.datetime(2020, 1, 1)
    score = load_task("lm_eval/mine.yaml", tmp_path).score
    assert score(sample, Reply(reasoning="", answer="2020")).value == 1.0
    assert score(sample, Reply(reasoning="", answer="2021")).value == 0.0


def test_an_amount_in_a_document_stays_exact() -> None:
    assert from_json(to_json({"price": Decimal("0.10")})) == {"price": Decimal("0.10")}


def test_the_made_tasks_are_found_by_path_alone() -> None:
    assert "task: sums" in SUMS
    with pytest.raises(InputError, match='lm-eval has no task "sums"'):
        find_task("sums")
