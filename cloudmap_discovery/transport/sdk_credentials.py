"""Credentials as the SDK finds them: variables, profiles, single sign-on, roles, containers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from cloudmap_discovery import lifecycle
from cloudmap_discovery.transport.errors import Call, no_answer, no_credentials
from cloudmap_discovery.transport.sdk_errors import slim, translated
from cloudmap_discovery.transport.signing import Credentials

if TYPE_CHECKING:
    from cloudmap_discovery.io_thread import IOThread

_ABOUT = Call("sts", "GetCallerIdentity")


class SdkKeys:
    """Finds credentials on the I/O thread, where the SDK refreshes them before they expire."""

    def __init__(self, io: IOThread) -> None:
        self._io = io
        self._found: Any = None
        lifecycle.join(self)

    async def current(self, *, timeout_seconds: float) -> Credentials:
        """Return credentials to sign with now; raises a `StoreError` where there are none, or not in time."""
        return await self._io.submit(lambda: self._current(timeout_seconds))

    def after_fork_in_child(self) -> None:
        """Find them anew: the parent's are bound to its event loop."""
        self.forget()

    def forget(self) -> None:
        """Find them anew the next time: after a restore, those from before are old."""
        self._found = None

    async def _current(self, timeout_seconds: float) -> Credentials:
        from aiobotocore.session import AioSession
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            async with asyncio.timeout(timeout_seconds):
                if self._found is None:
                    self._found = await AioSession().get_credentials()
                if self._found is None:
                    raise no_credentials(_ABOUT, "the SDK finds none", has_sdk=True)
                keys = await self._found.get_frozen_credentials()
        except TimeoutError as error:
            raise no_answer(_ABOUT, timeout_seconds, "still finding AWS credentials") from error
        except OSError as error:  # a credential_process that is not there
            self._found = None
            raise no_credentials(_ABOUT, str(error), has_sdk=True) from error
        except (BotoCoreError, ClientError) as error:
            self._found = None
            meaning = translated(_ABOUT, error, timeout_seconds)
            raise (error if meaning is None else meaning) from slim(error)
        return Credentials(keys.access_key, keys.secret_key, keys.token)
