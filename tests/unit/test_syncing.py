"""Whole mirrors are made equal to Cloud Map, and never emptied by mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.encoding import encode_attributes
from cloudmap_discovery.errors import AccessDeniedError, MalformedRecordError, RegistrationError, RemoteError
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.listing import Listing
from cloudmap_discovery.model import Instance
from cloudmap_discovery.stores.cloud_map_control import CloudMapControl
from cloudmap_discovery.syncing import Synced, Syncer
from tests.unit.fake_cloud_map import FakeCloudMap
from tests.unit.registry_bed import STAGE, FakeMirror

if TYPE_CHECKING:
    from cloudmap_discovery.copies import Copy
    from cloudmap_discovery.deadline import Deadline


class Bed:
    """Mirrors over Cloud Map in memory."""

    def __init__(self, *mirrors: FakeMirror) -> None:
        self.cloud = FakeCloudMap()
        self.cloud._add_namespace("services")
        self.mirror = FakeMirror()
        self.mirror.places_at_once = 3
        clock = self.cloud.clock
        control = CloudMapControl(self.cloud.transport)
        listing = Listing(control, namespace="services", clock=clock, events=EventHub(), sleep=clock.sleep)
        self.syncer = Syncer(control, listing, mirrors or [self.mirror], namespace="services", clock=clock)
        self.reports: list[tuple[str, int, int]] = []

    def seed(self, *instances: Instance) -> None:
        for instance in instances:
            self.cloud.seed(instance.service, instance.id, encode_attributes(instance))

    def hold(self, *instances: Instance, mirror: FakeMirror | None = None) -> None:
        held = (mirror or self.mirror).held
        for instance in instances:
            place = (instance.service, instance.stage)
            held[place] = (*held.get(place, ()), instance)

    async def sync(self, **about: Any) -> tuple[Synced, ...]:
        deadline = self.cloud.clock.deadline(600)
        return await self.syncer.sync(deadline, report=lambda *told: self.reports.append(told), **about)

    @property
    def held(self) -> list[Instance]:
        return sorted((one for held in self.mirror.held.values() for one in held), key=str)


def user(name: str, **fields: Any) -> Instance:
    return Instance("users", f"https://{name}.test", fields.pop("stage", STAGE), variant=name, **fields)


def order(name: str) -> Instance:
    return Instance("orders", f"https://{name}.test", STAGE, variant=name)


def kinds(synced: Synced) -> list[tuple[str, str, str]]:
    return [(one.kind, one.service, one.stage) for one in synced.differences]


async def test_what_is_missing_changed_or_too_much_is_put_right() -> None:
    bed = Bed()
    bed.seed(user("a"), user("b", weight=1), user("s", stage="Staging"))
    bed.hold(user("b"), order("gone"))

    (synced,) = await bed.sync()

    assert bed.held == [user("a"), user("b", weight=1), user("s", stage="Staging")]
    assert sorted(kinds(synced)) == [
        ("add", "users", STAGE),
        ("add", "users", "Staging"),
        ("change", "users", STAGE),
        ("remove", "orders", STAGE),
    ]
    assert bed.mirror.checks > 0


async def test_an_equal_mirror_is_only_marked_as_checked() -> None:
    bed = Bed()
    bed.seed(user("a"))
    bed.hold(user("a"))

    assert await bed.sync() == (Synced("memory", ()),)

    assert (bed.mirror.writes, bed.mirror.checks) == ([], 1)


async def test_a_dry_run_writes_nothing_and_says_all() -> None:
    bed = Bed()
    bed.seed(user("a"))
    bed.hold(order("gone"))

    (synced,) = await bed.sync(dry_run=True)

    assert kinds(synced) == [("remove", "orders", STAGE), ("add", "users", STAGE)]
    assert (bed.mirror.writes, bed.mirror.checks) == ([], 0)


async def test_a_mirror_that_is_not_there_is_created_whole() -> None:
    bed = Bed()
    bed.mirror.lacks_all = True
    bed.seed(user("a"), order("b"))

    (synced,) = await bed.sync()

    assert synced.created
    assert bed.held == [user("a"), order("b")]


async def test_one_stage_is_synced_alone_and_is_no_check_of_all() -> None:
    bed = Bed()
    bed.seed(user("a"), user("s", stage="Staging"))
    bed.hold(order("gone"))

    (synced,) = await bed.sync(stage="Staging")

    assert kinds(synced) == [("add", "users", "Staging")]
    assert bed.mirror.checks == 0


async def test_a_mirror_that_is_not_there_is_not_made_of_one_stage() -> None:
    bed = Bed()
    bed.mirror.lacks_all = True
    bed.seed(user("s", stage="Staging"))

    with pytest.raises(RegistrationError, match="one of a single stage would not be whole"):
        await bed.sync(stage="Staging")


async def test_what_is_registered_while_all_is_listed_is_not_lost() -> None:
    bed = Bed()
    bed.seed(user("a"))
    bed.hold(user("a"))

    def register() -> None:  # after the first look at the mirror, and before Cloud Map is listed
        bed.mirror.on_copy = None
        bed.seed(user("b"))
        bed.mirror.held[("users", STAGE)] = (user("a"), user("b"))

    bed.mirror.on_copy = register

    await bed.sync()

    assert bed.held == [user("a"), user("b")]


async def test_what_a_writer_with_an_older_listing_takes_away_is_put_back() -> None:
    bed = Bed()
    bed.seed(user("a"), order("x"))
    bed.hold(order("x"))

    def overwrite() -> None:
        bed.mirror.on_write = None
        bed.mirror.held[("orders", STAGE)] = ()

    bed.mirror.on_write = overwrite

    (synced,) = await bed.sync()

    assert bed.held == [user("a"), order("x")]
    assert kinds(synced) == [("add", "orders", STAGE), ("add", "users", STAGE)]


async def test_before_a_difference_is_written_its_service_is_listed_once_more() -> None:
    first, second = FakeMirror("first"), FakeMirror("second")
    bed = Bed(first, second)
    bed.seed(user("a"))
    bed.hold(user("a"), mirror=first)
    bed.hold(user("a"), user("b"), mirror=second)
    # Registered after Cloud Map was listed for the first mirror, and written to the second since.
    second.on_copy = lambda: bed.seed(user("b"))

    synced = await bed.sync()

    assert [kinds(one) for one in synced] == [[], []]
    assert second.held[("users", STAGE)] == (user("a"), user("b"))


async def test_others_that_never_stop_writing_are_told_in_the_end() -> None:
    bed = Bed()
    bed.seed(user("a"))

    def undo() -> None:
        bed.mirror.held.clear()

    bed.mirror.on_copy = undo

    with pytest.raises(RegistrationError, match="still differs from Cloud Map after 5 rounds"):
        await bed.sync()


@pytest.mark.parametrize(
    ("held", "left", "is_refused"), [(10, 4, True), (10, 5, False), (4, 0, True), (3, 0, False)]
)
async def test_most_of_the_records_never_go_unasked(held: int, left: int, *, is_refused: bool) -> None:
    bed = Bed()
    bed.cloud.seed_service("users")
    bed.seed(*(user(f"n{n}") for n in range(left)))
    bed.hold(*(user(f"n{n}") for n in range(held)))

    if not is_refused:
        await bed.sync()
        assert len(bed.held) == left
        return
    with pytest.raises(
        RegistrationError, match=rf"{held - left} of the {held} records in memory would go"
    ) as caught:
        await bed.sync()
    assert caught.value.code == "WouldLoseMost"
    assert len(bed.held) == held

    await bed.sync(force=True)
    assert len(bed.held) == left


async def test_a_namespace_that_is_not_there_empties_nothing() -> None:
    bed = Bed()
    bed.cloud.forget_everything()
    bed.hold(user("a"))

    with pytest.raises(RemoteError, match="there is no namespace 'services'") as caught:
        await bed.sync()

    assert caught.value.code == "NamespaceNotFound"
    assert bed.held == [user("a")]


async def test_a_listing_that_fails_half_way_empties_nothing() -> None:
    bed = Bed()
    bed.seed(user("a"), order("b"))
    bed.hold(user("a"), order("b"))
    bed.cloud.transport.answer(
        "ListInstances", AccessDeniedError("no", action="servicediscovery:ListInstances")
    )

    with pytest.raises(AccessDeniedError):
        await bed.sync()

    assert len(bed.held) == 2


async def test_a_mirror_that_cannot_be_read_is_replaced_only_when_told_so() -> None:
    bed = Bed()
    bed.seed(user("a"))
    bed.mirror.failure = MalformedRecordError("memory", "no snapshot")
    with pytest.raises(MalformedRecordError):
        await bed.sync()

    copies = bed.mirror.copy

    async def unreadable(deadline: Deadline) -> Copy:
        if not bed.mirror.held:
            raise MalformedRecordError("memory", "no snapshot")
        return await copies(deadline)

    bed.mirror.failure = None
    bed.mirror.copy = unreadable  # type: ignore[method-assign]  # until it is written
    (synced,) = await bed.sync(force=True)

    assert synced.created
    assert bed.held == [user("a")]


async def test_what_is_not_the_mirrors_own_is_left_alone_and_told() -> None:
    bed = Bed()
    bed.seed(user("a"), order("b"))
    bed.mirror.left_alone = {("users", STAGE): "a person wrote it"}

    (synced,) = await bed.sync()

    assert kinds(synced) == [("add", "orders", STAGE)]
    assert synced.left_alone == ("a person wrote it",)


async def test_a_refusal_ends_it_with_an_error() -> None:
    bed = Bed()
    bed.seed(user("a"))
    bed.mirror.refusal = "a person wrote it"

    with pytest.raises(RegistrationError, match="a person wrote it") as caught:
        await bed.sync()

    assert caught.value.code == "LeftAlone"


async def test_a_mirror_that_fails_keeps_no_other_from_being_synced() -> None:
    broken, good = FakeMirror("broken"), FakeMirror("good")
    broken.failure = AccessDeniedError("no")
    bed = Bed(broken, good)
    bed.seed(user("a"))

    first, second = await bed.sync()

    assert (str(first.error), second.error) == ("no", None)
    assert good.held == {("users", STAGE): (user("a"),)}
    assert good.checks > 0
    good.failure = AccessDeniedError("nor here")
    with pytest.raises(AccessDeniedError, match="no"):
        await bed.sync()


async def test_how_far_it_has_come_is_told() -> None:
    bed = Bed()
    bed.seed(*(Instance(f"s{n}", "https://x.test", STAGE) for n in range(5)))

    await bed.sync()

    assert ("Listing Cloud Map", 5, 5) in bed.reports
    assert ("Reading memory", 0, 0) in bed.reports
    assert [told for told in bed.reports if told[0] == "Writing memory"][:3] == [
        ("Writing memory", 0, 5),
        ("Writing memory", 3, 5),
        ("Writing memory", 5, 5),
    ]


@pytest.mark.parametrize("stage", [None, STAGE])
async def test_a_snapshot_has_all_that_is_listed(stage: str | None) -> None:
    bed = Bed()
    bed.seed(user("a"), user("s", stage="Staging"), order("b"))

    began = bed.cloud.clock.wall()
    snapshot = await bed.syncer.snapshot(stage, bed.cloud.clock.deadline(60))

    expected = {("users", STAGE), ("orders", STAGE)} | (set() if stage else {("users", "Staging")})
    assert snapshot.items.keys() == expected
    assert snapshot.checked_at.timestamp() == began
    assert snapshot.namespace == "services"


def test_the_names_are_those_of_the_mirrors() -> None:
    assert Bed(FakeMirror("one"), FakeMirror("two")).syncer.names == ("one", "two")
