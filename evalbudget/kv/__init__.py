"""What a model's configuration says about its memory of a sequence: pure functions.

    config.json → hf_config ┐
                            ├→ KvModel: groups of layers → memory → bytes ┐
    GGUF metadata → gguf ───┘        └→ readings, candidates → bytes ─────┼→ verdict
    a server's CachePool → pools, blocks → bytes ─────────────────────────┘

layers        what each way of attending keeps, in values
cache_types   what a value takes in each type of cache
memory        bytes per token, per sequence and per window; what fits
room          what fits where bytes per token are all that is known
readings      wrong ways to read a model, as engines did
hf_config     a Hugging Face configuration, with hf_kinds (of which kind each layer is) and hf_states
expected      what a server's cache should take: the model in the server's type, on one GPU
pools         what it takes, from what the server tells, with blocks (vLLM's pool of several kinds of layers)
candidates    what may explain a difference, by name; remedies: what mends it
verdict       measured beside expected, and what explains the difference
gguf          the metadata of a GGUF, as llama.cpp takes it
sizes         24GiB and its like
fields        keys of a file that somebody else wrote
"""

from evalbudget.kv.cache_types import CACHE_TYPES, CacheType, cache_type
from evalbudget.kv.gguf import model_of_gguf
from evalbudget.kv.hf_config import model_of_config
from evalbudget.kv.layers import (
    Heads,
    Indexer,
    KvModel,
    Latent,
    LayerGroup,
    State,
    attention,
)
from evalbudget.kv.memory import KvBytes, WindowTerm, kv_bytes, usable_tokens
from evalbudget.kv.readings import READINGS, Reading, read_as
from evalbudget.kv.sizes import size_in_bytes
from evalbudget.kv.verdict import KvVerdict, judge

__all__ = [
    "CACHE_TYPES",
    "READINGS",
    "CacheType",
    "Heads",
    "Indexer",
    "KvBytes",
    "KvModel",
    "KvVerdict",
    "Latent",
    "LayerGroup",
    "Reading",
    "State",
    "WindowTerm",
    "attention",
    "cache_type",
    "judge",
    "kv_bytes",
    "model_of_config",
    "model_of_gguf",
    "read_as",
    "size_in_bytes",
    "usable_tokens",
]
