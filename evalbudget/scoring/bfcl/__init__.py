"""`bfcl`: function calls, judged as the authors of the Berkeley Function Calling Leaderboard judge them.

    scorer.py                a reply → its calls → Score; what official faults are remarked on
    decoding.py              a reply → its calls, in the way that the question was asked
      tool_calls.py          calls that the server parsed, or that stand in the text as JSON
      python_calls.py        text in Python's syntax; arithmetic.py: its computed arguments
      java_calls.py, javascript_calls.py   text in those syntaxes; source.py: what both read alike
    checker.py               calls against the possible answers
      java_values.py, javascript_values.py   literals → values; literals.py: what both read alike
    turns.py, simulated/     conversations: multi-turn, memory, web search

Nothing of a model's text is ever evaluated: Python is parsed, and what is not a literal stays text.
Source of the rules: bfcl-eval 2026.3.23 for v4, 2025.8.6 for v3 (ShishirPatil/gorilla), named in each file.
"""

from evalbudget.scoring.bfcl.scorer import bfcl

__all__ = ["bfcl"]
