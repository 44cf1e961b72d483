"""Selection holds for records of any kind, in any order, and draws in proportion to weights."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cloudmap_discovery.model import Attributes, Instance
from cloudmap_discovery.ranges import parse_range
from cloudmap_discovery.selection import (
    Criteria,
    candidates,
    draw,
    draw_weights,
    matching,
    passed_over,
    rendezvous,
)
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
RANGES = (None, None, "1.x", "^1.2", "~1.0", "2.0.0-rc.1", "^2.0.0-rc.1", "latest", "*", ">=9")
WEIGHTS = st.sampled_from((0, 0, 1, 100, 1_000_000))
COLORS = st.sampled_from((None, "blue", "green"))
TENANTS = st.sampled_from((None, None, "acme", "globex"))

# The upper 99.9 % points of the chi-square distribution, by degrees of freedom.
CHI_SQUARE = {1: 10.83, 2: 13.82, 3: 16.27, 4: 18.47}


@st.composite
def one_record(draw_: st.DrawFn, name: str = "extra") -> Instance:
    color = draw_(COLORS)
    return Instance(
        "users",
        f"https://{name}.test",
        id=name,
        version=draw_(st.sampled_from(VERSIONS)),
        tenant=draw_(TENANTS),
        weight=draw_(WEIGHTS),
        attributes={"color": color} if color else {},
    )


@st.composite
def records(draw_: st.DrawFn, least: int = 0) -> list[Instance]:
    return [draw_(one_record(f"id-{number:02}")) for number in range(draw_(st.integers(least, 12)))]


@st.composite
def requests(draw_: st.DrawFn) -> Criteria:
    color, version = draw_(COLORS), draw_(st.sampled_from(RANGES))
    return Criteria(
        Attributes({"color": color} if color else {}),
        None if version is None else parse_range(version),
        draw_(TENANTS),
    )


def chosen(instances: list[Instance], request: Criteria) -> tuple[Instance, ...]:
    return candidates(matching(instances, request), request)


def fits(instance: Instance, request: Criteria) -> bool:
    """Return whether the request can be answered with the record, others set aside."""
    if not request.where.items() <= dict(instance.attributes).items():
        return False
    if request.version is not None:
        return request.version.matches(instance.version)
    version = None if instance.version is None else parse_version(instance.version)
    return instance.version is None or (version is not None and version.is_release)


@settings(deadline=None)
@given(records(), requests(), st.randoms())
def test_the_order_of_the_records_does_not_matter(
    instances: list[Instance], request: Criteria, shuffle: random.Random
) -> None:
    shuffled = shuffle.sample(instances, len(instances))

    assert matching(shuffled, request) == matching(instances, request)
    assert chosen(shuffled, request) == chosen(instances, request)


@settings(deadline=None)
@given(records(), requests())
def test_every_record_is_either_a_candidate_or_passed_over_for_one_reason(
    instances: list[Instance], request: Criteria
) -> None:
    kept = [instance.id for instance in chosen(instances, request)]
    passed = [reason.record for reason in passed_over(instances, request)]

    assert sorted(kept + passed) == sorted(instance.id for instance in instances)


@settings(deadline=None)
@given(records(), requests(), st.floats(0, 1, exclude_max=True), st.text(min_size=1))
def test_a_choice_is_a_member_of_the_matches(
    instances: list[Instance], request: Criteria, number: float, sticky: str
) -> None:
    matches, kept = matching(instances, request), chosen(instances, request)
    assume(kept)

    assert draw(kept, draw_weights(kept), lambda: number) in matches
    assert rendezvous(kept, sticky) in matches


@settings(deadline=None)
@given(records(), requests())
def test_candidates_obey_every_rule(instances: list[Instance], request: Criteria) -> None:
    kept = chosen(instances, request)

    assert all(fits(instance, request) for instance in kept)
    assert len({instance.tenant for instance in kept}) <= 1
    assert all(instance.tenant in {None, request.tenant} for instance in kept)
    assert len({instance.weight > 0 for instance in kept}) <= 1
    assert len({(v := parse_version(i.version or "")) and v.precedence for i in kept}) <= 1


@settings(deadline=None)
@given(records(), requests())
def test_no_candidate_is_left_out(instances: list[Instance], request: Criteria) -> None:
    kept = chosen(instances, request)
    fitting = [instance for instance in instances if fits(instance, request)]
    # A pre-release of the tenant's is a match of its own, and ends the search among those of no tenant.
    own = [each for each in matching(instances, request) if each.tenant == request.tenant]
    rivals = [each for each in fitting if each.tenant == (request.tenant if own else None)]
    rivals = [each for each in rivals if each.weight > 0] or rivals

    def rank(instance: Instance) -> tuple[bool, bool, object]:
        version = parse_version(instance.version or "")
        return (instance.version is None, version is not None, version.precedence if version else ())

    best = max((rank(each)[1:] for each in rivals if each.version is not None), default=None)
    expected = [each for each in rivals if (None if each.version is None else rank(each)[1:]) == best]
    if best == (False, ()):  # to the letter: below those without a version, which no range takes
        assert request.version is not None
    assert sorted(each.id for each in kept) == sorted(each.id for each in expected)


@settings(deadline=None)
@given(records(), requests(), one_record())
def test_a_record_that_cannot_be_taken_never_changes_the_choice(
    instances: list[Instance], request: Criteria, extra: Instance
) -> None:
    assume(not fits(extra, request) or extra.tenant not in {None, request.tenant})
    # Where the tenant has a match at all, even one that is not taken, its own records count.
    assume(extra.tenant is None or extra.tenant != request.tenant or not matching([extra], request))

    assert chosen([*instances, extra], request) == chosen(instances, request)


@settings(deadline=None)
@given(records(), requests())
def test_where_and_version_commute(instances: list[Instance], request: Criteria) -> None:
    by_where = Criteria(request.where, None, None)
    by_version = Criteria(Attributes(), request.version, None)
    nobodys = [instance for instance in instances if instance.tenant is None]

    where_first = matching(matching(nobodys, by_where), by_version)
    version_first = matching(matching(nobodys, by_version), by_where)

    assert where_first == version_first == matching(nobodys, Criteria(request.where, request.version))


@settings(deadline=None)
@given(records(least=1), st.floats(min_value=0, max_value=1, exclude_max=True))
def test_a_draw_never_falls_on_a_drained_record_while_another_is_there(
    instances: list[Instance], number: float
) -> None:
    drawn = draw(instances, draw_weights(instances), lambda: number)

    assert drawn in instances
    assert drawn.weight > 0 or all(instance.weight == 0 for instance in instances)


def weighing(*weights: int) -> list[Instance]:
    return [
        Instance("users", f"https://{n}.test", id=str(n), weight=weight) for n, weight in enumerate(weights)
    ]


def chi_square(drawn: Counter[str], weights: tuple[int, ...]) -> float:
    draws = drawn.total()
    expected = [draws * weight / sum(weights) for weight in weights]
    return sum((drawn[str(n)] - wanted) ** 2 / wanted for n, wanted in enumerate(expected))


@pytest.mark.parametrize(
    "weights", [(1, 1), (1, 9), (100, 100, 100), (5, 10, 85), (1, 2, 3, 4), (10, 20, 30, 40, 50)]
)
@pytest.mark.parametrize("seed", range(4))
def test_draws_are_in_proportion_to_weights(weights: tuple[int, ...], seed: int) -> None:
    instances = weighing(*weights)
    totals, number = draw_weights(instances), random.Random(seed)

    drawn = Counter(draw(instances, totals, number.random).id for _ in range(5000))

    assert chi_square(drawn, weights) < CHI_SQUARE[len(weights) - 1]


@pytest.mark.parametrize(
    "weights", [(1, 1), (1, 9), (100, 100, 100), (5, 10, 85), (1, 2, 3, 4), (10, 20, 30, 40, 50)]
)
def test_sticky_keys_are_spread_in_proportion_to_weights(weights: tuple[int, ...]) -> None:
    instances = weighing(*weights)

    chosen_ids = Counter(rendezvous(instances, f"customer-{n}").id for n in range(5000))

    assert chi_square(chosen_ids, weights) < CHI_SQUARE[len(weights) - 1]


def owners(instances: list[Instance], keys: int = 4000) -> list[str]:
    return [rendezvous(instances, f"customer-{n}").id for n in range(keys)]


def test_a_new_instance_takes_its_share_of_the_keys_and_moves_no_other() -> None:
    before, after = owners(weighing(10, 20, 30)), owners(weighing(10, 20, 30, 40))

    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert set(moved) == {"3"}
    assert len(moved) / len(before) == pytest.approx(40 / 100, abs=0.03)


def test_only_the_keys_of_an_instance_that_goes_are_moved() -> None:
    before, after = owners(weighing(10, 20, 30)), owners(weighing(10, 20, 30)[:2])

    assert all(old == new for old, new in zip(before, after, strict=True) if old != "2")


@pytest.mark.parametrize("weight", [1, 60])
def test_a_changed_weight_moves_keys_only_to_or_from_that_instance(weight: int) -> None:
    before, after = owners(weighing(10, 20, 30)), owners(weighing(10, weight, 30))

    moved = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert moved
    assert all(new == "1" if weight > 20 else old == "1" for old, new in moved)


def test_drained_instances_share_the_keys_equally() -> None:
    assert owners(weighing(0, 0, 0)) == owners(weighing(1, 1, 1))


@settings(deadline=None)
@given(st.lists(st.sampled_from((1, 100, 1_000_000)), min_size=1, max_size=6), st.text(), st.randoms())
def test_any_text_sticks_whatever_the_order(weights: list[int], key: str, shuffle: random.Random) -> None:
    instances = weighing(*weights)
    shuffled = shuffle.sample(instances, len(instances))

    assert rendezvous(shuffled, key) == rendezvous(instances, key)
    assert rendezvous(instances, f"{key}\ud800") in instances
