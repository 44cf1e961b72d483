"""The API of the serverless-discovery family, read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.server.bed import asking, make_parts, variables_for

if TYPE_CHECKING:
    from pathlib import Path

    from cloudmap_discovery.server.parts import Parts
    from tests.standin.stand_in import StandIn


def parts_for(aws: StandIn, **settings: str) -> Parts:
    return make_parts(variables_for(aws, surfaces="catalog", **settings))


def seed(aws: StandIn, instance_id: str, *, service: str = "users", **attributes: str) -> None:
    named = {name.replace("_", "-"): text for name, text in attributes.items()}
    aws.seed_instance("services", service, instance_id, {"endpoint": f"https://{instance_id}.test", **named})


async def test_a_record_has_the_fields_that_the_clients_know(aws: StandIn) -> None:
    seed(
        aws,
        "blue",
        stage="Production",
        version="1.4.2",
        tenant="acme",
        registered_at="2026-11-27T13:16:04Z",
        color="blue",
    )

    async with asking(parts_for(aws)) as client:
        response = await client.get("/catalog/service?ServiceName=users&StageName=Production&ExternalID=acme")

    assert response.status_code == 200
    assert response.json() == [
        {
            "ServiceID": "users:blue",
            "ServiceName": "users",
            "StageName": "Production",
            "ServiceURL": "https://blue.test",
            "Version": "1.4.2",
            "ExternalID": "acme",
            "CreatedAt": "2026-11-27T13:16:04Z",
        }
    ]


async def test_what_a_record_does_not_have_is_left_out_and_no_stage_is_a_dash(aws: StandIn) -> None:
    seed(aws, "blue")

    async with asking(parts_for(aws)) as client:
        found = (await client.get("/catalog/service?ServiceName=users")).json()

    assert found == [
        {
            "ServiceID": "users:blue",
            "ServiceName": "users",
            "StageName": "-",
            "ServiceURL": "https://blue.test",
        }
    ]


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"StageName": "Production"}, "new"),
        ({"StageName": "Production", "Version": "1.x"}, "old"),
        ({"StageName": "Production", "ExternalID": "acme"}, "acme"),
        ({"StageName": "Production", "ExternalID": "globex"}, "new"),
        ({"StageName": "pr-1>Production"}, "new"),
        ({"StageName": "-"}, "free"),
        ({"StageName": "", "Version": "", "ExternalID": ""}, "by-default"),
        ({}, "by-default"),
        ({"Unknown": "x"}, "by-default"),
    ],
)
async def test_a_lookup_answers_with_the_one_that_the_library_chooses(
    aws: StandIn, params: dict[str, str], found: str
) -> None:
    seed(aws, "old", stage="Production", version="1.4.2")
    seed(aws, "new", stage="Production", version="2.0.1")
    seed(aws, "drained", stage="Production", version="3.0.0", weight="0")
    seed(aws, "preview", stage="Production", version="4.0.0-rc.1")
    seed(aws, "acme", stage="Production", version="1.0.0", tenant="acme")
    seed(aws, "free")
    seed(aws, "by-default", stage="Staging")

    async with asking(parts_for(aws, stage="Staging")) as client:
        response = await client.get("/catalog/service", params={"ServiceName": "users", **params})

    assert [each["ServiceURL"] for each in response.json()] == [f"https://{found}.test"]


@pytest.mark.parametrize("params", [{"StageName": "Nowhere"}, {"Version": "^9"}, {"ServiceName": "user"}])
async def test_a_lookup_that_matches_nothing_is_404(aws: StandIn, params: dict[str, str]) -> None:
    seed(aws, "blue", stage="Production", version="1.0.0")

    async with asking(parts_for(aws, stage="Production")) as client:
        response = await client.get("/catalog/service", params={"ServiceName": "users", **params})

    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "ServiceName"),
        ("ServiceName=", "ServiceName"),
        ("ServiceName=a%20b", "ServiceName"),
        ("ServiceName=users&ServiceName=orders", "ServiceName"),
        ("ServiceName=users&StageName=a%20b", "StageName"),
        ("ServiceName=users&Version=%3F", "Version"),
        ("ServiceName=users&ExternalID=%0A", "ExternalID"),
    ],
)
async def test_a_wrong_parameter_is_400_and_named_as_the_client_does(
    aws: StandIn, query: str, field: str
) -> None:
    async with asking(parts_for(aws)) as client:
        response = await client.get(f"/catalog/service?{query}")

    assert response.status_code == 400
    assert response.json()["field"] == field
    assert response.json()["detail"].startswith(f"{field} is ")


@pytest.mark.parametrize("instance_id", ["blue", "a/b", "a//b/", "x:y@z", ".", "../..", "arn:aws:x:1/2"])
async def test_a_record_is_read_by_its_id(aws: StandIn, instance_id: str) -> None:
    aws.seed_instance("services", "users", instance_id, {"endpoint": "https://users.test"})

    async with asking(parts_for(aws)) as client:
        response = await client.get(f"/catalog/service/{quote(f'users:{instance_id}', safe='')}")

    assert response.status_code == 200
    assert response.json()["ServiceID"] == f"users:{instance_id}"


@pytest.mark.parametrize(
    "service_id",
    [
        "users:green",
        "orders:blue",
        "users",
        "users:",
        ":blue",
        "a b:blue",
        "users:a b",
        f"users:{'x' * 65}",
        "7f3c8b1e-0000-4000-8000-000000000000",
        "users:no-address",
        "",
    ],
)
async def test_an_id_of_no_record_is_404(aws: StandIn, service_id: str) -> None:
    seed(aws, "blue")
    aws.seed_instance("services", "users", "no-address", {"stage": "Production"})

    async with asking(parts_for(aws)) as client:
        response = await client.get(f"/catalog/service/{quote(service_id, safe='')}")

    assert response.status_code == 404
    assert response.json()["type"] == "urn:cloudmap-discovery:problem:no-such-record"


async def test_addresses_that_are_not_allowed_are_not_shown(aws: StandIn) -> None:
    seed(aws, "blue")

    async with asking(parts_for(aws, allowed_endpoints="*.elsewhere.test")) as client:
        by_id = await client.get("/catalog/service/users:blue")
        listed = await client.get("/v1/services")

    assert by_id.status_code == 404
    assert listed.json()["services"] == []


async def test_an_answer_is_to_be_asked_for_again_and_304_where_it_is_the_same(aws: StandIn) -> None:
    seed(aws, "blue")

    async with asking(parts_for(aws)) as client:
        for path in ("/catalog/service?ServiceName=users", "/catalog/service/users:blue"):
            first = await client.get(path)
            again = await client.get(path, headers={"if-none-match": first.headers["etag"]})

            assert first.headers["cache-control"] == "private, no-cache"
            assert again.status_code == 304


def packaged(folder: Path, **settings: str) -> dict[str, str]:
    path = folder / "snapshot.json"
    record: dict[str, Any] = {"service": "users", "stage": "Production", "endpoint": "https://users.test"}
    path.write_text(
        json.dumps(
            {
                "format": 1,
                "namespace": "services",
                "generated_at": "2026-11-27T13:16:14Z",
                "checked_at": "2026-11-27T14:00:02Z",
                "instances": [{**record, "id": "blue"}],
            }
        )
    )
    return {
        "DISCOVERY_SOURCES": "file",
        "DISCOVERY_SNAPSHOT_FILE": str(path),
        "DISCOVERY_SURFACES": "catalog",
        "DISCOVERY_TRANSPORT": "direct",
        "DISCOVERY_REGION": "eu-central-1",
        **settings,
    }


async def test_without_cloud_map_records_are_read_by_id_from_what_is_listed(tmp_path: Path) -> None:
    async with asking(make_parts(packaged(tmp_path))) as client:
        found = await client.get("/catalog/service/users:blue")
        nothing = await client.get("/catalog/service/users:green")
        other = await client.get("/catalog/service/orders:blue")

    assert (found.status_code, found.json()["ServiceURL"]) == (200, "https://users.test")
    assert (nothing.status_code, other.status_code) == (404, 404)


async def test_without_cloud_map_nothing_is_written(tmp_path: Path) -> None:
    async with asking(make_parts(packaged(tmp_path, DISCOVERY_ALLOW_WRITES="1"))) as client:
        created = await client.post(
            "/catalog/service", json={"ServiceName": "orders", "ServiceURL": "https://orders.test"}
        )
        deleted = await client.delete("/catalog/service/users:blue")

    for response in (created, deleted):
        assert response.status_code == 403
        assert response.json()["type"] == "urn:cloudmap-discovery:problem:read-only"
        assert "it reads file" in response.json()["detail"]
