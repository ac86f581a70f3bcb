"""Rows of several turns, and of memory and web search: what their dialogues and scorer need, in `extra`.

Source: bfcl_eval, utils.py (process_memory_test_case, process_web_search_test_case,
process_agentic_test_case, populate_test_cases_with_predefined_functions), constants/default_prompts.py,
executable_backend_config.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from evalbudget.datasets.bfcl.files import Files
from evalbudget.datasets.bfcl.functions import Description, hinted, system_prompt, tools, written
from evalbudget.datasets.bfcl.rows import asked
from evalbudget.records import JsonValue, Sample
from evalbudget.scoring.bfcl.simulated.classes import FILES

_SCENARIOS = ("student", "customer", "finance", "healthcare", "notetaker")

_ANSWER_FORMAT = (
    "For your final answer to the user, you must respond in this format: {'answer': A short "
    "and precise answer to the question, 'context': A brief explanation of how you arrived at "
    "this answer or why it is correct}. If you do not know the answer, respond with {'answer': "
    "'I do not know', 'context': 'I do not know'}. If you think the question cannot be "
    "properly answered, response with {'answer': 'I cannot answer this question', 'context': A "
    "short reason explaining why this question cannot be answered}.\n"
)
"""The benchmark's own words, quoted, mistake included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Function:
    """One function of a simulated API, in every wording."""

    name: str
    raw: Description
    """As in the data."""
    shown: Description
    """With the language named."""
    written: str
    """That in the system prompt."""
    tool: Mapping[str, JsonValue]
    """That in `tools=`."""
    late_tool: Mapping[str, JsonValue]
    """The same where it is held back at first: v4's official code adds it without the hint on the language,
    v3's with it (bfcl_eval, model_handler/base_handler.py, inference_multi_turn_FC)."""


class Conversations:
    """Makes samples of one version's rows; descriptions of simulated APIs are read and converted once."""

    def __init__(self, files: Files, version: str, mode: str) -> None:
        self._files = files
        self._version = version
        self._mode = mode
        self._by_class: dict[str, list[_Function]] = {}

    def samples(self, category: str) -> list[Sample]:
        """All of a category."""
        file = next((each for each in ("memory", "web_search") if category.startswith(each)), category)
        rows: list[Any] = self._files.questions(file)
        answers: list[Any] = self._files.answers(file)
        return [
            self._sample(category, file, row, answer["ground_truth"])
            for row, answer in zip(rows, answers, strict=True)
        ]

    def _sample(self, category: str, file: str, row: Mapping[str, Any], answer: JsonValue) -> Sample:
        agentic = file in {"memory", "web_search"}
        turns: list[Any] = row["question"]
        if agentic:
            turns = [[{"role": "system", "content": _ANSWER_FORMAT}, *turns[0]], *turns[1:]]
        classes = (
            [f"MemoryAPI_{category.removeprefix('memory_')}"] if file == "memory" else row["involved_classes"]
        )
        functions = [each for name in classes for each in self._functions(name)]
        missed = _missed(row, functions)
        held_back = {each.name for late in missed.values() for each in late}
        offered = [each for each in functions if each.name not in held_back]
        prompt = None
        if self._mode == "prompt":
            prompt = system_prompt([each.written for each in offered], self._version)
        extra: dict[str, Any] = {
            "version": self._version,
            "mode": self._mode,
            "ground_truth": answer,
            "turns": turns,
            "involved_classes": classes,
            "initial_config": _settings(category) if file == "web_search" else row.get("initial_config"),
            "functions": [each.shown for each in offered],
            "missed_function": {turn: [each.raw for each in late] for turn, late in missed.items()},
            "missed_tools": {turn: [each.late_tool for each in late] for turn, late in missed.items()},
            "function_prompt": prompt,
        }
        if file == "memory":
            extra |= {"scenario": row["scenario"], "prerequisites": self._prerequisites[row["scenario"]]}
        return asked(
            sample_id=row["id"].replace(file, category, 1),
            category=category,
            turn=turns[0],
            tools=tuple(each.tool for each in offered) if self._mode == "fc" else (),
            function_prompt=prompt,
            target=json.dumps(answer, ensure_ascii=False),
            extra=extra,
        )

    @cached_property
    def _prerequisites(self) -> Mapping[str, list[JsonValue]]:
        """Scenario → the conversations that fill the memory before the questions, in order."""
        found: dict[str, list[JsonValue]] = {}
        for scenario in _SCENARIOS:
            rows: list[Any] = self._files.rows(f"memory_prereq_conversation/memory_{scenario}.json")
            found[scenario] = [{"id": row["id"], "turns": row["question"]} for row in rows]
        return found

    def _functions(self, name: str) -> list[_Function]:
        """The functions of a simulated API."""
        if name not in self._by_class:
            rows: list[Any] = self._files.rows(f"multi_turn_func_doc/{FILES[name]}.json")
            self._by_class[name] = [
                self._function(row, shown) for row, shown in zip(rows, hinted(rows, "python"), strict=True)
            ]
        return self._by_class[name]

    def _function(self, raw: Description, shown: Description) -> _Function:
        return _Function(
            name=raw["name"],
            raw=raw,
            shown=shown,
            written=written(shown, self._version),
            tool=tools([shown])[0],
            late_tool=tools([raw if self._version == "v4" else shown])[0],
        )


def _missed(row: Mapping[str, Any], functions: Sequence[_Function]) -> dict[str, list[_Function]]:
    """Turn → the functions that are offered from then on."""
    by_name = {each.name: each for each in functions}
    listed: Mapping[str, Sequence[str]] = row.get("missed_function") or {}
    return {turn: [by_name[name] for name in names if name in by_name] for turn, names in listed.items()}


def _settings(category: str) -> dict[str, JsonValue]:
    return {"WebSearchAPI": {"show_snippet": "no_snippet" not in category}}
