"""Reads the path of a request to the router: which service, in which stage, and what is asked of it."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, unquote

from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.values import value

MAX_TARGET_CHARACTERS: Final = 8192
"""How long a path with its query may be."""

_BETWEEN: Final = ":"
_LEGAL: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/%-._~!$&'()*+,;=:@|^`{}[]\"<>"
)
# As a query comes, `%` of what is encoded already included.
_IN_QUERY: Final = "%/?:@!$&'()*+,;=~-._[]|^`{}\\\"<>"
_SIGNATURE: Final = "x-amz-signature"
_OF_AWS: Final = "x-amz-"
_DOTS: Final = frozenset({".", ".."})
_PARAMETERS: Final = ";"  # of a segment (RFC 3986, 3.3)
_FIRST_PRINTABLE: Final = " "
_DELETE: Final = "\x7f"


@value
class Routed:
    """What a path asks for: a service, in a stage or, with None, wherever is the default, and the path behind it."""

    service: str
    stage: str | None
    path: str


def read_path(raw: str) -> Routed:
    """Return what the path asks for, which is encoded, as it came; raises an `InvalidValueError`.

    `/users/7` and `/Staging:users/7`; a ladder has its signs encoded. What follows the service goes on as it is, but
    refused are paths that mean another one to whoever normalizes them: dots as segments, encoded or not, also before
    the parameters that some take off them (`..;x`), backslashes, and signs that no path has.
    """
    if not raw.startswith("/"):
        raise InvalidValueError(
            "path", raw, "must begin with a slash: an absolute address is not forwarded to"
        )
    if not _LEGAL.issuperset(raw):
        raise InvalidValueError("path", raw, "must have its signs encoded, and no backslash")
    first, slash, rest = raw[1:].partition("/")
    try:
        name = unquote(first, errors="strict") if "%" in first else first
    except UnicodeDecodeError as error:
        raise InvalidValueError("path", raw, "must name a service in UTF-8") from error
    stage, between, service = name.rpartition(_BETWEEN)
    if between and not stage:
        raise InvalidValueError("path", raw, "must name a stage before the colon, `-` for none")
    if not service:
        raise InvalidValueError("path", raw, "must name a service first: /users/… or /Staging:users/…")
    for segment in rest.split("/"):
        _check_segment(raw, segment)
    return Routed(service, stage if between else None, f"{slash}{rest}")


def read_query(raw: bytes) -> str:
    """Return the query of a request, encoded, without what a request signed in its query was signed with.

    What no query has is encoded, so that it is passed on harmlessly.
    """
    query = quote(raw, safe=_IN_QUERY)
    pairs = [(_name_in(pair), pair) for pair in query.split("&")]
    if all(name != _SIGNATURE for name, _ in pairs):
        return query
    return "&".join(pair for name, pair in pairs if not name.startswith(_OF_AWS))


def _name_in(pair: str) -> str:
    """Return the name as whoever gets the pair reads it: decoded; in lower case."""
    return unquote(pair.partition("=")[0]).lower()


def _check_segment(raw: str, segment: str) -> None:
    if segment.partition(_PARAMETERS)[0] in _DOTS:
        raise InvalidValueError("path", raw, "must have neither . nor .. as a segment")
    if "%" not in segment:
        return
    decoded = unquote(segment)
    if any(sign < _FIRST_PRINTABLE or sign == _DELETE for sign in decoded):
        raise InvalidValueError("path", raw, "must have no control characters, encoded or not")
    parts = decoded.replace("\\", "/").split("/")
    if any(part.partition(_PARAMETERS)[0] in _DOTS for part in parts):
        raise InvalidValueError("path", raw, "must have neither . nor .. as a segment, encoded or not")
