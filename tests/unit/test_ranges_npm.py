"""Ranges take what they take in npm's own semver, whose answers `tests/project/npm_ranges.py` has written down."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from tests.project.npm_ranges import TABLE, VERSIONS, taken_by_ours

NPM: Final[dict[str, Any]] = json.loads(TABLE.read_text(encoding="utf-8"))
RANGES: Final[dict[str, list[int] | None]] = NPM["ranges"]

# What is taken otherwise than by npm, and why. Nothing else is.
A_TAG_BEHIND_A_PARTIAL_VERSION_IS_KEPT: Final = (  # npm refuses it, or drops it and takes releases
    *("1-2", "1.2-2.3", "3.x-staging", "^1.2-staging", "1-staging", "~1-rc.1", "^1.x.x-0", "*-staging"),
    *("3.x.x-staging || 1.0.0", "=*.*.*-staging|| <= 0.1|| ~ x"),
    "1|| 10.3.9 ~ 1.0.0-beta ^v2.0.1|| <=X.X.X-alpha+b1",
)
BUILD_METADATA_ALONE_ARE_NOT_EVERYTHING: Final = ("+b1",)  # npm takes them away, and the rest for a star
NUMBERS_MAY_BE_LARGE: Final = (  # npm's are exact up to 2**53 - 1, and what is larger no version
    *("^9007199254740991", ">=9007199254740992.0.0", "<=9007199254740991"),
)
A_V_BEFORE_ZEROS_CHANGES_NOTHING: Final = (">=v0.0.0 || 1.0.0-beta",)  # npm takes only >=0.0.0 for a star
DIFFERENT: Final = (
    *A_TAG_BEHIND_A_PARTIAL_VERSION_IS_KEPT,
    *BUILD_METADATA_ALONE_ARE_NOT_EVERYTHING,
    *NUMBERS_MAY_BE_LARGE,
    *A_V_BEFORE_ZEROS_CHANGES_NOTHING,
)


def test_the_table_is_of_these_versions_and_holds_ranges_of_every_kind() -> None:
    assert NPM["semver"] == "7.8.6"
    assert NPM["versions"] == list(VERSIONS)
    assert len(RANGES) > 600
    assert sum(taken is None for taken in RANGES.values()) > 50
    assert sum(bool(taken) for taken in RANGES.values()) > 300


def test_every_range_takes_what_npm_takes_but_for_what_is_listed_here() -> None:
    differing = {
        text: (f"npm {taken}", f"ours {taken_by_ours(text)}")
        for text, taken in RANGES.items()
        if text not in DIFFERENT and taken_by_ours(text) != taken
    }

    assert differing == {}


@pytest.mark.parametrize("text", DIFFERENT)
def test_what_is_listed_as_different_is(text: str) -> None:
    assert taken_by_ours(text) != RANGES[text]
