"""Who wrote a record owns it: others overwrite it only where they say so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cloudmap_discovery.errors import (
    OwnershipError,
)
from cloudmap_discovery.model import record_id
from tests.unit.registry_bed import STAGE, URL, RegistryBed

ID = record_id("users", STAGE, None, None, None)
NOW = datetime.fromtimestamp(1_700_000_000, UTC)


@pytest.fixture
def bed() -> RegistryBed:
    return RegistryBed()


async def test_a_record_that_nobody_claims_is_by_hand(bed: RegistryBed) -> None:
    instance = await bed.register("users", URL)

    assert (instance.owner, instance.owner_ref, instance.id) == ("manual", None, ID)


async def test_the_record_of_another_owner_is_left_alone(bed: RegistryBed) -> None:
    await bed.register("users", URL, owner="cfn:1:eu:stack", owner_ref="Endpoint")

    with pytest.raises(
        OwnershipError, match=r"belongs to cfn:1:eu:stack \(Endpoint\), not to manual: pass adopt=True"
    ) as caught:
        await bed.register("users", "https://mine.test")

    assert (caught.value.owner, caught.value.owner_ref, caught.value.claimant, caught.value.operation) == (
        "cfn:1:eu:stack",
        "Endpoint",
        "manual",
        "RegisterInstance",
    )
    assert bed.cloud.has("users")[ID]["endpoint"] == URL


async def test_the_record_of_another_owner_can_be_adopted(bed: RegistryBed) -> None:
    theirs = await bed.register("users", URL, owner="them")
    bed.clock.advance(60)

    ours = await bed.register("users", "https://mine.test", owner="us", adopt=True)

    assert (ours.owner, ours.endpoint, ours.registered_at) == (
        "us",
        "https://mine.test",
        theirs.registered_at,
    )
    assert bed.cloud.has("users")[ID]["owner"] == "us"


async def test_the_same_owner_may_overwrite_whatever_the_reference(bed: RegistryBed) -> None:
    await bed.register("users", URL, owner="us", owner_ref="One")

    instance = await bed.register("users", URL, owner="us", owner_ref="Two")

    assert bed.cloud.has("users")[ID]["owner-ref"] == instance.owner_ref == "Two"


async def test_a_record_without_an_owner_is_by_hand_and_may_be_overwritten_by_hand(bed: RegistryBed) -> None:
    bed.cloud.seed("users", ID, {"endpoint": "https://old.test", "stage": STAGE})

    await bed.register("users", URL)

    assert bed.cloud.has("users")[ID]["endpoint"] == URL
    with pytest.raises(OwnershipError, match="belongs to manual, not to us"):
        await bed.register("users", URL, owner="us")
