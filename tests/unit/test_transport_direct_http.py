"""Blocking HTTP: what is sent, what is read, and which connections carry more than one request."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.transport.direct_http import (
    ConnectFailedError,
    DeadConnectionError,
)
from tests.contract.transport_clock import HandClock
from tests.unit.direct_peers import FINE, Client, Line, Peer, always, once

if TYPE_CHECKING:
    from collections.abc import Callable


def connections_of(peer: Peer) -> list[int]:
    return [asked.connection for asked in peer.asked]


# One request


def test_an_answer_has_its_status_its_headers_by_lower_case_names_and_its_body() -> None:
    answer = b"HTTP/1.1 418 Teapot\r\nX-Amzn-Kind: Tea\r\nVia: a\r\nVIA: b\r\nContent-Length: 3\r\n\r\ntea"
    with Peer(always(answer)) as peer, Client() as client:
        told = client.ask(peer.url)

    assert (told.status, told.body) == (418, b"tea")
    assert told.headers == {"x-amzn-kind": "Tea", "via": "a, b", "content-length": "3"}


def test_a_request_carries_method_path_query_headers_and_body() -> None:
    with Peer(always(FINE)) as peer, Client() as client:
        client.ask(f"{peer.url}/a%20b?c=d&e", method="PUT", headers={"X-Amz-Target": "T.O"}, body=b"{}")
        client.ask(f"{peer.url}?list", method="GET", body=b"")
        client.ask(peer.url, body=b"")

    put, get, post = peer.asked
    assert (put.line, put.body) == ("PUT /a%20b?c=d&e HTTP/1.1", b"{}")
    assert put.headers["x-amz-target"] == "T.O"
    assert put.headers["host"] == f"127.0.0.1:{peer.port}"
    assert get.line == "GET /?list HTTP/1.1"
    assert "content-length" not in get.headers
    assert (post.line, post.headers["content-length"]) == ("POST / HTTP/1.1", "0")


def test_a_host_that_was_signed_is_sent_as_it_is() -> None:
    with Peer(always(FINE)) as peer, Client() as client:
        client.ask(peer.url, headers={"host": "ssm.example"})

    assert peer.asked[0].headers["host"] == "ssm.example"


def test_headers_and_body_leave_in_one_packet() -> None:
    with Peer(always(FINE)) as peer, Client() as client:
        client.ask(peer.url, body=b"x" * 1000)

        assert [packet[-10:] for packet in peer.lines[0].packets] == [b"x" * 10]


def test_no_packet_waits_for_the_one_before_it_to_be_acknowledged() -> None:
    with Peer(always(FINE)) as peer, Client() as client:
        client.ask(peer.url)
        (wire,) = next(iter(client.connections._pool.idle.values()))

        assert wire._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_large_body_arrives_whole() -> None:
    body = bytes(range(256)) * 20_000
    with Peer(always(FINE)) as peer, Client() as client:
        client.ask(peer.url, body=body)

    assert peer.asked[0].body == body


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n" + FINE, 200, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, b""),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nT: v\r\n\r\n",
            200,
            b"ok",
        ),
        (b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 307, b""),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
    ],
    ids=["interim", "no content", "not modified", "chunked", "redirect", "no reason"],
)
def test_every_form_of_answer_is_read_to_its_end_and_leaves_the_connection_usable(
    answer: bytes, status: int, body: bytes
) -> None:
    with Peer(always(answer)) as peer, Client() as client:
        told = [client.ask(peer.url), client.ask(peer.url)]

    assert [(one.status, one.body) for one in told] == [(status, body)] * 2
    assert connections_of(peer) == [1, 1]


def test_the_answer_to_head_has_no_body() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    with Peer(always(answer)) as peer, Client() as client:
        told = [client.ask(peer.url, method="HEAD", body=b"") for _ in range(2)]

    assert [one.body for one in told] == [b"", b""]
    assert connections_of(peer) == [1, 1]


@pytest.mark.parametrize(
    ("host", "asked_for"),
    [("service.example", b"service.example"), ("bücher.example", b"xn--bcher-kva.example")],
)
def test_names_are_looked_up_in_the_letters_of_dns(
    monkeypatch: pytest.MonkeyPatch, host: str, asked_for: bytes
) -> None:
    looked_up = []

    def nobody(name: bytes, *_: object, **__: object) -> list[object]:
        looked_up.append(name)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with Client() as client, pytest.raises(ConnectFailedError) as caught:
        client.ask(f"http://{host}")

    assert caught.value.reason == f"looking up {host}: Name or service not known"
    assert looked_up == [asked_for]


# Not used again


@pytest.mark.parametrize(
    "script",
    [
        always(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
        always(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        once(b"HTTP/1.1 200 OK\r\n\r\nok"),
    ],
    ids=["it says so", "old", "its end is the answer's"],
)
def test_a_connection_that_is_not_to_carry_another_answer_is_closed(script: Callable[[Line], None]) -> None:
    with Peer(script) as peer, Client() as client:
        told = [client.ask(peer.url), client.ask(peer.url)]

    assert [one.body for one in told] == [b"ok", b"ok"]
    assert connections_of(peer) == [1, 2]


def test_a_connection_on_which_more_than_the_answer_came_is_closed() -> None:
    with Peer(always(FINE + b"HTTP/1.1 500 Late\r\n\r\n")) as peer, Client() as client:
        told = [client.ask(peer.url), client.ask(peer.url)]

    assert [one.status for one in told] == [200, 200]
    assert connections_of(peer) == [1, 2]


@pytest.mark.parametrize(
    ("wall", "monotonic", "connection"),
    [
        (19.0, 19.0, 1),
        (21.0, 0.0, 2),  # frozen, and the monotonic clock stood still
        (0.0, 21.0, 2),  # the wall clock was set back meanwhile
        (-1.0, 5.0, 2),  # nobody knows how long
        (3600.0, 3600.0, 2),
    ],
)
def test_a_connection_idle_for_long_on_either_clock_is_not_used_again(
    wall: float, monotonic: float, connection: int
) -> None:
    clock = HandClock()
    with Peer(always(FINE)) as peer, Client(clock) as client:
        client.ask(peer.url)
        clock.move(wall=wall, monotonic=monotonic)
        client.ask(peer.url)

    assert connections_of(peer) == [1, connection]


def test_what_is_idle_for_long_is_closed_when_anything_is_asked() -> None:
    clock = HandClock()
    closed = threading.Event()

    def script(line: Line) -> None:
        always(FINE)(line)
        closed.set()

    with Peer(script) as idle, Peer(always(FINE)) as peer, Client(clock) as client:
        client.ask(idle.url)
        clock.move(wall=60.0, monotonic=60.0)
        client.ask(peer.url)

        assert closed.wait(20.0)


@pytest.mark.parametrize(("wall", "monotonic"), [(3600.0, 0.0), (-5.0, 0.0)])
def test_an_answer_from_before_a_freeze_is_taken_and_its_connection_is_not_used_again(
    wall: float, monotonic: float
) -> None:
    clock = HandClock()

    def freezes(line: Line) -> None:
        while line.read() is not None:
            clock.move(wall=wall, monotonic=monotonic)
            line.say(FINE)

    with Peer(freezes) as peer, Client(clock) as client:
        bodies = [client.ask(peer.url).body, client.ask(peer.url).body]

    assert bodies == [b"ok", b"ok"]
    assert connections_of(peer) == [1, 2]


def test_connections_are_kept_apart_by_where_they_lead() -> None:
    with Peer(always(FINE)) as one, Peer(always(FINE)) as other, Client() as client:
        for url in (one.url, other.url, one.url, one.url.replace("127.0.0.1", "localhost")):
            client.ask(url)

    assert connections_of(one) == [1, 1, 2]
    assert connections_of(other) == [1]


def test_as_many_connections_are_open_as_there_are_requests_at_once() -> None:
    everyone = threading.Barrier(4)

    def together(line: Line) -> None:
        while line.read() is not None:
            everyone.wait(20.0)
            line.say(FINE)

    with Peer(together) as peer, Client() as client:
        for _ in range(3):
            under_way = [client.begin(peer.url, client.exchange()) for _ in range(4)]
            for one in under_way:
                one.result()

    assert len(peer.lines) == 4
    assert len(peer.asked) == 12


# Dead


@pytest.mark.parametrize("ends", [Line.reset, lambda line: line.sock.close()], ids=["reset", "closed"])
def test_a_connection_that_its_server_ended_while_idle_is_replaced_unseen(
    ends: Callable[[Line], None],
) -> None:
    is_idle = threading.Event()

    def script(line: Line) -> None:
        line.read()
        line.say(FINE)
        is_idle.wait(20.0)
        ends(line)

    with Peer(script) as peer, Client() as client:
        client.ask(peer.url)
        is_idle.set()
        assert peer.lines[0].closed.wait(20.0)
        client.ask(peer.url)

    assert connections_of(peer) == [1, 2]


def test_a_connection_on_which_something_was_said_that_nobody_asked_for_is_replaced() -> None:
    timed_out = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
    said = threading.Event()

    def script(line: Line) -> None:
        line.read()
        line.say(FINE)
        if line.number == 1:
            line.say(timed_out)
            said.set()
        always(FINE)(line)

    with Peer(script) as peer, Client() as client:
        client.ask(peer.url)
        assert said.wait(20.0)
        told = client.ask(peer.url)

    assert told.status == 200


@pytest.mark.parametrize("dies", [Line.reset, lambda line: line.sock.close()], ids=["reset", "closed"])
def test_a_kept_connection_that_dies_before_any_answer_is_told_from_a_new_one(
    dies: Callable[[Line], None],
) -> None:
    def script(line: Line) -> None:
        if line.number == 1:
            line.read()
            line.say(FINE)
        line.read()
        dies(line)

    with Peer(script) as peer, Client() as client:
        client.ask(peer.url)
        with pytest.raises(DeadConnectionError):
            client.ask(peer.url)
        with pytest.raises(ConnectFailedError, match=f"waiting for the answer of 127.0.0.1:{peer.port}: "):
            client.ask(peer.url)
