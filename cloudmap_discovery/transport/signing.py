"""AWS Signature Version 4, in the headers of a request."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# Of a single connection, or changed under way by proxies and tracing: the list is that of AWS's own SDK.
_UNSIGNED: Final = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    }
)


@value
class Credentials:
    """What a request is signed with; the text of it shows neither the secret nor the token."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(access_key_id={self.access_key_id!r}, ...)"


def sign(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    service: str,
    region: str,
    credentials: Credentials,
    at_seconds: float,
    encodes_path: bool = True,
) -> dict[str, str]:
    """Return the headers to send: those given, with `host` if it was absent, `x-amz-date` and `authorization`.

    And `x-amz-security-token`, where the credentials have one. `at_seconds` is the corrected wall clock, in seconds
    since the epoch: AWS allows for 5 minutes either way. The URL is absolute, and encoded as it is sent; S3 alone
    takes its path as it is (`encodes_path=False`), every other service an encoded one that is encoded once more.
    A header `x-amz-content-sha256`, if there is one, stands for the body. Headers of a former signature are replaced.
    """
    parts = urlsplit(url)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at_seconds))
    made = {"x-amz-date": stamp}
    if credentials.session_token:
        made["x-amz-security-token"] = credentials.session_token
    sent = {name: text for name, text in headers.items() if name.lower() not in {"authorization", *made}}
    sent.update(made)
    by_name: dict[str, list[str]] = {}
    for name, text in sent.items():
        by_name.setdefault(name.lower(), []).append(" ".join(text.split()))
    if "host" not in by_name:
        sent["host"] = _host(parts)
        by_name["host"] = [sent["host"]]

    signed = sorted(by_name.keys() - _UNSIGNED)
    given_hash = by_name.get("x-amz-content-sha256")
    content_hash = given_hash[0] if given_hash else hashlib.sha256(body).hexdigest()
    request = "\n".join(
        (
            method.upper(),
            quote(_normalized(parts.path)) if encodes_path else parts.path or "/",
            "&".join("=".join(pair) for pair in sorted(_pairs(parts.query))),
            *(f"{name}:{','.join(by_name[name])}" for name in signed),
            "",
            ";".join(signed),
            content_hash,
        )
    )
    scope = (stamp[:8], region, service, "aws4_request")
    to_sign = (_ALGORITHM, stamp, "/".join(scope), hashlib.sha256(request.encode()).hexdigest())
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in (*scope, "\n".join(to_sign)):
        key = hmac.digest(key, part.encode(), "sha256")
    sent["authorization"] = (
        f"{_ALGORITHM} Credential={'/'.join((credentials.access_key_id, *scope))}, "
        f"SignedHeaders={';'.join(signed)}, Signature={key.hex()}"
    )
    return sent


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    has_own_port = parts.port is not None and parts.port != _DEFAULT_PORTS.get(parts.scheme)
    return f"{host}:{parts.port}" if has_own_port else host


def _normalized(path: str) -> str:
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in {"", "."}:
            segments.append(segment)
    end = "/" if segments and path.endswith("/") else ""
    return f"/{'/'.join(segments)}{end}"


def _pairs(query: str) -> list[tuple[str, str]]:
    pairs = [pair.partition("=") for pair in query.split("&")] if query else []
    return [(name, text) for name, _, text in pairs]
