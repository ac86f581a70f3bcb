"""The records that travel through a run, frozen, each field documented where it is defined.

Sample ─ Job ─ Request → Reply | Failure → Score | Failure → Attempt        one row
RunRecord, ServerRecord, Reading                                             what surrounds the rows
ServerFacts with a CachePool, Load                                           what a server tells
"""

from evalbudget.records.cache import CachePart, CachePool, KvScale
from evalbudget.records.json_value import JsonValue
from evalbudget.records.questions import Begun, Choices, Job, Message, Request, Sample, Sampling, ToolCall
from evalbudget.records.replies import (
    Continued,
    ContinuedBy,
    Failure,
    FailureKind,
    ReasoningForm,
    Reply,
    Step,
    Stopped,
    Timings,
    TokenCounts,
    TokenSource,
    Usage,
)
from evalbudget.records.rows import Attempt, Outcome, Reading, RunRecord, Score, ServerRecord
from evalbudget.records.servers import Load, ServerFacts

__all__ = [
    "Attempt",
    "Begun",
    "CachePart",
    "CachePool",
    "Choices",
    "Continued",
    "ContinuedBy",
    "Failure",
    "FailureKind",
    "Job",
    "JsonValue",
    "KvScale",
    "Load",
    "Message",
    "Outcome",
    "Reading",
    "ReasoningForm",
    "Reply",
    "Request",
    "RunRecord",
    "Sample",
    "Sampling",
    "Score",
    "ServerFacts",
    "ServerRecord",
    "Step",
    "Stopped",
    "Timings",
    "TokenCounts",
    "TokenSource",
    "ToolCall",
    "Usage",
]
