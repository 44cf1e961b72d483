"""A check that every answer an SDK client gets is one that the service model allows: its shape, or a modeled error."""

import json
from typing import Any

from botocore.validate import ParamValidator

# The common errors of AWS's query and JSON services, which any operation may answer without its model saying so.
COMMON_ERRORS = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InternalFailure",
        "MalformedHttpRequestException",
        "NotAuthorized",
        "OptInRequired",
        "RequestAbortedException",
        "RequestEntityTooLargeException",
        "RequestExpired",
        "RequestTimeoutException",
        "SerializationException",
        "ServiceUnavailable",
        "ThrottlingException",
        "UnknownOperationException",
        "UnrecognizedClientException",
        "ValidationError",
        "ValidationException",
    }
)


class ConformityError(AssertionError):
    """An answer that the service model does not allow."""


def check_conformity(client: Any) -> set[tuple[str, str]]:
    """Hold every JSON answer of this client against its model; returns a set that fills with (operation, outcome).

    The outcome is `ok` or the code of the error. ConformityError comes out of the call that got a wrong answer.
    """
    seen: set[tuple[str, str]] = set()

    def check(operation_model: Any, response_dict: Any, **_: Any) -> None:
        body = json.loads(response_dict["body"] or b"{}")
        if response_dict["status_code"] < 300:
            seen.add((operation_model.name, "ok"))
            _check_shape(operation_model.name, operation_model.output_shape, body)
        else:
            code = body.get("__type") or response_dict["headers"]["x-amzn-errortype"]
            seen.add((operation_model.name, code))
            _check_error(operation_model, code, response_dict["status_code"], body)

    client.meta.events.register("before-parse.*.*", check)
    return seen


def _check_shape(what: str, shape: Any, body: dict[str, Any]) -> None:
    if shape is None:
        report = "" if body == {} else f"an empty answer was expected, not {body}"
    else:
        report = ParamValidator().validate(body, shape).generate_report()
    if report:
        raise ConformityError(f"{what}: {report}")


def _check_error(operation_model: Any, code: str, status: int, body: dict[str, Any]) -> None:
    modeled = {shape.name: shape for shape in operation_model.error_shapes}
    if code not in modeled:
        if code not in COMMON_ERRORS:
            raise ConformityError(
                f"{operation_model.name}: {code} is neither one of {sorted(modeled)} nor common"
            )
        return
    expected = modeled[code].metadata.get("error", {}).get("httpStatusCode", 400)
    if status != expected:
        raise ConformityError(f"{operation_model.name}: {code} has status {status}, not {expected}")
    # Of these two, the SDKs take either for the message, whatever the model has.
    members = {k: v for k, v in body.items() if k not in {"__type", "message"}}
    _check_shape(f"{operation_model.name} {code}", modeled[code], members)
