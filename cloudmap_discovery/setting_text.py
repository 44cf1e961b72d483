"""What the text of a setting becomes: each function returns the value, or raises a ValueError where there is none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.errors import ConfigurationError, InvalidValueError
from cloudmap_discovery.limits import LADDER, check_ladder, check_overrides
from cloudmap_discovery.semver import parse_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cloudmap_discovery.model import Attributes

_BUCKET: Final = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_MAX_KEY_BYTES: Final = 1024
_TABLES: Final = (".json", ".toml")


def number(low: float, high: float) -> Callable[[str], float]:
    """Return what reads a number from `low` to `high`."""

    def parse(text: str) -> float:
        value = float(text)
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(text)
        return value

    return parse


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return what reads a whole number from `low` to `high`."""

    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return parse


def one_of(choices: Iterable[str]) -> Callable[[str], str]:
    """Return what reads one of the choices."""
    allowed = tuple(choices)

    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return parse


def list_of(choices: Iterable[str], *, may_be_none: bool = False) -> Callable[[str], tuple[str, ...]]:
    """Return what reads a list of the choices, separated by commas, each at most once."""
    allowed = tuple(choices)

    def parse(text: str) -> tuple[str, ...]:
        if may_be_none and text == "none":
            return ()
        names = tuple(part.strip() for part in text.split(","))
        if len(set(names)) != len(names) or not set(names) <= set(allowed):
            raise ValueError(text)
        return names

    return parse


def patterns(text: str) -> tuple[str, ...]:
    """Return the patterns of hosts and accounts, separated by commas."""
    patterns = tuple(part.strip() for part in text.split(","))
    if not all(patterns) or any(
        character.isspace() or character == "/" for part in patterns for character in part
    ):
        raise ValueError(text)
    return patterns


def origins(text: str) -> tuple[str, ...]:
    """Return origins of web pages, as browsers name them, or `*`."""
    found = tuple(part.strip() for part in text.split(","))
    if found == ("*",):
        return found
    for origin in found:
        url(origin)
        if origin.count("/") != 2 or "@" in origin or origin != origin.lower():  # noqa: PLR2004 -- those of `://` alone
            raise ValueError(text)
    return found


_HEADER: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}"


def header(text: str) -> str:
    """Return the name of an HTTP header, in lower case."""
    import re  # noqa: PLC0415 -- only where one is set

    if not re.fullmatch(_HEADER, text):
        raise ValueError(text)
    return text.lower()


def sticky(text: str) -> str:
    """Return which header or cookie holds a sticky key: `header:name` or `cookie:name`."""
    kind, _, name = text.partition(":")
    if kind not in {"header", "cookie"}:
        raise ValueError(text)
    return f"{kind}:{header(name) if kind == 'header' else header(name) and name}"


def networks(text: str) -> tuple[str, ...]:
    """Return networks of IP addresses."""
    from ipaddress import ip_network  # noqa: PLC0415 -- only where one is set

    return tuple(str(ip_network(part.strip())) for part in text.split(","))


def account(text: str) -> str:
    """Return the id of an AWS account."""
    if not (len(text) == 12 and text.isascii() and text.isdigit()):  # noqa: PLR2004 -- AWS account ids have 12 digits
        raise ValueError(text)
    return text


def switch(text: str) -> bool:
    """Return whether something is on."""
    meaning = {"1": True, "true": True, "0": False, "false": False}.get(text.lower())
    if meaning is None:
        raise ValueError(text)
    return meaning


def url(text: str) -> str:
    """Return an absolute HTTP URL, without a slash at its end."""
    from urllib.parse import urlsplit  # noqa: PLC0415 -- only where a URL is set

    parts = urlsplit(text)  # reading the port raises a ValueError where it is not a number
    whole = parts.hostname and parts.port != 0 and not parts.query and not parts.fragment
    if parts.scheme not in {"http", "https"} or not whole or any(map(str.isspace, text)):
        raise ValueError(text)
    return text.rstrip("/")


# A parameter's path has at most 15 levels, and ours ends in the stage and the name.
_MAX_PREFIX_LEVELS: Final = 13


def prefix(text: str) -> str:
    """Return a path of Parameter Store under which stages and names fit."""
    parts = text.strip("/").split("/")
    legal = all(
        part and part.isascii() and part.replace("_", "a").replace("-", "a").replace(".", "a").isalnum()
        for part in parts
    )
    reserved = parts[0].lower().startswith(("aws", "ssm"))
    if not text.startswith("/") or not legal or reserved or len(parts) > _MAX_PREFIX_LEVELS:
        raise ValueError(text)
    return "/" + "/".join(parts)


def bucket(text: str) -> str:
    """Return the name of an S3 bucket, or the alias of an access point, which looks the same."""
    import re  # noqa: PLC0415 -- only where a bucket is set

    is_special = text.endswith(
        ("--x-s3", "--op-s3")
    )  # directory buckets and Outposts are spoken to differently
    if not re.fullmatch(_BUCKET, text) or ".." in text or text.replace(".", "").isdigit() or is_special:
        raise ValueError(text)
    return text


def object_key(text: str) -> str:
    """Return the key of an S3 object."""
    if not text or text.startswith("/") or not text.isprintable() or len(text.encode()) > _MAX_KEY_BYTES:
        raise ValueError(text)
    return text


def path(text: str) -> str:
    """Return the path of a file, which is read when it is used."""
    if not text or "\0" in text or text.endswith("/"):
        raise ValueError(text)
    return text


def region(text: str) -> str:
    """Return the name of an AWS region."""
    if not (text.isascii() and text.replace("-", "a").isalnum()):
        raise ValueError(text)
    return text


def ladder(text: str) -> str:
    """Return one stage, or several with `>` and nothing else between them."""
    return LADDER.join(check_ladder(text))


def version_suffix(text: str) -> str:
    """Return what makes a release a pre-release when it is appended."""
    version = parse_version(f"1.0.0{text}")
    if version is None or version.is_release or "+" in text:
        raise ValueError(text)
    return text


def dependencies(text: str) -> str:
    """Return where dependencies are declared: a JSON object, or the path of a file; read when they are used."""
    if not (text.startswith("{") or text.lower().endswith(_TABLES)):
        raise ValueError(text)
    return text


def overrides(text: str) -> Attributes:
    """Return addresses by service."""
    import json  # noqa: PLC0415 -- only where something is overridden

    given = json.loads(text, object_pairs_hook=_unique)
    if not isinstance(given, dict):
        raise ValueError(text)  # noqa: TRY004 -- what is wrong is a text, not a type
    try:
        return check_overrides(given)
    except InvalidValueError as error:
        raise ConfigurationError(
            f"DISCOVERY_OVERRIDES: {error.field}", repr(error.value), error.limit
        ) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found
