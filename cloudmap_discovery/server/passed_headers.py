"""Which headers the router passes on, in both directions, and which it sets itself."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudmap_discovery.calls.messages import Headers

MAX_HEADER_BYTES: Final = 32 * 1024
"""How large the headers of a request may be in all."""
VIA: Final = "1.1 cloudmap-discovery"
MAX_PASSES: Final = 3
"""How often a request may have come through a router before it is taken for one that goes round in circles."""

# Of one connection (RFC 9110, 7.6.1, and those that were in RFC 2616).
_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# What the request to us was signed with; for another request it is worth nothing, and somebody's token all the same.
# `AWS4-HMAC-SHA256`, and of several regions `AWS4-ECDSA-P256-SHA256`.
_SIGNATURES: Final = "aws4-"
_OURS: Final = frozenset(
    {"host", "expect", "forwarded", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port"}
)
_TRACES: Final = frozenset({"x-amzn-trace-id", "traceparent"})


@value
class Front:
    """How a request came: the client's `address`, and the `host` and `scheme` that it asked."""

    address: str
    host: str
    scheme: str


def request_headers(given: Headers, front: Front, *, now_seconds: float) -> Headers:
    """Return the headers of the request to the service, but for Host and those of the body's framing.

    Whatever the caller signed with, or says of AWS, stays here. A trace goes on, or begins.
    """
    dropped = _HOP_BY_HOP | _named(text for name, text in given if name == "connection")
    passed = [
        (name, text)
        for name, text in given
        if name not in dropped
        and name not in _OURS
        and name not in {"content-length", "x-forwarded-for", "via"}
        and not name.startswith(("x-amz-", ":"))
        and "_" not in name  # which others read as a hyphen: as one of ours
        and not (name == "authorization" and text.lower().startswith(_SIGNATURES))
    ]
    before = [text for name, text in given if name == "x-forwarded-for"]
    hops = [hop.strip() for text in before for hop in text.split(",") if hop.strip()]
    if front.address and hops[-1:] != [front.address]:
        hops.append(front.address)
    if hops:
        passed.append(("x-forwarded-for", ", ".join(hops)))
    passed += [("x-forwarded-proto", front.scheme), ("x-forwarded-host", front.host)]
    passed.append(("via", ", ".join([*(text for name, text in given if name == "via"), VIA])))
    if not any(name in _TRACES for name, _ in passed):
        passed.append(("x-amzn-trace-id", f"Root=1-{int(now_seconds):08x}-{secrets.token_hex(12)}"))
    return tuple(passed)


def reply_headers(given: Headers) -> list[tuple[str, str]]:
    """Return the headers of the service's answer that go on to the client."""
    dropped = _HOP_BY_HOP | _named(text for name, text in given if name == "connection")
    if any(name == "transfer-encoding" for name, _ in given):
        dropped |= {"content-length"}  # which then counts for nothing (RFC 9112, 6.3)
    return [(name, text) for name, text in given if name not in dropped and not name.startswith("x-amz-")]


def server_timing(lookup_seconds: float, upstream_seconds: float) -> str:
    """Return what tells the client how long was looked up, and how long the service took."""
    return f"lookup;dur={lookup_seconds * 1000:.1f}, upstream;dur={upstream_seconds * 1000:.1f}"


def passes(given: Headers) -> int:
    """Return how often the request has been through a router."""
    return sum(text.count(VIA) for name, text in given if name == "via")


def _named(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(part.strip().lower() for text in texts for part in text.split(","))
