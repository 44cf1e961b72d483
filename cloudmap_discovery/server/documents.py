"""JSON answers that caches can keep: with an ETag, and 304 for those who have it already."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request


def document(
    request: Request,
    content: Any,
    *,
    cache_control: str,
    tagged: Any = None,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """Return the content as JSON, or 304 where the request has the same already.

    The ETag is of `tagged`, if given, else of the content: what changes with each answer, such as an age, is left out
    of it, and the tag is weak.
    """
    body = json.dumps(content, ensure_ascii=False).encode()
    of = body if tagged is None else json.dumps(tagged, ensure_ascii=False, sort_keys=True).encode()
    etag = f'{"" if tagged is None else "W/"}"{hashlib.sha256(of).hexdigest()[:32]}"'
    sent = {"etag": etag, "cache-control": cache_control, **(headers or {})}
    if _has(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=sent)
    return Response(body, headers=sent, media_type=media_type)


def _has(tags: str, etag: str) -> bool:
    given = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
    return "*" in given or etag.removeprefix("W/") in given
