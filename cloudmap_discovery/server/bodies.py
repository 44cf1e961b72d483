"""The JSON object in the body of a request, which is anybody's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NoReturn

from starlette.requests import ClientDisconnect

from cloudmap_discovery.server.problems import ProblemError, problem

if TYPE_CHECKING:
    from starlette.requests import Request

MAX_BYTES: Final = 65_536
_MEDIA_TYPE: Final = "application/json"


async def json_object(request: Request) -> dict[str, Any]:
    """Return the object; raises a `ProblemError`: 415, 413 or 400.

    A media type is asked for since browsers send anything else to other sites unasked.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _MEDIA_TYPE:
        raise ProblemError(
            problem(
                415,
                "wrong-media-type",
                "The body is not JSON",
                f"the Content-Type is {media_type or 'missing'}; it must be {_MEDIA_TYPE}",
                headers={"accept-post": _MEDIA_TYPE},
            )
        )
    body = await _body(request)
    try:
        content = json.loads(body, parse_constant=_refuse)
    except RecursionError:
        _malformed("it is nested too deeply")
    except ValueError as error:
        _malformed(str(error))
    if not isinstance(content, dict):
        _malformed("it must be an object")
    return content


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BYTES:
                raise ProblemError(
                    problem(413, "body-too-large", "The body is too large", f"the limit is {MAX_BYTES} bytes")
                )
    except ClientDisconnect:
        _malformed("the connection ended before it did")
    return bytes(body)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _malformed(detail: str) -> NoReturn:
    raise ProblemError(problem(400, "malformed-body", "The body cannot be read", f"the body: {detail}"))
