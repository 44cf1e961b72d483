"""Versions are parsed and ordered as semver.org, 2.0.0, has it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmap_discovery.semver import Version, parse_version

numbers = st.integers(min_value=0, max_value=10**20)
identifiers = st.one_of(
    numbers.map(str), st.from_regex(r"[0-9]*[A-Za-z-][0-9A-Za-z-]*", fullmatch=True).map(lambda s: s[:12])
).filter(lambda text: not (text.isdigit() and text != str(int(text))))
builds = st.from_regex(r"\+[0-9A-Za-z-]{1,8}(\.[0-9A-Za-z-]{1,8}){0,2}", fullmatch=True)


@st.composite
def versions(draw: st.DrawFn) -> str:
    core = ".".join(str(draw(numbers)) for _ in range(3))
    pre_release = draw(st.lists(identifiers, max_size=4))
    return f"{core}-{'.'.join(pre_release)}" if pre_release else core


def parsed(text: str) -> Version:
    version = parse_version(text)
    assert version is not None, text
    return version


# Section 11 of the specification.
IN_ORDER = [
    ("1.0.0", "2.0.0", "2.1.0", "2.1.1"),
    ("1.0.0-alpha", "1.0.0"),
    (
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
    ),
    # Not in its examples, but in its rules: numbers by value, texts by ASCII, fewer fields first.
    ("1.9.0", "1.10.0", "1.11.0"),
    ("1.0.0-2", "1.0.0-11", "1.0.0-A", "1.0.0-a", "1.0.0-a.b"),
    ("1.0.0-rc.1", "1.0.0-rc.1.1", "1.0.0-rc.2"),
]


@pytest.mark.parametrize("chain", IN_ORDER, ids=lambda chain: " < ".join(chain[:3]))
def test_versions_are_ordered_as_the_specification_says(chain: tuple[str, ...]) -> None:
    for lower, higher in pairwise(chain):
        assert parsed(lower).precedence < parsed(higher).precedence


@settings(deadline=None)
@given(versions(), builds, builds)
def test_build_metadata_does_not_count(version: str, one: str, other: str) -> None:
    assert parsed(version + one) == parsed(version + other) == parsed(version)


@settings(deadline=None)
@given(versions())
def test_only_a_version_without_pre_release_is_a_release(version: str) -> None:
    assert parsed(version).is_release is ("-" not in version)


@settings(deadline=None)
@given(versions())
def test_a_release_ranks_above_all_its_prereleases(version: str) -> None:
    core = version.partition("-")[0]

    assert parsed(f"{core}-zzz.zzz").precedence < parsed(core).precedence
    assert parsed(version).precedence <= parsed(core).precedence


@settings(deadline=None)
@given(st.lists(versions(), max_size=6))
def test_the_order_is_total(texts: list[str]) -> None:
    precedences = sorted(parsed(text).precedence for text in texts)

    for lower, higher in pairwise(precedences):
        assert lower == higher or (lower < higher and not higher < lower)


INVALID = [
    "1",
    "1.2",
    "1.2.3.4",
    "v1.2.3",
    "01.2.3",
    "1.02.3",
    "1.2.03",
    "1.2.3-",
    "1.2.3-01",
    "1.2.3-a..b",
    "1.2.3+",
    "1.2.3+a..b",
    "1.2.3+a+b",
    "1.2.x",
    "^1.2.3",
    "-1.2.3",
    "1.2.3-\u00e4",
    "\u0661.2.3",
    "latest",
    "1.2.3-rc_1",
    "1.2.3-.a",
    "1..2",
]


@pytest.mark.parametrize(
    "text",
    [*INVALID, "", " 1.2.3", "1.2.3 ", "1.2.3\n", f"1.2.3-{'a' * 300}", f"{'9' * 5000}.0.0"],
    ids=lambda text: repr(text[:12]),
)
def test_what_is_not_a_semantic_version_is_none(text: str) -> None:
    assert parse_version(text) is None


@pytest.mark.parametrize(
    "text",
    ["0.0.0", "1.0.0-0A.is.legal", "1.0.0--", "1.0.0-x-y-z.--", "1.1.2+meta-valid", "2.0.0-rc.1+b.123"],
)
def test_what_the_specification_calls_valid_is_a_version(text: str) -> None:
    assert parse_version(text) is not None
