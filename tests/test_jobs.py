"""Jobs: their order, their seeds, how they open, what `--only` leaves."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalbudget.errors import InputError
from evalbudget.jobs import (
    Only,
    TaskPart,
    opener,
    parse_only,
    plan_jobs,
    plan_rows,
    request_seed,
    task_part,
)
from evalbudget.records import Job, Message, Reply, Sample, Sampling
from evalbudget.suite import Suite, parse_suite
from evalbudget.tasks import Task

SUITE = """\
name: s
models:
  - {name: a, base_url: http://x/v1, concurrency: 4, effort: low, extra_body: {top_a: 1}}
  - {name: b, base_url: http://y/v1, concurrency: 4}
tasks:
  - {task: arithmetic, repeats: 3, sampling: {top_p: 0.5}}
  - aime25
sampling: {temperature: 0.6, max_tokens: 500}
seed: 7
"""


def suite(text: str = SUITE) -> Suite:
    return parse_suite(text, Path("suite.yaml"))


def samples(count: int, *, system: str | None = None) -> tuple[Sample, ...]:
    return tuple(Sample(id=f"s{n}", prompt="four" * (n + 1), target="4", system=system) for n in range(count))


def part(name: str, count: int, expected_tokens: int, repeats: int = 1) -> TaskPart:
    task = Task.model_validate(
        {"name": name, "title": name, "data": {"file": "x.csv"}, "prompt": "{question}", "scorer": "integer"}
        | {"expected_tokens": expected_tokens}
    )
    return TaskPart(
        task=task, samples=samples(count), sampling=Sampling(max_tokens=100), repeats=repeats, budgets=(None,)
    )


def parts_of(read: Suite, counts: tuple[int, ...] = (24, 6)) -> list[TaskPart]:
    return [
        task_part(read, entry, task, samples(count))
        for entry, task, count in zip(read.tasks, read.loaded, counts, strict=True)
    ]


def test_every_job_of_the_suite_is_planned_exactly_once() -> None:
    read = suite()
    planned = plan_jobs(read, parts_of(read))
    assert list(planned) == ["a", "b"]
    for model, jobs in planned.items():
        assert Counter(jobs).most_common(1)[0][1] == 1
        assert set(jobs) == {
            Job(model=model, task=task, sample_id=f"s{n}", budget=None, repeat=repeat)
            for task, count, repeats in (("arithmetic", 24, 3), ("aime25", 6, 4))
            for n in range(count)
            for repeat in range(repeats)
        }


SHAPES = st.lists(
    st.tuples(
        st.integers(min_value=1, max_value=40),
        st.integers(min_value=1, max_value=40_000),
        st.integers(min_value=1, max_value=3),
    ),
    min_size=1,
    max_size=4,
)


@given(SHAPES)
def test_repeats_come_one_after_the_other_and_samples_in_their_order(
    shape: list[tuple[int, int, int]],
) -> None:
    parts = [part(f"t{n}", count, tokens, repeats) for n, (count, tokens, repeats) in enumerate(shape)]
    jobs = plan_jobs(suite(), parts)["a"]
    assert [job.repeat for job in jobs] == sorted(job.repeat for job in jobs)
    for each in parts:
        mine = [(job.repeat, int(job.sample_id[1:])) for job in jobs if job.task == each.task.name]
        assert mine == [(r, n) for r in range(each.repeats) for n in range(len(each.samples))]


@given(st.lists(st.integers(min_value=1, max_value=60), min_size=2, max_size=4))
def test_tasks_of_equal_length_advance_in_proportion(counts: list[int]) -> None:
    parts = [part(f"t{n}", count, 10) for n, count in enumerate(counts)]
    jobs = plan_jobs(suite(), parts)["a"]
    done: Counter[str] = Counter()
    for number, job in enumerate(jobs, 1):
        done[job.task] += 1
        for each in parts:
            expected = number / len(jobs) * len(each.samples)
            assert abs(done[each.task.name] - expected) <= len(parts)


@given(
    st.integers(min_value=5, max_value=60),
    st.integers(min_value=5, max_value=400),
    st.integers(min_value=10, max_value=100),
)
def test_a_long_answer_never_starts_last(long_count: int, short_count: int, ratio: int) -> None:
    parts = [part("short", short_count, 100), part("long", long_count, 100 * ratio)]
    assert plan_jobs(suite(), parts)["a"][-1].task == "short"


def test_the_plan_is_the_same_each_time_and_for_each_model_of_equal_concurrency() -> None:
    read = suite()
    first, second = plan_jobs(read, parts_of(read)), plan_jobs(read, parts_of(read))
    assert first == second
    assert [(job.task, job.sample_id, job.repeat) for job in first["a"]] == [
        (job.task, job.sample_id, job.repeat) for job in first["b"]
    ]


def budgets_sent(keys: str) -> list[int | None]:
    """The budgets of the first sample's jobs, in the order to send."""
    read = suite(SUITE + keys)
    jobs = plan_jobs(read, parts_of(read, (1, 1)))["a"]
    return [job.budget for job in jobs if job.sample_id == jobs[0].sample_id and job.task == jobs[0].task]


@pytest.mark.parametrize("mode", ["force", "server", "max_tokens"])
def test_each_budget_of_a_sample_is_a_job(mode: str) -> None:
    sent = budgets_sent(f"budgets: [0, 64, unlimited]\nbudget_mode: {mode}\n")
    assert sent[:3] == [0, 64, None]


@pytest.mark.parametrize("budgets", ["[0, 64, 16, unlimited]", "[64, 0, 16]"])
def test_a_trace_comes_before_its_prefixes_and_the_longest_of_them_first(budgets: str) -> None:
    assert budgets_sent(f"budgets: {budgets}\n")[:4] == [None, 64, 16, 0]


@pytest.mark.parametrize(
    ("mode", "budget", "asked"),
    [
        ("server", 64, {"thinking_budget": 64}),
        ("server", 0, {"thinking_budget": 0}),
        ("max_tokens", 0, {"thinking_budget": 0}),
        ("max_tokens", 64, {"max_tokens": 64}),
        ("force", 64, {}),
        ("trace", 64, {}),
    ],
)
def test_a_request_holds_the_budget_that_the_server_keeps(
    mode: str, budget: int, asked: dict[str, int]
) -> None:
    read = suite(SUITE + f"budgets: [{budget}, unlimited]\nbudget_mode: {mode}\n")
    opened = opener(read, parts_of(read, (1, 1)))
    job = next(job for job in plan_jobs(read, parts_of(read, (1, 1)))["a"] if job.budget == budget)
    request = opened(job).request
    unlimited = opened(replace(job, budget=None)).request
    said = {"max_tokens": request.sampling.max_tokens} if request.sampling != unlimited.sampling else {}
    if request.thinking_budget is not None:
        said["thinking_budget"] = request.thinking_budget
    assert said == asked
    assert (opened(job).budget_mode, opened(replace(job, budget=None)).budget_mode) == (mode, None)


@pytest.mark.parametrize(("loops", "stops"), [("measure", False), ("stop", True), ("rescue", True)])
def test_streams_are_ended_for_loops_only_where_the_suite_says_so(loops: str, stops: bool) -> None:
    read = suite(SUITE + f"loops: {loops}\n")
    jobs = plan_jobs(read, parts_of(read, (1, 1)))["a"]
    assert opener(read, parts_of(read, (1, 1)))(jobs[0]).request.stop_loops is stops


@pytest.mark.parametrize(
    ("mode", "bound"),
    [("trace", 100 + 40 + 40), ("force", 100 + 56 + 90), ("server", 300), ("max_tokens", 100 + 16 + 50)],
)
def test_a_plan_bounds_what_each_way_to_hold_a_budget_can_cost(mode: str, bound: int) -> None:
    keys = f"budgets: [16, 50, unlimited]\nbudget_mode: {mode}\nanswer_tokens: 40\n"
    read = suite(SUITE.replace("max_tokens: 500", "max_tokens: 100") + keys)
    entry, task = read.tasks[0], read.loaded[0]
    row = plan_rows(read, [task_part(read, entry, task, samples(1))])[0]
    assert row.completion_tokens_bound == bound * row.repeats


def test_the_entry_goes_before_the_suite_and_the_suite_before_the_task() -> None:
    arithmetic, aime = parts_of(suite())
    assert arithmetic.sampling == Sampling(temperature=0.6, top_p=0.5, max_tokens=500)
    assert (arithmetic.repeats, aime.repeats) == (3, 4)
    read = suite(SUITE.replace("sampling: {temperature: 0.6, max_tokens: 500}", "repeats: 2"))
    arithmetic, aime = parts_of(read)
    assert (arithmetic.sampling.max_tokens, aime.sampling.max_tokens) == (1024, 32768)
    assert (arithmetic.repeats, aime.repeats) == (3, 2)


def test_a_job_opens_into_its_request() -> None:
    read = suite()
    parts = [
        task_part(read, read.tasks[0], read.loaded[0], samples(2, system="Be brief.")),
        *parts_of(read)[1:],
    ]
    job = Job(model="a", task="arithmetic", sample_id="s1", budget=None, repeat=2)
    opened = opener(read, parts)(job)
    assert opened.job == job
    assert opened.request.messages == (
        Message(role="system", content="Be brief."),
        Message(role="user", content="fourfour"),
    )
    assert opened.request.sampling == parts[0].sampling
    assert (opened.request.effort, opened.request.extra_body) == ("low", {"top_a": 1})
    assert opened.request.seed == request_seed(7, job)
    assert opened.scorer(opened.sample, Reply(reasoning="", answer=r"\boxed{4}")).value == 1.0


def test_a_scorer_opens_with_the_options_of_its_task() -> None:
    read = suite()
    job = Job(model="b", task="aime25", sample_id="s0", budget=None, repeat=0)
    opened = opener(read, parts_of(read))(job)
    out_of_bounds = Sample(id="x", prompt="", target="1000")
    assert opened.scorer(out_of_bounds, Reply(reasoning="", answer="1000")).value == 0.0


JOB = Job(model="a", task="t", sample_id="s", budget=None, repeat=0)


@given(
    st.integers(min_value=0, max_value=2**63 - 1),
    st.text(max_size=9),
    st.text(max_size=9),
    st.integers(0, 99),
)
def test_a_seed_fits_into_31_bits(seed: int, task: str, sample: str, repeat: int) -> None:
    job = Job(model="m", task=task, sample_id=sample, budget=None, repeat=repeat)
    assert 0 <= request_seed(seed, job) < 2**31


def test_seeds_differ_between_repeats_samples_tasks_and_suites_and_not_between_models() -> None:
    def seed(suite_seed: int = 0, **changes: str | int | None) -> int:
        identity: dict[str, str | int | None] = {
            "model": "a",
            "task": "t",
            "sample_id": "s",
            "budget": None,
            "repeat": 0,
        }
        return request_seed(suite_seed, Job(**(identity | changes)))  # type: ignore[arg-type]

    assert seed() == seed(model="b") == seed(budget=512)
    assert len({seed(), seed(1), seed(repeat=1), seed(task="u"), seed(sample_id="r")}) == 5
    assert len({seed(repeat=n) for n in range(1000)}) == 1000


def test_the_seed_of_a_job_never_changes_between_versions() -> None:
    assert request_seed(0, JOB) == 118562888


@pytest.mark.parametrize(
    ("text", "models", "tasks"),
    [
        (None, None, None),
        ("model=a", {"a"}, None),
        ("task=aime25", None, {"aime25"}),
        ("model=a, task=aime25", {"a"}, {"aime25"}),
        ("model=a,model=b", {"a", "b"}, None),
    ],
)
def test_only_leaves_what_it_names(text: str | None, models: set[str] | None, tasks: set[str] | None) -> None:
    only = parse_only(text, suite())
    assert only == Only(
        models=None if models is None else frozenset(models),
        tasks=None if tasks is None else frozenset(tasks),
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", '"" is not of the form model=NAME or task=NAME'),
        ("a", '"a" is not of the form'),
        ("model=", '"model=" is not of the form'),
        ("modle=a", 'unknown key "modle", did you mean "model"?'),
        ("model=c", 'the suite has no model "c", known: a, b'),
        ("task=aime_25", 'the suite has no task "aime_25", did you mean "aime25"?'),
    ],
)
def test_a_wrong_only_is_named(text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_only(text, suite())
    assert str(caught.value).startswith("--only: ")
    assert says in str(caught.value)


def test_only_narrows_the_jobs_and_the_plan() -> None:
    read = suite()
    only = parse_only("model=b,task=aime25", read)
    planned = plan_jobs(read, parts_of(read), only)
    assert {(job.model, job.task) for jobs in planned.values() for job in jobs} == {("b", "aime25")}
    assert [(row.model, row.task) for row in plan_rows(read, parts_of(read), only)] == [("b", "aime25")]


def test_the_plan_counts_what_would_be_asked() -> None:
    read = suite()
    rows = plan_rows(read, parts_of(read))
    assert [(row.model, row.task) for row in rows] == [
        ("a", "arithmetic"),
        ("a", "aime25"),
        ("b", "arithmetic"),
        ("b", "aime25"),
    ]
    aime = rows[1]
    assert (aime.samples, aime.repeats, aime.budgets, aime.jobs) == (6, 4, 1, 24)
    assert aime.prompt_tokens_estimate == (1 + 2 + 3 + 4 + 5 + 6) * 4
    assert aime.completion_tokens_bound == 500 * 24
    assert aime.expected_completion_tokens == 500 * 24
    planned = plan_jobs(read, parts_of(read))
    assert sum(row.jobs for row in rows) == sum(len(jobs) for jobs in planned.values())


def test_without_max_tokens_nothing_bounds_a_completion() -> None:
    read = suite(SUITE.replace("max_tokens: 500", "max_tokens: null"))
    assert plan_rows(read, parts_of(read))[0].completion_tokens_bound is None
