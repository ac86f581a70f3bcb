"""Whatever stands in a log: nothing raises, nothing is believed that the engine did not say at its start."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import asdict

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evalbudget.probes.logs import facts_of_log
from evalbudget.probes.logs.lines import lines_with
from evalbudget.probes.logs.settings import settings
from evalbudget.records import ServerFacts

PIECES = (
    "0.00.017.610 I ",
    "[41123] ",
    "srv    load_model: loading model 'a.gguf'",
    "llama_model_loader: loaded meta data with 2 x from a (version ",
    "llama_model_loader: - kv   0:   general.architecture str    = lfm2",
    "llama_kv_cache: size = 13.50 MiB ( 2048 cells, 3 layers, 2/2 seqs), K (f16): 13.50 MiB, V (f16): "
    "0.00 MiB",
    "llama_model_loader: - kv   1:   lfm2.block_count u32    = 1e999",
    "llama_model_loader: - kv   2:   lfm2.a arr[i32,2]    = [1, NaN]",
    "llama_model_loader: - kv   3:   lfm2.b u32    = " + "9" * 40,
    "llama_kv_cache: size = ",
    "llama_memory_recurrent: size = 0.01 MiB ( 2 cells, 4 layers, 2 seqs 0 rs_seq), R (f32): 0.01 MiB",
    '{"type":"log","msg":"llama_kv_cache: size = 1.00 MiB, K (f16): 1.00 MiB\\ud800"}',
    "(EngineCore pid=22361) INFO 11-21 07:54:33 [core.py:133] ",
    "Initializing a V1 LLM engine (v0.32.0) with config: model='a', dtype=torch.bfloat16, x=[(",
    "non-default args: {'model': '\\ud800\\x00', 'n': 9e999, 'm': 99999999999999999999999, 'b': b'x', "
    "'c': 1j",
    "GPU KV cache size: 999,999,999,999,999,999,999 tokens",
    "CPU KV cache size: ,,, tokens, Maximum concurrency for 0 tokens per request: 0x",
    "Available KV cache memory: 0.0 GiB",
    "Available KV cache memory: 999999999.99 GiB",
    "Overriding num_gpu_blocks=0 with num_gpu_blocks_override=0",
    "Engine 000: Avg prompt throughput: 1.0, Running: 1 reqs, Waiting: 0 reqs, GPU KV cache usage: 0.3%",
    "[2026-01-31 13:50:39 TP0] ",
    "server_args=ServerArgs(model_path='a', tp_size=0, dp_size=0, enable_dp_attention=True)",
    "KV Cache is allocated. dtype: torch.bfloat16, #tokens: 0, K size: 8.23 GB, V size: 8.23 GB",
    "SWAKVPool mem usage: 1.00 GB, swa size: 0, full size: 0",
    "Mamba Cache is allocated. max_mamba_cache_size: 0, conv_state size: 0.09GB",
    "[TM][INFO] [BlockManager] max_block_count = 0",
    "[TensorRT-LLM][INFO] [MemUsageChange] Allocated 1 GiB for max tokens in paged KV cache (0)",
    "[transformers] Loading a@b",
    'time=2026 level=INFO source=a.go:1 msg="kv cache" device=CPU size="1.0 GiB"',
    "\n",
    "\r",
    " ",
)


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=40)), max_size=40))
@example(list(PIECES))
def test_no_text_raises_and_whatever_is_told_can_be_stored(pieces: list[str]) -> None:
    facts = facts_of_log("".join(pieces))
    json.dumps(asdict(facts), allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert "\x00" not in str(facts.model_path)
    pool = facts.pool
    for figure in (part.bytes for part in pool.parts) if pool else ():
        assert 0 <= figure < 1 << 63


@given(st.text())
def test_any_text_is_settings(text: str) -> None:
    json.dumps(settings(text), allow_nan=False).encode("utf-8")


@given(st.text(), st.sampled_from(("password", "api_key", "hf_token", "client_secret")))
def test_no_secret_is_among_them(value: str, name: str) -> None:
    assert name not in settings(f"a=1, {name}={value!r}, b=2")


START = (
    "0.00.003.986 I srv    load_model: loading model 'models/mla.gguf'\n"
    "0.00.017.610 I llama_kv_cache: size =   13.50 MiB (  2048 cells,   3 layers,  2/2 seqs), "
    "K (f16):   13.50 MiB, V (f16):    0.00 MiB\n"
)
FALSE = (
    "llama_kv_cache: size = 999.00 MiB ( 1 cells, 1 layers, 1/1 seqs), K (f16): 999.00 MiB, V "
    "(f16): 0.00 MiB\n"
)


@pytest.mark.parametrize(
    "said",
    [
        FALSE,
        "srv    load_model: loading model 'another.gguf'\n" + FALSE,
        "He said: 0.00.017.610 I " + FALSE,
        "0.00.018.363 I srv  llama_server: model loaded\n0.00.020.000 I " + FALSE,
        "0.00.018.363 I srv  update_slots: 0.00.017.610 I " + FALSE,
    ],
)
def test_what_a_model_writes_into_llama_cpps_log_is_not_its_cache(said: str) -> None:
    assert facts_of_log(START + said) == facts_of_log(START)


@pytest.mark.parametrize(
    "said",
    [
        "GPU KV cache size: 5 tokens\n",
        "INFO 11-21 07:55:00 [logger.py:39] Received request a: prompt: 'GPU KV cache size: 5 tokens'\n",
        "INFO:     Application startup complete.\nINFO 11-21 07:55:00 [x.py:1] GPU KV cache size: 5 tokens\n",
    ],
)
def test_nor_into_vllms(said: str) -> None:
    start = (
        "INFO 11-21 07:54:33 [core.py:133] Initializing a V1 LLM engine (v0.32.0) with config: model='m'\n"
        "INFO 11-21 07:54:46 [kv_cache_utils.py:2327] GPU KV cache size: 310,688 tokens\n"
    )
    assert facts_of_log(start + said) == facts_of_log(start)


@pytest.mark.parametrize("number", ["", "-1", "1e9", "nan", "1.2.3", "١٢", "9" * 400])
def test_a_number_that_is_none_leaves_a_gap(number: str) -> None:
    line = f"llama_kv_cache: size = {number} MiB ( 2048 cells, 3 layers, 2/2 seqs), K (f16): {number} MiB\n"
    assert facts_of_log(START.splitlines()[0] + "\n0.00.017.610 I " + line).pool is None


def test_a_log_that_no_engine_wrote_tells_nothing() -> None:
    assert facts_of_log("") == facts_of_log("hello\n" * 1000) == ServerFacts()


def test_a_large_log_is_read_without_being_copied() -> None:
    request = 'INFO:     127.0.0.1:57574 - "POST /v1/chat/completions HTTP/1.1" 200 OK\n'
    text = START + request * (100_000_000 // len(request))
    tracemalloc.start()
    try:
        facts = facts_of_log(text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert facts == facts_of_log(START)
    assert peak < 8_000_000


def test_no_more_lines_are_read_than_any_start_has() -> None:
    marked = sum(1 for _ in lines_with("KV cache\n" * 400_000, ("KV cache",)))
    assert marked == 250_000


def test_a_line_without_end_is_read_at_its_beginning_alone() -> None:
    text = START + "KV cache " + "x" * 1_000_000 + "\n" + FALSE
    longest = max(len(line) for line in lines_with(text, ("KV cache", "size = ")))
    assert longest <= 64 * 1024
