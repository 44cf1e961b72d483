"""Cloud Map as a store: what is asked of DiscoverInstances, and what its answers mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import (
    AccessDeniedError,
    MalformedRecordError,
    StoreTimeoutError,
    ThrottledError,
)
from cloudmap_discovery.model import Instance, Key, PassedOver
from cloudmap_discovery.stores.cloud_map import CloudMapStore
from cloudmap_discovery.stores.port import Absent, Found
from cloudmap_discovery.testing import FakeClock
from tests.unit.fake_transport import FakeTransport, remote

if TYPE_CHECKING:
    from cloudmap_discovery.errors import StoreError

KEY = Key("services", "users", "Production")
NO_STAGE_KEY = Key("services", "users", "-")


def summary(instance_id: str, **attributes: str) -> dict[str, Any]:
    return {"InstanceId": instance_id, "Attributes": {"stage": "Production", **attributes}}


def bare(instance_id: str, **attributes: str) -> dict[str, Any]:
    return {"InstanceId": instance_id, "Attributes": attributes}


def answering(*summaries: dict[str, Any]) -> FakeTransport:
    transport = FakeTransport()
    transport.answer("DiscoverInstances", {"Instances": list(summaries)})
    return transport


async def fetch(transport: FakeTransport, key: Key = KEY, **options: Any) -> Found | Absent:
    return await CloudMapStore(transport, clock=FakeClock(), **options).fetch(key, timeout_seconds=1.2)


async def test_all_instances_of_the_stage_are_asked_for_in_one_call() -> None:
    transport = answering(summary("a", endpoint="https://a.test"))

    await fetch(transport)

    (call,) = transport.calls
    assert (call.service, call.operation, call.timeout_seconds) == (
        "servicediscovery",
        "DiscoverInstances",
        1.2,
    )
    assert call.params == {
        "NamespaceName": "services",
        "ServiceName": "users",
        "MaxResults": 1000,
        "HealthStatus": "HEALTHY_OR_ELSE_ALL",
        "QueryParameters": {"stage": "Production"},
    }


async def test_a_namespace_of_another_account_is_asked_for_by_its_owner() -> None:
    transport = answering(summary("a", endpoint="https://a.test"))

    await fetch(transport, owner_account="999999999999")

    assert transport.calls[0].params["OwnerAccount"] == "999999999999"


async def test_records_come_by_id_whatever_the_order_of_the_answer() -> None:
    transport = answering(*(summary(name, endpoint=f"https://{name}.test") for name in "cab"))

    found = await fetch(transport)

    assert isinstance(found, Found)
    assert [instance.id for instance in found.instances] == ["a", "b", "c"]
    assert found.instances[0] == Instance("users", "https://a.test", "Production", id="a")
    assert not found.mirrored


async def test_age_counts_from_when_the_request_was_sent() -> None:
    clock, transport = FakeClock(), FakeTransport()
    asked = clock.now()

    def slowly(_: Any) -> dict[str, Any]:
        clock.advance(1.0)
        return {"Instances": [summary("a", endpoint="https://a.test")]}

    transport.answer("DiscoverInstances", slowly)

    found = await CloudMapStore(transport, clock=clock).fetch(KEY, timeout_seconds=2)

    assert isinstance(found, Found)
    assert found.sent == asked


async def test_no_stage_is_asked_for_without_a_filter_and_sorted_out_here() -> None:
    transport = answering(
        bare("without", endpoint="https://a.test"),
        bare("dash", endpoint="https://b.test", stage="-"),
        bare("empty", endpoint="https://c.test", stage=""),
        bare("other", endpoint="https://d.test", stage="Production"),
        bare("other-and-malformed", stage="Staging"),
    )

    found = await fetch(transport, NO_STAGE_KEY)

    assert isinstance(found, Found)
    assert "QueryParameters" not in transport.calls[0].params
    assert [instance.id for instance in found.instances] == ["dash", "empty", "without"]
    assert {instance.stage for instance in found.instances} == {"-"}
    assert found.passed_over == ()


async def test_records_of_another_stage_are_left_out_even_where_the_filter_was_ignored() -> None:
    transport = answering(
        summary("a", endpoint="https://a.test"), bare("b", endpoint="https://b.test", stage="X")
    )

    found = await fetch(transport)

    assert isinstance(found, Found)
    assert [instance.id for instance in found.instances] == ["a"]


@pytest.mark.parametrize(
    ("result", "detail"),
    [
        ({"Instances": []}, ""),
        (remote("ServiceNotFound"), ""),
        (
            remote("NamespaceNotFound"),
            "no namespace 'services' in this account and region: check DISCOVERY_NAMESPACE",
        ),
    ],
)
async def test_nothing_there_is_absent_and_a_missing_namespace_is_named(result: Any, detail: str) -> None:
    transport = FakeTransport()
    transport.answer("DiscoverInstances", result)

    outcome = await fetch(transport)

    assert isinstance(outcome, Absent)
    assert detail in outcome.detail
    assert bool(outcome.detail) == bool(detail)


async def test_an_answer_without_a_list_is_a_failure_and_not_an_absence() -> None:
    transport = FakeTransport()
    transport.answer("DiscoverInstances", {})

    with pytest.raises(MalformedRecordError, match="no list of instances"):
        await fetch(transport)


async def test_a_malformed_record_is_passed_over_and_the_others_are_found() -> None:
    transport = answering(summary("bad"), summary("good", endpoint="https://good.test"))

    found = await fetch(transport)

    assert isinstance(found, Found)
    assert [instance.id for instance in found.instances] == ["good"]
    (unusable,) = found.passed_over
    assert unusable.record == "bad"
    assert "no address" in unusable.reason


async def test_a_record_that_is_not_allowed_is_passed_over() -> None:
    transport = answering(
        summary("good", endpoint="https://api.good.test"), summary("evil", endpoint="https://evil.test")
    )

    found = await fetch(transport, allowed_endpoints=["*.good.test"])

    assert isinstance(found, Found)
    assert [instance.id for instance in found.instances] == ["good"]
    reason = "its endpoint 'https://evil.test' matches none of the allowed endpoints"
    assert found.passed_over == (PassedOver("evil", reason),)


async def test_no_usable_record_is_a_failure_and_not_an_absence() -> None:
    transport = answering(
        summary("bad"), *(summary(f"evil{n}", endpoint="https://evil.test") for n in range(4))
    )

    with pytest.raises(
        MalformedRecordError, match=r"none of its 5 record\(s\) is usable: bad: .*; and 2 more"
    ) as caught:
        await fetch(transport, allowed_endpoints=["*.good.test"])

    assert caught.value.store == "cloudmap"
    assert len(caught.value.passed_over) == 5


@pytest.mark.parametrize(
    "error",
    [
        ThrottledError("slow down", code="RequestLimitExceeded"),
        AccessDeniedError("no", action="servicediscovery:DiscoverInstances"),
        StoreTimeoutError("too slow"),
        remote("InvalidInput"),
    ],
)
async def test_any_other_error_is_passed_on_as_one_of_cloud_map(error: StoreError) -> None:
    transport = FakeTransport()
    transport.answer("DiscoverInstances", error)

    with pytest.raises(type(error)) as caught:
        await fetch(transport)

    assert caught.value.store == "cloudmap"
    assert str(caught.value) == str(error)


async def test_errors_keep_the_cause_they_came_with() -> None:
    error, cause = StoreTimeoutError("too slow"), TimeoutError("socket")
    error.__cause__ = cause
    transport = FakeTransport()
    transport.answer("DiscoverInstances", error)

    with pytest.raises(StoreTimeoutError) as caught:
        await fetch(transport)

    assert caught.value.__cause__ is cause
