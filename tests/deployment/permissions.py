"""What IAM policies are held against: ministack evaluates them well, but does not know each call's resource and keys.

This runs in ministack's own process, without the rest of the project. The resource types and condition keys are those of
the Service Authorization Reference. `test_permissions.py` holds all of this.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SERVICE: Final = "servicediscovery"
_OF_NAMESPACE: Final = frozenset({"GetNamespace", "DeleteNamespace", "UpdateHttpNamespace"})
_OF_NO_RESOURCE: Final = frozenset(
    {
        "ListTagsForResource",
        "TagResource",
        "UntagResource",
        "ListNamespaces",
        "ListServices",
        "CreateHttpNamespace",
    }
)


def know_calls(iam_actions: Any, tagging: Any, cloud_map: Any) -> None:
    """Tell ministack's IAM which resource a call of Cloud Map or Parameter Store is about, its condition keys and tags."""
    resource_of, context_of = iam_actions.extract_resource_arn, iam_actions.request_tag_context

    @functools.wraps(resource_of)
    def extract_resource_arn(service: str, *request: Any) -> str:
        _, _, headers, body, _, region, account = request
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if service == _SERVICE:
            return _resource(operation, _document(body), f"arn:aws:{_SERVICE}:{region}:{account}")
        if service == "ssm" and operation in {"GetParameters", "GetParametersByPath"}:
            asked = _document(body)
            # Of several names AWS looks at each; those that this project asks for together have one path.
            path = asked.get("Path") or asked["Names"][0]
            return f"arn:aws:ssm:{region}:{account}:parameter{path}"
        return str(resource_of(service, *request))

    @functools.wraps(context_of)
    def request_tag_context(service: str, action: str, body: bytes, parameters: Any) -> dict[str, Any]:
        context: dict[str, Any] = context_of(service, action, body, parameters)
        if service == _SERVICE:
            asked = _document(body)
            for name in ("NamespaceName", "ServiceName"):
                if name in asked:
                    context[f"{_SERVICE}:{name}"] = asked[name]
        return context

    def tagged() -> Iterator[tuple[str, list[dict[str, str]]]]:
        for resource in (*cloud_map._namespaces.values(), *cloud_map._services.values()):
            yield resource["Arn"], cloud_map._resource_tags.get(resource["Arn"], [])

    iam_actions.extract_resource_arn = extract_resource_arn
    iam_actions.request_tag_context = request_tag_context
    tagging._RESOURCE_TAG_COLLECTORS[_SERVICE] = tagged


def take_connections_for_secure(app: Any) -> None:
    """Let `aws:SecureTransport` be true: there is no TLS here, where AWS has nothing else."""
    pin_request_origin = app.pin_request_origin
    app.pin_request_origin = lambda address, _: pin_request_origin(address, True)


def _resource(operation: str, asked: Mapping[str, Any], prefix: str) -> str:
    if operation in _OF_NO_RESOURCE:
        return "*"
    if operation in _OF_NAMESPACE:
        return f"{prefix}:namespace/{asked.get('Id', '')}"
    if operation == "CreateService":
        return f"{prefix}:namespace/{asked.get('NamespaceId', '')}"
    service = asked.get("ServiceId") or asked.get("Id")
    return f"{prefix}:service/{service}" if service else "*"


def _document(body: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(body or b"{}")
    return document
