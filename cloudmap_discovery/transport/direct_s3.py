"""How the direct transport speaks to S3: requests that name one object, bodies as they are, errors in XML."""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from cloudmap_discovery.transport.direct_protocol import Answered, Refused, Request, Unreadable
from cloudmap_discovery.transport.errors import BUCKET_REGION
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping

_OK: Final = 200
_NOT_MODIFIED: Final = 304
_ERROR: Final = r"\s*(?:<\?xml[^>]*\?>\s*)?<Error(?:\s[^>]*)?>(.*)</Error>\s*"


@value
class _Operation:
    """One operation: members by the headers that carry them, of its parameters and of its result."""

    method: str
    sent: Mapping[str, str]
    read: Mapping[str, str]


_CONDITIONS: Final = {"if-match": "IfMatch", "if-none-match": "IfNoneMatch"}
_CONTENT: Final = {
    "cache-control": "CacheControl",
    "content-encoding": "ContentEncoding",
    "content-type": "ContentType",
}
_VERSION: Final = {"etag": "ETag", "x-amz-version-id": "VersionId"}
_OPERATIONS: Final = {
    "GetObject": _Operation("GET", _CONDITIONS, _VERSION | _CONTENT),
    "PutObject": _Operation("PUT", _CONDITIONS | _CONTENT, _VERSION),
}
_IN_THE_URL: Final = frozenset({"Bucket", "Key"})


class S3Protocol:
    """REST with XML. Where the bucket stands in the URL is for `endpoints.resolve` to say: paths here are of the key."""

    def can(self, operation: str) -> bool:
        """Return whether it is one of those that read or write one object."""
        return operation in _OPERATIONS

    def request(self, operation: str, params: Mapping[str, Any]) -> Request:
        """Return what to send; raises a `ValueError` for parameters that are missing, or not known here."""
        known = _OPERATIONS[operation]
        allowed = {*_IN_THE_URL, *known.sent.values()} | ({"Body"} if known.method == "PUT" else set())
        missing = sorted(name for name in _IN_THE_URL if not params.get(name))
        if missing or not allowed.issuperset(params):
            unknown = sorted(params.keys() - allowed)
            raise ValueError(
                f"s3:{operation} without {missing} or with {unknown}; it takes {sorted(allowed)}"
            )
        body: bytes = params.get("Body", b"")
        digest = hashlib.sha256(body)
        headers = {name: params[member] for name, member in known.sent.items() if member in params}
        headers["x-amz-content-sha256"] = digest.hexdigest()
        if known.method == "PUT":  # what S3 compares and keeps; a bucket with Object Lock insists on one
            headers["x-amz-checksum-sha256"] = b2a_base64(digest.digest(), newline=False).decode()
        return Request(known.method, f"/{quote(params['Key'])}", headers, body, encodes_path=False)

    def read(
        self, operation: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> Answered | Refused | Unreadable:
        """Return what the answer says; a body is returned as it came, whatever its `ContentEncoding`."""
        if status == _OK:
            known = _OPERATIONS[operation]
            result: dict[str, Any] = {
                member: headers[name] for name, member in known.read.items() if name in headers
            }
            if not result.get("ETag"):
                return Unreadable()
            if known.method == "GET":
                result["Body"] = body
            return Answered(result)
        if status == _NOT_MODIFIED:
            return Refused(str(status), "", {})
        return _refusal(headers, body)


def _refusal(headers: Mapping[str, str], body: bytes) -> Refused | Unreadable:
    import re  # noqa: PLC0415 -- what a first call does not need, it does not import

    try:
        found = re.fullmatch(_ERROR, body.decode(), re.DOTALL)
    except ValueError:
        return Unreadable()
    elements = dict(re.findall(r"<(Code|Message|Region)>([^<]*)</\1>", found[1])) if found else {}
    if not elements.get("Code"):
        return Unreadable()
    from html import unescape  # noqa: PLC0415 -- the same

    region = headers.get("x-amz-bucket-region") or elements.get("Region")
    return Refused(
        unescape(elements["Code"]),
        unescape(elements.get("Message", "")),
        {BUCKET_REGION: region} if region else {},
    )


S3: Final = S3Protocol()
