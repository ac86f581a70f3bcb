"""Scorers: pure functions (Sample, Reply) → Score, one file each, named in `SCORERS`.

A scorer's keyword arguments with defaults are its options: a task file sets them beside the scorer's name, as
in `scorer: {name: integer, low: 0, high: 999}`. Adding a scorer is one file and one line here.

Every regular expression over a model's text has bounded or unambiguous repetition, so that time grows
linearly with the text; what cannot promise that runs in a worker process (`evalbudget.isolation`).
"""

from collections.abc import Callable, Mapping

from evalbudget.contracts import Scorer
from evalbudget.scoring.bfcl import bfcl
from evalbudget.scoring.choice import choice
from evalbudget.scoring.exact import exact
from evalbudget.scoring.ifeval import ifeval, ifeval_ready
from evalbudget.scoring.integer import integer
from evalbudget.scoring.json_schema import check_json_schema, json_schema
from evalbudget.scoring.lm_eval import lm_eval
from evalbudget.scoring.math_verify import check_math_verify, math_verify
from evalbudget.scoring.number import number
from evalbudget.scoring.regex import check_regex, regex

SCORERS: Mapping[str, Scorer] = {
    "integer": integer,
    "number": number,
    "choice": choice,
    "exact": exact,
    "regex": regex,
    "math_verify": math_verify,
    "json_schema": json_schema,
    "ifeval": ifeval,
    "lm_eval": lm_eval,
    "bfcl": bfcl,
}
"""Name in a task file → scorer."""

ANSWERED_BY_TARGET = frozenset({"integer", "number", "choice", "exact", "math_verify"})
"""Scorers that give 1.0 for an answer that is nothing but the target; each sample's target is tried."""

READY: Mapping[str, Callable[[], None]] = {"math_verify": check_math_verify, "ifeval": ifeval_ready}
"""Name → what raises InputError, in one line that says how to get it, where something is not installed."""

OPTIONS_CHECKED: Mapping[str, Callable[..., None]] = {"regex": check_regex, "json_schema": check_json_schema}
"""Name → what takes the same options and raises InputError where they cannot work together."""


def check_ready(name: str) -> None:
    """Raise InputError where the scorer `name` could not work on this machine."""
    if name in READY:
        READY[name]()
