"""What CloudFormation asks of a custom resource, and what it is answered."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from cloudmap_discovery.model import Instance
from cloudmap_discovery.registrar.adopting import Claimant
from cloudmap_discovery.values import value

RESOURCE_TYPE: Final = "Custom::ServiceEndpoint"
MAX_ANSWER_BYTES: Final = 4096
"""The most that CloudFormation takes (custom resource response objects)."""

_SIGNED_AT: Final = "%Y%m%dT%H%M%SZ"
_GENERIC_TYPE: Final = "AWS::CloudFormation::CustomResource"
_STACK: Final = r"arn:[^:]+:cloudformation:(?P<region>[^:]+):(?P<account>[^:]+):stack/(?P<name>[^/]+)/.+"
_OURS: Final = r"(?P<namespace>.+)/(?P<service>[^/]+)/(?P<id>(?P<stage>[A-Za-z0-9_.-]{1,40})-[0-9a-f]{20})"
_MAX_REASON: Final = 1500
_CUT: Final = "…"
_NEVER_MADE: Final = "not-registered"


@value
class Request:
    """One request: `kind` is Create, Update or Delete; `old_properties` are those before an Update."""

    kind: str
    resource_type: str
    response_url: str
    stack_id: str
    request_id: str
    logical_id: str
    physical_id: str | None
    properties: Mapping[str, Any]
    old_properties: Mapping[str, Any]

    @property
    def claimant(self) -> Claimant:
        """Who writes the record of this resource."""
        asked = None if self.asked_at is None else datetime.fromtimestamp(self.asked_at, UTC)
        return Claimant(self.owner, self.logical_id, self.stack_id.rpartition("/")[2], asked)

    @property
    def seconds_given(self) -> float | None:
        """How long CloudFormation waits for this resource, from its request on, where the template says so."""
        text = str(self.properties.get("ServiceTimeout", ""))
        return float(text) if text.isascii() and text.isdigit() else None

    @property
    def asked_at(self) -> float | None:
        """When CloudFormation asked, as seconds since the epoch: the URL to answer at is signed for that moment."""
        signed = parse_qs(urlsplit(self.response_url).query).get("X-Amz-Date", [""])[0]
        try:
            return datetime.strptime(signed, _SIGNED_AT).replace(tzinfo=UTC).timestamp()
        except ValueError:
            return None

    @property
    def is_ours(self) -> bool:
        """Whether the resource is of the type that the registrar serves."""
        return self.resource_type in {RESOURCE_TYPE, _GENERIC_TYPE}

    @property
    def owner(self) -> str:
        """The owner of the records of this stack: the same after it was deleted and created anew."""
        found = re.fullmatch(_STACK, self.stack_id)
        return (
            f"cfn:{found['account']}:{found['region']}:{found['name']}"
            if found is not None
            else f"cfn:{self.stack_id}"
        )


@value
class Outcome:
    """How a request ended well; `data` is for Fn::GetAtt, `note` for the stack's events and the log."""

    physical_id: str
    data: Mapping[str, str]
    note: str = ""


def is_request(event: Mapping[str, Any]) -> bool:
    """Return whether the event is CloudFormation's request for a custom resource."""
    return "RequestType" in event and "ResponseURL" in event


def read_request(event: Mapping[str, Any]) -> Request:
    """Return the request that the event is; what it lacks is empty, so that it can be answered all the same."""
    return Request(
        kind=str(event.get("RequestType")),
        resource_type=str(event.get("ResourceType") or RESOURCE_TYPE),
        response_url=str(event.get("ResponseURL")),
        stack_id=str(event.get("StackId") or ""),
        request_id=str(event.get("RequestId") or ""),
        logical_id=str(event.get("LogicalResourceId") or ""),
        physical_id=event.get("PhysicalResourceId") or None,
        properties=_mapping(event.get("ResourceProperties")),
        old_properties=_mapping(event.get("OldResourceProperties")),
    )


def physical_id(namespace: str, service: str, instance_id: str) -> str:
    """Return the physical id of a record's resource: its namespace and identity, and nothing that may change."""
    return f"{namespace}/{service}/{instance_id}"


def meant_by(physical: str | None) -> tuple[str, Instance] | None:
    """Return namespace and record that a physical id of ours means, or None; of the record only its identity counts."""
    found = None if physical is None else re.fullmatch(_OURS, physical)
    if found is None:
        return None
    return found["namespace"], Instance(found["service"], "-", found["stage"], id=found["id"])


def never_made_at(physical: str) -> float | None:
    """Return when the resource was to be made that a Create failed to make, where its physical id says so."""
    found = re.fullmatch(rf"{_NEVER_MADE}/.*/(?P<asked>[0-9]{{1,12}})", physical)
    return None if found is None else float(found["asked"])


def success(request: Request, outcome: Outcome) -> bytes:
    """Return the answer that says so, of at most 4 KB."""
    body = _base(request, "SUCCESS", outcome.physical_id) | {"Data": dict(outcome.data)}
    return _fitted(body, outcome.note)


def failure(request: Request, reason: str) -> bytes:
    """Return the answer that says why; it names the resource as it was before, or when it was to be made."""
    asked = "" if request.asked_at is None else f"/{request.asked_at:.0f}"
    physical = request.physical_id or f"{_NEVER_MADE}/{request.logical_id}/{request.request_id}{asked}"
    return _fitted(_base(request, "FAILED", physical), reason)


def _base(request: Request, status: str, physical: str) -> dict[str, Any]:
    return {
        "Status": status,
        "PhysicalResourceId": physical,
        "StackId": request.stack_id,
        "RequestId": request.request_id,
        "LogicalResourceId": request.logical_id,
    }


def _fitted(body: dict[str, Any], reason: str) -> bytes:
    """Return the body with as much of the reason as fits, and without data where even that does not."""
    if reason:
        body["Reason"] = reason if len(reason) <= _MAX_REASON else reason[: _MAX_REASON - 1] + _CUT
    while len(encoded := json.dumps(body).encode()) > MAX_ANSWER_BYTES:
        text = body.get("Reason", "").removesuffix(_CUT)
        if len(text) > 1:
            body["Reason"] = text[: len(text) // 2] + _CUT
        elif "Data" in body:
            del body["Data"]
        else:
            break
    return encoded


def _mapping(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}
