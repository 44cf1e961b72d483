"""What the direct transport cannot do (profiles, single sign-on) is done by the SDK, where that is installed."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Protocol

from cloudmap_discovery.errors import without_frames
from cloudmap_discovery.transport.errors import Call, no_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudmap_discovery.errors import DiscoveryError
    from cloudmap_discovery.transport.port import Transport


class Direct(Protocol):
    """A transport that knows what it cannot do."""

    def load(self) -> None:
        """Load everything that takes no network."""
        ...

    def can(self, service: str, operation: str) -> bool:
        """Return whether it knows the operation."""
        ...

    def missing(self) -> DiscoveryError | None:
        """Return what the environment lacks, as the error that a call would end with, or None; no I/O."""
        ...

    async def call(
        self, service: str, operation: str, params: Mapping[str, Any], *, timeout_seconds: float
    ) -> Mapping[str, Any]:
        """Call an operation, as every transport does."""
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...

    def forget(self) -> None:
        """Drop every connection without touching it."""
        ...


class FailoverTransport:
    """Calls through `direct`, and what that cannot do through the SDK. Which of them is decided with each call.

    `make_sdk` returns a transport over the SDK with everything loaded, or None where it is not installed. It blocks,
    and is called until it has returned, when it is needed.
    """

    def __init__(self, direct: Direct, make_sdk: Callable[[], Transport | None]) -> None:
        self._direct = direct
        self._make_sdk = make_sdk
        self._lock = threading.Lock()
        self._is_made = False
        self._sdk: Transport | None = None

    def load(self) -> None:
        """Load what calls will go through, as far as that can be told now; blocks, and uses no network."""
        if self._direct.missing() is None or self._made_sdk() is None:
            self._direct.load()

    async def call(
        self, service: str, operation: str, params: Mapping[str, Any], *, timeout_seconds: float
    ) -> Mapping[str, Any]:
        """Call the operation through whichever can; loading the SDK, where it was not foreseen, counts.

        Raises what that raises; where neither can, what direct says that it needs.
        """
        if self._direct.missing() is None and self._direct.can(service, operation):
            return await self._direct.call(service, operation, params, timeout_seconds=timeout_seconds)
        ends = asyncio.get_running_loop().time() + timeout_seconds
        if not self._is_made:
            await self._load_sdk(Call(service, operation), timeout_seconds)
        left = max(ends - asyncio.get_running_loop().time(), 0.0)
        carrier = self._direct if self._sdk is None else self._sdk
        return await carrier.call(service, operation, params, timeout_seconds=left)

    async def aclose(self) -> None:
        """Close every connection of both."""
        await self._direct.aclose()
        if self._sdk is not None:
            await self._sdk.aclose()

    def forget(self) -> None:
        """Drop every connection of both without touching it."""
        self._lock = threading.Lock()  # after a fork, the old one may be held by a thread that is not there
        self._direct.forget()
        if self._sdk is not None:
            self._sdk.forget()

    async def _load_sdk(self, about: Call, seconds: float) -> None:
        # On a thread, which goes on where this gives up: a later call finds it loaded.
        try:
            async with asyncio.timeout(seconds):
                await asyncio.get_running_loop().run_in_executor(None, self._made_sdk)
        except TimeoutError as error:
            raise no_answer(about, seconds, "the AWS SDK was still being loaded") from without_frames(error)

    def _made_sdk(self) -> Transport | None:
        with self._lock:
            if not self._is_made:
                self._sdk = self._make_sdk()
                self._is_made = True
            return self._sdk
