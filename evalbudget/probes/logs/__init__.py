"""What a server's log tells of it: its start once, its use line by line."""

from evalbudget.probes.logs.facts import facts_of_log
from evalbudget.probes.logs.watch import LogWatch

__all__ = ["LogWatch", "facts_of_log"]
