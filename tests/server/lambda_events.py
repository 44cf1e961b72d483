"""HTTP requests as the events that Lambda's fronts make of them, as AWS documents these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT = "123456789012"
CALLER = f"arn:aws:iam::{ACCOUNT}:user/deployer"
_IAM = {"accountId": ACCOUNT, "callerId": "AIDAEXAMPLE", "userArn": CALLER, "userId": "AIDAEXAMPLE"}
_FORWARDED = {"x-forwarded-for": "203.0.113.7", "x-forwarded-port": "443", "x-forwarded-proto": "https"}


def function_url(
    path: str,
    *,
    method: str = "GET",
    query: str = "",
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
    signed: bool = False,
) -> dict[str, Any]:
    """Return what a function URL makes of a request: the path as it was sent, and who signed it."""
    domain = "abcdefghijklmnop.lambda-url.eu-west-1.on.aws"
    event = _second_format(path, domain, "$default", method, query, headers, body)
    if signed:
        event["requestContext"]["authorizer"] = {"iam": _IAM}
    return event


def http_api(path: str, *, stage: str = "$default", domain: str = "", **request: Any) -> dict[str, Any]:
    """Return what an HTTP API makes of it in format 2.0: the path decoded, after the stage unless that is the default.

    `domain` is one of its own, where no stage is in the path.
    """
    begin = "" if domain or stage == "$default" else f"/{stage}"
    given = {"method": "GET", "query": "", "headers": None, "body": None, **request}
    told = f"{begin}{unquote(path)}"
    return _second_format(told, domain or "a1b2c3.execute-api.eu-west-1.amazonaws.com", stage, **given)


def rest_api(path: str, *, method: str = "GET", signed: bool = False) -> dict[str, Any]:
    """Return what a REST API makes of it: the path as it was sent, headers once and in lists."""
    headers = {"Host": "d4e5f6.execute-api.eu-west-1.amazonaws.com", "X-Forwarded-Proto": "https"}
    identity = {"sourceIp": "203.0.113.7", "userArn": CALLER if signed else None}
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [text] for name, text in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": path.removeprefix("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "d4e5f6",
            "domainName": headers["Host"],
            "httpMethod": method,
            "identity": identity,
            "path": f"/prod{path}",
            "protocol": "HTTP/1.1",
            "requestId": "id",
            "resourcePath": "/{proxy+}",
            "stage": "prod",
        },
        "body": None,
        "isBase64Encoded": False,
    }


def _second_format(
    path: str,
    domain: str,
    stage: str,
    method: str,
    query: str,
    headers: Mapping[str, str] | None,
    body: str | None,
) -> dict[str, Any]:
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": domain, **_FORWARDED, **(headers or {})},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": domain.partition(".")[0],
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "test",
            },
            "requestId": "id",
            "routeKey": "$default",
            "stage": stage,
            "time": "27/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1795780800000,
        },
        "isBase64Encoded": False,
    }
    return event if body is None else {**event, "body": body}
