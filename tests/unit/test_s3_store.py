"""S3 as a store: one object answers for every service, and is asked for again only when that makes a difference."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cloudmap_discovery.errors import (
    MalformedRecordError,
)
from cloudmap_discovery.model import Instance
from cloudmap_discovery.stores.port import Absent, Found
from tests.unit.bed import STAGE, users
from tests.unit.fake_s3 import PLACE
from tests.unit.s3_store_bed import Bed

ORDERS = Instance("orders", "https://orders.test", STAGE, version="1.2.0", owner="ci")


async def test_one_read_answers_for_every_service() -> None:
    bed = Bed(users(), ORDERS)

    answer, other = await bed.found(), await bed.found("orders")

    assert (answer.instances, other.instances) == ((users(),), (ORDERS,))
    assert answer.mirrored
    assert not answer.packaged
    assert (answer.sent, answer.jitter) == (bed.clock.now(), 0.5)
    assert bed.s3.gets == 1


@pytest.mark.parametrize(("service", "stage"), [("nobody", STAGE), ("users", "Staging"), ("users", "-")])
async def test_what_the_snapshot_does_not_hold_is_absent(service: str, stage: str) -> None:
    bed = Bed(users())

    assert await bed.fetch(service, stage) == Absent()


async def test_a_missing_object_is_absent_and_says_which() -> None:
    assert await Bed().fetch() == Absent(detail=f"there is no object {PLACE}")


async def test_the_snapshot_is_fresh_for_the_time_of_an_answer_and_all_of_it_is_renewed_at_once() -> None:
    bed = Bed(users(), ORDERS)
    first = await bed.found()
    bed.clock.advance(57)  # 60 s, less half of a tenth
    assert (await bed.found()).sent == first.sent

    bed.clock.advance(0.1)
    again = await bed.found()

    assert again.sent == bed.clock.now()
    assert (await bed.found("orders")).sent == again.sent
    assert [params.get("IfNoneMatch") for params in bed.s3.transport.params("GetObject")] == [None, '"1"']


async def test_an_unchanged_object_is_not_read_again_and_counts_from_when_it_was_asked_for() -> None:
    bed = Bed(users())
    parsed: list[bytes] = []
    parse = bed.store._parsed

    async def counting(body: bytes) -> Any:
        parsed.append(body)
        return await parse(body)

    bed.store._parsed = counting  # type: ignore[method-assign]  # it is watched
    await bed.found()
    bed.clock.advance(100)

    answer = await bed.found()

    assert answer.instances == (users(),)
    assert answer.sent == bed.clock.now()
    assert len(parsed) == 1


async def test_a_changed_object_is_read_again() -> None:
    bed = Bed(users())
    await bed.found()
    bed.s3.put(bed.snapshot(users("https://new.test")))
    bed.clock.advance(100)

    assert [str(instance) for instance in (await bed.found()).instances] == ["https://new.test"]


async def test_an_answer_that_is_to_be_newer_is_asked_for_although_the_snapshot_is_fresh() -> None:
    bed = Bed(users())
    first = await bed.found()
    bed.s3.put(bed.snapshot(users("https://new.test")))
    bed.clock.advance(1)

    answer = await bed.found(since=first.sent)

    assert [str(instance) for instance in answer.instances] == ["https://new.test"]
    assert (await bed.found(since=first.sent)).sent == answer.sent
    assert bed.s3.gets == 2


async def test_a_clock_that_ran_back_makes_the_snapshot_old() -> None:
    bed = Bed(users())
    await bed.found()
    bed.clock.set(bed.clock.wall() - 5, bed.clock.monotonic() + 5)

    await bed.found()

    assert bed.s3.gets == 2


async def test_a_thousand_lookups_of_many_keys_take_part_in_one_request() -> None:
    bed = Bed(users(), ORDERS)

    said = await asyncio.gather(*(bed.fetch(("users", "orders", "nobody")[n % 3]) for n in range(1000)))

    assert bed.s3.gets == 1
    assert sum(isinstance(one, Found) for one in said) == 667


async def test_who_gives_up_leaves_the_request_to_the_others() -> None:
    bed = Bed(users())
    impatient = asyncio.create_task(bed.fetch())
    patient = asyncio.create_task(bed.fetch())
    await asyncio.sleep(0)

    impatient.cancel()

    assert isinstance(await patient, Found)
    assert bed.s3.gets == 1


async def test_a_request_that_was_frozen_under_way_is_not_waited_for() -> None:
    bed, answers = Bed(users()), asyncio.Event()
    call = bed.s3.transport.call

    async def hanging(*about: Any, **more: Any) -> Any:
        if not answers.is_set():
            answers.set()
            await asyncio.Event().wait()
        return await call(*about, **more)

    bed.s3.transport.call = hanging  # type: ignore[method-assign]  # a connection that a freeze has killed
    frozen = asyncio.create_task(bed.fetch())
    await answers.wait()
    bed.clock.advance(3600)

    assert isinstance(await bed.fetch(), Found)
    frozen.cancel()


async def test_what_a_freeze_delayed_does_not_replace_what_was_asked_for_later() -> None:
    bed, thawed, began = Bed(users("https://old.test")), asyncio.Event(), asyncio.Event()
    call, old = bed.s3.transport.call, bed.s3.body

    async def delayed(*about: Any, **more: Any) -> Any:
        if began.is_set():
            return await call(*about, **more)
        began.set()
        await thawed.wait()
        return {"Body": old, "ETag": '"old"'}

    bed.s3.transport.call = delayed  # type: ignore[method-assign]  # an answer that comes after a freeze
    frozen = asyncio.create_task(bed.fetch())
    await began.wait()
    bed.clock.advance(3600)
    bed.s3.put(bed.snapshot(users("https://new.test")))
    assert [str(one) for one in (await bed.found()).instances] == ["https://new.test"]

    thawed.set()
    await frozen

    assert [str(one) for one in (await bed.found()).instances] == ["https://new.test"]


async def test_endpoints_that_are_not_allowed_are_skipped() -> None:
    bed = Bed(
        users(),
        users("https://evil.test", variant="evil"),
        Instance("orders", "https://evil.test", STAGE),
        allowed_endpoints=("users.test",),
    )

    answer = await bed.found()

    assert [str(instance) for instance in answer.instances] == ["https://users.test"]
    assert len(answer.passed_over) == 1
    with pytest.raises(MalformedRecordError, match="allowed endpoints"):
        await bed.fetch("orders")


async def test_nothing_is_kept_before_anything_was_read() -> None:
    assert Bed(users()).kept() is None


async def test_what_is_kept_is_as_old_as_it_is_and_only_what_the_snapshot_has() -> None:
    bed = Bed(users())
    first = await bed.found()
    bed.clock.advance(500)

    kept = bed.kept()

    assert kept is not None
    assert kept.sent == first.sent
    assert bed.kept("nobody") is None


async def test_after_a_fork_the_request_under_way_is_the_parents() -> None:
    bed = Bed(users())
    bed.store._renewal = object()  # type: ignore[assignment]  # what the parent waits for

    bed.store.after_fork_in_child()

    assert isinstance(await bed.fetch(), Found)
