"""Samples of the Berkeley Function Calling Leaderboard, v3 and v4.

loading.py        a task's samples, one of each category in turn
categories.py     names, groups, what can run on this machine
files.py          where the files of a version lie
rows.py           one row with its answer → Sample
conversations.py  what rows of several turns have besides
functions.py      descriptions of functions → tools, or the system prompt
"""

from evalbudget.datasets.bfcl.categories import GROUPS, asked_categories, left_out
from evalbudget.datasets.bfcl.loading import bfcl_samples, mode_unknown

__all__ = ["GROUPS", "asked_categories", "bfcl_samples", "left_out", "mode_unknown"]
