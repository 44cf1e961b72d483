"""What came with the function serves from the first lookup on, and is refreshed behind that."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.assembly import make_discovery
from cloudmap_discovery.errors import DiscoveryUnavailableError, NoMatchingInstanceError, ServiceNotFoundError
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.freshness import Standing
from cloudmap_discovery.notices import Notices
from cloudmap_discovery.settings import Settings
from cloudmap_discovery.store_health import StoreHealth
from cloudmap_discovery.stores.port import Found
from cloudmap_discovery.testing import FakeClock
from tests.unit.bed import DENIED, IO, NAMESPACE, Bed, BedStore, never_random, users

if TYPE_CHECKING:
    from cloudmap_discovery.clock import Instant
    from cloudmap_discovery.model import Key
    from cloudmap_discovery.stores.port import Absent

DAYS = 3 * 86_400.0
OLD, NEW, OTHER = users("https://old.test"), users("https://new.test"), users("https://mirror.test")


class PackagedStore(BedStore):
    """A file of three days ago."""

    async def fetch(
        self, key: Key, *, timeout_seconds: float, since: Instant | None = None
    ) -> Found | Absent:
        said = await super().fetch(key, timeout_seconds=timeout_seconds, since=since)
        return replace(said, packaged=True, behind_seconds=DAYS) if isinstance(said, Found) else said


def packaged_bed(*sources: str, stale_wait_seconds: float = 0.1, **settings: Any) -> tuple[Bed, BedStore]:
    """Return a bed whose Cloud Map has the new record and whose file has the old one."""
    clock, asked, events = FakeClock(), list[str](), EventHub()
    file = PackagedStore("file", clock, asked, mirrored=True)
    stores = {
        "file": file,
        "cloudmap": BedStore("cloudmap", clock, asked, mirrored=False),
        "ssm": BedStore("ssm", clock, asked, mirrored=True),
    }
    file.put(OLD)
    stores["cloudmap"].put(NEW)

    async def discard() -> None:
        pass

    health = StoreHealth(never_random, probe_seconds=2.0)
    discovery = make_discovery(
        Settings(namespace=NAMESPACE, sources=sources, **settings),
        [stores[name] for name in sources],
        io=IO,
        events=events,
        clock=clock,
        health=health,
        discard=discard,
        stale_wait_seconds=stale_wait_seconds,
        draw=never_random,
        jitter=never_random,
    )
    bed = Bed(clock, stores["cloudmap"], stores["ssm"], discovery, IO, events, health, asked)
    return bed, file


async def test_the_first_lookup_waits_for_no_other_store_and_starts_the_refresh_behind_it() -> None:
    bed, _ = packaged_bed("file", "cloudmap")
    bed.cloud_map.is_open = False

    answer = await bed.find_all()

    assert (str(answer[0]), answer.source, answer.stale) == ("https://old.test", "file", True)
    assert answer.age_seconds == DAYS
    bed.cloud_map.is_open = True
    await bed.landed()
    assert str(await bed.find()) == "https://new.test"
    assert bed.asked == ["file", "file", "cloudmap"]


async def test_later_lookups_wait_a_moment_so_that_a_sandbox_frozen_each_time_converges() -> None:
    bed, _ = packaged_bed("file", "cloudmap", stale_wait_seconds=5)
    bed.cloud_map.is_open = False
    await bed.find()
    bed.clock.advance(3600)  # frozen while the refresh was under way, which nobody waits for any more
    bed.discovery._refresher.flights.abandon_all()
    bed.cloud_map.is_open = True

    assert str(await bed.find()) == "https://new.test"


async def test_prefetching_starts_the_refresh_too() -> None:
    bed, _ = packaged_bed("file", "cloudmap")

    await bed.discovery.prefetch("users", stage="Production")
    await bed.landed()

    answer = await bed.find_all()
    assert (str(answer[0]), answer.stale) == ("https://new.test", False)


async def test_once_another_store_has_answered_the_file_is_not_taken_again() -> None:
    bed, _ = packaged_bed("file", "cloudmap")
    await bed.find()
    await bed.landed()

    for _ in range(3):
        bed.clock.advance(70)
        assert str(await bed.find()) == "https://new.test"
        await bed.landed()

    bed.clock.advance(10 * 86_400)  # beyond max_stale
    assert str(await bed.find()) == "https://new.test"


async def test_a_service_that_is_gone_does_not_come_back_from_the_file() -> None:
    bed, _ = packaged_bed("file", "cloudmap")
    bed.cloud_map.remove(NEW)
    await bed.find()
    await bed.landed()

    for _ in range(3):
        with pytest.raises(ServiceNotFoundError):
            await bed.find()
        bed.clock.advance(70)


async def test_while_the_authority_fails_the_file_serves_however_old_it_is() -> None:
    bed, _ = packaged_bed("file", "cloudmap")
    bed.cloud_map.failure = DENIED

    for _ in range(5):
        assert str(await bed.find()) == "https://old.test"
        await bed.landed()
        bed.clock.advance(40)

    bed.cloud_map.failure = None
    await bed.find()
    await bed.landed()
    assert str(await bed.find()) == "https://new.test"


async def test_what_is_beyond_all_limits_is_replaced_by_the_file_if_nothing_else_answers() -> None:
    bed, _ = packaged_bed("file", "cloudmap", max_stale=100)
    await bed.find()
    await bed.landed()
    bed.cloud_map.failure = DENIED
    bed.clock.advance(1000)

    answer = await bed.find_all()

    assert (str(answer[0]), answer.source, answer.stale) == ("https://old.test", "file", True)


async def test_a_fallback_behind_a_failing_authority_is_better_than_the_file() -> None:
    bed, _ = packaged_bed("file", "cloudmap", "ssm")
    bed.cloud_map.failure = DENIED
    bed.parameters.put(OTHER)

    assert str(await bed.find()) == "https://old.test"
    await bed.landed()

    assert str(await bed.find()) == "https://mirror.test"


async def test_behind_the_authority_the_file_is_the_last_resort() -> None:
    bed, _ = packaged_bed("cloudmap", "file")
    assert str(await bed.find()) == "https://new.test"

    bed, _ = packaged_bed("cloudmap", "file")
    bed.cloud_map.failure = DENIED
    answer = await bed.find_all()
    assert (str(answer[0]), answer.source, answer.stale) == ("https://old.test", "file", True)
    bed.clock.advance(0.5)
    assert str(await bed.find()) == "https://old.test"

    bed, _ = packaged_bed("cloudmap", "file")
    bed.cloud_map.remove(NEW)
    with pytest.raises(ServiceNotFoundError):  # Cloud Map's word on absence counts
        await bed.find()


async def test_the_file_alone_is_the_authority_and_its_answers_are_fresh() -> None:
    bed, file = packaged_bed("file")

    for _ in range(3):
        answer = await bed.find_all()
        assert (str(answer[0]), answer.stale, answer.age_seconds >= DAYS) == ("https://old.test", False, True)
        bed.clock.advance(3 * 86_400)
    file.remove(OLD)
    with pytest.raises(ServiceNotFoundError):
        await bed.find()


async def test_a_file_that_cannot_be_used_is_a_failure_like_any_other() -> None:
    bed, file = packaged_bed("file", "cloudmap")
    file.failure = DENIED
    assert str(await bed.find()) == "https://new.test"

    bed, file = packaged_bed("file", "cloudmap")
    file.failure = bed.cloud_map.failure = DENIED
    with pytest.raises(DiscoveryUnavailableError) as caught:
        await bed.find()
    assert [cause.store for cause in caught.value.causes] == ["file", "cloudmap"]


async def test_before_a_lookup_fails_because_nothing_in_the_file_matches_the_authority_is_asked() -> None:
    bed, _ = packaged_bed("file", "cloudmap")
    bed.cloud_map.put(users("https://v2.test", version="2.0.0"))

    assert str(await bed.find(version="^2")) == "https://v2.test"
    with pytest.raises(NoMatchingInstanceError):
        await bed.find(version="^3")


async def test_a_report_has_the_authority_asked() -> None:
    bed, _ = packaged_bed("file", "cloudmap", stale_wait_seconds=5)
    bed.cloud_map.is_open = False
    instance = await bed.find()
    bed.discovery._refresher.flights.abandon_all()
    bed.cloud_map.is_open = True

    await bed.discovery.report_failure(instance)

    assert str(await bed.find()) == "https://new.test"


async def test_explaining_says_what_a_first_lookup_would_answer() -> None:
    bed, _ = packaged_bed("file", "cloudmap")
    bed.cloud_map.put(users("https://v2.test", version="2.0.0"))

    explained = await bed.discovery.explain("users", stage="Production")
    matching = await bed.discovery.explain("users", stage="Production", version="^2")

    assert (explained.source, explained.stale) == ("file", True)
    assert (matching.source, matching.stale) == ("cloudmap", False)
    assert [str(instance) for instance in matching.candidates] == ["https://v2.test"]


async def test_that_it_serves_at_the_start_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    bed, _ = packaged_bed("file", "cloudmap")
    bed.events.subscribe(Notices(bed.clock))

    with caplog.at_level(logging.INFO, "cloudmap_discovery"):
        await bed.find()
        await bed.landed()

    assert [(record.levelname, record.message) for record in caplog.records] == [
        (
            "INFO",
            "users (stage Production): serving a stale answer of file, 259200 s old: its refresh is under way",
        )
    ]


async def test_a_restored_process_asks_before_it_uses_what_came_with_it() -> None:
    bed, _ = packaged_bed("file", "cloudmap")
    bed.cloud_map.is_open = False
    await bed.find()
    bed.discovery.expire()
    bed.cloud_map.is_open = True

    assert str(await bed.find()) == "https://new.test"


async def test_what_a_failing_store_kept_is_a_last_resort_for_keys_that_were_never_asked() -> None:
    bed, _ = packaged_bed("ssm", "cloudmap")
    bed.parameters.failure = bed.cloud_map.failure = DENIED

    def kept(key: Key) -> Found:
        assert key.service == "users"
        return Found((OTHER,), bed.clock.now(), mirrored=True)

    bed.parameters.kept = kept  # type: ignore[method-assign,assignment]  # a fake that keeps nothing by itself

    answer = await bed.find_all()

    assert (str(answer[0]), answer.source, answer.stale) == ("https://mirror.test", "ssm", True)
    held = bed.entry().answer
    assert held is not None
    assert held.standing is Standing.PROVISIONAL
    bed.cloud_map.failure = None
    bed.clock.advance(60)
    assert str(await bed.find()) == "https://new.test"
