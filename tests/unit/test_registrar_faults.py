"""What a registrar survives: being killed, others who write at the same time, mirrors that fail."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import OwnershipError, RemoteError, ThrottledError
from cloudmap_discovery.registrar.patience import PROPAGATION_SECONDS
from tests.unit.fake_functions import arn_of
from tests.unit.fake_s3 import BUCKET, KEY, FakeS3
from tests.unit.fake_transport import remote
from tests.unit.registrar_bed import OWNER, STACK, URL, RegistrarBed

if TYPE_CHECKING:
    from collections.abc import Mapping

OTHER_STACK = STACK.replace("users-prod", "users-other")
USERS: dict[str, Any] = {"Service": "users", "Endpoint": URL, "Stage": "Production"}


def throttled(**about: str) -> ThrottledError:
    return ThrottledError("too fast", code="ThrottlingException", **about)


def mirrored() -> tuple[RegistrarBed, FakeS3]:
    bed = RegistrarBed(mirrors=("s3",), bucket=BUCKET, snapshot_key=KEY)
    return bed, FakeS3(transport=bed.cloud.transport)


def held_by(s3: FakeS3) -> dict[str, str]:
    return {one["service"]: one["endpoint"] for one in snapshot(s3)["instances"]}


def snapshot(s3: FakeS3) -> dict[str, Any]:
    assert s3.body is not None
    document: dict[str, Any] = json.loads(gzip.decompress(s3.body))
    return document


async def test_a_run_that_is_killed_half_way_is_finished_by_the_next() -> None:
    bed = RegistrarBed()
    for number in range(30):
        bed.lambdas.add(f"f{number:02}", service=f"s{number:02}", stage="Production")
    registering = bed.cloud._RegisterInstance
    killed = asyncio.Event()

    def kill(params: Mapping[str, Any]) -> Any:
        if bed.count("RegisterInstance") >= 12:
            killed.set()
        return registering(params)

    bed.cloud.transport.answer("RegisterInstance", kill)
    run = asyncio.ensure_future(bed.run())
    await killed.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    half = len(bed.registered)
    summary = await RegistrarBed.over(bed).run()

    assert 0 < half < 30
    assert len(bed.registered) == 30
    assert summary.is_clean


async def test_a_removal_that_is_killed_half_way_is_finished_by_the_next() -> None:
    bed = RegistrarBed()
    for number in range(10):
        bed.lambdas.add(f"f{number}", service=f"s{number}", stage="Production")
    await bed.run()
    bed.lambdas.functions.clear()
    bed.cloud.transport.answer("DeregisterInstance", bed.cloud._DeregisterInstance, remote("InvalidInput"))

    first = await bed.run(forced=True)
    bed.cloud.transport.answer("DeregisterInstance", bed.cloud._DeregisterInstance)
    second = await bed.run(forced=True)

    assert len(first.done.failed) == 9
    assert len(second.done.removed) == 9
    assert bed.registered == {}


async def test_what_others_took_over_between_plan_and_writing_is_left_to_them() -> None:
    bed = RegistrarBed()
    function = bed.lambdas.add("users", service="users", stage="Production")
    await bed.run()
    del bed.lambdas.functions[function]
    read = await bed.parts.runs.read(bed.parts.core.registry.deadline(60))
    await bed.ask("Create", **USERS, Adopt="true")

    done = await bed.carried_out(read.plan)

    assert bed.registered == {"users/Production": URL}
    assert [one.reason for one in done.kept] == [f"it is {OWNER}'s by now"]
    assert done.failed == []


async def test_what_others_registered_between_plan_and_writing_is_a_failure_that_says_whose_it_is() -> None:
    bed = RegistrarBed()
    bed.lambdas.add("users", service="users", stage="Production")
    read = await bed.parts.runs.read(bed.parts.core.registry.deadline(60))
    await bed.ask("Create", **USERS)

    done = await bed.carried_out(read.plan)

    assert bed.registered == {"users/Production": URL}
    assert OWNER in done.failed[0][1]


async def test_a_stack_that_loses_its_record_to_another_meanwhile_is_told() -> None:
    bed = RegistrarBed()
    registering = bed.cloud._RegisterInstance
    finding = bed.cloud._GetInstance

    def taken(params: Mapping[str, Any]) -> Any:
        # Between the plan, which found nothing, and the writing.
        if bed.count("GetInstance") == 2 and not bed.cloud.has("users"):
            registering(
                {**params, "Attributes": {"endpoint": "https://x.test", "stage": "Production", "owner": "me"}}
            )
        return finding(params)

    bed.cloud.transport.answer("GetInstance", taken)
    bed.cloud.seed_service("users")

    with pytest.raises(OwnershipError, match=r"belongs to me.*set Adopt: true"):
        await bed.ask("Create", **USERS)


async def test_a_few_changes_write_the_mirrors_at_once() -> None:
    bed, s3 = mirrored()
    function = bed.lambdas.add("users", service="users", stage="Production")

    summary = await bed.run()

    assert held_by(s3) == {"users": function}
    assert summary.synced == ()


async def test_many_changes_are_mirrored_by_one_comparison_afterwards() -> None:
    bed, s3 = mirrored()
    for number in range(40):
        bed.lambdas.add(f"f{number:02}", service=f"s{number:02}", stage="Production")

    summary = await bed.run()

    assert len(held_by(s3)) == 40
    assert len(summary.synced) == 1
    assert s3.puts < 5


async def test_a_scheduled_run_mends_the_mirrors_and_renews_when_they_were_compared() -> None:
    bed, s3 = mirrored()
    function = bed.lambdas.add("users", service="users", stage="Production")
    await bed.run()
    s3.put(None)
    bed.clock.advance(3600)

    await bed.run(scheduled=True)

    assert held_by(s3) == {"users": function}
    assert snapshot(s3)["checked_at"] == snapshot(s3)["generated_at"]


async def test_a_forced_run_empties_the_mirror_too() -> None:
    bed, s3 = mirrored()
    for number in range(10):
        bed.lambdas.add(f"f{number}", service=f"s{number}", stage="Production")
    await bed.run(scheduled=True)
    bed.lambdas.functions.clear()

    summary = await bed.run(scheduled=True, forced=True)

    assert held_by(s3) == {}
    assert summary.is_clean


async def test_before_there_is_a_namespace_a_scheduled_run_has_nothing_to_do() -> None:
    bed, s3 = mirrored()

    summary = await bed.run(scheduled=True)

    assert summary.is_clean
    assert s3.body is None


async def test_mirrors_that_cannot_be_written_do_not_keep_records_from_being_registered() -> None:
    bed, s3 = mirrored()
    s3.failure = throttled()
    bed.lambdas.add("users", service="users", stage="Production")

    summary = await bed.run(scheduled=True)

    assert list(bed.registered) == ["users/Production"]
    assert summary.sync_error is not None
    assert not summary.is_clean


async def test_what_a_failed_update_wrote_and_cannot_remove_is_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bed = RegistrarBed()
    old, new = USERS | {"Version": "1.0.0"}, USERS | {"Version": "2.0.0"}
    created = await bed.ask("Create", **old)
    bed.cloud.transport.answer("GetService", remote("InvalidInput"))
    bed.cloud.transport.answer("DeregisterInstance", remote("InvalidInput"))

    with pytest.raises(Exception, match="InvalidInput"):
        await bed.ask("Update", **new, old=old, physical=created.physical_id)

    assert "may have been left behind" in caplog.text


async def test_a_leftover_that_cannot_be_removed_does_not_fail_the_rollback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bed = RegistrarBed()
    old, new = USERS | {"Version": "1.0.0"}, USERS | {"Version": "2.0.0"}
    created = await bed.ask("Create", **old)
    await bed.ask("Update", **new, old=old, physical=created.physical_id)
    bed.cloud.transport.answer("DeregisterInstance", remote("InvalidInput"))

    await bed.ask("Update", **old, old=new, physical=created.physical_id)

    assert "may have been left behind" in caplog.text


@pytest.mark.parametrize("is_ended_at_once", [True, False])
async def test_an_update_that_fails_after_a_take_over_gives_the_record_back(
    *, is_ended_at_once: bool
) -> None:
    bed = RegistrarBed()
    theirs = USERS | {"Version": "2.0.0", "Endpoint": "https://theirs.test"}
    await bed.ask("Create", **theirs, stack=OTHER_STACK)
    before = dict(bed.cloud.has("users"))
    old, new = USERS | {"Version": "1.0.0"}, theirs | {"Endpoint": URL, "Adopt": "true"}
    created = await bed.ask("Create", **old)

    if is_ended_at_once:
        # The function was ended after it had written: CloudFormation knows the old id, and takes back the update.
        await bed.ask("Update", **new, old=old, physical=created.physical_id)
        await bed.ask("Update", **old, old=new, physical=created.physical_id)
    else:
        bed.cloud.transport.answer("GetService", remote("InvalidInput"))
        with pytest.raises(RemoteError):
            await bed.ask("Update", **new, old=old, physical=created.physical_id)

    (instance_id,) = before
    assert bed.cloud.has("users")[instance_id] == before[instance_id]
    assert len(bed.cloud.has("users")) == 2


async def test_a_delete_without_time_does_not_wait_for_what_may_still_spread() -> None:
    bed = RegistrarBed()
    before = bed.clock.monotonic()

    outcome = await bed.ask("Delete", **USERS, physical="x", seconds=4)

    assert outcome.note == "the record was not there any more"
    assert bed.clock.monotonic() - before < PROPAGATION_SECONDS


async def test_a_record_that_cannot_be_encoded_is_rejected_alone() -> None:
    bed = RegistrarBed(registrar_urls=True)
    bed.lambdas.add("users", service="users", stage="Production", endpoint="https://a b.test")
    bed.lambdas.add("mail", service="mail", stage="Production")

    summary = await bed.run()

    assert list(bed.registered) == ["mail/Production"]
    assert [one.function for one in summary.plan.rejected] == [arn_of("users")]


async def test_a_function_that_moves_and_is_then_gone_leaves_nothing() -> None:
    bed = RegistrarBed()
    function = bed.lambdas.add("users", service="users", stage="Production")
    await bed.run()
    bed.lambdas.add("users", service="people", stage="Production")
    await bed.run()
    del bed.lambdas.functions[function]

    await bed.run(function)

    assert bed.registered == {}
