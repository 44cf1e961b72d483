"""What goes wrong when a service that was found is called.

InvocationError                it was found, and calling it failed
├── NotCallableError           the record's endpoint is neither a URL nor a function: call it yourself
├── NotAuthorizedError         the record wants a signature, and the caller may have none
├── TooLargeError              the body is larger than AWS takes: send less
├── UnreachableError           no connection, or it broke before an answer: another instance may do
│   └── AddressRefusedError    the host's address is one that is not connected to
├── NoReplyError               no answer in time
├── BadReplyError              what came is no answer
├── InvokeRefusedError         Lambda did not run the function: see its code
└── FunctionFailedError        the function ran, and ended in an error
"""

from __future__ import annotations

from cloudmap_discovery.errors import DiscoveryError


class InvocationError(DiscoveryError):
    """A service was found, and calling it failed: `service`, the `endpoint` called, the `reason`.

    `was_sent` says that it may have got the request, and done what that asks for.
    """

    def __init__(self, service: str, endpoint: str, reason: str, *, was_sent: bool = False) -> None:
        super().__init__(f"calling {service!r} at {endpoint}: {reason}")
        self.service = service
        self.endpoint = endpoint
        self.reason = reason
        self.was_sent = was_sent


class NotCallableError(InvocationError):
    """The endpoint is neither an http or https URL nor the ARN of a Lambda function."""


class NotAuthorizedError(InvocationError):
    """A signature is needed, and whoever calls is not one to sign for."""


class TooLargeError(InvocationError):
    """The body is larger than the `limit_bytes` that the target takes."""

    def __init__(self, service: str, endpoint: str, reason: str, *, limit_bytes: int) -> None:
        super().__init__(service, endpoint, reason)
        self.limit_bytes = limit_bytes


class UnreachableError(InvocationError):
    """There was no connection, or it broke before any answer; another instance may do."""


class AddressRefusedError(UnreachableError):
    """The endpoint's host has an address that is not connected to."""


class NoReplyError(InvocationError):
    """The time was up before an answer began."""


class BadReplyError(InvocationError):
    """What came is not an answer, or ended before it was whole."""


class InvokeRefusedError(InvocationError):
    """Lambda did not run the function: its `code`, and the HTTP `status` that came with it."""

    def __init__(self, service: str, endpoint: str, reason: str, *, code: str, status: int) -> None:
        super().__init__(service, endpoint, reason)
        self.code = code
        self.status = status


class FunctionFailedError(InvocationError):
    """The function ended in an error: its `error_type` and `error_message`, as its runtime tells them."""

    def __init__(
        self, service: str, endpoint: str, *, error_type: str, error_message: str, kind: str
    ) -> None:
        said = f"{error_type}: {error_message}" if error_type else error_message
        super().__init__(service, endpoint, f"the function failed ({kind}): {said[:1000]}", was_sent=True)
        self.error_type = error_type
        self.error_message = error_message
