"""Budgets of thinking: how a thinking is closed from outside, and whether a budget was kept.

force      the strings with which the thinking of each model family is closed
honoured   whether a reply kept its budget
advice     what a server that ignores budgets lacks
"""

from evalbudget.reasoning.budgets.advice import missing_flag
from evalbudget.reasoning.budgets.force import ForceString, custom, force_string
from evalbudget.reasoning.budgets.honoured import honoured

OF_A_CUT = ("force", "rescue")
"""Keys, in a reply's notes and in a row's details, of what was done to a thinking that we closed."""

__all__ = ["OF_A_CUT", "ForceString", "custom", "force_string", "honoured", "missing_flag"]
