"""Mirrors are rewritten from what Cloud Map lists, with what was just changed, until both agree."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cloudmap_discovery.encoding import encode_attributes
from cloudmap_discovery.errors import AccessDeniedError, ThrottledError
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.events import Event, MirrorFailed
from cloudmap_discovery.listing import Listing
from cloudmap_discovery.mirrors import Mirrors
from cloudmap_discovery.model import Instance
from cloudmap_discovery.stores.cloud_map_control import CloudMapControl
from tests.unit.fake_cloud_map import FakeCloudMap
from tests.unit.registry_bed import STAGE, FakeMirror


class Bed:
    """Mirrors over Cloud Map in memory."""

    def __init__(self, *mirrors: FakeMirror, cloud: FakeCloudMap | None = None) -> None:
        self.cloud = cloud or FakeCloudMap()
        self.mirror = FakeMirror()
        self.events: list[Event] = []
        hub = EventHub()
        hub.subscribe(self.events.append)
        control = CloudMapControl(self.cloud.transport)
        clock = self.cloud.clock
        listing = Listing(control, namespace="services", clock=clock, events=hub, sleep=clock.sleep)
        self.mirrors = Mirrors(
            control, mirrors or [self.mirror], namespace="services", events=hub, listing=listing
        )

    def seed(self, instance: Instance) -> Instance:
        self.cloud.seed(instance.service, instance.id, encode_attributes(instance))
        return instance

    async def registered(self, instance: Instance, timeout_seconds: float = 60) -> None:
        await self.mirrors.registered(instance, self.cloud.clock.deadline(timeout_seconds))

    async def deregistered(self, instance: Instance, timeout_seconds: float = 60) -> None:
        deadline = self.cloud.clock.deadline(timeout_seconds)
        await self.mirrors.deregistered(instance.service, instance.stage, instance.id, deadline)


def user(name: str, **fields: Any) -> Instance:
    return Instance("users", f"https://{name}.test", fields.pop("stage", STAGE), variant=name, **fields)


def endpoints(*names: str) -> list[str]:
    return [f"https://{name}.test" for name in names]


@pytest.fixture
def bed() -> Bed:
    return Bed()


async def test_a_mirror_has_what_cloud_map_lists_of_this_service_and_stage(bed: Bed) -> None:
    for instance in (
        user("a"),
        user("b"),
        user("c", stage="Staging"),
        Instance("orders", "https://o.test", STAGE),
    ):
        bed.seed(instance)
    ours = bed.seed(user("d"))

    await bed.registered(ours)

    ((service, stage, written),) = bed.mirror.writes
    assert (service, stage) == ("users", STAGE)
    assert written == tuple(sorted([user("a"), user("b"), user("d")], key=lambda instance: instance.id))
    assert bed.events == []


async def test_what_was_just_registered_is_there_although_the_listing_lags(bed: Bed) -> None:
    bed.seed(user("a"))

    await bed.registered(user("b"))

    assert sorted(bed.mirror.holds) == endpoints("a", "b")
    assert bed.events == []


async def test_what_was_just_updated_is_there_as_it_is_now(bed: Bed) -> None:
    bed.seed(user("a", weight=100))

    await bed.registered(user("a", weight=1))

    assert [instance.weight for instance in bed.mirror.writes[-1][2]] == [1]


async def test_what_was_just_deregistered_is_gone_although_the_listing_lags(bed: Bed) -> None:
    bed.seed(user("a"))
    gone = bed.seed(user("b"))

    await bed.deregistered(gone)

    assert bed.mirror.holds == endpoints("a")


async def test_nothing_left_is_written_as_nothing(bed: Bed) -> None:
    bed.cloud.seed_service("users")

    await bed.deregistered(user("a"))

    assert bed.mirror.writes == [("users", STAGE, ())]


async def test_records_that_cannot_be_used_are_not_mirrored(bed: Bed) -> None:
    bed.cloud.seed("users", "bad", {"stage": STAGE})

    await bed.registered(bed.seed(user("a")))

    assert bed.mirror.holds == endpoints("a")


async def test_a_change_by_others_while_writing_is_written_too(bed: Bed) -> None:
    ours = bed.seed(user("a"))
    bed.mirror.on_write = lambda: bed.seed(user("b"))

    await bed.registered(ours)

    assert [len(written) for _, _, written in bed.mirror.writes] == [1, 2]
    assert bed.events == []


async def test_a_listing_that_agrees_is_not_written_again(bed: Bed) -> None:
    await bed.registered(bed.seed(user("a")))

    assert len(bed.mirror.writes) == 1
    assert bed.cloud.transport.operations.count("ListInstances") == 2


async def test_a_lagging_listing_is_awaited_for_what_others_did_meanwhile(bed: Bed) -> None:
    bed.cloud.listing_lag_seconds = 1
    control = CloudMapControl(bed.cloud.transport)
    for instance in (user("theirs"), user("ours")):
        deadline = bed.cloud.clock.deadline()
        await control.register("services", "users", instance.id, encode_attributes(instance), deadline)

    await bed.registered(user("ours"))

    assert sorted(bed.mirror.holds) == endpoints("ours", "theirs")
    assert sorted(written[0].endpoint for _, _, written in bed.mirror.writes[:1]) == endpoints("ours")


async def test_our_own_changes_are_remembered_until_the_listing_shows_them(bed: Bed) -> None:
    bed.cloud.seed_service("users")
    await bed.registered(user("a"))

    await bed.registered(user("b"))

    assert sorted(bed.mirror.holds) == endpoints("a", "b")


async def test_a_change_that_the_listing_has_shown_is_the_listings_business(bed: Bed) -> None:
    await bed.registered(bed.seed(user("a")))
    bed.cloud.services.clear()
    bed.cloud.seed_service("users")

    await bed.registered(bed.seed(user("b")))

    assert bed.mirror.holds == endpoints("b")


async def test_a_change_that_the_listing_never_shows_is_forgotten(bed: Bed) -> None:
    bed.cloud.seed_service("users")
    await bed.registered(user("a"))
    bed.cloud.clock.advance(61)

    await bed.registered(bed.seed(user("b")))

    assert bed.mirror.holds == endpoints("b")


async def test_a_registry_that_never_stops_changing_is_given_up_with_an_event(bed: Bed) -> None:
    bed.mirror.on_write = lambda: bed.seed(user(f"n{len(bed.mirror.writes)}"))

    await bed.registered(bed.seed(user("a")), timeout_seconds=600)

    (event,) = bed.events
    assert event == MirrorFailed("users", STAGE, "memory", "Cloud Map still changed after 40 listings")
    assert len(bed.mirror.writes) == 40


async def test_a_mirror_that_fails_is_an_event_and_the_others_are_written() -> None:
    broken, refusing, good = FakeMirror("broken"), FakeMirror("refusing"), FakeMirror("good")
    broken.failure = ThrottledError("slow down")
    refusing.refusal = "a person wrote it"
    bed = Bed(broken, refusing, good)

    await bed.registered(bed.seed(user("a")))

    assert bed.events == [
        MirrorFailed("users", STAGE, "broken", "slow down"),
        MirrorFailed("users", STAGE, "refusing", "a person wrote it"),
    ]
    assert good.holds == endpoints("a")


async def test_a_listing_that_fails_is_an_event_for_each_mirror() -> None:
    bed = Bed(FakeMirror("one"), FakeMirror("two"))
    bed.cloud.seed_service("users")
    bed.cloud.transport.answer(
        "ListInstances", AccessDeniedError("no", action="servicediscovery:ListInstances")
    )

    await bed.registered(user("a"))

    reason = "what Cloud Map has could not be listed: no"
    assert bed.events == [MirrorFailed("users", STAGE, name, reason) for name in ("one", "two")]


async def test_mirrors_are_given_some_time_although_none_is_left(bed: Bed) -> None:
    deadline = bed.cloud.clock.deadline(1)
    bed.cloud.clock.advance(2)

    await bed.mirrors.registered(bed.seed(user("a")), deadline)

    assert bed.mirror.holds == endpoints("a")
    assert bed.events == []


async def test_one_place_is_written_by_one_at_a_time(bed: Bed) -> None:
    bed.cloud.seed_service("users")

    await asyncio.gather(*(bed.registered(user(f"n{n}")) for n in range(5)))

    assert sorted(bed.mirror.holds) == endpoints(*(f"n{n}" for n in range(5)))
    assert bed.mirror.most_at_once == 1
    assert bed.events == []
    assert bed.mirrors._turns == {}


async def test_without_mirrors_nothing_is_listed() -> None:
    cloud = FakeCloudMap()
    bed = Bed(cloud=cloud)
    bed.mirrors._mirrors = ()

    await bed.registered(user("a"))

    assert cloud.transport.calls == []
    assert bed.mirrors.names == ()
