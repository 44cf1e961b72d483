"""Signs what goes to AWS, with the credentials of the process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cloudmap_discovery.calls.messages import Outgoing
from cloudmap_discovery.calls.targets import canonical
from cloudmap_discovery.transport.signing import sign

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudmap_discovery.calls.targets import Signing
    from cloudmap_discovery.transport.signing import Credentials


class Keys(Protocol):
    """Where credentials are found."""

    async def current(self, *, timeout_seconds: float) -> Credentials:
        """Return credentials to sign with now; on any event loop. Raises a `StoreError` or a `ConfigurationError`."""
        ...


class Signer:
    """Signs requests by Signature Version 4; `wall` is the time, in seconds since the epoch."""

    def __init__(self, keys: Keys, *, wall: Callable[[], float]) -> None:
        self._keys = keys
        self._wall = wall

    async def signed(
        self, request: Outgoing, body: bytes, signing: Signing, *, timeout_seconds: float
    ) -> Outgoing:
        """Return the request with a signature in its headers; its query is brought into the form that AWS signs."""
        credentials = await self._keys.current(timeout_seconds=timeout_seconds)
        url = canonical(request.url)
        joined: dict[str, str] = {}
        for name, text in request.headers:
            between = "; " if name == "cookie" else ","
            joined[name] = f"{joined[name]}{between}{text}" if name in joined else text
        headers = sign(
            request.method,
            url,
            joined,
            body,
            service=signing.service,
            region=signing.region,
            credentials=credentials,
            at_seconds=self._wall(),
        )
        return Outgoing(request.method, url, tuple(headers.items()), body)
