"""The manifest over HTTP: what caches, pages of other origins and clients in an outage are told."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx2
import jsonschema_rs
import pytest

from cloudmap_discovery.server.manifest_schema import SCHEMA
from cloudmap_discovery.testing import FakeClock
from tests.server.bed import asking, make_parts, serving, variables_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standin.stand_in import StandIn

PATH = "/manifest/Production"
ORIGIN = "https://app.example.com"
REST = {
    "orders": {"endpoint": "https://orders.example.com"},
    "users": {"endpoint": "https://users.example.com"},
}


def seed(aws: StandIn, service: str = "users", stage: str = "Production", **attributes: str) -> None:
    given = {"endpoint": f"https://{service}.example.com", "stage": stage, "public": "true", **attributes}
    aws.seed_instance("services", service, f"{stage}-1", given)


def in_region(rest: dict[str, dict[str, str]], region: str = "us-east-1") -> dict[str, Any]:
    return {"API": {"REST": {name: {**entry, "region": region} for name, entry in rest.items()}}}


@pytest.fixture
def two(aws: StandIn) -> StandIn:
    seed(aws)
    seed(aws, "orders")
    seed(aws, "hidden", public="false")
    seed(aws, "elsewhere", stage="Staging")
    return aws


async def get(aws: StandIn, path: str = PATH, **settings: str) -> httpx2.Response:
    async with asking(make_parts(variables_for(aws, surfaces="manifest", **settings))) as client:
        return await client.get(path)


def assert_valid(answer: httpx2.Response) -> dict[str, Any]:
    content: dict[str, Any] = answer.json()
    jsonschema_rs.validator_for(SCHEMA).validate(content)
    return content


async def test_it_is_the_block_that_amplify_takes(two: StandIn) -> None:
    answer = await get(two)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert assert_valid(answer) == in_region(REST)


async def test_it_may_be_kept_as_long_as_the_settings_say(two: StandIn) -> None:
    answer = await get(two, ttl="30", stale_while_revalidate="90", max_stale="7200")

    assert answer.headers["cache-control"] == (
        "public, max-age=30, stale-while-revalidate=90, stale-if-error=7200"
    )


async def test_a_stage_without_public_services_is_an_empty_manifest(aws: StandIn) -> None:
    seed(aws, "hidden", public="false")

    for path in (PATH, "/manifest/Nowhere"):
        answer = await get(aws, path)

        assert answer.status_code == 200
        assert assert_valid(answer) == {"API": {"REST": {}}}


async def test_a_ladder_is_percent_encoded_and_each_service_is_of_the_first_stage_that_has_it(
    two: StandIn,
) -> None:
    seed(two, stage="pr-7", endpoint="https://pr-7.example.com")

    answer = await get(two, "/manifest/pr-7%3EProduction%3EStaging")

    endpoints = {name: entry["endpoint"] for name, entry in assert_valid(answer)["API"]["REST"].items()}
    assert endpoints == {
        "elsewhere": "https://elsewhere.example.com",
        "orders": "https://orders.example.com",
        "users": "https://pr-7.example.com",
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("services=users", ["users"]),
        ("services=users,orders", ["orders", "users"]),
        ("services=users,%20unknown", ["users"]),
        ("services=users&services=orders", ["orders", "users"]),
        ("services=users,", ["users"]),
        ("services=,", ["orders", "users"]),
        ("services=", ["orders", "users"]),
        ("services=hidden,elsewhere", []),
    ],
)
async def test_services_are_chosen_by_name(two: StandIn, query: str, names: list[str]) -> None:
    answer = await get(two, f"{PATH}?{query}")

    assert answer.status_code == 200
    assert list(assert_valid(answer)["API"]["REST"]) == names


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"{PATH}?services=a%2Fb", "services"),
        (f"{PATH}?service=users", "query"),
        (f"{PATH}?v=1", "query"),
        ("/manifest/a%20b", "stage"),
        ("/manifest/a%3Ea", "stage"),
        (f"/manifest/{'x' * 41}", "stage"),
    ],
)
async def test_what_cannot_be_is_refused_without_a_look_at_the_registry(
    aws: StandIn, path: str, field: str
) -> None:
    async with asking(make_parts(variables_for(aws, surfaces="manifest"))) as client:
        answer = await client.get(path, headers={"origin": ORIGIN})

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json()["field"] == field
    assert aws.calls() == {}


async def test_overrides_apply_to_what_is_public(two: StandIn) -> None:
    overrides = json.dumps({"users": "http://localhost:3001", "hidden": "http://localhost:3002"})

    answer = await get(two, overrides=overrides)

    assert assert_valid(answer) == in_region({**REST, "users": {"endpoint": "http://localhost:3001"}})


async def test_who_has_it_already_is_told_so_until_it_changes(two: StandIn) -> None:
    parts = make_parts(variables_for(two, surfaces="manifest"))
    async with asking(parts) as client:
        first = await client.get(PATH)
        kept = {"if-none-match": first.headers["etag"], "origin": ORIGIN}
        same = await client.get(PATH, headers=kept)
        chosen = await client.get(f"{PATH}?services=users", headers=kept)
        seed(two, endpoint="https://moved.example.com")
        parts.site.overview.forget()
        moved = await client.get(PATH, headers=kept)

    assert (same.status_code, same.content) == (304, b"")
    for name in ("etag", "cache-control"):
        assert same.headers[name] == first.headers[name]
    assert same.headers["access-control-allow-origin"] == "*"
    assert chosen.status_code == moved.status_code == 200
    assert moved.headers["etag"] != first.headers["etag"]


async def test_the_etag_is_of_the_manifest_alone_on_every_server(aws: StandIn) -> None:
    names = ["users", "orders", "payments", "mail"]
    for name in names:
        seed(aws, name)
    first = await get(aws)
    aws.reset()
    for name in reversed(names):
        seed(aws, name)
    seed(aws, "hidden", public="no")

    second = await get(aws, ttl="7")

    assert second.headers["etag"] == first.headers["etag"]
    assert second.content == first.content


async def test_pages_of_every_origin_may_read_it_unless_some_are_named(two: StandIn) -> None:
    asked = {"origin": ORIGIN}
    async with asking(make_parts(variables_for(two, surfaces="manifest"))) as client:
        everyone = await client.get(PATH, headers=asked)
    named = variables_for(two, surfaces="manifest", cors_origins=ORIGIN)
    async with asking(make_parts(named)) as client:
        one = await client.get(PATH, headers=asked)
        other = await client.get(PATH, headers={"origin": "https://other.example.com"})

    assert everyone.headers["access-control-allow-origin"] == "*"
    assert everyone.headers["access-control-expose-headers"] == "etag, retry-after, cache-status"
    assert "vary" not in everyone.headers
    assert one.headers["access-control-allow-origin"] == ORIGIN
    assert one.headers["vary"] == other.headers["vary"] == "origin"
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("path", [PATH, "/manifest/schema.json"])
async def test_a_browser_may_ask_conditionally_and_read_alone(aws: StandIn, path: str) -> None:
    headers = {"origin": ORIGIN, "access-control-request-headers": "if-none-match"}
    async with asking(make_parts(variables_for(aws, surfaces="manifest"))) as client:
        answers = {
            method: await client.options(path, headers={**headers, "access-control-request-method": method})
            for method in ("GET", "PUT")
        }
        refused = await client.put(path)

    assert {answer.status_code for answer in answers.values()} == {204}
    assert answers["GET"].headers["access-control-allow-origin"] == "*"
    assert answers["GET"].headers["access-control-allow-headers"] == "if-none-match"
    assert answers["GET"].headers["allow"] == "GET, HEAD, OPTIONS"
    assert "access-control-allow-methods" not in answers["PUT"].headers
    assert refused.status_code == 405
    assert aws.calls() == {}


async def test_head_is_get_without_a_body_over_a_real_connection(two: StandIn) -> None:
    with serving(make_parts(variables_for(two, surfaces="manifest"))) as url:
        got = await asyncio.to_thread(httpx2.get, url + PATH)
        head = await asyncio.to_thread(httpx2.head, url + PATH)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == got.headers["etag"]
    assert head.headers["content-length"] == got.headers["content-length"]


async def test_a_stale_listing_serves_and_says_so_and_is_kept_for_seconds(two: StandIn) -> None:
    clock = FakeClock()
    parts = make_parts(variables_for(two, surfaces="manifest"), clock=clock)
    async with asking(parts) as client:
        fresh = await client.get(PATH)
        clock.advance(100)
        two.down("servicediscovery", how="unavailable")
        stale = await client.get(PATH)
        same = await client.get(PATH, headers={"if-none-match": fresh.headers["etag"]})

    assert "cache-status" not in fresh.headers
    assert (stale.status_code, stale.content) == (200, fresh.content)
    assert stale.headers["cache-status"] == "cloudmap-discovery; hit; ttl=-40"
    assert stale.headers["cache-control"].startswith("public, max-age=5, ")
    assert same.status_code == 304
    assert same.headers["cache-status"] == stale.headers["cache-status"]


async def test_an_outage_with_nothing_held_is_a_503_that_pages_can_read_and_that_tells_nothing_of_the_account(
    two: StandIn,
) -> None:
    two.faults.access_denied("servicediscovery")
    async with asking(make_parts(variables_for(two, surfaces="manifest"))) as client:
        answer = await client.get(PATH, headers={"origin": ORIGIN})

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "5"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["access-control-allow-origin"] == "*"
    problem = answer.json()
    assert problem["type"] == "urn:cloudmap-discovery:problem:registry-unavailable"
    assert problem["detail"] == "nothing is known of what is registered; ask again in 5 s"


async def test_the_schema_is_served_as_a_valid_one_to_every_origin(aws: StandIn) -> None:
    async with asking(make_parts(variables_for(aws, surfaces="manifest"))) as client:
        answer = await client.get("/manifest/schema.json", headers={"origin": ORIGIN})
        kept = {"if-none-match": answer.headers["etag"]}
        same = await client.get("/manifest/schema.json", headers=kept)

    assert answer.headers["content-type"] == "application/schema+json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.json() == SCHEMA
    assert same.status_code == 304
    jsonschema_rs.meta.validate(answer.json())
    assert answer.json()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"API": {}},
        {"API": {"REST": {}}, "Auth": {}},
        {"API": {"REST": {"users": {}}}},
        {"API": {"REST": {"users": {"endpoint": "arn:aws:lambda:x"}}}},
        {"API": {"REST": {"users": {"endpoint": "https://users.example.com/"}}}},
        {"API": {"REST": {"users": {"endpoint": "https://users.example.com", "owner": "x"}}}},
        {"API": {"REST": {"users": {"endpoint": "https://users.example.com", "service": "s3"}}}},
    ],
)
def test_the_schema_refuses_what_is_no_manifest(wrong: object) -> None:
    assert not jsonschema_rs.validator_for(SCHEMA).is_valid(wrong)


async def test_a_stage_of_the_schemas_name_is_asked_for_as_a_ladder(aws: StandIn) -> None:
    seed(aws, stage="schema.json")

    answer = await get(aws, "/manifest/schema.json%3EProduction")

    assert list(assert_valid(answer)["API"]["REST"]) == ["users"]


async def test_a_packaged_file_is_enough_and_without_a_region_none_is_said(tmp_path: Path) -> None:
    snapshot = tmp_path / "services.json"
    record = {
        "service": "users",
        "stage": "Production",
        "endpoint": "https://users.example.com/",
        "attributes": {"public": "true"},
        "id": "Production-1",
    }
    content = {
        "format": 1,
        "namespace": "services",
        "generated_at": "2026-01-01T00:00:00Z",
        "checked_at": "2026-01-01T00:00:00Z",
        "instances": [record],
    }
    snapshot.write_text(json.dumps(content))
    variables = {
        "DISCOVERY_SOURCES": "file",
        "DISCOVERY_SNAPSHOT_FILE": str(snapshot),
        "DISCOVERY_SURFACES": "manifest",
    }
    async with asking(make_parts(variables)) as client:
        answer = await client.get(PATH)

    assert assert_valid(answer) == {"API": {"REST": {"users": REST["users"]}}}
