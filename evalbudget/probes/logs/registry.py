"""The engines whose logs are read: a new one is a file of its own and a line here."""

from __future__ import annotations

from typing import Final

from evalbudget.probes.logs.llama_cpp import LlamaCppStart
from evalbudget.probes.logs.lmdeploy import LmDeployStart
from evalbudget.probes.logs.ollama import OllamaStart
from evalbudget.probes.logs.reader import Engine
from evalbudget.probes.logs.sglang import SglangStart, SglangUse
from evalbudget.probes.logs.tensorrt_llm import TensorRtLlmStart
from evalbudget.probes.logs.transformers import TransformersStart
from evalbudget.probes.logs.vllm import VllmStart, VllmUse

ENGINES: Final = (
    Engine(start=TransformersStart),
    Engine(start=LlamaCppStart),
    Engine(start=OllamaStart),
    Engine(start=LmDeployStart),
    Engine(start=TensorRtLlmStart),
    Engine(start=SglangStart, use=SglangUse),
    Engine(start=VllmStart, use=VllmUse),
)
"""Where two tell of the same start, the later one is believed: an Ollama log holds llama.cpp's lines."""
