"""A run's figures as JSON, unrounded; what is unknown is null."""

from __future__ import annotations

import msgspec

from evalbudget.report.figures import RunFigures


def json_text(figures: RunFigures) -> str:
    """One object: run, store, cells (as in the table `cells`), measures (of task, model, budget), servers,
    failures, token_sources, notes."""
    told = {
        "run": figures.run,
        "store": figures.store,
        "cells": [cell for part in figures.tasks for cell in part.cells],
        "measures": [measured for part in figures.tasks for measured in part.measured],
        "servers": figures.servers,
        "failures": figures.failures,
        "token_sources": figures.token_sources,
        "notes": figures.notes,
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"
