"""Errors on the wire, in the protocol of the service that was asked."""

import json
from uuid import uuid4
from xml.sax.saxutils import escape

from tests.standin.server import Answer

_REST_JSON = frozenset({"lambda", "apigateway", "apigatewayv2", "scheduler"})
_XML = frozenset({"s3"})
_QUERY = frozenset({"sts", "iam", "cloudformation", "sns"})

ACCESS_DENIED_STATUS = dict.fromkeys(
    ("apigateway", "apigatewayv2", "cloudformation", "iam", "lambda", "s3", "sts"), 403
)
# Where IAM has another name for an operation: as its policies have it.
_ACTIONS = {
    "apigateway:GetRestApi": "apigateway:GET",
    "apigatewayv2:GetApi": "apigateway:GET",
    "resourcegroupstaggingapi:GetResources": "tag:GetResources",
}


def error_answer(service: str, code: str, message: str, status: int) -> Answer:
    """Return the error as this service would send it; JSON 1.1 unless the service speaks something else."""
    request_id = str(uuid4())
    if service in _XML:
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message><RequestId>{request_id}</RequestId></Error>"
        )
        return Answer(
            status, (("Content-Type", "application/xml"), ("x-amz-request-id", request_id)), body.encode()
        )
    if service in _QUERY:
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
            f"</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return Answer(status, (("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)), body.encode())
    if service in _REST_JSON:
        headers = (
            ("Content-Type", "application/json"),
            ("x-amzn-ErrorType", code),
            ("x-amzn-RequestId", request_id),
        )
        return Answer(status, headers, json.dumps({"Type": "User", "message": message}).encode())
    headers_json = (("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-RequestId", request_id))
    member = "Message" if service == "servicediscovery" else "message"
    return Answer(status, headers_json, json.dumps({"__type": code, member: message}).encode())


def access_denied_answer(service: str, operation: str) -> Answer:
    """Refuse as IAM does: AccessDenied with 403 where the service speaks XML, else AccessDeniedException."""
    code = "AccessDenied" if service in _XML | _QUERY else "AccessDeniedException"
    action = _ACTIONS.get(f"{service}:{operation}", f"{service}:{operation}")
    message = f"User: arn:aws:sts::000000000000:assumed-role/demo/demo is not authorized to perform: {action}"
    return error_answer(service, code, message, ACCESS_DENIED_STATUS.get(service, 400))


def throttled_answer(service: str, operation: str) -> Answer:
    """Refuse for the rate of calls.

    Cloud Map models RequestLimitExceeded for the two discovery operations only; its control plane answers
    "ThrottlingException: Rate exceeded", as Parameter Store does. The tagging API models ThrottledException, Lambda and
    API Gateway TooManyRequestsException with 429.
    """
    if service == "servicediscovery" and operation.startswith("DiscoverInstances"):
        return error_answer(service, "RequestLimitExceeded", "The request limit has been exceeded.", 400)
    if service == "s3":
        return error_answer(service, "SlowDown", "Please reduce your request rate.", 503)
    if service in _REST_JSON:
        return error_answer(service, "TooManyRequestsException", "Rate exceeded", 429)
    code = "ThrottledException" if service == "resourcegroupstaggingapi" else "ThrottlingException"
    return error_answer(service, code, "Rate exceeded", 400)
