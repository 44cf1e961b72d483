"""How stores speak to AWS: one call, whatever carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Transport(Protocol):
    """Carries calls to AWS.

    Bound to the event loop of the I/O thread once it was used.
    """

    async def call(
        self, service: str, operation: str, params: Mapping[str, Any], *, timeout_seconds: float
    ) -> Mapping[str, Any]:
        """Call an operation, `("servicediscovery", "DiscoverInstances", {...})`, in the shapes of the AWS API.

        Blobs are bytes; the body of an S3 object is as it is stored, whatever its `ContentEncoding`. Timestamps are as
        whatever carries the call gives them, a datetime or seconds since the epoch: nothing here reads them.

        Raises a `StoreError`: `ThrottledError`, `AccessDeniedError`, `StoreTimeoutError` (no answer within
        `timeout_seconds`, or no connection), or `RemoteError` for every other error answer; or a
        `ConfigurationError` where what carries the call is configured wrongly.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection; a later call opens new ones."""
        ...

    def forget(self) -> None:
        """Drop every connection without touching it: after a fork they are the parent's."""
        ...
