"""The engines' servers, for the tests here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.engine_fixtures import scripted_gguf, thinking_gguf
from tests.engines.vllm_server import SERVERS, Server, Servers

__all__ = ["parsing", "scripted_gguf", "server", "thinking_gguf", "vllms"]


@pytest.fixture(scope="session")
def vllms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Real vLLMs with our own models; none runs before one is asked for."""
    with ExitStack() as stack:
        yield Servers(folder=tmp_path_factory.mktemp("vllm"), stack=stack)


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, vllms: Servers) -> Server:
    """Each of them."""
    return vllms.of(request.param)


@pytest.fixture(params=[name for name, flags in SERVERS.items() if flags])
def parsing(request: pytest.FixtureRequest, vllms: Servers) -> Server:
    """Each of those with a parser."""
    return vllms.of(request.param)
