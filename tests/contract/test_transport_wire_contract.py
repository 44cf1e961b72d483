"""What every transport makes of a server that speaks for ever: an error, in time, and well again with a better one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import StoreError
from tests.contract.transport_bed import NOISE_SECONDS, case, credentials, discover
from tests.unit.direct_peers import HEAD, Line, Peer, always

if TYPE_CHECKING:
    from collections.abc import Callable

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
