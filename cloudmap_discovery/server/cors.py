"""Which pages of other origins may read an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

ANY: Final = "*"
_EXPOSED: Final = "etag, retry-after, cache-status"
_PREFLIGHT_SECONDS: Final = "600"


class Cors:
    """The rules of one resource: `origins` that may read it, `methods` that it has, `writes` among them.

    For a method in `writes`, `*` in the origins counts for none.
    """

    def __init__(self, origins: Sequence[str], methods: Sequence[str], *, writes: Sequence[str] = ()) -> None:
        self._origins = frozenset(origins)
        self._methods = tuple(methods)
        self._writes = frozenset(writes)

    def headers(self, request: Request, method: str | None = None) -> dict[str, str]:
        """Return the headers of an answer to the request; `method` is the one that is asked about, if another."""
        if not self._origins:
            return {}
        vary = {} if self._origins == {ANY} and not self._writes else {"vary": "origin"}
        origin = request.headers.get("origin", "")
        is_write = (method or request.method) in self._writes
        if ANY in self._origins and not is_write:
            allowed = ANY
        elif origin and origin in self._origins:
            allowed = origin
        else:
            return vary
        return {**vary, "access-control-allow-origin": allowed, "access-control-expose-headers": _EXPOSED}

    def preflight(self, request: Request) -> Response:
        """Return the answer to an OPTIONS request, which browsers make before others."""
        method = request.headers.get("access-control-request-method", "")
        headers = self.headers(request, method)
        if "access-control-allow-origin" in headers and method in self._methods:
            headers["access-control-allow-methods"] = ", ".join(self._methods)
            asked = request.headers.get("access-control-request-headers")
            if asked:
                headers["access-control-allow-headers"] = asked
            headers["access-control-max-age"] = _PREFLIGHT_SECONDS
        return Response(status_code=204, headers={"allow": ", ".join((*self._methods, "OPTIONS")), **headers})
