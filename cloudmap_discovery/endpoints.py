"""What kind of address an endpoint is, decided from its text alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

# Patterns are text: `re` compiles and keeps them at first use.
_ARN: Final = r"(?s:arn:(?P<partition>[^:]+):(?P<service>[^:]+):(?P<region>[^:]*):(?P<account>[^:]*):.+)"
_URL: Final = r"(?s:[A-Za-z][A-Za-z0-9+.-]*://.+)"
# What a host may look like. Clients read others differently (`\` as `/`, `%2f` as `/`), so that the host that we
# compare would not be the one that they connect to.
_HOST: Final = r"[\w.:-]+"


def is_url(endpoint: str) -> bool:
    """Return whether the endpoint is an absolute URL of any scheme."""
    return re.fullmatch(_URL, endpoint) is not None


def is_arn(endpoint: str) -> bool:
    """Return whether the endpoint is an Amazon resource name."""
    return re.fullmatch(_ARN, endpoint) is not None


def is_allowed(endpoint: str, patterns: Sequence[str]) -> bool:
    """Return whether one of the patterns (`*` and `?` as in a shell) matches the endpoint's host, or an ARN's account.

    No patterns at all allow everything. Hosts are compared without case and without port. An endpoint in which
    no host can be read is allowed only by `*`.
    """
    if not patterns:
        return True
    from fnmatch import fnmatchcase  # noqa: PLC0415 -- only where endpoints are restricted

    arn = re.fullmatch(_ARN, endpoint)
    subject = arn["account"] if arn else _host(endpoint)
    return any(fnmatchcase(subject.lower(), pattern.lower()) for pattern in patterns)


def _host(endpoint: str) -> str:
    from urllib.parse import urlsplit  # noqa: PLC0415 -- only where endpoints are restricted

    if "\\" in endpoint:
        return ""
    try:
        host = urlsplit(endpoint if is_url(endpoint) else f"//{endpoint}").hostname or ""
    except ValueError:
        return ""
    return host if re.fullmatch(_HOST, host) else ""
