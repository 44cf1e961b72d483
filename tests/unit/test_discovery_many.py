"""Several services are looked up concurrently; prefetching never raises."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from cloudmap_discovery.errors import (
    DiscoveryUnavailableError,
    InvalidValueError,
    LookupsFailedError,
    NoMatchingInstanceError,
    ServiceNotFoundError,
)
from cloudmap_discovery.model import Instance
from tests.unit.bed import DENIED, STAGE, Bed, make_bed

NAMES = ["users", "orders", "mail"]


def several() -> Bed:
    bed = make_bed()
    bed.cloud_map.put(*(Instance(name, f"https://{name}.test", stage=STAGE) for name in NAMES))
    return bed


async def test_every_name_gets_an_instance() -> None:
    bed = several()

    found = await bed.discovery.discover_many(NAMES, stage=STAGE)

    assert {name: str(instance) for name, instance in found.items()} == {
        name: f"https://{name}.test" for name in NAMES
    }
    assert list(found) == NAMES


async def test_lookups_are_concurrent() -> None:
    bed = several()
    bed.cloud_map.is_open = False

    looking_up = asyncio.create_task(bed.discovery.discover_many(NAMES, stage=STAGE))
    await bed.until(lambda: len(bed.asked) == 3)
    bed.cloud_map.is_open = True

    assert len(await looking_up) == 3


async def test_a_name_that_is_there_twice_is_looked_up_once() -> None:
    bed = several()

    found = await bed.discovery.discover_many(["users", "users"], stage=STAGE)

    assert list(found) == ["users"]
    assert bed.asked == ["cloudmap"]


async def test_no_names_find_nothing() -> None:
    assert await make_bed().discovery.discover_many([], stage=STAGE) == {}


async def test_failures_carry_what_was_found() -> None:
    bed = several()
    bed.cloud_map.put(Instance("rc", "https://rc.test", stage=STAGE, version="1.0.0-rc.1"))

    with pytest.raises(LookupsFailedError) as caught:
        await bed.discovery.discover_many([*NAMES, "gone", "rc"], stage=STAGE)

    error = caught.value
    assert list(error.found) == NAMES
    assert {name: type(failure) for name, failure in error.failures.items()} == {
        "gone": ServiceNotFoundError,
        "rc": NoMatchingInstanceError,
    }
    assert str(error).startswith("2 of 5 lookups failed: gone: no service 'gone'")
    assert error.__cause__ is error.failures["gone"]


@pytest.mark.parametrize("names", ["users", ["users", ""], ["users", None], ["users", ["mail"]]])
async def test_wrong_names_are_refused_before_any_io(names: Any) -> None:
    bed = several()

    with pytest.raises(InvalidValueError):
        await bed.discovery.discover_many(names, stage=STAGE)

    assert bed.asked == []


async def test_a_bug_surfaces_as_itself() -> None:
    bed = several()
    bed.cloud_map.bug = KeyError("a bug")

    with pytest.raises(KeyError):
        await bed.discovery.discover_many(NAMES, stage=STAGE)


async def test_what_was_prefetched_is_held() -> None:
    bed = several()

    await bed.discovery.prefetch(*NAMES, stage=STAGE)

    assert [str(bed.discovery.held(name, STAGE)) for name in NAMES] == [
        f"https://{name}.test" for name in NAMES
    ]
    assert bed.asked == ["cloudmap"] * 3


async def test_prefetching_never_raises_and_logs_every_failure(caplog: pytest.LogCaptureFixture) -> None:
    bed = several()
    bed.parameters.failure = DENIED

    with caplog.at_level(logging.WARNING, logger="cloudmap_discovery"):
        await bed.discovery.prefetch("users", "gone", "not a name", stage=STAGE)

    assert bed.discovery.held("users", STAGE) is not None
    messages = [record.getMessage() for record in caplog.records]
    assert [message.partition(" failed: ")[0] for message in sorted(messages)] == [
        "prefetch of 'gone'",
        "prefetch of 'not a name'",
    ]


async def test_prefetching_from_a_store_that_fails_never_raises(caplog: pytest.LogCaptureFixture) -> None:
    bed = several()
    bed.cloud_map.failure = bed.parameters.failure = DENIED

    await bed.discovery.prefetch(*NAMES, stage=STAGE)

    assert len(caplog.records) == 3
    with pytest.raises(DiscoveryUnavailableError):
        await bed.find()


async def test_prefetching_does_not_wait_for_a_refresh_that_somebody_else_waits_for() -> None:
    bed = make_bed(stale_wait_seconds=60, timeout=60)
    bed.cloud_map.put(Instance("users", "https://users.test", stage=STAGE))
    await bed.find()
    bed.clock.advance(61)
    bed.cloud_map.is_open = False
    waiting = asyncio.create_task(bed.find_all())
    await bed.until(lambda: len(bed.asked) == 2)

    async with asyncio.timeout(30):
        await bed.discovery.prefetch("users", stage=STAGE)
    bed.cloud_map.is_open = True

    assert not (await waiting).stale
    assert len(bed.asked) == 2
