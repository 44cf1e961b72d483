"""What kind of address an endpoint is, decided from its text alone."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

_ARN = re.compile(
    r"arn:(?P<partition>[^:]+):(?P<service>[^:]+):(?P<region>[^:]*):(?P<account>[^:]*):.+", re.DOTALL
)


_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.+", re.DOTALL)
# What a host may look like. Clients read others differently (`\` as `/`, `%2f` as `/`), so that the host that we
# compare would not be the one that they connect to.
_HOST = re.compile(r"[\w.:-]+")


def is_url(endpoint: str) -> bool:
    """Return whether the endpoint is an absolute URL of any scheme."""
    return _URL.fullmatch(endpoint) is not None


def is_arn(endpoint: str) -> bool:
    """Return whether the endpoint is an Amazon resource name."""
    return _ARN.fullmatch(endpoint) is not None


def is_allowed(endpoint: str, patterns: Sequence[str]) -> bool:
    """Return whether one of the patterns (`*` and `?` as in a shell) matches the endpoint's host, or an ARN's account.

    No patterns at all allow everything. Hosts are compared without case and without port. An endpoint in which
    no host can be read is allowed only by `*`.
    """
    if not patterns:
        return True
    arn = _ARN.fullmatch(endpoint)
    subject = arn["account"] if arn else _host(endpoint)
    return any(fnmatchcase(subject.lower(), pattern.lower()) for pattern in patterns)


def _host(endpoint: str) -> str:
    if "\\" in endpoint:
        return ""
    try:
        host = urlsplit(endpoint if is_url(endpoint) else f"//{endpoint}").hostname or ""
    except ValueError:
        return ""
    return host if _HOST.fullmatch(host) else ""
