"""What the catalog says while the registry fails: what is held, marked stale, or that it does not answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from cloudmap_discovery.testing import FakeClock
from tests.server.bed import asking, make_parts, variables_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cloudmap_discovery.server.parts import Parts
    from tests.standin.stand_in import StandIn

PATHS: Final = (
    "/v1/services",
    "/v1/services/users?stage=Production",
    "/catalog/service?ServiceName=users&StageName=Production",
    "/catalog/service/users:blue",
)
FAULTS: Final[dict[str, Callable[[StandIn], object]]] = {
    "unreachable": lambda aws: aws.down("*"),
    "unavailable": lambda aws: aws.down("*", how="unavailable"),
    "throttled": lambda aws: aws.faults.error("ThrottlingException", "*"),
    "denied": lambda aws: aws.faults.access_denied("*"),
    "garbage": lambda aws: aws.faults.garbage("*"),
}


def parts_for(aws: StandIn, clock: FakeClock | None = None) -> Parts:
    return make_parts(variables_for(aws, surfaces="catalog", allow_writes="1", timeout="1"), clock=clock)


def seed(aws: StandIn) -> None:
    aws.seed_instance("services", "users", "blue", {"endpoint": "https://blue.test", "stage": "Production"})


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_an_outage_with_nothing_held_is_503_and_says_when_to_come_again(
    aws: StandIn, path: str, fault: str
) -> None:
    FAULTS[fault](aws)

    async with asking(parts_for(aws)) as client:
        response = await client.get(path)

    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert response.json()["type"] == "urn:cloudmap-discovery:problem:registry-unavailable"


@pytest.mark.parametrize("path", ["/v1/services", "/v1/services/users?stage=Production"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_an_outage_with_something_held_serves_that_marked_stale_and_not_to_be_kept(
    aws: StandIn, path: str, fault: str
) -> None:
    seed(aws)
    clock = FakeClock()

    async with asking(parts_for(aws, clock)) as client:
        before = await client.get(path)
        FAULTS[fault](aws)
        clock.advance(3600)
        response = await client.get(path)

    said = response.json()
    assert response.status_code == 200
    assert said["stale"] is True
    assert said["age_seconds"] >= 3600
    assert response.headers["cache-control"] == "private, no-cache"
    assert response.headers["etag"] != before.headers["etag"]
    assert {**said, "age_seconds": 0, "stale": False} == {**before.json(), "age_seconds": 0}


async def test_an_outage_leaves_the_lookup_of_older_clients_what_is_held(aws: StandIn) -> None:
    seed(aws)
    clock = FakeClock()

    async with asking(parts_for(aws, clock)) as client:
        path = "/catalog/service?ServiceName=users&StageName=Production"
        before = await client.get(path)
        aws.down()
        clock.advance(3600)
        response = await client.get(path)

    assert response.status_code == 200
    assert response.json() == before.json()


async def test_explain_is_200_in_an_outage_and_says_what_failed(aws: StandIn) -> None:
    aws.down()

    async with asking(parts_for(aws)) as client:
        response = await client.get("/v1/services/users/explain?stage=Production")

    assert response.status_code == 200
    assert [each["outcome"] for each in response.json()["stores"]] == ["failed", "failed"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_write_that_cannot_be_made_says_so(aws: StandIn, fault: str) -> None:
    FAULTS[fault](aws)

    async with asking(parts_for(aws)) as client:
        created = await client.post(
            "/catalog/service", json={"ServiceName": "orders", "ServiceURL": "https://orders.test"}
        )
        deleted = await client.delete("/catalog/service/users:blue")

    assert (created.status_code, deleted.status_code) == (503, 503)


async def test_a_registration_that_cloud_map_fails_is_502_with_its_reason(aws: StandIn) -> None:
    aws.fail_next_operations(code="INTERNAL_FAILURE", message="it did not work out")

    async with asking(parts_for(aws)) as client:
        aws.seed_service("services", "orders")
        response = await client.post(
            "/catalog/service", json={"ServiceName": "orders", "ServiceURL": "https://orders.test"}
        )

    assert response.status_code == 502
    assert "it did not work out" in response.json()["detail"]


async def test_a_thousand_services_are_listed_from_a_packaged_file(tmp_path: Path) -> None:
    names = [f"service-{number:04}" for number in range(1000)]
    snapshot = tmp_path / "snapshot.json"
    snapshot.write_text(
        json.dumps(
            {
                "format": 1,
                "namespace": "services",
                "generated_at": "2026-11-27T13:16:14Z",
                "checked_at": "2026-11-27T14:00:02Z",
                "instances": [
                    {"service": name, "stage": stage, "endpoint": f"https://{name}.test", "version": "1.0.0"}
                    for name in names
                    for stage in ("Production", "Staging")
                ],
            }
        )
    )
    variables = {
        "DISCOVERY_SOURCES": "file",
        "DISCOVERY_SNAPSHOT_FILE": str(snapshot),
        "DISCOVERY_SURFACES": "catalog",
        "DISCOVERY_TRANSPORT": "direct",
        "DISCOVERY_REGION": "eu-central-1",
    }

    async with asking(make_parts(variables)) as client:
        everywhere = await client.get("/v1/services")
        production = await client.get("/v1/services?stage=Production")
        again = await client.get("/v1/services", headers={"if-none-match": everywhere.headers["etag"]})

    assert [each["service"] for each in everywhere.json()["services"]] == names
    assert {each["count"] for each in everywhere.json()["services"]} == {2}
    assert {each["count"] for each in production.json()["services"]} == {1}
    assert everywhere.json()["source"] == "file"
    assert again.status_code == 304
