"""What every transport makes of S3's refusals, and of answers that are not S3's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import (
    AccessDeniedError,
    RemoteError,
    StoreError,
    StoreTimeoutError,
    ThrottledError,
)
from tests.contract.transport_bed import PLENTY_SECONDS, case, credentials, transport
from tests.contract.transport_s3_bed import READ, WRITE, bucket, read, sdk, write
from tests.standin.faults import Drip, ErrorAnswer, Fault, Garbage, Hang, Reset, Truncated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.transport.port import Transport
    from tests.standin.stand_in import StandIn

__all__ = ["bucket", "case", "credentials", "sdk", "transport"]  # fixtures, found by name

pytestmark = pytest.mark.usefixtures("bucket")

SHORT_SECONDS = 0.6


def denied(message: str) -> ErrorAnswer:
    return ErrorAnswer("AccessDenied", message, 403)


def may_not(action: str) -> str:
    user = "arn:aws:sts::123456789012:assumed-role/users/users"
    return f'User: {user} is not authorized to perform: {action} on resource: "arn:aws:s3:::registry" because'


@dataclass(frozen=True, slots=True)
class Expected:
    """The error that a fault becomes: its class and some of its fields."""

    kind: type[StoreError]
    retryable: bool = False
    unhealthy: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)


UNREADABLE = Expected(RemoteError, retryable=True, unhealthy=True)
TROUBLE: dict[str, tuple[Fault, Expected]] = {
    "denied": (
        denied("Access Denied"),
        Expected(AccessDeniedError, fields={"action": READ, "names_action": False, "code": "AccessDenied"}),
    ),
    "denied reading": (
        denied(may_not("s3:GetObject")),
        Expected(AccessDeniedError, fields={"action": READ, "names_action": True}),
    ),
    "denied listing": (
        denied(may_not("s3:ListBucket")),
        Expected(AccessDeniedError, fields={"action": "s3:ListBucket", "names_action": True}),
    ),
    "denied the key": (
        denied(may_not("kms:Decrypt")),
        Expected(AccessDeniedError, fields={"action": "kms:Decrypt", "names_action": True}),
    ),
    "unknown": (
        ErrorAnswer("InvalidAccessKeyId", status=403),
        Expected(AccessDeniedError, fields={"action": "", "names_action": False}),
    ),
    "signed wrongly": (
        ErrorAnswer("SignatureDoesNotMatch", status=403),
        Expected(AccessDeniedError, fields={"action": "", "code": "SignatureDoesNotMatch"}),
    ),
    "expired": (
        ErrorAnswer("ExpiredToken", status=400),
        Expected(RemoteError, retryable=True, fields={"code": "ExpiredToken", "status": 400}),
    ),
    "skewed": (
        ErrorAnswer("RequestTimeTooSkewed", status=403),
        Expected(RemoteError, retryable=True, fields={"code": "RequestTimeTooSkewed", "status": 403}),
    ),
    "throttled": (
        ErrorAnswer("SlowDown", "Please reduce your request rate.", 503),
        Expected(ThrottledError, retryable=True, unhealthy=True, fields={"code": "SlowDown"}),
    ),
    "conflicting": (
        ErrorAnswer("ConditionalRequestConflict", status=409),
        Expected(RemoteError, fields={"code": "ConditionalRequestConflict", "status": 409}),
    ),
    "slow to send": (
        ErrorAnswer("RequestTimeout", status=400),
        Expected(RemoteError, retryable=True, fields={"code": "RequestTimeout", "status": 400}),
    ),
    "failing": (
        ErrorAnswer("InternalError", status=500),
        Expected(RemoteError, retryable=True, fields={"code": "InternalError", "status": 500}),
    ),
    "unavailable": (
        ErrorAnswer("ServiceUnavailable", status=503),
        Expected(RemoteError, retryable=True, unhealthy=True, fields={"status": 503}),
    ),
    "escaped": (
        ErrorAnswer("InvalidArgument", "<\"a\" & 'b'>", 400),
        Expected(RemoteError, fields={"args": ("InvalidArgument: <\"a\" & 'b'>",)}),
    ),
    "hanging": (Hang(), Expected(StoreTimeoutError, retryable=True, unhealthy=True)),
    "dripping": (Drip(0.1), Expected(StoreTimeoutError, retryable=True, unhealthy=True)),
    "reset": (Reset(), Expected(StoreTimeoutError, retryable=True, unhealthy=True)),
    "truncated": (Truncated(), UNREADABLE),
    "a page": (Garbage(), UNREADABLE),
    "nothing": (Garbage(b""), UNREADABLE),
    "a proxy that refuses": (Garbage(b"Forbidden by the proxy", status=403), UNREADABLE),
    "a proxy that refuses in XHTML": (
        Garbage(b'<?xml version="1.0"?><html><head/><body>Forbidden</body></html>', status=403),
        UNREADABLE,
    ),
    "a proxy that redirects": (Garbage(b"<html>Log in</html>", status=302), UNREADABLE),
    "a bad gateway": (Garbage(b"<html>bad gateway</html>", status=502), UNREADABLE),
    "an empty refusal": (Garbage(b"", status=403), UNREADABLE),
    "half an error": (Garbage(b"<Error><Code>NoSuchKey</Code><Mess", status=404), UNREADABLE),
    "an error without code": (Garbage(b"<Error><Message>no</Message></Error>", status=404), UNREADABLE),
}


@pytest.mark.parametrize("trouble", TROUBLE)
async def test_trouble_becomes_its_error_and_ends_when_it_ends(
    transport: Transport, aws: StandIn, trouble: str
) -> None:
    fault, expected = TROUBLE[trouble]
    seconds = SHORT_SECONDS if isinstance(fault, Hang | Drip) else PLENTY_SECONDS

    with aws.faults.add(fault, READ), pytest.raises(StoreError) as caught:
        await read(transport, timeout_seconds=seconds)

    error = caught.value
    assert isinstance(error, expected.kind)
    assert (error.retryable, error.unhealthy) == (expected.retryable, expected.unhealthy)
    assert (error.service, error.operation) == ("s3", "GetObject")
    assert {name: getattr(error, name) for name in expected.fields} == expected.fields
    assert (await read(transport))["Body"] == b'{"users":1}'


async def test_a_denied_write_names_the_permission_to_write(transport: Transport, aws: StandIn) -> None:
    with aws.faults.add(denied("Access Denied"), WRITE), pytest.raises(AccessDeniedError) as caught:
        await write(transport, b"{}")

    assert (caught.value.action, caught.value.names_action) == (WRITE, False)


async def test_a_write_that_meets_another_is_refused_as_s3_does(transport: Transport, aws: StandIn) -> None:
    conflict = ErrorAnswer("ConditionalRequestConflict", status=409)

    with aws.faults.add(conflict, WRITE), pytest.raises(RemoteError) as caught:
        await write(transport, b"{}", IfNoneMatch="*")

    assert (caught.value.code, caught.value.status) == ("ConditionalRequestConflict", 409)


@pytest.mark.parametrize("code", ["PermanentRedirect", "AuthorizationHeaderMalformed"])
async def test_a_bucket_in_another_region_is_not_followed_there(
    transport: Transport, aws: StandIn, code: str
) -> None:
    elsewhere = {"x-amz-bucket-region": "eu-west-1"}
    status = 301 if code == "PermanentRedirect" else 400

    with aws.faults.error(code, READ, status=status, headers=elsewhere), pytest.raises(RemoteError) as caught:
        await read(transport)

    assert (caught.value.code, caught.value.status, caught.value.retryable) == (code, status, False)
    assert caught.value.members == {"BucketRegion": "eu-west-1"}
    assert "the bucket is in eu-west-1, not in us-east-1" in str(caught.value)
    assert "DISCOVERY_REGION" in str(caught.value)
    assert aws.calls() == {READ: 1}


async def test_a_call_that_is_given_up_while_the_body_comes_leaves_the_others_alone(
    transport: Transport, aws: StandIn
) -> None:
    with aws.faults.drip(0.2, READ, count=1) as dripping:
        first = asyncio.create_task(read(transport))
        await asyncio.to_thread(dripping.wait_until_met)
        second = await read(transport)
        first.cancel()
        await asyncio.wait([first])

    assert first.cancelled()
    assert second["Body"] == (await read(transport))["Body"] == b'{"users":1}'
