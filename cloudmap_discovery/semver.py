"""Semantic versions, parsed and put in order (semver.org, 2.0.0)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from cloudmap_discovery.values import value

_SEMVER: Final = (  # text: compiled at first use
    r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(?:-((?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)

# As npm has it; longer numbers than Python turns into an int cannot come up then.
_MAX_LENGTH: Final = 256

Precedence = tuple[int, int, int, bool, tuple[tuple[int, int, str], ...]]


@value
class Version:
    """A parsed version: its `precedence`, comparable with `<`, and whether it is a release."""

    precedence: Precedence
    is_release: bool


@lru_cache(maxsize=1024)
def parse_version(text: str) -> Version | None:
    """Return the version that the text is, or None if it is not a semantic version."""
    match = re.fullmatch(_SEMVER, text) if len(text) <= _MAX_LENGTH else None
    if match is None:
        return None
    major, minor, patch, pre_release = match.groups()
    identifiers = pre_release.split(".") if pre_release else []
    # Numeric identifiers rank below others; a release ranks above its pre-releases.
    ranked = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in identifiers)
    return Version((int(major), int(minor), int(patch), not identifiers, ranked), not identifiers)
