"""The API of the serverless-discovery family, written to: what is registered, removed and refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.model import record_id
from cloudmap_discovery.registry import Registry
from cloudmap_discovery.server.bodies import MAX_BYTES
from cloudmap_discovery.server.callers import nobody
from tests.server.bed import asking, make_parts, variables_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cloudmap_discovery.server.parts import Parts
    from tests.standin.stand_in import StandIn

ORDERS: Final = {"ServiceName": "orders", "StageName": "dev", "ServiceURL": "https://orders.test"}
ORDERS_ID: Final = record_id("orders", "dev", None, None, None)


def parts_for(aws: StandIn, *, trusts: Any = None, **settings: str) -> Parts:
    more = {} if trusts is None else {"trusts": trusts}
    return make_parts(variables_for(aws, **{"surfaces": "catalog", "allow_writes": "1", **settings}), **more)


def seed(aws: StandIn, instance_id: str = ORDERS_ID, **attributes: str) -> None:
    named = {name.replace("_", "-"): text for name, text in attributes.items()}
    aws.seed_instance(
        "services", "orders", instance_id, {"endpoint": "https://old.test", "stage": "dev", **named}
    )


async def test_a_new_record_is_201_by_hand_and_seen_by_lookups_and_lists_at_once(aws: StandIn) -> None:
    async with asking(parts_for(aws)) as client:
        await client.get("/v1/services")
        created = await client.post(
            "/catalog/service", json={**ORDERS, "Version": "1.0.0", "ExternalID": "a"}
        )
        found = await client.get("/v1/services/orders?stage=dev&tenant=a")
        listed = await client.get("/v1/services")

    (record,) = found.json()["instances"]
    assert created.status_code == 201
    assert created.headers["cache-control"] == "no-store"
    assert created.json() == {
        **ORDERS,
        "Version": "1.0.0",
        "ExternalID": "a",
        "ServiceID": f"orders:{record_id('orders', 'dev', '1.0.0', 'a', None)}",
        "CreatedAt": record["registered_at"],
    }
    assert (record["owner"], record["endpoint"]) == ("manual", "https://orders.test")
    assert [each["service"] for each in listed.json()["services"]] == ["orders"]


async def test_a_record_that_is_there_is_200_and_keeps_all_but_its_address(aws: StandIn) -> None:
    seed(aws, registered_at="2026-01-02T03:04:05Z", public="true", weight="7", owner_ref="by-me")

    async with asking(parts_for(aws)) as client:
        response = await client.post("/catalog/service", json=ORDERS)
        (record,) = (await client.get("/v1/services/orders?stage=dev")).json()["instances"]

    assert response.status_code == 200
    assert response.json()["CreatedAt"] == "2026-01-02T03:04:05Z"
    assert record["endpoint"] == "https://orders.test"
    assert (record["attributes"], record["weight"]) == ({"public": "true"}, 7)
    assert (record["owner"], record["owner_ref"]) == ("manual", "by-me")


async def test_attributes_that_only_others_may_write_do_not_stand_in_the_way(aws: StandIn) -> None:
    seed(aws, AWS_INSTANCE_CNAME="old.test", weight="heavy")

    async with asking(parts_for(aws)) as client:
        response = await client.post("/catalog/service", json=ORDERS)

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("stage", "body", "written"),
    [
        (None, {}, "-"),
        ("Staging", {}, "Staging"),
        ("Staging", {"StageName": ""}, "Staging"),
        ("Staging", {"StageName": None}, "Staging"),
        ("Staging", {"StageName": "-"}, "-"),
        ("pr-1>Staging", {"StageName": "dev"}, "dev"),
    ],
)
async def test_a_record_without_a_stage_goes_where_lookups_without_one_look(
    aws: StandIn, stage: str | None, body: dict[str, Any], written: str
) -> None:
    async with asking(parts_for(aws, **({} if stage is None else {"stage": stage}))) as client:
        response = await client.post(
            "/catalog/service", json={"ServiceName": "orders", "ServiceURL": "https://o.test", **body}
        )

    assert response.json()["StageName"] == written


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ServiceName": ""}, "ServiceName"),
        ({"ServiceName": None}, "ServiceName"),
        ({"ServiceName": "a b"}, "ServiceName"),
        ({"ServiceName": ["orders"]}, "ServiceName"),
        ({"ServiceURL": ""}, "ServiceURL"),
        ({"ServiceURL": "https://a b"}, "ServiceURL"),
        ({"ServiceURL": "https://münchen.test"}, "ServiceURL"),
        ({"ServiceURL": f"https://{'x' * 1024}"}, "ServiceURL"),
        ({"ServiceURL": 7}, "ServiceURL"),
        ({"StageName": "pr-1>dev"}, "StageName"),
        ({"StageName": "x" * 41}, "StageName"),
        ({"StageName": False}, "StageName"),
        ({"Version": "1.x"}, "Version"),
        ({"Version": 1.2}, "Version"),
        ({"ExternalID": "a\nb"}, "ExternalID"),
        ({"ExternalID": {}}, "ExternalID"),
        ({"ExternalID": "\ud800"}, "ExternalID"),
        ({"ServiceID": "orders:another"}, "ServiceID"),
    ],
)
async def test_a_wrong_field_is_400_and_named_before_any_call(
    aws: StandIn, body: dict[str, Any], field: str
) -> None:
    async with asking(parts_for(aws)) as client:
        response = await client.post(
            "/catalog/service",
            content=json.dumps({**ORDERS, **body}),
            headers={"content-type": "application/json"},
        )

    assert response.status_code == 400
    assert response.json()["field"] == field
    assert aws.calls() == {}


@pytest.mark.parametrize(
    ("body", "status", "name"),
    [
        (b"", 400, "malformed-body"),
        (b"{", 400, "malformed-body"),
        (b"[]", 400, "malformed-body"),
        (b"\xff\xfe\xfd", 400, "malformed-body"),
        (b'{"ServiceName": NaN}', 400, "malformed-body"),
        (b"[" * 30_000, 400, "malformed-body"),
        (b'{"n": ' + b"9" * 10_000 + b"}", 400, "malformed-body"),
        (b'{"n": "' + b"x" * MAX_BYTES + b'"}', 413, "body-too-large"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    aws: StandIn, body: bytes, status: int, name: str
) -> None:
    async with asking(parts_for(aws)) as client:
        response = await client.post(
            "/catalog/service", content=body, headers={"content-type": "application/json; charset=utf-8"}
        )

    assert response.status_code == status
    assert response.json()["type"] == f"urn:cloudmap-discovery:problem:{name}"


async def test_a_body_without_an_end_is_read_no_further_than_the_limit(aws: StandIn) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * MAX_BYTES:
            sent += 1024
            yield b"x" * 1024

    async with asking(parts_for(aws)) as client:
        response = await client.post(
            "/catalog/service", content=endless(), headers={"content-type": "application/json"}
        )

    assert response.status_code == 413
    assert sent <= 2 * MAX_BYTES


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
async def test_what_a_browser_sends_anywhere_unasked_is_415(aws: StandIn, media_type: str) -> None:
    async with asking(parts_for(aws)) as client:
        response = await client.post(
            "/catalog/service", content=json.dumps(ORDERS), headers={"content-type": media_type}
        )

    assert response.status_code == 415
    assert response.headers["accept-post"] == "application/json"
    assert aws.calls() == {}


async def test_a_record_is_removed_and_that_it_is_gone_is_as_good(aws: StandIn) -> None:
    seed(aws, "by-hand")

    async with asking(parts_for(aws)) as client:
        await client.get("/v1/services")
        first = await client.delete("/catalog/service/orders:by-hand")
        again = await client.delete("/catalog/service/orders:by-hand")
        left = await client.get("/v1/services/orders?stage=dev")
        listed = await client.get("/v1/services")

    assert (first.status_code, first.content, again.status_code) == (204, b"", 204)
    assert left.status_code == 404
    assert listed.json()["services"] == []


@pytest.mark.parametrize("service_id", ["7f3c8b1e-0000-4000-8000-000000000000", "no%20one:x", "unknown:x"])
async def test_removing_what_never_was_is_as_good(aws: StandIn, service_id: str) -> None:
    async with asking(parts_for(aws)) as client:
        response = await client.delete(f"/catalog/service/{service_id}")

    assert response.status_code == 204


@pytest.mark.parametrize(
    "owner", ["cfn:123456789012:eu-central-1:orders", "tag:arn:aws:lambda:x:1:function:o"]
)
async def test_what_automation_registered_is_409_and_stays_as_it_is(aws: StandIn, owner: str) -> None:
    seed(aws, owner=owner)

    async with asking(parts_for(aws)) as client:
        created = await client.post("/catalog/service", json=ORDERS)
        deleted = await client.delete(f"/catalog/service/orders:{ORDERS_ID}")
        found = await client.get(f"/catalog/service/orders:{ORDERS_ID}")

    for response in (created, deleted):
        assert response.status_code == 409
        assert response.json()["type"] == "urn:cloudmap-discovery:problem:owned-by-another"
        assert response.json()["detail"] == (
            f"the record belongs to {owner}, which alone changes and removes it"
        )
    assert found.json()["ServiceURL"] == "https://old.test"


@pytest.mark.parametrize(
    ("settings", "trusts", "name"),
    [({"allow_writes": "0"}, None, "writes-off"), ({}, nobody, "not-authorized")],
)
async def test_writes_that_are_off_or_of_nobody_are_403_before_the_body_is_read(
    aws: StandIn, settings: dict[str, str], trusts: Any, name: str
) -> None:
    async with asking(parts_for(aws, trusts=trusts, **settings)) as client:
        created = await client.post("/catalog/service", content=b"{")
        deleted = await client.delete("/catalog/service/orders:x")
        read = await client.get("/v1/services")

    for response in (created, deleted):
        assert response.status_code == 403
        assert response.json()["type"] == f"urn:cloudmap-discovery:problem:{name}"
    assert read.status_code == 200
    assert not {call for call in aws.calls() if "gister" in call}


BOUNDED: Final = {"registrar_services": "orders,shop-*", "registrar_stages": "dev,pr-*"}


@pytest.mark.parametrize(
    ("field", "name"),
    [("ServiceName", "users"), ("StageName", "Production"), ("StageName", "-"), ("StageName", "DEV")],
)
async def test_services_and_stages_that_are_not_on_the_list_are_403_and_named(
    aws: StandIn, field: str, name: str
) -> None:
    async with asking(parts_for(aws, **BOUNDED)) as client:
        response = await client.post("/catalog/service", json={**ORDERS, field: name})

    told = response.json()
    assert (response.status_code, told["field"]) == (403, field)
    assert told["type"] == "urn:cloudmap-discovery:problem:not-permitted"
    assert f"{field} is {name!r}; it may be " in told["detail"]
    assert "DISCOVERY_REGISTRAR_" in told["detail"]
    assert aws.calls() == {}


async def test_those_that_are_on_the_list_are_written_and_removed(aws: StandIn) -> None:
    async with asking(parts_for(aws, **BOUNDED)) as client:
        created = await client.post("/catalog/service", json={**ORDERS, "StageName": "pr-7"})
        deleted = await client.delete(f"/catalog/service/{created.json()['ServiceID']}")
        again = await client.delete(f"/catalog/service/{created.json()['ServiceID']}")

    assert (created.status_code, deleted.status_code, again.status_code) == (201, 204, 204)


@pytest.mark.parametrize("endpoint", ["https://old.test", "no address"])
@pytest.mark.parametrize("instance_id", ["by-hand", ORDERS_ID])
async def test_a_record_of_another_stage_stays_whatever_its_id_says(
    aws: StandIn, instance_id: str, endpoint: str
) -> None:
    seed(aws, instance_id, stage="Production", endpoint=endpoint)
    bounds = {**BOUNDED, "registrar_stages": "dev,-"}

    async with asking(parts_for(aws, **bounds)) as client:
        deleted = await client.delete(f"/catalog/service/orders:{instance_id}")
        created = await client.post("/catalog/service", json=ORDERS)

    refused = [deleted, created] if instance_id == ORDERS_ID else [deleted]
    assert [(one.status_code, one.json()["field"]) for one in refused] == [(403, "StageName")] * len(refused)
    assert not {call for call in aws.calls() if "DeregisterInstance" in call}


async def test_of_a_record_without_a_usable_address_the_rest_stays_too(aws: StandIn) -> None:
    seed(aws, endpoint="no address", weight="5", color="blue", owner_ref="by-me")

    async with asking(parts_for(aws)) as client:
        response = await client.post("/catalog/service", json=ORDERS)
        (record,) = (await client.get("/v1/services/orders?stage=dev")).json()["instances"]

    assert response.status_code == 200
    assert (record["weight"], record["attributes"], record["owner_ref"]) == (5, {"color": "blue"}, "by-me")


async def test_addresses_that_readers_would_refuse_are_not_registered(aws: StandIn) -> None:
    async with asking(parts_for(aws, allowed_endpoints="*.elsewhere.test")) as client:
        response = await client.post("/catalog/service", json=ORDERS)

    assert response.status_code == 400
    assert response.json()["field"] == "ServiceURL"


async def test_a_body_that_ends_early_is_answered_though_nobody_is_there(aws: StandIn) -> None:
    parts = parts_for(aws)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await parts.app(
        {
            "type": "http",
            "method": "POST",
            "path": "/catalog/service",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        },
        receive,
        send,
    )

    assert sent[0]["status"] == 400


class SlowRegistry(SystemClock):
    """A clock that 20 s have gone by on, whenever the record that is there was read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.late_seconds, monotonic = 0.0, self.monotonic
        self.monotonic = lambda: monotonic() + self.late_seconds
        self.given: list[float] = []
        for name in ("entry", "write", "deregister"):
            monkeypatch.setattr(Registry, name, self._noted(getattr(Registry, name)))

    def _noted(self, method: Any) -> Any:
        async def noted(registry: Registry, *arguments: Any, timeout_seconds: float) -> Any:
            self.given.append(round(timeout_seconds))
            result = await method(registry, *arguments, timeout_seconds=timeout_seconds)
            if method.__name__ == "entry":
                self.late_seconds += 20
            return result

        return noted


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_reading_and_writing_share_what_time_a_request_has(
    aws: StandIn, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    seed(aws)
    clock = SlowRegistry(monkeypatch)
    variables = variables_for(aws, surfaces="catalog", allow_writes="1")

    async with asking(make_parts(variables, clock=clock)) as client:
        if method == "POST":
            response = await client.post("/catalog/service", json=ORDERS)
        else:
            response = await client.delete(f"/catalog/service/orders:{ORDERS_ID}")

    assert response.is_success
    assert clock.given == [25, 5]
