"""What a server that ignores budgets of thinking lacks: one line for the user, with the flag that mends it.

Sources. vLLM: `thinking_token_budget`, vllm-project/vllm#20859, first released in 0.19; earlier versions take
it for an unknown field. SGLang: `custom_params.thinking_budget`, sgl-project/sglang#25536 (not enforced for
every model). llama.cpp: `reasoning_budget_tokens`, ggml-org/llama.cpp#20297, March 2026; its sampler needs
the end tag, which it finds in the chat template. TensorRT-LLM: tensorrt_llm/llmapi/thinking_budget.py. Ollama
has none (ollama/ollama#17566 is open), nor have LMDeploy and transformers serve.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_INSTEAD = "or use `budget_mode: force` or `max_tokens`"
_SWITCH = (
    "its chat template does not know `enable_thinking`, so that thinking stays on: set the template's own"
    " switch in `extra_body`, or use `budget_mode: force`"
)
"""For budget 0, which mode `max_tokens` leaves to the same switch."""
_FLAGS: Mapping[str, str] = {
    "vllm": "start vLLM with `--reasoning-parser NAME` (and `--reasoning-config` where the parser does not"
    " know the model's markers)",
    "sglang": "start SGLang with `--reasoning-parser NAME --enable-strict-thinking`",
    "llama.cpp": "start llama-server with `--jinja`, `--reasoning-format auto` and a chat template that has"
    " thinking tags; builds before March 2026 (#20297) know only the budgets 0 and -1",
    "tensorrt-llm": "start trtllm-serve with `--reasoning_parser NAME`; releases without"
    " `thinking_token_budget` need an update",
}
_HAVE_NONE: Mapping[str, str] = {
    "ollama": "Ollama",
    "lmdeploy": "LMDeploy",
    "transformers": "transformers serve",
    "llama-cpp-python": "llama-cpp-python",
}
"""Engines without such a parameter."""
_UNKNOWN = (
    "the server may need `--reasoning-parser NAME` (vLLM; SGLang with `--enable-strict-thinking`) or"
    " `--jinja` (llama.cpp)"
)
_FIRST_VLLM = (0, 19)


def missing_flag(engine: str | None, engine_version: str | None = None, *, budget: int | None = None) -> str:
    """What would make this engine keep a budget that it ignored; ends with what works on every server.

    `engine` as in `ServerRecord.engine`. `budget`: the one that was ignored; 0 asks for no thinking at all,
    which is the chat template's to grant.
    """
    if budget == 0:
        return _SWITCH
    name = (engine or "unknown").lower()
    if name in _HAVE_NONE:
        return f"{_HAVE_NONE[name]} has no parameter for it, {_INSTEAD.removeprefix('or ')}"
    if name == "vllm" and _is_before(engine_version, _FIRST_VLLM):
        return (
            f"vLLM {engine_version} ignores it: update to 0.19 or later and start it with"
            f" `--reasoning-parser NAME`, {_INSTEAD}"
        )
    return f"{_FLAGS.get(name, _UNKNOWN)}, {_INSTEAD}"


def _is_before(version: str | None, first: tuple[int, int]) -> bool:
    found = re.match(r"v?(\d+)\.(\d+)", version or "")
    return found is not None and (int(found[1]), int(found[2])) < first
