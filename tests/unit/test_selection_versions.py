"""What a version and a tenant ask for, rule by rule."""

from __future__ import annotations

import pytest

from cloudmap_discovery.ranges import parse_range
from cloudmap_discovery.selection import Criteria, candidates, matching, passed_over
from tests.unit.choosing import asking, chosen_from, names, record

VERSIONS = [record(text, version=text) for text in ("1.0.0", "1.2.0", "1.9.3", "2.0.0-rc.1", "2.0.0")]


@pytest.mark.parametrize(
    ("version", "chosen"),
    [
        ("1", ["1.9.3"]),
        ("1.x", ["1.9.3"]),
        ("^1.0.0", ["1.9.3"]),
        ("~1.2", ["1.2.0"]),
        ("<1.9", ["1.2.0"]),
        (">=1.0.0 <1.9.0 || 0.x", ["1.2.0"]),
        ("*", ["2.0.0"]),
        ("3.x", []),
    ],
)
def test_the_highest_version_in_the_range_is_chosen(version: str, chosen: list[str]) -> None:
    assert chosen_from(*VERSIONS, version=version) == chosen


def test_an_exact_version_is_an_exact_match_also_of_a_prerelease() -> None:
    assert chosen_from(*VERSIONS, version="1.0.0") == ["1.0.0"]
    assert chosen_from(*VERSIONS, version="2.0.0-rc.1") == ["2.0.0-rc.1"]
    assert chosen_from(*VERSIONS, version="1.1.0") == []


def test_a_range_takes_a_prerelease_only_where_it_names_one_of_the_same_release() -> None:
    release_candidate = record("rc", version="2.0.0-rc.1")

    assert chosen_from(release_candidate, version="^2.0.0") == []
    assert chosen_from(release_candidate, version=">=1.0.0") == []
    assert chosen_from(release_candidate, version="^2.0.0-beta") == ["rc"]
    assert chosen_from(release_candidate, version="^1.9.0-beta") == []


def test_with_a_version_unversioned_records_never_match() -> None:
    assert chosen_from(record("plain"), version="*") == []
    assert chosen_from(record("plain"), record("one", version="1.0.0"), version=">=0.0.0") == ["one"]


def test_a_version_that_is_not_semantic_matches_to_the_letter_only() -> None:
    latest, other = record("latest", version="latest"), record("Latest", version="Latest")

    assert chosen_from(latest, other, version="latest") == ["latest"]
    assert chosen_from(latest, other, version="*") == []


def test_a_literal_version_goes_with_what_the_range_takes_and_ranks_lowest() -> None:
    odd, semantic = record("odd", version="1"), record("semantic", version="1.4.0")

    assert names(matching([odd, semantic], asking(version="1"))) == ["semantic", "odd"]
    assert chosen_from(odd, semantic, version="1") == ["semantic"]


def test_a_suffix_makes_a_world_apart_of_the_versions_that_end_in_it() -> None:
    records = [record(text, version=text) for text in ("1.1.0", "1.1.0-staging", "1.2.0-staging")]
    exact, ranged = (Criteria(version=parse_range(text, "-staging")) for text in ("1.1.0", "^1.0"))

    assert names(candidates(matching(records, exact), exact)) == ["1.1.0-staging"]
    assert names(candidates(matching(records, ranged), ranged)) == ["1.2.0-staging"]


def test_a_drained_version_gives_way_to_a_lower_one_in_the_range_only() -> None:
    drained, lower = record("drained", version="1.9.0", weight=0), record("lower", version="1.0.0")

    assert chosen_from(drained, lower, version="^1.0") == ["lower"]
    assert chosen_from(drained, lower, version="^1.9") == ["drained"]


OURS = record("ours")
ACME = record("acme", tenant="acme")


def test_a_tenant_gets_its_own_records_and_no_others_where_there_are_any() -> None:
    other = record("other", tenant="other", version="9.0.0")

    assert names(matching([OURS, ACME, other], asking(tenant="acme"))) == ["acme"]
    assert chosen_from(record("newer", version="2.0.0"), ACME, tenant="acme") == ["acme"]


def test_a_tenant_without_records_gets_those_of_no_tenant() -> None:
    assert chosen_from(OURS, ACME, tenant="other") == ["ours"]
    assert chosen_from(ACME, tenant="other") == []


def test_only_records_that_match_make_a_tenant_have_its_own() -> None:
    one = record("one", version="1.0.0")
    blue = record("blue", version="1.5.0", attributes={"color": "blue"})
    theirs = record("theirs", tenant="acme", version="2.0.0")

    assert chosen_from(one, theirs, tenant="acme", version="^1.0") == ["one"]
    assert chosen_from(one, theirs, tenant="acme", version="^2.0") == ["theirs"]
    assert chosen_from(blue, theirs, tenant="acme", where={"color": "blue"}) == ["blue"]


def test_a_tenants_drained_records_serve_where_it_has_no_others() -> None:
    drained = record("drained", tenant="acme", weight=0)

    assert chosen_from(OURS, drained, tenant="acme") == ["drained"]
    assert chosen_from(OURS, drained, ACME, tenant="acme") == ["acme"]


@pytest.mark.parametrize("version", ["2.0.0-rc.1", "latest"])
def test_a_record_of_the_tenant_that_cannot_be_taken_does_not_hide_what_serves_it(version: str) -> None:
    trial = record("trial", tenant="acme", version=version)

    assert chosen_from(OURS, trial, tenant="acme") == ["ours"]
    assert chosen_from(OURS, trial, tenant="acme", version=version) == ["trial"]
    assert names(matching([OURS, trial], asking(tenant="acme"))) == ["ours"]
    assert names(matching([record("rc", version="1.0.0-rc"), trial], asking(tenant="acme"))) == ["trial"]
    assert names(matching([trial], asking(tenant="acme"))) == ["trial"]


def test_reasons_name_what_was_asked_for() -> None:
    records = [
        record("best", tenant="acme", version="1.5.0"),
        record("lower", tenant="acme", version="1.0.0"),
        record("general", version="1.9.0"),
        record("other", tenant="other", version="1.9.0"),
        record("far", version="2.0.0"),
        record("plain"),
        record("drained", tenant="acme", version="1.8.0", weight=0),
    ]

    reasons = {each.record: each.reason for each in passed_over(records, asking(None, "^1.0", "acme"))}

    assert reasons == {
        "lower": "there is a higher version",
        "general": "is of no tenant, and tenant acme has its own",
        "other": "belongs to tenant other",
        "far": "version 2.0.0 is not in ^1.0",
        "plain": "has no version, and ^1.0 was asked for",
        "drained": "is drained (weight 0)",
    }


def test_the_reason_why_a_tenants_own_record_gives_way_is_its_version() -> None:
    records = [OURS, record("rc", tenant="acme", version="1.0.0-rc.1")]

    reasons = [str(each.reason) for each in passed_over(records, asking(tenant="acme"))]

    assert reasons == ["1.0.0-rc.1 is a pre-release: it has to be asked for"]
