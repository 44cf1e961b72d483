"""Requests to the URLs of functions that ministack runs, signed or not."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys

from tests.deployment.ministack import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.deployment.ministack import Credentials, Ministack

_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    ministack: Ministack,
    url: str,
    path: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: Any = None,
    credentials: Credentials | None = None,
) -> Reply:
    """Make a request to a function's URL, with a JSON body if there is one, and signed if there are credentials."""
    content = None if body is None else json.dumps(body).encode()
    given = {**(headers or {}), **({} if content is None else {"content-type": "application/json"})}
    url_id = url.removeprefix("https://").partition(".")[0]
    # Its host has no address here; ministack takes the id from the path as well.
    address = f"{ministack.url}/_aws/lambda-url/{url_id}{path}"
    request = AWSRequest(method, address, headers=given, data=content)
    if credentials is not None:
        SigV4Auth(Keys(*credentials), "lambda", REGION).add_auth(request)
    sent = urllib.request.Request(  # noqa: S310 -- ministack's own http://127.0.0.1
        address, data=content, headers=dict(request.headers.items()), method=method
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(sent, timeout=_PATIENCE_SECONDS) as answer:
            return Reply(answer.status, _lower(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, _lower(error.headers), error.read())


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): text for name, text in headers.items()}
