"""Lookups from snapshots through everything: the process-wide functions, both transports, and the stand-in for AWS."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import ConfigurationError, ServiceNotFoundError
from cloudmap_discovery.model import Instance
from tests.unit.snapshot_records import snapshot_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cloudmap_discovery.api import Process
    from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

DISCOVER, READ, WRITE = "servicediscovery:DiscoverInstances", "s3:GetObject", "s3:PutObject"
BUCKET, KEY = "registry", "cloudmap-discovery/services.json"
STAGE = "Production"
S3 = {"DISCOVERY_SOURCES": "s3,cloudmap", "DISCOVERY_BUCKET": BUCKET, "DISCOVERY_STAGE": STAGE}


@pytest.fixture(params=["direct", "sdk"])
def transport(request: pytest.FixtureRequest, aws: StandIn) -> dict[str, str]:
    aws.seed_bucket(BUCKET)
    return {"DISCOVERY_TRANSPORT": request.param}


def service(number: int, endpoint: str = "") -> Instance:
    return Instance(f"service-{number}", endpoint or f"https://{number}.test", STAGE, version="1.0.0")


def publish(sdk: Callable[..., Any], *instances: Instance, ago: float = 0) -> str:
    body = snapshot_of(*instances, checked_at=time.time() - ago)
    return str(sdk("s3").put_object(Bucket=BUCKET, Key=KEY, Body=body)["VersionId"])


async def settled(process: Process) -> None:
    """Wait until nothing is under way, which would be counted as a call of the next test."""
    assert process._core is not None
    under_way = process._core.discovery._refresher.flights._under_way
    async with asyncio.timeout(60):
        while under_way:  # noqa: ASYNC110 -- a flight has no event for this
            await asyncio.sleep(0.01)


async def test_one_request_answers_for_every_service(
    aws: StandIn, processes: Callable[..., Process], sdk: Callable[..., Any], transport: dict[str, str]
) -> None:
    publish(sdk, *(service(n) for n in range(20)))
    process = processes(**S3, **transport)
    aws.reset_calls()

    found = await process.discover_many([f"service-{n}" for n in range(20)])
    answer = await process.discover_all("service-7")

    assert [str(found[f"service-{n}"]) for n in range(20)] == [f"https://{n}.test" for n in range(20)]
    assert (answer.source, answer.stale, answer[0]) == ("s3", False, service(7))
    assert aws.calls() == {READ: 1}


async def test_an_unchanged_object_is_asked_for_on_condition_and_a_changed_one_is_seen(
    aws: StandIn, processes: Callable[..., Process], sdk: Callable[..., Any], transport: dict[str, str]
) -> None:
    publish(sdk, service(1))
    process = processes(**S3, **transport, DISCOVERY_TTL="0.1", DISCOVERY_STALE_WHILE_REVALIDATE="0")
    await process.discover("service-1")
    aws.reset_calls()

    await asyncio.sleep(0.15)
    await process.discover("service-1")
    assert aws.calls() == {READ: 1}
    publish(sdk, service(1, "https://new.test"))
    await asyncio.sleep(0.15)

    assert str(await process.discover("service-1")) == "https://new.test"


async def test_what_the_snapshot_does_not_have_is_asked_of_cloud_map(
    aws: StandIn, processes: Callable[..., Process], sdk: Callable[..., Any], transport: dict[str, str]
) -> None:
    publish(sdk, service(1))
    aws.seed_instance("services", "users", "1", {"stage": STAGE, "endpoint": "https://users.test"})
    process = processes(**S3, **transport)

    answer = await process.discover_all("users")

    assert (answer.source, str(answer[0])) == ("cloudmap", "https://users.test")
    with pytest.raises(ServiceNotFoundError, match="asked s3, cloudmap"):
        await process.discover("nobody")


@pytest.mark.parametrize("trouble", ["no object", "no bucket", "garbage", "throttled", "too old", "denied"])
async def test_whatever_is_wrong_with_the_snapshot_cloud_map_answers(
    aws: StandIn,
    processes: Callable[..., Process],
    sdk: Callable[..., Any],
    transport: dict[str, str],
    trouble: str,
) -> None:
    settings = {**S3, **transport}
    match trouble:
        case "no bucket":
            settings["DISCOVERY_BUCKET"] = "no-such-bucket"
        case "garbage":
            sdk("s3").put_object(Bucket=BUCKET, Key=KEY, Body=b"<html>")
        case "throttled":
            aws.faults.error("SlowDown", "s3")
        case "denied":
            aws.faults.access_denied("s3")
        case "too old":
            publish(sdk, service(1, "https://stale.test"), ago=100_000)
    aws.seed_instance("services", "service-1", "1", {"stage": STAGE, "endpoint": "https://1.test"})
    process = processes(**settings)

    answer = await process.discover_all("service-1")

    assert (answer.source, str(answer[0]), answer.stale) == ("cloudmap", "https://1.test", False)


async def test_registering_writes_the_snapshot_and_the_process_sees_it_at_once(
    aws: StandIn, processes: Callable[..., Process], transport: dict[str, str]
) -> None:
    process, other = processes(**S3, **transport), processes(**S3, **transport)
    await process.register("users", "https://old.test", stage=STAGE)
    assert str(await process.discover("users")) == "https://old.test"

    await process.register("users", "https://new.test", stage=STAGE)

    assert (await process.discover_all("users")).source == "s3"
    assert str(await process.discover("users")) == "https://new.test"
    assert str(await other.discover("users")) == "https://new.test"
    assert await process.deregister("users", stage=STAGE) is True
    with pytest.raises(ServiceNotFoundError):
        await process.discover("users")
    assert aws.calls()[WRITE] == 3


async def test_an_outage_of_everything_is_survived_by_all_that_was_seen(
    aws: StandIn, processes: Callable[..., Process], sdk: Callable[..., Any], transport: dict[str, str]
) -> None:
    publish(sdk, *(service(n) for n in range(3)))
    process = processes(**S3, **transport, DISCOVERY_TTL="0.1", DISCOVERY_TIMEOUT="2")
    await process.discover("service-1")
    aws.down()
    await asyncio.sleep(0.2)

    held = await process.discover_all("service-1")
    never_asked = await process.discover_all("service-2")

    assert (str(held[0]), str(never_asked[0])) == ("https://1.test", "https://2.test")
    assert (never_asked.source, never_asked.stale) == ("s3", True)
    await settled(process)


async def test_a_packaged_file_answers_without_a_call_and_while_aws_is_down(
    aws: StandIn, processes: Callable[..., Process], tmp_path: Path
) -> None:
    path = tmp_path / "snapshot.json"
    path.write_bytes(snapshot_of(service(1), checked_at=time.time() - 500_000))
    settings = {
        "DISCOVERY_SOURCES": "file,cloudmap",
        "DISCOVERY_SNAPSHOT_FILE": str(path),
        "DISCOVERY_STAGE": STAGE,
        "DISCOVERY_TIMEOUT": "2",
    }
    aws.down()
    process = processes(**settings)

    answer = await process.discover_all("service-1")

    assert (answer.source, answer.stale, str(answer[0])) == ("file", True, "https://1.test")
    assert answer.age_seconds >= 500_000
    await settled(process)
    aws.up()
    aws.seed_instance("services", "service-1", "1", {"stage": STAGE, "endpoint": "https://new.test"})
    fresh = processes(**settings)
    await fresh.discover("service-1")
    async with asyncio.timeout(30):
        while (await fresh.discover_all("service-1")).source != "cloudmap":  # noqa: ASYNC110 -- a refresh has no event
            await asyncio.sleep(0.01)
    assert str(await fresh.discover("service-1")) == "https://new.test"
    await settled(fresh)


@pytest.mark.parametrize(
    ("source", "variable"), [("s3", "DISCOVERY_BUCKET"), ("file", "DISCOVERY_SNAPSHOT_FILE")]
)
async def test_a_source_that_lacks_its_setting_is_told_before_any_call(
    processes: Callable[..., Process], source: str, variable: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"{variable} is not set: set it to"):
        await processes(DISCOVERY_SOURCES=f"{source},cloudmap").discover("users")


@pytest.mark.parametrize("source", ["s3", "cloudmap"])
async def test_processes_of_one_environment_share_what_they_read(
    aws: StandIn,
    processes: Callable[..., Process],
    sdk: Callable[..., Any],
    tmp_path: Path,
    source: str,
) -> None:
    aws.seed_bucket(BUCKET)
    publish(sdk, service(1))
    aws.seed_instance("services", "service-1", "1", {"stage": STAGE, "endpoint": "https://1.test"})
    settings = {**S3, "DISCOVERY_SOURCES": source, "TMPDIR": str(tmp_path), "DISCOVERY_TRANSPORT": "direct"}
    managed = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1", "AWS_LAMBDA_MAX_CONCURRENCY": "8"}
    aws.reset_calls()

    answers = [await processes(**settings, **managed).discover_all("service-1") for _ in range(3)]

    assert [(answer.source, str(answer[0]), answer.stale) for answer in answers] == [
        (source, "https://1.test", False)
    ] * 3
    assert sum(aws.calls().values()) == 1
    await processes(**settings).discover("service-1")
    assert sum(aws.calls().values()) == 2
    await processes(**settings, **managed, DISCOVERY_SHARED_CACHE="0").discover("service-1")
    assert sum(aws.calls().values()) == 3


async def test_bucket_versioning_brings_an_older_snapshot_back(
    aws: StandIn, processes: Callable[..., Process], sdk: Callable[..., Any], transport: dict[str, str]
) -> None:
    good = publish(sdk, service(1))
    publish(sdk)
    process = processes(**{**S3, "DISCOVERY_SOURCES": "s3"}, **transport)
    with pytest.raises(ServiceNotFoundError):
        await process.discover("service-1")

    sdk("s3").copy_object(
        Bucket=BUCKET, Key=KEY, CopySource={"Bucket": BUCKET, "Key": KEY, "VersionId": good}
    )

    assert (
        str(await processes(**{**S3, "DISCOVERY_SOURCES": "s3"}, **transport).discover("service-1"))
        == "https://1.test"
    )
    assert DISCOVER not in aws.calls()
