"""The first answer of fresh processes, all peers taking turns."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.benchmarks.cold_bed import LARGE_FILE, SMALL_FILE
from tests.benchmarks.cold_throttle import NoThrottle
from tests.benchmarks.measuring import Spread, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.cold_bed import Bed
    from tests.benchmarks.cold_processes import Sample
    from tests.benchmarks.cold_throttle import Throttle

FLOOR: Final = "floor script"
DIRECT: Final = "direct"
PACKAGED: Final = "direct, packaged file of 200 records"
BOTO3: Final = "plain boto3"
HTTP: Final = "HTTP"
TLS: Final = "TLS"
_BARE: Final = "bare interpreter"
_IN_LAMBDA: Final = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}
_BEYOND_ASYNCIO: Final = """
import asyncio, time
started = time.perf_counter()
import cloudmap_discovery
print(time.perf_counter() - started)
"""
_PEAK: Final = (
    'print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))'
)


@dataclass(frozen=True, slots=True)
class Peer:
    """A module of `cold_peers`, and the variables that it is measured with, in which `{folder}` is the bed's."""

    module: str
    environment: Mapping[str, str] = field(default_factory=dict)


def _packaged(file: str) -> dict[str, str]:
    return {
        "DISCOVERY_TRANSPORT": "direct",
        "DISCOVERY_SOURCES": "file,cloudmap",
        "DISCOVERY_SNAPSHOT_FILE": f"{{folder}}/{file}",
    }


PEERS: Final = {
    FLOOR: Peer("floor"),
    DIRECT: Peer("discovery", {"DISCOVERY_TRANSPORT": "direct"}),
    PACKAGED: Peer("discovery", _packaged(SMALL_FILE)),
    "direct, packaged file of 2,000 records": Peer("discovery", _packaged(LARGE_FILE)),
    "direct, S3 with 2,000 records": Peer(
        "discovery", {"DISCOVERY_TRANSPORT": "direct", "DISCOVERY_SOURCES": "s3,cloudmap"}
    ),
    "sdk": Peer("discovery", {"DISCOVERY_TRANSPORT": "sdk"}),
    BOTO3: Peer("plain_boto3"),
    "plain aiobotocore": Peer("plain_aiobotocore"),
    "Powertools `get_parameter`": Peer("powertools"),
}
FUNCTIONS: Final = {
    "`discover`": Peer("function_discovery", _IN_LAMBDA),
    "`discover`, `DISCOVERY_PRELOAD=0`": Peer("function_discovery", {**_IN_LAMBDA, "DISCOVERY_PRELOAD": "0"}),
    "boto3, client made during init": Peer("function_boto3"),
    "boto3, client made when invoked": Peer("plain_boto3"),
}


@dataclass(frozen=True, slots=True)
class FirstAnswers:
    """The samples by name and scheme, and what they are held against."""

    samples: Mapping[tuple[str, str], Sequence[Sample]]
    bare_mb: float

    def answer_seconds(self, name: str, scheme: str) -> float:
        return statistics.median(one.answer_seconds for one in self.samples[name, scheme])

    def peak_mb(self, name: str, scheme: str) -> float:
        return statistics.median(one.peak_mb for one in self.samples[name, scheme])

    def answer_ratio(self, name: str, other: str, scheme: str) -> float:
        return self.answer_seconds(name, scheme) / self.answer_seconds(other, scheme)

    def round_ratios(self, name: str, other: str, scheme: str) -> Spread:
        """Return the spread of the ratios of single rounds, in which both met the same moment of the machine."""
        pairs = zip(self.samples[name, scheme], self.samples[other, scheme], strict=True)
        return Spread.of(one.answer_seconds / against.answer_seconds for one, against in pairs)

    def peak_ratio(self, name: str, other: str, scheme: str) -> float:
        return self.peak_mb(name, scheme) / self.peak_mb(other, scheme)

    def growth_ratio(self, name: str, other: str, scheme: str) -> float:
        """Return how much one grows beyond a bare interpreter, against another."""
        return (self.peak_mb(name, scheme) - self.bare_mb) / (self.peak_mb(other, scheme) - self.bare_mb)

    def times(self) -> str:
        """Return the table of times."""
        rows = []
        for name in PEERS:
            both = [self.samples[name, scheme] for scheme in (HTTP, TLS)]
            imports = Spread.of(one.import_seconds for samples in both for one in samples)
            answers = [Spread.of(one.answer_seconds for one in samples) for samples in both]
            ratios = [
                " / ".join(f"{self.answer_ratio(name, other, scheme):.2f}" for scheme in (HTTP, TLS))
                for other in (BOTO3, FLOOR)
            ]
            rows.append([name, imports.shown("ms", 1e3), *(one.shown("ms", 1e3) for one in answers), *ratios])
        heads = ("what", "import", "first answer, HTTP", "first answer, TLS", "of boto3", "of the floor")
        return table(heads, rows)

    def memory(self) -> str:
        """Return the table of memory."""
        rows: list[tuple[str, ...]] = [(_BARE, f"{self.bare_mb:.1f} MB", f"{self.bare_mb:.1f} MB", "", "")]
        for name in PEERS:
            http, tls = (f"{self.peak_mb(name, scheme):.1f} MB" for scheme in (HTTP, TLS))
            ratios = [
                " / ".join(f"{ratio(name, BOTO3, scheme):.2f}" for scheme in (HTTP, TLS))
                for ratio in (self.peak_ratio, self.growth_ratio)
            ]
            rows.append((name, http, tls, *ratios))
        heads = ("what", "peak, HTTP", "peak, TLS", "of boto3", "beyond the bare interpreter, of boto3's")
        return table(heads, rows)


def first_answers(bed: Bed, throttle: Throttle, rounds: int) -> FirstAnswers:
    """Measure so many processes of each peer, over HTTP and over TLS; one more of each goes first and does not count."""
    schemes = {HTTP: bed.http, TLS: bed.tls}
    samples: dict[tuple[str, str], list[Sample]] = {
        (name, scheme): [] for name in PEERS for scheme in schemes
    }
    bare: list[float] = []
    for number in range(rounds + 1):
        for (name, scheme), counted in samples.items():
            peer = PEERS[name]
            own = {variable: text.format(folder=bed.folder) for variable, text in peer.environment.items()}
            sample = bed.machine.first_answer(peer.module, {**schemes[scheme], **own}, throttle)
            if number:
                counted.append(sample)
        bare.append(int(bed.machine.run(_PEAK, {}).stdout) / 1024)
    return FirstAnswers(samples, statistics.median(bare))


def import_beyond_asyncio(bed: Bed, rounds: int) -> Spread:
    """Return the seconds that importing the package takes where asyncio is imported."""
    measured = [float(bed.machine.run(_BEYOND_ASYNCIO, bed.tls).stdout) for _ in range(rounds + 1)]
    return Spread.of(measured[1:])


def small_functions(bed: Bed, throttle: Throttle, rounds: int) -> str:
    """Return the table of functions that have the whole processor for their import, and a share of it afterwards."""
    samples: dict[str, list[Sample]] = {name: [] for name in FUNCTIONS}
    for number in range(rounds + 1):
        for name, peer in FUNCTIONS.items():
            environment = {**bed.tls, **peer.environment}
            # Once at full speed, so that there is bytecode.
            slowed = throttle if number else NoThrottle()
            sample = bed.machine.first_answer(peer.module, environment, slowed, init_is_whole=True)
            if number:
                samples[name].append(sample)
    return table(
        ("what", "init, at full speed", "first invocation, throttled"),
        [
            (
                name,
                Spread.of(one.import_seconds for one in counted).shown("ms", 1e3),
                Spread.of(one.ask_seconds for one in counted).shown("ms", 1e3),
            )
            for name, counted in samples.items()
        ],
    )
