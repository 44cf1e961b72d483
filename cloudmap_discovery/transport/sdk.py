"""The transport over the AWS SDK (aiobotocore): every operation, every source of credentials."""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.errors import without_frames
from cloudmap_discovery.transport.errors import (
    CREDENTIAL_CODES,
    NO_CREDENTIALS,
    Call,
    no_answer,
)
from cloudmap_discovery.transport.sdk_answers import whole_body
from cloudmap_discovery.transport.sdk_errors import (
    DeadConnectionError,
    UnreadableAnswerError,
    slim,
    translated,
)
from cloudmap_discovery.transport.sdk_session import Sdk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cloudmap_discovery.clock import Clock, Instant
    from cloudmap_discovery.transport.sdk_http import HttpSession

T = TypeVar("T")

# Credentials may come from a slow place (single sign-on, a chain of roles): a call that gives up does not end that.
_OPENING_SECONDS: Final = 30.0
# The SDK's own figure: with less than that left, it does not sign before it has refreshed.
_MANDATORY_REFRESH_SECONDS: Final = 600
_RELOADING_CODES: Final = CREDENTIAL_CODES | {NO_CREDENTIALS}

# After a fork these are the parent's; kept for ever, so that nothing finalizes them in the child.
_forgotten: Final[list[object]] = []


@dataclass(frozen=True, slots=True)
class _Client:
    """The SDK's client for one service, what it sends through, and what it signs with."""

    sdk_client: Any
    http: HttpSession
    credentials: Any


@dataclass(slots=True)
class _Pool:
    """Everything that is bound to one event loop."""

    loop: asyncio.AbstractEventLoop
    last_used: Instant
    session: Any = None
    clients: dict[str, _Client] = field(default_factory=dict)
    opening: dict[str, asyncio.Task[_Client]] = field(default_factory=dict)
    refreshing: asyncio.Task[Any] | None = None

    def tasks(self) -> list[asyncio.Task[Any]]:
        """Return what may run beside calls."""
        return [task for task in (*self.opening.values(), self.refreshing) if task is not None]


class SdkTransport:
    """Calls AWS through aiobotocore; used on one event loop at a time.

    `region` and `endpoint_url` come before what the SDK finds for itself. `environment` tells the region
    (`AWS_REGION`, which the SDK does not read) and whether this is a Lambda function, for better messages.
    Connections that were idle for more than `idle_seconds`, on either clock, are not used again: they are dead if
    the sandbox was frozen meanwhile.
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
        self._region = region or environment.get("AWS_REGION") or None
        self._endpoint_url = endpoint_url
        self._clock: Clock = SystemClock() if clock is None else clock
        self._has_own_endpoint = endpoint_url is not None or any(
            name.startswith("AWS_ENDPOINT_URL") for name in environment
        )
        self._in_lambda = bool(environment.get("AWS_LAMBDA_RUNTIME_API"))
        self._idle_seconds = idle_seconds
        self._sdk = Sdk(ca_bundle=environment.get("REQUESTS_CA_BUNDLE") or True)
        self._pool: _Pool | None = None
        self._opened: set[HttpSession] = set()
        weakref.finalize(self, _silence, self._opened)  # also when the interpreter ends

    def load(self, services: Iterable[str]) -> None:
        """Import the SDK, read its data for the services, and the TLS certificates; blocks, and uses no network.

        What is left for a first call is credentials, DNS and connecting. Usable from any thread. Raises a
        `ConfigurationError` where the SDK's own configuration is wrong.
        """
        self._sdk.load(tuple(services))

    async def call(
        self, service: str, operation: str, params: Mapping[str, Any], *, timeout_seconds: float
    ) -> Mapping[str, Any]:
        """Call an operation, in one attempt; all that it needs counts, from imports not done yet to the answer.

        Raises a `StoreError`, or a `ConfigurationError` where the SDK is configured wrongly: no region, no such
        profile.
        """
        pool = self._pool_of_this_loop()
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._call(pool, service, operation, dict(params), timeout_seconds)
        except TimeoutError as error:
            waits = not (opening := pool.opening.get(service)) or not opening.done()
            detail = "the SDK was still being loaded, or AWS credentials fetched" if waits else ""
            raise no_answer(self._about(service, operation), timeout_seconds, detail) from without_frames(
                error
            )

    async def aclose(self) -> None:
        """Close every connection; a later call opens new ones, with credentials read anew."""
        pool = self._pool
        if pool is None:
            return
        if pool.loop is not asyncio.get_running_loop():
            self._leave_loop(pool)
            return
        self._pool = None
        tasks = pool.tasks()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in pool.clients.values():
            await client.http.close()
            self._opened.discard(client.http)

    def forget(self) -> None:
        """Drop every connection without touching it: after a fork, or when its event loop is gone."""
        pool, self._pool = self._pool, None
        self._sdk.after_fork()
        if pool is None:
            return
        _forgotten.append(pool)
        for task in pool.tasks():
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 -- it never ends, which is no news
        _silence(self._opened)
        self._opened.clear()

    async def _call(
        self, pool: _Pool, service: str, operation: str, params: dict[str, Any], timeout_seconds: float
    ) -> Mapping[str, Any]:
        if not self._sdk.has_loaded(service):
            await pool.loop.run_in_executor(None, self._sdk.load, (service,))
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            client = pool.clients.get(service) or await self._opened_client(pool, service)
            await _refresh_credentials(pool, client.credentials)
            try:
                return await _ask(client.sdk_client, operation, params)
            except DeadConnectionError:
                return await _ask(client.sdk_client, operation, params)  # signed anew, on a new connection
        except (BotoCoreError, ClientError, UnreadableAnswerError, DeadConnectionError) as error:
            meaning = translated(self._about(service, operation), error, timeout_seconds)
            if meaning is None:
                raise
            if getattr(meaning, "code", "") in _RELOADING_CODES:
                self._retire(pool)
            raise meaning from slim(error)
        finally:
            pool.last_used = self._clock.now()

    def _about(self, service: str, operation: str) -> Call:
        client = self._pool.clients.get(service) if self._pool is not None else None
        return Call(
            service,
            operation,
            region=self._region or "" if client is None else client.sdk_client.meta.region_name,
            in_lambda=self._in_lambda,
            has_own_endpoint=self._has_own_endpoint,
        )

    def _pool_of_this_loop(self) -> _Pool:
        loop = asyncio.get_running_loop()
        now = self._clock.now()
        pool = self._pool
        if pool is not None and pool.loop is not loop:
            self._leave_loop(pool)
            pool = None
        if pool is None:
            pool = self._pool = _Pool(loop, last_used=now)
        elif not 0 <= now.seconds_since(pool.last_used) <= self._idle_seconds:
            _thaw(pool)
        pool.last_used = now
        return pool

    def _leave_loop(self, pool: _Pool) -> None:
        if pool.loop.is_running():
            raise RuntimeError("this transport is in use on another event loop; give each loop its own")
        self.forget()

    async def _opened_client(self, pool: _Pool, service: str) -> _Client:
        opening = pool.opening.get(service)
        if opening is None or opening.done():
            opening = pool.opening[service] = pool.loop.create_task(self._open(pool, service))
            opening.add_done_callback(_take_note)
        return await _result_of(opening)

    async def _open(self, pool: _Pool, service: str) -> _Client:
        if pool.session is None:
            pool.session = self._sdk.session()
        async with asyncio.timeout(_OPENING_SECONDS):
            sdk_client = await self._sdk.client(
                pool.session, service, region=self._region, endpoint_url=self._endpoint_url
            )
        credentials = getattr(pool.session, "_credentials", None)  # asking would look for them once more
        http = sdk_client._endpoint.http_session  # noqa: SLF001 -- the SDK makes it, and does not show it
        self._opened.difference_update([opened for opened in self._opened if opened.is_closed])
        self._opened.add(http)
        client = pool.clients[service] = _Client(sdk_client, http, credentials)
        return client

    def _retire(self, pool: _Pool) -> None:
        # The credentials did not do. The next call gets a session that reads them anew.
        if self._pool is pool:
            self._pool = None
        for client in pool.clients.values():
            client.http.retire()


async def _ask(sdk_client: Any, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    from botocore import xform_name

    answer: dict[str, Any] = await getattr(sdk_client, xform_name(operation))(**params)
    answer.pop("ResponseMetadata", None)
    model = sdk_client.meta.service_model.operation_model(operation)
    if model.has_streaming_output:
        body = model.output_shape.serialization["payload"]
        answer[body] = await whole_body(answer[body])
    return answer


async def _refresh_credentials(pool: _Pool, credentials: Any) -> None:
    # The SDK would refresh them as a part of the call, and a call that gives up would end that half-way.
    from botocore.exceptions import CredentialRetrievalError

    if not hasattr(credentials, "refresh_needed") or not credentials.refresh_needed():
        return
    if pool.refreshing is None or pool.refreshing.done():
        pool.refreshing = pool.loop.create_task(credentials.get_frozen_credentials())
        pool.refreshing.add_done_callback(_take_note)
    if credentials.refresh_needed(_MANDATORY_REFRESH_SECONDS):
        try:
            await _result_of(pool.refreshing)
        except RuntimeError as error:  # the SDK's word for new credentials that are too old
            raise CredentialRetrievalError(provider=credentials.method, error_msg=str(error)) from error
    else:
        await asyncio.sleep(0)  # it holds the SDK's lock from now on, and calls go on with what there is


async def _result_of(task: asyncio.Task[T]) -> T:
    """Wait for a task that others may wait for too: whoever stops waiting leaves it running."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        waiter = asyncio.current_task()
        if task.cancelled() and waiter is not None and not waiter.cancelling():
            raise DeadConnectionError("the transport was closed meanwhile") from None
        raise


def _thaw(pool: _Pool) -> None:
    for client in pool.clients.values():
        client.http.renew()
    for task in pool.tasks():
        task.cancel()
    pool.opening.clear()
    pool.refreshing = None


def _take_note(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # or asyncio would complain that nobody asked; whoever waits still gets it


def _silence(opened: set[HttpSession]) -> None:
    for http in list(opened):  # at the interpreter's end its own thread may still add to it
        http.silence()
