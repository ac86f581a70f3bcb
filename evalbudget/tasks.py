"""A task's YAML file → Task: where its samples lie, how they become prompts, which scorer judges the answers.

tasks/README.md shows how to add one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    StrictBool,
    StrictFloat,
    StrictInt,
    model_validator,
)

from evalbudget.choices import LETTERS, choice_slots
from evalbudget.contracts import Scorer
from evalbudget.errors import InputError
from evalbudget.harness import read_facts, task_file
from evalbudget.privacy import is_private
from evalbudget.records import Sampling
from evalbudget.scorer_choice import ScorerChoice, scorer_by_name
from evalbudget.shipped import shipped_folder, shipped_root
from evalbudget.yaml_source import Checked, nearest, parse, read_yaml

LM_EVAL = "lm_eval/"
"""Opens the names of lm-eval's tasks."""

DEFAULT_SAMPLING = Sampling(max_tokens=32768)
"""Where neither suite nor task says anything: the server's own sampling, but no answer without an end."""

_SLOT = re.compile(r"\{([A-Za-z_]\w*)\}")

Words = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else [] if value is None else value),
]
"""A list of texts; a single text stands for a list of one, null for none."""


class SamplingChoice(Checked):
    """`sampling:` of a suite, of one of its tasks, or of a task's defaults. A key set to null is not sent."""

    temperature: StrictFloat | None = Field(default=None, ge=0)
    """Default: the server's, which for vLLM and SGLang is the model's own recommendation."""
    top_p: StrictFloat | None = Field(default=None, gt=0, le=1)
    top_k: StrictInt | None = Field(default=None, ge=-1)
    min_p: StrictFloat | None = Field(default=None, ge=0, le=1)
    presence_penalty: StrictFloat | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: StrictFloat | None = Field(default=None, ge=-2, le=2)
    repetition_penalty: StrictFloat | None = Field(default=None, gt=0)
    max_tokens: StrictInt | None = Field(default=None, ge=1)
    """Completion tokens, thinking and answer together. Default: the task's, else 32768."""
    stop: Words = ()
    """Strings that end the answer."""

    def over(self, base: Sampling) -> Sampling:
        """`base` with what is set here, null included."""
        kept = {name: getattr(base, name) for name in Sampling.__dataclass_fields__}
        return Sampling(**{**kept, **{name: getattr(self, name) for name in self.model_fields_set}})


class MadeSums(Checked):
    """`sums:` of `data:`: problems that are made from a seed (evalbudget/datasets/sums.py)."""

    seed: StrictInt = Field(default=1, ge=0)
    """Another seed, other problems; none of them was ever trained on."""
    each: StrictInt = Field(default=30, ge=1, le=500)
    """Problems of each level."""
    levels: Annotated[tuple[Annotated[StrictInt, Field(ge=2, le=40)], ...], Field(min_length=1)] = (
        *range(2, 9),
    )
    """Numbers of operands."""


class DataSource(Checked):
    """`data:`: where samples lie, on the Hub (and in a mirror of it) or in a file of one's own, or how they
    are made."""

    format: Literal["rows", "bfcl_v3", "bfcl_v4", "lm_eval"] = "rows"
    """rows: one sample a row, as `columns` says. The others have readers of their own (`datasets/`)."""
    hub: str | None = Field(default=None, pattern=r"^\w[\w.-]*(/\w[\w.-]*){1,3}$")
    """The data set's name on the Hub, `owner/name`."""
    subset: str | None = None
    """The Hub's configuration; default: the only one."""
    split: str | None = None
    """The Hub's split; default: the only one."""
    revision: str | None = None
    """The Hub's commit or tag; default: the newest."""
    mirror: str | None = None
    """The file within `<EVALBUDGET_HUB>/<hub>/`; default: the only data file there."""
    file: str | None = None
    """Instead of `hub`: a file with JSON lines, JSON, CSV or Parquet, from the task file's folder."""
    member: str | None = None
    """Where `mirror` or `file` is a zip archive: the file in it, with JSON lines, JSON or CSV."""
    password: str | None = None
    """The archive's, where it has one that its authors publish. No secret belongs here."""
    sums: MadeSums | None = None
    """Instead of `hub` and `file`: arithmetic, made from a seed."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        places = [self.hub, self.file, self.sums]
        if self.format != "lm_eval" and sum(place is not None for place in places) != 1:
            raise ValueError("needs one of `hub: owner/name`, `file: …` and `sums: {…}`")
        if self.file is not None and {"subset", "split", "revision", "mirror"} & self.model_fields_set:
            raise ValueError("`subset`, `split`, `revision` and `mirror` belong to `hub`, not to `file`")
        if self.member is not None and self.mirror is None and self.file is None:
            raise ValueError("`member` names a file in an archive; name the archive as `mirror:` or `file:`")
        if self.password is not None and self.member is None:
            raise ValueError("`password` opens an archive; name the file in it as `member:`")
        return self


class Columns(Checked):
    """`columns:`: which columns of the data mean what."""

    question: str = "question"
    target: str | None = "target"
    """null where the scorer needs none."""
    id: str | None = None
    """Default: the row's number, from 0, which holds only as long as no row is added above."""
    category: str | None = None
    extra: tuple[str, ...] = ()
    """Further columns, for the prompt or the scorer."""
    choices: tuple[str, ...] = Field(default=(), max_length=len(LETTERS))
    """The columns of a multiple-choice question's options, the right one first; there is no `target` then.
    Each repeat has another order (evalbudget/choices.py). The prompt holds {choices}, or {A}, {B}, …
    """

    @model_validator(mode="after")
    def _choices_that_can_be_asked(self) -> Self:
        if len(self.choices) == 1 or len(set(self.choices)) < len(self.choices):
            raise ValueError("`choices` needs two columns or more, each named once")
        if self.choices and "target" in self.model_fields_set and self.target is not None:
            raise ValueError("the first of `choices` is the right one: leave `target` out")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSettings:
    """What an entry of a suite sets about a task that offers it."""

    mode: str | None = None
    """One of the task's `modes`; None = the first of them."""
    num_fewshot: int | None = None
    """Examples before the question, for tasks of lm-eval; None = the task's own number."""
    fewshot_as_multiturn: bool | None = None
    """Whether these examples are messages of their own; None = as lm-eval does, which is yes."""
    system: str | None = None
    """A system message in place of the task's; for tasks of lm-eval, before the task's description."""


class Defaults(Checked):
    """`defaults:`: what holds where a suite says nothing."""

    sampling: SamplingChoice = SamplingChoice()
    repeats: StrictInt = Field(default=1, ge=1)


class Task(Checked):
    """A task file."""

    name: str = Field(pattern=rf"^({LM_EVAL})?[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """The word in suites and in the store."""
    title: str
    version: StrictInt = Field(default=1, ge=1)
    """Of prompt and scorer together: results of different versions are not comparable."""
    data: DataSource
    columns: Columns = Columns()
    prompt: str
    """The user's message; `{question}` and further columns' names in braces are filled in."""
    system: str | None = None
    """The system message; default: none is sent."""
    scorer: Annotated[ScorerChoice, BeforeValidator(scorer_by_name)]
    categories: tuple[str, ...] = ()
    """The categories of the data, in the order to report; default: those that the data hold."""
    modes: tuple[str, ...] = ()
    """Ways to ask, such as `fc` and `prompt` of BFCL; the first is the default. None: there is one way."""
    defaults: Defaults = Defaults()
    expected_tokens: StrictInt = Field(default=1000, ge=1)
    """What a typical completion takes; tasks with long ones are sent earlier. Decides nothing else."""
    private: StrictBool = False
    """Whether prompts stay out of exports, reports and logs, as the data's authors ask."""
    source: str = ""
    """Where data, prompt and scoring rule come from."""
    licence: str = ""

    _folder: Path = PrivateAttr(default=Path())
    _settings: TaskSettings = PrivateAttr(default=TaskSettings())

    @property
    def folder(self) -> Path:
        """Where the task file lies; its data's path starts there."""
        return self._folder

    @property
    def settings(self) -> TaskSettings:
        """What the suite set about it."""
        return self._settings

    @property
    def is_private(self) -> bool:
        """Whether its texts stay on this machine: because `private` says so, or by its name."""
        return self.private or is_private(self.name)

    @property
    def mode(self) -> str | None:
        """The way to ask; None where the task has only one."""
        return self._settings.mode or next(iter(self.modes), None)

    @property
    def score(self) -> Scorer:
        """The scorer, its options set."""
        return self.scorer.function

    def score_under(self, sampling: Sampling) -> Scorer:
        """The scorer of replies to requests with this sampling.

        Where stop words of lm-eval's were not sent, they end the answer here.
        """
        sent = set(self.defaults.sampling.stop) <= set(sampling.stop)
        if sent or self.data.format != "lm_eval":
            return self.score
        return ScorerChoice.model_validate(
            {"name": self.scorer.name, **self.scorer.options, "cut": True}
        ).function

    def with_settings(self, settings: TaskSettings) -> Task:
        """The same task, asked as `settings` say. Raises InputError where it offers no such thing."""
        if settings.mode is not None and settings.mode not in self.modes:
            offer = nearest(settings.mode, self.modes) if self.modes else "it is asked in one way"
            raise InputError(f'the task {self.name} has no mode "{settings.mode}", {offer}')
        if self.data.format != "lm_eval" and (
            settings.num_fewshot is not None or settings.fewshot_as_multiturn is not None
        ):
            raise InputError("`num_fewshot` and `fewshot_as_multiturn` are for tasks of lm-eval")
        task = self.model_copy(update={"system": settings.system} if settings.system is not None else {})
        task._settings = settings
        return task

    def render(self, values: Mapping[str, str]) -> str:
        """The user's message for one row; `values` by name of slot. What is filled in is not filled again."""
        return "".join(self.pieces(values, ()))

    def pieces(self, values: Mapping[str, str], kept: Collection[str]) -> tuple[str, ...]:
        """The same, cut at the slots named in `kept`, which stay unfilled: text, slot, text, …, text."""
        pieces = [""]
        for place, part in enumerate(_SLOT.split(self.prompt)):
            if place % 2 and part in kept:
                pieces += [part, ""]
            else:
                pieces[-1] += values.get(part, f"{{{part}}}") if place % 2 else part
        return tuple(pieces)

    @model_validator(mode="after")
    def _prompt_has_its_slots(self) -> Self:
        slots = {"question", *self.columns.extra, *(["category"] if self.columns.category else [])}
        used = set(_SLOT.findall(self.prompt))
        if "question" not in used:
            raise ValueError("the prompt must hold {question}")
        if self.columns.choices:
            whole, *letters = choice_slots(len(self.columns.choices))
            if whole not in used and not used.issuperset(letters):
                raise ValueError(f"the prompt must hold {{{whole}}}, or {{{'}, {'.join(letters)}}}")
            slots |= {whole, *letters}
        if used & {"target", str(self.columns.target), *self.columns.choices[:1]} - slots:
            raise ValueError("the prompt holds {target}: that would give the answer away")
        for word in sorted(used - slots):
            hint = nearest(word, slots)
            if hint.startswith("did you mean"):
                raise ValueError(f"the prompt holds {{{word}}}, which is no column, {hint}")
        return self


def scorer_of(task: str) -> str | None:
    """The scorer of a shipped task, or of one of lm-eval, by the task's name; None for any other."""
    if task.startswith(LM_EVAL):
        return "lm_eval"
    return load_task(task).scorer.name if task in known_tasks() else None


def known_tasks() -> tuple[str, ...]:
    """The names of the tasks that travel with evalbudget, in alphabetical order."""
    return tuple(sorted(path.stem for path in shipped_folder("tasks").glob("*.yaml")))


_NO_SETTINGS = TaskSettings()


def load_task(name: str, folder: Path | None = None, settings: TaskSettings = _NO_SETTINGS) -> Task:
    """The task of this name, or in the task file at this path as seen from `folder`. Raises InputError."""
    return _load(name, folder).with_settings(settings)


def _load(name: str, folder: Path | None) -> Task:
    if name in known_tasks():
        return read_task(shipped_folder("tasks") / f"{name}.yaml")
    if name.startswith(LM_EVAL):
        return _of_lm_eval(name.removeprefix(LM_EVAL), folder or Path.cwd())
    if Path(name).suffix in {".yaml", ".yml"}:
        return read_task(locate(name, folder or Path.cwd()))
    raise InputError(f'unknown task "{name}", {nearest(name, known_tasks())} (a task file ends in .yaml)')


def _of_lm_eval(name: str, folder: Path) -> Task:
    """The task of lm-eval of this name, or in the YAML file of lm-eval's at this path."""
    is_file = Path(name).suffix in {".yaml", ".yml"}
    facts = read_facts(locate(name, folder).resolve() if is_file else task_file(name))
    asked = {key: value for key in Sampling.__dataclass_fields__ if (value := getattr(facts.sampling, key))}
    asked["temperature"] = facts.sampling.temperature
    return Task(
        name=f"{LM_EVAL}{facts.name}",
        title=f"{facts.name} of lm-eval",
        version=facts.whole_version,
        data=DataSource(format="lm_eval", file=str(facts.path)),
        columns=Columns(target=None),
        prompt="{question}",
        scorer=ScorerChoice(name="lm_eval"),
        defaults=Defaults(sampling=SamplingChoice(**asked), repeats=facts.repeats),
        private=facts.private,
        source=facts.source,
    )


def read_task(path: Path) -> Task:
    """The task in this file. Raises InputError that names file, line and key."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text: {error}") from None
    source = read_yaml(text, path.name)
    task = parse(source, Task)
    folder = path.resolve().parent
    try:
        scorer = task.scorer.in_folder(folder)
    except InputError as error:
        raise source.error(("scorer",), str(error)) from None
    task = task.model_copy(update={"scorer": scorer})
    task._folder = folder
    return task


def locate(path_text: str, folder: Path) -> Path:
    """The file that a path in a suite means, seen from its folder, the one above, the current, the shipped.

    Raises InputError that lists where it looked.
    """
    path = Path(path_text).expanduser()
    places = [folder, folder.parent, Path.cwd(), shipped_root()]
    candidates = (
        [path] if path.is_absolute() else list(dict.fromkeys((place / path).resolve() for place in places))
    )
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise InputError(f"no file {path_text}; looked for {', '.join(map(str, candidates))}")
