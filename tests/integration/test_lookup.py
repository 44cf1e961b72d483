"""Lookups through everything: the process-wide functions, the SDK, and the stand-in for AWS."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import (
    AccessDeniedError,
    ConfigurationError,
    DiscoveryUnavailableError,
    LookupsFailedError,
    ServiceNotFoundError,
    ThrottledError,
)
from tests.standin.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudmap_discovery.api import Process
    from tests.standin.stand_in import StandIn

DISCOVER = "servicediscovery:DiscoverInstances"
GET = "ssm:GetParameters"


def seed(aws: StandIn, service: str = "users", *, instance_id: str = "1", **attributes: str) -> None:
    aws.seed_instance("services", service, instance_id, attributes)


def seed_mirror(aws: StandIn, service: str, endpoint: str) -> None:
    envelope = {"format": 1, "mirrored": True, "instances": [{"endpoint": endpoint}]}
    aws.seed_parameter(f"/services/Production/{service}", json.dumps(envelope))


async def test_a_registered_service_is_found_and_asked_for_once(aws: StandIn, process: Process) -> None:
    registered = await process.register("users", "https://users.test", stage="Production", version="1.2.3")
    aws.reset_calls()

    found = [await process.discover("users", stage="Production") for _ in range(3)]

    assert {instance.id for instance in found} == {registered.id}
    assert found[0].url == "https://users.test"
    assert found[0].version == "1.2.3"
    assert aws.calls() == {DISCOVER: 1}


async def test_a_process_sees_what_it_has_just_registered(process: Process) -> None:
    await process.register("users", "https://old.test", stage="Production")
    await process.discover("users", stage="Production")

    await process.register("users", "https://new.test", stage="Production")
    found = await process.discover("users", stage="Production")

    assert found.url == "https://new.test"


async def test_a_deregistered_service_is_gone_from_every_store(aws: StandIn, process: Process) -> None:
    await process.register("users", "https://users.test", stage="Production")
    await process.discover("users", stage="Production")

    removed = await process.deregister("users", stage="Production")
    removed_again = await process.deregister("users", stage="Production")

    assert (removed, removed_again) == (True, False)
    with pytest.raises(ServiceNotFoundError, match="asked cloudmap, ssm"):
        await process.discover("users", stage="Production")
    assert aws.calls()["ssm:DeleteParameter"] >= 1


@pytest.mark.parametrize(
    ("attributes", "endpoint"),
    [
        ({"url": "https://url.test"}, "https://url.test"),
        ({"arn": "arn:aws:lambda:eu-west-1:1:function:f"}, "arn:aws:lambda:eu-west-1:1:function:f"),
        ({"AWS_INSTANCE_CNAME": "cname.test"}, "cname.test"),
        ({"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "8080"}, "http://10.0.0.1:8080"),
    ],
)
async def test_records_that_others_registered_are_found_without_a_stage(
    aws: StandIn, process: Process, attributes: dict[str, str], endpoint: str
) -> None:
    seed(aws, **attributes)

    found = await process.discover("users")

    assert found.endpoint == endpoint
    assert found.stage == "-"


async def test_a_record_without_an_address_is_skipped_warned_about_and_explained(
    aws: StandIn, process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    seed(aws, instance_id="good", stage="Production", endpoint="https://users.test")
    seed(aws, instance_id="bad", stage="Production", color="blue")

    with caplog.at_level(logging.WARNING, "cloudmap_discovery"):
        found = await process.discover_all("users", stage="Production")
    explanation = await process.explain("users", stage="Production")

    assert [instance.id for instance in found] == ["good"]
    assert "bad: it has no address" in caplog.text
    assert [skipped.record for skipped in explanation.stores[0].passed_over] == ["bad"]


async def test_where_wants_exactly_these_attributes(aws: StandIn, process: Process) -> None:
    seed(aws, instance_id="b", stage="Production", endpoint="https://blue.test", color="blue")
    seed(aws, instance_id="g", stage="Production", endpoint="https://green.test", color="green")

    found = await process.discover("users", stage="Production", where={"color": "green"})

    assert found.url == "https://green.test"
    assert aws.calls() == {DISCOVER: 1}


async def test_a_parameter_put_by_hand_answers_where_cloud_map_has_nothing(
    aws: StandIn, process: Process
) -> None:
    aws.seed_namespace()
    aws.seed_parameter("/services/Production/users", "https://by-hand.test")

    found = await process.discover_all("users", stage="Production")

    assert (found[0].url, found.source, found.stale) == ("https://by-hand.test", "ssm", False)


async def test_a_mirror_does_not_answer_where_cloud_map_has_nothing(aws: StandIn, process: Process) -> None:
    aws.seed_namespace()
    seed_mirror(aws, "users", "https://gone.test")

    with pytest.raises(ServiceNotFoundError):
        await process.discover("users", stage="Production")


@pytest.mark.parametrize("how", ["reset", "unavailable"])
async def test_a_mirror_answers_while_cloud_map_is_down(aws: StandIn, process: Process, how: str) -> None:
    await process.register("users", "https://users.test", stage="Production")
    aws.down("servicediscovery", how=how)  # type: ignore[arg-type]  # the parameter is a literal

    found = await process.discover_all("users", stage="Production")

    assert (found[0].url, found.source, found.stale) == ("https://users.test", "ssm", True)


async def test_throttling_is_retried_and_then_answered_by_the_mirror(aws: StandIn, process: Process) -> None:
    await process.register("users", "https://users.test", stage="Production")
    aws.configure(throttles=(Throttle((DISCOVER,), rate_per_second=0.001, burst=0),))
    aws.reset_calls()

    found = await process.discover_all("users", stage="Production")

    assert found.source == "ssm"
    assert aws.calls()[DISCOVER] > 1


async def test_being_throttled_everywhere_is_said_with_its_causes(aws: StandIn, process: Process) -> None:
    aws.seed_namespace()
    throttle = Throttle((DISCOVER, GET), rate_per_second=0.001, burst=0)
    aws.configure(throttles=(throttle,))

    with pytest.raises(DiscoveryUnavailableError) as raised:
        await process.discover("users", stage="Production")

    assert [(cause.store, type(cause)) for cause in raised.value.causes] == [
        ("cloudmap", ThrottledError),
        ("ssm", ThrottledError),
    ]


async def test_being_denied_names_the_missing_permission(aws: StandIn, process: Process) -> None:
    aws.faults.access_denied()

    with pytest.raises(DiscoveryUnavailableError) as raised:
        await process.discover("users", stage="Production")

    denied = raised.value.causes[0]
    assert isinstance(denied, AccessDeniedError)
    assert denied.action == DISCOVER
    assert DISCOVER in str(raised.value)


async def test_a_namespace_that_is_not_there_is_named(process: Process) -> None:
    with pytest.raises(ServiceNotFoundError, match=r"namespace 'services'.*DISCOVERY_NAMESPACE"):
        await process.discover("users", stage="Production")


async def test_endpoints_that_are_not_allowed_are_never_returned(
    aws: StandIn, processes: Callable[..., Process]
) -> None:
    seed(aws, instance_id="ours", stage="Production", endpoint="https://a.example.com")
    seed(aws, instance_id="theirs", stage="Production", endpoint="https://evil.test")
    process = processes(DISCOVERY_ALLOWED_ENDPOINTS="*.example.com")

    found = await process.discover_all("users", stage="Production")

    assert [instance.id for instance in found] == ["ours"]


async def test_a_namespace_shared_by_another_account_is_asked_for_by_its_owner(
    aws: StandIn, processes: Callable[..., Process]
) -> None:
    other = "999999999999"
    record = {"endpoint": "https://shared.test", "stage": "Production"}
    aws.seed_instance("services", "users", "1", record, owner_account=other)
    process = processes(DISCOVERY_OWNER_ACCOUNT=other)

    found = await process.discover("users", stage="Production")

    assert found.url == "https://shared.test"


async def test_several_services_are_looked_up_at_once_and_failures_come_with_what_was_found(
    aws: StandIn, process: Process
) -> None:
    seed(aws, "users", stage="Production", endpoint="https://users.test")
    seed(aws, "orders", stage="Production", endpoint="https://orders.test")

    with pytest.raises(LookupsFailedError) as raised:
        await process.discover_many(["users", "orders", "nobody"], stage="Production")

    assert {name: str(instance) for name, instance in raised.value.found.items()} == {
        "users": "https://users.test",
        "orders": "https://orders.test",
    }
    assert isinstance(raised.value.failures["nobody"], ServiceNotFoundError)


async def test_what_was_prefetched_needs_no_call(aws: StandIn, process: Process) -> None:
    seed(aws, "users", stage="Production", endpoint="https://users.test")
    await process.prefetch("users", "nobody", stage="Production")
    aws.reset_calls()

    await process.discover("users", stage="Production")

    assert aws.calls() == {}


async def test_the_services_of_a_stage_are_listed(aws: StandIn, process: Process) -> None:
    seed(aws, "users", stage="Production", endpoint="https://users.test")
    seed(aws, "orders", stage="Staging", endpoint="https://orders.test")
    seed(aws, "legacy", url="https://legacy.test")

    assert await process.services(stage="Production") == ["users"]
    assert await process.services() == ["legacy"]


async def test_explain_asks_every_store_and_changes_nothing(aws: StandIn, process: Process) -> None:
    await process.register("users", "https://users.test", stage="Production")
    aws.reset_calls()

    explanation = await process.explain("users", stage="Production")

    assert [(report.store, report.outcome) for report in explanation.stores] == [
        ("cloudmap", "found"),
        ("ssm", "found"),
    ]
    assert explanation.held.state == "nothing"
    assert explanation.source == "cloudmap"
    assert aws.calls() == {DISCOVER: 1, GET: 1}
    await process.discover("users", stage="Production")
    assert aws.calls()[DISCOVER] == 2


def test_a_thousand_coroutines_on_four_loops_make_one_call(aws: StandIn, process: Process) -> None:
    seed(aws, stage="Production", endpoint="https://users.test")
    found: list[str] = []

    async def ask() -> None:
        instances = await asyncio.gather(*(process.discover("users", stage="Production") for _ in range(250)))
        found.extend(map(str, instances))

    with aws.faults.hold(DISCOVER) as held:
        threads = [threading.Thread(target=lambda: asyncio.run(ask())) for _ in range(4)]
        for thread in threads:
            thread.start()
        held.wait_until_met(1)
    for thread in threads:
        thread.join()

    assert found == ["https://users.test"] * 1000
    assert aws.calls() == {DISCOVER: 1}


async def test_a_wrong_setting_is_said_before_any_call(
    aws: StandIn, processes: Callable[..., Process]
) -> None:
    process = processes(DISCOVERY_TTL="soon")

    with pytest.raises(ConfigurationError, match=r"DISCOVERY_TTL is 'soon'; it must be a number of seconds"):
        await process.discover("users")

    assert aws.calls() == {}
