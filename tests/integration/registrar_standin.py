"""The registrar's own handler over the direct transport and the stand-in for AWS, answering over real HTTP."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.registrar.handler import Entrance

if TYPE_CHECKING:
    from tests.standin.stand_in import StandIn

STACK = "arn:aws:cloudformation:{region}:{account}:stack/users-prod/5a1c"
IO = IOThread()


class Answers:
    """Where CloudFormation waits: a server that keeps every body that is put to it; usable as a context manager."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.statuses: list[int] = []
        answers = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = answers.statuses.pop(0) if answers.statuses else 200
                if status == 200:
                    answers.bodies.append(json.loads(body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/answer?signature=secret"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Context:
    """What Lambda says of an invocation that has 15 minutes, or so many seconds."""

    def __init__(self, aws: StandIn, seconds: float = 900.0) -> None:
        self.invoked_function_arn = f"arn:aws:lambda:{aws.region}:{aws.account_id}:function:registrar"
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


class RegistrarFunction:
    """A registrar function of the namespace `services`; `written` are the lines that it wrote."""

    def __init__(self, aws: StandIn, answers: Answers, **settings: str) -> None:
        self._aws = aws
        self._answers = answers
        self.written: list[str] = []
        variables = {
            **aws.environment(),
            "DISCOVERY_TRANSPORT": "direct",
            "DISCOVERY_MIRRORS": "ssm",
            **settings,
        }
        self.entrance = Entrance(variables, write=self.written.append)

    async def invoke(self, event: dict[str, Any]) -> dict[str, Any] | None:
        return await self.entrance.handle(event, Context(self._aws))

    async def stack(self, kind: str, *, physical: str | None = None, **properties: Any) -> dict[str, Any]:
        """Let CloudFormation ask; return what it is answered."""
        event = stack_request(self._aws, self._answers.url, kind, physical=physical, **properties)
        await self.invoke(event)
        return self._answers.bodies[-1]

    async def aclose(self) -> None:
        for parts in self.entrance._parts.values():
            await self.entrance._io.submit(parts.core.transport.aclose)


def stack_request(
    aws: StandIn, url: str, kind: str, *, physical: str | None = None, **properties: Any
) -> dict[str, Any]:
    """Return what CloudFormation asks, to be answered at the URL."""
    return {
        "RequestType": kind,
        "ResponseURL": url,
        "StackId": STACK.format(region=aws.region, account=aws.account_id),
        "RequestId": "b7d0",
        "ResourceType": "Custom::ServiceEndpoint",
        "LogicalResourceId": "Users",
        "ResourceProperties": {"ServiceToken": "arn", **properties},
        **({"PhysicalResourceId": physical} if physical else {}),
    }


def trail(name: str, function: str) -> dict[str, Any]:
    """Return CloudTrail's event as EventBridge hands it on."""
    return {
        "source": "aws.lambda",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {"eventName": name, "requestParameters": {"functionName": function}},
    }


def batch(*events: dict[str, Any]) -> dict[str, Any]:
    """Return events as the queue hands them over."""
    return {"Records": [{"eventSource": "aws:sqs", "body": json.dumps(event)} for event in events]}


SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
