"""Choices that are ready: by the arguments of the request, forgotten with their key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudmap_discovery.cache import Slot
from cloudmap_discovery.clock import Instant
from cloudmap_discovery.freshness import Absence, Entry, HeldAnswer
from cloudmap_discovery.ready import Ready, ReadyTable
from tests.unit.bed import DENIED, STAGE, key_of, make_bed, users

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudmap_discovery.cache import Cache
    from cloudmap_discovery.model import Instance, Key
    from cloudmap_discovery.ready import Asked

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


def test_a_choice_below_absences_is_fresh_as_long_as_these_are_remembered() -> None:
    absence = Absence(("cloudmap",), "", (), (), since=Instant(110.0, 15.0), seconds=5.0, misses=1)

    choice = Ready((users(),), ANSWER, Slot(Entry(ANSWER), 0.0), [absence])

    assert (choice.wall_from, choice.wall_until) == (110.0, 115.0)
    assert (choice.monotonic_from, choice.monotonic_until) == (15.0, 20.0)


def asked(service: str, stage: str | None, version: str | None = None) -> Asked:
    return (service, stage, version, None)


def test_invalidating_a_key_forgets_every_request_that_depends_on_it() -> None:
    table = ReadyTable()
    table.keep(asked("users", None), [key_of()], ready())
    table.keep(asked("users", "Production"), [key_of()], ready())
    table.keep(asked("users", "Production", "^1"), [key_of()], ready())
    table.keep(asked("users", "pr-1>Production"), [key_of(stage="pr-1"), key_of()], ready())
    table.keep(asked("users", "Staging"), [key_of(stage="Staging")], ready())
    table.keep(asked("orders", None), [key_of("orders")], ready())

    table.invalidate(key_of())
    table.invalidate(key_of("unknown"))

    assert set(table._choices) == {asked("users", "Staging"), asked("orders", None)}


def test_a_ladder_is_forgotten_with_a_stage_above_the_one_that_serves() -> None:
    table = ReadyTable()
    table.keep(asked("users", "pr-1>Production"), [key_of(stage="pr-1"), key_of()], ready())

    table.invalidate(key_of(stage="pr-1"))

    assert table.get(asked("users", "pr-1>Production")) is None


def test_a_great_many_requests_of_one_key_are_not_all_kept() -> None:
    table = ReadyTable()

    for number in range(1000):
        table.keep(asked("users", "Production", f"^1.{number}"), [key_of()], ready())

    assert len(table._choices) <= 64
    assert table.get(asked("users", "Production", "^1.999")) is not None


def test_everything_can_be_forgotten() -> None:
    table = ReadyTable()
    table.keep(asked("users", None), [key_of()], ready())

    table.forget_all()

    assert table.get(asked("users", None)) is None


class Racing(ReadyTable):
    """A table during whose every write the key is forgotten by another thread."""

    cache: Cache

    def keep(self, asked: Asked, keys: Iterable[Key], ready: Ready) -> None:
        super().keep(asked, keys, ready)
        self.cache.drop(key_of())


async def test_a_choice_does_not_become_ready_where_its_key_is_forgotten_meanwhile() -> None:
    bed = make_bed()
    bed.cloud_map.put(users())
    table = bed.discovery._held._ready = Racing()
    table.cache = bed.discovery._cache

    await bed.find()

    assert table._choices == {}
    assert bed.discovery.held("users", STAGE) is None


async def test_what_is_stale_does_not_become_ready() -> None:
    bed = make_bed()
    bed.cloud_map.put(users())
    await bed.find()
    bed.clock.advance(121)
    bed.cloud_map.failure = DENIED

    await bed.find()

    assert bed.discovery._ready._choices == {}
