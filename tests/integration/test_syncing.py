"""Whole mirrors are made equal to Cloud Map, in Parameter Store and in S3, through both transports and the stand-in for AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery import wiring
from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.encoding import encode_attributes
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.model import Instance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cloudmap_discovery.assembly import Core
    from cloudmap_discovery.syncing import Synced
    from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

STAGE = "Production"
SETTINGS = {"DISCOVERY_SOURCES": "cloudmap,ssm,s3", "DISCOVERY_BUCKET": "registry", "DISCOVERY_TIMEOUT": "20"}
IO = IOThread()


@pytest.fixture(params=["direct", "sdk"])
def core(request: pytest.FixtureRequest, aws: StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Core]:
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)  # the SDK reads the environment itself
    aws.seed_bucket("registry")
    aws.seed_namespace()
    environment = {**aws.environment(), **SETTINGS, "DISCOVERY_TRANSPORT": request.param}
    made = wiring.build(
        wiring.read_settings(environment), environment, io=IO, clock=SystemClock(), events=EventHub()
    )
    yield made
    IO.run(made.transport.aclose)


def seed(aws: StandIn, service: str, endpoint: str = "https://x.test", **fields: Any) -> Instance:
    record = Instance(service, endpoint, fields.pop("stage", STAGE), **fields)
    aws.seed_instance("services", service, record.id, encode_attributes(record))
    return record


def sync(core: Core, **about: Any) -> dict[str, Synced]:
    async def work() -> tuple[Synced, ...]:
        return await core.syncer.sync(core.registry.deadline(120), **about)

    return {one.mirror: one for one in IO.run(work)}


def kinds(synced: Synced) -> dict[str, str]:
    return {one.service: one.kind for one in synced.differences}


def parameters(sdk: Callable[..., Any]) -> dict[str, str]:
    pages = sdk("ssm").get_paginator("get_parameters_by_path").paginate(Path="/services", Recursive=True)
    return {one["Name"]: one["Value"] for page in pages for one in page["Parameters"]}


def test_both_mirrors_get_all_that_cloud_map_has_and_lose_the_rest(
    aws: StandIn, core: Core, sdk: Callable[..., Any]
) -> None:
    for number in range(23):
        seed(aws, f"service-{number}")
    old = {"format": 1, "mirrored": True, "instances": [{"endpoint": "https://gone.test"}]}
    aws.seed_parameter("/services/Production/gone", json.dumps(old))
    aws.seed_parameter("/services/Production/service-1", json.dumps(old))

    dry = sync(core, dry_run=True)
    assert parameters(sdk).keys() == {"/services/Production/gone", "/services/Production/service-1"}
    done = sync(core)
    again = sync(core)

    assert (len(done["ssm"].differences), len(done["s3"].differences)) == (24, 23)
    assert dry["ssm"].differences == done["ssm"].differences
    assert (kinds(done["ssm"])["gone"], kinds(done["ssm"])["service-1"]) == ("remove", "change")
    assert (done["s3"].created, again["s3"].created) == (True, False)
    assert (again["ssm"].differences, again["s3"].differences) == ((), ())
    assert parameters(sdk).keys() == {f"/services/Production/service-{number}" for number in range(23)}


def test_what_others_put_into_parameter_store_is_left_as_it_is(
    aws: StandIn, core: Core, sdk: Callable[..., Any]
) -> None:
    seed(aws, "users")
    theirs = {
        "format": 1,
        "mirrored": True,
        "namespace": "other",
        "instances": [{"endpoint": "https://o.test"}],
    }
    kept = {
        "/services/Production/users": "https://by-hand.test",
        "/services/Production/mail": "https://mail.test",
        "/services/Production/other": json.dumps(theirs),
        "/services/Production/users/secret": "not a record",
        "/services/loose": "not a record",
    }
    for name, value in kept.items():
        aws.seed_parameter(name, value)

    synced = sync(core)["ssm"]

    assert synced.differences == ()
    assert synced.left_alone == (
        "/services/Production/mail was written by a person",
        "/services/Production/other was written by the mirror of the namespace 'other'",
        "/services/Production/users was written by a person",
    )
    assert parameters(sdk) == kept


def test_records_that_do_not_fit_a_parameter_are_one_difference_and_then_none(
    aws: StandIn, core: Core
) -> None:
    for number in range(12):
        seed(aws, "users", variant=str(number), attributes={"note": "x" * 900})

    first, second = sync(core), sync(core)

    assert [(one.kind, dict(one.after or {})) for one in first["ssm"].differences] == [
        ("add", {"overflow": True})
    ]
    assert len(first["s3"].differences) == 12
    assert (second["ssm"].differences, second["s3"].differences) == ((), ())


def test_what_registering_wrote_is_what_syncing_finds(aws: StandIn, core: Core) -> None:
    async def register() -> None:
        await core.registry.register(
            "users", "https://users.test", stage=STAGE, version="1.2.3", tenant="acme", attributes={"a": "b"}
        )
        await core.registry.register("users", "https://blue.test", stage="Staging", variant="blue", weight=0)

    IO.run(register)
    aws.reset_calls()

    synced = sync(core)

    assert [one.differences for one in synced.values()] == [(), ()]
    assert aws.calls()["s3:PutObject"] == 1  # when it was checked
    assert "ssm:PutParameter" not in aws.calls()
