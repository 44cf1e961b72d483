"""Selection holds for records of any kind, in any order, and draws in proportion to weights."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmap_discovery.model import Instance
from cloudmap_discovery.selection import candidates, draw, draw_weights, matching, passed_over
from cloudmap_discovery.semver import parse_version

VERSIONS = (
    None,
    "1.0.0",
    "1.0.0+build",
    "1.2.0",
    "1.10.0",
    "2.0.0-rc.1",
    "2.0.0-rc.2",
    "2.0.0",
    "latest",
    "",
)
WEIGHTS = st.sampled_from((0, 0, 1, 100, 1_000_000))
COLORS = st.sampled_from((None, "blue", "green"))

# The upper 99.9 % points of the chi-square distribution, by degrees of freedom.
CHI_SQUARE = {1: 10.83, 2: 13.82, 3: 16.27, 4: 18.47}


@st.composite
def records(draw_: st.DrawFn, least: int = 0) -> list[Instance]:
    count = draw_(st.integers(least, 12))
    made = []
    for number in range(count):
        color = draw_(COLORS)
        made.append(
            Instance(
                "users",
                f"https://{number}.test",
                id=f"id-{number:02}",
                version=draw_(st.sampled_from(VERSIONS)),
                tenant=draw_(st.sampled_from((None, None, "acme"))),
                weight=draw_(WEIGHTS),
                attributes={"color": color} if color else {},
            )
        )
    return made


def chosen(instances: list[Instance], where: dict[str, str]) -> tuple[Instance, ...]:
    return candidates(matching(instances, where))


@settings(deadline=None)
@given(records(), st.sampled_from(({}, {"color": "blue"}, {"color": "red"})), st.randoms())
def test_the_order_of_the_records_does_not_matter(
    instances: list[Instance], where: dict[str, str], shuffle: random.Random
) -> None:
    shuffled = shuffle.sample(instances, len(instances))

    assert matching(shuffled, where) == matching(instances, where)
    assert chosen(shuffled, where) == chosen(instances, where)


@settings(deadline=None)
@given(records(), st.sampled_from(({}, {"color": "blue"})))
def test_every_record_is_either_a_candidate_or_passed_over_for_one_reason(
    instances: list[Instance], where: dict[str, str]
) -> None:
    kept = [instance.id for instance in chosen(instances, where)]
    passed = [reason.record for reason in passed_over(instances, where)]

    assert sorted(kept + passed) == sorted(instance.id for instance in instances)


@settings(deadline=None)
@given(records(), st.sampled_from(({}, {"color": "blue"})))
def test_candidates_obey_every_rule(instances: list[Instance], where: dict[str, str]) -> None:
    kept = chosen(instances, where)

    assert all(where.items() <= dict(instance.attributes).items() for instance in kept)
    assert all(instance.tenant is None for instance in kept)
    assert len({instance.weight > 0 for instance in kept}) <= 1
    precedences = set()
    for instance in kept:
        version = parse_version(instance.version) if instance.version is not None else None
        assert instance.version is None or (version is not None and version.is_release)
        precedences.add(version and version.precedence)
    assert len(precedences) <= 1


@settings(deadline=None)
@given(records(), st.sampled_from(({}, {"color": "blue"})))
def test_no_candidate_is_left_out(instances: list[Instance], where: dict[str, str]) -> None:
    kept = chosen(instances, where)
    rivals = [
        instance
        for instance in instances
        if instance not in kept
        and instance.tenant is None
        and where.items() <= dict(instance.attributes).items()
        and (instance.weight > 0 or all(other.weight == 0 for other in kept))
        and (instance.version is None or ((v := parse_version(instance.version)) and v.is_release))
    ]

    for rival in rivals:
        if rival.weight == 0 and not kept:
            continue  # dropped for one that weighs more but is not a release
        best = kept[0].version
        assert best is not None
        ours, theirs = parse_version(best), rival.version and parse_version(rival.version)
        assert ours is not None
        assert not theirs or theirs.precedence < ours.precedence


@settings(deadline=None)
@given(records(least=1), st.floats(min_value=0, max_value=1, exclude_max=True))
def test_a_draw_never_falls_on_a_drained_record_while_another_is_there(
    instances: list[Instance], number: float
) -> None:
    drawn = draw(instances, draw_weights(instances), lambda: number)

    assert drawn in instances
    assert drawn.weight > 0 or all(instance.weight == 0 for instance in instances)


@pytest.mark.parametrize(
    "weights", [(1, 1), (1, 9), (100, 100, 100), (5, 10, 85), (1, 2, 3, 4), (10, 20, 30, 40, 50)]
)
@pytest.mark.parametrize("seed", range(4))
def test_draws_are_in_proportion_to_weights(weights: tuple[int, ...], seed: int) -> None:
    instances = [
        Instance("users", f"https://{n}.test", id=str(n), weight=weight) for n, weight in enumerate(weights)
    ]
    totals, number, draws = draw_weights(instances), random.Random(seed), 5000

    drawn = Counter(draw(instances, totals, number.random).id for _ in range(draws))

    expected = [draws * weight / sum(weights) for weight in weights]
    chi_square = sum((drawn[str(n)] - wanted) ** 2 / wanted for n, wanted in enumerate(expected))
    assert chi_square < CHI_SQUARE[len(weights) - 1]
