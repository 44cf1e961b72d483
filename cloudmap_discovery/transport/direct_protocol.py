"""What the direct transport sends for an operation, and how it reads what comes back, service by service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    # str or int, [items], {str: values} for any key, {"Member": ...} for those members at least.
    Shape: TypeAlias = type[str | int] | Sequence["Shape"] | Mapping[Any, "Shape"]

_FIRST_REDIRECT: Final = 300
_NOT_MEMBERS: Final = frozenset({"__type", "message", "Message"})


@value
class Request:
    """What is sent, but for the signature; `path` begins with a slash, and header names are in lower case.

    `encodes_path` says whether the path is encoded once more to be signed, as all services but S3 have it.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    encodes_path: bool = True


@value
class Answered:
    """The service did what it was asked, and this is its result."""

    result: Mapping[str, Any]


@value
class Refused:
    """The service answered with an error; `code` as it was sent, `members` what came beside code and message."""

    code: str
    message: str
    members: Mapping[str, Any]


@value
class Unreadable:
    """It is not an answer of the service: somebody else's, or half of one."""


class ServiceProtocol(Protocol):
    """How one service is spoken to."""

    def can(self, operation: str) -> bool:
        """Return whether it knows the operation."""
        ...

    def request(self, operation: str, params: Mapping[str, Any]) -> Request:
        """Return what to send; blobs in `params` are bytes."""
        ...

    def read(
        self, operation: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> Answered | Refused | Unreadable:
        """Return what the answer says; names of `headers` are in lower case, blobs in the result are bytes."""
        ...


class JsonProtocol:
    """AWS JSON 1.1: every operation is a POST, named by its target; none of those here has a blob.

    `results` has the result's shape for each operation, as far as it is checked; `tokens` the members that make an
    operation idempotent, filled with a value of their own where the caller gives none.
    """

    def __init__(
        self, target: str, results: Mapping[str, Mapping[str, Shape]], tokens: Mapping[str, str] | None = None
    ) -> None:
        self._target = target
        self._results = results
        self._tokens = tokens or {}

    def can(self, operation: str) -> bool:
        """Return whether it knows the operation."""
        return operation in self._results

    def request(self, operation: str, params: Mapping[str, Any]) -> Request:
        """Return what to send; `params` is left as it is."""
        token = self._tokens.get(operation)
        if token and token not in params:
            from uuid import uuid4  # noqa: PLC0415 -- only what registers needs it

            params = {**params, token: str(uuid4())}
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"{self._target}.{operation}",
        }
        return Request("POST", "/", headers, json.dumps(dict(params)).encode())

    def read(
        self, operation: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> Answered | Refused | Unreadable:
        """Return what the answer says, with members that are null left out."""
        try:
            document = json.loads(body.decode())
        except (ValueError, RecursionError):
            return Unreadable()
        if not isinstance(document, dict):
            return Unreadable()
        if status >= _FIRST_REDIRECT:
            return _refusal(status, headers, document)
        shape = self._results[operation]
        # Some other server's JSON has members, and none of those that are the service's.
        if document and shape and document.keys().isdisjoint(shape):
            return Unreadable()
        try:
            return Answered(_checked(document, shape))
        except TypeError:
            return Unreadable()


def _refusal(status: int, headers: Mapping[str, str], document: dict[str, Any]) -> Refused | Unreadable:
    code = document.get("__type") or headers.get("x-amzn-errortype") or str(status)
    if not isinstance(code, str):
        return Unreadable()
    former, is_given, _ = headers.get("x-amzn-query-error", "").partition(";")
    if former and is_given:
        code = former  # of a service that spoke another protocol once, and keeps its codes
    message = document.get("message") or document.get("Message") or ""
    members = {name: item for name, item in document.items() if name not in _NOT_MEMBERS}
    return Refused(code, str(message), members)


def _checked(found: Any, shape: Any) -> Any:
    """Return what was found, without members that are null; raises a `TypeError` where it has another shape."""
    if isinstance(shape, type):
        if not isinstance(found, shape):
            raise TypeError
        return found
    if not isinstance(found, type(shape)):
        raise TypeError
    if isinstance(shape, list):
        return [_checked(item, shape[0]) for item in found]
    if str in shape:
        return {name: _checked(item, shape[str]) for name, item in found.items()}
    return {
        name: _checked(item, shape[name]) if name in shape else item
        for name, item in found.items()
        if item is not None
    }


_TEXTS: Final[Shape] = {str: str}
_NAMESPACE: Final[Shape] = {
    "Id": str,
    "Arn": str,
    "Name": str,
    "Type": str,
    "Properties": {"HttpProperties": {"HttpName": str}},
}
_SERVICE: Final[Shape] = {"Id": str, "Arn": str, "Name": str}
_INSTANCE: Final[Shape] = {"Id": str, "Attributes": _TEXTS}
_OPERATION: Final[Shape] = {
    "Id": str,
    "Type": str,
    "Status": str,
    "ErrorCode": str,
    "ErrorMessage": str,
    "Targets": _TEXTS,
}
_TAG: Final[Shape] = {"Key": str, "Value": str}
_PARAMETER: Final[Shape] = {"Name": str, "Type": str, "Value": str, "Version": int}

SERVICES: Final[Mapping[str, ServiceProtocol]] = {
    "servicediscovery": JsonProtocol(
        "Route53AutoNaming_v20170314",
        {
            "CreateHttpNamespace": {"OperationId": str},
            "CreateService": {"Service": _SERVICE},
            "DeleteService": {},
            "DeregisterInstance": {"OperationId": str},
            "DiscoverInstances": {
                "Instances": [{"InstanceId": str, "Attributes": _TEXTS}],
                "InstancesRevision": int,
            },
            "GetInstance": {"Instance": _INSTANCE, "ResourceOwner": str},
            "GetNamespace": {"Namespace": _NAMESPACE},
            "GetOperation": {"Operation": _OPERATION},
            "GetService": {"Service": _SERVICE},
            "ListInstances": {"Instances": [_INSTANCE], "NextToken": str, "ResourceOwner": str},
            "ListNamespaces": {"Namespaces": [_NAMESPACE], "NextToken": str},
            "ListServices": {"Services": [_SERVICE], "NextToken": str},
            "ListTagsForResource": {"Tags": [_TAG]},
            "RegisterInstance": {"OperationId": str},
            "TagResource": {},
            "UntagResource": {},
        },
        dict.fromkeys(("CreateHttpNamespace", "CreateService", "RegisterInstance"), "CreatorRequestId"),
    ),
    "ssm": JsonProtocol(
        "AmazonSSM",
        {
            "DeleteParameter": {},
            "DeleteParameters": {"DeletedParameters": [str], "InvalidParameters": [str]},
            "GetParameter": {"Parameter": _PARAMETER},
            "GetParameters": {"Parameters": [_PARAMETER], "InvalidParameters": [str]},
            "GetParametersByPath": {"Parameters": [_PARAMETER], "NextToken": str},
            "PutParameter": {"Version": int, "Tier": str},
        },
    ),
}
"""What discovery and registration call by JSON, each service with its operations."""


def protocol_of(service: str) -> ServiceProtocol | None:
    """Return how a service is spoken to without the SDK, or None for one that is not."""
    if service == "s3":
        from cloudmap_discovery.transport.direct_s3 import S3  # noqa: PLC0415 -- only where it is used

        return S3
    if service in SERVICES:
        return SERVICES[service]
    try:
        from cloudmap_discovery.transport.direct_rest import REGISTRAR_SERVICES  # noqa: PLC0415 -- the same
    except ModuleNotFoundError:  # the layer is without it
        return None
    return REGISTRAR_SERVICES.get(service)
