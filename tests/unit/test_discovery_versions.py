"""Versions, tenants, sticky keys and declared dependencies, through the whole of a lookup."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.assembly import make_discovery
from cloudmap_discovery.dependencies import Dependency
from cloudmap_discovery.errors import NoMatchingInstanceError, ServiceNotFoundError
from cloudmap_discovery.model import Instance
from cloudmap_discovery.settings import Settings
from tests.unit.bed import NAMESPACE, STAGE, Bed, make_bed, never_random, users

if TYPE_CHECKING:
    from cloudmap_discovery.discovery import Discovery

OLD = users("https://old.test", version="1.4.2")
NEW = users("https://new.test", version="2.1.0")
RC = users("https://rc.test", version="3.0.0-rc.1")
ACME = users("https://acme.test", version="1.5.0", tenant="acme")


@pytest.fixture
def bed() -> Bed:
    bed = make_bed()
    bed.cloud_map.put(OLD, NEW, RC, ACME)
    return bed


def declaring(bed: Bed, *dependencies: Dependency, **settings: str) -> Discovery:
    """Return a Discovery over the bed's store with declared dependencies."""
    return make_discovery(
        Settings(namespace=NAMESPACE, sources=("cloudmap",), stage=STAGE, **settings),  # type: ignore[arg-type]  # text alone
        [bed.cloud_map],
        io=bed.io,
        events=bed.events,
        clock=bed.clock,
        health=bed.health,
        discard=lambda: bed.cloud_map.fetch,  # type: ignore[arg-type,return-value]  # never called here
        stale_wait_seconds=0.0,
        draw=never_random,
        jitter=never_random,
        dependencies=dependencies,
    )


async def test_every_version_is_answered_from_one_call(bed: Bed) -> None:
    found = [
        await bed.find(version=version, tenant=tenant)
        for version, tenant in [
            (None, None),
            ("^1", None),
            ("3.0.0-rc.1", None),
            (None, "acme"),
            ("^2", "acme"),
        ]
    ]

    assert found == [NEW, OLD, RC, ACME, NEW]
    assert bed.asked == ["cloudmap"]


async def test_each_request_is_ready_for_itself(bed: Bed) -> None:
    for _ in range(2):
        await bed.find(version="^1")
        await bed.find()

    assert bed.discovery.held("users", STAGE, None, "^1") == OLD
    assert bed.discovery.held("users", STAGE) == NEW
    assert len(bed.discovery._ready._choices) == 2


async def test_a_sticky_key_gets_the_same_instance_ready_or_not() -> None:
    bed = make_bed()
    bed.cloud_map.put(*(users(f"https://{n}.test", variant=str(n)) for n in range(5)))

    first = await bed.find(sticky="customer-42")
    later = [await bed.find(sticky="customer-42") for _ in range(5)]
    others = {(await bed.find(sticky=f"customer-{n}")).endpoint for n in range(100)}

    assert later == [first] * 5
    assert len(others) == 5


async def test_a_sticky_key_moves_on_while_its_instance_is_set_aside() -> None:
    bed = make_bed()
    bed.cloud_map.put(*(users(f"https://{n}.test", variant=str(n)) for n in range(5)))
    first = await bed.find(sticky="customer-42")

    await bed.discovery.report_failure(first)
    meanwhile = await bed.find(sticky="customer-42")
    bed.clock.advance(11)

    assert meanwhile != first
    assert await bed.find(sticky="customer-42") == first


async def test_an_error_says_which_versions_tenants_and_stages_there_are(bed: Bed) -> None:
    bed.cloud_map.put(users("https://staging.test", stage="Staging"))
    await bed.find(stage="Staging")

    with pytest.raises(NoMatchingInstanceError) as caught:
        await bed.find(version="^7")

    error = caught.value
    assert error.versions == ("3.0.0-rc.1", "2.1.0", "1.5.0", "1.4.2")
    assert (error.tenants, error.stages, error.stage) == (("acme",), ("Staging",), STAGE)
    assert "no instance with version ^7" in str(error)
    assert "1.4.2" in str(error)
    assert "Staging" in str(error)


async def test_what_is_declared_is_looked_up_as_declared(bed: Bed) -> None:
    discovery = declaring(bed, Dependency("users", version="^1"))

    assert await discovery.discover("users") == OLD
    assert await discovery.discover("users", version="^2") == NEW
    assert list(await discovery.discover_all("users")) == [OLD]


async def test_prefetch_without_names_fetches_what_is_declared(bed: Bed) -> None:
    mail = Instance("mail", "https://mail.test", stage="Staging")
    bed.cloud_map.put(mail)
    discovery = declaring(bed, Dependency("users", version="^1"), Dependency("mail", stage="Staging"))

    await discovery.prefetch()

    assert (discovery.held("users"), discovery.held("mail")) == (OLD, mail)
    assert len(bed.asked) == 2


async def test_prefetch_of_nothing_says_so(bed: Bed, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="cloudmap_discovery"):
        await bed.discovery.prefetch()

    assert "no dependencies declared" in caplog.text
    assert bed.asked == []


async def test_a_name_that_is_spelled_like_a_declared_one_is_a_near_miss(bed: Bed) -> None:
    discovery = declaring(bed, Dependency("payments"))

    with pytest.raises(ServiceNotFoundError) as caught:
        await discovery.discover("payment")

    assert caught.value.near_misses == ("payments",)


async def test_explain_says_what_was_asked_for_and_what_the_key_gets(bed: Bed) -> None:
    said = await bed.discovery.explain("users", stage=STAGE, version="^1", tenant="acme", sticky="k")

    assert (said.version, said.tenant, said.sticky, said.chosen) == ("^1", "acme", "k", ACME)
    reasons = {one.record: one.reason for one in said.passed_over}
    assert reasons[OLD.id] == "is of no tenant, and tenant acme has its own"
    assert reasons[NEW.id] == "version 2.1.0 is not in ^1"


async def test_explain_marks_what_is_drained_and_serves_all_the_same() -> None:
    bed = make_bed()
    bed.cloud_map.put(users(weight=0))

    assert (await bed.discovery.explain("users", stage=STAGE)).drained


@pytest.mark.parametrize(
    ("records", "outcome"),
    [
        ([NEW], ("Production", True)),
        ([users(stage="pr-7")], ("pr-7", True)),
        ([], ("Production", False)),
    ],
)
async def test_explain_shows_every_stage_of_a_ladder_and_which_one_decides(
    records: list[Instance], outcome: tuple[str, bool]
) -> None:
    bed = make_bed()
    bed.cloud_map.put(*records)

    said = await bed.discovery.explain("users", stage=f"pr-7>{STAGE}")

    assert (said.stage, said.found) == outcome
    assert [rung.stage for rung in said.rungs] == ["pr-7", STAGE]
    assert bool(said.error) is not said.found
