"""Everything that may explain why a cache takes another amount, computed for this model and server.

name             what it means                                              example
mla-as-mha       latent attention loaded as full attention                  17.78: GLM-4.7-Flash, vLLM < 0.15
mha-padded       the same, values padded to the width of keys               26.7: MiniCPM3-4B on vLLM
head-dim         the latent taken for KV heads of `qk_rope_head_dim`        4.44: GLM-4.7-Flash
latent-and-v     the latent kept twice, once more as values                 1.889: llama.cpp before #19067
gqa-as-mha       every attention head with a key and a value of its own     4: Llama-3.1-8B
no-window        layers with a window keep every token                      llama.cpp's --swa-full
wider-type       a wider type than asked for                                2: BF16 where FP8 was asked for
narrower-type    a narrower one                                             0.5: FP8 that a file declares
type-scales      the type as asked, with scales or a layout of its own      656/576: fp8_ds_mla
replicated       every GPU keeps all heads, though GPUs share the layers    2 with 2 GPUs
context-shared   GPUs share the tokens of the context, too                  1/2: decode context parallelism
with-draft       draft layers are counted in                                48/47: GLM-4.7-Flash with MTP
no-indexer       the keys of sparse attention's indexer are missing         0.897: DeepSeek-V3.2 as V3
fewer-indexers   fewer layers than counted have an indexer of their own     GLM-5.2: 21 of 78
extra-indexer    an indexer of which the configuration says nothing         1.115: DeepSeek-V3 as V3.2
padding-layers   blocks are shaped for more layers than there are           vLLM with layers of several kinds
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from evalbudget.errors import InputError
from evalbudget.kv.cache_types import CACHE_TYPES, CacheType
from evalbudget.kv.expected import Expected
from evalbudget.kv.layers import Heads, Indexer, KvModel, Latent, LayerGroup
from evalbudget.kv.memory import WindowTerm, kv_bytes
from evalbudget.kv.readings import READINGS, read_as

_FAMILIES: Final = (
    ("fp8", "fp8_ds_mla", "fp8_per_token_head", "mxfp8"),
    ("int8", "int8_per_token_head", "q8_0"),
    ("nvfp4", "nvfp4_ds_mla", "int4", "int4_per_token_head"),
    ("q5_0", "q5_1"),
    ("q4_0", "q4_1", "iq4_nl"),
)
"""The same number of bits, with other scales."""
_OF_LLAMACPP: Final = ("fp16", "f32", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")
_OF_OTHERS: Final = tuple(name for name in CACHE_TYPES if not name.startswith(("q", "iq")))
_COMMON: Final = ("bf16", "fp8", "fp16", "q8_0")
"""Types that are thought of first, and the only ones beside a second cause: with all of them, any ratio would
find a pair."""
_WITH_VALUES: Final = frozenset({"mla-as-mha", "mha-padded", "head-dim", "latent-and-v"})
_INDEXER_DIM: Final = 128
"""Of DeepSeek-V3.2 and GLM-5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One explanation, with what the cache would take then."""

    names: tuple[str, ...]
    """One, or two that act together."""
    every: float
    """Bytes for each token."""
    windowed: float
    """Bytes for each token up to the windows."""
    type_name: str | None = None
    """The cache's type, where it is another one."""

    @property
    def name(self) -> str:
        """Two names are joined by a plus."""
        return "+".join(self.names)

    @property
    def keeps_values(self) -> bool:
        """Of a latent: whether values stand beside it then."""
        return not _WITH_VALUES.isdisjoint(self.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """One way in which the layers may be read."""

    name: str
    groups: tuple[LayerGroup, ...]


def single(
    model: KvModel, expected: Expected, engine: str | None, *, padding: float = 1.0
) -> Iterator[Candidate]:
    """Explanations by one cause, the likely ones first."""
    if expected.ranks > 1:
        yield from _sized(("replicated",), expected.groups, expected, ranks=1)
    for way in _ways(model, expected):
        yield from _sized((way.name,), way.groups, expected)
    for name, kind in _other_types(expected, engine):
        yield from _sized((name,), expected.groups, expected, kind=kind)
    yield from _shared_context(expected)
    if padding > 1:
        kv = expected.kv
        yield Candidate(
            names=("padding-layers",), every=kv.bytes_per_token * padding, windowed=_windowed(kv.windows)
        )


def paired(model: KvModel, expected: Expected, engine: str | None) -> Iterator[Candidate]:
    """Explanations by two causes that act together."""
    ways = list(_ways(model, expected))
    types = [(name, kind) for name, kind in _other_types(expected, engine) if kind.name in _COMMON]
    for way in ways:
        for name, kind in types:
            yield from _sized((way.name, name), way.groups, expected, kind=kind)
        if expected.ranks > 1:
            yield from _sized((way.name, "replicated"), way.groups, expected, ranks=1)
        if model.draft and way.name not in ("with-draft", "no-indexer", "fewer-indexers", "extra-indexer"):
            wrong = READINGS.get(_READINGS.get(way.name, way.name))
            draft = (read_as(model.draft, wrong) if wrong else None) or model.draft
            yield from _sized((way.name, "with-draft"), (*way.groups, *draft), expected)
    if expected.ranks > 1:
        for name, kind in types:
            yield from _sized((name, "replicated"), expected.groups, expected, kind=kind, ranks=1)


_READINGS: Final = {"mla-as-mha": "mha", "gqa-as-mha": "mha"}
"""Names that are not the reading's own."""


def _ways(model: KvModel, expected: Expected) -> Iterator[_Way]:
    """Each other reading of the layers once; of two that are the same, the one that is named first."""
    seen: set[tuple[LayerGroup, ...]] = set()
    for name, groups in _readings(model, expected):
        if groups not in seen:
            seen.add(groups)
            yield _Way(name=name, groups=groups)
    if model.draft:
        yield _Way(name="with-draft", groups=(*expected.groups, *model.draft))
    yield from _indexers(expected)


def _readings(model: KvModel, expected: Expected) -> Iterator[tuple[str, tuple[LayerGroup, ...]]]:
    latent = any(isinstance(each, Latent) for each in expected.groups)
    if model.native is not None:
        yield "mla-as-mha", model.groups
    for name, reading in READINGS.items():
        groups = read_as(expected.groups, reading)
        if groups is not None:
            in_full = name == "mha" or (name == "mha-padded" and not latent)
            yield (("mla-as-mha" if latent else "gqa-as-mha") if in_full else name), groups


def _indexers(expected: Expected) -> Iterator[_Way]:
    others = tuple(each for each in expected.groups if not isinstance(each, Indexer))
    own = [each for each in expected.groups if isinstance(each, Indexer)]
    latents = sum(each.layers for each in expected.groups if isinstance(each, Latent))
    if own:
        yield _Way(name="no-indexer", groups=others)
        for layers in range(1, own[0].layers):
            yield _Way(name="fewer-indexers", groups=(*others, replace(own[0], layers=layers)))
    elif latents:
        extra = Indexer(layers=latents, dim=_INDEXER_DIM, fp8=True)
        yield _Way(name="extra-indexer", groups=(*others, extra))


def _other_types(expected: Expected, engine: str | None) -> Iterator[tuple[str, CacheType]]:
    """The types that this engine knows, with what each would be called."""
    names = _OF_LLAMACPP if engine in ("llama.cpp", "llama-cpp-python", "ollama") else _OF_OTHERS
    names = tuple(CACHE_TYPES) if engine is None else names
    here = _known_size(expected, expected.keys, expected.values)
    family = next((each for each in _FAMILIES if expected.keys.name in each), ())
    for name in sorted(names, key=lambda name: _COMMON.index(name) if name in _COMMON else len(_COMMON)):
        kind = CACHE_TYPES[name]
        size = _known_size(expected, kind, kind)
        if size is None or here is None or size == here:
            continue
        if name in family:
            yield "type-scales", kind
        else:
            yield ("wider-type" if size > here else "narrower-type"), kind


def _known_size(expected: Expected, keys: CacheType, values: CacheType) -> int | None:
    try:
        kv = kv_bytes(expected.groups, keys, values, tp=expected.ranks)
    except InputError:
        return None
    return kv.bytes_per_token or sum(term.bytes_per_token for term in kv.windows)


def _shared_context(expected: Expected) -> Iterator[Candidate]:
    """vLLM's and SGLang's decode context parallelism: a latent's tokens shared by some of the GPUs."""
    if not any(isinstance(each, (Latent, Heads)) for each in expected.groups):
        return
    kv = expected.kv
    for share in range(2, expected.ranks + 1):
        if expected.ranks % share == 0:
            yield Candidate(
                names=("context-shared",),
                every=kv.bytes_per_token / share,
                windowed=_windowed(kv.windows) / share,
            )


def _sized(
    names: tuple[str, ...],
    groups: tuple[LayerGroup, ...],
    expected: Expected,
    *,
    kind: CacheType | None = None,
    ranks: int | None = None,
) -> Iterator[Candidate]:
    """That candidate; nothing where its type or its number of GPUs does not go with these layers."""
    keys, values = (kind, kind) if kind else (expected.keys, expected.values)
    try:
        kv = kv_bytes(groups, keys, values, tp=ranks or expected.ranks)
    except InputError:
        return
    yield Candidate(
        names=names,
        every=kv.bytes_per_token,
        windowed=_windowed(kv.windows),
        type_name=kind.name if kind else None,
    )


def _windowed(windows: Iterable[WindowTerm]) -> float:
    return sum(term.bytes_per_token for term in windows)
