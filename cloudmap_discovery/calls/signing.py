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

    def forget(self) -> None:
        """Find them anew the next time."""
        ...


class Signer:
    """Signs requests by Signature Version 4; `wall` is the time, in seconds since the epoch."""

    def __init__(self, keys: Keys, *, wall: Callable[[], float]) -> None:
        self._keys = keys
        self._wall = wall

    def forget(self) -> None:
        """Sign with none of the credentials from before: the process was restored from a snapshot."""
        self._keys.forget()

    async def signed(
        self, request: Outgoing, body: bytes, signing: Signing, *, timeout_seconds: float
    ) -> Outgoing:
        """Return the request with a signature in its headers; its query is brought into the form that AWS signs."""
        credentials = await self._keys.current(timeout_seconds=timeout_seconds)
        url = canonical(request.url)
        signed = {name: text for name, text in request.headers if _is_signed(name)}
        headers = sign(
            request.method,
            url,
            signed,
            body,
            service=signing.service,
            region=signing.region,
            credentials=credentials,
            at_seconds=self._wall(),
        )
        others = tuple(pair for pair in request.headers if not _is_signed(pair[0]))
        return Outgoing(request.method, url, (*headers.items(), *others), body, request.group)


def _is_signed(name: str) -> bool:
    """Return whether a header has to be signed: what proxies under way add to, or write otherwise, is better left out."""
    return name in {"host", "content-type"} or name.startswith("x-amz-")
