"""What every transport makes of trouble with the services that the registrar alone calls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from cloudmap_discovery.errors import (
    AccessDeniedError,
    RemoteError,
    StoreError,
    StoreTimeoutError,
    ThrottledError,
)
from tests.contract.transport_bed import PLENTY_SECONDS, case, credentials, transport
from tests.standin.faults import AccessDenied, Drip, ErrorAnswer, Fault, Garbage, Hang, Reset, Truncated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.transport.port import Transport
    from tests.contract.transport_cases import TransportCase
    from tests.standin.stand_in import StandIn

__all__ = ["case", "credentials", "transport"]  # fixtures, found by name

SHORT_SECONDS = 0.6
QUESTIONS: Final[dict[str, dict[str, Any]]] = {
    "servicediscovery:ListTagsForResource": {"ResourceARN": "arn:aws:servicediscovery:us-east-1:1:service/s"},
    "resourcegroupstaggingapi:GetResources": {"TagFilters": [{"Key": "discovery:service"}]},
    "lambda:GetFunction": {"FunctionName": "users"},
    "lambda:ListTags": {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:users"},
    "lambda:GetFunctionUrlConfig": {"FunctionName": "users"},
    "apigateway:GetRestApi": {"restApiId": "id"},
    "apigatewayv2:GetApi": {"ApiId": "id"},
}
GRANTED_BY: Final = {
    "resourcegroupstaggingapi:GetResources": "tag:GetResources",
    "apigateway:GetRestApi": "apigateway:GET",
    "apigatewayv2:GetApi": "apigateway:GET",
}


async def ask(over: Transport, question: str, timeout_seconds: float = PLENTY_SECONDS) -> Mapping[str, Any]:
    service, operation = question.split(":")
    return await over.call(service, operation, QUESTIONS[question], timeout_seconds=timeout_seconds)


async def failure_of(over: Transport, question: str, timeout_seconds: float = PLENTY_SECONDS) -> StoreError:
    with pytest.raises(StoreError) as caught:
        await ask(over, question, timeout_seconds)
    assert f"{caught.value.service}:{caught.value.operation}" == question
    return caught.value


@dataclass(frozen=True, slots=True)
class Expected:
    """The error that a fault becomes: its class and some of its fields."""

    kind: type[StoreError]
    retryable: bool = True
    unhealthy: bool = True
    fields: Mapping[str, Any] = field(default_factory=dict)


UNREADABLE = Expected(RemoteError)
UNREACHABLE = Expected(StoreTimeoutError)
TROUBLE: dict[str, tuple[Fault, Expected]] = {
    "throttled": (
        ErrorAnswer("TooManyRequestsException", "Rate exceeded", 429),
        Expected(ThrottledError, fields={"code": "TooManyRequestsException"}),
    ),
    "throttled with a status that does not say so": (
        ErrorAnswer("ThrottledException", "Rate exceeded", 400),
        Expected(ThrottledError, fields={"code": "ThrottledException"}),
    ),
    "unknown to AWS": (
        ErrorAnswer("UnrecognizedClientException", status=403),
        Expected(AccessDeniedError, retryable=False, unhealthy=False, fields={"action": ""}),
    ),
    "expired": (
        ErrorAnswer("ExpiredTokenException", status=403),
        Expected(RemoteError, unhealthy=False, fields={"code": "ExpiredTokenException", "status": 403}),
    ),
    "not there": (
        ErrorAnswer("ResourceNotFoundException", "Function not found", 404),
        Expected(
            RemoteError,
            retryable=False,
            unhealthy=False,
            fields={"code": "ResourceNotFoundException", "status": 404},
        ),
    ),
    "failing": (
        ErrorAnswer("ServiceException", status=500),
        Expected(RemoteError, unhealthy=False, fields={"code": "ServiceException", "status": 500}),
    ),
    "unavailable": (ErrorAnswer("ServiceUnavailable", status=503), Expected(RemoteError)),
    "hanging": (Hang(), UNREACHABLE),
    "dripping": (Drip(0.1), UNREACHABLE),
    "reset": (Reset(), UNREACHABLE),
    "truncated": (Truncated(), UNREADABLE),
    "a page": (Garbage(), UNREADABLE),
    "nothing": (Garbage(b""), UNREADABLE),
    "no object": (Garbage(b"[]"), UNREADABLE),
    "another server's JSON": (Garbage(b'{"error": "log in first"}'), UNREADABLE),
    "a proxy that refuses": (Garbage(b"Forbidden by the proxy", status=403), UNREADABLE),
    "a proxy that redirects": (Garbage(b"<html>Log in</html>", status=302), UNREADABLE),
    "a bad gateway": (Garbage(b"<html>bad gateway</html>", status=502), UNREADABLE),
}


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("question", ["resourcegroupstaggingapi:GetResources", "lambda:GetFunction"])
async def test_trouble_becomes_its_error(
    transport: Transport, aws: StandIn, question: str, trouble: str
) -> None:
    fault, expected = TROUBLE[trouble]
    seconds = SHORT_SECONDS if isinstance(fault, Hang | Drip) else PLENTY_SECONDS

    with aws.faults.add(fault, question):
        error = await failure_of(transport, question, seconds)

    assert isinstance(error, expected.kind)
    assert (error.retryable, error.unhealthy) == (expected.retryable, expected.unhealthy)
    assert {name: getattr(error, name) for name in expected.fields} == expected.fields


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_refusal_names_what_is_to_be_granted_whether_aws_does_or_not(
    transport: Transport, aws: StandIn, question: str
) -> None:
    silent = ErrorAnswer("AccessDeniedException", "no", 403)
    granted_by = GRANTED_BY.get(question, question)

    for fault, names_action in ((AccessDenied(), True), (silent, False)):
        with aws.faults.add(fault, question):
            error = await failure_of(transport, question)

        assert isinstance(error, AccessDeniedError)
        assert (error.action, error.names_action) == (granted_by, names_action)


@pytest.mark.parametrize("question", QUESTIONS)
async def test_every_operation_is_throttled_by_its_name_and_retried(
    case: TransportCase, transport: Transport, aws: StandIn, question: str
) -> None:
    with aws.faults.error("ThrottlingException", question, status=429):
        error = await failure_of(transport, question)

    assert isinstance(error, ThrottledError)
    assert aws.calls() == {question: case.attempts}


@pytest.mark.parametrize(
    "body", [b'{"Tags": 5}', b'{"Tags": ["a"]}', b'{"Configuration": []}', b'{"Configuration": "f"}']
)
async def test_an_answer_of_another_shape_is_none(transport: Transport, aws: StandIn, body: bytes) -> None:
    with aws.faults.garbage("lambda:GetFunction", body=body):
        error = await failure_of(transport, "lambda:GetFunction")

    assert isinstance(error, RemoteError)
    assert (error.retryable, error.unhealthy) == (True, True)


async def test_a_dead_connection_that_had_served_before_costs_nothing(
    transport: Transport, aws: StandIn
) -> None:
    aws.seed_function("users")
    await ask(transport, "lambda:GetFunction")

    with aws.faults.reset("lambda:GetFunction", count=1) as reset:
        answer = await ask(transport, "lambda:GetFunction")

    assert reset.met == 1
    assert answer["Configuration"]["FunctionName"] == "users"


async def test_fifty_functions_are_read_at_once(transport: Transport, aws: StandIn) -> None:
    aws.seed_function("users")

    answers = await asyncio.gather(*(ask(transport, "lambda:GetFunction") for _ in range(50)))

    assert {answer["Configuration"]["FunctionName"] for answer in answers} == {"users"}
    assert aws.calls() == {"lambda:GetFunction": 50}
