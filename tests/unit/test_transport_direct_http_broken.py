"""Blocking HTTP against servers that say what is no answer, too much, or nothing at all."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloudmap_discovery.transport.direct_http import (
    BrokenAnswerError,
    ConnectFailedError,
    DeadConnectionError,
)
from tests.unit.direct_peers import FINE, HEAD, Client, Line, Peer, always, once, silent_after

CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def broken(answer: bytes, **options: Any) -> BrokenAnswerError:
    """Return what is said of an answer after which the server closes."""
    with Peer(once(answer)) as peer, Client(**options) as client:
        with pytest.raises(BrokenAnswerError) as caught:
            client.ask(peer.url)
        peer.script = always(FINE)
        client.ask(peer.url)

    assert [asked.connection for asked in peer.asked] == [1, 2]
    return caught.value


@pytest.mark.parametrize(
    ("answer", "status", "body", "reason"),
    [
        (b"garbage\r\n\r\n", 0, b"", "garbage"),
        (b"SSH-2.0-OpenSSH\r\n", 0, b"", "SSH-2.0"),
        (b"HTTP/1.1 huge OK\r\n\r\n", 0, b"", "huge"),
        (b"HTTP/3 200 OK\r\n\r\n", 0, b"", "HTTP/3"),
        (b"HTT", 0, b"", "HTT"),
        (b"x" * 100_000, 0, b"", "status line"),
        (HEAD + b"X-A: " + b"a" * 100_000, 0, b"", "header line"),
        (HEAD + b"X-A: a\r\n" * 1_000, 0, b"", "headers"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + FINE, 103, b"", "HTTP 103"),
        (HEAD + b"Content-Length: many\r\n\r\nok", 200, b"", "many"),
        (HEAD + b"Content-Length: -1\r\n\r\nok", 200, b"", "-1"),
        (HEAD + b"Content-Length: 9\r\n\r\nhalf", 200, b"half", "4 bytes read, 5 more expected"),
        (HEAD + b"Content-Length: 9\r\n\r\n", 200, b"", "0 bytes read, 9 more expected"),
        (b"HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nhalf", 500, b"half", "4 bytes read"),
        (CHUNKED + b"4\r\nhalf\r\n5\r\nx", 200, b"half", "4 bytes read"),
        (CHUNKED + b"4\r\nhalf\r\n", 200, b"half", "4 bytes read"),
        (CHUNKED + b"few\r\nhalf", 200, b"", "IncompleteRead"),
        (CHUNKED + b"-5\r\nhalf\r\n", 200, b"", ""),
    ],
)
def test_what_is_no_whole_answer_is_told_with_what_came_of_it(
    answer: bytes, status: int, body: bytes, reason: str
) -> None:
    error = broken(answer)

    assert (error.status, error.body) == (status, body)
    assert reason in error.reason


def test_an_answer_that_is_reset_half_way_is_broken() -> None:
    def script(line: Line) -> None:
        line.read()
        line.say(HEAD + b"Content-Length: 9\r\n")
        line.reset()

    with Peer(script) as peer, Client() as client, pytest.raises(BrokenAnswerError, match="reset"):
        client.ask(peer.url)


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Content-Length: 1001\r\n\r\n" + b"a" * 1001,
        HEAD + b"\r\n" + b"a" * 1001,
        CHUNKED + b"3e9\r\n" + b"a" * 1001 + b"\r\n0\r\n\r\n",
        CHUNKED + b"1\r\na\r\n" * 1001 + b"0\r\n\r\n",
    ],
    ids=["by its length", "without length", "in one chunk", "in many chunks"],
)
def test_a_body_over_the_limit_is_refused(answer: bytes) -> None:
    assert broken(answer, max_body_bytes=1000).reason == "its body is longer than 1000 bytes"


def test_a_body_that_is_to_be_over_the_limit_is_not_waited_for() -> None:
    silent = silent_after(HEAD + b"Content-Length: 1001\r\n\r\n")
    with Peer(silent) as peer, Client(max_body_bytes=1000, read_seconds=3600.0) as client:
        under_way = client.begin(peer.url, client.exchange(3600.0))

        with pytest.raises(BrokenAnswerError, match="longer than 1000 bytes"):
            under_way.result()


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Content-Length: 1000\r\n\r\n" + b"a" * 1000,
        CHUNKED + b"3e8\r\n" + b"a" * 1000 + b"\r\n0\r\n\r\n",
    ],
)
def test_a_body_at_the_limit_is_taken(answer: bytes) -> None:
    with Peer(always(answer)) as peer, Client(max_body_bytes=1000) as client:
        assert [len(client.ask(peer.url).body) for _ in range(2)] == [1000, 1000]

    assert len(peer.lines) == 1


@pytest.mark.parametrize(
    ("whole", "repeated"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (CHUNKED + b"-1\r\n", b"a" * 1000),  # which http.client reads until its end
        (CHUNKED + b"2\r\nok\r\n0\r\n", b"T: trailer\r\n"),
    ],
    ids=["interim answers", "a chunk of a negative size", "trailers"],
)
def test_an_answer_without_end_is_refused_at_some_size(whole: bytes, repeated: bytes) -> None:
    def script(line: Line) -> None:
        line.read()
        line.say(whole)
        while True:
            line.say(repeated * 100)

    with Peer(script) as peer, Client(max_body_bytes=1000) as client:
        under_way = client.begin(peer.url, client.exchange())

        with pytest.raises(BrokenAnswerError, match="more than 1049576 bytes"):
            under_way.result()


# No answer at all


def test_a_server_that_closes_without_an_answer_is_no_connection() -> None:
    no_response = pytest.raises(ConnectFailedError, match="closed connection without response")
    with Peer(once(b"")) as peer, Client() as client, no_response:
        client.ask(peer.url)


def test_a_port_where_nobody_listens_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with Client() as client, pytest.raises(ConnectFailedError) as caught:
        client.ask(f"http://127.0.0.1:{port}")

    assert caught.value.reason == f"connecting to 127.0.0.1:{port}: Connection refused"


def test_every_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with Peer(always(FINE)) as peer, Client() as client:
        found = [
            (999, socket.SOCK_STREAM, 6, "", ("127.0.0.1", peer.port)),  # a family that this machine has not
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", peer.port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        answer = client.ask("http://three-addresses.example")

    assert answer.body == b"ok"


def test_a_name_without_an_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    with Client() as client, pytest.raises(ConnectFailedError, match=r"service\.example has no address"):
        client.ask("http://service.example")


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("a..b", "looking up a..b: "),
        (f"{'a' * 64}.example", "looking up aaaa"),
        ("bücher..example", "looking up bücher..example: "),
    ],
)
def test_what_is_no_name_is_not_resolved(host: str, says: str) -> None:
    with Client() as client, pytest.raises(ConnectFailedError) as caught:
        client.ask(f"http://{host}:1")

    assert caught.value.reason.startswith(says)


# Whatever it is

PIECES = st.sampled_from(
    [
        HEAD,
        b"HTTP/1.1 ",
        b"HTTP/1.0 200\r\n",
        b"204 x",
        b"Content-Length: 5",
        b"Content-Length: 0",
        b"Content-Length: \xb2",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Connection: keep-alive",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b" folded",
        b"5\r\n",
        b"0\r\n",
        b"-1\r\n",
        b"hello",
    ]
)


def test_every_answer_is_read_or_refused_with_an_error_of_ours() -> None:
    answers = [b""]

    def script(line: Line) -> None:
        line.read()
        line.say(answers[0])

    with Peer(script) as peer, Client() as client:

        @given(st.lists(PIECES | st.binary(max_size=20), max_size=12).map(b"".join))
        @example(CHUNKED + b"-5\r\nhello")
        def ask(answer: bytes) -> None:
            answers[0] = answer
            try:
                status = client.ask(peer.url).status
            except (BrokenAnswerError, ConnectFailedError, DeadConnectionError):
                return
            assert 200 <= status <= 999

        ask()
