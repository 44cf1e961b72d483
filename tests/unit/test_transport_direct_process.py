"""Processes that use the direct transport: they import little, end at once and in silence, and fork without harm."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tests.contract.transport_bed import DISCOVER, NOISE_SECONDS
from tests.contract.transport_cases import CREDENTIALS
from tests.unit.programs import seconds_until_silent_end

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.standin.faults import Armed
    from tests.standin.stand_in import StandIn

# What every transport of the standard library's needs, and the package itself.
_FLOOR = """
import sys
import asyncio, http.client, ssl, json, hmac, hashlib, logging
import cloudmap_discovery
floor = set(sys.modules)
def further():
    names = set(sys.modules) - floor
    return sorted(name for name in names if not name.startswith("cloudmap_discovery."))
"""

_IN_BACKGROUND = f"""
import asyncio, os, sys, threading, time
from cloudmap_discovery.errors import StoreError
from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.transport.direct import DirectTransport
from cloudmap_discovery.transport.retry import RetryingTransport
direct = DirectTransport(endpoint_url=URL, environment={CREDENTIALS!r})
transport = RetryingTransport(direct)
io = IOThread()
params = {{"NamespaceName": "services", "ServiceName": "users"}}
def discover(timeout_seconds=20):
    call = lambda: transport.call(
        "servicediscovery", "DiscoverInstances", params, timeout_seconds=timeout_seconds
    )
    return io.run(call)["Instances"]
def start():
    async def call():
        await transport.call("servicediscovery", "DiscoverInstances", params, timeout_seconds=20)
    io.spawn(call)
"""


def run(url: str, script: str) -> subprocess.CompletedProcess[str]:
    # Newer Pythons warn about every fork of a process with threads, which is what is tested here.
    warnings = ["-W", "error", "-W", "ignore:This process:DeprecationWarning"]
    return subprocess.run(
        [sys.executable, *warnings, "-c", f"URL = {url!r}\n{script}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_importing_it_imports_nothing_that_speaking_to_aws_would_not_need_anyway(aws: StandIn) -> None:
    script = f"{_FLOOR}\nimport cloudmap_discovery.transport.direct, cloudmap_discovery.transport.retry"

    ended = run(aws.url, f"{script}\nprint(further())")

    assert (ended.stdout, ended.stderr) == ("[]\n", "")


@pytest.mark.parametrize("has_instances", [True, False])
def test_after_loading_a_first_call_imports_nothing(aws: StandIn, *, has_instances: bool) -> None:
    aws.seed_service("services", "users")
    if has_instances:
        aws.seed_instance("services", "users", "1", {"endpoint": "https://users"})
    script = f"""
{_FLOOR}
{_IN_BACKGROUND}
direct.load()
floor = set(sys.modules)
discover()
print(further())
"""

    ended = run(aws.url, script)

    assert (ended.stdout, ended.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    "script",
    [
        "discover()",
        "discover(); io.run(transport.aclose)",
        "discover(); transport.forget(); discover()",
        "[start() for _ in range(10)]; discover()",
        "discover(); del transport, direct",
        "start()",
        "start(); time.sleep(0.2)",
        "direct.load()",
        "direct.load(); start(); time.sleep(0.005)",
        "asyncio.run(transport.call('servicediscovery', 'DiscoverInstances', params, timeout_seconds=20))",
    ],
)
def test_a_process_that_never_closes_ends_in_silence(aws: StandIn, script: str) -> None:
    aws.seed_service("services", "users")

    ended = run(aws.url, f"{_IN_BACKGROUND}\n{script}")

    assert (ended.returncode, ended.stderr) == (0, "")


def seconds_to_end(url: str, script: str, ready: Callable[[], None]) -> float:
    """Run the script and then wait, until `ready` returns; return how long the process takes to end in silence."""
    return seconds_until_silent_end(f"URL = {url!r}\n{_IN_BACKGROUND}\n{script}\nsys.stdin.readline()", ready)


def test_a_process_with_calls_under_way_ends_at_once_and_in_silence(aws: StandIn) -> None:
    with aws.faults.hang() as hang:
        seconds = seconds_to_end(
            aws.url, "start(); start()", lambda: hang.wait_until_met(2, timeout_seconds=60)
        )

    assert seconds < NOISE_SECONDS


_SILENT_DNS = """
import socket
socket.getaddrinfo = lambda *_, **__: time.sleep(3600)
transport = DirectTransport(endpoint_url="http://cloud-map.example", environment=direct._environment)
def failure():
    try:
        discover(0.3)
    except StoreError as error:
        return f"{type(error).__name__} {error}"
said = []
while len(said) < 30 and "all were busy" not in "".join(said):
    said.append(failure())
print(*said, sep="\\n")
"""


def test_a_dns_that_does_not_answer_costs_each_call_its_time_and_keeps_no_process(aws: StandIn) -> None:
    ended = run(aws.url, f"{_IN_BACKGROUND}\n{_SILENT_DNS}")

    lines = ended.stdout.splitlines()
    assert all(line.startswith("StoreTimeoutError") for line in lines)
    assert any("still looking up cloud-map.example" in line for line in lines)
    assert (
        "all were busy, 8 of them with other calls" in lines[-1]
    )  # abandoned, since nothing can interrupt them
    assert (ended.returncode, ended.stderr) == (0, "")


_FORK = """
start(); start()
print("parent", discover(), flush=True)
child = os.fork()
if child == 0:
    transport.forget()
    print("child", discover(), flush=True)
    os._exit(0)
_, status = os.waitpid(child, 0)
for _ in range(3):
    print("parent", discover(), flush=True)
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
        ended = run(aws.url, f"{_IN_BACKGROUND}\n{_FORK}")
        release.join()

    expected = ["parent []", "child []", "parent []", "parent []", "parent []", "status 0"]
    assert ended.stdout.splitlines() == expected
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_child_waits_for_no_lock_that_a_thread_of_the_parent_held(aws: StandIn) -> None:
    script = """
discover()
lock, shelf = direct._connections._pool.lock, direct._credentials._shelf.lock
with lock, shelf:
    child = os.fork()
    if child == 0:
        transport.forget()
        print("child", discover(), flush=True)
        os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    aws.seed_service("services", "users")

    ended = run(aws.url, f"{_IN_BACKGROUND}\n{script}")

    assert (ended.stdout, ended.stderr) == ("child []\n7\n", "")


_FROZEN = """
discover()
sys.stdout.write("ready\\n"); sys.stdout.flush()
for _ in sys.stdin:
    print(discover(), flush=True)
"""


def test_a_process_that_was_stopped_finds_its_connections_dead_and_goes_on(aws: StandIn) -> None:
    aws.seed_service("services", "users")
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", f"URL = {aws.url!r}\n{_IN_BACKGROUND}\n{_FROZEN}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGSTOP)
        aws.drop_connections()
        process.send_signal(signal.SIGCONT)
        output, errors = process.communicate("again\n", timeout=60)
    finally:
        process.kill()
        process.communicate()

    assert (output, errors, process.returncode) == ("[]\n", "", 0)
