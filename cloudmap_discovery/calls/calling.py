"""Calls a service: looks it up, sends the request, and tries another instance where one cannot be reached."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

from cloudmap_discovery.calls.errors import (
    BadReplyError,
    FunctionFailedError,
    InvocationError,
    InvokeRefusedError,
    NoReplyError,
    NotAuthorizedError,
    TooLargeError,
    UnreachableError,
)
from cloudmap_discovery.calls.gateway import NotAnAnswerError, event_of, said_by
from cloudmap_discovery.calls.messages import IDEMPOTENT, Incoming, Outgoing, once
from cloudmap_discovery.calls.targets import FunctionTarget, HttpTarget, Signing, target_of, url_of
from cloudmap_discovery.errors import DiscoveryError
from cloudmap_discovery.transport.endpoints import resolve
from cloudmap_discovery.values import replace, value

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cloudmap_discovery.calls.messages import Call, Wire
    from cloudmap_discovery.calls.signing import Signer
    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.discovery import Discovery
    from cloudmap_discovery.model import Instance

MAX_PAYLOAD_BYTES: Final = 6 * 1024 * 1024
"""What a synchronous invocation takes, and gives back (Lambda quotas: 6 MB each)."""
_MAX_RESULT_BYTES: Final = 8 * 1024 * 1024  # the same, and what escapes in JSON may add
_MAX_SIGNED_BYTES: Final = (
    10 * 1024 * 1024
)  # API Gateway's own limit; a function URL's is lower, and it says so
_MAX_INSTANCES: Final = 4
_NO_FUNCTION: Final = 404
_FIRST_REFUSAL: Final = 300


@value
class Where:
    """Which service to call: the arguments of a lookup."""

    service: str
    stage: str | None = None
    where: Mapping[str, str] | None = None
    version: str | None = None
    tenant: str | None = None
    sticky: str | None = None


@value
class Called:
    """An answer that has begun, and who gave it."""

    incoming: Incoming
    instance: Instance


class Spent:
    """How long a call took, until its answer began or it failed: looking up, and all the rest, in seconds."""

    __slots__ = ("lookup_seconds", "upstream_seconds")

    def __init__(self) -> None:
        self.lookup_seconds = 0.0
        self.upstream_seconds = 0.0


class Calling:
    """Calls services, from any event loop.

    `region` is the one to sign for where nothing else says it, `endpoint_url` where Lambda is asked instead of AWS.
    """

    def __init__(
        self,
        discovery: Discovery,
        wire: Wire,
        signer: Signer,
        *,
        clock: Clock,
        region: str | None,
        endpoint_url: str | None,
        environment: Mapping[str, str],
    ) -> None:
        self._discovery = discovery
        self._wire = wire
        self._signer = signer
        self._clock = clock
        self._region = region
        self._endpoint_url = endpoint_url
        self._environment = environment

    def after_restore(self) -> None:
        """Use no credentials from before the snapshot."""
        self._signer.forget()

    async def call(
        self, where: Where, call: Call, *, timeout_seconds: float, may_sign: bool, spent: Spent | None = None
    ) -> Called:
        """Return the answer as soon as it begins, from the first instance that gives one.

        An instance that cannot be reached is set aside, and another one tried, if the request cannot have reached the
        first or its method is idempotent. `may_sign`: whether the caller is one for whom requests are signed. Raises
        what looking up raises, or an `InvocationError`; `spent` is told what took how long in any case.
        """
        started, spent = self._clock.monotonic(), spent or Spent()
        try:
            return await self._called(where, call, timeout_seconds, spent, may_sign=may_sign)
        finally:
            spent.upstream_seconds = self._clock.monotonic() - started - spent.lookup_seconds

    async def _called(
        self, where: Where, call: Call, timeout_seconds: float, spent: Spent, *, may_sign: bool
    ) -> Called:
        ends = self._clock.monotonic() + timeout_seconds
        tried: set[str] = set()
        failure: InvocationError | None = None
        while True:
            asked = self._clock.monotonic()
            try:
                instance = await self._looked_up(where, failure, ends - asked, timeout_seconds)
            finally:
                spent.lookup_seconds += self._clock.monotonic() - asked
            if failure is not None and (instance.id in tried or len(tried) >= _MAX_INSTANCES):
                raise failure
            tried.add(instance.id)
            try:
                async with asyncio.timeout(self._left(ends, instance, timeout_seconds)):
                    call, send = await self._prepared(call, instance, may_sign=may_sign)
            except TimeoutError as error:
                reason = f"the request's body did not come within {timeout_seconds:.3g} s"
                raise NoReplyError(instance.service, instance.endpoint, reason) from error
            try:
                incoming = await send(self._left(ends, instance, timeout_seconds))
            except InvocationError as error:
                failure = _of(error, instance)
                if not isinstance(error, UnreachableError):
                    raise failure from error.__cause__
                if isinstance(call.body, bytes) or not failure.was_sent:
                    # Else it may have refused the body before all of it was there.
                    await self._discovery.report_failure(instance)
                if not _may_be_repeated(call, failure):
                    raise failure from error.__cause__
                failure.__cause__ = error.__cause__
            else:
                return Called(incoming, instance)

    async def _looked_up(
        self, where: Where, failure: InvocationError | None, left: float, timeout_seconds: float
    ) -> Instance:
        try:
            async with asyncio.timeout(left):
                return await self._discovery.discover(
                    where.service,
                    stage=where.stage,
                    where=where.where,
                    version=where.version,
                    tenant=where.tenant,
                    sticky=where.sticky,
                )
        except TimeoutError as error:
            reason = f"looking it up took the {timeout_seconds:.3g} s that there were for all of it"
            raise failure or NoReplyError(where.service, "an address that is not known", reason) from error
        except DiscoveryError:
            if failure is None:
                raise
            raise failure from failure.__cause__  # what is wrong is still that it could not be reached

    async def _prepared(
        self, call: Call, instance: Instance, *, may_sign: bool
    ) -> tuple[Call, Callable[[float], Awaitable[Incoming]]]:
        """Return what sends the call to the instance within so many seconds, and the call, its body read if need be."""
        target = target_of(instance, region=self._region)
        if isinstance(target, FunctionTarget):
            if not (may_sign or target.is_open):
                raise _not_authorized(instance)
            body = await _whole(call, instance, MAX_PAYLOAD_BYTES)
            payload = self._payload(call, body, instance)
            return replace(call, body=body), lambda seconds: self._invoked(
                target, payload, call, instance, seconds
            )
        signing = target.signing
        if signing is None:
            return call, lambda seconds: self._sent(target, call, seconds)
        if not may_sign:
            raise _not_authorized(instance)
        body = await _whole(call, instance, _MAX_SIGNED_BYTES)
        whole = replace(call, body=body)
        return whole, lambda seconds: self._signed(target, whole, body, signing, seconds)

    async def _sent(self, target: HttpTarget, call: Call, seconds: float) -> Incoming:
        request = Outgoing(call.method, url_of(target, call.path, call.query), call.headers, call.body)
        return await self._wire.send(request, timeout_seconds=seconds)

    async def _signed(
        self, target: HttpTarget, call: Call, body: bytes, signing: Signing, seconds: float
    ) -> Incoming:
        url = url_of(target, call.path, _query_without_aws(call.query))
        request = Outgoing(call.method, url, _without_aws(call.headers), body)
        ends = self._clock.monotonic() + seconds
        request = await self._signer.signed(request, body, signing, timeout_seconds=seconds)
        return await self._wire.send(request, timeout_seconds=max(ends - self._clock.monotonic(), 0.001))

    def _payload(self, call: Call, body: bytes, instance: Instance) -> bytes:
        if call.is_event:
            return body or b"null"
        event = event_of(call, body, at_seconds=self._clock.wall())
        payload = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise _too_large(instance, MAX_PAYLOAD_BYTES)
        return payload

    async def _invoked(
        self, target: FunctionTarget, payload: bytes, call: Call, instance: Instance, seconds: float
    ) -> Incoming:
        endpoint = resolve(
            "lambda",
            "Invoke",
            region=target.region,
            endpoint_url=self._endpoint_url,
            environment=self._environment,
        )
        url = f"{endpoint.url}/2015-03-31/functions/{quote(target.arn, safe='')}/invocations"
        headers = [("content-type", "application/json"), ("x-amz-invocation-type", "RequestResponse")]
        headers += [pair for pair in call.headers if pair[0] == "x-amzn-trace-id"]
        ends = self._clock.monotonic() + seconds
        request = await self._signer.signed(
            Outgoing("POST", url, tuple(headers), payload, group=target.arn),
            payload,
            Signing(endpoint.signing_name, endpoint.signing_region),
            timeout_seconds=seconds,
        )
        left = max(ends - self._clock.monotonic(), 0.001)
        try:
            async with asyncio.timeout(left):
                incoming = await self._wire.send(request, timeout_seconds=left)
                answer = await incoming.whole(_MAX_RESULT_BYTES)
        except TimeoutError as error:
            reason = f"its answer had not ended after {seconds:.3g} s"
            raise NoReplyError(instance.service, instance.endpoint, reason, was_sent=True) from error
        if answer is None:
            reason = f"its answer is larger than the {_MAX_RESULT_BYTES} bytes that a function may give"
            raise BadReplyError(instance.service, instance.endpoint, reason, was_sent=True)
        told = dict(incoming.headers)
        if incoming.status >= _FIRST_REFUSAL:
            raise _refused(instance, incoming.status, told, answer)
        if "x-amz-function-error" in told:
            raise _failed(instance, told["x-amz-function-error"], answer)
        if call.is_event:
            return Incoming(200, (("content-type", "application/json"),), once(answer))
        try:
            said = said_by(answer)
        except NotAnAnswerError as error:
            raise BadReplyError(instance.service, instance.endpoint, str(error), was_sent=True) from error
        return Incoming(said.status, said.headers, once(said.body))

    def _left(self, ends: float, instance: Instance, timeout_seconds: float) -> float:
        left = ends - self._clock.monotonic()
        if left <= 0:
            reason = f"the {timeout_seconds:.3g} s for it were over before it was asked"
            raise NoReplyError(instance.service, instance.endpoint, reason)
        return left


def _may_be_repeated(call: Call, failure: InvocationError) -> bool:
    if not failure.was_sent:
        return True  # what it would have done is not done; a body that is read once has not been read
    return call.method in IDEMPOTENT and not call.is_event and isinstance(call.body, bytes)


async def _whole(call: Call, instance: Instance, limit_bytes: int) -> bytes:
    """Return the body, read to its end; raises a `TooLargeError` before there is more of it than the limit."""
    if isinstance(call.body, bytes):
        if len(call.body) > limit_bytes:
            raise _too_large(instance, limit_bytes)
        return call.body
    chunks: list[bytes] = []
    size = 0
    async for chunk in call.body:
        size += len(chunk)
        if size > limit_bytes:
            raise _too_large(instance, limit_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def _without_aws(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Leave out what the caller would sign with: the signature is ours."""
    return tuple(pair for pair in headers if pair[0] != "authorization" and not pair[0].startswith("x-amz-"))


def _query_without_aws(query: str) -> str:
    pairs = [(unquote(pair.partition("=")[0]).lower(), pair) for pair in query.split("&")]
    return "&".join(pair for name, pair in pairs if not name.startswith("x-amz-"))


def _of(error: InvocationError, instance: Instance) -> InvocationError:
    """Return an error of the wire as one that says which service it is about."""
    if error.service:
        return error
    told = type(error)(instance.service, instance.endpoint, error.reason, was_sent=error.was_sent)
    told.__cause__ = error.__cause__
    return told


def _not_authorized(instance: Instance) -> NotAuthorizedError:
    return NotAuthorizedError(
        instance.service,
        instance.endpoint,
        "it is called with a signature, and the caller is not one to sign for",
    )


def _too_large(instance: Instance, limit_bytes: int) -> TooLargeError:
    return TooLargeError(
        instance.service,
        instance.endpoint,
        f"the request is larger than the {limit_bytes} bytes that it takes",
        limit_bytes=limit_bytes,
    )


def _refused(instance: Instance, status: int, headers: Mapping[str, str], answer: bytes) -> InvocationError:
    code = headers.get("x-amzn-errortype", "").partition(":")[0]
    told = _object(answer)
    message = str(told.get("message") or told.get("Message") or f"HTTP {status}")
    if status == _NO_FUNCTION:
        return UnreachableError(instance.service, instance.endpoint, f"{code}: {message}")
    return InvokeRefusedError(
        instance.service, instance.endpoint, f"Lambda refused: {code}: {message}", code=code, status=status
    )


def _failed(instance: Instance, kind: str, answer: bytes) -> FunctionFailedError:
    told = _object(answer)
    return FunctionFailedError(
        instance.service,
        instance.endpoint,
        error_type=str(told.get("errorType") or ""),
        error_message=str(told.get("errorMessage") or ""),
        kind=kind.lower(),
    )


def _object(text: bytes) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return {}  # whatever else it is, it says nothing more about the error
    return said if isinstance(said, dict) else {}
