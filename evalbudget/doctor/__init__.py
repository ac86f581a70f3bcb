"""What one server can and cannot do, found out with short questions.

examine     the checks in their order, under one deadline → Examination
findings    Finding: a check's verdict with its evidence and what mends it
interview   the questions, each asked once, and the replies that several checks read
mends       engine → the flag that mends a trouble
chat, thinking, budgets, repeating, tools, errors, load, memory     the checks, each one function
"""

from evalbudget.doctor.examine import (
    DEADLINE_S,
    Examination,
    budget_modes,
    examine,
    tally,
    unreachable,
)
from evalbudget.doctor.findings import Finding, Verdict
from evalbudget.doctor.interview import Patient

__all__ = [
    "DEADLINE_S",
    "Examination",
    "Finding",
    "Patient",
    "Verdict",
    "budget_modes",
    "examine",
    "tally",
    "unreachable",
]
