"""BASE and CANDIDATE as a user writes them → models of runs; what a word may be is tried in a fixed order.

A model's label; a quantization, where one model of the run has it, or one of the other's family; RUN:MODEL;
a run (its id, a part of it, `last`). Labels and quantizations are those of `--run`, else of the newest run
that has both words, else of the newest that has each. Two runs are compared label by label; a run beside a
model means its model of that label, or its only one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, TypeAlias

from evalbudget.errors import InputError
from evalbudget.report.words import one_line
from evalbudget.store.paired import KnownModel, ModelOfRun
from evalbudget.store.queries import Store
from evalbudget.store.replay import Named, choose_run

_LONGEST: Final = 80
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What two words were taken for."""

    pairs: tuple[tuple[ModelOfRun, ModelOfRun], ...]
    """(base, candidate), at least one."""
    lines: tuple[str, ...]
    """What is compared with what, and what a run has that the other lacks; of one line each."""


@dataclass(frozen=True, slots=True)
class _WholeRun:
    """A word that means a run."""

    run_id: str


_Meaning: TypeAlias = KnownModel | _WholeRun


def taken_for(store: Store, base: str, candidate: str, run: str | None = None) -> Taken:
    """The pairs that two words mean; `run`: a word for the run that holds both.

    Raises `InputError`, of one line: an unknown word with the nearest right ones, one that means several
    models, the same model twice, two runs that share no label.
    """
    with store.batch():
        return _Words(store, run).taken(base, candidate)


class _Words:
    """The words of one store."""

    def __init__(self, store: Store, run: str | None) -> None:
        self._store = store
        self._runs = store.runs()
        self._models = store.known_models()
        only = None if run is None else self._run_of(run)
        self._only = only
        if only is not None:
            self._models = tuple(model for model in self._models if model.run_id == only)
        if not self._models:
            where = f"run {only}" if only else store.path
            raise InputError(f"no attempt in {where} yet: nothing to compare")

    def taken(self, base: str, candidate: str) -> Taken:
        """See `taken_for`."""
        ours, theirs = self._in_one_run(base, candidate) or (self._meaning(base), self._meaning(candidate))
        if isinstance(ours, _WholeRun) and isinstance(theirs, _WholeRun):
            return self._of_runs(ours.run_id, theirs.run_id)
        if isinstance(ours, _WholeRun):
            ours = self._model_of(ours.run_id, theirs)
        elif isinstance(theirs, _WholeRun):
            theirs = self._model_of(theirs.run_id, ours)
        assert isinstance(ours, KnownModel) and isinstance(theirs, KnownModel)  # noqa: S101 - narrowed above
        if ours.side == theirs.side:
            raise InputError(
                f"{_quoted(base)} and {_quoted(candidate)} are the same model, {_said(ours)}: name another, "
                "or RUN:MODEL for the same model in another run"
            )
        return Taken(pairs=((ours.side, theirs.side),), lines=_lines(ours, theirs))

    def _in_one_run(self, base: str, candidate: str) -> tuple[KnownModel, KnownModel] | None:
        """Of the newest run in which both words name a model."""
        for run_id in dict.fromkeys(model.run_id for model in self._models):
            models = [model for model in self._models if model.run_id == run_id]
            named = [(one, other) for one in _named(base, models) for other in _named(candidate, models)]
            if len(named) > 1:
                named = [(one, other) for one, other in named if one.family and one.family == other.family]
            if len(named) == 1:
                return named[0]
        return None

    def _meaning(self, word: str) -> _Meaning:
        several: list[KnownModel] = []
        for run_id in dict.fromkeys(model.run_id for model in self._models):
            found = _named(word, [model for model in self._models if model.run_id == run_id])
            if len(found) == 1:
                return found[0]
            several = several or found
        if several:
            labels = ", ".join(one_line(model.model, _LONGEST) for model in several[:5])
            raise InputError(
                f"{_quoted(word)} is the quantization of several models of run {several[0].run_id}: {labels};"
                " name one of them"
            )
        found_in_run = self._of_run_and_model(word)
        if found_in_run is not None:
            return found_in_run
        if self._only is None:
            whole = self._run_of(word, or_none=True)
            if whole is not None:
                return _WholeRun(whole)
        raise InputError(f"no model and no run {_quoted(word)}{self._where()}; {self._nearest(word)}")

    def _of_run_and_model(self, word: str) -> KnownModel | None:
        """RUN:MODEL; both sides may hold colons."""
        for place, char in enumerate(word):
            run_id = self._run_of(word[:place], or_none=True) if char == ":" and place else None
            if run_id is None:
                continue
            models = [model for model in self._store.known_models() if model.run_id == run_id]
            found = _named(word[place + 1 :], models)
            if len(found) == 1:
                return found[0]
            labels = [model.model for model in models]
            raise InputError(
                f"run {run_id} has no model {_quoted(word[place + 1 :])}; {near(word[place + 1 :], labels)}"
            )
        return None

    def _run_of(self, word: str, *, or_none: bool = False) -> str | None:
        named = [Named(run.run_id, str(run.started_at or "")) for run in self._runs]
        try:
            return choose_run(word, named, self._store.path)
        except InputError:
            if or_none and not any(word in run.run_id for run in named):
                return None
            raise

    def _model_of(self, run_id: str, other: _Meaning) -> KnownModel:
        """The model of a run that is meant beside a model: that of its label, else the only one."""
        assert isinstance(other, KnownModel)  # noqa: S101 - two runs are another way
        models = [model for model in self._models if model.run_id == run_id]
        same = [model for model in models if model.model == other.model and model.side != other.side]
        found = same or [model for model in models if model.side != other.side]
        if len(found) == 1:
            return found[0]
        label = one_line(other.model, _LONGEST)
        if not found:
            raise InputError(f"run {run_id} has no model to compare with {label}")
        raise InputError(
            f"run {run_id} has several models and none is called {label}: write RUN:MODEL, such as "
            f"{run_id}:{one_line(found[0].model, _LONGEST)}"
        )

    def _of_runs(self, base: str, candidate: str) -> Taken:
        if base == candidate:
            raise InputError(f"both words mean run {base}: name another run, or two models of it")
        ours, theirs = (
            {model.model: model for model in self._models if model.run_id == run_id}
            for run_id in (base, candidate)
        )
        both = [label for label in ours if label in theirs]
        if not both and len(ours) == len(theirs) == 1:
            one, other = next(iter(ours.values())), next(iter(theirs.values()))
            return Taken(pairs=((one.side, other.side),), lines=_lines(one, other))
        if not both:
            raise InputError(
                f"runs {base} and {candidate} share no model's label: {_few(ours)} and {_few(theirs)}; write "
                "RUN:MODEL for both"
            )
        lines = [f"runs {base} (base) and {candidate} (candidate), each model with itself: {_few(both)}"]
        for run_id, alone in ((base, ours.keys() - both), (candidate, theirs.keys() - both)):
            if alone:
                lines.append(f"only in run {run_id}, so not compared: {_few(sorted(alone))}")
        return Taken(
            pairs=tuple((ours[label].side, theirs[label].side) for label in both), lines=tuple(lines)
        )

    def _where(self) -> str:
        return f" in run {self._only}" if self._only else f" in {self._store.path}"

    def _nearest(self, word: str) -> str:
        words = [model.model for model in self._models]
        words += [model.quantization for model in self._models if model.quantization != _UNKNOWN]
        words += [] if self._only else [run.run_id for run in self._runs]
        return near(word, words)


def _named(word: str, models: Sequence[KnownModel]) -> list[KnownModel]:
    """The models of one run that a word names: by label, by its letters whatever their case, by
    quantization."""
    plain = word.strip().lower()
    ways: Iterator[Callable[[KnownModel], bool]] = iter(
        (
            lambda model: model.model == word,
            lambda model: model.model.lower() == plain,
            lambda model: model.quantization.lower() == plain and plain != _UNKNOWN,
        )
    )
    for fits in ways:
        found = [model for model in models if fits(model)]
        if found:
            return found
    return []


def _lines(base: KnownModel, candidate: KnownModel) -> tuple[str, ...]:
    return (f"base: {_said(base)}", f"candidate: {_said(candidate)}")


def _said(model: KnownModel) -> str:
    label = one_line(model.model, _LONGEST)
    word = one_line(model.quantization, 40)
    known = word and word.lower() != _UNKNOWN
    return f"{label}{f' ({word})' if known else ''} of run {model.run_id}"


def near(word: str, known: Sequence[str]) -> str:
    """The nearest right words, or all of them where none is near."""
    words = list(dict.fromkeys(known))
    lower = {each.lower(): each for each in words}
    near = get_close_matches(word.lower(), list(lower), n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(_quoted(lower[each]) for each in near)}?"
    return f"known: {_few(words)}"


def _few(words: Sequence[str] | dict[str, KnownModel]) -> str:
    shown = [one_line(word, _LONGEST) for word in list(words)[:8]]
    return ", ".join(shown) + (f" and {len(words) - 8} more" if len(words) > 8 else "")


def _quoted(word: str) -> str:
    return f'"{one_line(word, _LONGEST)}"'
