"""The URL that somebody asked for, from the event that Lambda makes of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping

# What stands in a path as it is (RFC 3986).
_PLAIN: Final = "/:@!$&'()*+,;=~"
_OF_FUNCTION_URL: Final = ".lambda-url."
_OF_HTTP_API: Final = ".execute-api."
_NO_STAGE: Final = "$default"
# What a URL may have before its path, and a host has not.
_NOT_IN_HOSTS: Final = frozenset("@ ")


@value
class Path:
    """A path, `decoded`, and `encoded` as it stood in the request, as far as that is still known."""

    decoded: str
    encoded: bytes


def path_of(event: Mapping[str, Any]) -> Path:
    """Return the path of an HTTP event.

    Function URLs, REST APIs and load balancers tell it as it was sent. HTTP APIs decode it, in both formats, and begin
    it with the stage where they are asked at an address of their own: so it is encoded again, and once only decoded.
    """
    context = event["requestContext"]
    told = event.get("rawPath", event.get("path")) or "/"
    domain = context.get("domainName") or ""
    if "version" not in event or _OF_FUNCTION_URL in domain:
        encoded = quote(told, safe=f"{_PLAIN}%")
        return Path(unquote(encoded), encoded.encode())
    stage = f"/{context.get('stage', _NO_STAGE)}"
    if _OF_HTTP_API in domain and f"{told}/".startswith(f"{stage}/"):
        told = told.removeprefix(stage) or "/"
    return Path(told, quote(told, safe=_PLAIN).encode())


def host_of(event: Mapping[str, Any]) -> str | None:
    """Return the Host of an HTTP event, None where it has none; more than one are joined, which is none."""
    for kind in ("multiValueHeaders", "headers"):
        for name, told in (event.get(kind) or {}).items():
            if name.lower() == "host":
                return told if isinstance(told, str) else ", ".join(told or ())
    return None


def client_of(event: Mapping[str, Any]) -> str | None:
    """Return who asked a load balancer, which it has appended to what others say; None for events of others."""
    if "elb" not in event["requestContext"]:
        return None
    for kind in ("multiValueHeaders", "headers"):
        for name, told in (event.get(kind) or {}).items():
            if name.lower() == "x-forwarded-for" and told:
                last = told if isinstance(told, str) else told[-1]
                return str(last).rpartition(",")[2].strip()
    return ""


def is_host(text: str) -> bool:
    """Return whether a Host header has a host, with or without a port (RFC 9110, 7.2)."""
    try:
        parts = urlsplit(f"//{text}")
        _ = parts.port  # which is read here
    except ValueError:
        return False
    return parts.netloc == text and _NOT_IN_HOSTS.isdisjoint(text)
