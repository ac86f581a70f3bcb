"""What leaves a store of a private task's rows, as SQL: `evalbudget.privacy` for tables."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Final

from evalbudget.privacy import DETAILS, LETTER, PRIVATE_WORDS, REQUEST, TEXTS, WORDS

PRIVATE_TASKS: Final = "private_tasks"
"""Key in `runs.options`: the names of the run's private tasks."""
OPTIONS: Final = "SELECT options FROM runs WHERE options IS NOT NULL"
"""What to ask the store for `private_tasks`."""


def private_tasks(rows: Iterable[str]) -> frozenset[str]:
    """Every task that any run of the store calls private, from the answer to `OPTIONS`."""
    found: set[str] = set()
    for text in rows:
        options = json.loads(text)
        names = options.get(PRIVATE_TASKS) if isinstance(options, dict) else None
        found.update(name for name in names or () if isinstance(name, str))
    return frozenset(found)


def is_private_sql(names: Collection[str]) -> str:
    """The condition that a row's `task` is private: one of `names`, or private by its name."""
    by_word = [f"contains(lower(task), {quoted(word)})" for word in PRIVATE_WORDS]
    listed = [f"task IN ({', '.join(map(quoted, sorted(names)))})"] if names else []
    return f"({' OR '.join([*by_word, *listed])})"


def public_sql(column: str, private: str) -> str:
    """A column of `attempts` for an export: of rows where the condition `private` holds, what may be seen."""
    name = f'"{column}"'
    if column in TEXTS:
        kept = "NULL"
    elif column in WORDS:
        kept = f"CASE WHEN regexp_full_match({name}, {quoted(LETTER)}) THEN {name} END"
    elif column == "details":
        kept = f"json_merge_patch('{{}}', json_object({', '.join(map(_detail, DETAILS))}))"
    elif column == "request":
        kept = f"json_merge_patch(coalesce({name}, '{{}}'), {quoted(json.dumps(dict.fromkeys(REQUEST)))})"
    else:
        return name
    return f"CASE WHEN {private} THEN {kept} ELSE {name} END"


def quoted(text: str) -> str:
    """As an SQL string, for COPY takes no parameters."""
    return "'" + text.replace("'", "''") + "'"


def _detail(key: str) -> str:
    """Key and value; a value of null vanishes in the merge (RFC 7396)."""
    path = quoted(f"$.{key}")
    fits = f"regexp_full_match(details->>{path}, {quoted(DETAILS[key])})"
    return f"{quoted(key)}, CASE WHEN {fits} THEN details->{path} END"
