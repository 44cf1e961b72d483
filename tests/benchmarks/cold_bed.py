"""What cold starts are measured on: the stand-in for AWS in a process of its own, TLS before it, a machine for fresh processes."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.benchmarks.cold_processes import ENDPOINT, Machine
from tests.benchmarks.cold_throttle import NoThrottle
from tests.benchmarks.cold_tls import tls_in_front_of
from tests.standin.client import StandInProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WARM_UPS: Final = 10


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
        # The measured processes inherit nothing, so there is no proxy to keep them from.
        http = {name: value for name, value in stand_in.environment().items() if name.lower() != "no_proxy"}
        bed = Bed(Machine(Path(temporary)), http, {**http, **secure}, Path(temporary))
        for _ in range(_WARM_UPS):
            for environment in (bed.http, bed.tls):
                bed.machine.first_answer("floor", environment, NoThrottle())
        bed.machine.first_answer("powertools", bed.http, NoThrottle())
        yield bed
