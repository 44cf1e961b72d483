"""The registrar over the stand-in for AWS: what stacks and tags make is discovered, and gone again afterwards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from cloudmap_discovery.errors import ServiceNotFoundError
from cloudmap_discovery.registrar.handler import UnfinishedError
from tests.integration.registrar_standin import SCHEDULED, Answers, RegistrarFunction, batch, trail
from tests.standin.faults import ErrorAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from cloudmap_discovery.api import Process
    from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

URL = "https://users.example.com"
USERS = {"Service": "users", "Stage": "Production", "Endpoint": URL, "DrainSeconds": "0"}
TAGS = {"discovery:service": "users", "discovery:stage": "Production"}


@pytest_asyncio.fixture
async def registrar(aws: StandIn) -> AsyncIterator[RegistrarFunction]:
    with Answers() as answers:
        function = RegistrarFunction(aws, answers)
        yield function
        await function.aclose()


async def found(process: Process, service: str = "users") -> str:
    (await process.core()).discovery.expire()
    return (await process.discover(service, stage="Production")).endpoint


async def test_a_stacks_service_comes_changes_and_goes(
    registrar: RegistrarFunction, processes: Callable[..., Process]
) -> None:
    created = await registrar.stack("Create", **USERS, Version="1.0.0")
    first = await found(processes())
    new = USERS | {"Endpoint": "https://new.example.com", "Version": "2.0.0"}
    updated = await registrar.stack("Update", **new, physical=created["PhysicalResourceId"])
    cleaned = await registrar.stack(
        "Delete", **USERS, Version="1.0.0", physical=created["PhysicalResourceId"]
    )
    second = await found(processes())
    deleted = await registrar.stack("Delete", **new, physical=updated["PhysicalResourceId"])

    assert {one["Status"] for one in (created, updated, cleaned, deleted)} == {"SUCCESS"}
    assert created["Data"]["ServiceArn"].startswith("arn:aws:servicediscovery:")
    assert (first, second) == (URL, "https://new.example.com")
    with pytest.raises(ServiceNotFoundError):
        await found(processes())


async def test_a_tagged_function_comes_and_goes_with_its_mirror(
    registrar: RegistrarFunction, processes: Callable[..., Process], aws: StandIn
) -> None:
    function = aws.seed_function("users-api", TAGS)

    await registrar.invoke(batch(trail("CreateFunction20150331", "users-api")))
    from_cloud_map = await found(processes())
    from_parameters = await found(processes(DISCOVERY_SOURCES="ssm"))
    aws.unseed_function("users-api")
    await registrar.invoke(batch(trail("DeleteFunction20150331v2", function)))

    assert from_cloud_map == from_parameters == function
    for sources in ("cloudmap", "ssm"):
        with pytest.raises(ServiceNotFoundError):
            await found(processes(DISCOVERY_SOURCES=sources))


async def test_urls_and_aliases_are_registered_as_they_are(
    registrar: RegistrarFunction, processes: Callable[..., Process], aws: StandIn
) -> None:
    aws.seed_function("web", {**TAGS, "discovery:endpoint": "function-url"}, url_auth_type="AWS_IAM")
    alias = {"discovery:service": "mail", "discovery:stage": "Production", "discovery:endpoint": "alias:live"}
    mail = aws.seed_function("mail", alias, aliases=["live"])

    await registrar.invoke(SCHEDULED)

    process = processes()
    instance = await process.discover("users", stage="Production")
    assert instance.url.startswith("https://")
    assert instance.attributes["auth"] == "iam"
    assert await found(process, "mail") == f"{mail}:live"


async def test_many_functions_are_registered_and_then_mirrored_together(
    registrar: RegistrarFunction, processes: Callable[..., Process], aws: StandIn
) -> None:
    for number in range(25):
        aws.seed_function(f"f{number}", {"discovery:service": f"s{number}", "discovery:stage": "Production"})

    await registrar.invoke(SCHEDULED)

    (line,) = map(json.loads, registrar.written)
    assert line["RecordsRegistered"] == 25
    assert line["mirrors"] == {"ssm": "25 mended"}
    assert await found(processes(DISCOVERY_SOURCES="ssm"), "s24")


async def test_throttled_requests_are_answered_once_they_are_done(
    registrar: RegistrarFunction, processes: Callable[..., Process], aws: StandIn
) -> None:
    error = ErrorAnswer("RequestLimitExceeded", "Rate exceeded")
    aws.faults.add(error, "servicediscovery:RegisterInstance", count=4)

    answer = await registrar.stack("Create", **USERS)

    assert answer["Status"] == "SUCCESS"
    assert await found(processes()) == URL


async def test_a_denied_call_reaches_the_stacks_events_with_the_missing_action(
    registrar: RegistrarFunction, aws: StandIn
) -> None:
    aws.faults.access_denied("servicediscovery:RegisterInstance")

    answer = await registrar.stack("Create", **USERS)

    assert answer["Status"] == "FAILED"
    assert "servicediscovery:RegisterInstance" in answer["Reason"]


async def test_functions_that_may_not_be_read_are_told_and_nothing_goes(
    registrar: RegistrarFunction, processes: Callable[..., Process], aws: StandIn
) -> None:
    function = aws.seed_function("users-api", TAGS)
    await registrar.invoke(SCHEDULED)
    aws.faults.access_denied("lambda:GetFunction")

    with pytest.raises(UnfinishedError):
        await registrar.invoke(SCHEDULED)

    assert await found(processes()) == function
    assert "lambda:GetFunction" in json.loads(registrar.written[-1])["unread"][0]["reason"]


async def test_an_api_of_this_account_is_verified_by_its_id(
    registrar: RegistrarFunction, aws: StandIn
) -> None:
    endpoint = f"https://a1b2c3d4e5.execute-api.{aws.region}.amazonaws.com"

    answer = await registrar.stack("Create", **USERS | {"Endpoint": endpoint, "Verify": "true"})

    assert answer["Status"] == "FAILED"
    assert "there is no API 'a1b2c3d4e5' in this account and region" in answer["Reason"]


async def test_an_empty_service_goes_after_its_time(registrar: RegistrarFunction, aws: StandIn) -> None:
    quick = RegistrarFunction(aws, registrar._answers, DISCOVERY_REGISTRAR_GRACE="0")
    created = await quick.stack("Create", **USERS)
    await quick.stack("Delete", **USERS, physical=created["PhysicalResourceId"])

    told = await quick.invoke(SCHEDULED)
    await quick.aclose()

    assert told is not None
    assert told["services_removed"] == ["users"]
