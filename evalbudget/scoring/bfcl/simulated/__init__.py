"""BFCL's simulated APIs: the official classes, run on calls that a model wrote, without evaluating its text.

sources    where the official classes lie: PyPI's bfcl-eval, an optional part
classes    their modules, loaded from those files with the few imports that they need
bm25       a ranking that one of them imports
decode     what a model wrote in one step → texts of calls
literals   the text of a call → a method's name and plain values
world      a scenario's instances: calls in, result texts and states out
steps      the work that is done in worker processes: one step, or the judging of a conversation
"""
