"""The transport over the standard library's HTTP: what discovery needs, at the price of nothing else."""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.errors import ConfigurationError, DiscoveryError, without_frames
from cloudmap_discovery.transport.credentials import CredentialSource
from cloudmap_discovery.transport.direct_call import DirectCall, ServerTime
from cloudmap_discovery.transport.direct_http import HttpConnections
from cloudmap_discovery.transport.direct_protocol import SERVICES, protocol_of
from cloudmap_discovery.transport.endpoints import region_of, resolve
from cloudmap_discovery.transport.errors import SDK_REMEDY, Call, no_answer, no_credentials
from cloudmap_discovery.values import replace
from cloudmap_discovery.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.clock import Clock

_USER_AGENT: Final = f"cloudmap-discovery/{VERSION}"


class DirectTransport:
    """Calls what `direct_protocol.protocol_of` knows, from any event loop; what blocks runs on the loop's threads.

    Everything else that decides a call is in `environment`: credentials and endpoints, which are read with each call,
    proxies and certificates, which are read once. `region` and `endpoint_url` come before it. Connections that were idle for more than
    `idle_seconds`, on either clock, are not used again: they are dead if the sandbox was frozen meanwhile.
    """

    def __init__(
        self,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        clock: Clock | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
        idle_seconds: float = 20.0,
    ) -> None:
        self._region = region
        self._endpoint_url = endpoint_url
        self._environment = environment
        self._clock: Clock = SystemClock() if clock is None else clock
        self._time = ServerTime(self._clock)
        self._credentials = CredentialSource(environment, clock=self._clock)
        self._connections = HttpConnections(
            environment=environment, clock=self._clock, idle_seconds=idle_seconds
        )
        self._under_way: set[DirectCall] = set()
        self._busy: set[DirectCall] = set()

    def load(self) -> None:
        """Import what calls need, and read the certificates to trust if any does; blocks, and uses no network.

        What is left for a first call is credentials, DNS and connecting. Usable from any thread. Raises a `ConfigurationError` where the certificates are not there, or an endpoint is wrong.
        """
        self._credentials.load()
        region = region_of(self._region, self._environment)
        if region is None:
            return
        endpoints = (
            resolve(
                service, "", region=region, endpoint_url=self._endpoint_url, environment=self._environment
            )
            for service in SERVICES
        )
        if any(endpoint.url.startswith("https:") for endpoint in endpoints):
            self._connections.load()

    def can(self, service: str, operation: str) -> bool:
        """Return whether this is one of the operations that go without the SDK."""
        protocol = protocol_of(service)
        return protocol is not None and protocol.can(operation)

    def missing(self) -> DiscoveryError | None:
        """Return what the environment lacks for calls, as the error that they would end with, or None; no I/O."""
        region = region_of(self._region, self._environment)
        if region is None:
            return self._no_region()
        if not self._credentials.is_configured():
            about = Call("servicediscovery", "DiscoverInstances", region, self._in_lambda)
            reason = "there are neither variables with them nor a container's endpoint for them"
            return no_credentials(about, reason, has_sdk=False)
        if self._credentials.is_overruled():
            about = Call("servicediscovery", "DiscoverInstances", region, self._in_lambda)
            return no_credentials(about, "AWS_PROFILE or a web identity comes before them", has_sdk=False)
        return None

    async def call(
        self, service: str, operation: str, params: Mapping[str, Any], *, timeout_seconds: float
    ) -> Mapping[str, Any]:
        """Call an operation, in one attempt; all that it needs counts, from a free thread to the answer.

        But a kept connection that turns out dead, or a clock that is wrong, makes it ask once more. Raises a
        `StoreError`; a `ConfigurationError` where a variable is wrong; a `ValueError` where `can` says no.
        """
        call = self._prepared(service, operation, params, timeout_seconds)
        self._under_way.add(call)
        try:
            async with asyncio.timeout(timeout_seconds):
                outcome = await asyncio.get_running_loop().run_in_executor(None, call.run)
        except TimeoutError as error:
            about = call.about
            raise no_answer(about, timeout_seconds, f"still {call.doing}") from without_frames(error)
        finally:
            self._under_way.discard(call)
            call.end("nobody waits for it any more")  # its thread comes free; a connection in use is not kept
        if isinstance(outcome, DiscoveryError):
            raise outcome
        return outcome

    async def aclose(self) -> None:
        """Close every connection and end the calls under way with an error; a later call opens new ones."""
        for call in tuple(self._under_way):
            call.end("the transport was closed meanwhile")
        self._connections.close()

    def forget(self) -> None:
        """Drop every connection without touching it, and whatever was read: after a fork, or a restore.

        The correction of the clock goes as well: a snapshot is restored on another machine, whose clock is most
        likely right. Where it is not, the next call finds out, at the price of one more request.
        """
        self._connections.forget()
        self._credentials.forget()
        self._time.forget()
        self._under_way = set()
        self._busy = set()

    def _prepared(
        self, service: str, operation: str, params: Mapping[str, Any], timeout_seconds: float
    ) -> DirectCall:
        protocol = protocol_of(service)
        if protocol is None or not protocol.can(operation):
            raise ValueError(f"{service}:{operation} is called through the AWS SDK only: {SDK_REMEDY}")
        region = region_of(self._region, self._environment)
        if region is None:
            raise self._no_region()
        endpoint = resolve(
            service,
            operation,
            region=region,
            endpoint_url=self._endpoint_url,
            environment=self._environment,
            bucket=params.get("Bucket", ""),
        )
        request = protocol.request(operation, params)
        return DirectCall(
            Call(service, operation, endpoint.signing_region, self._in_lambda, endpoint.is_own),
            endpoint,
            protocol,
            replace(request, headers={**request.headers, "user-agent": _USER_AGENT}),
            seconds=timeout_seconds,
            clock=self._clock,
            time=self._time,
            credentials=self._credentials,
            connections=self._connections,
            busy=self._busy,
        )

    @property
    def _in_lambda(self) -> bool:
        return bool(self._environment.get("AWS_LAMBDA_RUNTIME_API"))

    def _no_region(self) -> ConfigurationError:
        allowed = "set it, or AWS_REGION, to an AWS region such as eu-central-1"
        if not self._in_lambda:  # where AWS_REGION is always set, unless somebody took it away
            allowed += f"; one in AWS's configuration file is read with {SDK_REMEDY}"
        return ConfigurationError("DISCOVERY_REGION", None, allowed)
