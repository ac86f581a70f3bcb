"""What each category of a task weighs in its published score."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from evalbudget.measures.bfcl import category_weights


def weights_of(scorer: str, task: str, categories: Collection[str]) -> Mapping[str, float]:
    """Category → its weight, summing to 1 over `categories`, those that were run; empty where each question
    weighs the same.

    `task`: its name, which for BFCL says the version (`bfcl_v3`, `bfcl_v4`); under any other name the
    categories do. A category that counts nowhere weighs 0. Source: `measures.bfcl`.
    """
    if scorer != "bfcl":
        return {}
    version = next((each for each in ("v3", "v4") if task == f"bfcl_{each}"), None)
    return category_weights(categories, version)
