"""What every transport makes of a server that speaks for ever, or breaks off: an error, and well again with a better one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import RemoteError, StoreError
from tests.contract.transport_bed import NOISE_SECONDS, PLENTY_SECONDS, case, credentials, discover
from tests.unit.direct_peers import HEAD, Line, Peer, always

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudmap_discovery.transport.port import Transport
    from tests.contract.transport_cases import TransportCase

__all__ = ["case", "credentials"]  # fixtures, found by name

pytestmark = pytest.mark.usefixtures("credentials")

SHORT_SECONDS = 0.6
NO_INSTANCES = HEAD + b'Content-Length: 16\r\n\r\n{"Instances":[]}'


def dripping(said: bytes, dripped: bytes) -> Callable[[Line], None]:
    def script(line: Line) -> None:
        line.read()
        line.say(said)
        line.drip(dripped)

    return script


def endless(said: bytes, repeated: bytes) -> Callable[[Line], None]:
    def script(line: Line) -> None:
        line.read()
        line.say(said)
        while True:
            line.say(repeated)

    return script


ENDLESS = {
    "dripping headers": dripping(HEAD, b"X-Filler: "),
    "a dripping body": dripping(HEAD + b"Content-Length: 65536\r\n\r\n", b'{"Instances": '),
    "a dripping chunk": dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n", b'{"Instances": '),
    "headers without end": endless(HEAD, b"X-Filler: filler\r\n" * 1000),
    "a header without end": endless(HEAD + b"X-Filler: ", b"filler" * 1000),
    "a body without end": endless(HEAD + b"Content-Length: 999999999999\r\n\r\n", b" " * 65536),
}


@pytest.mark.parametrize("script", ENDLESS)
async def test_an_answer_without_end_is_an_error_in_time(case: TransportCase, script: str) -> None:
    with Peer(ENDLESS[script]) as peer:
        transport = case.make(peer.url)
        started = time.monotonic()

        with pytest.raises(StoreError) as caught:
            await discover(transport, timeout_seconds=SHORT_SECONDS)

        assert time.monotonic() - started < SHORT_SECONDS + NOISE_SECONDS
        assert (caught.value.retryable, caught.value.unhealthy) == (True, True)
        peer.script = always(NO_INSTANCES)
        assert await discover(transport) == {"Instances": []}
        await transport.aclose()


OBJECT_HEAD = HEAD + b'ETag: "1"\r\n'
OBJECT = OBJECT_HEAD + b"Content-Length: 5\r\n\r\nwhole"


def read_object(transport: Transport, timeout_seconds: float = PLENTY_SECONDS) -> Any:
    params = {"Bucket": "registry", "Key": "snapshot.json"}
    return transport.call("s3", "GetObject", params, timeout_seconds=timeout_seconds)


def told_once(said: bytes, *, is_reset: bool) -> Callable[[Line], None]:
    def script(line: Line) -> None:
        line.read()
        line.say(said)
        if is_reset:
            line.reset()

    return script


BROKEN = {
    "a short body": told_once(OBJECT_HEAD + b"Content-Length: 9\r\n\r\nhalf", is_reset=False),
    "a body cut off": told_once(OBJECT_HEAD + b"Content-Length: 9\r\n\r\nhalf", is_reset=True),
    "no body": told_once(OBJECT_HEAD + b"Content-Length: 9\r\n\r\n", is_reset=False),
    "a short chunk": told_once(OBJECT_HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\nhalf", is_reset=False),
    "chunks without end": told_once(
        OBJECT_HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", is_reset=False
    ),
    "no tag": told_once(HEAD + b"Content-Length: 5\r\n\r\nwhole", is_reset=False),
    "an empty tag": told_once(HEAD + b"ETag: \r\nContent-Length: 5\r\n\r\nwhole", is_reset=False),
}


@pytest.mark.parametrize("script", BROKEN)
async def test_half_an_object_is_an_error(case: TransportCase, script: str) -> None:
    with Peer(BROKEN[script]) as peer:
        transport = case.make(peer.url)

        with pytest.raises(RemoteError) as caught:
            await read_object(transport)

        assert (caught.value.retryable, caught.value.unhealthy) == (True, True)
        peer.script = always(OBJECT)
        answer: Mapping[str, Any] = await read_object(transport)
        assert (answer["Body"], answer["ETag"]) == (b"whole", '"1"')
        await transport.aclose()


@pytest.mark.parametrize(
    "script",
    [
        dripping(OBJECT_HEAD + b"Content-Length: 65536\r\n\r\n", b"half"),
        endless(OBJECT_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        endless(OBJECT_HEAD + b"Content-Length: 999999999999\r\n\r\n", b" " * 65536),
    ],
    ids=["dripping", "endless chunks", "endless"],
)
async def test_an_object_without_end_is_an_error(case: TransportCase, script: Callable[[Line], None]) -> None:
    with Peer(script) as peer:
        transport = case.make(peer.url)

        with pytest.raises(StoreError) as caught:
            await read_object(transport, SHORT_SECONDS)

        assert (caught.value.retryable, caught.value.unhealthy) == (True, True)
        peer.script = always(OBJECT)
        assert (await read_object(transport))["Body"] == b"whole"
        await transport.aclose()
