"""What a suite needs to know of a task of lm-eval, from its YAML file alone: no data, none of its Python."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evalbudget.errors import InputError
from evalbudget.harness.catalogue import tasks_folder
from evalbudget.harness.quiet import one_line, quiet
from evalbudget.records import Sampling

STOP_WORDS_SENT = 4
"""lm-eval sends a chat endpoint this many stop words and forgets the others (LocalChatCompletion)."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_GATED_PRIVATE = frozenset({"Idavidrein/gpqa"})
"""Data sets whose authors ask that no question becomes public."""
_FLOATS = ("top_p", "min_p", "presence_penalty", "frequency_penalty", "repetition_penalty")
_DEFAULT_DELIMITER = "\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One generation task."""

    name: str
    """lm-eval's word for it."""
    path: Path
    """Its YAML file."""
    version: str
    """lm-eval's version of the task; empty where the file names none."""
    until: tuple[str, ...]
    """Every string that ends an answer."""
    sampling: Sampling
    """As lm-eval asks a chat endpoint, but for the length: only a limit that the task itself sets."""
    repeats: int
    """Answers that lm-eval takes to each document."""
    num_fewshot: int | None
    """Examples before the question; None where the task leaves it to the user, which means 0."""
    data: str
    """The data set's name on the Hub or its loader, with subset and split, for people."""
    hub: str | None
    """The data set's name on the Hub, `owner/name`; None where it lies elsewhere."""
    private: bool
    """Whether questions must not become public."""

    @property
    def word(self) -> str:
        """What `harness.task_file` finds it by: lm-eval's name for its own tasks, the path of others."""
        return self.name if tasks_folder() in self.path.parents else str(self.path)

    @property
    def whole_version(self) -> int:
        """The version's whole part, at least 1."""
        whole = self.version.partition(".")[0]
        return max(1, int(whole)) if whole.isdecimal() else 1

    @property
    def source(self) -> str:
        """Where it comes from, in one line."""
        version = f", version {self.version}" if self.version else ""
        shots = f"; {self.num_fewshot} examples before the question" if self.num_fewshot else ""
        limit = self.sampling.max_tokens
        cut = f"; its own limit of {limit} tokens is meant for answers without thinking" if limit else ""
        return f"lm-eval's task {self.name}{version}; data: {self.data}{shots}{cut}"


def read_facts(path: Path) -> Facts:
    """The facts of the task in this YAML file. Raises InputError for what is no generation task of text."""
    config = _config(path)
    name = str(config.get("task") or "")
    _refuse(config, name, path)
    wishes = _mapping(config.get("generation_kwargs"), f"{path}: generation_kwargs")
    until = _words(wishes.get("until", config.get("fewshot_delimiter", _DEFAULT_DELIMITER)))
    shots = config.get("num_fewshot")
    hub = config.get("dataset_path")
    return Facts(
        name=name,
        path=path,
        version=_version(config.get("metadata")),
        until=until,
        sampling=_sampling(wishes, until, path),
        repeats=max(1, _whole(config.get("repeats", 1), f"{path}: repeats")),
        num_fewshot=None if shots is None else _whole(shots, f"{path}: num_fewshot"),
        data=_data(config),
        hub=str(hub) if isinstance(hub, str) and re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", hub) else None,
        private=hub in _GATED_PRIVATE,
    )


def _config(path: Path) -> Mapping[str, object]:
    """The file with what it includes; its functions are left as text."""
    with quiet():
        try:
            from lm_eval.tasks._yaml_loader import load_yaml  # noqa: PLC0415 - takes two seconds

            config: Mapping[str, object] = load_yaml(path, resolve_func=False)
        except Exception as error:  # noqa: BLE001 - YAML, files, an lm-eval of another make: all one line
            raise InputError(f"{path}: cannot be read as a task of lm-eval: {one_line(error)}") from None
    return config


def _refuse(config: Mapping[str, object], name: str, path: Path) -> None:
    """Raise InputError, with the reason, for what cannot be asked or judged here."""
    kind = config.get("output_type", "generate_until")
    task = f"lm_eval/{name}"
    if "group" in config and "class" not in config:
        raise InputError(f"{path} is a group of tasks of lm-eval; name its tasks one by one")
    if "class" in config:
        raise InputError(f"{task} is written as a Python class; evalbudget runs tasks written as YAML")
    if kind != "generate_until":
        needs = f"{kind} needs log-probabilities of the prompt, which chat endpoints do not give"
        raise InputError(f"{task}: {needs}; choose a task with `output_type: generate_until`")
    if config.get("unsafe_code"):
        raise InputError(f"{task} runs the code that a model writes (`unsafe_code`); evalbudget never does")
    for key in ("doc_to_image", "doc_to_audio"):
        if config.get(key):
            raise InputError(f"{task} asks about {key.removeprefix('doc_to_')}s (`{key}`), not text alone")
    if not _NAME.fullmatch(name):
        raise InputError(f"{path}: `task` must be a name made of letters, digits and the marks . _ -")


def _sampling(wishes: Mapping[str, object], until: tuple[str, ...], path: Path) -> Sampling:
    """As lm-eval's LocalChatCompletion reads them, which passes over `do_sample`.

    It would also send `num_beams` and `max_new_tokens`, which no chat endpoint knows.
    """
    limit = wishes.get("max_tokens", wishes.get("max_gen_toks"))
    place = f"{path}: generation_kwargs"
    numbers = {key: _number(wishes[key], f"{place}.{key}") for key in _FLOATS if wishes.get(key) is not None}
    top_k = wishes.get("top_k")
    return Sampling(
        temperature=_number(wishes.get("temperature", 0), f"{place}.temperature"),
        top_k=None if top_k is None else _whole(top_k, f"{place}.top_k"),
        max_tokens=None if limit is None else _whole(limit, f"{place}.max_gen_toks"),
        stop=until[:STOP_WORDS_SENT],
        **numbers,
    )


def _words(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(map(str, value)) if isinstance(value, list) else ()


def _data(config: Mapping[str, object]) -> str:
    split = config.get("test_split") or config.get("validation_split")
    path = config.get("dataset_path") or "made by the task's own function"
    return ", ".join(str(part) for part in (path, config.get("dataset_name"), split) if part)


def _version(metadata: object) -> str:
    return str(metadata.get("version", "")) if isinstance(metadata, dict) else ""


def _mapping(value: object, place: str) -> Mapping[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InputError(f"{place}: must be a mapping")
    return value


def _number(value: object, place: str) -> float:
    try:
        return float(str(value))
    except ValueError:
        raise InputError(f"{place}: must be a number, not {value!r}") from None


def _whole(value: object, place: str) -> int:
    number = _number(value, place)
    if not number.is_integer():
        raise InputError(f"{place}: must be a whole number, not {value!r}")
    return int(number)
