"""A container endpoint on this machine, which answers as it is told."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Answer:
    """An answer: what happens before it, what it says its length is, and whether it ends or drips for ever."""

    status: int = 200
    body: bytes = b""
    before: Callable[[], object] = lambda: None
    length: int | None = None
    drips: Literal["", "headers", "body"] = ""


@dataclass
class Asked:
    """A request as it came."""

    path: str
    headers: dict[str, str]


def good(number: int, expires_at_seconds: float, **changes: Any) -> Answer:
    """Return an answer with the credentials `AKID<number>`, which expire at that time."""
    expiration = datetime.fromtimestamp(expires_at_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    members = {
        "AccessKeyId": f"AKID{number}",
        "SecretAccessKey": f"secret {number}",
        "Token": f"token {number}",
        "Expiration": expiration,
    }
    return Answer(body=json.dumps(members).encode(), **changes)


@dataclass
class ContainerServer:
    """What it answers, in turn and then the last for ever, and what it was asked."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def next_answer(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def container_server() -> Iterator[ContainerServer]:
    """Serve on a free port until the block ends."""
    state = ContainerServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(Asked(self.path, {name.lower(): text for name, text in self.headers.items()}))
            answer = state.next_answer()
            state.arrived.set()
            answer.before()
            with suppress(OSError):  # whoever asked may have gone
                if answer.drips != "headers":
                    self.send_response(answer.status)
                    self.send_header("Content-Length", str(answer.length or len(answer.body)))
                    self.end_headers()
                self.wfile.write(answer.body)
                while answer.drips and not state.over.wait(0.01):
                    self.wfile.write(b"H")

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = False  # its end waits for them

    with Server(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/credentials"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield state
        finally:
            state.over.set()
            server.shutdown()
            thread.join()
