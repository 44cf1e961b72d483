"""S3 as a mirror: records are replaced place by place, on the condition that nobody else has written meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.copies import Copy
from cloudmap_discovery.errors import (
    AccessDeniedError,
    MalformedRecordError,
    RegistrationError,
    RemoteError,
    ThrottledError,
)
from cloudmap_discovery.model import Instance
from cloudmap_discovery.snapshots import Snapshot, read_snapshot
from cloudmap_discovery.stores.mirror_port import Written
from cloudmap_discovery.stores.s3_mirror import S3Mirror
from tests.unit.bed import NAMESPACE, STAGE, users
from tests.unit.fake_s3 import BUCKET, KEY, PLACE, FakeS3, answered
from tests.unit.snapshot_records import snapshot_of
from tests.unit.timing import WaitingClock

if TYPE_CHECKING:
    from collections.abc import Sequence

USERS, ORDERS = ("users", STAGE), ("orders", STAGE)
ORDER = Instance("orders", "https://orders.test", STAGE, owner="ci", owner_ref="x", attributes={"a": "b"})
CHANGED, UNCHANGED = Written(changed=True), Written()
DENIED = AccessDeniedError("Access Denied", action="s3:GetObject", code="AccessDenied")


class Bed:
    """A mirror over an object that was checked an hour ago."""

    def __init__(self, *instances: Instance) -> None:
        self.clock = WaitingClock()
        self.then = self.clock.wall() - 3600
        self.s3 = FakeS3(snapshot_of(*instances, checked_at=self.then) if instances else None)
        self.mirror = S3Mirror(
            self.s3.transport, bucket=BUCKET, key=KEY, namespace=NAMESPACE, clock=self.clock
        )

    async def write(self, places: dict[tuple[str, str], Sequence[Instance]], **about: Any) -> Written:
        return await self.mirror.write(places, self.clock.deadline(), **about)

    @property
    def snapshot(self) -> Snapshot:
        assert self.s3.body is not None
        return read_snapshot(self.s3.body, name=PLACE, namespace=NAMESPACE)

    def holds(self, place: tuple[str, str] = USERS) -> tuple[Instance, ...]:
        return self.snapshot.records(place)[0]

    def others_write(self, *instances: Instance, times: int = 1) -> None:
        left = [times]

        def write() -> None:
            if left[0]:
                left[0] -= 1
                self.s3.put(snapshot_of(*instances, checked_at=self.then))

        self.s3.before_put = write


async def test_only_the_records_of_this_service_and_stage_are_replaced() -> None:
    staging = users("https://staging.test", stage="Staging")
    bed = Bed(users("https://old.test"), staging, ORDER)

    assert await bed.write({USERS: [users("https://new.test")]}) == CHANGED

    assert bed.holds() == (users("https://new.test"),)
    assert (bed.holds(("users", "Staging")), bed.holds(ORDERS)) == ((staging,), (ORDER,))


async def test_no_records_remove_the_place() -> None:
    bed = Bed(users(), ORDER)

    assert await bed.write({USERS: []}) == CHANGED

    assert bed.snapshot.items.keys() == {ORDERS}


async def test_the_write_is_conditional_and_says_what_it_is() -> None:
    bed = Bed(users())

    await bed.write({USERS: []})

    (params,) = bed.s3.transport.params("PutObject")
    assert (params["IfMatch"], params["ContentType"], params["ContentEncoding"]) == (
        '"1"',
        "application/json",
        "gzip",
    )
    assert params["Body"].startswith(b"\x1f\x8b")


async def test_what_is_right_is_not_written_again() -> None:
    bed = Bed(users())

    assert await bed.write({USERS: [users()], ORDERS: []}) == UNCHANGED

    assert bed.s3.puts == 0


async def test_a_change_renews_when_it_was_made_and_not_when_all_was_checked() -> None:
    bed = Bed(users())

    await bed.write({USERS: []})

    assert bed.snapshot.generated_at.timestamp() == bed.clock.wall()
    assert bed.snapshot.checked_at.timestamp() == bed.then


async def test_checking_renews_when_all_was_checked_although_nothing_changed() -> None:
    bed = Bed(users())

    assert await bed.write({}, checked=True) == UNCHANGED

    assert bed.snapshot.checked_at.timestamp() == bed.clock.wall()
    assert bed.snapshot.generated_at.timestamp() == bed.then
    assert bed.holds() == (users(),)


async def test_without_an_object_everything_is_needed_first() -> None:
    bed = Bed()

    assert await bed.write({USERS: [users()]}) == Written(lacks_all=True)
    assert bed.s3.body is None

    assert await bed.write({USERS: [users()], ORDERS: [ORDER]}, checked=True) == CHANGED
    assert (bed.holds(), bed.holds(ORDERS)) == ((users(),), (ORDER,))
    assert bed.s3.transport.params("PutObject")[0]["IfNoneMatch"] == "*"


async def test_who_comes_second_reads_again_and_loses_nothing() -> None:
    bed = Bed(users())
    bed.others_write(users(), ORDER)

    assert await bed.write({USERS: [users("https://new.test")]}) == CHANGED

    assert (bed.holds(), bed.holds(ORDERS)) == ((users("https://new.test"),), (ORDER,))
    assert len(bed.clock.slept) == 1


async def test_an_object_that_others_create_meanwhile_is_taken_as_it_is() -> None:
    bed = Bed()
    bed.others_write(ORDER)

    await bed.write({USERS: [users()]}, checked=True)

    assert (bed.holds(), bed.holds(ORDERS)) == ((users(),), (ORDER,))


async def test_an_object_that_is_deleted_meanwhile_is_not_there() -> None:
    bed = Bed(users())
    bed.s3.before_put = lambda: bed.s3.put(None)

    assert await bed.write({USERS: []}) == Written(lacks_all=True)


@pytest.mark.parametrize(
    ("code", "status"), [("PreconditionFailed", 412), ("ConditionalRequestConflict", 409)]
)
async def test_conflicts_are_tried_again_with_growing_pauses_until_the_time_is_up(
    code: str, status: int
) -> None:
    bed = Bed(users())
    bed.s3.transport.answer("PutObject", answered(code, status))

    with pytest.raises(RegistrationError, match="is written by others after 60 s"):
        await bed.write({USERS: []})

    assert len(bed.clock.slept) > 10
    assert max(bed.clock.slept) <= 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"hello", "no snapshot"),
        (b'{"format": 9, "namespace": "services"}', "its format is 9"),
        (snapshot_of(users(), checked_at=0, namespace="others"), "it is of the namespace 'others'"),
    ],
)
async def test_what_is_no_snapshot_of_ours_is_left_as_it_is(body: bytes, reason: str) -> None:
    bed = Bed()
    bed.s3.put(body)

    written = await bed.write({USERS: [users()]}, checked=True)

    assert written.refusal is not None
    assert written.refusal.startswith(f"{PLACE} is left as it is: ")
    assert reason in written.refusal
    assert bed.s3.body == body
    with pytest.raises(MalformedRecordError, match=reason):
        await bed.mirror.copy(bed.clock.deadline())

    assert await bed.write({USERS: [users()]}, checked=True, force=True) == CHANGED
    assert bed.holds() == (users(),)


async def test_a_missing_object_is_created_by_who_may_not_list() -> None:
    bed = Bed()
    get = bed.s3._get
    bed.s3.transport.answer("GetObject", lambda params: DENIED if bed.s3.body is None else get(params))

    await bed.write({USERS: [users()]}, checked=True)

    assert bed.holds() == (users(),)


async def test_an_object_that_may_not_be_read_is_not_written_either() -> None:
    bed = Bed(users())
    bed.s3.transport.answer("GetObject", DENIED)

    with pytest.raises(AccessDeniedError) as caught:
        await bed.write({USERS: []}, checked=True)

    assert caught.value.store == "s3"
    assert bed.s3.puts == 1


@pytest.mark.parametrize(
    "failure",
    [
        AccessDeniedError("no", action="s3:GetObject", names_action=True, code="AccessDenied"),
        ThrottledError("slow down", code="SlowDown"),
    ],
)
async def test_other_failures_are_passed_on_as_those_of_s3(failure: Any) -> None:
    bed = Bed(users())
    bed.s3.failure = failure

    for work in (bed.write({USERS: []}), bed.mirror.copy(bed.clock.deadline())):
        with pytest.raises(type(failure)) as caught:
            await work
        assert caught.value.store == "s3"


async def test_a_bucket_that_is_not_there_is_told() -> None:
    bed = Bed()
    bed.s3.failure = answered("NoSuchBucket", 404)

    for work in (bed.write({USERS: []}), bed.mirror.copy(bed.clock.deadline())):
        with pytest.raises(RemoteError, match="check DISCOVERY_BUCKET") as caught:
            await work
        assert caught.value.store == "s3"


async def test_a_copy_has_every_record_as_the_mirror_would_write_it() -> None:
    bed = Bed(users(), ORDER)

    copy = await bed.mirror.copy(bed.clock.deadline())

    assert copy.places == {USERS: bed.mirror.records([users()]), ORDERS: bed.mirror.records([ORDER])}
    assert copy.checked_at is not None
    assert copy.checked_at.timestamp() == bed.then


async def test_without_an_object_the_copy_is_empty() -> None:
    bed = Bed()

    assert await bed.mirror.copy(bed.clock.deadline()) == Copy({}, exists=False)
