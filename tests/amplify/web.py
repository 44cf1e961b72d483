"""Small servers on ports of their own, each of them an origin for a browser."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@contextlib.contextmanager
def pages(files: Mapping[str, tuple[str, bytes]]) -> Iterator[str]:
    """Serve these files, by path with their media type, and yield the origin."""

    class Handler(_Quiet):
        def do_GET(self) -> None:
            kind, content = files.get(self.path, ("text/plain", b""))
            self.answer(content, {"content-type": kind}, status=200 if self.path in files else 404)

    with _serving(Handler) as origin:
        yield origin


@contextlib.contextmanager
def service(name: str) -> Iterator[str]:
    """Serve an API that tells its name and the path of the request to pages of every origin; yield its URL."""

    class Handler(_Quiet):
        def do_GET(self) -> None:
            content = json.dumps({"name": name, "path": self.path}).encode()
            self.answer(content, {"content-type": "application/json", "access-control-allow-origin": "*"})

    with _serving(Handler) as origin:
        yield origin


class _Quiet(BaseHTTPRequestHandler):
    def answer(self, content: bytes, headers: Mapping[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, text in {**headers, "content-length": str(len(content))}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


@contextlib.contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
