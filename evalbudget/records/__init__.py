"""The records that travel through a run, frozen, each field documented where it is defined.

Sample ─ Job ─ Request → Reply | Failure → Score | Failure → Attempt        one row
RunRecord, ServerRecord, Reading                                             what surrounds the rows
"""

from evalbudget.records.json_value import JsonValue
from evalbudget.records.questions import Choices, Job, Message, Request, Sample, Sampling, ToolCall
from evalbudget.records.replies import (
    Failure,
    FailureKind,
    ReasoningForm,
    Reply,
    Step,
    Timings,
    TokenCounts,
    TokenSource,
    Usage,
)
from evalbudget.records.rows import Attempt, Outcome, Reading, RunRecord, Score, ServerRecord

__all__ = [
    "Attempt",
    "Choices",
    "Failure",
    "FailureKind",
    "Job",
    "JsonValue",
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
    "ServerRecord",
    "Step",
    "Timings",
    "TokenCounts",
    "TokenSource",
    "ToolCall",
    "Usage",
]
