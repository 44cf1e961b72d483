"""Answers of ministack's Cloud Map in the shapes of AWS's service model, errors included.

This runs in ministack's own process, without the rest of the project.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import botocore.session

if TYPE_CHECKING:
    from collections.abc import Callable

    Response = tuple[int, dict[str, str], bytes]

_TAGGING: Final = frozenset({"TagResource", "UntagResource", "ListTagsForResource"})
REFUSED: Final = 400
"""The HTTP status of every modeled error of Cloud Map; ministack sends 404 and 409 too, as CloudFormation needs inside."""
_FIRST_SERVER_ERROR: Final = 500


def as_aws_answers(handle: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ministack's dispatcher, so that what leaves it has the shapes of the service model, errors included."""
    model = botocore.session.get_session().get_service_model("servicediscovery")

    async def handle_request(method: str, path: str, headers: Any, body: Any, query_params: Any) -> Response:
        status, answered, content = await handle(method, path, headers, body, query_params)
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        document = json.loads(content or b"{}")
        if status >= REFUSED:
            status, document = _error(status, operation, document)
        else:
            document = _modeled(model.operation_model(operation).output_shape, document)
        answered = {name: value for name, value in answered.items() if name.lower() != "content-length"}
        return status, answered, json.dumps(document).encode()

    return handle_request


def _error(status: int, operation: str, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    code = document.pop("__type", "InternalFailure")
    message = document.pop("message", None) or document.pop("Message", "")
    if operation in _TAGGING and code in {"NamespaceNotFound", "ServiceNotFound"}:
        code = "ResourceNotFoundException"
    return min(status, REFUSED) if status < _FIRST_SERVER_ERROR else status, {
        "__type": code,
        "Message": message,
        **document,
    }


def _modeled(shape: Any, value: Any) -> Any:
    """Cut a value to its shape: ministack sends members that are null, and some that the model does not have."""
    if shape is None:
        return {}
    if shape.type_name == "structure":
        return {
            name: _modeled(shape.members[name], member)
            for name, member in value.items()
            if name in shape.members and member is not None
        }
    if shape.type_name == "list":
        return [_modeled(shape.member, entry) for entry in value]
    return value
