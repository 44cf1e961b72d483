"""What every store answers: found, absent or failed, and never anything else."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

import pytest
import pytest_asyncio

from cloudmap_discovery.errors import MalformedRecordError
from cloudmap_discovery.model import NO_STAGE, Instance, Key
from cloudmap_discovery.settings import SOURCES
from cloudmap_discovery.stores.port import Absent, Found
from tests.contract.store_cases import CASES, ERRORS, NAMESPACE, StoreCase, Trouble
from tests.contract.transport_bed import NOISE_SECONDS, PLENTY_SECONDS, credentials
from tests.contract.transport_cases import sdk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cloudmap_discovery.transport.port import Transport
    from tests.standin.stand_in import StandIn

__all__ = ["credentials"]  # a fixture, found by name

STAGE = "Production"


@pytest.fixture(scope="module")
def transport(stand_in_of_process: StandIn) -> Transport:
    """Return a transport that has loaded what it needs, once for all tests here."""
    return sdk(stand_in_of_process.url)


@pytest_asyncio.fixture(params=CASES)
async def case(
    request: pytest.FixtureRequest, aws: StandIn, transport: Transport, credentials: None
) -> AsyncIterator[StoreCase]:
    del credentials
    yield CASES[request.param](transport, aws)
    await transport.aclose()


def user(name: str, **fields: Any) -> Instance:
    return Instance("users", f"https://{name}.test", **{"stage": STAGE, "id": name, **fields})


async def fetch(case: StoreCase, service: str = "users", stage: str = STAGE) -> Found | Absent:
    return await case.store.fetch(
        Key(NAMESPACE, service, stage), timeout_seconds=PLENTY_SECONDS, since=case.clock.now()
    )


async def found(case: StoreCase, service: str = "users", stage: str = STAGE) -> Found:
    outcome = await fetch(case, service, stage)
    assert isinstance(outcome, Found)
    return outcome


async def test_a_store_has_one_of_the_names_that_settings_know(case: StoreCase) -> None:
    assert case.store.name in SOURCES


async def test_records_are_found_with_all_that_lookups_need(case: StoreCase) -> None:
    record = user(
        "a",
        version="1.2.0-rc.1",
        tenant="acme",
        variant="blue",
        weight=0,
        attributes={"color": "x", "empty": ""},
    )
    await case.put(record)

    answer = await found(case)

    assert answer.instances == (record,)
    assert answer.passed_over == ()


async def test_records_come_sorted_by_id(case: StoreCase) -> None:
    await case.put(*(user(name) for name in "decab"))

    answer = await found(case)

    assert [instance.id for instance in answer.instances] == list("abcde")


async def test_records_of_other_services_and_stages_are_not_found(case: StoreCase) -> None:
    await case.put(
        user("a"),
        user("b", stage="Staging"),
        user("c", stage=NO_STAGE),
        Instance("orders", "https://d.test", STAGE),
    )

    assert [instance.id for instance in (await found(case)).instances] == ["a"]
    assert [instance.id for instance in (await found(case, stage="Staging")).instances] == ["b"]
    assert [instance.id for instance in (await found(case, stage=NO_STAGE)).instances] == ["c"]


async def test_stages_and_services_are_told_apart_by_case(case: StoreCase) -> None:
    await case.put(user("a"))

    assert isinstance(await fetch(case, stage="production"), Absent)
    assert isinstance(await fetch(case, service="Users"), Absent)


async def test_what_nobody_registered_is_absent(case: StoreCase) -> None:
    assert isinstance(await fetch(case), Absent)


async def test_another_stage_alone_is_absent(case: StoreCase) -> None:
    await case.put(user("a", stage="Staging"))

    assert isinstance(await fetch(case), Absent)


async def test_a_record_that_was_replaced_is_found_as_it_is_now(case: StoreCase) -> None:
    await case.put(user("a", attributes={"old": "1"}))
    now = replace(user("a"), endpoint="https://now.test")

    await case.put(now)

    assert (await found(case)).instances == (now,)


async def test_records_that_were_removed_are_absent(case: StoreCase) -> None:
    await case.put(user("a"), user("b"))
    await case.remove(user("a"))

    assert [instance.id for instance in (await found(case)).instances] == ["b"]

    await case.remove(user("b"))

    assert isinstance(await fetch(case), Absent)


async def test_a_malformed_record_is_passed_over_and_the_others_are_found(case: StoreCase) -> None:
    await case.put(user("a"))
    await case.put_malformed("users", STAGE)

    answer = await found(case)

    assert [instance.id for instance in answer.instances] == ["a"]
    (unusable,) = answer.passed_over
    assert unusable.record
    assert unusable.reason


async def test_records_of_which_none_is_usable_are_a_failure_and_not_an_absence(case: StoreCase) -> None:
    await case.put_malformed("users", STAGE)

    with pytest.raises(MalformedRecordError) as caught:
        await fetch(case)

    assert caught.value.store == case.store.name
    assert len(caught.value.passed_over) == 1


@pytest.mark.parametrize("trouble", [trouble for trouble in get_args(Trouble) if trouble != "slow"])
async def test_trouble_is_a_failure_of_this_store_and_passes(case: StoreCase, trouble: Trouble) -> None:
    await case.put(user("a"))
    case.break_with(trouble)

    with pytest.raises(ERRORS[trouble]) as caught:
        await fetch(case)

    assert caught.value.store == case.store.name
    case.heal()
    assert [instance.id for instance in (await found(case)).instances] == ["a"]


async def test_trouble_is_never_an_absence(case: StoreCase) -> None:
    case.break_with("denied")

    with pytest.raises(ERRORS["denied"]):
        await fetch(case)


async def test_no_answer_in_time_is_a_failure_in_time(case: StoreCase) -> None:
    await case.put(user("a"))
    case.break_with("slow")
    began = time.monotonic()

    with pytest.raises(ERRORS["slow"]) as caught:
        await case.store.fetch(Key(NAMESPACE, "users", STAGE), timeout_seconds=0.2)

    assert time.monotonic() - began < 0.2 + NOISE_SECONDS
    assert caught.value.store == case.store.name


async def test_the_age_of_an_answer_counts_from_when_it_was_asked_for(case: StoreCase) -> None:
    await case.put(user("a"))
    asked = case.clock.now()
    fetching = asyncio.create_task(found(case))
    await asyncio.sleep(0)

    case.clock.advance(60)

    assert (await fetching).sent == asked


async def test_many_can_ask_at_once(case: StoreCase) -> None:
    await case.put(*(user(name, stage=name) for name in "abcdefgh"))

    answers = await asyncio.gather(*(found(case, stage=name) for name in "abcdefgh"))

    assert [answer.instances[0].id for answer in answers] == list("abcdefgh")
