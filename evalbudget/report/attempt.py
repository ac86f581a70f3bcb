"""One attempt in words: what became of it, tokens, time, budget, loop, memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from evalbudget.report import words
from evalbudget.store.browse import AttemptLine, AttemptRead
from evalbudget.store.memory import Load

STAYS_CLOSED: Final = (
    "The texts of this task stay closed, and no search reads them: its authors ask that no question becomes "
    "public. Ids, outcomes, figures and single letters are shown. The store itself keeps everything."
)


def outcome(line: AttemptLine) -> str:
    """Such as correct, or failed: timeout."""
    if line.status != "ok":
        return f"failed: {words.one_line(line.error_kind or 'unknown')}"
    return words.one_line(line.outcome or words.UNKNOWN).replace("_", " ")


def loop(line: AttemptLine) -> str | None:
    """Such as `exact, ended in it`; None without a loop, or where nobody looked."""
    if line.loop_kind in (None, "none"):
        return None
    ending = {True: "ended in it", False: "left it", None: "end not known"}[line.loop_doom]
    return f"{words.one_line(line.loop_kind or '')}, {ending}"


def facts(read: AttemptRead, load: Load | None) -> tuple[tuple[str, str], ...]:
    """(What, its value in words), in the order in which a reader asks; nothing of the texts. What is unknown
    is left out, or a dash."""
    return tuple((name, value) for name, value in _facts(read, load) if value)


def _facts(read: AttemptRead, load: Load | None) -> Iterator[tuple[str, str]]:
    line = read.line
    score = "" if line.score is None else f" · score {line.score:g}"
    yield "outcome", outcome(line) + score
    if line.status == "ok":
        yield "extracted", words.UNKNOWN if line.extracted is None else words.one_line(line.extracted)
    yield "target", "" if line.target is None else words.one_line(line.target)
    yield "category", words.one_line(line.category or "")
    yield "tokens", _tokens(read)
    yield "time", _time(read)
    yield "budget", _budget(read)
    yield "loop", _loop(read)
    yield "KV memory", _memory(read, load)
    yield "finish reason", words.one_line(read.finish_reason or "")
    yield "tries", f"{read.tries:,}" if read.tries is not None and read.tries != 1 else ""
    yield "began", "" if read.started_at is None else f"{read.started_at:%Y-%m-%d %H:%M:%S} UTC"


def _tokens(read: AttemptRead) -> str:
    line = read.line
    counts = {
        "prompt": read.prompt_tokens,
        "from the cache": read.cached_tokens,
        "thinking": line.reasoning_tokens,
        "answer": read.answer_tokens,
        "generated in all": line.completion_tokens,
    }
    told = [f"{name} {count:,}" for name, count in counts.items() if count is not None]
    if told and line.token_source:
        told.append(f"counted by {words.one_line(line.token_source)}")
    return " · ".join(told)


def _time(read: AttemptRead) -> str:
    seconds = {
        "first token after": read.ttft_s,
        "first of the answer after": read.first_answer_s,
        "all after": read.line.latency_s,
    }
    told = [f"{name} {each:,.2f} s" for name, each in seconds.items() if each is not None]
    if read.tokens_per_s is not None:
        told.append(f"{read.tokens_per_s:,.1f} tokens/s")
    return " · ".join(told)


def _budget(read: AttemptRead) -> str:
    line = read.line
    told = [words.budget(line.budget)]
    if line.budget is not None and read.budget_mode:
        told.append(f"mode {words.one_line(read.budget_mode)}")
    if line.budget_honoured is not None:
        told.append("kept" if line.budget_honoured else "not kept")
    if read.forced:
        told.append(_closed(read.forced))
    return " · ".join(told)


def _closed(forced: str) -> str:
    """How we closed the thinking, of what `details.force` holds."""
    try:
        how = json.loads(forced)
    except ValueError:
        how = None
    if not isinstance(how, dict):
        return "closed by us"
    kept, closing = how.get("kept"), how.get("closing")
    told = "closed by us"
    if isinstance(kept, int):
        told += f" after {kept:,} tokens"
    if isinstance(closing, str):
        told += f" with {words.one_line(closing)}"
    return told


def _loop(read: AttemptRead) -> str:
    line = read.line
    told = [loop(line) or ""]
    if not told[0]:
        return "none" if line.loop_kind == "none" else ""
    if line.loop_onset_token is not None:
        where = ", in the answer" if read.loop_segment == "answer" else ""
        told.append(f"begins at token {line.loop_onset_token:,}{where}")
    if line.loop_period_tokens is not None and line.loop_repeats is not None:
        several = "" if line.loop_period_tokens == 1 else "s"
        unit = f"a unit of {line.loop_period_tokens:,} token{several}"
        told.append(f"{unit} {line.loop_repeats:,.1f} times")
    if line.loop_wasted_tokens is not None:
        told.append(f"{line.loop_wasted_tokens:,} tokens in vain")
    return " · ".join(told)


def _memory(read: AttemptRead, load: Load | None) -> str:
    told = [] if read.kv_bytes is None else [f"{read.kv_bytes / 2**20:,.2f} MiB at its end"]
    if load is not None:
        if load.kv_usage_peak is not None:
            told.append(f"meanwhile the server's cache at most {words.share(load.kv_usage_peak)} full")
        counts = {"running": load.running_peak, "waiting": load.waiting_peak}
        told += [f"at most {count:,} {name}" for name, count in counts.items() if count is not None]
        if load.preemptions:
            told.append(f"{load.preemptions:,} preempted")
    return " · ".join(told)
