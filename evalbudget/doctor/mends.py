"""Engine → the flag that mends a trouble.

Sources: vLLM `vllm serve --help` and docs/features (reasoning_outputs, tool_calling, batch_invariance);
SGLang docs/advanced_features (server_arguments, separate_reasoning, deterministic_inference); llama.cpp
tools/server/README.md; LMDeploy docs (api_server_reasoning, api_server_tools); TensorRT-LLM trtllm-serve.
What mends a thinking budget stands in `reasoning.budgets.advice`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


def _table(**engines: str) -> Mapping[str, str]:
    """By engine, dots and dashes written as underscores; `other` is for all that remain."""
    named = {"llama_cpp": "llama.cpp", "tensorrt_llm": "tensorrt-llm", "llama_cpp_python": "llama-cpp-python"}
    return MappingProxyType({named.get(name, name): text for name, text in engines.items()})


PARSER = _table(
    vllm="start vLLM with `--reasoning-parser NAME`: glm45, qwen3, deepseek_r1, … as the model needs",
    sglang="start SGLang with `--reasoning-parser NAME`",
    llama_cpp="start llama-server with `--jinja --reasoning-format auto`; the chat template has to mention"
    " `reasoning_content`",
    lmdeploy="start LMDeploy with `--reasoning-parser NAME`",
    tensorrt_llm="start trtllm-serve with `--reasoning_parser NAME`",
    other="the server's reasoning parser, where it has one; evalbudget takes `<think>` apart by itself",
)
"""Thinking that comes inside the content."""

OPENED = _table(
    other="if the model thinks: a reasoning parser on the server (`--reasoning-parser NAME` on vLLM and"
    " SGLang), or `prompt_opens_thinking: true` for this model in the suite",
)
"""A reply that was cut without any marker."""

REASONING_TOKENS = _table(
    vllm="vLLM 0.29 or later with `--reasoning-parser NAME` sends it; the counts below do without",
    sglang="start SGLang with `--reasoning-parser NAME`; the counts below do without",
    lmdeploy="start LMDeploy with `--reasoning-parser NAME`",
    llama_cpp="llama.cpp never sends it; the counts below do without",
    ollama="Ollama never sends it",
    tensorrt_llm="TensorRT-LLM has no such field; the counts below do without",
    transformers="transformers serve never sends it",
    other="none known; see the counts below",
)

COUNTED_ZERO = _table(
    vllm="vLLM's basic parsers (deepseek_r1 and its like) count only behind an opening marker that the model"
    " wrote itself (#44398, #49743): use the family's own `--reasoning-parser`, such as glm45 or qwen3. A run"
    " does not believe this figure",
    other="a run does not believe this figure",
)
"""`reasoning_tokens: 0` beside thinking."""

EXACT = _table(
    vllm="update vLLM, or take away what drops `return_token_ids`",
    sglang="update SGLang, or take away what drops `return_output_ids_in_sglext`",
    llama_cpp="update llama.cpp, or take away what drops `timings_per_token`",
    ollama="Ollama gives neither token ids nor a tokenizer; serve the same GGUF with llama-server",
    transformers="transformers serve gives neither token ids nor a tokenizer; vLLM and SGLang do",
    llama_cpp_python="serve the same GGUF with llama-server, which gives running counts",
    other="vLLM, SGLang and llama.cpp give exact counts",
)

USAGE = _table(
    llama_cpp_python="llama-cpp-python sends none in a stream; llama-server does",
    vllm="start vLLM with `--enable-force-include-usage`",
    other="the server, or a gateway before it, has to honour `stream_options: {include_usage: true}`",
)

CACHED = _table(
    vllm="start vLLM with `--enable-prompt-tokens-details`; prefix caching itself is on unless"
    " `--no-enable-prefix-caching`",
    sglang="start SGLang with `--enable-cache-report`",
    other="",
)
"""No figure for prompt tokens that came from the prefix cache."""

NOT_CACHED = _table(
    vllm="start vLLM with `--enable-prefix-caching`",
    sglang="start SGLang without `--disable-radix-cache`",
    llama_cpp="start llama-server with `--cache-prompt`, its default",
    other="",
)
"""Nothing of a prompt that had just been asked came from the prefix cache."""

ALIKE = _table(
    vllm="`VLLM_BATCH_INVARIANT=1` makes vLLM repeat itself on GPUs that it supports; else ask for more"
    " `repeats`",
    sglang="start SGLang with `--enable-deterministic-inference`, or ask for more `repeats`",
    llama_cpp="`extra_body: {cache_prompt: false}` and one slot (`--parallel 1`) make llama.cpp repeat"
    " itself",
    other="no setting known: ask for more `repeats`, and compare means, not single answers",
)
"""The same request, another text."""

TOOLS = _table(
    vllm="start vLLM with `--enable-auto-tool-choice --tool-call-parser NAME`",
    sglang="start SGLang with `--tool-call-parser NAME`",
    llama_cpp="start llama-server with `--jinja` and a chat template that knows tools",
    lmdeploy="start LMDeploy with `--tool-call-parser NAME`",
    other="the server's tool-call parser, where it has one; or `mode: prompt` for BFCL",
)

METRICS = _table(
    llama_cpp="start llama-server with `--metrics`",
    sglang="start SGLang with `--enable-metrics`",
    vllm="start vLLM without `--disable-log-stats`, and let `/metrics` through",
    tensorrt_llm="set `enable_iter_perf_stats: true` in trtllm-serve's `--extra_llm_api_options`",
    lmdeploy="start LMDeploy with `--enable-metrics`",
    other="",
)

KV = _table(
    llama_cpp="start llama-server with `-lv 4` and name its `log:` in the suite, or give it"
    " `--slot-save-path DIR`",
    vllm="name the server's `log:` in the suite",
    sglang="name the server's `log:` in the suite",
    other="",
)
"""What the cache takes is not told."""

CONFIG = "name the model's config.json as `config:` in the suite"
"""What the cache should take is not known."""


def mend(table: Mapping[str, str], engine: str) -> str:
    """What mends it on this engine; empty where nothing is known to."""
    return table.get(engine.lower(), table.get("other", ""))
