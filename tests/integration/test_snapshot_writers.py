"""A hundred writers at once, in ten processes, with listings that lag: the snapshot loses nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.snapshots import Snapshot, read_snapshot
from tests.integration.snapshot_writer import STAGE, is_common, is_passing
from tests.unit.snapshot_records import snapshot_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

BUCKET, KEY = "registry", "registry.json"


def snapshot(sdk: Callable[..., Any]) -> Snapshot:
    body = sdk("s3").get_object(Bucket=BUCKET, Key=KEY)["Body"].read()
    return read_snapshot(body, name=KEY, namespace="services")


@pytest.mark.parametrize(("processes", "writers", "exists"), [(10, 10, True), (3, 4, False)])
def test_concurrent_writers_lose_nothing(
    aws: StandIn, sdk: Callable[..., Any], processes: int, writers: int, *, exists: bool
) -> None:
    aws.seed_bucket(BUCKET)
    aws.seed_namespace()
    aws.configure(listing_lag_seconds=1.5)
    if exists:
        body = snapshot_of(checked_at=time.time())
        sdk("s3").put_object(Bucket=BUCKET, Key=KEY, Body=body)
    environment = {
        **aws.environment(),
        "DISCOVERY_TRANSPORT": "direct",
        "DISCOVERY_ENDPOINT_URL": aws.url,
        "DISCOVERY_BUCKET": BUCKET,
        "DISCOVERY_SNAPSHOT_KEY": KEY,
        "DISCOVERY_SOURCES": "s3,cloudmap",
    }
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.integration.snapshot_writer", str(n * writers), str(writers)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(processes)
    ]
    try:
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        told = [process.communicate(timeout=240) for process in started]
    finally:
        for process in started:
            process.kill()
            process.communicate()

    assert told == [("", "")] * processes
    staying = [n for n in range(processes * writers) if not is_passing(n)]
    held = snapshot(sdk)
    own = {(f"own-{n}", STAGE) for n in staying if not is_common(n)}
    assert held.items.keys() == own | {("common", STAGE)}
    common, unusable = held.records(("common", STAGE))
    assert {record.variant for record in common} == {str(n) for n in staying if is_common(n)}
    assert not unusable
