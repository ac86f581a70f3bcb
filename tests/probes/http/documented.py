"""Pages of servers that were not run here, as their sources and documents describe them."""

from __future__ import annotations

SGLANG_LIST = {
    "object": "list",
    "data": [{"id": "qwen", "owned_by": "sglang", "root": "qwen", "max_model_len": 40960}],
}
SGLANG_INFO = {
    "model_path": "Qwen/Qwen3-235B-A22B",
    "tokenizer_path": "Qwen/Qwen3-235B-A22B",
    "served_model_name": "qwen",
    "host": "0.0.0.0",
    "port": 30000,
    "api_key": "sk-sglang-secret",
    "admin_api_key": None,
    "dtype": "auto",
    "quantization": "fp8",
    "kv_cache_dtype": "fp8_e4m3",
    "context_length": None,
    "tp_size": 4,
    "dp_size": 1,
    "enable_dp_attention": False,
    "attention_backend": "fa3",
    "page_size": 1,
    "mem_fraction_static": 0.85,
    "random_seed": 12345,
    "status": "ready",
    "max_total_num_tokens": 367404,
    "internal_states": [
        {
            "page_size": 1,
            "last_gen_throughput": 1.5,
            "memory_usage": {
                "weight": 55.123,
                "kvcache": 16.467,
                "startup_available": 70.01,
                "token_capacity": 367404,
                "token_capacity_swa": None,
                "graph": {"prefill": 0.126},
            },
        }
    ],
    "version": "0.5.23",
}
"""`/server_info`: http_server.py and build_memory_usage; the capacity is that of sglang issue 21348."""
SGLANG_MODEL = {
    "model_path": "Qwen/Qwen3-235B-A22B",
    "is_generation": True,
    "weight_version": "default",
    "model_type": "qwen3_moe",
    "architectures": ["Qwen3MoeForCausalLM"],
}
SGLANG = {"/server_info": SGLANG_INFO, "/model_info": SGLANG_MODEL}

OLLAMA_LIST = {"object": "list", "data": [{"id": "llama3:latest", "object": "model", "owned_by": "library"}]}
OLLAMA_SHOW = {
    "license": "long",
    "parameters": 'num_keep                24\nnum_ctx                 8192\nstop   "<|eot_id|>"',
    "template": "{{ .Prompt }}",
    "details": {"format": "gguf", "family": "llama", "parameter_size": "8.0B", "quantization_level": "Q4_0"},
    "model_info": {
        "general.architecture": "llama",
        "general.file_type": 2,
        "general.parameter_count": 8030261248,
        "general.quantization_version": 2,
        "llama.attention.head_count": 32,
        "llama.attention.head_count_kv": 8,
        "llama.attention.layer_norm_rms_epsilon": 0.00001,
        "llama.block_count": 32,
        "llama.context_length": 8192,
        "llama.embedding_length": 4096,
        "llama.rope.freq_base": 500000,
        "llama.vocab_size": 128256,
        "tokenizer.ggml.bos_token_id": 128000,
        "tokenizer.ggml.merges": [],
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": [],
    },
    "capabilities": ["completion"],
}
"""`POST /api/show`: ollama's docs/api.md."""
OLLAMA_DIGEST = "365c0bd3c000a25d28ddbf732fe1c6add414de7275464c4e4d1c3b5fcb5d8ad1"
OLLAMA_TAGS = {
    "models": [
        {"name": "other:latest", "model": "other:latest", "digest": "0" * 64},
        {"name": "llama3:latest", "model": "llama3:latest", "size": 4661224676, "digest": OLLAMA_DIGEST},
    ]
}
OLLAMA_PS = {
    "models": [
        {
            "name": "llama3:latest",
            "model": "llama3:latest",
            "size": 6654289920,
            "size_vram": 6654289920,
            "digest": OLLAMA_DIGEST,
            "context_length": 16384,
        }
    ]
}
"""`/api/tags`, `/api/ps`: api/types.go."""
OLLAMA = {
    "/api/version": {"version": "0.12.6"},
    "/api/ps": OLLAMA_PS,
    "/api/tags": OLLAMA_TAGS,
    "/api/show": OLLAMA_SHOW,
}

LMDEPLOY_LIST = {"object": "list", "data": [{"id": "internlm3", "owned_by": "lmdeploy", "root": "internlm3"}]}
LMDEPLOY_METRICS = (
    "# HELP lmdeploy:backend_config_info information of backend_config\n"
    "# TYPE lmdeploy:backend_config_info gauge\n"
    'lmdeploy:backend_config_info{block_size="64",cache_max_entry_count="0.8",dtype="bfloat16",'
    'enable_prefix_caching="False",model_format="awq",num_gpu_blocks="0",quant_policy="8",'
    'session_len="32768",tp="2"} 1.0\n'
    'lmdeploy:gpu_cache_usage_perc{engine="0",model_name="internlm3"} 0.0\n'
)
"""lmdeploy/metrics/loggers.py: `Info("lmdeploy:backend_config")` over the fields of PytorchEngineConfig."""
LMDEPLOY_ENGINE = (
    '{"tp_size":2,"ep_size":1,"dp_size":1,"pp_size":null,"dp_rank":0,"block_size":64,"num_cpu_blocks":0,'
    '"num_gpu_blocks":2871}'
)
"""`/distserve/engine_info` returns `model_dump_json()`, so that the page is a JSON text with JSON in it."""
LMDEPLOY = {"/metrics": LMDEPLOY_METRICS.encode(), "/distserve/engine_info": LMDEPLOY_ENGINE}

TRTLLM_LIST = {"object": "list", "data": [{"id": "llama", "object": "model", "owned_by": "tensorrt_llm"}]}
TRTLLM_PROMETHEUS = (
    'trtllm_model_config_info{dtype="bfloat16",gpu_type="NVIDIA H100",max_model_len="8192",'
    'model="meta-llama/Llama-3.1-8B",model_name="llama",quantization="FP8",served_model_name="llama"} 1.0\n'
    'trtllm_parallel_config_info{gpu_count="8",model_name="llama",pipeline_parallel_size="2",'
    'tensor_parallel_size="4"} 1.0\n'
    'trtllm_kv_cache_config_info{cache_dtype="fp8",enable_block_reuse="True",free_gpu_memory_fraction="0.9",'
    'model_name="llama",page_size="32"} 1.0\n'
    'trtllm_kv_cache_max_blocks{model_name="llama"} 1000.0\n'
    'trtllm_kv_cache_tokens_per_block{model_name="llama"} 64.0\n'
)
"""tensorrt_llm/metrics/collector.py, `log_config_info`; figures of its own test."""
TRTLLM_STATISTICS = [
    {"iter": 1, "kvCacheStats": {"maxNumBlocks": 900, "tokensPerBlock": 64}},
    {"iter": 2, "kvCacheStats": {"maxNumBlocks": 1000, "freeNumBlocks": 400, "tokensPerBlock": 64}},
    {"iter": 3, "kvCacheStats": None},
]
"""`/metrics`, with enable_iter_perf_stats."""
TRTLLM = {
    "/version": {"version": "1.2.0"},
    "/prometheus/metrics": TRTLLM_PROMETHEUS.encode(),
    "/metrics": TRTLLM_STATISTICS,
}

OPENROUTER_LIST = {
    "data": [
        {
            "id": "z-ai/glm-4.7-flash",
            "canonical_slug": "z-ai/glm-4.7-flash",
            "context_length": 202752,
            "pricing": {"prompt": "0.0000001"},
            "top_provider": {"context_length": 131072, "max_completion_tokens": None},
        },
        {"id": "z-ai/other", "canonical_slug": "x", "pricing": {}, "top_provider": {}},
    ]
}
"""OpenRouter's API reference, `GET /api/v1/models`."""
