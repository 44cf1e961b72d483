"""Metrics are whole lines on whatever standard output is then, from any thread and on both sides of a fork."""

from __future__ import annotations

import io
import sys
import threading
from contextlib import redirect_stdout

import pytest

from cloudmap_discovery.emf import EmfSink
from cloudmap_discovery.events import Deregistered, Hit
from cloudmap_discovery.testing import FakeClock
from tests.unit import emf_reader
from tests.unit.bed import UNREACHABLE, make_bed, users
from tests.unit.programs import output_of

NOW_MS = 1_700_000_000_000
HIT = Hit("users", "Production", "cloudmap", 1.0, stale=False)
GONE = Deregistered("users", "Production", "id")


def totals(text: str) -> dict[tuple[str, str], float]:
    return emf_reader.total(emf_reader.read(text, now_ms=NOW_MS))


class CountingStream(io.StringIO):
    """A stream that counts how often it is written to and flushed."""

    writes = flushes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)

    def flush(self) -> None:
        self.flushes += 1


def test_lines_go_to_what_standard_output_is_at_that_moment(capsys: pytest.CaptureFixture[str]) -> None:
    sink = EmfSink(clock=FakeClock())
    redirected = io.StringIO()

    sink(GONE)
    with redirect_stdout(redirected):
        sink(GONE)
        sink(GONE)

    assert totals(capsys.readouterr().out) == {("Deregistered", "Stage=Production"): 1}
    assert totals(redirected.getvalue()) == {("Deregistered", "Stage=Production"): 2}
    assert sys.stdout is not redirected


def test_all_lines_of_a_moment_are_one_write_that_is_flushed() -> None:
    stream = CountingStream()
    sink = EmfSink(stream, clock=FakeClock(), by_service=True)
    sink(HIT)
    sink(Hit("orders", "Production", "cloudmap", 1.0, stale=False))

    sink(GONE)

    assert stream.getvalue().count("\n") == 3
    assert stream.getvalue().endswith("}\n")
    assert (stream.writes, stream.flushes) == (1, 1)


def test_threads_lose_no_count_and_mix_no_lines() -> None:
    stream = CountingStream()
    sink = EmfSink(stream, clock=FakeClock())

    def work() -> None:
        for number in range(500):
            sink(HIT)
            if number % 50 == 0:
                sink(GONE)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sink.flush()

    assert totals(stream.getvalue()) == {
        ("Hits", "Stage=Production"): 4000,
        ("Deregistered", "Stage=Production"): 80,
    }


def test_the_child_of_a_fork_does_not_count_what_the_parent_counted() -> None:
    stream = io.StringIO()
    sink = EmfSink(stream, clock=FakeClock())
    sink(HIT)
    sink._lock.acquire()

    sink.after_fork_in_child()
    sink(HIT)
    sink.flush()

    assert totals(stream.getvalue()) == {("Hits", "Stage=Production"): 1}


def test_both_sides_of_a_fork_write_their_own() -> None:
    printed = output_of("""
        from cloudmap_discovery.emf import EmfSink
        from cloudmap_discovery.events import Hit
        from cloudmap_discovery.testing import FakeClock
        hit = Hit("users", "Production", "cloudmap", 1.0, False)
        sink = EmfSink(clock=FakeClock())
        sink(hit); sink(hit)
        child = os.fork()
        if child == 0:
            sink(hit); sink.flush()
            os._exit(0)
        os.waitpid(child, 0)
        sink(hit); sink.flush()
    """)

    hits = [int(point.value) for point in emf_reader.read(printed, now_ms=NOW_MS)]
    assert hits == [1, 3]


def test_a_stream_that_is_closed_raises_and_what_was_counted_is_gone() -> None:
    stream = io.StringIO()
    sink = EmfSink(stream, clock=FakeClock())
    sink(HIT)
    stream.close()

    with pytest.raises(ValueError, match="closed"):
        sink.flush()
    sink.flush()


async def test_an_outage_is_read_back_from_the_metrics() -> None:
    bed = make_bed(mirrored=True)
    stream = io.StringIO()
    sink = EmfSink(stream, clock=bed.clock)
    bed.events.subscribe(sink)
    bed.cloud_map.put(users())
    bed.parameters.put(users(), type(users())("orders", "https://orders.test", stage="Production"))

    await bed.find()
    for _ in range(10):
        await bed.find()
    bed.cloud_map.failure = UNREACHABLE
    bed.clock.advance(121)
    for _ in range(5):
        await bed.find()
    await bed.find("orders")
    sink.flush()

    # The first of the five waits for the refresh that fails; the others are hits of what is held.
    assert totals(stream.getvalue()) == {
        ("Refreshes", "Stage=Production"): 3,
        ("RefreshTime", "Stage=Production"): 0,
        ("RefreshFailures", "Stage=Production"): 1,
        ("Hits", "Stage=Production"): 14,
        ("StaleServed", "Stage=Production"): 6,
        ("StaleServedWhileFailing", "Stage=Production"): 6,
        ("StoreFailures", "Stage=Production"): 1,
        ("StoreFailures", "Stage=Production,Store=cloudmap"): 1,
        ("FallbackUsed", "Stage=Production"): 1,
    }
