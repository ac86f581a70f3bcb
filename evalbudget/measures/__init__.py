"""What a task's own authors publish about it, beyond the mean score: pure functions (rows) → measures.

One file for each scorer that has any, named in `MEASURES`. A measure is labelled with who publishes it, and
says what is missing from it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from evalbudget.measures.bfcl import bfcl
from evalbudget.measures.choice import choice
from evalbudget.measures.ifeval import ifeval
from evalbudget.measures.lm_eval import lm_eval
from evalbudget.measures.measure import Measure, ScoredRow
from evalbudget.measures.weights import weights_of

Measuring: TypeAlias = Callable[[Sequence[ScoredRow]], tuple[Measure, ...]]

MEASURES: Mapping[str, Measuring] = {
    "choice": choice,
    "ifeval": ifeval,
    "lm_eval": lm_eval,
    "bfcl": bfcl,
}
"""Name of a scorer → its measures, of the rows of one model, task and budget; every repeat is a row."""

__all__ = ["MEASURES", "Measure", "Measuring", "ScoredRow", "weights_of"]
