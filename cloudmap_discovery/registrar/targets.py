"""Whether what is to be registered exists."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from cloudmap_discovery.endpoints import is_arn, is_url
from cloudmap_discovery.errors import RemoteError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cloudmap_discovery.registrar.functions import Functions
    from cloudmap_discovery.registrar.permits import Home
    from cloudmap_discovery.transport.port import Transport

    Connect = Callable[[str, int], Awaitable[None]]

_API: Final = r"(?P<id>[a-z0-9]+)\.execute-api\.(?P<region>[a-z0-9-]+)\..+"
_CALL_SECONDS: Final = 15.0
_CONNECT_SECONDS: Final = 5.0
_PORTS: Final[Mapping[str, int]] = {"https": 443, "wss": 443, "http": 80, "ws": 80}
_LEAVE_OUT: Final = "leave Verify out for it"


class Targets:
    """Asks AWS where AWS knows, and otherwise connects."""

    def __init__(
        self, transport: Transport, functions: Functions, *, home: Home, connect: Connect | None = None
    ) -> None:
        self._transport = transport
        self._functions = functions
        self._home = home
        self._connect: Connect = connect or connected

    async def fault(self, endpoint: str) -> str | None:
        """Return why the endpoint is taken not to exist, or None; raises a `StoreError` where AWS does not say."""
        if is_arn(endpoint):
            return await self._function_fault(endpoint)
        if not is_url(endpoint):
            return f"only URLs and ARNs of functions can be verified; {_LEAVE_OUT}"
        try:
            parts = urlsplit(endpoint)
            host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
        except ValueError as error:
            return f"it is no URL: {error}"
        api = re.fullmatch(_API, host)
        if api is not None and api["region"] == self._home.region:
            return await self._api_fault(api["id"])
        if not host or port is None:
            return f"no host and port can be read in it; {_LEAVE_OUT}"
        return await self._host_fault(host, port)

    async def _function_fault(self, arn: str) -> str | None:
        if not self._home.is_function(arn):
            return f"only functions of this account and region can be verified by ARN; {_LEAVE_OUT}"
        return None if await self._functions.exists(arn) else "there is no such function, version or alias"

    async def _host_fault(self, host: str, port: int) -> str | None:
        try:
            await self._connect(host, port)
        except (OSError, UnicodeError) as error:  # no answer in time, too, and a host that can be no name
            return f"{host}:{port} cannot be reached from the registrar: {str(error) or 'no answer in time'}"
        return None

    async def _api_fault(self, api: str) -> str | None:
        for service, operation, params in (
            ("apigatewayv2", "GetApi", {"ApiId": api}),
            ("apigateway", "GetRestApi", {"restApiId": api}),
        ):
            if await self._has(service, operation, params):
                return None
        return f"there is no API {api!r} in this account and region; if it is another account's, {_LEAVE_OUT}"

    async def _has(self, service: str, operation: str, params: Mapping[str, Any]) -> bool:
        try:
            await self._transport.call(service, operation, params, timeout_seconds=_CALL_SECONDS)
        except RemoteError as error:
            if error.code != "NotFoundException":
                raise
            return False
        return True


async def connected(host: str, port: int) -> None:
    """Open a connection and close it; raises an `OSError` where that fails or takes longer than five seconds."""
    async with asyncio.timeout(_CONNECT_SECONDS):
        _, writer = await asyncio.open_connection(host, port)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
