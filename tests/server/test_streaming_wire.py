"""The router's connections: kept while they are of use, and looked up once for all who wait."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cloudmap_discovery.calls.errors import NoReplyError, UnreachableError
from cloudmap_discovery.calls.messages import Outgoing
from cloudmap_discovery.server import streaming_wire
from cloudmap_discovery.server.addresses import Guard
from cloudmap_discovery.server.guarded_backend import GuardedBackend
from cloudmap_discovery.server.streaming_wire import StreamingWire
from cloudmap_discovery.testing import FakeClock
from tests.unit.direct_peers import FINE, Peer, always


def wire(clock: FakeClock, **options: Any) -> StreamingWire:
    import ssl  # noqa: PLC0415 -- here alone

    guard = Guard(["127.0.0.0/8"])
    return StreamingWire(guard, tls=ssl.create_default_context, clock=clock, silent_seconds=5.0, **options)


async def get(tested: StreamingWire, url: str, group: str = "") -> bytes | None:
    incoming = await tested.send(Outgoing("GET", url, (), b"", group), timeout_seconds=5.0)
    return await incoming.whole(1000)


async def test_a_connection_is_used_again_until_it_was_idle_too_long_on_either_clock() -> None:
    clock = FakeClock()
    tested = wire(clock)
    with Peer(always(FINE)) as peer:
        await get(tested, peer.url)
        clock.advance(19)
        await get(tested, peer.url)
        clock.set(clock.wall() + 3600, clock.monotonic())
        await get(tested, peer.url)
        await tested.aclose()

    assert [asked.connection for asked in peer.asked] == [1, 1, 2]


async def test_connections_to_an_origin_that_nobody_asks_any_more_are_closed() -> None:
    clock = FakeClock()
    tested = wire(clock)
    with Peer(always(FINE)) as old, Peer(always(FINE)) as new:
        await get(tested, old.url)
        clock.advance(60)
        await get(tested, new.url)

        assert await asyncio.to_thread(old.lines[0].closed.wait, 10)
        await tested.aclose()


async def test_connections_with_something_under_way_are_closed_after_it() -> None:
    clock = FakeClock()
    tested = wire(clock)
    with Peer(always(FINE)) as old, Peer(always(FINE)) as new:
        under_way = await tested.send(Outgoing("GET", old.url, (), b""), timeout_seconds=5.0)
        clock.advance(60)
        await get(tested, new.url)
        assert await under_way.whole(1000) == b"ok"
        assert not old.lines[0].closed.is_set()
        clock.advance(60)
        await get(tested, new.url)

        assert await asyncio.to_thread(old.lines[0].closed.wait, 10)
        await tested.aclose()


async def test_at_the_end_connections_with_something_under_way_are_closed_too() -> None:
    clock = FakeClock()
    tested = wire(clock)
    with Peer(always(FINE)) as old, Peer(always(FINE)) as new:
        await tested.send(Outgoing("GET", old.url, (), b""), timeout_seconds=5.0)
        clock.advance(60)
        await get(tested, new.url)
        await tested.aclose()

        assert await asyncio.to_thread(old.lines[0].closed.wait, 10)


async def test_functions_that_are_asked_at_one_place_do_not_wait_for_each_other() -> None:
    tested = wire(FakeClock())
    with Peer(always(FINE)) as peer:
        for group in ("users", "orders", "users"):
            await get(tested, peer.url, group)
        await tested.aclose()

    assert [asked.connection for asked in peer.asked] == [1, 2, 1]


async def test_who_waits_in_vain_for_a_connection_does_not_say_that_the_service_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streaming_wire, "_CONNECTIONS", 1)
    tested = wire(FakeClock())
    with Peer(always(FINE)) as peer:
        under_way = await tested.send(Outgoing("GET", peer.url, (), b""), timeout_seconds=5.0)
        with pytest.raises(NoReplyError) as raised:
            await tested.send(Outgoing("GET", peer.url, (), b""), timeout_seconds=0.05)
        await under_way.aclose()
        await tested.aclose()

    assert len(peer.asked) == 1
    assert raised.value.service == ""


async def test_one_origin_idle_is_not_kept_by_another_that_is_busy() -> None:
    clock = FakeClock()
    tested = wire(clock)
    with Peer(always(FINE)) as idle, Peer(always(FINE)) as busy:
        await get(tested, idle.url)
        for _ in range(6):
            await get(tested, busy.url)
            clock.advance(10)
        await get(tested, idle.url)
        await tested.aclose()

    assert [asked.connection for asked in idle.asked] == [1, 2]
    assert {asked.connection for asked in busy.asked} == {1}


async def test_a_name_is_looked_up_once_for_all_who_wait_and_given_up_alone() -> None:
    asked: list[str] = []
    released = asyncio.Event()

    async def resolve(host: str, port: int) -> list[Any]:
        asked.append(host)
        await released.wait()
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    backend = GuardedBackend(Guard(["127.0.0.0/8"]), resolve=resolve)
    with Peer(always(FINE)) as peer:
        impatient = asyncio.create_task(backend.connect_tcp("users.test", peer.port, timeout=0.1))
        patient = [
            asyncio.create_task(backend.connect_tcp("users.test", peer.port, timeout=10)) for _ in range(5)
        ]
        with pytest.raises(Exception, match="took too long"):
            await impatient
        released.set()
        streams = await asyncio.gather(*patient)
        for stream in streams:
            await stream.aclose()

    assert asked == ["users.test"]


async def test_after_a_failed_lookup_the_name_is_looked_up_again() -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[Any]:
        asked.append(host)
        raise OSError(f"{host}:{port} is not known")

    backend = GuardedBackend(Guard(), resolve=resolve)
    for _ in range(2):
        with pytest.raises(Exception, match="is not known"):
            await backend.connect_tcp("users.test", 80, timeout=5)

    assert len(asked) == 2


async def test_where_nobody_listens_it_is_unreachable() -> None:
    import socket  # noqa: PLC0415 -- here alone

    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    listener.close()

    with pytest.raises(UnreachableError, match="no connection") as raised:
        await get(wire(FakeClock()), url)

    assert not raised.value.was_sent
