"""What pages say in words: ages, numbers and names for people, and texts of others that can hurt nobody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cloudmap_discovery.model import NO_STAGE
from cloudmap_discovery.settings import CLOUD_MAP, FILE, PARAMETER_STORE, S3

if TYPE_CHECKING:
    from collections.abc import Mapping

_SOURCES: Final[Mapping[str, str]] = {
    CLOUD_MAP: "Cloud Map",
    PARAMETER_STORE: "Parameter Store",
    S3: "Snapshot in S3",
    FILE: "Packaged file",
}
_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
# From how many seconds on which unit is used: two hours are 2 h, but one and a half are 90 min.
_UNITS: Final = (
    (2 * 365 * _DAY, 365 * _DAY, "y"),
    (90 * _DAY, 30 * _DAY, "mo"),
    (2 * _DAY, _DAY, "d"),
    (2 * _HOUR, _HOUR, "h"),
    (2 * _MINUTE, _MINUTE, "min"),
)
_NUMBER: Final = re.compile(r"([0-9]+)")
# What a link may be: plain letters but for \, which some read as /; its host so that what is read is where it goes.
_PLAIN: Final = r"[!-\[\]-~]+"
_HOST: Final = r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+"


def age(seconds: float) -> str:
    """Return how old something is, to one number: `12 s`, `5 min`, `3 d`; what is in the future is 0 s old."""
    for least, unit, name in _UNITS:
        if seconds >= least:
            return f"{int(seconds // unit)} {name}"
    return f"{max(int(seconds), 0)} s"


def source_name(source: str) -> str:
    """Return what people call a store."""
    return _SOURCES.get(source, source)


def stage_name(stage: str) -> str:
    """Return what stands over the records of a stage."""
    return "no stage" if stage == NO_STAGE else stage


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """Return what sorts the text as people do, whatever its case: `pr-2` before `pr-10`."""
    words = _NUMBER.split(text.casefold())
    # Every other one is a number, of which more digits are more, without the zeros before them.
    numbers = [word.lstrip("0") if index % 2 else word for index, word in enumerate(words)]
    return tuple((len(word) if index % 2 else 0, word) for index, word in enumerate(numbers))


def link_of(endpoint: str) -> str | None:
    """Return the endpoint if it is an address that a browser may be sent to: http or https, nobody's name in it."""
    if not re.fullmatch(_PLAIN, endpoint):
        return None
    try:
        parts = urlsplit(endpoint)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or "@" in parts.netloc or not re.fullmatch(_HOST, host):
        return None
    return endpoint
