"""The Lambda handler of the server: HTTP events of function URLs and of API Gateway, through Mangum."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from mangum import Mangum

from cloudmap_discovery import lifecycle, wiring
from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.errors import ConfigurationError, InvalidValueError
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.notices import Notices
from cloudmap_discovery.server.callers import said_by_lambda
from cloudmap_discovery.server.lambda_answers import InOnePiece, is_carried, too_large
from cloudmap_discovery.server.lambda_urls import client_of, host_of, is_host, path_of
from cloudmap_discovery.server.parts import Parts
from cloudmap_discovery.server.problems import problem, problem_of
from cloudmap_discovery.settings import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

_SURFACES: Final = (MANIFEST,)
"""What is on where the setting does not say: nothing else is meant for everybody."""
# Parts of content types whose bodies go as they are; all others in base64.
_TEXT: Final = ["text/", "application/json", "+json", "application/javascript", "application/xml", "+xml"]

_WITH_PORTS: Final = frozenset({"host", "x-forwarded-port"})
_AS_IT_CAME: Final = "cloudmap_discovery.event"


class Entrance:
    """One server for all invocations of a process, put together at the first one, or before with `load`."""

    def __init__(
        self, variables: Mapping[str, str], *, make_app: Callable[[], ASGIApp] | None = None
    ) -> None:
        self._variables = variables
        self._make_app = make_app or self._server
        self._loops = _Loops()
        self._lock = threading.Lock()
        self._served: Mangum | ConfigurationError | None = None

    def load(self) -> Mangum | ConfigurationError:
        """Put the server together, once; returns why not where a setting is wrong."""
        with self._lock:
            if self._served is None:
                try:
                    self._served = self._made()
                except ConfigurationError as error:
                    self._served = error
            return self._served

    def handle(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Answer an HTTP event; raises an `InvalidValueError` for any other one."""
        _check(event)
        served = self.load()
        if isinstance(served, ConfigurationError):
            return _result(problem_of(served), event)
        self._loops.use()
        event = _readable(event)
        # Mangum's types say dict, and nothing is written into it.
        result: dict[str, Any] = served(event, context)  # type: ignore[arg-type]
        return result if is_carried(result) else _result(too_large(), event)

    def close(self) -> None:
        """Close the event loop of the thread that calls this: Lambda never does."""
        self._loops.close()

    def _made(self) -> Mangum:
        app: Any = InOnePiece(_AsAsked(self._make_app()))
        self._loops.use()  # or Mangum would look for one
        return Mangum(app, lifespan="off", text_mime_types=_TEXT)

    def _server(self) -> ASGIApp:
        clock = SystemClock()
        parts = Parts(
            wiring.read_settings(self._variables),
            self._variables,
            io=IOThread(),
            clock=clock,
            events=EventHub(Notices(clock)),
            trusts=said_by_lambda,
            surfaces=_SURFACES,
        )
        lifecycle.on_snapshot(self._variables, parts.core.before_snapshot, parts.after_restore)
        return parts.app


def _readable(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the event without the headers in which Mangum reads a port, whatever they say; what came is in it whole."""
    changed: dict[str, Any] = {**event, _AS_IT_CAME: event}
    for kind in ("headers", "multiValueHeaders"):
        given = event.get(kind)
        if isinstance(given, Mapping):
            changed[kind] = {name: text for name, text in given.items() if name.lower() not in _WITH_PORTS}
    return changed


class _AsAsked:
    """Gives an application the path and the host that were asked for, and who asked.

    Mangum decodes once more what an HTTP API has decoded, fails at hosts with a port that is none, and at IPv6's, and
    takes all that a load balancer forwards for its client.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        event = scope["aws.event"][_AS_IT_CAME]
        path, host = path_of(event), host_of(event)
        if host is not None and not is_host(host):
            # Of servers, HTTP wants this status (RFC 9112, 3.2).
            refused = problem(400, "invalid-value", "A value is wrong", f"Host is {host!r}", field="Host")
            await refused(scope, receive, send)
            return
        headers = [*scope["headers"], *([] if host is None else [(b"host", host.encode())])]
        asked: dict[str, Any] = {
            "path": path.decoded,
            "raw_path": path.encoded,
            "headers": headers,
            "aws.event": event,
        }
        client = client_of(event)
        if client is not None:
            asked["client"] = (client, 0)
        # Mangum has not seen the host, and makes up a server.
        await self._app({**scope, **asked, "server": None}, receive, send)


class _Loops(threading.local):
    """One event loop for each thread that handles events, open as long as the process lives.

    Mangum takes the one that is set, and what is kept from one invocation to the next belongs to it.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def use(self) -> None:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)

    def close(self) -> None:
        if self._loop is not None:
            self._loop.close()
            asyncio.set_event_loop(None)
            self._loop = None


def _check(event: object) -> None:
    if isinstance(event, Mapping):
        context = event.get("requestContext") or {}
        is_known = "version" in event or "resource" in event or "elb" in context
        if is_known and ("http" in context or "httpMethod" in event):
            return
    raise InvalidValueError(
        "event",
        sorted(map(str, event)) if isinstance(event, Mapping) else event,
        "this function answers HTTP requests alone: of a function URL, of API Gateway or of a load balancer",
    )


def _result(response: Response, event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer of text as every front of Lambda takes it: who sends lists of headers wants such."""
    lists = {name: [text] for name, text in response.headers.items()}
    return {
        **({"multiValueHeaders": lists} if "multiValueHeaders" in event else {}),
        "statusCode": response.status_code,
        "headers": dict(response.headers),
        "body": bytes(response.body).decode(),
        "isBase64Encoded": False,
    }


_entrance: Final = Entrance(wiring.environment())
if wiring.preloads(wiring.environment()):
    _entrance.load()


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer a request that came as an HTTP event."""
    return _entrance.handle(event, context)
