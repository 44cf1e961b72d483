"""Requests to the stand-in without an SDK: for what an SDK hides, such as connections and broken answers."""

from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Self
from urllib.parse import urlsplit

_TARGETS = {
    "resourcegroupstaggingapi": "ResourceGroupsTaggingAPI_20170126",
    "servicediscovery": "Route53AutoNaming_v20170314",
    "ssm": "AmazonSSM",
}
_SIGNING_NAMES = {"resourcegroupstaggingapi": "tagging"}


@dataclass(frozen=True, slots=True)
class RawAnswer:
    status: int
    headers: dict[str, str]
    body: bytes


class RawClient:
    """One connection, reused for every call until it breaks; signed for show."""

    def __init__(self, url: str, *, timeout_seconds: float = 10.0) -> None:
        self.connection = HTTPConnection(urlsplit(url).netloc, timeout=timeout_seconds)

    def call(self, operation: str, body: str = "{}") -> RawAnswer:
        """Call `ssm:GetParameters` or another operation of a JSON service."""
        service, name = operation.split(":")
        scope = f"AKIAEXAMPLE/20250101/us-east-1/{_SIGNING_NAMES.get(service, service)}/aws4_request"
        headers = {
            "X-Amz-Target": f"{_TARGETS[service]}.{name}",
            "Content-Type": "application/x-amz-json-1.1",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        }
        self.connection.request("POST", "/", body, headers)
        response = self.connection.getresponse()
        return RawAnswer(response.status, dict(response.getheaders()), response.read())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
