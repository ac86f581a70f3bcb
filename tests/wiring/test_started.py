"""A server that the run started: once it has ended, each request says how instead of being sent."""

from __future__ import annotations

import pytest

from evalbudget.records import Failure, FailureKind, Message, Request, Sampling
from evalbudget.wiring.started import StartedEndpoint
from tests.fakes import FakeEndpoint, Step, run_virtual

REQUEST = Request(messages=(Message(role="user", content="?"),), sampling=Sampling())


class Unheard:
    def streamed(self, events: int) -> None:
        """Nobody listens."""


def asked(endpoint: StartedEndpoint) -> Failure:
    result = run_virtual(endpoint.ask(REQUEST, Unheard()))
    assert isinstance(result, Failure)
    return result


def test_a_failure_of_a_server_that_runs_is_its_own() -> None:
    refused = Failure(kind=FailureKind.CONNECTION, message="refused", retryable=True)
    assert asked(StartedEndpoint(FakeEndpoint(otherwise=Step(result=refused)), lambda: None)) == refused


@pytest.mark.parametrize("kind", ["connection", "timeout", "server", "bad_stream"])
def test_the_request_in_flight_learns_of_the_end_and_nothing_more_is_sent(kind: str) -> None:
    ends: list[str | None] = [None, "it ended with exit code 3"]
    broken = Failure(kind=FailureKind(kind), message="broken", retryable=True)
    inner = FakeEndpoint(otherwise=Step(result=broken))
    endpoint = StartedEndpoint(inner, lambda: ends.pop(0))
    for _ in range(3):
        failure = asked(endpoint)
        assert failure.kind is FailureKind.CONNECTION
        assert failure.message == "it ended with exit code 3"
        assert not failure.retryable
    assert len(inner.sent) == 1


def test_a_refusal_says_nothing_of_an_end_and_is_kept() -> None:
    refused = Failure(kind=FailureKind.CONTEXT_OVERFLOW, message="too long")
    ends = [None, "ended"]
    endpoint = StartedEndpoint(FakeEndpoint(otherwise=Step(result=refused)), lambda: ends.pop(0))
    assert asked(endpoint) == refused
    assert asked(endpoint).message == "ended"


def test_closing_goes_through() -> None:
    inner = FakeEndpoint()
    run_virtual(StartedEndpoint(inner, lambda: "ended").close())
    assert inner.closed
