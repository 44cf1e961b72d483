"""Runs over tagged functions: what comes into the registry, what leaves it, and what must not."""

from __future__ import annotations

import pytest

from tests.unit.fake_functions import arn_of
from tests.unit.registrar_bed import RegistrarBed

USERS = {"service": "users", "stage": "Production"}


async def test_a_tagged_function_is_registered_with_its_arn_for_itself() -> None:
    bed = RegistrarBed()
    function = bed.lambdas.add(
        "users-api", **USERS, version="1.4.0", tenant="acme", variant="blue", weight="30"
    )

    summary = await bed.run()

    (record,) = bed.cloud.has("users").values()
    assert record.pop("registered-at")
    assert record == {
        "endpoint": function,
        "stage": "Production",
        "version": "1.4.0",
        "tenant": "acme",
        "variant": "blue",
        "weight": "30",
        "owner": f"tag:{function}",
    }
    assert [one.service for one in summary.done.registered] == ["users"]
    assert summary.is_clean


async def test_without_a_stage_tag_a_record_is_of_no_stage_or_of_the_default_stage() -> None:
    bed, staged = RegistrarBed(), RegistrarBed(stage="Production")
    bed.lambdas.add("users", service="users")
    staged.lambdas.add("users", service="users")

    await bed.run()
    await staged.run()

    assert list(bed.registered) == ["users/-"]
    assert list(staged.registered) == ["users/Production"]


async def test_a_second_run_changes_nothing_and_writes_nothing() -> None:
    bed = RegistrarBed()
    bed.lambdas.add("users", **USERS)
    await bed.run()
    written = bed.count("RegisterInstance")

    summary = await bed.run()

    assert summary.plan.unchanged == 1
    assert bed.count("RegisterInstance") == written


FUNCTION_URL = "https://a1b2c3d4e5f6g7h8.lambda-url.eu-central-1.on.aws"


@pytest.mark.parametrize(
    ("about", "endpoint", "auth"),
    [
        ({"endpoint": "arn"}, arn_of("users"), None),
        ({"endpoint": "function-url", "url": f"{FUNCTION_URL}/"}, FUNCTION_URL, None),
        (
            {"endpoint": "function-url", "url": f"{FUNCTION_URL}/", "auth_type": "AWS_IAM"},
            FUNCTION_URL,
            "iam",
        ),
        (
            {"endpoint": "function-url:live", "url": f"{FUNCTION_URL}/", "url_alias": "live"},
            FUNCTION_URL,
            None,
        ),
        ({"endpoint": "alias:live", "aliases": {"live"}}, f"{arn_of('users')}:live", None),
    ],
    ids=["arn", "function-url", "signed-function-url", "alias-url", "alias"],
)
async def test_the_endpoint_tag_says_where_the_function_is_reached(
    about: dict[str, str], endpoint: str, auth: str | None
) -> None:
    bed = RegistrarBed()
    bed.lambdas.add("users", **USERS, **about)

    await bed.run()

    (record,) = bed.cloud.has("users").values()
    assert (record["endpoint"], record.get("auth")) == (endpoint, auth)


async def test_urls_from_tags_are_taken_only_where_that_is_switched_on() -> None:
    off, on = RegistrarBed(), RegistrarBed(registrar_urls=True)
    for bed in (off, on):
        bed.lambdas.add("users", **USERS, endpoint="https://users.example.com")

    await off.run()
    await on.run()

    assert off.registered == {}
    assert on.registered == {"users/Production": "https://users.example.com"}


async def test_a_function_that_only_the_event_knows_is_registered() -> None:
    bed = RegistrarBed()
    function = bed.lambdas.add("users", **USERS)
    bed.lambdas.listed_late = {function}

    await bed.run()
    before = dict(bed.registered)
    await bed.run(function)

    assert before == {}
    assert bed.registered == {"users/Production": function}


async def test_a_function_that_was_deleted_between_event_and_reading_is_not_registered() -> None:
    bed = RegistrarBed()
    bed.lambdas.listed_still = {arn_of("users"): {"discovery:service": "users"}}

    summary = await bed.run(arn_of("users"))

    assert bed.registered == {}
    assert summary.is_clean
