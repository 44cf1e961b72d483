"""Processes that use the SDK transport: they end at once and in silence, and fork without harm."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tests.contract.transport_bed import DISCOVER, NOISE_SECONDS, credentials
from tests.unit.programs import seconds_until_silent_end

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.standin.faults import Armed
    from tests.standin.stand_in import StandIn

__all__ = ["credentials"]  # a fixture, found by name

pytestmark = pytest.mark.usefixtures("credentials")

_DAEMON = """
import asyncio, os, sys, threading, time
from cloudmap_discovery.errors import StoreError
from cloudmap_discovery.transport.sdk import SdkTransport
from cloudmap_discovery.transport.sdk_errors import DeadConnectionError
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()
transport = SdkTransport(endpoint_url=URL, region="us-east-1")
def start(coroutine):
    return asyncio.run_coroutine_threadsafe(coroutine, loop)
def discover(timeout_seconds=20):
    params = {"NamespaceName": "services", "ServiceName": "users"}
    return start(transport.call("servicediscovery", "DiscoverInstances", params, timeout_seconds=timeout_seconds))
"""


def run(url: str, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", f"URL = {url!r}\n{_DAEMON}\n{script}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "script",
    [
        "discover().result()",
        "discover().result(); start(transport.aclose()).result()",
        "discover().result(); transport.forget(); discover().result()",
        "[call.result() for call in [discover() for _ in range(10)]]",
        "discover().result(); del transport",
        "discover()",
        "discover(); time.sleep(0.2)",
        "transport.load(['servicediscovery']); discover()",
        "transport.load(['servicediscovery']); discover(); time.sleep(0.005)",
        "transport.load(['servicediscovery', 'ssm'])",
    ],
)
def test_a_process_that_never_closes_ends_in_silence(aws: StandIn, script: str) -> None:
    aws.seed_service("services", "users")

    ended = run(aws.url, script)

    assert (ended.returncode, ended.stderr) == (0, "")


def seconds_to_end(url: str, script: str, ready: Callable[[], None]) -> float:
    """Run the script and then wait, until `ready` returns; return how long the process takes to end in silence."""
    return seconds_until_silent_end(f"URL = {url!r}\n{_DAEMON}\n{script}\nsys.stdin.readline()", ready)


def test_a_process_with_calls_under_way_ends_at_once_and_in_silence(aws: StandIn) -> None:
    with aws.faults.hang() as hang:
        seconds = seconds_to_end(
            aws.url, "discover(); discover()", lambda: hang.wait_until_met(2, timeout_seconds=60)
        )

    assert seconds < NOISE_SECONDS


_SILENT_DNS = """
import socket
from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.transport.retry import RetryingTransport
socket.getaddrinfo = lambda *_, **__: time.sleep(3600)
transport = SdkTransport(endpoint_url="http://cloud-map.example", region="us-east-1")
transport.load(["servicediscovery"])
retrying = RetryingTransport(transport)
async def call():
    try:
        await retrying.call("servicediscovery", "ListNamespaces", {}, timeout_seconds=0.3)
    except StoreError as error:
        return type(error).__name__
print(IOThread().run(call))
"""


def test_a_process_ends_while_a_dns_does_not_answer(aws: StandIn) -> None:
    ended = run(aws.url, _SILENT_DNS)

    assert (ended.stdout, ended.returncode, ended.stderr) == ("StoreTimeoutError\n", 0, "")


_FORK = """
calls = [discover() for _ in range(3)]
[call.result() for call in calls]
parent_loop = loop
child = os.fork()
if child == 0:
    transport.forget()
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    print("child", discover().result()["Instances"], flush=True)
    sys.exit(0)
_, status = os.waitpid(child, 0)
for _ in range(3):
    print("parent", discover().result()["Instances"], flush=True)
print("status", status)
"""


def release_when_three_wait(held: Armed) -> None:
    held.wait_until_met(3, timeout_seconds=60)
    held.clear()


def test_after_a_fork_the_child_has_connections_of_its_own_and_the_parent_keeps_its(aws: StandIn) -> None:
    aws.seed_service("services", "users")

    with aws.faults.hold(DISCOVER) as held:
        release = threading.Thread(target=release_when_three_wait, args=(held,))
        release.start()
        ended = run(aws.url, _FORK)
        release.join()

    assert ended.stdout.splitlines() == ["child []", "parent []", "parent []", "parent []", "status 0"]
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_child_does_not_wait_for_a_thread_of_the_parent_that_was_loading(aws: StandIn) -> None:
    script = """
discover().result()
transport._sdk._lock.acquire()
child = os.fork()
if child == 0:
    transport.forget()
    transport.load(["ssm"])
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    aws.seed_service("services", "users")

    ended = run(aws.url, script)

    assert (ended.stdout, ended.stderr) == ("7\n", "")
