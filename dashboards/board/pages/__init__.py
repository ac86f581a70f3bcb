"""One file a page: `show(view)` draws it."""

PAGES = {
    "overview": ("Overview", "monitoring"),
    "budgets": ("Budgets", "timeline"),
    "compare": ("Compare", "compare_arrows"),
    "loops": ("Loops", "all_inclusive"),
    "memory": ("Memory", "memory"),
    "answers": ("Answers", "search"),
    "runs": ("Runs", "dns"),
}
"""File here → its title and the name of its icon; the first opens."""
