"""Calls of the direct transport and the threads they block: in time, cut off, closed, frozen, from several event loops."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import StoreTimeoutError
from tests.contract.transport_bed import DISCOVER, until_connections
from tests.contract.transport_cases import CREDENTIALS
from tests.contract.transport_clock import HandClock
from tests.contract.transport_peers import NO_INSTANCES, Asked, HttpPeer, Told, eventually
from tests.unit.direct_authority import Authority
from tests.unit.direct_bed import PLENTY_SECONDS, discover, failure_of, peer, transport_to
from tests.unit.direct_peers import Line, Peer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.standin.stand_in import StandIn

__all__ = ["peer"]  # a fixture, found by name

LESS_THAN_ANY_SILENCE_SECONDS = 5.0  # of those that a connection bears by itself


@pytest.fixture
async def one_thread() -> AsyncIterator[None]:
    """What blocks has a single thread."""
    with ThreadPoolExecutor(1) as executor:
        asyncio.get_running_loop().set_default_executor(executor)
        yield


def silent(_: Asked) -> Told:
    return Told({}, when=asyncio.Event())


# Threads


@pytest.mark.usefixtures("one_thread")
async def test_a_call_that_finds_no_thread_free_says_so_and_ends_in_its_own_time(peer: HttpPeer) -> None:
    transport = transport_to(peer.url)
    await discover(transport)
    peer.answer = silent
    first = asyncio.create_task(discover(transport))
    await eventually(lambda: len(peer.asked) == 2)

    error = await failure_of(transport, 0.2)

    assert isinstance(error, StoreTimeoutError)
    assert "waiting for a thread: all were busy, 1 of them with other calls" in str(error)
    first.cancel()
    await asyncio.wait([first])
    assert len(peer.asked) == 2


@pytest.mark.usefixtures("one_thread")
async def test_a_thread_comes_free_when_its_call_has_timed_out(peer: HttpPeer) -> None:
    transport = transport_to(peer.url)
    peer.answer = silent
    await failure_of(transport, 0.2)

    peer.answer = lambda _: NO_INSTANCES
    answer = await discover(transport)

    await transport.aclose()
    assert answer == {"Instances": []}
    assert [asked.connection for asked in peer.asked] == [1, 2]


@pytest.mark.usefixtures("one_thread")
async def test_a_thread_comes_free_when_its_call_is_cancelled(peer: HttpPeer) -> None:
    transport = transport_to(peer.url)
    peer.answer = silent
    call = asyncio.create_task(discover(transport))
    await eventually(lambda: len(peer.asked) == 1)

    call.cancel()
    peer.answer = lambda _: NO_INSTANCES
    answer = await discover(transport, LESS_THAN_ANY_SILENCE_SECONDS)

    await transport.aclose()
    assert answer == {"Instances": []}
    assert [asked.connection for asked in peer.asked] == [1, 2]


@pytest.mark.usefixtures("one_thread")
async def test_a_call_that_was_given_up_while_it_waited_for_a_thread_asks_nothing(peer: HttpPeer) -> None:
    transport = transport_to(peer.url)
    ready = asyncio.Event()
    peer.answer = lambda _: Told({"Instances": []}, when=ready)
    first = asyncio.create_task(discover(transport))
    await eventually(lambda: len(peer.asked) == 1)
    await failure_of(transport, 0.1)

    ready.set()
    await first
    await discover(transport)

    await transport.aclose()
    assert len(peer.asked) == 2


# Time


async def test_a_handshake_that_never_ends_is_a_timeout_in_time_that_says_so() -> None:
    def say_nothing(line: Line) -> None:
        line.hang()

    with Peer(say_nothing) as deaf:
        error = await failure_of(transport_to(deaf.url.replace("http://", "https://")), 0.3)

    assert isinstance(error, StoreTimeoutError)
    assert "TLS" in str(error)


async def test_a_timeout_over_tls_frees_its_thread(tmp_path: Path, one_thread: None) -> None:
    del one_thread
    authority = Authority(tmp_path)
    async with HttpPeer(silent, tls=authority.tls) as peer:
        transport = transport_to(peer.url, {**CREDENTIALS, **authority.environment})
        await failure_of(transport, 0.3)

        peer.answer = lambda _: NO_INSTANCES
        answer = await discover(transport)

        await transport.aclose()
    assert answer == {"Instances": []}


async def test_a_timeout_says_what_the_time_was_spent_on(peer: HttpPeer) -> None:
    peer.answer = silent

    error = await failure_of(transport_to(peer.url), 0.2)

    assert "not answered within 0.2 s" in str(error)
    assert f"waiting for the answer of {peer.url.removeprefix('http://')}" in str(error)


# Connections


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
async def test_a_connection_idle_for_long_on_either_clock_is_not_used_again(
    peer: HttpPeer, wall: float, monotonic: float, connection: int
) -> None:
    clock = HandClock()
    transport = transport_to(peer.url, clock=clock)
    await discover(transport)

    clock.move(wall=wall, monotonic=monotonic)
    await discover(transport)

    await transport.aclose()
    assert [asked.connection for asked in peer.asked] == [1, connection]


async def test_how_long_is_too_long_may_be_said(peer: HttpPeer) -> None:
    clock = HandClock()
    transport = transport_to(peer.url, clock=clock, idle_seconds=2.0)
    await discover(transport)

    clock.move(wall=3.0, monotonic=3.0)
    await discover(transport)

    await transport.aclose()
    assert [asked.connection for asked in peer.asked] == [1, 2]


async def test_one_dead_connection_is_replaced_and_the_next_is_an_error(peer: HttpPeer) -> None:
    transport = transport_to(peer.url)
    await discover(transport)

    def cut(_: Asked) -> Told:
        raise ConnectionResetError

    peer.answer = cut
    error = await failure_of(transport)

    assert isinstance(error, StoreTimeoutError)
    assert [asked.connection for asked in peer.asked] == [1, 1, 2]


# Closing


async def test_closing_ends_the_calls_under_way_with_an_error(aws: StandIn) -> None:
    transport = transport_to(aws.url)
    aws.seed_service("services", "users")
    await discover(transport)
    with aws.faults.hold(DISCOVER) as held:
        calls = [
            asyncio.create_task(discover(transport)) for _ in range(2)
        ]  # one on a connection that had served
        await asyncio.to_thread(held.wait_until_met, 2)

        await transport.aclose()

        for call in calls:
            with pytest.raises(StoreTimeoutError, match="the transport was closed meanwhile"):
                await call
    await until_connections(aws, 0)


@pytest.mark.usefixtures("one_thread")
async def test_closing_ends_also_what_waits_for_a_thread(peer: HttpPeer) -> None:
    transport = transport_to(peer.url)
    peer.answer = silent
    calls = [asyncio.create_task(discover(transport)) for _ in range(3)]
    await eventually(lambda: len(peer.asked) == 1)

    await transport.aclose()

    for call in calls:
        with pytest.raises(StoreTimeoutError, match="the transport was closed meanwhile"):
            await call
    assert len(peer.asked) == 1


async def test_closing_leaves_no_free_second_try(peer: HttpPeer) -> None:
    transport = transport_to(peer.url)
    await discover(transport)
    peer.answer = silent
    call = asyncio.create_task(discover(transport))
    await eventually(lambda: len(peer.asked) == 2)

    await transport.aclose()

    with pytest.raises(StoreTimeoutError):
        await call
    assert len(peer.asked) == 2


async def test_calls_that_have_ended_or_belong_to_the_parent_are_not_remembered(peer: HttpPeer) -> None:
    transport = transport_to(peer.url)
    await discover(transport)
    assert transport._under_way == transport._busy == set()
    peer.answer = silent
    call = asyncio.create_task(discover(transport))
    await eventually(lambda: len(peer.asked) == 2)

    transport.forget()

    assert transport._under_way == transport._busy == set()
    call.cancel()
    await asyncio.wait([call])


# Loops


def test_one_event_loop_after_the_other_uses_the_same_connection(aws: StandIn) -> None:
    aws.seed_service("services", "users")
    transport = transport_to(aws.url)

    for _ in range(3):
        assert asyncio.run(discover(transport))["Instances"] == []

    assert aws.open_connections == 1
    asyncio.run(transport.aclose())


def test_several_event_loops_use_it_at_once(aws: StandIn) -> None:
    aws.seed_service("services", "users")
    transport = transport_to(aws.url)
    failures: list[BaseException] = []

    async def ask_often() -> None:
        for _ in range(5):
            await asyncio.gather(*(discover(transport) for _ in range(4)))

    def run() -> None:
        try:
            asyncio.run(ask_often())
        except BaseException as error:  # noqa: BLE001 -- whatever it is, the test is to see it
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PLENTY_SECONDS * 3)
    asyncio.run(transport.aclose())

    assert failures == []
    assert aws.calls() == {DISCOVER: 60}
