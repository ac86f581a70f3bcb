"""The engines' servers, for the tests here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.engine_fixtures import scripted_gguf, thinking_gguf
from tests.engines.vllm_server import Servers

__all__ = ["scripted_gguf", "thinking_gguf", "vllms"]


@pytest.fixture(scope="session")
def vllms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Real vLLMs with the scripted model; none runs before one is asked for."""
    with ExitStack() as stack:
        yield Servers(folder=tmp_path_factory.mktemp("vllm"), stack=stack)
