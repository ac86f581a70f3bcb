"""suite.yaml → Suite, every word checked before any request; errors name file, line, key, what would work.

text → secrets (refuse) → schema (parse) → loading (names, tasks, categories) → Suite
Suite → readiness: what only a run needs: files, keys, features that are built
"""

from evalbudget.suite.loading import find_suite, load_suite, parse_suite
from evalbudget.suite.readiness import api_key, check_ready, hints
from evalbudget.suite.schema import BudgetMode, Model, Serve, Suite, SuiteTask

__all__ = [
    "BudgetMode",
    "Model",
    "Serve",
    "Suite",
    "SuiteTask",
    "api_key",
    "check_ready",
    "find_suite",
    "hints",
    "load_suite",
    "parse_suite",
]
