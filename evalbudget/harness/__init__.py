"""The tasks of lm-eval (EleutherAI/lm-evaluation-harness): their data, prompts, filters and metrics.

    name → catalogue → the task's YAML file → facts          what a suite needs, no data read
    facts + settings → questions → samples                   lm-eval's own prompt builder, with the data
    sample + answer → verdicts, in a worker process          the task's filters and metrics, without the data
    metrics of all rows → aggregates                         the task's aggregation

lm-eval takes seconds to import, so only `lm_eval_task`, `questions`, `verdicts` and `aggregates` hold it, and
they are imported inside the functions that need them.
"""

from evalbudget.harness.catalogue import find_task, task_file
from evalbudget.harness.facts import Facts, read_facts

__all__ = ["Facts", "find_task", "read_facts", "task_file"]
