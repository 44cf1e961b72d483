"""What happens to a request between the socket and moto: it is counted, meets its faults, is throttled, is answered."""

import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, assert_never

from werkzeug.wrappers import Response

from tests.standin.error_answers import access_denied_answer, error_answer, throttled_answer
from tests.standin.faults import (
    AccessDenied,
    Armed,
    Drip,
    ErrorAnswer,
    Faults,
    Garbage,
    Hang,
    Hold,
    Latency,
    Reset,
    Truncated,
)
from tests.standin.identify import Request, identify
from tests.standin.server import Answer, Connection, Delivery, Exchange

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.standin.conditions import Conditions
    from tests.standin.journal import Journal

CONTROL_PATH = "/_standin"
# moto looks at a condition and then writes: of two clients that create an object, both would.
_ONE_AT_A_TIME = frozenset({"s3:PutObject", "s3:DeleteObject"})
# moto sends these as text/html.
_CONTENT_TYPES = {
    "apigateway": "application/json",
    "apigatewayv2": "application/json",
    "lambda": "application/json",
    "servicediscovery": "application/x-amz-json-1.1",
}


class _ConnectionLost(Exception):  # noqa: N818 - not an error: a fault did what it is for
    """The connection is to be reset, or has been."""


class Gateway:
    """Answers exchanges; None means that the connection is to be reset."""

    def __init__(
        self,
        *,
        application: "Callable[..., Any]",
        control: "Callable[[Exchange], Answer]",
        account_id: str,
        conditions: "Conditions",
        faults: Faults,
        journal: "Journal",
    ) -> None:
        self._application = application
        self._control = control
        self._account_id = account_id
        self._conditions = conditions
        self._faults = faults
        self._journal = journal
        self._writing = threading.Lock()

    def respond(self, exchange: Exchange) -> Answer | None:
        if exchange.environ["PATH_INFO"].startswith(CONTROL_PATH):
            return self._control(exchange)
        request = identify(exchange.environ, exchange.body, self._conditions.clock.now())
        self._journal.record(request)
        met = self._faults.take(request.service, request.operation)
        try:
            return self._answer(exchange, request, met)
        except _ConnectionLost:
            return None

    def _answer(self, exchange: Exchange, request: Request, met: list[Armed]) -> Answer:
        self._delay(met, exchange.connection)
        for armed in met:
            answer = self._instead(armed, request, exchange.connection)
            if answer is not None:
                return answer
        if not self._conditions.buckets.admits(request.name, self._conditions.clock.now()):
            return throttled_answer(request.service, request.operation)
        return _delivered(self._ask_moto(exchange, request), met)

    def _instead(self, armed: Armed, request: Request, connection: Connection) -> Answer | None:
        """Return what is sent instead of moto's answer, or None where this fault lets it through."""
        match armed.fault:
            case Latency() | Hold() | Truncated() | Drip() | Reset(after_processing=True):
                return None
            case Hang():
                self._wait_until_cleared(armed, connection)
                raise _ConnectionLost
            case Reset():
                raise _ConnectionLost
            case ErrorAnswer(code, message, status, headers):
                answer = error_answer(request.service, code, message, status)
                return replace(answer, headers=(*answer.headers, *headers.items()))
            case AccessDenied():
                return access_denied_answer(request.service, request.operation)
            case Garbage(body, status, content_type):
                return Answer(status, (("Content-Type", content_type),), body)
            case _:
                assert_never(armed.fault)

    def _delay(self, met: list[Armed], connection: Connection) -> None:
        for armed in met:
            if isinstance(armed.fault, Latency):
                self._sleep(armed, armed.fault.seconds, connection)
            elif isinstance(armed.fault, Hold):
                self._wait_until_cleared(armed, connection)
        if connection.is_cut:
            raise _ConnectionLost

    def _sleep(self, armed: Armed, seconds: float, connection: Connection) -> None:
        until = time.monotonic() + seconds
        with self._faults.pulse:
            while not (armed.is_cleared or connection.is_cut):
                left = until - time.monotonic()
                if left <= 0:
                    return
                self._faults.pulse.wait(left)

    def _wait_until_cleared(self, armed: Armed, connection: Connection) -> None:
        with self._faults.pulse:
            self._faults.pulse.wait_for(lambda: armed.is_cleared or connection.is_cut)

    def _ask_moto(self, exchange: Exchange, request: Request) -> Answer:
        # moto takes the account from this header before it looks at the access key: one stand-in, one account.
        exchange.environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account_id
        with self._writing if request.name in _ONE_AT_A_TIME else nullcontext():
            response = Response.from_app(self._application, exchange.environ, buffered=True)
        headers = list(response.headers.items())
        content_type = _CONTENT_TYPES.get(request.service)
        if content_type is not None:
            headers = [(name, value) for name, value in headers if name.lower() != "content-type"]
            headers.append(("Content-Type", content_type))
        return Answer(response.status_code, tuple(headers), response.get_data())


def _delivered(answer: Answer, met: list[Armed]) -> Answer:
    for armed in met:
        match armed.fault:
            case Reset():
                raise _ConnectionLost
            case Truncated():
                answer = replace(answer, delivery=Delivery.TRUNCATED)
            case Drip(interval_seconds):
                answer = replace(answer, delivery=Delivery.DRIPPING, drip_seconds=interval_seconds)
            case _:
                continue
    return answer
