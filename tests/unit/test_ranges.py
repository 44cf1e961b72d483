"""A requested version takes the records that it says: exact, a range as npm has it, a tag, or literally."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.ranges import parse_range
from cloudmap_discovery.semver import parse_version

numbers = st.one_of(st.integers(0, 3), st.integers(0, 10**18))
tags = st.sampled_from(["", "", "-0", "-1", "-alpha", "-rc.1", "-rc.10", "-staging", "-x-staging"])
builds = st.sampled_from(["", "", "", "+b1", "+b5", "+b1-staging"])
versions = st.builds("{}.{}.{}{}{}".format, numbers, numbers, numbers, tags, builds)
requests = st.sampled_from(
    (
        *("1.2.3", "1.2.3-rc.1", "1.2.3+b1", "^1.2", "~0.1", "1.x", "*", ">=1 <3", "1 - 2", "0.x || 2.x"),
        *("^1.2.3-rc.1", "3.x-staging", "latest", "2024.01.05", "2024-11", "1.2.3.4"),
    )
)
texts = st.one_of(versions, requests, st.text(max_size=30), st.from_regex(r"[0-9xX*.^~<>=|v+ -]{1,12}"))


def taken(request: str, *of: str | None, suffix: str = "") -> list[str | None]:
    asked = parse_range(request, suffix)
    return [version for version in of if asked.matches(version)]


# What is refused


@pytest.mark.parametrize("value", [None, 1.2, 1, b"1.2.3", ["1.2.3"], True])
def test_what_is_not_text_is_refused_with_its_type(value: Any) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_range(value)

    assert (caught.value.field, caught.value.value) == ("version", value)
    assert caught.value.limit == f"must be a str, not {type(value).__name__}"


@pytest.mark.parametrize("text", ["", " ", "\t\n"])
def test_blank_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match=r"version is .*: must not be (empty|blank)"):
        parse_range(text)


def test_text_of_more_than_256_characters_is_refused_with_its_length_and_the_limit() -> None:
    assert str(parse_range("a" * 256)) == "a" * 256

    with pytest.raises(InvalidValueError) as caught:
        parse_range("a" * 257)

    assert caught.value.limit == "has 257 characters; the limit is 256"


@pytest.mark.parametrize(
    "text",
    [
        *("^^1", ">=abc", "1.2.", "1..2", ".1", ">=1.2.3, <2", "!=1.2.3", "1 -", "latest || 1.x", "^latest"),
        *("1.2.3 latest", "a b", "1,2", "~", ">", "^1.2.3-01", "\u0661.2", "^1.\u0662", "1.2\u20133", "a/b"),
    ],
)
def test_what_is_neither_range_nor_plain_token_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_range(text)

    assert caught.value.value == text
    assert caught.value.limit == (
        "must be a version (1.4.2), an npm-style range (^1.2, 2.x, >=1.0.0 <3.0.0, 1.x || 2.x) "
        "or exactly what a record says (latest, 2024.01.05)"
    )


@pytest.mark.parametrize(
    "text", ["1.x.3", "x.2.3", "1.*.3", "x.2", "v1.x.3", ">=1.x.3", "> x.1", "**", "1.x.3-staging"]
)
def test_a_number_behind_an_x_is_refused_as_npm_does(text: str) -> None:
    with pytest.raises(InvalidValueError, match="npm-style range"):
        parse_range(text)


def test_an_error_is_raised_anew_each_time() -> None:
    with pytest.raises(InvalidValueError) as first:
        parse_range("^^1")
    with pytest.raises(InvalidValueError) as second:
        parse_range("^^1")

    assert first.value is not second.value


# What is kept


def test_the_text_is_kept_as_it_was_requested_without_white_space_around_it() -> None:
    asked = parse_range("  >= 1.2   <3\n", "-staging")

    assert (asked.text, asked.suffix) == (">= 1.2   <3", "-staging")


def test_a_request_reads_as_its_text_and_what_is_appended() -> None:
    assert str(parse_range("^1.2")) == "^1.2"
    assert str(parse_range("^1.2", "-staging")) == "^1.2 with -staging appended"


def test_a_request_is_parsed_once() -> None:
    assert parse_range("^1.2", "-staging") is parse_range("^1.2 ", "-staging")
    assert parse_range("^1.2") != parse_range("^1.2", "-staging")


# An exact version


def test_an_exact_version_takes_that_version_and_no_other() -> None:
    assert taken("1.2.3", "1.2.2", "1.2.3", "1.2.4", "1.2.3-rc.1", "v1.2.3", "1.2", None) == ["1.2.3"]
    assert taken("1.2.3-rc.1", "1.2.3", "1.2.3-rc.1", "1.2.3-rc.2") == ["1.2.3-rc.1"]


def test_an_exact_version_without_build_metadata_takes_all_builds_of_it() -> None:
    assert taken("1.2.3", "1.2.3+b1", "1.2.3+b2", "1.2.4+b1") == ["1.2.3+b1", "1.2.3+b2"]


def test_an_exact_version_with_build_metadata_takes_that_very_build() -> None:
    assert taken("1.2.3+b1", "1.2.3", "1.2.3+b1", "1.2.3+b2") == ["1.2.3+b1"]


@settings(deadline=None)
@given(versions, versions)
def test_an_exact_version_is_equal_precedence(asked: str, version: str) -> None:
    wanted, found = parse_version(asked), parse_version(version)
    assert wanted is not None
    assert found is not None

    expected = asked == version if "+" in asked else wanted.precedence == found.precedence
    assert parse_range(asked).matches(version) is expected
    assert parse_range(asked).matches(asked)


# A range


@pytest.mark.parametrize(
    ("request_", "versions_"),
    [
        ("^1.2", ["1.2.0", "1.2.9", "1.10.0"]),
        ("~1.2.1", ["1.2.9"]),
        ("1.x", ["1.2.0", "1.2.9", "1.10.0"]),
        ("1", ["1.2.0", "1.2.9", "1.10.0"]),
        ("1.2", ["1.2.0", "1.2.9"]),
        (">=1.10 <3", ["1.10.0", "2.0.0", "2.3.1"]),
        (">= 1.10.0", ["1.10.0", "2.0.0", "2.3.1", "3.0.0"]),
        ("1.2.9 - 2.3", ["1.2.9", "1.10.0", "2.0.0", "2.3.1"]),
        ("1.2.x||3", ["1.2.0", "1.2.9", "3.0.0"]),
        ("*", ["0.9.0", "1.2.0", "1.2.9", "1.10.0", "2.0.0", "2.3.1", "3.0.0"]),
        ("v1.2.0", ["1.2.0"]),
        ("=1.2.0", ["1.2.0"]),
        ("^0.9", ["0.9.0"]),
    ],
)
def test_a_range_takes_what_npm_takes(request_: str, versions_: list[str]) -> None:
    everything = (
        "0.9.0",
        "1.2.0",
        "1.2.9",
        "1.10.0",
        "2.0.0",
        "2.3.1",
        "3.0.0",
        "2.0.0-rc.1",
        "latest",
        None,
    )

    assert taken(request_, *everything) == versions_


def test_a_range_takes_a_prerelease_only_where_it_names_one_of_the_same_release() -> None:
    everything = ("1.2.8-alpha", "1.2.8-beta", "1.2.8-rc", "1.2.8", "1.2.9-rc", "1.3.0", "2.0.0-0")

    assert taken("^1.2.8-beta", *everything) == ["1.2.8-beta", "1.2.8-rc", "1.2.8", "1.3.0"]
    assert taken("^1.2", *everything) == ["1.2.8", "1.3.0"]
    assert taken("*", *everything) == ["1.2.8", "1.3.0"]


def test_a_star_beside_anything_is_a_star() -> None:
    assert taken("* || >=1.0.0-0", "1.0.0-rc.1", "1.0.0") == ["1.0.0"]
    assert taken(">=0.0.0 || >=1.0.0-0", "1.0.0-rc.1", "1.0.0") == ["1.0.0"]


def test_a_range_ends_before_the_prereleases_of_what_it_ends_at() -> None:
    everything = ("1.1.9", "1.2.0-0", "1.2.0-rc", "1.2.0")

    assert taken("1.1.x >=1.2.0-0", *everything) == []
    assert taken("<1.2.0 >=1.2.0-0", *everything) == ["1.2.0-0", "1.2.0-rc"]  # as it is written


# What records say literally


@pytest.mark.parametrize(
    "text", ["latest", "2024.01.05", "1.2.3.4", "blue-2", "a_b", "01.2.3", "1.2.3-01", "v", "-", "+b1"]
)
def test_a_plain_token_takes_records_that_say_exactly_that(text: str) -> None:
    others = (f"{text}1", f"{text} ", text.upper() + "X", "1.2.3", "2024.1.5", None)

    assert taken(text, text, *others) == [text]


@pytest.mark.parametrize("text", ["2", "2.x", "^1.2", ">=1 <3", "*"])
def test_a_record_that_is_no_version_is_taken_by_its_own_text_though_that_is_a_range(text: str) -> None:
    assert taken(text, text, "2.", "1.x", "v2.0.0") == [text]


# A tag behind a partial or x version


@pytest.mark.parametrize(
    "request_", ["3.x-staging", "3.x.x-staging", "^3.7-staging", "~3.7-staging", "3-staging", ">=3-staging"]
)
def test_a_tag_behind_a_partial_version_takes_what_has_that_tag_and_is_in_range_without(
    request_: str,
) -> None:
    everything = (
        *("3.7.9-staging", "3.7.9", "3.7.9-rc.1", "3.7.9-x-staging", "3.7.9-rc.staging", "2.7.9-staging"),
        *("3.7.9-staging.1", "3.7.9staging", "3.7-staging", "v3.7.9-staging"),
    )

    assert taken(request_, *everything) == ["3.7.9-staging"]


def test_such_a_tag_may_have_dots_and_build_metadata_of_the_record_do_not_count() -> None:
    assert taken("~1-rc.1", "1.2.0-rc.1", "1.2.0-rc.1+b5", "1.2.0-rc.11") == ["1.2.0-rc.1", "1.2.0-rc.1+b5"]


def test_each_alternative_has_its_own_tag() -> None:
    everything = ("1.0.0", "1.0.0-staging", "2.0.0", "2.0.0-staging")

    assert taken("1.x || 2.x-staging", *everything) == ["1.0.0", "2.0.0-staging"]
    assert taken("* || 2.x-staging", *everything) == ["1.0.0", "2.0.0", "2.0.0-staging"]
    assert taken("*-staging", *everything) == ["1.0.0-staging", "2.0.0-staging"]


def test_a_number_as_a_tag_is_also_what_a_record_may_say_literally() -> None:
    assert taken("2024-11", "2024-11", "2024.1.0-11", "2024.1.0", "2024-12") == ["2024-11", "2024.1.0-11"]


# A suffix


@pytest.mark.parametrize(
    ("request_", "versions_"),
    [
        ("1.1.0", ["1.1.0-staging", "1.1.0-staging+b5"]),
        ("1.1.0+b5", ["1.1.0-staging+b5"]),
        ("^1.1", ["1.1.0-staging", "1.1.0-staging+b5", "1.3.0-staging"]),
        ("^1.2.8-beta", ["1.3.0-staging", "1.2.8-beta-staging"]),
        ("1.2.8-beta", ["1.2.8-beta-staging"]),
        ("1.x-rc", ["1.1.0-rc-staging"]),
        ("latest", ["latest-staging"]),
        ("2", ["2-staging"]),
    ],
)
def test_a_suffix_is_appended_to_every_version_that_is_taken(request_: str, versions_: list[str]) -> None:
    everything = (
        *(
            "1.1.0",
            "1.1.0-staging",
            "1.1.0-staging+b5",
            "1.1.0+b5",
            "1.1.0+b5-staging",
            "1.3.0",
            "1.3.0-staging",
        ),
        *(
            "1.2.8-beta",
            "1.2.8-beta-staging",
            "1.1.0-rc",
            "1.1.0-rc-staging",
            "1.1.0-staging.1",
            "1.1.0-test",
        ),
        *("latest", "latest-staging", "2", "2-staging", "-staging", "staging", None),
    )

    assert taken(request_, *everything, suffix="-staging") == versions_


@settings(deadline=None)
@given(requests, versions)
def test_a_world_of_a_suffix_is_the_world_without_it(request: str, version: str) -> None:
    core, plus, build = version.partition("+")

    inside = parse_range(request, "-staging").matches(f"{core}-staging{plus}{build}")
    assert inside is parse_range(request).matches(version)
    if not core.endswith("-staging"):
        assert not parse_range(request, "-staging").matches(version)


# Whatever others wrote


@settings(deadline=None)
@given(requests, st.one_of(st.none(), texts), st.sampled_from(["", "-staging"]))
@example("^1.2", f"1.{'9' * 10_000}.0", "")
@example("*", f"{'9' * 200}.0.0-{'9' * 40}", "")
@example("1.x-staging", f"1.0.0-{'a' * 10_000}-staging", "-staging")
@example("*", "1.0.0\x00\n", "")
@example("latest", "\ud800", "-staging")
def test_no_record_raises(request: str, version: str | None, suffix: str) -> None:
    assert parse_range(request, suffix).matches(version) in {True, False}


@settings(deadline=None)
@given(texts)
def test_a_request_is_read_or_refused(text: str) -> None:
    try:
        asked = parse_range(text)
    except InvalidValueError:
        return

    assert asked.text == text.strip()
    assert asked.matches("1.2.3") in {True, False}
