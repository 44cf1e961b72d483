"""What an error on the way to a service means to the client of the router."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudmap_discovery.calls.errors import (
    AddressRefusedError,
    BadReplyError,
    FunctionFailedError,
    InvocationError,
    InvokeRefusedError,
    NoReplyError,
    NotAuthorizedError,
    NotCallableError,
    TooLargeError,
    UnreachableError,
)
from cloudmap_discovery.errors import DiscoveryUnavailableError, ServiceNotFoundError, StoreError
from cloudmap_discovery.server.problems import problem, problem_of, unavailable

if TYPE_CHECKING:
    from starlette.responses import Response

    from cloudmap_discovery.calls.calling import Where
    from cloudmap_discovery.errors import DiscoveryError

_TOO_MANY: Final = 429
_MOST_SPECIFIC_FIRST: Final[tuple[tuple[type[InvocationError], int, str, str], ...]] = (
    (
        NotAuthorizedError,
        403,
        "not-authorized",
        "The service is called with a signature, for authorized callers",
    ),
    (TooLargeError, 413, "body-too-large", "The body is larger than the service takes"),
    (NotCallableError, 502, "not-callable", "The service's address is none that is called"),
    (AddressRefusedError, 502, "address-refused", "The service's address is one that is not connected to"),
    (UnreachableError, 502, "unreachable", "The service cannot be reached"),
    (NoReplyError, 504, "no-reply", "The service did not answer in time"),
    (BadReplyError, 502, "bad-reply", "What the service answered is no answer"),
    (FunctionFailedError, 502, "function-failed", "The service's function ended in an error"),
    (InvokeRefusedError, 502, "invoke-refused", "The service's function was not run"),
)


def problem_of_call(error: DiscoveryError, where: Where, *, trusted: bool) -> Response:
    """Return the problem; only callers who are trusted are told of addresses, and what AWS or a function said."""
    match error:
        case ServiceNotFoundError():
            place = "in the default stage" if where.stage is None else f"in stage {where.stage!r}"
            return problem(
                404,
                "service-not-found",
                "There is no such service to route to",
                f"no service {where.service!r} is registered {place} with public=true",
            )
        case DiscoveryUnavailableError():
            return unavailable(str(error) if trusted else f"it was asked for {where.service!r}")
        case StoreError():
            return problem(
                500,
                "cannot-sign",
                "The router has no credentials to sign with",
                str(error) if trusted else "its log says why",
            )
        case InvokeRefusedError(status=status) if status == _TOO_MANY:
            return problem(
                503,
                "throttled",
                "The service's function has too many callers",
                str(error) if trusted else "try again in a moment",
                headers={"retry-after": "1"},
            )
        case InvocationError():
            status, name, title = next(
                (status, name, title)
                for kind, status, name, title in _MOST_SPECIFIC_FIRST
                if isinstance(error, kind)
            )
            detail = str(error) if trusted else f"{where.service!r} was found, and calling it failed"
            if isinstance(error, TooLargeError):
                detail = f"it takes at most {error.limit_bytes} bytes, a function as the JSON of its event: base64 counts"
            return problem(status, name, title, detail)
        case _:
            return problem_of(error)
