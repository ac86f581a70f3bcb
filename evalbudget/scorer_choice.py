"""`scorer:` of a task file → a scorer with its options, checked before anything is sent."""

from __future__ import annotations

import inspect
import math
import re
import typing
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, PrivateAttr, TypeAdapter, ValidationError, model_validator

from evalbudget.contracts import Scorer
from evalbudget.scoring import ANSWERED_BY_TARGET, OPTIONS_CHECKED, SCORERS
from evalbudget.scoring.user_function import DEFAULT_LIMIT_S, TIME_LIMIT, UserFunction
from evalbudget.yaml_source import nearest

_USER_FUNCTION = re.compile(r"(?P<file>.+\.py):(?P<function>[A-Za-z_]\w*)")


class ScorerChoice(BaseModel):
    """`scorer:`, a name, or a mapping of a name and that scorer's options."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str
    """One of `SCORERS`, or `file.py:function` for a function of the user's own."""

    _folder: Path = PrivateAttr(default=Path())

    @property
    def options(self) -> Mapping[str, object]:
        """The options that the file sets."""
        return self.model_extra or {}

    @property
    def function(self) -> Scorer:
        """The scorer, its options set."""
        own = self._user_function()
        if own is not None:
            return own
        return partial(SCORERS[self.name], **self._arguments()) if self.options else SCORERS[self.name]

    @property
    def answered_by_target(self) -> bool:
        """Whether an answer that is nothing but the target is right."""
        return self.name in ANSWERED_BY_TARGET or self.options.get("equals_target") is True

    def in_folder(self, folder: Path) -> ScorerChoice:
        """The same for a task file in this folder, where its paths start. Raises InputError."""
        choice = self.model_copy()
        choice._folder = folder
        own = choice._user_function()
        if own is not None:
            own.check()
        elif self.name in OPTIONS_CHECKED:
            OPTIONS_CHECKED[self.name](**choice._arguments())
        return choice

    def _user_function(self) -> UserFunction | None:
        own = _USER_FUNCTION.fullmatch(self.name)
        if own is None:
            return None
        options = dict(self.options)
        limit = options.pop(TIME_LIMIT, DEFAULT_LIMIT_S)
        return UserFunction(
            file=(self._folder / own["file"]).resolve(),
            function=own["function"],
            options=options,
            time_limit_s=typing.cast("float", limit),
        )

    def _arguments(self) -> dict[str, Any]:
        """The options as the scorer takes them: a path starts at the task file's folder."""
        known = scorer_options(self.name)
        return {
            name: (self._folder / str(value)).resolve() if _is_path(known[name]) else value
            for name, value in self.options.items()
        }

    @model_validator(mode="after")
    def _known(self) -> ScorerChoice:
        limit = self.options.get(TIME_LIMIT, DEFAULT_LIMIT_S)
        if not isinstance(limit, int | float) or not 0 < limit < math.inf:
            raise ValueError(f"the scorer's option `{TIME_LIMIT}` must be a number above 0, in seconds")
        if _USER_FUNCTION.fullmatch(self.name):
            return self
        if self.name not in SCORERS:
            hint = nearest(self.name, SCORERS)
            own = "; a function of your own is named `file.py:function`" if ".py" in self.name else ""
            raise ValueError(f'unknown scorer "{self.name}", {hint}{own}')
        self._check_options(scorer_options(self.name))
        return self

    def _check_options(self, known: Mapping[str, Any]) -> None:
        for option, value in self.options.items():
            if option not in known:
                raise ValueError(f'the scorer {self.name} has no option "{option}", {nearest(option, known)}')
            wanted: TypeAdapter[object] = TypeAdapter(str if _is_path(known[option]) else known[option])
            try:
                wanted.validate_python(value, strict=True)
            except ValidationError as error:
                reason = error.errors()[0]["msg"].replace("Input should be", "must be")
                raise ValueError(f"the scorer's option `{option}` {reason}") from None


def scorer_options(name: str) -> Mapping[str, Any]:
    """The options of the scorer `name` and their types."""
    hints = typing.get_type_hints(SCORERS[name])
    parameters = inspect.signature(SCORERS[name]).parameters.values()
    return {each.name: hints[each.name] for each in parameters if each.kind is each.KEYWORD_ONLY}


def scorer_by_name(value: object) -> object:
    """A bare name stands for a mapping with nothing else."""
    return {"name": value} if isinstance(value, str) else value


def _is_path(hint: object) -> bool:
    return hint is Path or Path in typing.get_args(hint)
