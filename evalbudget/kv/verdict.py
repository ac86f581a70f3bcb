"""What a server's cache takes beside what the architecture needs: do they agree, and if not, why?

name         what it means
agrees       measured is expected, within a hundredth and what printed digits and blocks leave open
near         no explanation, but within what scales and blocks may add: 0.97 to 1.10 times
differs      no explanation is known
(others)     what explains it: the table of `candidates`; two causes that act together are joined by a plus
None         there is nothing to compare, and `says` tells what is missing
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from evalbudget.kv.candidates import Candidate, paired, single
from evalbudget.kv.expected import Expected, expected_of
from evalbudget.kv.layers import Indexer, KvModel, Latent
from evalbudget.kv.memory import KvBytes, rounded, usable_tokens, window_tokens
from evalbudget.kv.pools import Measured, measure
from evalbudget.kv.remedies import MEANS, remedy, shared_latent
from evalbudget.records import CachePool, KvScale, ServerFacts

AGREES: Final = 0.01
"""Share by which measured and expected may differ beside rounding: pages are filled up, FP8 has scales."""
_NEAR: Final = (0.97, 1.10)
"""What blocks and scales add in published logs, where nothing is wrong."""
_ANOTHER: Final = "Check that the configuration is that of the served weights."
_EXACT: Final = 0.0005
"""Share within which a figure is met exactly."""
_SHARP: Final = 0.03
"""Only so sharp a measurement is worth two causes: to a blunter one, some pair always fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What layers with a window take of a sequence."""

    tokens: int
    """The latest, that are kept."""
    bytes_per_token: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KvVerdict:
    """Measured beside expected, on one GPU. None = not known."""

    bytes_per_token: float | None = None
    """Measured."""
    expected_bytes_per_token: float | None = None
    fixed_bytes: float | None = None
    """Of each sequence; measured, or else expected."""
    window_bytes_per_token: float | None = None
    """Of each token up to the windows; measured, or else expected; None without windows."""
    draft_bytes_per_token: float | None = None
    """Of draft layers, where the server tells them apart; not part of `bytes_per_token`."""
    capacity_tokens: int | None = None
    """As the server says."""
    capacity_bytes: int | None = None
    """Of all that it set aside."""
    block_tokens: int | None = None
    ratio: float | None = None
    """Measured by expected; of a model with windows alone, of these."""
    name: str | None = None
    """agrees, or the name of what explains the ratio; None where there is nothing to compare."""
    others: tuple[str, ...] = ()
    """What would explain the same figures as well."""
    says: str = ""
    """What was found, in one sentence with its figures."""
    advice: str = ""
    """What mends it: the version, the patch, the flag; empty where all is well."""
    source: str | None = None
    """Where the measurement comes from."""
    scale: KvScale = field(default_factory=KvScale)
    """For readings."""
    windows: tuple[Window, ...] = ()
    """For `bytes_of`; measured, or else expected."""

    def bytes_of(self, tokens: int) -> float | None:
        """What one sequence of so many tokens takes: as measured, or else as expected; None where neither is
        known. In whole blocks; a window takes as many as it can touch (`kv.memory`)."""
        slope = self.bytes_per_token if self.bytes_per_token is not None else self.expected_bytes_per_token
        if slope is None:
            return None
        block = self.block_tokens or 1
        kept = rounded(max(tokens, 0), block)
        windowed = sum(
            each.bytes_per_token * min(kept, window_tokens(each.tokens, block)) for each in self.windows
        )
        return (
            (slope + (self.draft_bytes_per_token or 0)) * kept
            + windowed
            + (self.fixed_bytes or 0 if tokens else 0)
        )


def judge(model: KvModel | None, facts: ServerFacts) -> KvVerdict:
    """The verdict on one server; `model`: what its weights' configuration says, None where it is unknown."""
    expected = None if model is None else expected_of(model, facts)
    pool = facts.pool
    kv = expected.kv if expected is not None else None
    found = Measured(gap="the server tells nothing of its cache")
    if pool is not None:
        found = measure(pool, kv, facts.max_model_len)
    verdict = _figures(found, pool, kv)
    if found.gap:
        return replace(verdict, says=f"Not measured: {found.gap}.", advice=_more(facts, pool))
    if model is None:
        return replace(
            verdict, says="Measured, but no configuration of the model is at hand to compare with."
        )
    if expected is None:
        kind = (facts.kv_dtype or model.cache_type)[:40]
        return replace(verdict, says=f"Not compared: what {kind} takes of this model is not known.")
    return _compared(verdict, found, model, expected, facts)


def _compared(
    verdict: KvVerdict, found: Measured, model: KvModel, expected: Expected, facts: ServerFacts
) -> KvVerdict:
    took = (found.every or 0.0, found.windowed or 0.0)
    needs = (
        float(expected.kv.bytes_per_token),
        sum(term.bytes_per_token for term in expected.kv.windows) * found.window_padding,
    )
    slack = found.spread + AGREES
    fits = tuple(_fits(*pair, slack) for pair in zip(took, needs, strict=True))
    of_windows = not took[0] or fits == (True, False)
    measured, needed = (took[1], needs[1]) if of_windows else (took[0], needs[0] or needs[1])
    if took[1] and not needs[1]:
        size = f"{round(took[1]):,}"
        says = f"Measured {size} bytes per token in windows, of which its configuration says nothing."
        return replace(verdict, name="differs", says=says, advice=_ANOTHER)
    if not measured or not needed:
        return replace(verdict, says="Not compared: neither tokens nor windows take anything in its cache.")
    ratio = measured / needed
    verdict = replace(verdict, ratio=ratio)
    figures = _beside(measured, needed, ratio, expected, of_windows=of_windows)
    if all(fits) and not found.endless_windows:
        shared = any(isinstance(each, Latent) for each in expected.groups) and expected.ranks > 1
        more = f" {shared_latent(facts)}" if shared else ""
        if found.whole and needs[1]:
            more += " Where windows end, saved slots do not tell."
        return replace(verdict, name="agrees", says=f"{figures}.{_of_sequences(found, expected)}{more}")
    return _named(verdict, _explained(took, found, model, expected, facts), figures, model, facts)


def _fits(took: float, needed: float, slack: float) -> bool:
    """Whether one part takes what it needs; also where nothing is told of it."""
    return not took or (needed > 0 and abs(took / needed - 1) <= slack)


def _named(
    verdict: KvVerdict, matches: list[Candidate], figures: str, model: KvModel, facts: ServerFacts
) -> KvVerdict:
    """With the first explanation's name, and what mends it; the others are told beside it."""
    if not matches:
        near = verdict.ratio is not None and _NEAR[0] <= verdict.ratio <= _NEAR[1]
        why = "blocks and scales may explain it" if near else "nothing known explains it"
        return replace(verdict, name="near" if near else "differs", says=f"{figures}: {why}.")
    first, *others = matches
    means = " and ".join(MEANS[name] for name in first.names)
    kind = f" ({first.type_name})" if first.type_name else ""
    names = tuple(dict.fromkeys(each.name for each in others if each.name != first.name))
    also = f"; {' or '.join(names)} would explain it as well" if names else ""
    advice = " ".join(filter(None, (remedy(name, model, facts) for name in first.names)))
    return replace(
        verdict, name=first.name, others=names, says=f"{figures}, {means}{kind}{also}.", advice=advice
    )


def _explained(
    took: tuple[float, float], found: Measured, model: KvModel, expected: Expected, facts: ServerFacts
) -> list[Candidate]:
    """The explanations that fit, by one cause or else by two; exact ones before others, then the likely ones
    first; of pairs the closest."""
    slack = found.spread + AGREES
    if found.endless_windows:
        return [Candidate(names=("no-window",), every=took[0] + took[1], windowed=0.0)]
    latent = all(isinstance(each, (Latent, Indexer)) for each in expected.groups)
    told = found.values if latent else None

    def fits(each: Candidate) -> bool:
        return (told is None or told == each.keeps_values) and _off(each, took) <= slack

    alone = [each for each in single(model, expected, facts.engine, padding=found.padding) if fits(each)]
    if alone or slack > _SHARP:
        return sorted(alone, key=lambda each: _off(each, took) > found.spread + _EXACT)
    pairs = [each for each in paired(model, expected, facts.engine) if fits(each)]
    return sorted(pairs, key=lambda each: _off(each, took))[:3]


def _off(candidate: Candidate, took: tuple[float, float]) -> float:
    """The share by which a candidate misses what was measured, of all tokens and of windows' tokens."""
    pairs = zip((candidate.every, candidate.windowed), took, strict=True)
    off = [abs(measured / size - 1) if size else float("inf") for size, measured in pairs if measured]
    return max(off, default=float("inf"))


def _beside(measured: float, needed: float, ratio: float, expected: Expected, *, of_windows: bool) -> str:
    where = " in windows" if of_windows else ""
    each = "" if expected.ranks == 1 else f" on each of {expected.ranks} GPUs"
    return (
        f"Measured {round(measured):,} bytes per token{where}{each}, expected {round(needed):,} "
        f"in {expected.type_name}: {ratio:.{3 if ratio < 10 else 2}f} times"
    )


def _of_sequences(found: Measured, expected: Expected) -> str:
    """States beside what they need: servers keep them in whole blocks or wider types, which is no fault."""
    needed = expected.kv.fixed_bytes
    if not found.fixed or not needed or abs(found.fixed - needed) <= max(found.fixed_rounding, needed * 0.05):
        return ""
    return f" Each sequence takes {round(found.fixed):,} bytes besides; its states need {needed:,}."


def _figures(found: Measured, pool: CachePool | None, kv: KvBytes | None) -> KvVerdict:
    """The verdict's figures, without the comparison."""
    fixed, states = found.fixed, None if kv is None else float(kv.fixed_bytes)
    if fixed is None or (states and abs(fixed - states) <= found.fixed_rounding):
        fixed = states
    every = (
        found.every if found.every is not None else (float(kv.bytes_per_token) if kv is not None else None)
    )
    windows = _windows(found, kv)
    return KvVerdict(
        bytes_per_token=found.every,
        expected_bytes_per_token=None if kv is None else float(kv.bytes_per_token),
        fixed_bytes=fixed,
        window_bytes_per_token=sum(each.bytes_per_token for each in windows) if windows else None,
        draft_bytes_per_token=found.draft,
        capacity_tokens=None if pool is None else _room(pool),
        capacity_bytes=None if pool is None or pool.overridden else pool.bytes,
        block_tokens=None if pool is None else pool.block_tokens,
        source=None if pool is None or found.gap else pool.source,
        scale=KvScale() if pool is None else _scale(pool, found, every, fixed or 0.0),
        windows=windows,
    )


def _windows(found: Measured, kv: KvBytes | None) -> tuple[Window, ...]:
    """Each window's share of what was measured; as expected where nothing was."""
    terms = kv.windows if kv is not None else ()
    needed = sum(term.bytes_per_token for term in terms)
    if not needed or found.endless_windows:
        return ()
    share = 1.0 if found.windowed is None else found.windowed / needed
    return tuple(
        Window(tokens=term.window, bytes_per_token=term.bytes_per_token * share) for term in terms if share
    )


def _room(pool: CachePool) -> int | None:
    """Tokens for which there is room: as the server says, or of the part that grows with every token."""
    if pool.tokens:
        return pool.tokens
    if pool.blocks and pool.block_tokens:
        return pool.blocks * pool.block_tokens
    rooms = [part.tokens for part in pool.parts if part.kind == "attention" and part.tokens]
    return min(rooms, default=None)


def _scale(pool: CachePool, found: Measured, every: float | None, fixed: float) -> KvScale:
    """For readings: what can be in use. Of blocks, all but the null block; where layers of several kinds
    share them, use in blocks says nothing of tokens."""
    tokens, size = _room(pool), None if pool.overridden else pool.bytes
    if pool.blocks and pool.block_tokens and found.uniform:
        tokens = usable_tokens(pool.blocks, pool.block_tokens)
    if not found.uniform and pool.blocks:
        tokens = None
    if size is not None and pool.blocks:
        size = size * (pool.blocks - 1) // pool.blocks
    if size is None and tokens and every and found.uniform:
        size = round(tokens * every)
    return KvScale(capacity_tokens=tokens, capacity_bytes=size, bytes_per_token=every, fixed_bytes=fixed)


def _more(facts: ServerFacts, pool: CachePool | None) -> str:
    """Where more would be told."""
    if pool is not None and pool.overridden:
        return "Without --num-gpu-blocks-override, the log tells the bytes of its cache."
    if pool is not None and pool.parts:
        return "Its /metrics tells the number of blocks." if facts.engine == "vllm" else ""
    match facts.engine:
        case "vllm" | "lmdeploy" | "tensorrt-llm":
            return "Its log tells more: name it in the suite (log:)."
        case "llama.cpp":
            return "Start it with -lv 4 and name its log in the suite (log:), or with --slot-save-path."
        case "sglang":
            return "Its /server_info or its log (log: in the suite) tells the bytes."
    return ""
