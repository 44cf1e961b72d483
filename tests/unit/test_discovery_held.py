"""What is held is served without any store, and without the I/O thread."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.model import Instance
from tests.unit.bed import STAGE, Bed, make_bed, users

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class GuardedIO(IOThread):
    """An I/O thread that raises when it is used while `is_forbidden`."""

    def __init__(self) -> None:
        super().__init__()
        self.is_forbidden = False

    def _refuse(self) -> None:
        if self.is_forbidden:
            raise AssertionError("the I/O thread was used")

    def spawn(self, start: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._refuse()
        super().spawn(start)

    def _started(self) -> Any:
        self._refuse()
        return super()._started()


GUARDED = GuardedIO()


async def holding(**settings: Any) -> Bed:
    GUARDED.is_forbidden = False
    bed = make_bed(io=GUARDED, **settings)
    bed.cloud_map.put(users(attributes={"color": "blue"}))
    await bed.find()
    bed.asked.clear()
    GUARDED.is_forbidden = True
    return bed


async def test_a_hit_takes_no_store_and_never_touches_the_io_thread() -> None:
    bed = await holding()

    for where in (None, {"color": "blue"}):
        assert bed.discovery.held("users", STAGE, where) is not None
        assert bed.discovery.held_all("users", STAGE, where) is not None
        assert (await bed.find(where=where)).endpoint == "https://users.test"
        assert len(await bed.find_all(where=where)) == 1
    assert list(await bed.discovery.discover_many(["users"], stage=STAGE)) == ["users"]

    assert bed.asked == []


async def test_a_hit_is_served_where_no_event_loop_runs() -> None:
    bed = await holding()
    found: list[Instance | None] = []

    thread = threading.Thread(target=lambda: found.append(bed.discovery.held("users", STAGE)))
    thread.start()
    thread.join()

    assert [str(instance) for instance in found] == ["https://users.test"]


async def test_a_miss_does_touch_the_io_thread() -> None:
    bed = await holding()

    with pytest.raises(AssertionError, match="the I/O thread was used"):
        await bed.find("orders")


@pytest.mark.parametrize("seconds", [61, 121, 90_000])
async def test_what_is_not_fresh_is_not_served_from_what_is_ready(seconds: float) -> None:
    bed = await holding(stale_wait_seconds=0.1)
    assert bed.discovery.held("users", STAGE) is not None

    bed.clock.advance(seconds)

    assert bed.discovery.held("users", STAGE) is None
    assert bed.discovery.held_all("users", STAGE) is None


@pytest.mark.parametrize(("wall", "monotonic"), [(-1, 0), (0, -1), (3600, 0), (0, 3600), (-1, 3600)])
async def test_what_is_ready_obeys_both_clocks(wall: float, monotonic: float) -> None:
    bed = await holding(stale_wait_seconds=0.1)
    now = bed.clock.now()

    bed.clock.set(now.wall + wall, now.monotonic + monotonic)

    assert bed.discovery.held("users", STAGE) is None


@pytest.mark.parametrize("stage", [None, STAGE])
async def test_what_is_ready_is_forgotten_with_what_was_held(stage: str | None) -> None:
    bed = await holding(stage=STAGE)
    assert bed.discovery.held("users", stage) is not None

    bed.discovery.expire()

    assert bed.discovery.held("users", stage) is None


async def test_nothing_held_is_none() -> None:
    bed = make_bed()

    assert bed.discovery.held("users", STAGE) is None
    assert bed.discovery.held_all("users", STAGE) is None
    assert bed.asked == []


async def test_a_held_answer_that_does_not_match_is_none() -> None:
    bed = await holding()

    assert bed.discovery.held("users", STAGE, {"color": "green"}) is None
    assert bed.discovery.held_all("users", STAGE, {"color": "green"}) is None


async def test_where_the_process_is_never_frozen_a_stale_answer_is_held_and_refreshed_meanwhile() -> None:
    bed = await holding()
    GUARDED.is_forbidden = False
    bed.clock.advance(61)

    served = bed.discovery.held("users", STAGE)
    await bed.landed()

    assert served is not None
    assert bed.asked == ["cloudmap"]


async def test_using_an_answer_keeps_it_from_being_evicted() -> None:
    bed = make_bed(max_entries=16)
    bed.cloud_map.put(users(), *(Instance(f"s-{n}", "https://s.test", stage=STAGE) for n in range(40)))
    await bed.find()

    for number in range(40):
        bed.clock.advance(1)
        await bed.find(f"s-{number}")
        bed.clock.advance(0.1)
        assert bed.discovery.held("users", STAGE) is not None

    assert bed.cloud_map.asked.count(bed.cloud_map.asked[0]) == 1


async def test_unknown_names_never_evict_good_answers() -> None:
    bed = make_bed(max_entries=16)
    bed.cloud_map.put(users())
    await bed.find()

    await asyncio.gather(*(bed.find(f"unknown-{n}") for n in range(200)), return_exceptions=True)

    assert bed.discovery.held("users", STAGE) is not None
    assert len(bed.discovery._cache) <= 17


async def test_what_is_ready_is_bounded_by_what_is_held() -> None:
    bed = make_bed(max_entries=16, stage=STAGE)
    bed.cloud_map.put(*(Instance(f"s-{n}", "https://s.test", stage=STAGE) for n in range(200)))

    for number in range(200):
        bed.clock.advance(0.001)
        await bed.find(f"s-{number}")
        await bed.discovery.discover(f"s-{number}")

    assert len(bed.discovery._ready._choices) <= 2 * 16


def test_a_guard_that_is_used_raises() -> None:
    async def nothing() -> NoReturn:
        raise AssertionError("never run")

    GUARDED.is_forbidden = True

    with pytest.raises(AssertionError):
        GUARDED.spawn(nothing)
