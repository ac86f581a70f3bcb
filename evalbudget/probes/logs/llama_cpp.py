"""llama.cpp's log: llama-server, xllamacpp, llama-cpp-python, and the lines that Ollama passes on.

Since pull request #23021 (May 2026) the lines of the cache are printed from `--log-verbosity 4` on. Forms of
`src/llama-kv-cache.cpp`, `src/llama-memory-recurrent.cpp` and their forerunners since 2024.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import ClassVar

from evalbudget.probes.logs.figures import COUNT, MIB, NUMBER, count, half_digit, plain, size
from evalbudget.probes.logs.gguf_lines import GgufLines
from evalbudget.records import CachePart, CachePool, JsonValue, ServerFacts
from evalbudget.records.cache import PartKind

_AHEAD = re.compile(r"(?:\[(\d{1,6})\] )?(\d{1,4}\.\d\d\.\d{3}\.\d{3} [A-Z] )?")
"""A router's child, by its port; the time since the start and the level."""
_BUILD = re.compile(r"(?:\w{1,8} +\w{1,40}: )?(?:\w{1,60}: )?build:? (\d{1,9}) \((\w{1,40})\)")
_BUILD_INFO = re.compile(r"srv +\w{1,40}: build_info: (b[\w.-]{1,60})")
_MODEL = re.compile(r"srv +load_model: loading model '(.{1,1000})'")
_LOADER = re.compile(r"llama_model_loader: loaded meta data with .{1,80} from (.{1,1000}) \(version ")
_DRAFT = re.compile(
    r"(?:srv +load_model|common_\w{1,60}): (?:loading draft model '|creating MTP draft context)"
)
_SLOTS = re.compile(
    rf"srv +\w{{1,40}}: initializing(?: slots)?, n_slots = ({COUNT})(?:, n_ctx_slot = ({COUNT}))?"
)
_READY = re.compile(r"(?:srv +\w{1,40}|main): model loaded|Model metadata: \{")
_CONTEXT = re.compile(r"llama_(?:context|new_context_with_model): (\w{1,24}) {0,24}= (\w{1,24})$")
_INFO = re.compile(r"(?:print_info|llm_load_print_meta): ([\w ]{1,24}?) {0,24}= (.{1,200})")
_KIND = re.compile(r"llama_\w{1,60}: creating +(.{1,60}?) KV cache\b")
_CELLS = re.compile(rf"(?:llama_\w{{1,60}}|init): kv_size = ({COUNT}),.{{0,200}} n_layer = ({COUNT})")
_SIZE = re.compile(
    rf"(llama_\w{{1,60}}): (?:KV self )?size {{0,8}}= {{0,12}}({NUMBER}) MiB"
    rf"(?: \( {{0,12}}({COUNT}) cells, {{0,8}}({COUNT}) layers, {{0,8}}(\d{{1,5}})(?:/(\d{{1,5}}))? seqs"
    rf"(?: {{1,8}}(\d{{1,5}}) rs_seq)?\))?, (.{{1,300}})"
)
_FIGURE = re.compile(rf"([A-Z]) \((\w{{1,24}})\): {{0,12}}({NUMBER}) MiB")
_COMPRESSOR = re.compile(
    rf"llama_\w{{1,60}}: .{{1,60}} state = {COUNT} x {COUNT}, streams = (\d{{1,5}}), rs_seq = (\d{{1,5}}), "
    rf"layers = ({COUNT}), size = {{0,12}}({NUMBER}) MiB"
)
_OF_CONTEXT = frozenset(
    {"n_ctx", "n_slots", "n_seq_max", "n_batch", "n_ubatch", "flash_attn", "kv_unified", "n_rs_seq"}
)
_SIZES = {"Small": "s", "Medium": "m", "Large": "l"}
_MOST_CHILDREN = 64


@dataclass(slots=True, kw_only=True)
class _Model:
    """One model as it is loaded."""

    path: str | None = None
    drafting: bool = False
    """What follows is of the draft model, or of the model's own layers that predict ahead."""
    ready: bool = False
    """It serves: what follows is no longer of the start."""
    kind: PartKind = "attention"
    rows_are_tokens: bool = True
    """False for a compressed cache: one cell stands for several tokens."""
    cells: int | None = None
    layers: int | None = None
    parts: list[CachePart] = field(default_factory=list)
    drafts_before_slots: int = 0
    context: dict[str, str] = field(default_factory=dict)
    context_of_one: int | None = None
    architecture: str | None = None
    quantization: str | None = None
    gguf: GgufLines = field(default_factory=GgufLines)


class LlamaCppStart:
    """Implements `StartReader`. A router's log holds those of several servers: the latest start counts."""

    marks: ClassVar[tuple[str, ...]] = (
        "build",
        "load_model: ",
        "loading draft model '",
        "MTP draft context",
        "llama_model_loader: ",
        "initializing",
        "model loaded",
        "Model metadata: {",
        "llama_context: ",
        "llama_new_context_with_model: ",
        "print_info: ",
        "llm_load_print_meta: ",
        "KV cache",
        "kv_size = ",
        "size = ",
        "size  = ",
    )

    def __init__(self) -> None:
        self._models: dict[str, _Model] = {}
        self._latest = ""
        self._version: str | None = None
        self._stamped = False
        self._python = False
        self._seen = False

    def read(self, line: str) -> bool:
        """Whether a model begins to be loaded here."""
        text, child, stamped = _message(line)
        self._stamped = self._stamped or stamped
        if text is None or (self._stamped and not stamped):
            return False  # among stamped lines, one without a stamp is a piece of some text
        if (build := _BUILD.match(text)) is not None:
            self._version, self._seen = f"b{build[1]}-{build[2]}", True
        elif (info := _BUILD_INFO.match(text)) is not None:
            self._version, self._seen = info[1], True
        elif (named := _MODEL.match(text)) is not None:
            return self._begin(child, plain(named[1]))
        elif (loaded := _LOADER.match(text)) is not None:
            return self._load(child, plain(loaded[1]))
        else:
            self._read_on(self._models.get(child), text)
        return False

    def facts(self) -> ServerFacts | None:
        """Of the model that was loaded last."""
        model = self._models.get(self._latest, _Model())
        if not self._seen:
            return None
        return ServerFacts(
            engine="llama-cpp-python" if self._python else "llama.cpp",
            engine_version=self._version,
            model_path=model.path,
            architecture=model.architecture,
            quantization=model.quantization,
            kv_dtype=_cache_type(model.parts),
            max_model_len=model.context_of_one or _context_of_one(model.context),
            metadata=model.gguf.metadata(),
            flags=_flags(model.context),
            pool=_pool(model),
        )

    def _begin(self, child: str, path: str) -> bool:
        self._models.pop(child, None)
        while len(self._models) >= _MOST_CHILDREN:
            self._models.pop(next(iter(self._models)))
        self._models[child] = _Model(path=path)
        self._latest, self._seen = child, True
        return True

    def _load(self, child: str, path: str) -> bool:
        """A file is opened: again for each trial of what fits into memory, and once more for a draft."""
        model = self._models.get(child)
        if model is not None and model.drafting and not model.ready:
            model.parts = [part for part in model.parts if part.kind != "draft"]
            return False
        return self._begin(child, path)

    def _read_on(self, model: _Model | None, text: str) -> None:
        if model is None or model.ready:
            return
        if _READY.match(text):
            self._python = self._python or text.startswith("Model metadata")
            model.ready = True
        elif _DRAFT.match(text):
            model.drafting = True
        elif (slots := _SLOTS.match(text)) is not None:
            model.context_of_one = count(slots[2])
            model.context.setdefault("n_slots", slots[1])
            model.drafts_before_slots = sum(part.kind == "draft" for part in model.parts)
        elif not _read_cache(model, text) and not model.drafting:
            _read_model(model, text)


def _message(line: str) -> tuple[str | None, str, bool]:
    """What is said, the child that says it, and whether the line bears a stamp."""
    if line.startswith("{"):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            return None, "", False
        said = entry.get("msg") if isinstance(entry, dict) and entry.get("type") == "log" else None
        return (said.rstrip("\n"), "", True) if isinstance(said, str) else (None, "", False)
    ahead = _AHEAD.match(line)
    if ahead is None:
        return line, "", False
    return line[ahead.end() :], ahead[1] or "", ahead[2] is not None


def _read_cache(model: _Model, text: str) -> bool:
    """Whether the line is about the cache."""
    if (kind := _KIND.match(text)) is not None:
        model.kind, model.rows_are_tokens = _kind(kind[1]), "compressed" not in kind[1]
    elif (cells := _CELLS.match(text)) is not None:
        model.cells, model.layers = count(cells[1]), count(cells[2])
    elif (state := _COMPRESSOR.match(text)) is not None:
        sequences = int(state[1]) * (1 + int(state[2]))
        _add(model, "state", state[4], sequences=sequences or None, layers=count(state[3]))
    elif (whole := _SIZE.match(text)) is not None:
        _read_size(model, whole)
    else:
        return False
    return True


def _read_size(model: _Model, whole: re.Match[str]) -> None:
    """One cache. Cells are of one stream, and sequences either share the stream or have one each; of states
    there are as many again as can be rolled back (`rs_seq`)."""
    figures = {letter: (kind, text) for letter, kind, text in _FIGURE.findall(whole[8])}
    layers = count(whole[4]) or model.layers
    if "recurrent" in whole[1] or "R" in figures:
        sequences = int(whole[5] or 0) * (1 + int(whole[7] or 0))
        _add(model, "state", whole[2], sequences=sequences or None, layers=layers)
    elif "K" in figures:
        cells = count(whole[3]) or model.cells or count(model.context.get("n_ctx"))
        streams = int(whole[6] or 1)
        keys, values = figures["K"], figures.get("V")
        _add(
            model,
            model.kind,
            whole[2],
            tokens=cells * streams if cells and model.rows_are_tokens else None,
            layers=layers,
            key_bytes=size(keys[1], MIB),
            value_bytes=size(values[1], MIB) if values else None,
            keys=keys[0],
            values=values[0] if values else None,
        )
    model.kind, model.rows_are_tokens, model.cells, model.layers = "attention", True, None, None


def _add(model: _Model, kind: PartKind, printed: str, **told: int | str | None) -> None:
    """A server of 2024 and 2025 makes a draft's cache twice, and lets go of the first, which it made before
    its slots (issue #12436)."""
    part = CachePart(
        kind="draft" if model.drafting else kind,
        bytes=size(printed, MIB),
        rounding=half_digit(printed, MIB),
        **told,  # type: ignore[arg-type]
    )
    if model.drafting and model.drafts_before_slots:
        model.parts = [each for each in model.parts if each.kind != "draft"]
        model.drafts_before_slots = 0
    model.parts.append(part)


def _read_model(model: _Model, text: str) -> None:
    if (context := _CONTEXT.match(text)) is not None:
        model.context[context[1]] = context[2]
    elif (info := _INFO.match(text)) is not None:
        if info[1] == "arch":
            model.architecture = plain(info[2])
        elif info[1] in {"file type", "model ftype"}:
            model.quantization = _file_type(plain(info[2]))
    else:
        model.gguf.read(text)


def _kind(name: str) -> PartKind:
    if "indexer" in name:
        return "indexer"
    return "window" if name.endswith("SWA") and "non-SWA" not in name else "attention"


def _file_type(text: str) -> str:
    """`(guessed) Q4_K - Medium` as files are named: q4_k_m."""
    kind, _, width = text.removeprefix("(guessed) ").partition(" - ")
    return (f"{kind}_{_SIZES[width]}" if width in _SIZES else kind).lower()


def _cache_type(parts: list[CachePart]) -> str | None:
    """f16, or q8_0/f16 where keys and values differ."""
    first = next((part for part in parts if part.keys is not None and part.kind != "draft"), None)
    if first is None or first.keys is None:
        return None
    alone = first.values in (None, first.keys) or not first.value_bytes
    return first.keys if alone else f"{first.keys}/{first.values}"


def _context_of_one(context: dict[str, str]) -> int | None:
    return next(
        (found for key in ("n_ctx_seq", "n_ctx_per_seq", "n_ctx") if (found := count(context.get(key)))), None
    )


def _flags(context: dict[str, str]) -> dict[str, JsonValue]:
    return {
        key: int(value) if value.isdecimal() and len(value) < 16 else value
        for key, value in context.items()
        if key in _OF_CONTEXT
    }


def _pool(model: _Model) -> CachePool | None:
    if not model.parts:
        return None
    tokens = (part.tokens for part in model.parts if part.kind == "attention" and part.tokens is not None)
    return CachePool(source="log", parts=tuple(model.parts), tokens=max(tokens, default=None))
