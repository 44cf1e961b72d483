"""The simulation of fleets: its time, its AWS, and that it says the same each time."""

from __future__ import annotations

import asyncio
import math
import random
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import RemoteError, StoreTimeoutError, ThrottledError
from cloudmap_discovery.snapshots import read_snapshot
from tests.benchmarks.fleet import BEGIN, END, fleets, run, written
from tests.benchmarks.fleet_plot import drawn
from tests.benchmarks.fleet_run import OUTAGE, RECOVERY, STEADY, Figures, Fleet
from tests.benchmarks.fleet_sandbox import Tally
from tests.benchmarks.fleet_world import (
    APIS,
    CLOUD_MAP,
    NAMESPACE,
    PARAMETERS,
    S3,
    Registry,
    TokenBucket,
    World,
    virtual_time,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_time_passes_only_where_somebody_waits_and_in_order() -> None:
    seen: list[tuple[str, float]] = []

    async def wait(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, asyncio.get_running_loop().time()))

    async def main() -> None:
        await asyncio.gather(wait("c", 3600), wait("a", 1), wait("b", 60))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        assert await asyncio.get_running_loop().run_in_executor(None, sum, [1, 2]) == 3

    with virtual_time() as loop:
        loop.run_until_complete(main())
        assert loop.time() == pytest.approx(3605)

    assert [(name, round(at)) for name, at in seen] == [("a", 1), ("b", 60), ("c", 3600)]


def test_what_waits_for_nothing_is_an_error_and_not_a_standstill() -> None:
    with virtual_time() as loop, pytest.raises(RuntimeError, match="never happens"):
        loop.run_until_complete(asyncio.Event().wait())


def test_a_bucket_gives_its_burst_and_then_what_flows_in() -> None:
    bucket = TokenBucket(per_second=10, burst=20)

    assert [bucket.take(0.0) for _ in range(21)] == [True] * 20 + [False]
    assert bucket.take(0.1)
    assert not bucket.take(0.1)
    assert bucket.take(100, tokens=20)
    assert not bucket.take(100)


def test_the_world_counts_answers_refuses_and_is_down() -> None:
    async def main(world: World) -> None:
        read = {"Bucket": "b", "Key": "k"}
        answer = await world.call("s3", "GetObject", read, timeout_seconds=1)
        assert read_snapshot(answer["Body"], name="it", namespace=NAMESPACE).items
        with pytest.raises(RemoteError) as unchanged:
            await world.call("s3", "GetObject", {**read, "IfNoneMatch": answer["ETag"]}, timeout_seconds=1)
        assert unchanged.value.status == 304
        for _ in range(2):
            await world.call(
                "servicediscovery", "DiscoverInstances", {"ServiceName": "service-0"}, timeout_seconds=1
            )
        with pytest.raises(ThrottledError):
            await world.call(
                "servicediscovery", "DiscoverInstances", {"ServiceName": "service-0"}, timeout_seconds=1
            )
        world.is_cloud_map_out = True
        with pytest.raises(StoreTimeoutError):
            await world.call(
                "servicediscovery", "DiscoverInstances", {"ServiceName": "service-0"}, timeout_seconds=1
            )
        assert sum(world.calls[S3].values()) == 2
        assert sum(world.calls[CLOUD_MAP].values()) == 4

    with virtual_time() as loop:
        weight = APIS[CLOUD_MAP].burst / 2
        loop.run_until_complete(main(World(loop, Registry(1), weight=weight, random=random.Random(1))))


def test_a_quota_that_is_less_than_one_call_still_lets_its_share_through() -> None:
    async def main(world: World) -> list[bool]:
        answered = []
        for _ in range(100):
            with suppress(ThrottledError):
                await world.call(
                    "ssm", "GetParameters", {"Names": ["/services/s/service-0"]}, timeout_seconds=1
                )
                answered.append(True)
            await asyncio.sleep(0.5)
        return answered

    with virtual_time() as loop:
        answered = loop.run_until_complete(
            main(World(loop, Registry(1), weight=125, random=random.Random(1)))
        )

    assert len(answered) == pytest.approx(50 * APIS[PARAMETERS].per_second / 125, abs=2)


def test_a_deployment_is_seen_by_those_that_are_not_behind() -> None:
    registry = Registry(2)
    before, tag = registry.snapshot(50)
    registry.deploy("service-0", 100)

    assert registry.endpoint("service-0", 100) == "https://1.service-0.example.com"
    assert registry.endpoint("service-0", 100.5, 1) == "https://0.service-0.example.com"
    assert registry.endpoint("service-1", 200) == "https://0.service-1.example.com"
    assert registry.snapshot(100.5) == (before, tag)
    assert registry.snapshot(101) != (before, tag)


def test_an_age_is_what_a_share_of_the_answers_have_at_most() -> None:
    tally = Tally()
    tally.ages.update({1: 50, 60: 49, 100: 1})

    assert (tally.age(0.5), tally.age(0.51), tally.age(0.99), tally.age(1)) == (1, 60, 60, 100)


def small(ladder: str, folder: Path, **about: bool) -> Figures:
    return run(Fleet(ladder, 3, 2, sample=3, **about), str(folder))


@pytest.mark.parametrize("ladder", ["cloudmap", "s3,cloudmap", "file,s3,cloudmap"])
def test_nothing_that_was_seen_fails_in_an_outage(ladder: str, tmp_path: Path) -> None:
    figures = small(ladder, tmp_path)

    assert figures.tallies[STEADY].lookups > 0
    assert figures.tallies[OUTAGE].lookups > 0
    assert [figures.tallies[phase].failed_although_seen for phase in (STEADY, OUTAGE, RECOVERY)] == [0, 0, 0]
    asked = S3 if "s3" in ladder else CLOUD_MAP
    assert figures.mean[STEADY, asked] > 0
    assert figures.peak[STEADY, asked] >= figures.mean[STEADY, asked]


def test_the_same_seed_gives_the_same_figures_and_who_holds_nothing_asks_more(tmp_path: Path) -> None:
    first, second = small("s3,cloudmap", tmp_path), small("s3,cloudmap", tmp_path)
    naive = small("s3,cloudmap", tmp_path, is_naive=True)

    assert (first.mean, first.peak) == (second.mean, second.peak)
    assert naive.mean[STEADY, S3] == naive.tallies[STEADY].lookups / 240
    assert naive.mean[STEADY, S3] > first.mean[STEADY, S3]
    assert naive.dollars_a_month > first.dollars_a_month


def test_every_ladder_and_client_gets_the_same_requests(tmp_path: Path) -> None:
    figures = [
        small("cloudmap", tmp_path),
        small("s3,cloudmap", tmp_path),
        small("cloudmap", tmp_path, is_naive=True),
    ]

    lookups = [one.tallies[STEADY].lookups for one in figures]
    assert min(lookups) >= max(lookups) * 0.98


def test_a_deployment_is_seen_within_a_ttl_or_never(tmp_path: Path) -> None:
    figures = small("cloudmap", tmp_path)
    naive = small("file,s3,cloudmap", tmp_path, is_naive=True)

    assert 0 < figures.seen_by_99_percent_seconds <= 70
    assert math.isnan(naive.seen_by_99_percent_seconds)


def test_calls_that_are_refused_cost_nothing(tmp_path: Path) -> None:
    figures = run(Fleet("cloudmap", 100_000, 5, is_naive=True, sample=5), str(tmp_path))

    answered = figures.answered[STEADY, CLOUD_MAP]
    assert answered <= APIS[CLOUD_MAP].per_second * 1.1 < figures.mean[STEADY, CLOUD_MAP]
    assert figures.dollars_a_month == pytest.approx(answered * 30 * 86_400 / 1e6)


def test_a_picture_has_a_point_for_each_fleet(tmp_path: Path) -> None:
    figures = [small("s3,cloudmap", tmp_path), small("s3,cloudmap", tmp_path, is_naive=True)]

    picture = drawn(figures)

    assert picture.startswith("<svg ")
    assert picture.count("<circle") == 2
    assert ">s3,cloudmap</text>" in picture


def test_every_size_is_simulated_with_every_ladder_and_both_clients() -> None:
    found = fleets([(100, 1), (10_000, 20)])

    assert len({(one.ladder, one.sandboxes, one.is_naive) for one in found}) == len(found) == 16


def test_the_document_is_renewed_between_its_marks() -> None:
    assert written(f"a\n{BEGIN}old\n{END}\nb", "new") == f"a\n{BEGIN}\nnew\n\n{END}\nb"
    with pytest.raises(ValueError, match="has not the marks"):
        written("nothing", "new")
