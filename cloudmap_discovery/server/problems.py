"""Errors as HTTP answers: problem details, as RFC 9457 has them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from cloudmap_discovery.errors import (
    ConfigurationError,
    DiscoveryError,
    DiscoveryUnavailableError,
    InvalidValueError,
    NoMatchingInstanceError,
    OwnershipError,
    RegistrationError,
    ServiceNotFoundError,
    StoreError,
)
from cloudmap_discovery.events import LOGGER

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA_TYPE: Final = "application/problem+json"
TYPES: Final = "urn:cloudmap-discovery:problem:"
"""What the `type` of every problem begins with: its name follows, such as `service-not-found`."""
RETRY_AFTER_SECONDS: Final = 5
"""After how long an outage is worth another try: so long a store that failed is left alone."""


class ProblemError(Exception):
    """A request cannot be answered otherwise than with this problem."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


def problem(
    status: int,
    name: str,
    title: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    """Return the answer that says what is wrong; `members` are further ones, left out where None."""
    said = {"type": f"{TYPES}{name}", "title": title, "status": status, "detail": detail}
    said |= {member: given for member, given in members.items() if given is not None}
    return Response(
        json.dumps(said), status, {"cache-control": "no-store", **(headers or {})}, media_type=MEDIA_TYPE
    )


def problem_of(error: DiscoveryError) -> Response:  # noqa: PLR0911 -- a table
    """Return what an error of the package means to who asked over HTTP."""
    detail = str(error)
    match error:
        case InvalidValueError():
            return problem(400, "invalid-value", "A value is wrong", detail, field=error.field)
        case NoMatchingInstanceError():
            return problem(
                404,
                "no-matching-instance",
                "The service is there, and nothing of it matches",
                detail,
                available=list(error.available),
            )
        case ServiceNotFoundError():
            return problem(
                404,
                "service-not-found",
                "The service is not registered there",
                detail,
                near_misses=list(error.near_misses) or None,
            )
        case DiscoveryUnavailableError() | StoreError():
            return unavailable(detail)
        case OwnershipError():
            its = f"{error.owner} ({error.owner_ref})" if error.owner_ref else error.owner
            why = f"the record belongs to {its}, which alone changes and removes it"
            return problem(409, "owned-by-another", "The record is somebody else's", why)
        case RegistrationError():
            return problem(502, "registration-failed", "Cloud Map did not take it", detail)
        case ConfigurationError():
            LOGGER.error("the server is configured wrongly: %s", detail)
            return problem(500, "configuration", "The server is configured wrongly", "its log says what")
        case _:
            LOGGER.error("a request ended in an error that has no answer: %s", detail)
            return problem(500, "error", "Something went wrong", detail)


def unavailable(detail: str) -> Response:
    """Return that the registry does not answer, and nothing is held."""
    return problem(
        503,
        "registry-unavailable",
        "The registry does not answer",
        detail,
        headers={"retry-after": str(RETRY_AFTER_SECONDS)},
    )
