"""Who the server is, and whether a plain chat with it works."""

from __future__ import annotations

from evalbudget.doctor.findings import Seen, counted, missing, partly, unknown, works
from evalbudget.doctor.interview import SHORT, Interview, tokens_per_s
from evalbudget.doctor.mends import USAGE, mend
from evalbudget.reasoning.counting import count_tokens
from evalbudget.records import ServerRecord


async def server(asked: Interview) -> Seen:
    """Engine, version, model, quantization, context."""
    return identity(asked.record)


def identity(record: ServerRecord) -> Seen:
    """The same, of a server that does not answer questions, too."""
    engine = f"{record.engine} {record.engine_version or ''}".strip()
    known = record.engine != "unknown"
    facts = [
        engine if known else "an OpenAI-compatible server that does not say what it is",
        f"model {record.served_model}" if record.served_model else None,
        record.architecture,
        record.quantization if record.quantization != "unknown" else "quantization unknown",
        "context unknown" if record.max_model_len is None else f"context {record.max_model_len:,}",
    ]
    said = ", ".join(fact for fact in facts if fact)
    if not known:
        return partly(said, "a run asks it for what all servers understand; exact counts need a known engine")
    if record.quantization == "unknown":
        return partly(said, "name it as `quantization:` in the suite, so that comparisons are labelled")
    return works(said)


async def chat(asked: Interview) -> Seen:
    """A completion comes, token by token."""
    reply = await asked.natural()
    tokens, speed = count_tokens(reply).completion, tokens_per_s(reply)
    written = "" if tokens is None else f", {counted(tokens, 'token')}"
    written += "" if speed is None else f" at {speed:,.0f} a second"
    first_s = asked.first.timings.ttft_s
    if first_s is None or reply.timings.ttft_s is None:
        return partly(f"answers, but not as a stream{written}", "a run cannot cut a thinking or a loop there")
    return works(f"streams; first token after {reply.timings.ttft_s:.2f} s{written}")


async def ending(asked: Interview) -> Seen:
    """`max_tokens` ends a reply, and the reply says so."""
    reply = asked.first
    tokens = count_tokens(reply).completion
    many = "an unknown number of tokens" if tokens is None else counted(tokens, "token")
    said = f"max_tokens {SHORT} gave {many}, finish_reason {reply.finish_reason}"
    if tokens is not None and tokens > SHORT:
        return missing(said, "the server does not keep max_tokens: mode `max_tokens` means nothing there")
    if reply.finish_reason == "length":
        return works(said)
    if tokens is not None and tokens < SHORT:
        return unknown(f"{said}: it had no more to say")
    return missing(said, "a run cannot tell a cut answer from a finished one there")


async def usage(asked: Interview) -> Seen:
    """Prompt and completion tokens come with the stream."""
    reply = await asked.natural()
    told = reply.usage
    if told.completion_tokens is None:
        return missing("no token counts came with the reply", mend(USAGE, asked.record.engine))
    prompt = "none of the prompt" if told.prompt_tokens is None else f"{told.prompt_tokens:,} of the prompt"
    said = f"{counted(told.completion_tokens, 'token')} of completion, {prompt}"
    return works(said) if told.prompt_tokens is not None else partly(said)
