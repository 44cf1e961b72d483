"""A clock that is wrong: corrected by what the server says of its own, once in each call, and kept."""

from __future__ import annotations

from email.utils import formatdate
from time import gmtime, strftime, tzset
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.errors import RemoteError
from cloudmap_discovery.transport.direct_call import ServerTime
from tests.contract.transport_clock import HandClock
from tests.contract.transport_peers import NO_INSTANCES, Asked, HttpPeer, Told
from tests.unit.direct_bed import discover, failure_of, peer, transport_to

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["peer"]  # a fixture, found by name

HOUR = 3600.0
REFUSAL = {"__type": "RequestTimeTooSkewed", "message": "no"}


def refused_at(seconds: float, refusal: Mapping[str, str] = REFUSAL) -> Told:
    return Told(refusal, status=403, headers={"Date": formatdate(seconds, usegmt=True)})


def stamp(seconds: float) -> str:
    return strftime("%Y%m%dT%H%M%SZ", gmtime(seconds))


class StrictServer:
    """Answers what was signed within five minutes of its own time, as AWS does."""

    def __init__(self, seconds: float, refusal: Mapping[str, str] = REFUSAL) -> None:
        self.seconds = seconds
        self._refusal = refusal

    def __call__(self, asked: Asked) -> Told:
        allowed = stamp(self.seconds - 300) <= asked.headers["x-amz-date"] <= stamp(self.seconds + 300)
        return NO_INSTANCES if allowed else refused_at(self.seconds, self._refusal)


@pytest.mark.parametrize("hours", [-1, 1, 24 * 400])
@pytest.mark.parametrize(
    "refusal",
    [
        {"__type": "RequestTimeTooSkewed", "message": "The difference is too large."},
        {"__type": "com.amazonaws#RequestExpired", "message": "Request has expired."},
        {"__type": "RequestInTheFuture:http://x", "message": "no"},
        {
            "__type": "InvalidSignatureException",
            "message": "Signature expired: 2026 is now earlier than 2027",
        },
        {"__type": "InvalidSignatureException", "message": "Signature not yet current: 2027 is still later"},
    ],
)
async def test_a_clock_that_is_wrong_is_corrected_and_the_call_is_answered(
    peer: HttpPeer, refusal: Mapping[str, str], hours: int
) -> None:
    clock = HandClock()
    peer.answer = StrictServer(clock.wall() + hours * HOUR, refusal)
    transport = transport_to(peer.url, clock=clock)

    answer = await discover(transport)

    await transport.aclose()
    assert answer == {"Instances": []}
    assert [asked.headers["x-amz-date"] for asked in peer.asked] == [
        stamp(clock.wall()),
        stamp(clock.wall() + hours * HOUR),
    ]


async def test_a_correction_is_kept_for_later_calls_and_goes_with_the_clock(peer: HttpPeer) -> None:
    clock = HandClock()
    server = peer.answer = StrictServer(clock.wall() + HOUR)
    transport = transport_to(peer.url, clock=clock)
    await discover(transport)

    clock.move(wall=HOUR, monotonic=0.0)
    server.seconds += HOUR
    await discover(transport)

    await transport.aclose()
    assert len(peer.asked) == 3


async def test_a_correction_that_has_become_wrong_is_corrected(peer: HttpPeer) -> None:
    clock = HandClock()
    peer.answer = StrictServer(clock.wall() + HOUR)
    transport = transport_to(peer.url, clock=clock)
    await discover(transport)

    clock.move(wall=HOUR, monotonic=1.0)  # somebody put the clock right
    await discover(transport)

    await transport.aclose()
    assert len(peer.asked) == 4


async def test_a_clock_is_corrected_once_in_a_call(peer: HttpPeer) -> None:
    clock = HandClock()
    peer.answer = lambda _: refused_at(clock.wall() + HOUR * len(peer.asked))
    transport = transport_to(peer.url, clock=clock)

    error = await failure_of(transport)

    await transport.aclose()
    assert isinstance(error, RemoteError)
    assert (error.code, error.retryable) == ("RequestTimeTooSkewed", True)
    assert len(peer.asked) == 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Date": ""},
        {"Date": "yesterday"},
        {"Date": "Fri, 99 Foo 99999 99:99:99 GMT"},
        {"Date": formatdate(HandClock().wall(), usegmt=True)},
        {"Date": formatdate(HandClock().wall() + 59, usegmt=True)},
    ],
)
async def test_without_another_time_to_sign_at_the_error_is_the_answer(
    peer: HttpPeer, headers: Mapping[str, str]
) -> None:
    peer.answer = lambda _: Told(REFUSAL, status=403, headers=headers)
    transport = transport_to(peer.url, clock=HandClock())

    error = await failure_of(transport)

    await transport.aclose()
    assert isinstance(error, RemoteError)
    assert len(peer.asked) == 1


async def test_what_was_signed_before_a_freeze_is_signed_anew_though_the_clock_is_right(
    peer: HttpPeer,
) -> None:
    clock = HandClock()

    def frozen_under_way(_: Asked) -> Told:
        if len(peer.asked) > 1:
            return NO_INSTANCES
        clock.move(wall=HOUR, monotonic=0.0)
        return refused_at(clock.wall())

    peer.answer = frozen_under_way
    transport = transport_to(peer.url, clock=clock)

    answer = await discover(transport)

    await transport.aclose()
    assert answer == {"Instances": []}


async def test_another_refusal_corrects_nothing(peer: HttpPeer) -> None:
    clock = HandClock()
    peer.answer = lambda _: refused_at(
        clock.wall() + HOUR, {"__type": "AccessDeniedException", "message": "no"}
    )
    transport = transport_to(peer.url, clock=clock)

    for _ in range(2):
        await failure_of(transport)

    await transport.aclose()
    assert [asked.headers["x-amz-date"] for asked in peer.asked] == [stamp(clock.wall())] * 2


async def test_after_a_fork_or_a_restore_the_clock_is_trusted_again(peer: HttpPeer) -> None:
    clock = HandClock()
    peer.answer = StrictServer(clock.wall() + HOUR)
    transport = transport_to(peer.url, clock=clock)
    await discover(transport)

    transport.forget()
    clock.move(wall=HOUR, monotonic=1.0)  # restored on a machine whose clock is right
    await discover(transport)

    await transport.aclose()
    assert len(peer.asked) == 3


@given(st.text() | st.from_regex(r"\A[A-Z][a-z]{2}, \d{1,9} [A-Z][a-z]{2} -?\d{1,30} \d+:\d+:\d+ [+-]?\w+\Z"))
def test_no_date_is_too_strange(date: str) -> None:
    clock = HandClock()
    time = ServerTime(clock)

    has_changed = time.correct(date, clock.wall())

    assert has_changed == (abs(time.now() - clock.wall()) >= 60)


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        tzset()
        yield
    tzset()


@pytest.mark.parametrize("zone", ["GMT", "-0000", "+0000"])
def test_a_date_is_of_greenwich_however_it_says_so(zone: str, in_tokyo: None) -> None:
    del in_tokyo
    time = ServerTime(HandClock())

    time.correct(f"Fri, 15 Jan 2027 09:00:00 {zone}", 0.0)

    assert stamp(time.now()) == "20270115T090000Z"
