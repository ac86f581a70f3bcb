"""A run's figures as JSON, unrounded; what is unknown is null."""

from __future__ import annotations

import msgspec

from evalbudget.report.comparison.plain import compared_json
from evalbudget.report.curves import curve_json
from evalbudget.report.differences import differences_within
from evalbudget.report.figures import RunFigures
from evalbudget.report.warnings import warnings


def json_text(figures: RunFigures) -> str:
    """One object: run, store, cells (as in the table `cells`), curves (of task and model, where there are
    budgets), compared (of task and model, with the model that it is compared to: `comparison.plain`),
    efforts, loops, measures (of task, model, budget), servers, memory (of each server, with what was seen of
    it), failures, repeats (pass@k and maj@k of task and model), token_sources, warnings, differences (within
    a family, besides what is compared), notes."""
    told = {
        "run": figures.run,
        "store": figures.store,
        "cells": [cell for part in figures.tasks for cell in part.cells],
        "curves": [curve_json(curve) for part in figures.tasks for curve in part.curves],
        "compared": [compared_json(each) for each in figures.compared],
        "efforts": figures.efforts,
        "loops": figures.loops,
        "measures": [measured for part in figures.tasks for measured in part.measured],
        "servers": figures.servers,
        "memory": figures.memory,
        "failures": figures.failures,
        "repeats": figures.repeats,
        "token_sources": figures.token_sources,
        "warnings": warnings(figures),
        "differences": differences_within(figures.servers),
        "notes": figures.notes,
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"
