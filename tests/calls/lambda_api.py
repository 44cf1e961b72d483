"""Lambda's Invoke over real HTTP: functions of Python, called only with a signature that botocore makes as well."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KEY, SECRET = "AKIASTANDINEXAMPLE00", "a-secret-that-opens-nothing"
_FUNCTIONS = "/2015-03-31/functions/"


class LambdaApi:
    """Runs functions by their ARNs; use it as a context manager. `events` are what they were given."""

    def __init__(
        self, functions: Mapping[str, Callable[[Any], Any]], *, service: str = "lambda", region: str
    ) -> None:
        self.functions = dict(functions)
        self.events: list[Any] = []
        self.refused: list[str] = []
        self.status = 200
        self._expected = (service, region)
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, headers, answer = api.answer(self.path, dict(self.headers), body)
                self.send_response(status)
                for name, text in {**headers, "content-length": str(len(answer))}.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        wrong = wrong_signature("POST", f"{self.url}{path}", headers, body, *self._expected)
        if wrong is not None:
            self.refused.append(wrong)
            return (
                403,
                {"x-amzn-errortype": "InvalidSignatureException"},
                json.dumps({"message": wrong}).encode(),
            )
        if self.status != 200:
            return (
                self.status,
                {"x-amzn-errortype": "TooManyRequestsException"},
                b'{"message": "Rate exceeded"}',
            )
        function = self.functions.get(unquote(path.removeprefix(_FUNCTIONS).partition("/")[0]))
        if function is None:
            return (
                404,
                {"x-amzn-errortype": "ResourceNotFoundException"},
                b'{"Message": "Function not found"}',
            )
        event = json.loads(body)
        self.events.append(event)
        try:
            return 200, {"content-type": "application/json"}, json.dumps(function(event)).encode()
        except Exception as error:  # noqa: BLE001 -- as the runtime tells it
            told = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return 200, {"x-amz-function-error": "Unhandled"}, json.dumps(told).encode()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def wrong_signature(
    method: str, url: str, headers: Mapping[str, str], body: bytes, service: str, region: str
) -> str | None:
    """Return what is wrong with a request's signature, or None where botocore makes the same."""
    lower = {name.lower(): text for name, text in headers.items()}
    authorization = lower.get("authorization", "")
    if not authorization.startswith("AWS4-HMAC-SHA256 "):
        return "it is not signed"
    fields = dict(part.strip().split("=", 1) for part in authorization.partition(" ")[2].split(","))
    key, day, *scope = fields["Credential"].split("/")
    if (key, *scope) != (KEY, region, service, "aws4_request") or not lower["x-amz-date"].startswith(day):
        return f"it is signed as {key} for {scope} on {day}"
    signed = {name: lower[name] for name in fields["SignedHeaders"].split(";")}
    request = AWSRequest(method, url, headers=signed, data=body)
    request.context["timestamp"] = lower["x-amz-date"]
    signer = SigV4Auth(Credentials(KEY, SECRET, lower.get("x-amz-security-token")), service, region)
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return None if fields["Signature"] == expected else "botocore makes another signature"
