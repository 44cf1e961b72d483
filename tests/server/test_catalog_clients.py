"""The published clients of serverless-discovery work against the catalog as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.server.bed import make_parts, serving, variables_for
from tests.server.catalog_clients import run_node_client, run_python_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.standin.stand_in import StandIn

RECORDS: Final = {
    "blue": {"endpoint": "https://users-1.test", "stage": "Production", "version": "1.4.2"},
    "green": {"endpoint": "https://users-2.test", "stage": "Production", "version": "2.0.1"},
    "acme": {"endpoint": "https://acme.test", "stage": "Production", "version": "1.0.0", "tenant": "acme"},
    "free-1": {"endpoint": "https://free-1.test", "version": "1.2.8"},
    "free-2": {"endpoint": "https://free-2.test", "version": "1.3.0"},
    "free-acme": {"endpoint": "https://free-acme.test", "version": "1.1.0", "tenant": "acme"},
    "tests": {"endpoint": "https://tests.test", "version": "1.3.0-staging"},
}


@pytest.fixture
def url(aws: StandIn) -> Iterator[str]:
    for instance_id, attributes in RECORDS.items():
        aws.seed_instance("services", "users", instance_id, attributes)
    with serving(make_parts(variables_for(aws, surfaces="catalog", allow_writes="1"))) as url:
        yield url


def test_the_node_client_looks_up_by_stage_version_and_tenant(url: str) -> None:
    found = run_node_client(
        url,
        ["lookup", "users", "Production"],
        ["lookup", "users", None, "1.x"],
        ["lookup", "users", None, "1.2.8"],
        ["lookup", "users", None, "1.x-staging"],
        ["lookup", "users", None, None, "acme"],
        ["lookup", "users", None, "^1", "globex"],
    )

    assert found == [
        ["https://users-2.test"],
        ["https://free-2.test"],
        ["https://free-1.test"],
        ["https://tests.test"],
        ["https://free-acme.test"],
        ["https://free-2.test"],
    ]


def test_the_node_client_takes_its_own_defaults(url: str) -> None:
    found = run_node_client(url, ["lookup", "users"], stage="Production") + run_node_client(
        url, ["lookup", "users"], dependencies={"users": "1.2.x"}
    )

    assert found == [["https://users-2.test"], ["https://free-1.test"]]


def test_the_node_client_is_told_what_is_not_there(url: str) -> None:
    found = run_node_client(
        url,
        ["lookup", "orders", "Production"],
        ["lookup", "users", None, "^3"],
        ["getService", "users:nobody"],
    )

    assert [each["error"] for each in found] == ["Request failed with status code 404"] * 3


@pytest.mark.parametrize("credentials", ["none", "iam", "bearer"])
def test_the_node_client_creates_reads_and_deletes(url: str, credentials: str) -> None:
    record = {"ServiceName": "orders", "StageName": "dev", "ServiceURL": "https://orders.test"}
    moved = {**record, "ServiceURL": "https://moved.test"}

    (created,) = run_node_client(url, ["createService", record], credentials=credentials)
    service_id = created["data"]["ServiceID"]
    rest = run_node_client(
        url,
        ["getService", service_id],
        ["lookupService", "orders", "dev"],
        ["createService", moved],
        ["lookupService", "orders", "dev"],
        ["deleteService", service_id],
        ["getService", service_id],
        ["deleteService", service_id],
        credentials=credentials,
    )

    assert created["status"] == 201
    assert created["data"].items() >= record.items()
    assert [each["status"] for each in rest] == [200, 200, 200, 200, 204, 404, 204]
    assert rest[0]["data"] == created["data"]
    assert rest[1]["data"] == [created["data"]]
    assert rest[2]["data"] == {**created["data"], "ServiceURL": "https://moved.test"}
    assert rest[3]["data"] == [rest[2]["data"]]


def test_the_node_client_posts_again_what_it_has_read(url: str) -> None:
    record: dict[str, Any] = {
        "ServiceName": "orders",
        "Version": "1.0.0",
        "ExternalID": "acme",
        "ServiceURL": "https://orders.test",
    }
    (created,) = run_node_client(url, ["createService", record])
    read = created["data"]

    (again,) = run_node_client(url, ["createService", {**read, "ServiceURL": "https://moved.test"}])

    assert again == {"status": 200, "data": {**read, "ServiceURL": "https://moved.test"}}


def test_the_node_client_deletes_as_the_serverless_plugin_does(url: str) -> None:
    (looked_up,) = run_node_client(url, ["lookupService", "users", "Production"])

    deleted, left = run_node_client(
        url,
        ["deleteService", looked_up["data"][0]["ServiceID"]],
        ["lookupService", "users", "Production"],
    )

    assert deleted["status"] == 204
    assert [each["ServiceURL"] for each in left["data"]] == ["https://users-1.test"]


def test_the_node_client_reads_ids_of_every_form(aws: StandIn, url: str) -> None:
    ids = ["a/b:c@d.e_f", "x:y", "..", "//"]
    for instance_id in ids:
        aws.seed_instance("services", "odd", instance_id, {"endpoint": f"https://{len(instance_id)}.test"})

    found = run_node_client(url, *(["getService", f"odd:{instance_id}"] for instance_id in ids))

    assert [each["data"]["ServiceID"] for each in found] == [f"odd:{instance_id}" for instance_id in ids]


def test_the_python_client_looks_up(url: str) -> None:
    assert run_python_client(url, "users/Production", "users", "orders/Production", "users/Nowhere") == [
        ["https://users-2.test"],
        ["https://free-2.test"],
        "",
        "",
    ]
