"""Connections of the SDK transport in the life of a process: idle, frozen, left by their loop, forked, ended."""

from __future__ import annotations

import asyncio
import gc
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import StoreError, StoreTimeoutError
from cloudmap_discovery.transport.sdk import SdkTransport
from cloudmap_discovery.transport.sdk_errors import DeadConnectionError
from tests.contract.transport_bed import DISCOVER, credentials, until_connections
from tests.contract.transport_cases import CREDENTIALS
from tests.contract.transport_clock import HandClock
from tests.contract.transport_peers import NO_INSTANCES, Asked, HttpPeer, Told, eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.standin.stand_in import StandIn

__all__ = ["credentials"]  # a fixture, found by name

pytestmark = pytest.mark.usefixtures("credentials")

PLENTY_SECONDS = 20.0


@pytest.fixture
async def peer() -> AsyncIterator[HttpPeer]:
    async with HttpPeer() as peer:
        yield peer


async def discover(transport: SdkTransport, timeout_seconds: float = PLENTY_SECONDS) -> Mapping[str, Any]:
    params = {"NamespaceName": "services", "ServiceName": "users"}
    return await transport.call(
        "servicediscovery", "DiscoverInstances", params, timeout_seconds=timeout_seconds
    )


def transport_to(url: str, **more: Any) -> SdkTransport:
    return SdkTransport(endpoint_url=url, environment=CREDENTIALS, **more)


# Idle and frozen


@pytest.mark.parametrize(
    ("wall", "monotonic", "connections"),
    [
        (19.0, 19.0, 1),
        (21.0, 0.0, 2),  # frozen, and the monotonic clock stood still
        (0.0, 21.0, 2),  # the wall clock was set back meanwhile
        (-1.0, 5.0, 2),  # nobody knows how long
        (3600.0, 3600.0, 2),
    ],
)
async def test_connections_idle_for_long_on_either_clock_are_not_used_again(
    peer: HttpPeer, wall: float, monotonic: float, connections: int
) -> None:
    clock = HandClock()
    transport = transport_to(peer.url, clock=clock)
    await discover(transport)

    clock.move(wall=wall, monotonic=monotonic)
    await discover(transport)

    await transport.aclose()
    assert [asked.connection for asked in peer.asked] == [1, connections]


async def test_the_end_of_a_long_call_counts_as_use(peer: HttpPeer) -> None:
    clock = HandClock()
    transport = transport_to(peer.url, clock=clock)
    answer = peer.answer

    def takes_long(asked: Any) -> Any:
        clock.move(wall=60.0, monotonic=60.0)
        return answer(asked)

    peer.answer = takes_long
    await discover(transport)
    peer.answer = answer
    await discover(transport)

    await transport.aclose()
    assert [asked.connection for asked in peer.asked] == [1, 1]


async def test_a_call_under_way_keeps_its_connection_when_the_idle_ones_are_dropped(aws: StandIn) -> None:
    clock = HandClock()
    transport = transport_to(aws.url, clock=clock)
    aws.seed_service("services", "users")
    await discover(transport)
    with aws.faults.hold(DISCOVER, count=1) as held:
        under_way = asyncio.create_task(discover(transport))
        await asyncio.to_thread(held.wait_until_met)
        clock.move(wall=60.0, monotonic=60.0)
        await discover(transport)

    assert (await under_way)["Instances"] == []
    await until_connections(aws, 1)  # the old one is closed, now that its call is done
    await transport.aclose()


async def test_a_fetch_of_credentials_from_before_a_freeze_is_given_up(
    peer: HttpPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = HandClock()
    transport = transport_to(peer.url, clock=clock)
    transport.load(["servicediscovery"])
    async with HttpPeer() as issuer:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", issuer.url)
        issuer.answer = lambda _: (_ for _ in ()).throw(ConnectionResetError)
        stuck = asyncio.create_task(discover(transport))
        await eventually(lambda: len(issuer.asked) > 0)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANEW")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        clock.move(wall=3600.0, monotonic=0.0)

        answer = await discover(transport, 5.0)

    assert answer == {"Instances": []}
    with pytest.raises(StoreError):
        await stuck
    await transport.aclose()


# Dead


async def three_idle_connections(transport: SdkTransport, peer: HttpPeer) -> None:
    ready = asyncio.Event()
    peer.answer = lambda _: Told({"Instances": []}, when=ready)
    calls = [asyncio.create_task(discover(transport)) for _ in range(3)]
    await eventually(lambda: len(peer.asked) == 3)
    ready.set()
    await asyncio.gather(*calls)
    assert peer.connections == 3


async def test_one_dead_connection_makes_all_idle_ones_suspect(peer: HttpPeer) -> None:
    transport = transport_to(peer.url)
    await three_idle_connections(transport, peer)

    def only_new_ones_live(asked: Asked) -> Told:
        if asked.connection <= 3:
            raise ConnectionResetError
        return NO_INSTANCES

    peer.answer = only_new_ones_live
    answer = await discover(transport)

    await transport.aclose()
    assert answer == {"Instances": []}
    assert [asked.connection > 3 for asked in peer.asked[3:]] == [False, True]


async def test_silence_on_one_connection_makes_all_idle_ones_suspect(peer: HttpPeer) -> None:
    transport = transport_to(peer.url)
    await three_idle_connections(transport, peer)

    peer.answer = lambda _: Told({"Instances": []}, when=asyncio.Event())
    with pytest.raises(StoreTimeoutError):
        await discover(transport, 0.2)
    peer.answer = lambda _: NO_INSTANCES
    await discover(transport)

    await transport.aclose()
    assert peer.asked[-1].connection == 4


async def test_silence_on_a_new_connection_says_nothing_about_the_idle_ones(peer: HttpPeer) -> None:
    transport = transport_to(peer.url)
    ready = asyncio.Event()
    peer.answer = lambda asked: Told(
        {"Instances": []}, when=ready if asked.connection == 1 else asyncio.Event()
    )
    slow = asyncio.create_task(discover(transport))
    await eventually(lambda: len(peer.asked) == 1)
    with pytest.raises(StoreTimeoutError):
        await discover(transport, 0.3)
    ready.set()
    await slow

    peer.answer = lambda _: NO_INSTANCES
    await discover(transport)

    await transport.aclose()
    assert peer.asked[-1].connection == 1


# Closed while in use


async def test_closing_ends_the_calls_under_way_with_an_error(aws: StandIn) -> None:
    transport = transport_to(aws.url)
    with aws.faults.hold(DISCOVER) as held:
        under_way = asyncio.create_task(discover(transport))
        await asyncio.to_thread(held.wait_until_met)

        await transport.aclose()

        with pytest.raises(StoreTimeoutError):
            await under_way


async def test_closing_ends_also_calls_on_connections_that_had_served(aws: StandIn) -> None:
    transport = transport_to(aws.url)
    aws.seed_service("services", "users")
    await discover(transport)
    with aws.faults.hold(DISCOVER) as held:
        under_way = asyncio.create_task(discover(transport))
        await asyncio.to_thread(held.wait_until_met)

        await transport.aclose()

        with pytest.raises(StoreTimeoutError):
            await under_way
    await until_connections(aws, 0)


async def test_what_was_forgotten_takes_no_new_calls(peer: HttpPeer) -> None:
    transport = transport_to(peer.url)
    await discover(transport)
    assert transport._pool is not None
    forgotten = transport._pool.clients["servicediscovery"].http

    transport.forget()

    with pytest.raises(DeadConnectionError):
        await forgotten.send(object())


# Loops


def test_a_transport_goes_on_after_its_loop_was_closed_under_it(aws: StandIn) -> None:
    transport = transport_to(aws.url)
    aws.seed_service("services", "users")

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ResourceWarning
        )  # the sockets of a loop that ends without closing them
        for _ in range(3):
            assert asyncio.run(discover(transport))["Instances"] == []
        transport.forget()
        gc.collect()


async def test_a_transport_is_not_taken_from_a_loop_that_is_running(peer: HttpPeer) -> None:
    transport = transport_to(peer.url)
    await discover(transport)

    with pytest.raises(RuntimeError, match="another event loop"):
        await asyncio.to_thread(asyncio.run, discover(transport))
    with pytest.raises(RuntimeError, match="another event loop"):
        await asyncio.to_thread(asyncio.run, transport.aclose())

    assert await discover(transport) == {"Instances": []}
    await transport.aclose()
