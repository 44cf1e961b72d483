"""The parameter that repeats what Cloud Map has, through the SDK and the stand-in for AWS."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import MalformedRecordError
from cloudmap_discovery.events import MirrorFailed
from tests.integration.registration_bed import (
    STAGE,
    RegistrationBed,
    bed,
    endpoints,
    lookup_fields,
    sdk_of_process,
    transport,
)

if TYPE_CHECKING:
    from cloudmap_discovery.transport.port import Transport
    from tests.standin.stand_in import StandIn

__all__ = ["bed", "sdk_of_process", "transport"]  # fixtures, found by name

NAME = "/services/Production/users"
URL = "https://users.test"


def failures(bed: RegistrationBed) -> list[MirrorFailed]:
    return [event for event in bed.events if isinstance(event, MirrorFailed)]


async def test_the_mirror_answers_as_cloud_map_does(bed: RegistrationBed) -> None:
    await bed.registry.register(
        "users", URL, version="1.0.0", tenant="acme", attributes={"a": "b"}, owner="ci"
    )
    await bed.registry.register("users", "https://blue.test", variant="blue", weight=0)

    mirrored, looked_up = await bed.mirrored(), await bed.lookup()

    assert [lookup_fields(instance) for instance in mirrored] == [
        lookup_fields(instance) for instance in looked_up
    ]
    assert failures(bed) == []


async def test_the_mirror_goes_with_the_last_record(aws: StandIn, bed: RegistrationBed) -> None:
    first = await bed.registry.register("users", URL)
    second = await bed.registry.register("users", "https://blue.test", variant="blue")

    await bed.registry.deregister(first)
    assert endpoints(await bed.mirrored()) == ["https://blue.test"]

    await bed.registry.deregister(second)
    assert await bed.mirrored() == []
    assert aws.calls()["ssm:DeleteParameter"] == 1


async def test_what_was_just_written_is_mirrored_although_listings_lag(
    aws: StandIn, bed: RegistrationBed
) -> None:
    aws.configure(listing_lag_seconds=60)
    for n in range(3):
        await bed.registry.register("users", f"https://{n}.test", variant=str(n))
        assert endpoints(await bed.mirrored()) == [f"https://{m}.test" for m in range(n + 1)]

    await bed.registry.deregister("users", variant="1")

    assert endpoints(await bed.mirrored()) == ["https://0.test", "https://2.test"]
    assert failures(bed) == []


async def test_several_writers_with_lagging_listings_leave_a_mirror_of_all_records(
    aws: StandIn, transport: Transport
) -> None:
    aws.seed_service("services", "users")
    aws.configure(operation_seconds=1, listing_lag_seconds=1.5)
    beds = [RegistrationBed(aws, transport) for _ in range(3)]

    await asyncio.gather(
        *(bed.registry.register("users", f"https://{n}.test", variant=str(n)) for n, bed in enumerate(beds))
    )

    assert endpoints(await beds[0].mirrored()) == [f"https://{n}.test" for n in range(3)]


async def test_what_a_person_wrote_stays_and_is_told(aws: StandIn, bed: RegistrationBed) -> None:
    aws.seed_parameter(NAME, "https://by-hand.test")

    registered = await bed.registry.register("users", URL)
    await bed.registry.deregister(registered)

    assert endpoints(await bed.mirrored()) == ["https://by-hand.test"]
    reason = f"{NAME} was written by a person and is left as it is"
    assert failures(bed) == [MirrorFailed("users", STAGE, "ssm", reason)] * 2


async def test_a_mirror_that_cannot_be_written_is_told_and_mended_next_time(
    aws: StandIn, bed: RegistrationBed
) -> None:
    with aws.faults.access_denied("ssm:PutParameter"):
        await bed.registry.register("users", URL)
    (failure,) = failures(bed)
    assert "ssm:PutParameter" in failure.reason
    assert await bed.mirrored() == []

    await bed.registry.register("users", URL)

    assert endpoints(await bed.mirrored()) == [URL]


async def test_a_mirror_that_was_left_behind_goes_when_deregistering_is_tried_again(
    aws: StandIn, bed: RegistrationBed
) -> None:
    await bed.registry.register("users", URL)
    with aws.faults.access_denied("ssm:DeleteParameter"):
        assert await bed.registry.deregister("users") is True
    assert endpoints(await bed.mirrored()) == [URL]

    assert await bed.registry.deregister("users") is False

    assert await bed.mirrored() == []


async def test_a_mirror_grows_into_the_larger_tier_and_then_says_that_it_cannot(bed: RegistrationBed) -> None:
    for n in range(5):
        await bed.registry.register("users", URL, variant=str(n), attributes={"note": "x" * 1000})
    assert len(await bed.mirrored()) == 5

    for n in range(5, 8):
        await bed.registry.register("users", URL, variant=str(n), attributes={"note": "x" * 1000})

    with pytest.raises(MalformedRecordError, match="more records than a parameter holds"):
        await bed.mirrored()
    assert len(await bed.lookup()) == 8
    assert failures(bed) == []
