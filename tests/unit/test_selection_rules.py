"""The order of choosing, rule by rule."""

from __future__ import annotations

import pytest

from cloudmap_discovery.model import Instance, PassedOver
from cloudmap_discovery.ranges import parse_range
from cloudmap_discovery.selection import (
    Criteria,
    describe,
    describe_wanted,
    draw,
    draw_weights,
    matching,
    passed_over,
)
from tests.unit.choosing import asking, chosen_from, names, record


def test_where_keeps_records_whose_attributes_are_exactly_so() -> None:
    blue = record("blue", attributes={"color": "blue", "zone": "a"})
    other_case = record("case", attributes={"color": "Blue"})
    green = record("green", attributes={"color": "green"})
    bare = record("bare")

    assert chosen_from(blue, other_case, green, bare, where={"color": "blue"}) == ["blue"]
    assert chosen_from(blue, green, where={"color": "blue", "zone": "b"}) == []
    assert chosen_from(blue, green, bare, where={}) == ["bare", "blue", "green"]


def test_without_a_tenant_records_of_one_are_never_returned() -> None:
    ours, theirs = (
        record("ours"),
        record("theirs", tenant="acme", version="9.0.0", attributes={"color": "blue"}),
    )

    assert names(matching([ours, theirs])) == ["ours"]
    assert chosen_from(theirs) == []
    assert chosen_from(ours, theirs, where={"color": "blue"}) == []


def test_records_of_weight_zero_are_dropped() -> None:
    assert chosen_from(record("a"), record("b", weight=0), record("c", weight=1)) == ["a", "c"]


def test_records_of_weight_zero_stay_where_all_that_remain_have_it() -> None:
    drained = [record("a", weight=0), record("b", weight=0)]
    of_a_tenant = record("t", tenant="acme", weight=100)
    of_another_color = record("g", weight=100, attributes={"color": "green"})

    assert chosen_from(*drained, of_a_tenant) == ["a", "b"]
    assert chosen_from(record("x", weight=0, attributes={"color": "blue"}), of_another_color, where={"color": "blue"}) == ["x"]  # fmt: skip


def test_weights_are_looked_at_before_versions() -> None:
    assert chosen_from(record("new", version="2.0.0", weight=0), record("old", version="1.0.0")) == ["old"]


@pytest.mark.parametrize("version", ["2.0.0-rc.1", "latest"])
def test_what_cannot_be_taken_does_not_make_a_drained_record_vanish(version: str) -> None:
    drained = record("drained", version="1.0.0", weight=0)

    assert chosen_from(drained, record("other", version=version)) == ["drained"]


def test_the_highest_release_is_chosen() -> None:
    records = [record(text, version=text) for text in ("1.9.0", "1.10.0", "1.2.30", "0.99.99")]

    assert chosen_from(*records) == ["1.10.0"]


def test_every_record_of_the_highest_release_is_a_candidate() -> None:
    records = [
        record("a", version="2.0.0+build.1"),
        record("b", version="2.0.0+build.2"),
        record("c", version="1.0.0"),
    ]

    assert chosen_from(*records) == ["a", "b"]


def test_a_prerelease_is_never_chosen() -> None:
    assert chosen_from(record("rc", version="2.0.0-rc.1"), record("old", version="1.0.0")) == ["old"]
    assert chosen_from(record("rc", version="2.0.0-rc.1")) == []
    assert chosen_from(record("rc", version="2.0.0-rc.1"), record("plain")) == ["plain"]


def test_unversioned_ranks_below_every_release() -> None:
    assert chosen_from(record("plain"), record("zero", version="0.0.0")) == ["zero"]
    assert chosen_from(record("one"), record("two")) == ["one", "two"]


def test_a_version_that_is_not_semantic_is_never_chosen() -> None:
    assert chosen_from(record("latest", version="latest")) == []
    assert chosen_from(record("latest", version="latest"), record("plain")) == ["plain"]


def test_matches_are_ordered_by_version_from_the_highest_then_by_id() -> None:
    records = [
        record("odd", version="latest"),
        record("z"),
        record("a"),
        record("one-b", version="1.0.0"),
        record("one-a", version="1.0.0+x"),
        record("rc", version="2.0.0-rc.1"),
        record("two", version="2.0.0"),
    ]

    assert names(matching(records)) == ["two", "rc", "one-a", "one-b", "a", "z", "odd"]


@pytest.mark.parametrize(
    ("number", "name"),
    [(0.0, "a"), (0.0999, "a"), (0.1, "b"), (0.3999, "b"), (0.4, "c"), (1 - 2**-53, "c")],
)
def test_a_draw_falls_where_the_running_total_of_weights_is(number: float, name: str) -> None:
    records = [record("a", weight=1), record("b", weight=3), record("c", weight=6)]

    drawn = draw(records, draw_weights(records), lambda: number)

    assert drawn.id == name


def test_drained_records_share_equally_where_there_are_no_others() -> None:
    assert draw_weights([record("a", weight=0), record("b", weight=0)]) == (1.0, 2.0)


def test_every_record_passed_over_has_one_reason() -> None:
    records = [
        record("best", version="2.0.0"),
        record("green", attributes={"color": "green"}),
        record("tenant", tenant="acme"),
        record("drained", weight=0),
        record("old", version="1.0.0"),
        record("rc", version="3.0.0-rc.1"),
        record("odd", version="latest"),
        record("plain"),
    ]

    reasons = {reason.record: reason.reason for reason in passed_over(records)}

    assert reasons == {
        "tenant": "belongs to tenant acme",
        "drained": "is drained (weight 0)",
        "green": "has no version, and there is one that has",
        "old": "there is a higher version",
        "rc": "3.0.0-rc.1 is a pre-release: it has to be asked for",
        "odd": "version latest is not a semantic version: it has to be asked for",
        "plain": "has no version, and there is one that has",
    }
    assert passed_over([records[1]], asking({"color": "blue", "zone": "a"})) == (
        PassedOver("green", "does not have color=blue, zone=a"),
    )


class Compared(str):
    """Text that counts how often it is compared."""

    __slots__ = ()
    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Compared.comparisons += 1
        return super().__eq__(other)

    __hash__ = str.__hash__


def test_the_reasons_of_a_thousand_records_do_not_take_a_million_comparisons() -> None:
    records = [Instance(Compared("users"), "https://x.test", id=f"{n:04}") for n in range(1000)]

    reasons = passed_over([*records, record("drained", weight=0)])

    assert reasons == (PassedOver("drained", "is drained (weight 0)"),)
    assert Compared.comparisons < 10_000


def test_an_instance_is_described_by_what_tells_it_apart() -> None:
    full = record("x", version="1.0.0", tenant="acme", variant="blue", attributes={"zone": "a"})

    assert describe(full) == "x (version 1.0.0, tenant acme, variant blue, zone=a)"
    assert describe(record("y")) == "y (no version, tenant or attributes)"


def test_what_was_wanted_is_described() -> None:
    assert describe_wanted(asking({"color": "blue", "zone": "a"})) == "color=blue, zone=a"
    assert describe_wanted(asking()) == "no tenant and a released version or none"
    assert describe_wanted(asking(version="^1.2")) == "version ^1.2"
    assert describe_wanted(asking(tenant="acme")) == "tenant acme, or none"
    assert describe_wanted(asking({"color": "blue"}, "1.x", "acme")) == (
        "version 1.x and color=blue and tenant acme, or none"
    )
    assert describe_wanted(Criteria(version=parse_range("1.1.0", "-staging"))) == (
        "version 1.1.0 with -staging appended"
    )
