"""Processes with blocking HTTP: they end at once and in silence, fork without harm, and drop what they forget."""

from __future__ import annotations

import gc
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING

import pytest

from tests.unit.direct_authority import Authority
from tests.unit.direct_peers import FINE, HEAD, Client, Peer, always, silent_after

if TYPE_CHECKING:
    from pathlib import Path

_FORKING_IS_MEANT = "ignore:This process:DeprecationWarning"  # Python 3.12 on, where there are threads
_START = """
import gc, os, signal, sys, threading, time
from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.transport.direct_http import Exchange, HttpConnections, NoAnswerError
clock = SystemClock()
connections = HttpConnections(environment=ENVIRONMENT, clock=clock)
def ask(seconds=20):
    exchange = Exchange(deadline=clock.monotonic() + seconds, clock=clock)
    return connections.request("POST", URL, {}, b"{}", exchange).body
def ask_aside():
    threading.Thread(target=ask, daemon=True).start()
"""


def run(url: str, script: str, environment: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Return how a process that runs the script ends: its status, and all it says."""
    start = f"URL, ENVIRONMENT = {url!r}, {environment or {}!r}\n{_START}"
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-W", _FORKING_IS_MEANT, "-c", f"{start}\n{script}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


_ENDINGS = [
    "ask()",
    "ask(); del connections",
    "ask(); connections.close()",
    "ask(); connections.forget(); ask()",
    "ask(); connections.forget(); del connections; gc.collect()",
    "connections.load()",
]


@pytest.mark.parametrize("script", _ENDINGS)
def test_a_process_that_never_closes_ends_in_silence(script: str) -> None:
    with Peer(always(FINE)) as peer:
        assert run(peer.url, script) == (0, "", "")


@pytest.mark.parametrize("script", _ENDINGS)
def test_a_process_that_never_closes_tls_ends_in_silence(tmp_path: Path, script: str) -> None:
    authority = Authority(tmp_path)
    with Peer(always(FINE), tls=authority.tls) as peer:
        assert run(peer.url, script, authority.environment) == (0, "", "")


@pytest.mark.parametrize(
    "script",
    ["ask_aside(); ask_aside(); time.sleep(0.2)", "ask_aside(); time.sleep(0.2); connections.forget()"],
)
def test_a_process_with_requests_under_way_ends_at_once_and_in_silence(script: str) -> None:
    with Peer(silent_after(HEAD)) as peer:
        assert run(peer.url, script) == (0, "", "")


def test_connections_that_nobody_holds_any_more_are_closed_in_silence() -> None:
    with Peer(always(FINE)) as peer, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client = Client()
        client.ask(peer.url)
        del client
        gc.collect()

        assert peer.lines[0].closed.wait(20.0)
    assert caught == []


def test_a_name_of_plain_letters_needs_no_tables_to_be_read(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "localhost")
    with Peer(always(FINE), tls=authority.tls) as peer:
        url = f"https://localhost:{peer.port}"

        ended = run(url, "ask(); print('encodings.idna' in sys.modules)", authority.environment)

    assert ended == (0, "False\n", "")


# Fork


_FORK = """
def child(work):
    pid = os.fork()
    if not pid:
        signal.alarm(30)
        connections.forget()
        work()
        sys.exit(0)
    _, status = os.waitpid(pid, 0)
    assert status == 0, status
"""


def test_a_child_has_connections_of_its_own_and_the_parents_live_on(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    script = f"{_FORK}\nask(); child(lambda: (ask(), ask())); ask()"
    with Peer(always(FINE), tls=authority.tls) as peer:
        assert run(peer.url, script, authority.environment) == (0, "", "")

    assert [asked.connection for asked in peer.asked] == [1, 2, 2, 1]


def test_a_child_forked_in_the_middle_of_requests_ends_in_silence_and_harms_none() -> None:
    script = f"""{_FORK}
def wait():
    try:
        ask()
    except NoAnswerError as error:
        print(error)
waiting = threading.Thread(target=wait)
waiting.start()
while not connections._pool.in_use or connections._pool.lock.locked():
    time.sleep(0.005)
with connections._pool.lock:  # as another thread may hold it when somebody forks
    child(lambda: connections.close())
time.sleep(0.1)
assert waiting.is_alive()
connections.close()
waiting.join()
"""
    with Peer(silent_after(HEAD)) as peer:
        status, said, errors = run(peer.url, script)

    assert (status, errors) == (0, "")
    assert said.startswith("given up while waiting for the answer")  # not before its own process ended it


# Forgotten in the same process, as after a restore


def test_forgotten_connections_are_not_used_again() -> None:
    with Peer(always(FINE)) as peer, Client() as client:
        client.ask(peer.url)
        client.connections.forget()
        client.ask(peer.url)

    assert [asked.connection for asked in peer.asked] == [1, 2]


def test_a_request_that_was_forgotten_ends_as_ever_and_its_connection_is_closed() -> None:
    with Peer(always(FINE)) as peer, Client() as client:

        def forgets(line: object) -> None:
            client.connections.forget()
            always(FINE)(line)  # type: ignore[arg-type]  # the line it was given

        peer.script = forgets
        answer = client.ask(peer.url)

        assert answer.body == b"ok"
        assert peer.lines[0].closed.wait(20.0)
