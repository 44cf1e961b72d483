"""`invoke` reads an answer as the router does, or not at all: of bytes that mean two answers it takes neither."""

from __future__ import annotations

from contextlib import closing

import pytest

from cloudmap_discovery.calls.errors import BadReplyError
from cloudmap_discovery.calls.messages import Outgoing
from cloudmap_discovery.calls.plain_wire import PlainWire
from cloudmap_discovery.clock import SystemClock
from tests.unit.direct_peers import FINE, HANG_SECONDS, HEAD, Peer, always, once

CHUNKS = b"2\r\nok\r\n0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: close\r\nContent-Length: 7\r\n\r\n"


async def answers(
    peer: Peer, count: int = 1, *, method: str = "POST"
) -> list[tuple[int, bytes | None, bool]]:
    """Return the status and the body of each answer, and whether it has a Link."""
    found = []
    with closing(PlainWire({}, SystemClock())) as wire:
        for _ in range(count):
            incoming = await wire.send(Outgoing(method, peer.url, (), b""), timeout_seconds=HANG_SECONDS)
            found.append((incoming.status, await incoming.whole(100), "link" in dict(incoming.headers)))
    return found


async def refusal(answer: bytes, method: str = "POST") -> str:
    with Peer(once(answer)) as peer, pytest.raises(BadReplyError) as caught:
        await answers(peer, method=method)
    assert caught.value.was_sent
    return caught.value.reason


@pytest.mark.parametrize("method", ["POST", "HEAD"])
@pytest.mark.parametrize(
    "headers",
    [
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Transfer-Encoding: identity\r\nContent-Length: 12\r\n",
        b"Transfer-Encoding: chunked, chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
        b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding:\r\n",
    ],
)
async def test_a_transfer_encoding_that_is_not_chunked_alone_is_refused(headers: bytes, method: str) -> None:
    assert "encoding" in await refusal(HEAD + headers + b"\r\n" + CHUNKS, method)


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 2\r\nContent-Length: 12\r\n",
        b"Content-Length: 12\r\nX-A: 1\r\ncontent-length: 2\r\n",
        b"Content-Length: 2, 12\r\n",
        b"Content-Length: 1_2\r\n",
        b"Content-Length: +12\r\n",
        b"Content-Length: " + b"9" * 5000 + b"\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\nContent-Length: 12\r\n",
    ],
)
async def test_a_length_that_is_not_one_number_is_refused(headers: bytes) -> None:
    assert "length" in await refusal(HEAD + headers + b"\r\n" + CHUNKS)


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        b"Content-Length:  2 \r\n\r\nok",
        b"Transfer-Encoding: Chunked\r\n\r\n" + CHUNKS,
        b"Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n" + CHUNKS,
    ],
)
async def test_a_length_that_is_said_twice_and_chunks_in_any_case_are_read(rest: bytes) -> None:
    with Peer(always(HEAD + rest)) as peer:
        assert await answers(peer, 2) == [(200, b"ok", False)] * 2


@pytest.mark.parametrize("status", [101, 600, 999])
async def test_a_status_that_is_none_of_an_answer_is_refused(status: int) -> None:
    assert str(status) in await refusal(b"HTTP/1.1 %d A\r\nContent-Length: 2\r\n\r\nok" % status)


@pytest.mark.parametrize("status", [200, 299, 404, 599])
async def test_every_other_status_is_given(status: int) -> None:
    with Peer(once(b"HTTP/1.1 %d A\r\nContent-Length: 2\r\n\r\nok" % status)) as peer:
        assert await answers(peer) == [(status, b"ok", False)]


@pytest.mark.parametrize("interim", [CONTINUE, HINTS, CONTINUE + HINTS + HINTS, HINTS + CONTINUE, HINTS * 99])
async def test_interim_answers_are_passed_over(interim: bytes) -> None:
    with Peer(always(interim + FINE)) as peer:
        found = await answers(peer, 2)

    assert found == [(200, b"ok", False)] * 2
    assert len(peer.lines) == 1


@pytest.mark.parametrize("interim", [CONTINUE, HINTS])
async def test_interim_answers_without_end_are_refused(interim: bytes) -> None:
    assert await refusal(interim * 100 + FINE) == "100 interim answers"


async def test_a_server_that_closes_behind_an_interim_answer_gave_none() -> None:
    assert "closed connection" in await refusal(HINTS)
