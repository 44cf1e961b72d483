"""What settings are turned into: the part that writes is made when it is used, and a snapshot is never held up."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cloudmap_discovery.api import process
from cloudmap_discovery.assembly import Core, assemble
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.settings import CLOUD_MAP, Settings
from cloudmap_discovery.testing import FakeClock, FakeControl, FakeStore
from tests.unit.bed import IO

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

STAGE = "Production"


class FakeConnections:
    """Connections that are counted, and that a test makes hard to close."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.closed = 0
        self.forgotten = 0

    async def aclose(self) -> None:
        self.closed += 1
        if self.error is not None:
            raise self.error

    def forget(self) -> None:
        self.forgotten += 1


def make_core(
    connections: FakeConnections, io: IOThread = IO, made: Callable[[], object] = lambda: None
) -> Core:
    clock = FakeClock()
    store = FakeStore(clock=clock)

    def control() -> FakeControl:
        made()
        return FakeControl(store, stage=STAGE)

    return assemble(
        Settings(stage=STAGE, sources=(CLOUD_MAP,)),
        [store],
        control,
        list,
        connections,
        io=io,
        clock=clock,
        events=EventHub(),
        stale_wait_seconds=0.0,
        sleep=clock.sleep,
    )


async def nothing() -> None:
    return


def test_a_lookup_makes_nothing_that_writes() -> None:
    made: list[bool] = []
    core = make_core(FakeConnections(), made=lambda: made.append(True))

    core.io.run(lambda: core.discovery.prefetch("users"))

    assert made == []


def test_threads_that_write_at_once_share_what_writes() -> None:
    made: list[bool] = []
    all_there = threading.Barrier(8)
    core = make_core(FakeConnections(), made=lambda: made.append(True))

    def registry(_: int) -> object:
        all_there.wait()
        return core.registry

    with ThreadPoolExecutor(8) as pool:
        registries = set(pool.map(registry, range(8)))

    assert len(registries) == 1
    assert made == [True]


def test_what_writes_is_imported_and_made_while_lookups_go_on() -> None:
    threads: list[threading.Thread] = []
    core = make_core(FakeConnections(), process.io, made=lambda: threads.append(threading.current_thread()))

    with process.replaced(core):
        process.io.run(lambda: process.services(stage=STAGE))

    (maker,) = threads
    assert maker is not process.io._thread
    assert maker is not threading.current_thread()


def test_before_a_snapshot_connections_are_closed() -> None:
    connections = FakeConnections()
    core = make_core(connections)
    core.io.run(nothing)

    core.before_snapshot()

    assert connections.closed == 1


def test_where_nothing_was_called_a_snapshot_closes_nothing_and_starts_no_thread() -> None:
    connections = FakeConnections()
    core = make_core(connections, IOThread())

    core.before_snapshot()

    assert connections.closed == 0
    assert not core.io.has_started


def test_connections_that_cannot_be_closed_are_logged_and_hold_up_no_snapshot(
    caplog: pytest.LogCaptureFixture,
) -> None:
    core = make_core(FakeConnections(OSError("the cable is cut")))
    core.io.run(nothing)

    core.before_snapshot()

    assert [record.getMessage() for record in caplog.records] == [
        "connections were not closed before the snapshot: the cable is cut"
    ]


def test_after_a_restore_connections_are_dropped_and_not_touched() -> None:
    connections = FakeConnections(OSError("they are dead"))

    make_core(connections).after_restore()

    assert (connections.closed, connections.forgotten) == (0, 1)
