"""Two models compared, in records and in words: for `compare`, `report` and the dashboard alike.

records     one comparison with its verdict, its sentences, its table and its warnings
comparing   models of a store → these records
within      the quantizations of one run's families, each beside the widest
turned      which questions one of them alone has right
words       what is shown, in one sentence
rows        the table
cautions    the warnings
plain       the same as JSON
names       two words of a user → models of runs
gate        whether every comparison is shown no worse
printing    what `compare` prints
command     `compare` itself
"""

from evalbudget.report.comparison.comparing import Asked, compare_models, compare_pairs
from evalbudget.report.comparison.records import (
    AtBudget,
    Compared,
    ComparedSide,
    Comparisons,
    NotCompared,
    Pair,
    Row,
    Verdict,
)
from evalbudget.report.comparison.turned import Turned, flips_by_question
from evalbudget.report.comparison.within import compared_in
from evalbudget.report.comparison.words import MEANING, TARGETS, TITLE

__all__ = [
    "MEANING",
    "TARGETS",
    "TITLE",
    "Asked",
    "AtBudget",
    "Compared",
    "ComparedSide",
    "Comparisons",
    "NotCompared",
    "Pair",
    "Row",
    "Turned",
    "Verdict",
    "compare_models",
    "compare_pairs",
    "compared_in",
    "flips_by_question",
]
