"""An answer is put where CloudFormation waits, as often as that may help and time allows; the URL stays a secret."""

from __future__ import annotations

import json
import logging
import socket
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.registrar.answering import Answerer, AnswerNotSentError
from cloudmap_discovery.testing import FakeClock
from tests.unit.direct_authority import Authority
from tests.unit.direct_peers import Line, Peer, always, once, silent_after

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Script = Callable[[Line], None]

BODY = json.dumps({"Status": "SUCCESS", "Reason": "ä"}).encode()
PATH = "/arn%3Aaws%3Acloudformation/Users?AWSAccessKeyId=AKID&Signature=secret%2B"


class BlockingClock(FakeClock):
    """A clock that is moved by blocking sleeps; `slept` has every pause."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    def pause(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)


class Sender:
    """An answerer in time that passes only where it waits, or where a server lets it."""

    def __init__(self, *, allows_plain: bool = True) -> None:
        self.clock = BlockingClock()
        self._answerer = Answerer(
            allows_plain=allows_plain, monotonic=self.clock.monotonic, sleep=self.clock.pause
        )

    def send(self, url: str, seconds: float = 60.0) -> None:
        self._answerer.send(url, BODY, seconds)

    def fails(self, url: str, seconds: float = 60.0) -> str:
        with pytest.raises(AnswerNotSentError) as caught:
            self.send(url, seconds)
        return str(caught.value)


def status(code: int) -> bytes:
    return f"HTTP/1.1 {code} As it is\r\nContent-Length: 2\r\n\r\nno".encode()


OK = status(200)


def first(script: Script) -> Script:
    """Return a script that has the first connection so, and says yes on every other."""
    return lambda line: script(line) if line.number == 1 else once(OK)(line)


def resets(line: Line) -> None:
    line.read()
    line.reset()


@pytest.fixture(autouse=True)
def _no_proxies_of_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    # urllib keeps the proxies that it has read at its first use.
    monkeypatch.setattr("urllib.request._opener", None)


# What is sent


def test_the_body_is_put_with_the_empty_content_type_that_the_url_is_signed_for() -> None:
    sender = Sender()

    with Peer(once(OK)) as peer:
        sender.send(peer.url + PATH)

    (asked,) = peer.asked
    assert asked.line == f"PUT {PATH} HTTP/1.1"
    assert asked.body == BODY
    assert asked.headers["content-type"] == ""
    assert asked.headers["content-length"] == str(len(BODY))
    assert "transfer-encoding" not in asked.headers
    assert sender.clock.slept == []


def test_an_answer_goes_through_the_proxy_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    with Peer(once(OK)) as peer:
        monkeypatch.setenv("http_proxy", peer.url)
        Sender().send(f"http://responses.test{PATH}")

    (asked,) = peer.asked
    assert asked.line == f"PUT http://responses.test{PATH} HTTP/1.1"
    assert asked.body == BODY


def test_a_server_of_https_is_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    sender = Sender(allows_plain=False)

    with Peer(once(OK), tls=authority.tls) as peer:
        unknown = sender.fails(peer.url + PATH, 1.0)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
        monkeypatch.setattr("urllib.request._opener", None)
        sender.send(peer.url + PATH)

    assert "certificate verify failed" in unknown
    (asked,) = peer.asked
    assert asked.body == BODY


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1:1/?secret", "the ResponseURL has the scheme 'http', not https"),
        ("ftp://127.0.0.1:1/?secret", "the ResponseURL has the scheme 'ftp', not https"),
        ("file:///etc/passwd?secret", "the ResponseURL has the scheme 'file', not https"),
        ("/?secret", "the ResponseURL has the scheme '', not https"),
        ("None", "the ResponseURL has the scheme '', not https"),
    ],
)
def test_nothing_but_https_is_spoken_unless_plain_is_allowed(url: str, told: str) -> None:
    assert Sender(allows_plain=False).fails(url) == told


def test_plain_http_is_the_only_other_that_is_ever_spoken() -> None:
    assert Sender().fails("ftp://127.0.0.1:1/?secret") == "the ResponseURL has the scheme 'ftp', not https"


# What is tried again


@pytest.mark.parametrize("code", [300, 301, 307, 400, 403, 404, 405])
def test_a_refusal_is_final(code: int) -> None:
    sender = Sender()

    with Peer(always(status(code))) as peer:
        told = sender.fails(peer.url + PATH)

    assert told == f"CloudFormation was not answered, at 127.0.0.1: HTTP status {code}"
    assert len(peer.asked) == 1
    assert sender.clock.slept == []


@pytest.mark.parametrize(
    "script",
    [
        once(status(429)),
        once(status(500)),
        once(status(503)),
        once(b""),
        once(b"no HTTP at all\r\n\r\n"),
        once(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000),
        resets,
    ],
)
def test_what_may_pass_is_tried_again_with_the_same_body(script: Script) -> None:
    sender = Sender()

    with Peer(first(script)) as peer:
        sender.send(peer.url + PATH)

    assert [asked.body for asked in peer.asked] == [BODY, BODY]
    assert sender.clock.slept == [0.25]


def test_a_server_that_says_nothing_is_left_and_asked_anew() -> None:
    sender = Sender()

    with Peer(first(silent_after(b""))) as peer:
        sender.send(peer.url + PATH, 2.0)

    assert len(peer.asked) >= 2


def test_a_port_where_nobody_listens_is_tried_again() -> None:
    sender = Sender()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    told = sender.fails(f"http://127.0.0.1:{port}{PATH}", 3.0)

    assert "Connection refused" in told
    assert sender.clock.slept == [0.25, 0.5, 1.0]


def test_pauses_grow_to_five_seconds_and_end_with_the_time() -> None:
    sender = Sender()

    with Peer(always(status(503))) as peer:
        told = sender.fails(peer.url + PATH, 30.0)

    assert told == "CloudFormation was not answered, at 127.0.0.1: HTTP status 503"
    assert sender.clock.slept == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0]
    assert len(peer.asked) == 10


def test_one_attempt_is_made_even_where_no_time_is_left() -> None:
    sender = Sender()

    with Peer(always(status(503))) as peer:
        sender.fails(peer.url + PATH, 0.0)

    assert len(peer.lines) <= 1
    assert sender.clock.slept == []


@pytest.mark.parametrize("seconds", [2.0, 7.0, 100.0])
@pytest.mark.parametrize("each", [0.0, 0.4, 3.0, 9.9])
def test_no_attempt_begins_without_time_for_it(seconds: float, each: float) -> None:
    sender = Sender()
    begun: list[float] = []
    start = sender.clock.monotonic()

    def script(line: Line) -> None:
        line.read()
        begun.append(sender.clock.monotonic() - start)
        sender.clock.advance(each)
        line.say(status(500))

    with Peer(script) as peer:
        sender.fails(peer.url + PATH, seconds)

    assert begun[0] == 0
    assert all(moment <= seconds - 0.5 for moment in begun[1:])


# What is told


@pytest.mark.parametrize(
    "script",
    [once(status(403)), once(status(500)), once(b"no HTTP"), once(b""), resets, silent_after(OK[:20])],
)
def test_neither_log_nor_error_tells_the_url(script: Script, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    with Peer(script) as peer:
        told = Sender().fails(peer.url + PATH, 0.5)

    assert "at 127.0.0.1: " in told
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    for text in (told, caplog.text):
        assert "secret" not in text
        assert "AKID" not in text


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/an swer?secret",
        "http://127.0.0.1:1/answer?secret\x7f",
        "http://127.0.0.1:1/answer?secret=ä",
        "http://127.0.0.1:port/answer?secret",
        "http://[127.0.0.1/answer?secret",
        f"http://{'a' * 64}.test/answer?secret",
    ],
)
def test_a_url_that_is_none_is_an_error_at_once_and_not_told(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    sender = Sender()

    told = sender.fails(url)

    assert sender.clock.slept == []
    assert "secret" not in told + caplog.text
