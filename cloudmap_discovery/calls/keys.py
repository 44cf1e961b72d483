"""Credentials of variables or a container, without the SDK, for code that awaits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cloudmap_discovery import lifecycle
from cloudmap_discovery.transport.credentials import CredentialsUnavailableError
from cloudmap_discovery.transport.errors import Call, no_credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudmap_discovery.io_thread import DaemonPool
    from cloudmap_discovery.transport.credentials import CredentialSource
    from cloudmap_discovery.transport.signing import Credentials

_ABOUT = Call("sts", "GetCallerIdentity")


class DirectKeys:
    """Finds credentials; those that have to be fetched, on a thread of the pool."""

    def __init__(
        self, source: CredentialSource, pool: Callable[[], DaemonPool], *, are_variables: bool
    ) -> None:
        self._source = source
        self._pool = pool
        self._are_variables = are_variables
        lifecycle.join(self)

    def after_fork_in_child(self) -> None:
        """Fetch them anew: the parent's fetch never ends here."""
        self.forget()

    def forget(self) -> None:
        """Fetch them anew the next time: after a restore, those from before are old."""
        self._source.forget()

    async def current(self, *, timeout_seconds: float) -> Credentials:
        """Return credentials to sign with now; raises a `StoreError` where there are none, or not in time."""
        try:
            if self._are_variables:
                return self._source.current(timeout_seconds=timeout_seconds)
            fetched = self._pool().submit(lambda: self._source.current(timeout_seconds=timeout_seconds))
            return await asyncio.wrap_future(fetched)
        except CredentialsUnavailableError as error:
            raise no_credentials(_ABOUT, error.reason, has_sdk=False) from error
