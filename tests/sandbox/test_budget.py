"""A lookup ends within its budget, whatever AWS does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.standin.stand_in import StandIn

BUDGET_SECONDS = 1.0
# Scheduling noise of a shared machine; without a budget each of these would take a minute or for ever.
NOISE_SECONDS = 1.0

DNS_THAT_DOES_NOT_ANSWER = """
import socket, threading
asked = threading.Event()
_getaddrinfo = socket.getaddrinfo
def _hanging(host, *arguments, **named):
    if host in {"aws.test", b"aws.test"}:
        asked.set()
        time.sleep(60)
    return _getaddrinfo(host, *arguments, **named)
socket.getaddrinfo = _hanging
"""


def sandbox_of(aws: StandIn, transport: str, *, more: str = "", **variables: str) -> Sandbox:
    settings = {"DISCOVERY_TIMEOUT": str(BUDGET_SECONDS), "DISCOVERY_TRANSPORT": transport}
    environment = {**aws.environment(), **settings, **variables}
    return Sandbox(environment, more=more)


@pytest.mark.parametrize("fault", ["hang", "drip", "latency", "reset", "garbage", "truncated"])
def test_a_fault_of_every_store_ends_in_an_error_within_the_budget(
    aws: StandIn, transport: str, fault: str
) -> None:
    details = {"drip": {"interval_seconds": 0.2}, "latency": {"seconds": 30.0}}.get(fault, {})
    getattr(aws.faults, fault)(**details)
    with sandbox_of(aws, transport) as sandbox:
        sandbox.call("load")

        answer = sandbox.lookup("users")

        assert answer["error"] == "DiscoveryUnavailableError"
        assert "cloudmap" in answer["message"]
        assert "ssm" in answer["message"]
        assert answer["took"] < BUDGET_SECONDS + NOISE_SECONDS


def test_a_name_server_that_does_not_answer_ends_in_an_error_within_the_budget(
    aws: StandIn, transport: str
) -> None:
    port = aws.url.rpartition(":")[2]
    with sandbox_of(
        aws,
        transport,
        more=DNS_THAT_DOES_NOT_ANSWER,
        AWS_ENDPOINT_URL=f"http://aws.test:{port}",
        NO_PROXY="*",
    ) as sandbox:
        sandbox.call("load")

        answer = sandbox.lookup("users")

        assert answer["error"] == "DiscoveryUnavailableError"
        assert answer["took"] < BUDGET_SECONDS + NOISE_SECONDS


def test_a_process_with_a_call_under_way_ends_at_once_and_quietly(aws: StandIn, transport: str) -> None:
    aws.seed_instance("services", "users", "1", {"endpoint": "https://users.test", "stage": "Production"})
    more = """
import threading
def leave_one_under_way():
    threading.Thread(target=sync.discover, args=("other",), daemon=True).start()
"""
    with sandbox_of(aws, transport, more=more, DISCOVERY_TIMEOUT="60") as sandbox:
        sandbox.lookup("users")
        hung = aws.faults.hang("servicediscovery")
        sandbox.call("leave_one_under_way")
        hung.wait_until_met(1)

        code, errors = sandbox.end(within_seconds=10)

        assert (code, errors) == (0, "")


def test_a_process_that_waits_for_a_name_server_ends_at_once_and_quietly(
    aws: StandIn, transport: str
) -> None:
    more = f"""{DNS_THAT_DOES_NOT_ANSWER}
def leave_one_under_way():
    threading.Thread(target=sync.discover, args=("other",), daemon=True).start()
    asked.wait()
"""
    with sandbox_of(
        aws, transport, more=more, AWS_ENDPOINT_URL="http://aws.test:1", NO_PROXY="*", DISCOVERY_TIMEOUT="60"
    ) as sandbox:
        sandbox.call("leave_one_under_way")

        code, errors = sandbox.end(within_seconds=10)

        assert (code, errors) == (0, "")
