"""The control endpoint: what the object can do from Python, a process can be told over HTTP, under /_standin/."""

import base64
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException
from werkzeug.exceptions import HTTPException

from tests.standin.faults import KINDS
from tests.standin.server import Answer, Exchange
from tests.standin.throttle import AWS_RATES, Throttle

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.standin.stand_in import StandIn


class Control:
    """`POST /_standin/<command>` with a JSON object of arguments answers `{"result": ...}`, or 400 `{"error": ...}`."""

    def __init__(self, stand_in: "StandIn") -> None:
        self._stand_in = stand_in
        self._commands: dict[str, Callable[..., Any]] = {
            "describe": self._describe,
            "calls": stand_in.calls,
            "reset_calls": stand_in.reset_calls,
            "requests": self._requests,
            "reset": stand_in.reset,
            "configure": self._configure,
            "fail_next_operations": stand_in.fail_next_operations,
            "freeze_clock": stand_in.freeze_clock,
            "advance_clock": stand_in.advance_clock,
            "thaw_clock": stand_in.thaw_clock,
            "add_fault": self._add_fault,
            "clear_faults": stand_in.faults.clear,
            "down": stand_in.down,
            "up": stand_in.up,
            "seed_namespace": stand_in.seed_namespace,
            "seed_service": stand_in.seed_service,
            "seed_instance": stand_in.seed_instance,
            "seed_parameter": stand_in.seed_parameter,
            "seed_bucket": stand_in.seed_bucket,
            "seed_function": stand_in.seed_function,
            "unseed_function": stand_in.unseed_function,
        }

    def respond(self, exchange: Exchange) -> Answer:
        command = exchange.environ["PATH_INFO"].removeprefix("/_standin").strip("/") or "describe"
        if command == "drop_connections":
            return self._drop_connections(exchange)
        called = self._commands.get(command)
        if called is None:
            return _json(404, {"error": f"no command {command!r}; there are {sorted(self._commands)}"})
        try:
            return _json(200, {"result": called(**json.loads(exchange.body or b"{}"))})
        except (TypeError, ValueError, KeyError, HTTPException, ServiceException) as error:
            return _json(400, {"error": f"{type(error).__name__}: {error}"})

    def _describe(self) -> dict[str, Any]:
        stand_in = self._stand_in
        return {
            "url": stand_in.url,
            "region": stand_in.region,
            "account_id": stand_in.account_id,
            "environment": stand_in.environment(),
            "settings": asdict(stand_in.settings),
            "open_connections": stand_in.open_connections,
        }

    def _requests(self, target: str = "*") -> list[dict[str, Any]]:
        return [asdict(request) for request in self._stand_in.requests(target)]

    def _configure(self, **changes: Any) -> dict[str, Any]:
        throttles = changes.get("throttles")
        if throttles == "aws":
            changes["throttles"] = AWS_RATES
        elif throttles is not None:
            changes["throttles"] = tuple(Throttle.parse(throttle) for throttle in throttles)
        return asdict(self._stand_in.configure(**changes))

    def _add_fault(self, kind: str, target: str = "*", count: int | None = None, **details: Any) -> int:
        if kind not in KINDS:
            raise ValueError(f"kind={kind!r}: there are {sorted(KINDS)}")
        if "body_base64" in details:
            details["body"] = base64.b64decode(details.pop("body_base64"))
        return self._stand_in.faults.add(KINDS[kind](**details), target, count=count).id

    def _drop_connections(self, exchange: Exchange) -> Answer:
        """Drop all but the one that asks, which could not be answered otherwise."""
        return _json(200, {"result": self._stand_in.drop_connections(except_for=exchange.connection)})


def _json(status: int, document: Any) -> Answer:
    return Answer(status, (("Content-Type", "application/json"),), json.dumps(document).encode())
