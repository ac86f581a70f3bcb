"""The keys of a suite.yaml: frozen pydantic models, each field with its meaning and default."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    StrictFloat,
    StrictInt,
    model_validator,
)

from evalbudget.errors import InputError
from evalbudget.tasks import SamplingChoice, Task, TaskSettings, locate
from evalbudget.yaml_source import Checked, KeyPath, YamlSource

BudgetMode = Literal["trace", "force", "server", "max_tokens"]
Loops = Literal["measure", "stop", "rescue"]

UNLIMITED = "unlimited"

LLAMACPP_CACHE_TYPES = ("f16", "bf16", "f32", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")
"""llama.cpp's types of cache (common/arg.cpp, kv_cache_types)."""

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


def _auto_is_none(value: object) -> object:
    if value == "auto":
        return None
    if value is None or isinstance(value, str):
        raise ValueError('must be a whole number of at least 1, or "auto"')
    return value


def _number_is_text(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _budget(value: object) -> object:
    if value == UNLIMITED:
        return None
    if value is None or isinstance(value, str):
        raise ValueError(f'must be a number of tokens, or the word "{UNLIMITED}"')
    return value


def _root_url(url: str) -> str:
    if not url.startswith(("http://", "https://")) or not urlsplit(url).hostname:
        raise ValueError("must be a URL such as http://localhost:8000/v1")
    if re.search(r"/(chat/completions|completions|models)/?$", url):
        raise ValueError(
            "must be the root of the API, such as http://localhost:8000/v1, not one of its paths"
        )
    return url.rstrip("/")


def _label(name: str) -> str:
    if re.search(r"[,=\x00-\x1f]", name) or name != name.strip():
        raise ValueError("must hold no comma and no `=`, and no blank at an end: `--only` could not name it")
    return name


def _variable(name: str) -> str:
    looks_random = len(name) >= 16 and "_" not in name and any(letter.isdigit() for letter in name)
    if not _VARIABLE.fullmatch(name) or looks_random:
        raise ValueError(
            "takes the NAME of an environment variable, such as OPENAI_API_KEY; what stands there"
            " does not look like one and is not shown, in case it is the key"
        )
    return name


def _unique(values: Sequence[Hashable]) -> Sequence[Hashable]:
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise ValueError(f"holds {UNLIMITED if twice[0] is None else twice[0]} more than once")
    return values


Text = Annotated[str, BeforeValidator(_number_is_text)]
"""A text; a number in the file stands for its digits."""
Budget = Annotated[Annotated[StrictInt, Field(ge=0)] | None, BeforeValidator(_budget)]
"""Thinking tokens allowed; `unlimited` in the file is None here."""
Budgets = Annotated[tuple[Budget, ...], Field(min_length=1), AfterValidator(_unique)]
"""One cell of results for each."""


class Serve(Checked):
    """`serve:`: a server that the run starts and stops."""

    command: tuple[Text, ...] = Field(min_length=1)
    """Program and arguments; no shell reads them. `{port}` in them and in `base_url` becomes a free port."""
    env: Mapping[str, Text] = Field(default_factory=dict)
    """Variables added to those that evalbudget itself was started with."""
    patches: tuple[str, ...] = ()
    """Patch files of the engine, recorded by name and sha256."""
    ready_s: StrictFloat = Field(default=900.0, gt=0)
    """Seconds within which the server must answer."""


class Model(Checked):
    """One of `models:`, one served endpoint under one label."""

    name: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_label)]
    """The label, unique in the suite."""
    base_url: Annotated[str, AfterValidator(_root_url)] | None = None
    """The server's OpenAI-compatible root, such as http://localhost:8000/v1."""
    gguf: str | None = None
    """Instead of `base_url`: a GGUF file that llama.cpp runs inside the process."""
    model: str | None = None
    """The name that requests carry; default: the one model that the server lists."""
    family: str | None = None
    """Groups the quantizations of the same base weights."""
    quantization: Text | None = None
    """Default: detected, else "unknown"."""
    api_key_env: Annotated[str, AfterValidator(_variable)] | None = None
    """The NAME of the environment variable that holds the key."""
    config: str | None = None
    """The model's config.json, for its KV memory."""
    log: str | None = None
    """The log of a server that is running already, for its KV memory; of one that we start it is known."""
    concurrency: Annotated[Annotated[StrictInt, Field(ge=1)] | None, BeforeValidator(_auto_is_none)] = None
    """Requests in flight; None, in the file `auto`, climbs while throughput rises."""
    effort: str | None = Field(default=None, min_length=1)
    """Thinking effort as a word, such as low, medium or high, in the server's own field for it."""
    force_string: str | None = Field(default=None, min_length=1)
    """What closes this model's thinking where a budget or a loop cuts it, the closing marker included;
    default: its family's (`reasoning.budgets.force`)."""
    extra_body: Mapping[str, Any] = Field(default_factory=dict)
    """JSON fields passed through with every request."""
    prompt_opens_thinking: bool = False
    """The chat template ends in `<think>` and the server does not split the thinking off: a reply without
    markers is then thinking that never closed. Elsewhere this is learnt from the replies that do close."""
    serve: Serve | None = None
    """The server that the run starts and stops; default: it is running already."""
    context: StrictInt | None = Field(default=None, ge=64)
    """For `gguf`: tokens for one sequence, prompt and completion; default: the engine's choice."""
    slots: StrictInt | None = Field(default=None, ge=1, le=256)
    """For `gguf`: sequences decoded at once; default: `concurrency`, or the engine's choice with `auto`."""
    kv_dtype: Text | None = Field(default=None, min_length=1)
    """Type of the KV cache, such as f16, q8_0 or fp8. For `gguf`: the one to use; of a server: the one that
    it was started with, where neither its pages nor its log say so."""

    @model_validator(mode="after")
    def _one_way_to_reach_it(self) -> Self:
        if (self.base_url is None) == (self.gguf is None):
            both = self.base_url is not None
            raise ValueError(
                "has both `base_url` and `gguf`; keep one" if both else "needs `base_url` or `gguf`"
            )
        if self.gguf is not None and (self.serve is not None or self.api_key_env is not None):
            raise ValueError("`gguf` runs inside the process: `serve` and `api_key_env` belong to `base_url`")
        if self.gguf is not None and self.kv_dtype is not None and self.kv_dtype not in LLAMACPP_CACHE_TYPES:
            raise ValueError(f"`kv_dtype` of a gguf is one of {', '.join(LLAMACPP_CACHE_TYPES)}")
        if self.base_url is not None and (self.context is not None or self.slots is not None):
            raise ValueError("`context` and `slots` belong to `gguf`; a server has flags of its own for them")
        if self.log is not None and (self.gguf is not None or self.serve is not None):
            raise ValueError("`log` is of a server that runs already: of one that we start it is known")
        in_command = self.serve is not None and any("{port}" in word for word in self.serve.command)
        if self.base_url is not None and ("{port}" in self.base_url) != in_command:
            raise ValueError("`{port}` must stand in `base_url` and in `serve.command`, or in neither")
        return self


class SuiteTask(Checked):
    """One of `tasks:`, a name alone or a mapping."""

    task: str
    """A shipped task's name, or the path of a task file."""
    repeats: StrictInt | None = Field(default=None, ge=1)
    """Independent answers to each sample; default: the suite's, else the task's."""
    budgets: Budgets | None = None
    """Default: the suite's."""
    categories: Annotated[tuple[str, ...], AfterValidator(_unique)] = ()
    """Default: all."""
    sampling: SamplingChoice = SamplingChoice()
    """Goes before the suite's, which goes before the task's."""
    limit: StrictInt | None = Field(default=None, ge=1)
    """Only the first so many samples."""
    mode: str | None = None
    """One of the task's ways to ask, such as `fc` or `prompt` of BFCL; default: its first."""
    num_fewshot: StrictInt | None = Field(default=None, ge=0)
    """For tasks of lm-eval: examples before the question; default: the task's own number."""
    fewshot_as_multiturn: bool | None = None
    """For tasks of lm-eval: whether these examples are messages of their own; default: yes, as in lm-eval."""
    system: str | None = None
    """A system message in place of the task's."""

    @property
    def settings(self) -> TaskSettings:
        """What it sets about the task itself."""
        return TaskSettings(
            mode=self.mode,
            num_fewshot=self.num_fewshot,
            fewshot_as_multiturn=self.fewshot_as_multiturn,
            system=self.system,
        )


def _task_by_name(value: object) -> object:
    return {"task": value} if isinstance(value, str) else value


class Suite(Checked):
    """A suite.yaml."""

    name: str = Field(min_length=1, max_length=200)
    models: tuple[Model, ...] = Field(min_length=1)
    tasks: tuple[Annotated[SuiteTask, BeforeValidator(_task_by_name)], ...] = Field(min_length=1)
    sampling: SamplingChoice = SamplingChoice()
    """For every task; what is not set is the task's default, and then the server's."""
    repeats: StrictInt | None = Field(default=None, ge=1)
    """Independent answers to each sample; default: each task's own."""
    budgets: Budgets = (None,)
    """Thinking tokens allowed, or `unlimited`, the default."""
    budget_mode: BudgetMode | None = None
    """How budgets are held; default: trace where there are budgets."""
    answer_tokens: StrictInt | None = Field(default=None, ge=1)
    """Tokens of an answer behind a thinking that was cut; default: 1024, for IFEval 2048."""
    loops: Loops = "measure"
    """What to do about a loop: nothing, stop the stream, or stop and let it answer."""
    seed: StrictInt = Field(default=0, ge=0, le=2**63 - 1)
    """Each request's seed follows from it, from task, sample and repeat; equal for all models."""

    _source: YamlSource = PrivateAttr()
    _path: Path = PrivateAttr(default=Path("suite.yaml"))
    _loaded: tuple[Task, ...] = PrivateAttr(default=())

    @property
    def holds_budgets_by(self) -> BudgetMode:
        """`budget_mode`, or its default."""
        return self.budget_mode or "trace"

    @property
    def source(self) -> str:
        """The file's text, which goes into the store; no secret stands in it."""
        return self._source.text

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def folder(self) -> Path:
        """Where the file lies."""
        return self._path.resolve().parent

    @property
    def loaded(self) -> tuple[Task, ...]:
        """The task of each entry of `tasks`, in their order."""
        return self._loaded

    def locate(self, path_text: str) -> Path:
        """The file that a path in this suite means. Raises InputError that lists where it looked."""
        return locate(path_text, self.folder)

    def read_from(self, source: YamlSource, path: Path) -> Suite:
        """The same suite, knowing its text and file."""
        suite = self.model_copy()
        suite._source, suite._path = source, path
        return suite

    def with_tasks(self, loaded: tuple[Task, ...]) -> Suite:
        """The same suite with the task of each entry."""
        suite = self.model_copy()
        suite._loaded = loaded
        return suite

    def error(self, path: KeyPath, message: str) -> InputError:
        """An error about a value of this suite, with file, line and key."""
        return self._source.error(path, message)
