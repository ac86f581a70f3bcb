"""What is known of the server's KV memory."""

from __future__ import annotations

from evalbudget.doctor.findings import Seen, missing, unknown, works
from evalbudget.doctor.interview import Interview
from evalbudget.doctor.mends import CONFIG, KV, mend

_AGREES = "agrees"
_GIB, _MIB = 2**30, 2**20


async def kv_bytes(asked: Interview) -> Seen:
    """Measured beside expected."""
    kv, engine = asked.patient.kv, asked.record.engine
    if kv.name == _AGREES:
        return works(kv.says or _agreement(kv.bytes_per_token))
    if kv.name is not None:
        return missing(kv.says or f"{kv.name}: {kv.ratio:.3g} times what it needs", kv.advice)
    if kv.bytes_per_token is None and kv.expected_bytes_per_token is None:
        return unknown("neither what a token takes nor what it should take is known",
                       "; ".join(filter(None, (CONFIG, mend(KV, engine)))))  # fmt: skip
    if kv.bytes_per_token is None:
        expected = f"{kv.expected_bytes_per_token:,.0f} bytes per token expected, none measured"
        return unknown(kv.says or expected, kv.advice or mend(KV, engine))
    return unknown(
        kv.says or f"{kv.bytes_per_token:,.0f} bytes per token measured, none expected", kv.advice or CONFIG
    )


def _agreement(measured: float | None) -> str:
    figure = "" if measured is None else f"{measured:,.0f} bytes per token, "
    return f"{figure}as the architecture needs"


async def kv_capacity(asked: Interview) -> Seen:
    """Room of the whole cache."""
    record = asked.record
    tokens, size = record.kv_capacity_tokens, record.kv_capacity_bytes
    parts = [
        None if tokens is None else f"room for {tokens:,} tokens",
        None if size is None else (f"{size / _GIB:,.2f} GiB" if size >= _GIB else f"{size / _MIB:,.1f} MiB"),
        None if record.kv_dtype is None else f"type {record.kv_dtype}",
    ]
    said = ", ".join(part for part in parts if part)
    if tokens is not None and record.max_model_len:
        said += f": {tokens / record.max_model_len:,.1f} sequences of full length at once"
    if tokens is None and size is None:
        return unknown(said or "not told", "" if asked.patient.kv.advice else mend(KV, record.engine))
    return works(said)
