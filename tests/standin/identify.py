"""Which AWS operation a request means, with which parameters: for counting, for faults, for the request log."""

import io
import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from botocore.session import get_session
from moto.core.routing import get_service_router
from moto.moto_server.werkzeug_app import BackendRequest
from werkzeug.exceptions import NotFound

UNKNOWN = "Unknown"
_TARGET_PREFIXES = {
    "AmazonSSM": "ssm",
    "ResourceGroupsTaggingAPI_20170126": "resourcegroupstaggingapi",
    "Route53AutoNaming_v20170314": "servicediscovery",
}
_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_SIGNING_NAMES = {
    "tagging": "resourcegroupstaggingapi",
    "monitoring": "cloudwatch",
}  # signing name -> SDK name
# Here two services have one signing name: SDK name -> how the paths of the other begin, and its SDK name.
_BY_PATH = {"apigateway": ("/v2/", "apigatewayv2")}


@dataclass(frozen=True, slots=True)
class Request:
    """One call as AWS would see it."""

    service: str
    operation: str
    parameters: dict[str, Any] = field(repr=False)
    region: str
    user_agent: str
    is_signed: bool
    at_seconds: float
    """When it arrived, by the stand-in's clock."""

    @property
    def name(self) -> str:
        """`servicediscovery:DiscoverInstances` and the like."""
        return f"{self.service}:{self.operation}"


def identify(environ: dict[str, Any], body: bytes, at_seconds: float) -> Request:
    """Read service, operation and parameters off a request without answering it."""
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    scope = _SCOPE.search(authorization) or _SCOPE.search(f"Credential={query.get('X-Amz-Credential', '')}")
    signing_name = scope["service"].lower() if scope else ""
    target_prefix, _, target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")
    service = (
        _TARGET_PREFIXES.get(target_prefix)
        or _SIGNING_NAMES.get(signing_name, signing_name)
        or UNKNOWN.lower()
    )
    start, other = _BY_PATH.get(service, ("/", service))
    if environ["PATH_INFO"].startswith(start):
        service = other
    if target:
        operation, parameters = target, _json_object(body)
    else:
        form = dict(parse_qsl(body.decode("latin-1"))) if _is_form(environ) else {}
        operation = form.get("Action") or _operation_by_path(service, environ, body)
        parameters = {"method": environ["REQUEST_METHOD"], "path": environ["PATH_INFO"], **query, **form}
    return Request(
        service=service,
        operation=operation,
        parameters=parameters,
        region=scope["region"] if scope else "",
        user_agent=environ.get("HTTP_USER_AGENT", ""),
        is_signed=scope is not None,
        at_seconds=at_seconds,
    )


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _is_form(environ: dict[str, Any]) -> bool:
    return str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded")


def _operation_by_path(service: str, environ: dict[str, Any], body: bytes) -> str:
    if service not in _known_services():
        return UNKNOWN
    try:
        operation, _ = get_service_router(service).match(
            BackendRequest({**environ, "wsgi.input": io.BytesIO(body)})
        )
    except NotFound:
        return UNKNOWN
    return str(operation.name)


@cache
def _known_services() -> frozenset[str]:
    return frozenset(get_session().get_available_services())
