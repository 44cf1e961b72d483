"""Cloud Map's asynchronous operations, polled to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from cloudmap_discovery.errors import RegistrationError, RemoteError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.deadline import Deadline

# A new operation may not be readable at once; after that it is gone.
_MAX_NOT_FOUND: Final = 5


class Call(Protocol):
    """Calls an operation of Cloud Map."""

    async def __call__(
        self, operation: str, params: Mapping[str, Any], deadline: Deadline, *, status: str
    ) -> Mapping[str, Any]:
        """Return the result, or raise a `StoreError`, or a `RegistrationError` where no time is left."""
        ...


async def await_operation(
    call: Call, operation: str, params: Mapping[str, Any], deadline: Deadline
) -> Mapping[str, str]:
    """Wait until the operation has ended, and return its targets; `operation` names what was submitted.

    Raises a `RegistrationError` with AWS's code and message if it failed, or if the deadline came first. What fails
    in passing (throttled, no answer) is asked again.
    """
    status, not_found = "SUBMITTED", 0
    pauses = deadline.pauses(operation)
    while True:
        try:
            result = await call("GetOperation", params, deadline, status=f"{operation} is {status}")
        except RemoteError as error:
            not_found += 1
            if error.code != "OperationNotFound" or not_found > _MAX_NOT_FOUND:
                raise
        except StoreError as error:
            if not error.retryable:
                raise
        else:
            found: Mapping[str, Any] = result.get("Operation") or {}
            status = found.get("Status") or status
            if status == "SUCCESS":
                return found.get("Targets") or {}
            if status == "FAIL":
                raise _failed(operation, found)
        await pauses.next(f"it is {status}")


def _failed(operation: str, found: Mapping[str, Any]) -> RegistrationError:
    code, message = found.get("ErrorCode") or "FAIL", found.get("ErrorMessage") or "no message"
    return RegistrationError(
        f"{operation} failed: {code}: {message} (operation {found.get('Id', 'unknown')})",
        operation=operation,
        code=code,
        reason=message,
    )
