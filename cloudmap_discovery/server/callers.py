"""Who calls: whether the front has said that a caller is authorized."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.requests import HTTPConnection

# Of programs, which do not send it, and of addresses that a person has typed.
_NO_PAGE: Final = frozenset({"", "none"})
_NEWEST: Final = "2.0"


class Trust(Protocol):
    """Says whether a request comes from somebody who may use the server's own rights: to write, to call what is signed."""

    def __call__(self, request: HTTPConnection) -> bool:
        """Return whether its caller is authorized."""
        ...


def nobody(request: HTTPConnection) -> bool:
    """Trust no caller: nothing in front says who they are."""
    del request
    return False


def said_by_lambda(request: HTTPConnection) -> bool:
    """Trust callers whom an authorizer in front of the function has let through: IAM, a token, or one of its own.

    The event says so, which a caller cannot write; its headers do not count.
    """
    event = request.scope.get("aws.event", {})
    context = event.get("requestContext", {})
    authorizer = context.get("authorizer")
    if event.get("version") == _NEWEST:
        return bool(authorizer)
    # Format 1.0 has an authorizer where there is none, too: {"claims": null, "scopes": null}.
    told = authorizer.values() if isinstance(authorizer, Mapping) else (authorizer,)
    identity = context.get("identity") or {}  # REST APIs tell IAM's callers here
    return any(said is not None for said in told) or bool(identity.get("userArn"))


class Local:
    """Trusts programs of this machine, and no page that the browser has open: it may be anybody's, also one that is routed.

    `origins` are those of pages that may ask as well. A page shows in Sec-Fetch-Site or in Origin, and one whose name was
    pointed here in Host. The server's own pages only read.
    """

    def __init__(self, hosts: Collection[str], origins: Collection[str] = ()) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origins) - {"*"}

    def __call__(self, request: HTTPConnection) -> bool:
        """Return whether the request was made on this machine, by what is at home there."""
        headers = request.headers
        if not self.is_named(headers.get("host", "")):
            return False
        origin = headers.get("origin", "")
        if origin in self._origins:
            return True
        return not origin and headers.get("sec-fetch-site", "") in _NO_PAGE

    def is_named(self, host: str) -> bool:
        """Return whether a Host header names this server."""
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        return name in self._hosts
