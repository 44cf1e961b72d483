"""Empty services that the registrar created go after a while, and no others."""

from __future__ import annotations

from typing import Any

from cloudmap_discovery.errors import ThrottledError
from tests.unit.fake_transport import remote
from tests.unit.registrar_bed import RegistrarBed

USERS: dict[str, Any] = {"Service": "users", "Endpoint": "https://users.test", "Stage": "Production"}
EMPTY_SINCE = "cloudmap-discovery:empty-since"
DAY = 86_400.0


async def emptied(bed: RegistrarBed) -> None:
    created = await bed.ask("Create", **USERS)
    await bed.ask("Delete", **USERS, physical=created.physical_id)


async def test_an_empty_service_of_ours_goes_when_its_time_is_up_and_not_before() -> None:
    bed = RegistrarBed(registrar_grace=7 * DAY)
    await emptied(bed)

    first = await bed.run(scheduled=True)
    bed.clock.advance(6.9 * DAY)
    still = await bed.run(scheduled=True)
    bed.clock.advance(0.2 * DAY)
    last = await bed.run(scheduled=True)

    assert [one.swept.waits for one in (first, still, last)] == [("users",), ("users",), ()]
    assert last.swept.removed == ("users",)
    assert bed.cloud.service("users") is None


async def test_only_a_scheduled_run_sweeps() -> None:
    bed = RegistrarBed(registrar_grace=0.0)
    await emptied(bed)

    await bed.run()

    assert bed.cloud.service("users") is not None


async def test_a_service_that_others_created_stays() -> None:
    bed = RegistrarBed(registrar_grace=0.0)
    bed.cloud.seed_service("theirs")

    summary = await bed.run(scheduled=True)

    assert bed.cloud.service("theirs") is not None
    assert summary.swept.removed == summary.swept.waits == ()


async def test_a_service_in_which_only_others_unreadable_instances_are_is_not_empty() -> None:
    bed = RegistrarBed(registrar_grace=0.0)
    await emptied(bed)
    bed.cloud.seed("users", "odd", {"nothing": "of ours"})

    await bed.run(scheduled=True)

    service = bed.cloud.service("users")
    assert service is not None
    assert EMPTY_SINCE not in service.tags


async def test_the_time_starts_anew_after_a_record_was_there_again() -> None:
    bed = RegistrarBed(registrar_grace=7 * DAY)
    await emptied(bed)
    await bed.run(scheduled=True)
    bed.clock.advance(6 * DAY)
    await emptied(bed)

    bed.clock.advance(2 * DAY)
    summary = await bed.run(scheduled=True)

    assert summary.swept.waits == ("users",)


async def test_a_tagged_functions_record_starts_the_time_anew_too() -> None:
    bed = RegistrarBed()
    await emptied(bed)
    await bed.run(scheduled=True)
    bed.lambdas.add("users", service="users", stage="Production")

    await bed.run()

    service = bed.cloud.service("users")
    assert service is not None
    assert EMPTY_SINCE not in service.tags


async def test_a_record_that_comes_at_the_last_moment_keeps_its_service() -> None:
    bed = RegistrarBed(registrar_grace=0.0)
    await emptied(bed)
    bed.cloud.transport.answer("DeleteService", remote("ResourceInUse"))

    summary = await bed.run(scheduled=True)

    assert summary.swept.removed == ()
    assert summary.swept.failed == ()


async def test_a_service_that_cannot_be_read_is_told_and_the_sweep_ends_when_aws_is_in_trouble() -> None:
    bed = RegistrarBed(registrar_grace=0.0)
    for name in ("a", "b"):
        bed.cloud.seed_service(name)
    bed.cloud.transport.answer("GetService", ThrottledError("too fast", code="ThrottlingException"))

    summary = await bed.run(scheduled=True)

    assert [name for name, _ in summary.swept.failed] == ["a"]


async def test_a_service_that_alone_cannot_be_read_keeps_no_other_from_going() -> None:
    bed = RegistrarBed(registrar_grace=0.0)
    bed.cloud.seed_service("a")
    await emptied(bed)
    bed.cloud.transport.answer("GetService", remote("InvalidInput"), bed.cloud._GetService)

    summary = await bed.run(scheduled=True)

    assert [name for name, _ in summary.swept.failed] == ["a"]
    assert summary.swept.removed == ("users",)


async def test_a_tag_that_cannot_be_taken_off_does_not_fail_a_registration() -> None:
    bed = RegistrarBed()
    bed.cloud.transport.answer("UntagResource", remote("InvalidInput"))

    await bed.ask("Create", **USERS)

    assert bed.registered == {"users/Production": "https://users.test"}


async def test_a_record_that_is_removed_in_this_run_leaves_its_service_empty() -> None:
    bed = RegistrarBed()
    function = bed.lambdas.add("users", service="users", stage="Production")
    await bed.run()
    del bed.lambdas.functions[function]

    summary = await bed.run(scheduled=True)

    assert summary.swept.waits == ("users",)
