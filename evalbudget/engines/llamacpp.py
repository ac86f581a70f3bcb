"""llama.cpp's own HTTP server, run by the wheel `xllamacpp` in threads of this process."""

from __future__ import annotations

from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Protocol, cast
from urllib.parse import urlsplit

from evalbudget.engines.gguf_header import GgufHeader
from evalbudget.errors import EngineError
from evalbudget.records import ServerFacts

VERBOSITY = 4
"""The lowest level at which the log holds the sizes of the KV cache (llama.cpp #23021)."""

_CONTEXT_STEP = 256
"""llama.cpp rounds the context of a sequence up to a multiple of this many tokens."""

_PING_S = 5
"""Seconds of silence until a stream gets a comment line; ending waits so long for a client that stalls."""

_LOOP_S = 60.0
"""A loaded server answers within milliseconds, on a machine that is much too busy within seconds."""


class LlamaServer(Protocol):
    """A running server; it stops when its last reference goes."""

    listening_address: str
    """Such as http://127.0.0.1:38325."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaSettings:
    """How to serve a model."""

    label: str
    """The name under which it is served."""
    context: int
    """Tokens for each sequence, prompt and completion together; never more than the model was trained for."""
    slots: int
    """Sequences decoded at once, each with a KV cache of its own, so that memory grows with their number."""
    kv_dtype: str = "f16"
    """Type of the KV cache: f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0 or iq4_nl."""
    threads: int | None = None
    """Threads that compute; None = one for each core.

    Engines that share cores need a share each, because waiting threads spin: of two tiny models on 2 cores,
    one made 14,600 tokens a second while both had one thread, and 3,000 while both had two.
    """
    port: int = 0
    """0 = a free one."""
    slot_save_path: Path | None = None
    """An existing folder into which clients may have slots saved, which tells what the cache takes."""


def sequence_context(header: GgufHeader, asked: int) -> int:
    """Tokens of context that each sequence really gets when `asked` are asked for."""
    rounded = -(-asked // _CONTEXT_STEP) * _CONTEXT_STEP
    return min(rounded, header.context_length or rounded)


def open_server(gguf: Path, header: GgufHeader, settings: LlamaSettings) -> LlamaServer:
    """Load `gguf` and serve it on 127.0.0.1.

    Raises EngineError for an unknown cache type, else RuntimeError: why, only the native log says.
    The interpreter stands still while the weights load: xllamacpp keeps its lock (0.1 s for 6 MB, 2 cores).
    """
    import xllamacpp  # noqa: PLC0415  (100 MB of native code, needed by embedded models alone)

    cache_type = getattr(xllamacpp.ggml_type, f"GGML_TYPE_{settings.kv_dtype.upper()}", None)
    if cache_type is None:
        raise EngineError(f"{settings.label}: llama.cpp knows no cache type {settings.kv_dtype}")
    params = xllamacpp.CommonParams()
    params.model.path = str(gguf)
    params.model_alias = {settings.label}
    params.hostnames = ["127.0.0.1"]
    params.port = settings.port
    params.n_parallel = settings.slots
    params.n_ctx = sequence_context(header, settings.context) * settings.slots  # shared out between the slots
    params.cache_type_k = params.cache_type_v = cache_type
    params.n_threads_http = settings.slots + 16  # a streamed reply holds one; probes must still get through
    params.cache_ram_mib = 0  # no second cache of prompts in RAM: memory stays what the KV lines say
    params.sse_ping_interval = _PING_S
    params.verbosity = VERBOSITY
    params.use_jinja = True
    params.offline = True
    params.endpoint_metrics = True
    params.ui = False
    params.cors_origins = ""  # no web page may talk to it
    if settings.slot_save_path is not None:
        params.slot_save_path = f"{settings.slot_save_path}/"  # the file's name is put right behind
    if settings.threads is not None:
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings.threads
    server = cast(LlamaServer, xllamacpp.Server(params))
    _wait_for_its_loop(server)
    return server


def _wait_for_its_loop(server: LlamaServer) -> None:
    """Return when the loop that decodes runs, which alone can answer `/metrics`.

    A server that is ended before that waits for the loop for ever: seen on a busy machine.
    """
    address = urlsplit(server.listening_address)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=_LOOP_S)
    try:
        connection.request("GET", "/metrics")
        connection.getresponse().read()
    except (OSError, HTTPException) as error:
        raise RuntimeError(f"the model is loaded, but its server does not answer: {error}") from error
    finally:
        connection.close()


def facts(gguf: Path, header: GgufHeader, settings: LlamaSettings) -> ServerFacts:
    """What is known of a server that `open_server` opened."""
    import xllamacpp  # noqa: PLC0415

    context = sequence_context(header, settings.context)
    return ServerFacts(
        engine="llama.cpp",
        engine_version=f"xllamacpp {xllamacpp.__version__}",
        served_model=settings.label,
        architecture=header.architecture,
        quantization=header.quantization,
        weight_dtype=header.weight_dtype,
        kv_dtype=settings.kv_dtype,
        max_model_len=context,
        flags={
            "gguf": gguf.name,
            "n_ctx": context * settings.slots,
            "n_parallel": settings.slots,
            "cache_type": settings.kv_dtype,
            "threads": settings.threads,
        },
    )
