"""What a run needs beyond a suite that is well written: files and keys."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator

from evalbudget.errors import InputError
from evalbudget.reasoning.budgets import force
from evalbudget.suite.schema import Model, Suite

_CUTS_THINKING = {"stop": "null", "max_tokens": "32768"}
"""Keys of `sampling:` that tasks of lm-eval set for answers without thinking → what suits thinking.

Stop words that are not sent end the answer where it is scored.
"""


def check_ready(suite: Suite, models: Collection[str] | None = None) -> None:
    """Raise InputError where a run could not begin: a missing key or file.

    `models` are the labels that will run; None = all.
    """
    _refuse_force_strings(suite)
    for place, model in enumerate(suite.models):
        if models is not None and model.name not in models:
            continue
        api_key(model)
        for key, path in _files(model):
            try:
                suite.locate(path)
            except InputError as error:
                raise suite.error(("models", place, *key), str(error)) from None


def api_key(model: Model) -> str | None:
    """The value of the variable that `api_key_env` names; None where it names none. Raises InputError."""
    if model.api_key_env is None:
        return None
    key = os.environ.get(model.api_key_env, "").strip()
    if not key:
        raise InputError(
            f"model {model.name}: the environment variable {model.api_key_env} (api_key_env) is not set"
        )
    return key


def _refuse_force_strings(suite: Suite) -> None:
    """A force string that closes nothing would leave the model thinking."""
    for place, model in enumerate(suite.models):
        if model.force_string is not None:
            try:
                force.custom(model.force_string, force.force_string())
            except ValueError as error:
                raise suite.error(("models", place, "force_string"), str(error)) from None


def hints(suite: Suite) -> tuple[str, ...]:
    """Lines about what is allowed and seldom meant."""
    return tuple(_hints(suite))


def _hints(suite: Suite) -> Iterator[str]:
    for place, model in enumerate(suite.models):
        if model.base_url is not None and model.base_url.count("/") == 2:
            path = ("models", place, "base_url")
            yield str(suite.error(path, f"most servers want {model.base_url}/v1; taken as it is"))
    yield from _hints_about_lm_eval(suite)


def _hints_about_lm_eval(suite: Suite) -> Iterator[str]:
    for place, (entry, task) in enumerate(zip(suite.tasks, suite.loaded, strict=True)):
        said = suite.sampling.model_fields_set | entry.sampling.model_fields_set
        left = [
            f"`{key}: {better}`"
            for key, better in _CUTS_THINKING.items()
            if key not in said and getattr(task.defaults.sampling, key)
        ]
        if task.data.format == "lm_eval" and left:
            reason = "brings stop words or a limit that end a model's thinking too; where it thinks, set"
            line = f"{task.name} {reason} {' and '.join(left)} under `sampling:`"
            yield str(suite.error(("tasks", place), line))


def _files(model: Model) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Key and path of each file that a model names."""
    if model.gguf is not None:
        yield ("gguf",), model.gguf
    if model.config is not None:
        yield ("config",), model.config
    for number, patch in enumerate(model.serve.patches if model.serve else ()):
        yield ("serve", "patches", number), patch
