"""Choices that are ready: by the arguments of the request, forgotten with their key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudmap_discovery.cache import Slot
from cloudmap_discovery.clock import Instant
from cloudmap_discovery.freshness import Entry, HeldAnswer
from cloudmap_discovery.ready import Ready, ReadyTable
from tests.unit.bed import DENIED, STAGE, Bed, key_of, make_bed, users

if TYPE_CHECKING:
    from cloudmap_discovery.model import Instance

ANSWER = HeldAnswer((users(),), "cloudmap", Instant(100.0, 5.0), 60.0)


def ready(*instances: Instance) -> Ready:
    return Ready(instances or (users(),), ANSWER, Slot(Entry(ANSWER), 0.0))


def test_a_choice_is_fresh_on_a_stretch_of_both_clocks() -> None:
    choice = ready()

    assert (choice.wall_from, choice.wall_until) == (100.0, 160.0)
    assert (choice.monotonic_from, choice.monotonic_until) == (5.0, 65.0)


def test_a_single_candidate_needs_no_draw() -> None:
    assert ready().only == users()
    assert ready(users("https://a.test"), users("https://b.test", variant="b")).only is None


def test_invalidating_a_key_forgets_both_spellings_of_the_default_stage() -> None:
    table = ReadyTable("Production")
    for stage in (None, "Production", "Staging"):
        table["users", stage] = ready()
        table["orders", stage] = ready()

    table.invalidate(key_of("users", "Production"))
    table.invalidate(key_of("orders", "Staging"))
    table.invalidate(key_of("unknown", "Production"))

    assert set(table) == {("users", "Staging"), ("orders", None), ("orders", "Production")}


class Racing(ReadyTable):
    """A table during whose every write the key is forgotten by another thread."""

    def __init__(self, bed: Bed) -> None:
        super().__init__("-")
        self._cache = bed.discovery._cache

    def __setitem__(self, which: tuple[str, str | None], ready: Ready) -> None:
        super().__setitem__(which, ready)
        self._cache.drop(key_of())


async def test_a_choice_does_not_become_ready_where_its_key_is_forgotten_meanwhile() -> None:
    bed = make_bed()
    bed.cloud_map.put(users())
    table = bed.discovery._ready = Racing(bed)

    await bed.find()

    assert table == {}
    assert bed.discovery.held("users", STAGE) is None


async def test_what_is_stale_does_not_become_ready() -> None:
    bed = make_bed()
    bed.cloud_map.put(users())
    await bed.find()
    bed.clock.advance(121)
    bed.cloud_map.failure = DENIED

    await bed.find()

    assert bed.discovery._ready == {}
