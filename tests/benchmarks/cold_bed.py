"""What cold starts are measured on: the stand-in for AWS in a process of its own, TLS before it, a machine for fresh processes."""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.model import Instance
from cloudmap_discovery.snapshot_writing import empty_snapshot, packed, rewritten, snapshot_text
from tests.benchmarks.cold_processes import ENDPOINT, Machine
from tests.benchmarks.cold_throttle import NoThrottle
from tests.benchmarks.cold_tls import tls_in_front_of
from tests.standin.client import StandInProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WARM_UPS: Final = 10
NAMESPACE: Final = "services"
BUCKET: Final = "registry"
SMALL_FILE: Final = "snapshot-200.json.gz"
LARGE_FILE: Final = "snapshot-2000.json.gz"


@dataclass(frozen=True, slots=True)
class Bed:
    """Where the address of `users` is known in stage `Production`, in Cloud Map and in Parameter Store."""

    machine: Machine
    http: Mapping[str, str]
    """The variables that lead a client there over HTTP."""
    tls: Mapping[str, str]
    """The same over TLS."""
    folder: Path
    """For files, until the end."""


def registry_of(records: int) -> bytes:
    """Return a snapshot of so many records, `users` in stage `Production` among them, checked now."""
    wall = time.time()
    stages = ("Production", "Staging", "Development", "pr-123")
    places: dict[tuple[str, str], list[Instance]] = {
        ("users", "Production"): [_record("users", "Production", ENDPOINT)]
    }
    for number in range(records - 1):
        place = (f"service-number-{number // len(stages)}", stages[number % len(stages)])
        url = f"https://{number:010x}.execute-api.eu-central-1.amazonaws.com/{place[1]}"
        places[place] = [_record(*place, url)]
    empty = empty_snapshot("", NAMESPACE, wall)
    return packed(snapshot_text(rewritten(empty, places, wall=wall, checked=True)))


def _record(service: str, stage: str, endpoint: str) -> Instance:
    return Instance(
        service,
        endpoint,
        stage,
        version="1.4.2",
        attributes={"team": "identity", "depends-on": "users,payments"},
        owner=f"cfn:123456789012:eu-central-1:{service}",
        owner_ref="Endpoint",
        registered_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def put_snapshot(stand_in: StandInProcess, body: bytes) -> None:
    """Have the snapshot in the bucket."""
    import boto3  # noqa: PLC0415 -- not what is measured

    stand_in.seed_bucket(BUCKET)
    told = stand_in.environment()
    client = boto3.client(
        "s3",
        endpoint_url=stand_in.url,
        region_name=told["AWS_REGION"],
        aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
    )
    client.put_object(Bucket=BUCKET, Key=f"cloudmap-discovery/{NAMESPACE}.json", Body=body)


@contextmanager
def cold_bed() -> Iterator[Bed]:
    """Give a bed whose stand-in has answered before."""
    with (
        tempfile.TemporaryDirectory() as temporary,
        StandInProcess() as stand_in,
        tls_in_front_of(stand_in.url, Path(temporary)) as secure,
    ):
        stand_in.seed_instance(
            "services", "users", "Production-1", {"endpoint": ENDPOINT, "stage": "Production"}
        )
        stand_in.seed_parameter("/services/Production/users", ENDPOINT)
        folder = Path(temporary)
        for name, records in ((SMALL_FILE, 200), (LARGE_FILE, 2_000)):
            (folder / name).write_bytes(registry_of(records))
        put_snapshot(stand_in, registry_of(2_000))
        # The measured processes inherit nothing, so there is no proxy to keep them from.
        http = {name: value for name, value in stand_in.environment().items() if name.lower() != "no_proxy"}
        http["DISCOVERY_BUCKET"] = BUCKET
        bed = Bed(Machine(folder), http, {**http, **secure}, folder)
        for _ in range(_WARM_UPS):
            for environment in (bed.http, bed.tls):
                bed.machine.first_answer("floor", environment, NoThrottle())
        bed.machine.first_answer("powertools", bed.http, NoThrottle())
        yield bed
