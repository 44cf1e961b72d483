"""Registering and deregistering through the SDK and the stand-in for AWS: what lookups see, and when."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.encoding import encode_attributes
from cloudmap_discovery.errors import AccessDeniedError, OwnershipError, RegistrationError
from cloudmap_discovery.events import Deregistered, Registered
from cloudmap_discovery.model import Key
from tests.integration.registration_bed import (
    STAGE,
    RegistrationBed,
    bed,
    endpoints,
    sdk_of_process,
    transport,
)
from tests.standin.throttle import Throttle

if TYPE_CHECKING:
    from cloudmap_discovery.transport.port import Transport
    from tests.standin.stand_in import StandIn

__all__ = ["bed", "sdk_of_process", "transport"]  # fixtures, found by name

REGISTER = "servicediscovery:RegisterInstance"
URL = "https://users.test"
OTHER_ACCOUNT = "999999999999"


async def test_a_record_is_found_as_it_was_registered_updated_and_not_after_it_was_removed(
    bed: RegistrationBed,
) -> None:
    registered = await bed.registry.register(
        "users",
        URL,
        version="1.0.0",
        variant="blue",
        weight=5,
        attributes={"color": "x"},
        owner="ci",
        owner_ref="7",
    )
    assert await bed.lookup() == [registered]

    updated = await bed.registry.register(
        "users", "https://new.test", version="1.0.0", variant="blue", owner="ci"
    )
    assert await bed.lookup() == [updated]
    assert (updated.id, updated.registered_at) == (registered.id, registered.registered_at)
    assert (updated.weight, dict(updated.attributes), updated.owner_ref) == (100, {}, None)

    assert await bed.registry.deregister("users", version="1.0.0", variant="blue", owner="ci") is True
    assert await bed.lookup() == []
    assert await bed.registry.deregister("users", version="1.0.0", variant="blue", owner="ci") is False
    assert [type(event) for event in bed.events] == [Registered, Registered, Deregistered]
    assert set(bed.forgotten) == {Key("services", "users", STAGE)}


@pytest.mark.parametrize("stage", ["-", "pr-123"])
async def test_a_stage_has_its_own_records(bed: RegistrationBed, stage: str) -> None:
    await bed.registry.register("users", URL)
    await bed.registry.register("users", "https://staged.test", stage=stage)

    assert endpoints(await bed.lookup(stage=stage)) == ["https://staged.test"]
    assert endpoints(await bed.mirrored(stage=stage)) == ["https://staged.test"]
    assert await bed.registry.services(stage=stage) == ["users"]


async def test_operations_that_take_their_time_are_awaited(aws: StandIn, bed: RegistrationBed) -> None:
    aws.configure(operation_seconds=4)

    await bed.registry.register("users", URL)

    assert endpoints(await bed.lookup()) == [URL]
    assert bed.waited_seconds >= 8  # the namespace and the instance


async def test_an_operation_without_end_is_an_error_that_says_it_may_still_complete(
    aws: StandIn, bed: RegistrationBed
) -> None:
    aws.seed_service("services", "users")
    aws.configure(operation_seconds=100)

    with pytest.raises(
        RegistrationError, match="PENDING after 60 s; the operation may still complete"
    ) as caught:
        await bed.registry.register("users", URL)

    assert caught.value.code == "Timeout"
    aws.advance_clock(100)
    assert endpoints(await bed.lookup()) == [URL]


async def test_a_failed_operation_is_reported_in_the_words_of_aws(aws: StandIn, bed: RegistrationBed) -> None:
    aws.seed_service("services", "users")
    aws.fail_next_operations(code="ACCESS_DENIED", message="You shall not.")

    with pytest.raises(RegistrationError, match="ACCESS_DENIED: You shall not") as caught:
        await bed.registry.register("users", URL)

    assert (caught.value.operation, caught.value.code, caught.value.reason) == (
        "RegisterInstance",
        "ACCESS_DENIED",
        "You shall not.",
    )
    assert await bed.lookup() == []
    assert bed.events == []


async def test_it_returns_when_what_was_written_has_spread(aws: StandIn, bed: RegistrationBed) -> None:
    aws.configure(propagation_seconds=5)

    await bed.registry.register("users", URL)
    assert endpoints(await bed.lookup()) == [URL]

    await bed.registry.register("users", "https://new.test")
    assert endpoints(await bed.lookup()) == ["https://new.test"]

    await bed.registry.deregister("users")
    assert await bed.lookup() == []


async def test_what_was_registered_a_moment_ago_can_be_removed_at_once(
    aws: StandIn, bed: RegistrationBed
) -> None:
    aws.configure(propagation_seconds=4, listing_lag_seconds=3)
    await bed.registry.register("users", URL, wait=False)

    assert await bed.registry.deregister("users") is True

    assert await bed.lookup() == []


async def test_several_that_start_a_registry_at_once_all_succeed(aws: StandIn, transport: Transport) -> None:
    aws.configure(operation_seconds=2, propagation_seconds=1)
    beds = [RegistrationBed(aws, transport) for _ in range(4)]

    instances = await asyncio.gather(
        *(bed.registry.register("users", f"https://{n}.test", variant=str(n)) for n, bed in enumerate(beds))
    )

    assert sorted(await beds[0].lookup(), key=lambda instance: instance.endpoint) == instances
    assert endpoints(await beds[0].mirrored()) == endpoints(instances)


async def test_two_that_write_the_same_record_at_once_both_succeed(
    aws: StandIn, transport: Transport
) -> None:
    aws.configure(operation_seconds=2)
    one, two = RegistrationBed(aws, transport), RegistrationBed(aws, transport)

    first, second = await asyncio.gather(
        one.registry.register("users", URL), two.registry.register("users", URL)
    )

    assert first.id == second.id
    assert await one.lookup() == [second]


async def test_an_answer_that_was_lost_does_no_harm(aws: StandIn, bed: RegistrationBed) -> None:
    aws.seed_service("services", "users")
    aws.configure(operation_seconds=2)
    aws.faults.reset(REGISTER, after_processing=True, count=1)

    await bed.registry.register("users", URL)

    assert endpoints(await bed.lookup()) == [URL]
    assert aws.calls()[REGISTER] == 2


async def test_throttling_slows_down_and_does_not_fail(aws: StandIn, bed: RegistrationBed) -> None:
    aws.seed_service("services", "users")
    aws.configure(
        operation_seconds=3,
        throttles=(Throttle(("servicediscovery:GetOperation",), rate_per_second=0.5, burst=1),),
    )

    await bed.registry.register("users", URL)

    assert endpoints(await bed.lookup()) == [URL]


async def test_who_may_not_register_learns_which_permission_is_missing(
    aws: StandIn, bed: RegistrationBed
) -> None:
    aws.seed_service("services", "users")
    aws.faults.access_denied(REGISTER)

    with pytest.raises(AccessDeniedError) as caught:
        await bed.registry.register("users", URL)

    assert (caught.value.action, caught.value.store) == (REGISTER, "cloudmap")


async def test_the_record_of_another_owner_stays(bed: RegistrationBed) -> None:
    theirs = await bed.registry.register("users", URL, owner="cfn:1:eu:stack", owner_ref="Endpoint")

    with pytest.raises(OwnershipError):
        await bed.registry.register("users", "https://mine.test")
    with pytest.raises(OwnershipError):
        await bed.registry.deregister("users")
    with pytest.raises(OwnershipError):
        await bed.registry.deregister("users", owner="cfn:1:eu:stack", owner_ref="Other")

    assert await bed.lookup() == [theirs]
    adopted = await bed.registry.register("users", "https://mine.test", adopt=True)
    assert await bed.lookup() == [adopted]
    assert adopted.registered_at == theirs.registered_at


@pytest.mark.parametrize(
    ("attributes", "endpoint"),
    [
        ({"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "8080"}, "http://10.0.0.1:8080"),
        ({"AWS_INSTANCE_CNAME": "users.example.test"}, "users.example.test"),
        ({"url": URL, "weight": "heavy", "version": "v1"}, URL),
    ],
)
async def test_records_of_others_are_found_listed_and_removed_by_their_id(
    aws: StandIn, bed: RegistrationBed, attributes: dict[str, str], endpoint: str
) -> None:
    aws.seed_instance("services", "users", "i-0abc", attributes)
    aws.seed_instance("services", "users", "i-0bad", {"note": "no address"})

    (found,) = await bed.lookup(stage="-")

    assert (found.id, found.endpoint, found.stage) == ("i-0abc", endpoint, "-")
    assert await bed.registry.records() == {"users": (found,)}
    assert await bed.registry.deregister(found) is True
    assert list(await bed.registry.records()) == ["users"]
    assert (await bed.registry.records())["users"] == ()


async def test_everything_is_listed_however_much_there_is(aws: StandIn, bed: RegistrationBed) -> None:
    for n in range(250):
        aws.seed_instance("services", "users", f"i-{n:03}", {"endpoint": f"https://{n}.test", "stage": STAGE})
    aws.seed_instance("services", "orders", "i-1", {"endpoint": URL, "stage": "Staging"})
    aws.seed_instance("others", "elsewhere", "i-1", {"endpoint": URL, "stage": STAGE})

    records = await bed.registry.records()

    assert {name: len(found) for name, found in records.items()} == {"orders": 1, "users": 250}
    assert await bed.registry.services() == ["users"]
    assert len(await bed.lookup()) == 250


async def test_a_namespace_that_another_account_shares_is_looked_up_by_its_owner(
    aws: StandIn, transport: Transport
) -> None:
    aws.seed_instance(
        "services", "users", "i-1", {"endpoint": URL, "stage": STAGE}, owner_account=OTHER_ACCOUNT
    )

    shared = await RegistrationBed(aws, transport, owner_account=OTHER_ACCOUNT).lookup()
    own = await RegistrationBed(aws, transport).lookup()

    assert endpoints(shared) == [URL]
    assert own == []


async def test_nothing_is_created_by_looking_removing_or_planning(aws: StandIn, bed: RegistrationBed) -> None:
    assert await bed.registry.deregister("users") is False
    assert await bed.registry.records() == {}
    plan = await bed.registry.plan_register("users", URL)

    assert (plan.creates_namespace, plan.creates_service) == (True, True)
    assert {name.split(":")[1] for name in aws.calls()} <= {"ListNamespaces", "ListServices", "GetInstance"}


async def test_a_record_at_the_limits_is_taken_as_it_is(bed: RegistrationBed) -> None:
    attributes = {f"{'k' * 40}{n:02}": "v" * 100 for n in range(22)} | {"filler": "x" * 1024}
    registered = await bed.registry.register(
        f"{'s' * 63}.{'t' * 63}",
        f"https://{'u' * 100}.test",
        stage="S" * 40,
        tenant="t" * 516,
        variant="blue",
        owner="o" * 100,
        attributes=attributes,
    )
    written = encode_attributes(registered)
    assert (len(written), sum(len(key) + len(value) for key, value in written.items())) == (30, 5000)

    assert await bed.lookup(registered.service, "S" * 40) == [registered]
