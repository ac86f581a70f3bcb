"""Lines that users and authors of the engines published, old forms and new ones."""

from __future__ import annotations

import pytest

from evalbudget.probes.logs import facts_of_log
from evalbudget.records import CachePart, CachePool

MIB, GIB = 1 << 20, 1 << 30
LOADING = "srv    load_model: loading model '/models/a.gguf'\n"


def pool_of(log: str) -> CachePool:
    pool = facts_of_log(log).pool
    assert pool is not None
    assert pool.source == "log"
    return pool


def llama(*lines: str) -> tuple[CachePart, ...]:
    return pool_of(LOADING + "\n".join(lines)).parts


def test_the_log_of_pull_request_19067_gives_the_context_that_its_articles_do_not_name() -> None:
    (part,) = llama(
        "llama_kv_cache: size = 19525.56 MiB (200192 cells,  47 layers,  1/1 seqs), "
        "K (f16): 10337.06 MiB, V (f16): 9188.50 MiB"
    )
    assert part.tokens == 200_192
    assert part.key_bytes is not None
    assert part.value_bytes is not None
    assert abs(part.key_bytes - 200_192 * 47 * 576 * 2) <= part.rounding
    assert abs(part.value_bytes - 200_192 * 47 * 512 * 2) <= part.rounding


def test_gpt_oss_has_a_cache_for_all_tokens_and_one_for_its_window() -> None:
    whole, window = llama(
        "llama_kv_cache_iswa: creating non-SWA KV cache, size = 131072 cells",
        "llama_kv_cache:      CUDA0 KV buffer size =  3072.00 MiB",
        "llama_kv_cache: size = 3072.00 MiB (131072 cells,  12 layers,  1/1 seqs), "
        "K (f16): 1536.00 MiB, V (f16): 1536.00 MiB",
        "llama_kv_cache_iswa: creating     SWA KV cache, size = 768 cells",
        "llama_kv_cache:      CUDA0 KV buffer size =    18.00 MiB",
        "llama_kv_cache: size =   18.00 MiB (   768 cells,  12 layers,  1/1 seqs), "
        "K (f16):    9.00 MiB, V (f16):    9.00 MiB",
    )
    assert (whole.kind, whole.bytes, whole.tokens) == ("attention", 131_072 * 24_576, 131_072)
    assert (window.kind, window.bytes, window.tokens) == ("window", 768 * 24_576, 768)


def test_the_unified_cache_of_2025_has_cells_and_layers_too() -> None:
    whole, window = llama(
        "llama_kv_cache_unified_iswa: creating non-SWA KV cache, size = 8192 cells",
        "llama_kv_cache_unified: size =  102.00 MiB (  8192 cells,  12 layers,  1/1 seqs), "
        "K (q8_0):   51.00 MiB, V (q8_0):   51.00 MiB",
        "llama_kv_cache_unified_iswa: creating     SWA KV cache, size = 256 cells",
        "llama_kv_cache_unified: size =    3.19 MiB (   256 cells,  12 layers,  1 seqs), "
        "K (q8_0):    1.59 MiB, V (q8_0):    1.59 MiB",
    )
    assert (whole.bytes, whole.keys, whole.layers) == (102 * MIB, "q8_0", 12)
    assert (window.kind, window.tokens) == ("window", 256)


def test_the_cache_of_2024_tells_its_size_and_its_cells_apart() -> None:
    (part,) = llama(
        "llama_kv_cache_init: kv_size = 32768, offload = 1, type_k = 'q8_0', type_v = 'q8_0', n_layer = 64, "
        "can_shift = 1",
        "llama_kv_cache_init:      CUDA0 KV buffer size =  2788.00 MiB",
        "llama_new_context_with_model: KV self size  = 4352.00 MiB, K (q8_0): 2176.00 MiB, "
        "V (q8_0): 2176.00 MiB",
    )
    assert (part.bytes, part.tokens, part.layers) == (4352 * MIB, 32_768, 64)


def test_a_hybrid_has_states_and_those_that_can_be_rolled_back_to_count() -> None:
    attention, state = llama(
        "llama_kv_cache: size = 1280.00 MiB ( 65536 cells,  10 layers,  1/1 seqs), "
        "K (f16):  640.00 MiB, V (f16):  640.00 MiB",
        "llama_memory_recurrent: size =  188.44 MiB (     1 cells,  41 layers,  1 seqs  2 rs_seq), "
        "R (f32):    8.44 MiB, S (f32):  180.00 MiB",
    )
    assert attention.bytes == 65_536 * 20_480
    assert (state.kind, state.sequences, state.tokens) == ("state", 3, None)
    assert state.bytes == pytest.approx(188.44 * MIB, abs=1)


def test_states_of_older_builds_have_neither_rollback_nor_a_third_tensor() -> None:
    (state,) = llama(
        "llama_memory_recurrent: size =  251.25 MiB (     4 cells,  40 layers,  4 seqs), "
        "R (f32):   11.25 MiB, S (f32):  240.00 MiB"
    )
    assert (state.kind, state.sequences, state.bytes) == ("state", 4, round(251.25 * MIB))


def test_an_indexer_has_a_cache_of_its_own() -> None:
    main, indexer = llama(
        "llama_kv_cache_dsa: creating main KV cache, size = 4608 cells",
        "llama_kv_cache: size =    6.00 MiB (  4608 cells,   1 layers,  1/1 seqs), "
        "K (f16):    6.00 MiB, V (f16):    0.00 MiB",
        "llama_kv_cache_dsa: creating indexer KV cache, size = 4608 cells",
        "llama_kv_cache: size =    0.50 MiB (   512 cells,   1 layers,  4/4 seqs), "
        "K (f16):    0.50 MiB, V (f16):    0.00 MiB",
    )
    assert (main.kind, indexer.kind) == ("attention", "indexer")
    assert (indexer.tokens, indexer.bytes) == (2048, 2048 * 256)


def test_a_compressed_cache_has_rows_of_several_tokens() -> None:
    raw, compressed, indexer, state = llama(
        "llama_kv_cache_dsv4: creating DSV4 raw KV cache",
        "llama_kv_cache_iswa: creating     SWA KV cache, size = 768 cells",
        "llama_kv_cache: size =   1.00 MiB (   768 cells,  4 layers,  1/1 seqs), K (f16):   1.00 MiB, "
        "V (f16):    0.00 MiB",
        "llama_kv_cache_dsv4: creating DSV4 CSA compressed KV cache, size = 1024 cells",
        "llama_kv_cache: size =   2.00 MiB (  1024 cells,  4 layers,  1/1 seqs), K (f16):   2.00 MiB, "
        "V (f16):    0.00 MiB",
        "llama_kv_cache_dsv4: creating DSV4 lightning-indexer KV cache, size = 1024 cells",
        "llama_kv_cache: size =   0.25 MiB (  1024 cells,  4 layers,  1/1 seqs), K (f16):   0.25 MiB, "
        "V (f16):    0.00 MiB",
        "llama_kv_cache_dsv4: CSA ratio = 4, state = 512 x 8, streams = 2, rs_seq = 0, layers = 4, "
        "size =    0.12 MiB",
    )
    assert (raw.kind, raw.tokens) == ("window", 768)
    assert (compressed.kind, compressed.tokens) == ("attention", None)
    assert indexer.kind == "indexer"
    assert (state.kind, state.sequences, state.layers) == ("state", 2, 4)


KV = (
    "llama_kv_cache: size = {0}.00 MiB ( {1} cells,   {2} layers,  1/1 seqs), K (f16): {0}.00 MiB, V "
    "(f16): 0.00 MiB"
)


def test_what_a_draft_model_takes_is_told_apart() -> None:
    main, draft = llama(
        KV.format(64, 8192, 8),
        "srv    load_model: loading draft model '/models/small.gguf'",
        "llama_model_loader: loaded meta data with 1 key-value pairs and 2 tensors from /models/small.gguf "
        "(version GGUF V3 (latest))",
        "print_info: arch                  = other",
        KV.format(4, 8192, 1),
    )
    assert (main.kind, draft.kind, draft.bytes) == ("attention", "draft", 4 * MIB)


def test_todays_llama_cpp_loads_its_draft_elsewhere_and_tries_first_what_fits() -> None:
    loaded = (
        "llama_model_loader: loaded meta data with 24 key-value pairs and 14 tensors from a.gguf (version 3)"
    )
    parts = llama(
        *(loaded, KV.format(64, 8192, 8), loaded, KV.format(4, 8192, 1), loaded, KV.format(64, 8192, 8)),
        "common_speculative_init_result: loading draft model 'a.gguf'",
        *(loaded, KV.format(4, 8192, 1)),
        "srv    load_model: initializing, n_slots = 2, n_ctx_slot = 512, kv_unified = 'false'",
    )
    assert [(part.kind, part.bytes) for part in parts] == [("attention", 64 * MIB), ("draft", 4 * MIB)]


def test_so_is_what_the_models_own_layers_take_that_predict_ahead() -> None:
    parts = llama(
        KV.format(1536, 24576, 16),
        "0.09.811.535 I srv    load_model: creating MTP draft context against the target model 'a.gguf'",
        "0.09.811.540 I " + KV.format(1024, 262144, 1),
        "0.10.154.587 I srv    load_model: initializing slots, n_slots = 2",
    )
    assert [part.kind for part in parts] == ["attention", "draft"]
    assert parts[1].bytes == 262_144 * 4096


def test_a_draft_cache_that_was_made_twice_is_counted_once() -> None:
    parts = llama(
        KV.format(64, 8192, 8),
        "srv    load_model: loading draft model 'small.gguf'",
        KV.format(32, 65536, 1),
        "srv          init: initializing slots, n_slots = 1",
        KV.format(4, 8192, 1),
    )
    assert [part.bytes for part in parts] == [64 * MIB, 4 * MIB]


def test_trials_of_what_fits_are_not_the_cache() -> None:
    loaded = (
        "llama_model_loader: loaded meta data with 1 key-value pairs and 2 tensors from a.gguf "
        "(version GGUF V3)"
    )
    parts = llama(loaded, KV.format(640, 81920, 8), loaded, KV.format(64, 8192, 8))
    assert [part.bytes for part in parts] == [64 * MIB]


def test_the_last_of_several_models_counts_also_among_a_routers_children() -> None:
    log = (
        "[41123] 0.00.010.000 I srv    load_model: loading model 'one.gguf'\n"
        "[41124] 0.00.011.000 I srv    load_model: loading model 'two.gguf'\n"
        f"[41123] 0.00.012.000 I {KV.format(640, 81920, 8)}\n"
        f"[41124] 0.00.013.000 I {KV.format(64, 8192, 8)}\n"
        "[41123] 0.00.014.000 I srv  llama_server: model loaded\n"
    )
    facts = facts_of_log(log)
    assert facts.model_path == "two.gguf"
    assert facts.pool is not None
    assert facts.pool.bytes == 64 * MIB


def test_without_the_lines_of_the_cache_the_rest_is_still_told() -> None:
    facts = facts_of_log(
        "0.00.002.214 I cmn  common_param: common_params_print_info: build 9181 (0c1e570) with GNU 12.2.0\n"
        "0.00.003.814 I srv    load_model: loading model 'models/lfm2.gguf'\n"
        "0.00.015.369 I srv    load_model: initializing, n_slots = 2, n_ctx_slot = 2048, kv_unified = "
        "'false'\n"
        "0.00.018.363 I srv  llama_server: model loaded\n"
    )
    assert (facts.engine, facts.engine_version) == ("llama.cpp", "b9181-0c1e570")
    assert (facts.model_path, facts.max_model_len, facts.pool) == ("models/lfm2.gguf", 2048, None)


@pytest.mark.parametrize(
    "around", ["llama-cpp       | ", "Dec 02 11:56:50 box llama-server[24689]: ", "\x1b[32m"]
)
def test_what_containers_journals_and_terminals_put_around_a_line_is_left_out(around: str) -> None:
    log = "\n".join(around + line for line in (*LOADING.splitlines(), KV.format(64, 8192, 8)))
    assert pool_of(log).bytes == 64 * MIB


def test_ollamas_own_engine_tells_its_cache_by_device() -> None:
    own = "time=2026-01-20T16:34:21.526+08:00 level=INFO source="
    facts = facts_of_log(
        f'{own}routes.go:1752 msg="Listening on 127.0.0.1:11434 (version 0.14.3)"\n'
        f'{own}server.go:755 msg="loading model" "model layers"=48 requested=-1\n'
        f'{own}runner.go:1278 msg=load request="{{Operation:commit LoraPath:[] Parallel:1 BatchSize:512 '
        'FlashAttention:Enabled KvSize:8192 KvCacheType: NumThreads:6}"\n'
        f'{own}ggml.go:136 msg="" architecture=glm4moelite file_type=Q4_K_M name=""\n'
        f'{own}device.go:251 msg="kv cache" device=CUDA0 size="800.0 MiB"\n'
        f'{own}device.go:256 msg="kv cache" device=CPU size="6.6 GiB"\n'
    )
    assert (facts.engine, facts.engine_version, facts.quantization) == ("ollama", "0.14.3", "q4_k_m")
    assert facts.max_model_len == 8192
    assert facts.pool is not None
    (part,) = facts.pool.parts
    assert part.tokens == 8192
    assert abs(part.bytes - 8192 * 962_560) <= part.rounding


def test_ollamas_log_holds_llama_cpps_lines() -> None:
    own = "time=2026-01-20T16:34:21.526+08:00 level=INFO source="
    facts = facts_of_log(
        f'{own}routes.go:1752 msg="Listening on [::]:11434 (version 0.12.1)"\n'
        f'{own}server.go:499 msg="loading model" "model layers"=29 requested=-1\n'
        f'{own}device.go:251 msg="kv cache" device=CUDA0 size="1.8 GiB"\n'
        "llama_model_loader: loaded meta data with 1 key-value pairs and 2 tensors from /blobs/sha256-ab "
        "(version GGUF V3 (latest))\n"
        f"{KV.format(64, 8192, 8)}\n"
    )
    assert (facts.engine, facts.model_path) == ("ollama", "/blobs/sha256-ab")
    assert facts.pool is not None
    assert facts.pool.bytes == 64 * MIB


V1 = "(EngineCore_DP0 pid=131) INFO 10-08 06:07:51 [core.py:76] "
CONFIG = (
    V1
    + "Initializing a V1 LLM engine (v0.10.2) with config: model='Qwen/Qwen3-1.7B', speculative_config=None, "
    "dtype=torch.bfloat16, max_seq_len=40960, tensor_parallel_size=4, quantization=fp8, "
    "kv_cache_dtype=fp8_e4m3, "
    'served_model_name=Qwen/Qwen3-1.7B, compilation_config={"level":3,"a":[1,2]}\n'
)


def test_vllms_two_line_form_gives_the_bytes_of_a_token() -> None:
    facts = facts_of_log(
        CONFIG
        + "(EngineCore_DP0 pid=131) INFO 10-08 06:08:20 [gpu_worker.py:298] Available KV cache memory: "
        "18.78 GiB\n"
        + "(EngineCore_DP0 pid=131) INFO 10-08 06:08:20 [kv_cache_utils.py:864] GPU KV cache size: "
        "175,856 tokens\n"
        + "(EngineCore_DP0 pid=131) INFO 10-08 06:08:20 [kv_cache_utils.py:868] Maximum concurrency for "
        "40,960 "
        "tokens per request: 4.29x\n"
    )
    assert (facts.engine_version, facts.model_path, facts.ranks) == ("0.10.2", "Qwen/Qwen3-1.7B", 4)
    assert (facts.quantization, facts.kv_dtype, facts.max_model_len) == ("fp8", "fp8_e4m3", 40_960)
    assert facts.pool is not None
    (part,) = facts.pool.parts
    assert (facts.pool.tokens, facts.pool.concurrency) == (175_856, 4.29)
    assert abs(part.bytes - 175_856 * 114_688) <= part.rounding


def test_of_several_ranks_the_smallest_counts() -> None:
    ranks = "".join(
        f"(VllmWorker TP{rank} pid={rank}) INFO 07-22 10:00:00 [gpu_worker.py:227] Available KV cache "
        f"memory: {gib} GiB\n"
        f"(EngineCore_0 pid=1) INFO 07-22 10:00:00 [kv_cache_utils.py:716] GPU KV cache size: {tokens} "
        f"tokens\n"
        for rank, gib, tokens in ((0, "8.11", "178,880"), (1, "8.05", "177,552"), (2, "8.20", "180,864"))
    )
    pool = pool_of(CONFIG + ranks)
    assert (pool.bytes, pool.tokens) == (round(8.05 * GIB), 177_552)


def test_blocks_that_were_set_by_hand_take_their_share_of_the_memory() -> None:
    pool = pool_of(
        CONFIG + "INFO 10-08 06:08:20 [gpu_worker.py:298] Available KV cache memory: 10.00 GiB\n"
        "INFO 10-08 06:08:20 [kv_cache_utils.py:2] Overriding num_gpu_blocks=1000 with "
        "num_gpu_blocks_override=733\n"
        "INFO 10-08 06:08:20 [kv_cache_utils.py:3] GPU KV cache size: 11,728 tokens\n"
    )
    assert (pool.overridden, pool.blocks, pool.tokens) == (False, 733, 11_728)
    assert pool.bytes == round(7.33 * GIB)


def test_bytes_that_were_asked_for_are_exact() -> None:
    pool = pool_of(
        "(APIServer pid=1) INFO 11-21 07:54:23 [api_utils.py:286] non-default args: {'model': 'm', "
        "'kv_cache_memory_bytes': 1073741825, 'block_size': 32}\n"
        + CONFIG
        + "INFO 11-21 07:54:46 [cpu_worker.py:260] Explicitly set (1.0/19.71) GiB for KV cache on node 0.\n"
    )
    assert pool.parts == (CachePart(bytes=1_073_741_825),)
    assert pool.block_tokens == 32


def test_the_v0_engine_counts_blocks() -> None:
    facts = facts_of_log(
        "INFO 03-07 12:29:02 llm_engine.py:234] Initializing a V0 LLM engine (v0.7.3) with config: "
        "model='meta-llama/Llama-3.1-8B-Instruct', dtype=torch.bfloat16, max_seq_len=8192, "
        "quantization=None\n"
        "INFO 03-07 12:29:30 worker.py:267] model weights take 14.99GiB; non_torch_memory takes "
        "0.09GiB; PyTorch "
        "activation peak memory takes 1.21GiB; the rest of the memory reserved for KV Cache is 54.96GiB.\n"
        "INFO 03-07 12:29:31 executor_base.py:111] # cuda blocks: 28139, # CPU blocks: 2048\n"
        "INFO 03-07 12:29:31 executor_base.py:116] Maximum concurrency for 8192 tokens per request: 54.96x\n"
    )
    assert facts.engine_version == "0.7.3"
    assert facts.pool is not None
    assert (facts.pool.blocks, facts.pool.bytes, facts.pool.max_model_len) == (
        28_139,
        round(54.96 * GIB),
        8192,
    )


def test_a_second_start_of_vllm_forgets_the_first() -> None:
    first = CONFIG + "INFO 10-08 06:08:20 [kv_cache_utils.py:3] GPU KV cache size: 11,728 tokens\n"
    ready = "INFO:     Application startup complete.\n"
    facts = facts_of_log(first + ready + CONFIG)
    assert (facts.engine, facts.pool) == ("vllm", None)


def test_no_key_of_a_server_gets_out_of_its_log() -> None:
    facts = facts_of_log(
        "INFO 11-21 07:54:23 [api_utils.py:286] non-default args: {'model': 'm', 'api_key': ['sk-1234567'], "
        "'hf_token': 'hf_abcdefgh', 'kv_transfer_config': {'password': 'p4ssw0rd'}, "
        "'model_loader_extra_config': '{\"secret_key\": \"s3cr3t\"}', 'url': 'http://a:b1c2d3@host/', "
        "'max_num_batched_tokens': 8192}\n"
    )
    assert set(facts.flags) == {"model", "max_num_batched_tokens"}


SGL = "[2026-01-31 13:50:39 TP{}] "


def sglang(
    *lines: str, arguments: str = "model_path='Qwen/Qwen3-235B-A22B-FP8', tp_size=4, page_size=1"
) -> str:
    start = f"[2026-01-31 13:50:00] server_args=ServerArgs({arguments})\n"
    return start + "".join(SGL.format(0) + line + "\n" for line in lines)


def test_sglang_tells_keys_and_values_of_one_gpu() -> None:
    facts = facts_of_log(
        sglang(
            "Load weight end. elapsed=3.2 s, type=Qwen3MoeForCausalLM, dtype=torch.bfloat16, avail "
            "mem=20.1 GB, "
            "mem usage=56.0 GB.",
            "KV Cache is allocated. dtype: torch.bfloat16, #tokens: 367404, K size: 8.23 GB, V size: 8.23 GB",
            "Memory pool end. avail mem=4.02 GB",
            "max_total_num_tokens=367404, chunked_prefill_size=8192, max_prefill_tokens=16384, "
            "max_running_requests=2049, context_len=40960, available_gpu_mem=3.12 GB",
        )
    )
    assert (facts.engine, facts.architecture, facts.ranks) == ("sglang", "Qwen3MoeForCausalLM", 4)
    assert (facts.kv_dtype, facts.max_model_len) == ("bfloat16", 40_960)
    assert facts.pool is not None
    (part,) = facts.pool.parts
    assert (facts.pool.tokens, facts.pool.block_tokens) == (367_404, 1)
    assert part.keys == "torch.bfloat16"
    assert abs(part.bytes - 367_404 * 48_128) <= part.rounding


def test_sglangs_latent_cache_is_one_figure() -> None:
    (part,) = pool_of(sglang("KV Cache is allocated. #tokens: 100000, KV size: 5.04 GB")).parts
    assert (part.bytes, part.key_bytes, part.value_bytes) == (round(5.04 * GIB), None, None)


def test_what_is_left_after_the_graphs_replaces_the_upper_bound() -> None:
    target, draft = pool_of(
        sglang(
            "KV Cache is allocated. dtype: torch.bfloat16, #tokens: 900000, KV size: 45.00 GB",
            "Memory pool end. avail mem=4.02 GB",
            "KV Cache is allocated. dtype: torch.bfloat16, #tokens: 900000, KV size: 1.00 GB",
            "Post-capture KV sizing: KV cache allocated. dtype: torch.bfloat16, #tokens: 800000, KV "
            "size: 40.00 GB, "
            "avail mem=2.00 GB",
        )
    ).parts[::-1]
    assert (target.kind, target.tokens, target.bytes) == ("attention", 800_000, 40 * GIB)
    assert (draft.kind, draft.bytes) == ("draft", GIB)


def test_sglangs_window_has_a_pool_of_its_own() -> None:
    window, whole = pool_of(
        sglang(
            "Use sliding window memory pool. full_layer_tokens=375360, swa_layer_tokens=300288",
            "KV Cache is allocated. #tokens: 300288, K size: 8.38 GB, V size: 5.59 GB",
            "KV Cache is allocated. #tokens: 375360, K size: 1.00 GB, V size: 1.00 GB",
            "SWAKVPool mem usage: 15.97 GB, swa size: 300288, full size: 375360",
        )
    ).parts
    assert (window.kind, window.tokens) == ("window", 300_288)
    assert (whole.kind, whole.tokens) == ("attention", 375_360)


def test_sglangs_states_are_counted_by_sequence() -> None:
    state, attention = pool_of(
        sglang(
            "Mamba Cache is allocated. max_mamba_cache_size: 48, conv_state size: 0.09GB, ssm_state "
            "size: 6.46GB",
            "KV Cache is allocated. #tokens: 2618868, K size: 19.98 GB, V size: 19.98 GB",
        )
    ).parts
    assert (state.kind, state.sequences) == ("state", 48)
    assert state.bytes == round(0.09 * GIB) + round(6.46 * GIB)
    assert attention.kind == "attention"


def test_data_parallel_attention_shares_layers_among_fewer_gpus() -> None:
    arguments = "model_path='m', tp_size=8, dp_size=4, enable_dp_attention=True, api_key='sk-abc', load=None"
    facts = facts_of_log(sglang(arguments=arguments))
    assert facts.ranks == 2
    assert facts.flags == {"model_path": "m", "tp_size": 8, "dp_size": 4, "enable_dp_attention": True}


def test_lmdeploy_tells_blocks_and_their_size() -> None:
    facts = facts_of_log(
        "2024-11-07 12:04:20,426 - lmdeploy - INFO - async_engine.py:142 - input backend=turbomind, "
        "backend_config=TurbomindEngineConfig(dtype='bfloat16', model_format=None, tp=2, session_len=131072, "
        "cache_block_seq_len=64, quant_policy=8, download_dir=None)\n"
        "[TM][INFO] [BlockManager] block_size = 0.844 MB\n"
        "[TM][INFO] [BlockManager] max_block_count = 1740\n"
        "[TM][INFO] [BlockManager] chunk_size = 1740\n"
        "[TM][WARNING] No enough blocks for `session_len` (131072), `session_len` truncated to 111360.\n"
    )
    assert (facts.engine, facts.ranks, facts.kv_dtype) == ("lmdeploy", 2, "int8")
    assert facts.max_model_len == 111_360 == 1740 * 64
    assert facts.pool is not None
    assert (facts.pool.tokens, facts.pool.blocks, facts.pool.block_tokens) == (111_360, 1740, 64)
    assert facts.pool.bytes == round(0.844 * MIB) * 1740
    assert facts.pool.parts[0].rounding == 525 * 1740


def test_lmdeploys_newer_form_tells_tokens_alone() -> None:
    facts = facts_of_log(
        "[TM][INFO] max cached tokens: 42880\n"
        "[TM][WARNING] `session_len` truncated to 42880 due to limited KV cache memory\n"
    )
    assert (facts.max_model_len, facts.pool) == (42_880, CachePool(source="log", tokens=42_880))


def test_tensorrt_llm_tells_its_last_cache() -> None:
    facts = facts_of_log(
        "[TensorRT-LLM] TensorRT-LLM version: 1.1.0rc2.post2\n"
        "[TensorRT-LLM][INFO] [MemUsageChange] Allocated 0.41 GiB for max tokens in paged KV cache (3328).\n"
        "[TensorRT-LLM][INFO] Number of tokens per block: 64.\n"
        "[TensorRT-LLM][INFO] [MemUsageChange] Allocated 26.91 GiB for max tokens in paged KV cache "
        "(220480).\n"
        "[02/14/2025-09:38:53] [TRT-LLM] [I] max_seq_len=131072, max_num_requests=2048, max_num_tokens=8192\n"
    )
    assert (facts.engine, facts.engine_version) == ("tensorrt-llm", "1.1.0rc2.post2")
    assert facts.max_model_len == 131_072
    assert facts.pool is not None
    assert (facts.pool.tokens, facts.pool.block_tokens) == (220_480, 64)
    assert facts.pool.bytes == round(26.91 * GIB)
    assert abs(facts.pool.parts[0].bytes - 220_480 * 131_072) <= facts.pool.parts[0].rounding


def test_tensorrt_llms_older_form_is_exact() -> None:
    pool = pool_of(
        "[TensorRT-LLM][INFO] Allocate 69524783104 bytes for k/v cache. \n"
        "[TensorRT-LLM][INFO] Using 132608 tokens in paged KV cache.\n"
    )
    assert (pool.bytes, pool.tokens) == (132_608 * 524_288, 132_608)
