"""Blocking HTTP that somebody else ends, and what becomes of the connections."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.transport.direct_http import Exchange, NoAnswerError
from tests.unit.direct_authority import Authority
from tests.unit.direct_peers import (
    FINE,
    HEAD,
    Client,
    Line,
    Peer,
    always,
    deaf_url,
    once,
    silent_after,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


# Aborted


def test_an_abort_ends_a_wait_for_an_answer_and_the_connection() -> None:
    with Peer(silent_after(HEAD)) as peer, Client() as client:
        exchange = client.exchange()
        under_way = client.begin(peer.url, exchange)
        while not peer.asked:
            time.sleep(0.005)

        exchange.abort()

        with pytest.raises(NoAnswerError, match="given up while waiting for the answer"):
            under_way.result()
        assert peer.lines[0].sock.recv(1) == b""


def test_an_abort_ends_a_wait_over_tls(authority: Authority) -> None:
    with (
        Peer(silent_after(HEAD + b"Content-Length: 9\r\n\r\nhalf"), tls=authority.tls) as peer,
        Client(environment=authority.environment) as client,
    ):
        exchange = client.exchange()
        under_way = client.begin(peer.url, exchange)
        while not peer.asked:
            time.sleep(0.005)

        exchange.abort()

        with pytest.raises(NoAnswerError, match="given up"):
            under_way.result()


def test_an_abort_ends_a_wait_for_a_handshake(authority: Authority) -> None:
    with Peer(Line.hang) as peer, Client(environment=authority.environment) as client:
        exchange = client.exchange()
        under_way = client.begin(peer.url.replace("http:", "https:"), exchange)
        while not exchange.doing.startswith("agreeing"):
            time.sleep(0.005)

        exchange.abort()

        with pytest.raises(NoAnswerError, match="given up while agreeing on TLS"):
            under_way.result()


def test_an_abort_ends_a_wait_for_a_connection() -> None:
    with deaf_url() as url, Client(connect_seconds=3600.0) as client:
        exchange = client.exchange(3600.0)
        under_way = client.begin(url, exchange)
        while not exchange.doing.startswith("connecting"):
            time.sleep(0.005)

        exchange.abort()

        with pytest.raises(NoAnswerError, match="given up while connecting"):
            under_way.result()


class AbortedInBetween(Exchange):
    """An exchange that is aborted just before its socket begins to connect."""

    def hold(self, sock: socket.socket) -> None:
        super().hold(sock)
        self.abort()


def test_an_abort_just_before_a_connection_is_begun_ends_the_wait_for_it() -> None:
    with deaf_url() as url, Client(connect_seconds=3600.0) as client:
        exchange = AbortedInBetween(deadline=client.clock.monotonic() + 3600.0, clock=client.clock)
        under_way = client.begin(url, exchange)

        with pytest.raises(NoAnswerError, match="given up while connecting"):
            under_way.result()


def test_an_answer_that_an_abort_cut_short_is_not_taken_for_a_whole_one() -> None:
    with Peer(silent_after(HEAD + b"\r\n[1, 2")) as peer, Client() as client:
        exchange = client.exchange()
        under_way = client.begin(peer.url, exchange)
        while not peer.asked:
            time.sleep(0.005)
        time.sleep(0.05)  # let the half be read; the test holds as well if it was not

        exchange.abort()

        with pytest.raises(NoAnswerError, match="given up"):
            under_way.result()


def test_an_exchange_that_was_aborted_before_it_began_sends_nothing() -> None:
    with Peer(always(FINE)) as peer, Client() as client:
        exchange = client.exchange()
        exchange.abort()
        with pytest.raises(NoAnswerError, match="given up"):
            client.ask(peer.url, exchange)

    assert peer.asked == []


def test_an_abort_after_the_answer_leaves_the_connection_alone() -> None:
    with Peer(always(FINE)) as peer, Client() as client:
        exchange = client.exchange()
        client.ask(peer.url, exchange)
        exchange.abort()
        client.ask(peer.url)

    assert [asked.connection for asked in peer.asked] == [1, 1]


def test_a_name_that_is_resolved_too_late_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, resolved = threading.Event(), threading.Event()
    resolve = socket.getaddrinfo

    def slow(*args: object, **options: object) -> object:
        asked.set()
        assert resolved.wait(20.0)
        return resolve(*args, **options)  # type: ignore[arg-type]  # whatever it was asked

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with Peer(always(FINE)) as peer, Client() as client:
        exchange = client.exchange()
        under_way = client.begin(peer.url.replace("127.0.0.1", "localhost"), exchange)
        assert asked.wait(20.0)
        exchange.abort()
        resolved.set()

        with pytest.raises(NoAnswerError, match="given up while looking up localhost"):
            under_way.result()

    assert peer.lines == []


# Suspects


def three_idle_connections(client: Client, peer: Peer) -> None:
    everyone = threading.Barrier(3)
    then = peer.script

    def script(line: Line) -> None:
        line.read()
        everyone.wait(20.0)
        line.say(FINE)
        then(line)

    peer.script = script
    under_way = [client.begin(peer.url, client.exchange()) for _ in range(3)]
    for one in under_way:
        one.result()


def test_a_kept_connection_that_brought_no_answer_makes_all_idle_ones_suspect() -> None:
    with Peer(silent_after(b"")) as peer, Client() as client:
        three_idle_connections(client, peer)
        with pytest.raises(NoAnswerError):
            client.ask(peer.url, client.exchange(0.3))
        peer.script = once(FINE)
        client.ask(peer.url)

    assert peer.asked[-1].connection == 4


def test_closing_ends_what_is_idle_and_what_is_under_way_and_later_requests_connect_anew() -> None:
    with Peer(once(FINE)) as idle, Peer(silent_after(HEAD)) as busy, Client() as client:
        client.ask(idle.url)
        under_way = client.begin(busy.url, client.exchange())
        while not busy.asked:
            time.sleep(0.005)

        client.connections.close()

        with pytest.raises(NoAnswerError, match="given up"):
            under_way.result()
        client.ask(idle.url)

    assert [asked.connection for asked in idle.asked] == [1, 2]
