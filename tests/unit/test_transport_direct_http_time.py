"""Blocking HTTP ends in time: at the deadline, after a silence, or when somebody else ends it."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.transport.direct_http import ConnectFailedError, NoAnswerError
from tests.contract.transport_clock import HandClock
from tests.unit.direct_authority import Authority
from tests.unit.direct_peers import (
    FINE,
    HEAD,
    Client,
    Line,
    Peer,
    always,
    deaf_url,
    silent_after,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SOON_SECONDS = 0.3


def dripping(whole: bytes, dripped: bytes) -> Callable[[Line], None]:
    def script(line: Line) -> None:
        line.read()
        line.say(whole)
        line.drip(dripped)

    return script


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


# A server that drips


@pytest.mark.parametrize(
    ("whole", "dripped"),
    [
        (b"", b"HTTP/1.1 200 OK"),
        (HEAD, b"X-A: aaa"),
        (HEAD + b"Content-Length: 100000\r\n\r\n", b"body"),
        (HEAD + b"\r\n", b"body"),
        (CHUNKED, b"0000"),
        (CHUNKED + b"fffff\r\n", b"chunk"),
        (CHUNKED + b"2\r\nok\r\n0\r\n", b"X-Trailer: t"),
    ],
    ids=["status line", "headers", "body", "body without length", "size of a chunk", "chunk", "trailer"],
)
def test_a_server_that_drips_does_not_stretch_the_deadline(whole: bytes, dripped: bytes) -> None:
    with Peer(dripping(whole, dripped)) as peer, Client() as client:
        under_way = client.begin(peer.url, client.exchange(SOON_SECONDS))

        with pytest.raises(NoAnswerError, match=f"still waiting for the answer of 127.0.0.1:{peer.port}"):
            under_way.result()
        assert peer.lines[0].closed.wait(20.0)  # the connection was closed, which the server noticed


@pytest.mark.parametrize(
    ("whole", "repeated"), [(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), (CHUNKED, b"1\r\na\r\n")]
)
def test_an_answer_without_end_does_not_stretch_the_deadline(whole: bytes, repeated: bytes) -> None:
    def script(line: Line) -> None:
        line.read()
        line.say(whole)
        while True:
            line.say(repeated)

    with Peer(script) as peer, Client(max_body_bytes=10**12) as client:
        under_way = client.begin(peer.url, client.exchange(SOON_SECONDS))

        with pytest.raises(NoAnswerError):
            under_way.result()


def test_a_server_that_drips_its_handshake_does_not_stretch_the_deadline(authority: Authority) -> None:
    def script(line: Line) -> None:
        line.sock.recv(65536)
        line.drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x00")  # a greeting of 16 KB

    with Peer(script) as peer, Client(environment=authority.environment, read_seconds=3600.0) as client:
        url = peer.url.replace("http:", "https:")
        under_way = client.begin(url, client.exchange(SOON_SECONDS))

        with pytest.raises(NoAnswerError, match=f"still agreeing on TLS with 127.0.0.1:{peer.port}"):
            under_way.result()


def test_a_line_that_drips_within_a_record_of_tls_does_not_stretch_the_deadline(authority: Authority) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = authority.tls.wrap_bio(incoming, outgoing, server_side=True)

    def script(line: Line) -> None:
        while True:
            try:
                server.do_handshake()
            except ssl.SSLWantReadError:
                line.say(outgoing.read())
                incoming.write(line.sock.recv(65536))
            else:
                break
        line.say(outgoing.read())  # session tickets
        line.sock.recv(65536)
        server.write(b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 10_000)
        line.drip(outgoing.read())

    with Peer(script) as peer, Client(environment=authority.environment) as client:
        url = peer.url.replace("http:", "https:")
        under_way = client.begin(url, client.exchange(SOON_SECONDS))

        with pytest.raises(NoAnswerError, match="still waiting for the answer"):
            under_way.result()


def test_a_server_that_reads_nothing_does_not_stretch_the_deadline() -> None:
    with Peer(Line.hang) as peer, Client() as client, pytest.raises(NoAnswerError):
        client.ask(peer.url, client.exchange(SOON_SECONDS), body=b"x" * 50_000_000)


# A server that is silent


@pytest.mark.parametrize("said", [b"", HEAD, HEAD + b"Content-Length: 9\r\n\r\nhalf"])
def test_a_silent_server_is_waited_for_until_the_deadline(said: bytes) -> None:
    with Peer(silent_after(said)) as peer, Client() as client:
        under_way = client.begin(peer.url, client.exchange(SOON_SECONDS))

        with pytest.raises(NoAnswerError, match="still waiting for the answer"):
            under_way.result()


def test_a_silence_ends_the_exchange_before_its_deadline() -> None:
    with Peer(silent_after(HEAD)) as peer, Client(read_seconds=SOON_SECONDS) as client:
        under_way = client.begin(peer.url, client.exchange(3600.0))

        with pytest.raises(NoAnswerError, match=r"nothing came for 0\.3 s while waiting for the answer"):
            under_way.result()


def test_an_address_that_does_not_accept_is_given_up_before_the_deadline() -> None:
    with deaf_url() as url, Client(connect_seconds=SOON_SECONDS) as client:
        under_way = client.begin(url, client.exchange(3600.0))

        with pytest.raises(ConnectFailedError, match=r"connecting to .*: nothing came in time"):
            under_way.result()


def test_an_address_that_does_not_accept_is_waited_for_until_the_deadline() -> None:
    with deaf_url() as url, Client() as client, pytest.raises(NoAnswerError, match="still connecting to"):
        client.ask(url, client.exchange(SOON_SECONDS))


def test_an_address_that_does_not_accept_leaves_time_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with deaf_url() as url, Peer(always(FINE)) as peer, Client(connect_seconds=3600.0) as client:
        ports = (int(url.rpartition(":")[2]), peer.port)
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        answer = client.begin("http://two-addresses.example", client.exchange(2.0)).result()

    assert answer.body == b"ok"


# A deadline that is over


def test_nothing_is_sent_and_no_connection_given_up_when_the_deadline_is_over() -> None:
    with Peer(always(FINE)) as peer, Client() as client:
        client.ask(peer.url)
        with pytest.raises(NoAnswerError):
            client.ask(peer.url, client.exchange(0.0))
        client.ask(peer.url)

    assert [asked.connection for asked in peer.asked] == [1, 1]


def test_an_answer_that_came_after_the_deadline_is_none() -> None:
    clock = HandClock()

    def script(line: Line) -> None:
        while line.read() is not None:
            clock.move(wall=5.0, monotonic=5.0)
            line.say(FINE)

    with Peer(script) as peer, Client(clock) as client:
        with pytest.raises(NoAnswerError, match="still waiting for the answer"):
            client.ask(peer.url, client.exchange(4.0))
        client.ask(peer.url, client.exchange(6.0))

    assert [asked.connection for asked in peer.asked] == [1, 2]
