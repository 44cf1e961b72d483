"""The fake clocks and the fake store do what tests are told they do."""

from __future__ import annotations

import asyncio

import pytest

from cloudmap_discovery import sync
from cloudmap_discovery.clock import Instant
from cloudmap_discovery.errors import AccessDeniedError, MalformedRecordError, StoreTimeoutError
from cloudmap_discovery.model import Instance, PassedOver
from cloudmap_discovery.stores.port import Absent, Found
from cloudmap_discovery.testing import EVERY_STAGE, FakeClock, FakeStore, fake_registry
from tests.unit.bed import STAGE, key_of, users


def test_fake_clocks_move_only_when_told() -> None:
    clock = FakeClock()
    first = clock.now()

    clock.advance(5)
    both = clock.now()
    clock.set(wall=100.0, monotonic=2.0)

    assert both.seconds_since(first) == 5
    assert clock.now() == Instant(100.0, 2.0)
    assert (clock.wall(), clock.monotonic()) == (100.0, 2.0)


async def test_a_fake_store_has_what_was_put_until_it_is_removed() -> None:
    clock = FakeClock()
    store = FakeStore(clock=clock)
    first, second = users(variant="a"), users(variant="b")
    store.put(first, second, users(stage="Staging"))

    found = await store.fetch(key_of(), timeout_seconds=1)
    store.remove(first, second, users("https://never-put.test", variant="c"))
    absent = await store.fetch(key_of(), timeout_seconds=1)

    assert found == Found(tuple(sorted((first, second), key=lambda record: record.id)), clock.now())
    assert absent == Absent()
    assert store.asked == [key_of(), key_of()]


async def test_putting_a_record_again_replaces_it() -> None:
    store = FakeStore()
    store.put(users("https://old.test"))
    store.put(users("https://new.test"))

    found = await store.fetch(key_of(), timeout_seconds=1)

    assert isinstance(found, Found)
    assert [record.endpoint for record in found.instances] == ["https://new.test"]


async def test_a_record_of_every_stage_is_found_in_any() -> None:
    store = FakeStore()
    store.put(users(stage=EVERY_STAGE))

    for stage in (STAGE, "Staging", "-"):
        found = await store.fetch(key_of(stage=stage), timeout_seconds=1)
        assert isinstance(found, Found)
        assert [record.stage for record in found.instances] == [stage]


async def test_a_fake_store_fails_as_long_as_it_is_told_to_and_names_itself() -> None:
    store = FakeStore("ssm")
    store.put(users())
    store.failure = AccessDeniedError("denied")

    with pytest.raises(AccessDeniedError) as caught:
        await store.fetch(key_of(), timeout_seconds=1)
    store.failure = None

    assert caught.value.store == "ssm"
    assert isinstance(await store.fetch(key_of(), timeout_seconds=1), Found)


async def test_a_slow_fake_store_answers_within_the_timeout_or_not_at_all() -> None:
    store = FakeStore()
    store.put(users())
    store.delay_seconds = 30

    async with asyncio.timeout(10):
        with pytest.raises(StoreTimeoutError, match=r"no answer within 0\.02 s"):
            await store.fetch(key_of(), timeout_seconds=0.02)


async def test_a_fake_store_ages_its_answers_from_when_it_was_asked() -> None:
    clock = FakeClock()
    store = FakeStore(clock=clock)
    store.put(users())
    store.delay_seconds = 0.01
    asked = clock.now()

    fetching = asyncio.create_task(store.fetch(key_of(), timeout_seconds=5))
    await asyncio.sleep(0)
    clock.advance(60)
    found = await fetching

    assert isinstance(found, Found)
    assert found.sent == asked


async def test_a_fake_mirror_and_skipped_records_are_told() -> None:
    store = FakeStore("ssm", mirrored=True)
    store.passed_over = (PassedOver("/services/Production/users", "odd"),)

    with pytest.raises(MalformedRecordError):
        await store.fetch(key_of(), timeout_seconds=1)
    store.put(users())
    found = await store.fetch(key_of(), timeout_seconds=1)

    assert isinstance(found, Found)
    assert (found.mirrored, found.passed_over) == (True, store.passed_over)


def test_records_are_listed_by_service_and_id() -> None:
    store = FakeStore()
    store.put(users(), Instance("orders", "https://orders.test"), users(stage="Staging"))

    services = [record.service for record in store.records]

    assert services == ["orders", "users", "users"]


def test_a_record_of_every_stage_can_be_removed_from_whichever_stage() -> None:
    with fake_registry({"users": "https://users.test"}) as registry:
        found = sync.discover("users", stage="Production")

        removed = sync.deregister(found)

        assert removed
        assert registry.records == ()


def test_a_record_of_one_stage_goes_before_one_of_every_stage_and_both_are_removed_together() -> None:
    with fake_registry({"users": "https://everywhere.test"}, stage="Production") as registry:
        sync.register("users", "https://production.test")

        here, elsewhere = sync.discover("users"), sync.discover("users", stage="Staging")
        removed = sync.deregister("users")

        assert (here.url, elsewhere.url) == ("https://production.test", "https://everywhere.test")
        assert removed
        assert registry.records == ()
