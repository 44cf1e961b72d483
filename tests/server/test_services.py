"""The registry as JSON: what is listed, what a lookup finds, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from cloudmap_discovery.testing import FakeClock
from tests.server.bed import asking, make_parts, variables_for

if TYPE_CHECKING:
    from cloudmap_discovery.server.parts import Parts
    from tests.standin.stand_in import StandIn

HOSTILE: Final = "<script>alert(1)</script>\"'; DROP TABLE {{7*7}} ../../etc/passwd%00\t%0d%0aX: y"


def parts_for(aws: StandIn, clock: FakeClock | None = None, **settings: str) -> Parts:
    return make_parts(variables_for(aws, surfaces="catalog", **settings), clock=clock)


def seed(aws: StandIn, service: str, instance_id: str, **attributes: str) -> None:
    named = {name.replace("_", "-"): text for name, text in attributes.items()}
    aws.seed_instance("services", service, instance_id, {"endpoint": f"https://{instance_id}.test", **named})


def seed_some(aws: StandIn) -> None:
    seed(aws, "users", "blue", stage="Production", version="1.4.2", color="blue")
    seed(aws, "users", "green", stage="Production", version="2.0.1", color="green", weight="0")
    seed(aws, "users", "acme", stage="Production", version="1.0.0", tenant="acme")
    seed(aws, "users", "staging", stage="Staging", version="2.1.0")
    seed(aws, "orders", "orders", stage="Staging")
    seed(aws, "mail", "mail")


async def test_where_there_is_no_namespace_the_empty_list_says_so_and_is_not_kept(aws: StandIn) -> None:
    async with asking(parts_for(aws)) as client:
        answer = await client.get("/v1/services")

    assert answer.status_code == 200
    assert answer.json()["services"] == []
    assert "check DISCOVERY_NAMESPACE" in answer.json()["missing"]
    assert answer.headers["cache-control"] == "private, no-cache"


async def test_what_only_parameter_store_knows_is_found_and_not_listed(aws: StandIn) -> None:
    aws.seed_parameter("/services/Production/users", "https://by-hand.test")

    async with asking(parts_for(aws, sources="ssm")) as client:
        found = await client.get("/v1/services/users?stage=Production")
        listed = await client.get("/v1/services")

    assert found.json()["instances"][0]["endpoint"] == "https://by-hand.test"
    assert (listed.status_code, listed.json()["type"].rsplit(":")[-1]) == (500, "configuration")
    assert "retry-after" not in listed.headers


async def test_services_are_listed_with_their_stages_versions_and_number_of_records(aws: StandIn) -> None:
    seed_some(aws)
    aws.seed_service("services", "empty")

    async with asking(parts_for(aws)) as client:
        said = (await client.get("/v1/services")).json()

    assert said.pop("age_seconds") >= 0
    assert said == {
        "stage": None,
        "source": "cloudmap",
        "stale": False,
        "missing": None,
        "services": [
            {"service": "mail", "stages": ["-"], "versions": [], "count": 1},
            {"service": "orders", "stages": ["Staging"], "versions": [], "count": 1},
            {
                "service": "users",
                "stages": ["Production", "Staging"],
                "versions": ["2.1.0", "2.0.1", "1.4.2", "1.0.0"],
                "count": 4,
            },
        ],
    }


@pytest.mark.parametrize(
    ("stage", "counts"),
    [
        ("Production", {"users": 3}),
        ("-", {"mail": 1}),
        ("Staging>-", {"mail": 1, "orders": 1, "users": 1}),
        ("Nowhere", {}),
        ("", {"mail": 1, "orders": 1, "users": 4}),
    ],
)
async def test_services_of_a_stage_are_those_with_records_there(
    aws: StandIn, stage: str, counts: dict[str, int]
) -> None:
    seed_some(aws)

    async with asking(parts_for(aws)) as client:
        response = await client.get("/v1/services", params={"stage": stage})

    assert response.status_code == 200
    assert {each["service"]: each["count"] for each in response.json()["services"]} == counts


@pytest.mark.parametrize(
    ("params", "ids"),
    [
        ({}, ["green", "blue"]),
        ({"version": "", "tenant": "", "where": ""}, ["green", "blue"]),
        ({"version": "1.x"}, ["blue"]),
        ({"tenant": "acme"}, ["acme"]),
        ({"tenant": "globex"}, ["green", "blue"]),
        ({"where": "color:blue"}, ["blue"]),
        ({"where": ["color:blue", "size:big"]}, []),
        ({"where": "color:"}, []),
        ({"version": "^7"}, []),
        ({"stage": "pr-1>Production"}, ["green", "blue"]),
    ],
)
async def test_a_lookup_finds_every_match_highest_version_first_and_none_is_an_answer(
    aws: StandIn, params: dict[str, Any], ids: list[str]
) -> None:
    seed_some(aws)

    async with asking(parts_for(aws, stage="Production")) as client:
        response = await client.get("/v1/services/users", params=params)
        said = response.json()

    assert response.status_code == 200
    assert [each["id"] for each in said["instances"]] == ids
    assert (said["service"], said["stage"], said["source"], said["stale"]) == (
        "users",
        "Production",
        "cloudmap",
        False,
    )


async def test_a_record_has_all_its_fields(aws: StandIn) -> None:
    seed(
        aws, "users", "blue", stage="Production", color="blue", owner_ref="Users", registered_at="2026-11-27"
    )

    async with asking(parts_for(aws)) as client:
        (record,) = (await client.get("/v1/services/users?stage=Production")).json()["instances"]

    assert record == {
        "service": "users",
        "endpoint": "https://blue.test",
        "stage": "Production",
        "version": None,
        "tenant": None,
        "variant": None,
        "weight": 100,
        "attributes": {"color": "blue"},
        "owner": None,
        "owner_ref": "Users",
        "registered_at": "2026-11-27T00:00:00Z",
        "id": "blue",
    }


async def test_a_service_that_is_not_there_is_404_and_says_what_is_spelled_alike(aws: StandIn) -> None:
    seed(aws, "users", "blue", stage="Production")

    async with asking(parts_for(aws)) as client:
        await client.get("/v1/services/users?stage=Production")
        response = await client.get("/v1/services/user?stage=Production")

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "urn:cloudmap-discovery:problem:service-not-found"
    assert response.json()["near_misses"] == ["users"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/services?stages=Production", "stages"),
        ("/v1/services?stage=a&stage=b", "stage"),
        ("/v1/services?stage=a%20b", "stage"),
        ("/v1/services/users?stage=a&stage=a", "stage"),
        ("/v1/services/users?ServiceName=users", "ServiceName"),
        ("/v1/services/users?version=not%20a%20range", "version"),
        ("/v1/services/users?tenant=%00", "tenant"),
        ("/v1/services/users?where=blue", "where"),
        ("/v1/services/users?where=:blue", "where"),
        ("/v1/services/users?where=color:blue&where=color:green", "where"),
        ("/v1/services/users/explain?sticky=me", "sticky"),
        ("/v1/services/us%20ers", "service"),
        (f"/v1/services/{'x' * 128}", "service"),
    ],
)
async def test_a_wrong_parameter_is_400_and_named(aws: StandIn, path: str, field: str) -> None:
    async with asking(parts_for(aws)) as client:
        response = await client.get(path)

    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert response.json()["field"] == field
    assert aws.calls() == {}


async def test_what_has_not_changed_is_304_whatever_its_age(aws: StandIn) -> None:
    seed_some(aws)
    clock = FakeClock()

    async with asking(parts_for(aws, clock)) as client:
        for path in ("/v1/services", "/v1/services/users?stage=Production"):
            first = await client.get(path)
            clock.advance(20)
            again = await client.get(path, headers={"if-none-match": first.headers["etag"]})

            assert again.status_code == 304
            assert again.content == b""
            assert again.headers["etag"] == first.headers["etag"]
            assert first.headers["etag"].startswith('W/"')


async def test_another_record_is_another_etag(aws: StandIn) -> None:
    clock = FakeClock()
    seed(aws, "users", "blue", stage="Production")

    async with asking(parts_for(aws, clock)) as client:
        for path in ("/v1/services", "/v1/services/users?stage=Production"):
            first = await client.get(path)
            seed(aws, "users", f"more-{path.count('/')}", stage="Production")
            clock.advance(200)
            again = await client.get(path, headers={"if-none-match": first.headers["etag"]})

            assert again.status_code == 200


async def test_an_answer_may_be_kept_as_long_as_it_is_fresh_here(aws: StandIn) -> None:
    seed_some(aws)
    clock = FakeClock()

    async with asking(parts_for(aws, clock, ttl="60")) as client:
        first = await client.get("/v1/services")
        clock.advance(45)
        later = await client.get("/v1/services")

    assert first.headers["cache-control"] in {"private, max-age=59", "private, max-age=60"}
    assert later.headers["cache-control"] == "private, max-age=15"


async def test_explain_asks_every_store_and_is_not_to_be_kept(aws: StandIn) -> None:
    seed_some(aws)

    async with asking(parts_for(aws)) as client:
        response = await client.get(
            "/v1/services/users/explain", params={"stage": "Production", "where": "color:blue"}
        )
        said = response.json()

    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert [(each["store"], each["outcome"]) for each in said["stores"]] == [
        ("cloudmap", "found"),
        ("ssm", "absent"),
    ]
    assert [each["id"] for each in said["candidates"]] == ["blue"]
    assert said["where"] == {"color": "blue"}


async def test_explain_is_200_where_nothing_is_found(aws: StandIn) -> None:
    async with asking(parts_for(aws)) as client:
        response = await client.get("/v1/services/nothing/explain")

    assert response.status_code == 200
    assert response.json()["found"] is False
    assert "not in cloudmap, ssm" in response.json()["error"]


async def test_hostile_values_stay_text(aws: StandIn) -> None:
    seed(aws, "users", "bad", stage="Production", note=HOSTILE)

    async with asking(parts_for(aws)) as client:
        response = await client.get(
            "/v1/services/users", params={"stage": "Production", "where": f"note:{HOSTILE}"}
        )
        (record,) = response.json()["instances"]
        explained = await client.get("/v1/services/users/explain?stage=Production")

    assert record["attributes"] == {"note": HOSTILE}
    assert response.headers["content-type"] == "application/json"
    assert explained.json()["candidates"][0]["attributes"] == {"note": HOSTILE}


async def test_malformed_records_are_left_out(aws: StandIn) -> None:
    seed_some(aws)
    aws.seed_instance("services", "users", "no-address", {"stage": "Production"})
    aws.seed_instance("services", "broken", "no-address", {"stage": "Production"})

    async with asking(parts_for(aws)) as client:
        listed = (await client.get("/v1/services?stage=Production")).json()["services"]
        found = (await client.get("/v1/services/users?stage=Production")).json()["instances"]

    assert [(each["service"], each["count"]) for each in listed] == [("users", 3)]
    assert [each["id"] for each in found] == ["green", "blue"]
