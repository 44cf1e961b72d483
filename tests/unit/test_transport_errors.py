"""The translator: every answer of AWS, and every want of one, becomes the designed error."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.errors import (
    AccessDeniedError,
    RemoteError,
    StoreError,
    StoreTimeoutError,
    ThrottledError,
    without_frames,
)
from cloudmap_discovery.transport.errors import (
    Call,
    error_answer,
    no_answer,
    no_connection,
    no_credentials,
    unreadable_answer,
)

DISCOVER = Call("servicediscovery", "DiscoverInstances", region="eu-central-1")
IN_LAMBDA = Call("servicediscovery", "DiscoverInstances", region="eu-central-1", in_lambda=True)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("RequestLimitExceeded", 400),
        ("ThrottlingException", 400),
        ("Throttling", 400),
        ("TooManyRequestsException", 429),
        ("ProvisionedThroughputExceededException", 400),
        ("SlowDown", 503),
        ("PriorRequestNotComplete", 400),
        ("SomethingNew", 429),
        ("", 429),
    ],
)
def test_calls_that_come_too_fast_are_throttled_and_retryable(code: str, status: int) -> None:
    error = error_answer(DISCOVER, status=status, code=code, message="Rate exceeded")

    assert isinstance(error, ThrottledError)
    assert (error.code, error.retryable, error.unhealthy) == (code, True, True)
    assert (error.service, error.operation) == ("servicediscovery", "DiscoverInstances")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDenied", 403),
        ("AccessDeniedException", 400),
        ("UnauthorizedOperation", 403),
        ("UnauthorizedException", 401),
        ("403", 403),
    ],
)
@pytest.mark.parametrize(
    ("call", "action"),
    [
        (DISCOVER, "servicediscovery:DiscoverInstances"),
        (Call("ssm", "GetParameters"), "ssm:GetParameters"),
        (Call("resourcegroupstaggingapi", "GetResources"), "tag:GetResources"),
        (Call("lambda", "GetFunction"), "lambda:GetFunction"),
        (Call("apigateway", "GetRestApi"), "apigateway:GET"),
        (Call("apigatewayv2", "GetApi"), "apigateway:GET"),
    ],
)
def test_a_refusal_names_the_iam_action_that_is_missing(
    call: Call, action: str, code: str, status: int
) -> None:
    error = error_answer(call, status=status, code=code, message="no")

    assert isinstance(error, AccessDeniedError)
    assert (error.action, error.code, error.retryable, error.unhealthy) == (action, code, False, False)
    assert action in str(error)


def test_a_refusal_that_is_about_another_action_names_that_one() -> None:
    message = "User: arn:aws:sts::1:assumed-role/a/b is not authorized to perform: kms:Decrypt on resource: x"

    error = error_answer(
        Call("ssm", "GetParameters"), status=400, code="AccessDeniedException", message=message
    )

    assert isinstance(error, AccessDeniedError)
    assert (error.action, error.names_action) == ("kms:Decrypt", True)


def test_a_refusal_tells_whether_aws_named_the_action_that_was_called() -> None:
    call = Call("s3", "GetObject")
    named = "User: arn:aws:iam::1:user/a is not authorized to perform: s3:GetObject on resource: x"

    errors = [
        error_answer(call, status=403, code="AccessDenied", message=message)
        for message in (named, "Access Denied")
    ]

    assert [isinstance(error, AccessDeniedError) and error.action for error in errors] == ["s3:GetObject"] * 2
    assert [isinstance(error, AccessDeniedError) and error.names_action for error in errors] == [True, False]


@pytest.mark.parametrize(
    "code", ["PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"]
)
def test_a_bucket_of_another_region_is_told_with_both_regions_and_what_to_do(code: str) -> None:
    call = Call("s3", "GetObject", region="eu-central-1")

    error = error_answer(call, status=301, code=code, message="no", members={"BucketRegion": "eu-west-1"})

    assert isinstance(error, RemoteError)
    assert (error.code, error.status, error.retryable) == (code, 301, False)
    assert str(error) == (
        f"{code}: the bucket is in eu-west-1, not in eu-central-1; "
        "use one in the region that is asked, or set DISCOVERY_REGION to eu-west-1"
    )


@pytest.mark.parametrize(
    ("code", "members"),
    [("AuthorizationHeaderMalformed", {}), ("NoSuchKey", {"BucketRegion": "eu-central-1"})],
)
def test_other_errors_of_s3_keep_their_message(code: str, members: dict[str, str]) -> None:
    error = error_answer(
        Call("s3", "GetObject"), status=400, code=code, message="as S3 says", members=members
    )

    assert str(error) == f"{code}: as S3 says"


@pytest.mark.parametrize(
    "code",
    ["UnrecognizedClientException", "InvalidClientTokenId", "SignatureDoesNotMatch", "OptInRequired"],
)
def test_credentials_that_aws_does_not_know_are_denied_without_blaming_a_policy(code: str) -> None:
    error = error_answer(DISCOVER, status=403, code=code, message="The security token is invalid.")

    assert isinstance(error, AccessDeniedError)
    assert (error.action, error.code, error.retryable) == ("", code, False)
    assert "credentials" in str(error)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ExpiredTokenException", "The security token included in the request is expired"),
        ("RequestExpired", "Request has expired."),
        (
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        ),
        (
            "InvalidSignatureException",
            "Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z",
        ),
        ("InvalidSignatureException", "Signature not yet current: 20260101T000000Z is still later than it"),
    ],
)
def test_what_was_too_old_can_be_signed_anew(code: str, message: str) -> None:
    error = error_answer(DISCOVER, status=403, code=code, message=message)

    assert isinstance(error, RemoteError)
    assert (error.code, error.status, error.retryable) == (code, 403, True)


def test_a_signature_that_does_not_match_is_not_retried() -> None:
    message = "The request signature we calculated does not match the signature you provided."

    error = error_answer(DISCOVER, status=403, code="InvalidSignatureException", message=message)

    assert isinstance(error, AccessDeniedError)
    assert not error.retryable


def test_other_answers_keep_code_status_and_members_and_are_final() -> None:
    members = {"DuplicateOperationId": "op-1"}

    error = error_answer(DISCOVER, status=400, code="DuplicateRequest", message="again", members=members)

    assert type(error) is RemoteError
    assert (error.code, error.status, error.members) == ("DuplicateRequest", 400, members)
    assert (error.retryable, error.unhealthy) == (False, False)
    assert str(error) == "DuplicateRequest: again"


@pytest.mark.parametrize(
    "code",
    [
        "com.amazonaws.servicediscovery#ServiceNotFound",
        "ServiceNotFound:http://internal.amazon.com/coral/com.amazonaws#x/",
        "com.amazonaws#ServiceNotFound:http://x",
    ],
)
def test_a_code_is_known_without_what_the_protocol_puts_around_it(code: str) -> None:
    error = error_answer(DISCOVER, status=400, code=code)

    assert isinstance(error, RemoteError)
    assert error.code == "ServiceNotFound"


@pytest.mark.parametrize(("status", "code"), [(500, "InternalFailure"), (500, ""), (400, "TooManyUpdates")])
def test_a_failure_of_one_request_is_retryable_and_says_nothing_about_the_service(
    status: int, code: str
) -> None:
    error = error_answer(DISCOVER, status=status, code=code)

    assert type(error) is RemoteError
    assert (error.status, error.retryable, error.unhealthy) == (status, True, False)


@pytest.mark.parametrize(("status", "code"), [(502, "502"), (503, "ServiceUnavailable"), (504, "")])
def test_a_gateway_that_answers_means_that_the_service_is_out_of_reach(status: int, code: str) -> None:
    error = error_answer(DISCOVER, status=status, code=code)

    assert isinstance(error, RemoteError)
    assert isinstance(error, RemoteError)
    assert (error.status, error.retryable, error.unhealthy) == (status, True, True)


def test_an_answer_that_is_not_of_aws_shows_its_beginning_and_is_retryable() -> None:
    error = unreadable_answer(DISCOVER, status=200, body=b"<html>\xffLog in first</html>" + b"x" * 1000)

    assert isinstance(error, RemoteError)
    assert (error.status, error.retryable, error.unhealthy) == (200, True, True)
    assert "Log in first" in str(error)
    assert len(str(error)) < 300


def test_a_proxy_that_says_too_many_requests_is_throttling() -> None:
    assert isinstance(unreadable_answer(DISCOVER, status=429, body=b"<html>"), ThrottledError)


@pytest.mark.parametrize("error", [no_answer(DISCOVER, 1.2), no_connection(DISCOVER, "refused")])
def test_want_of_an_answer_or_a_connection_is_a_timeout(error: StoreError) -> None:
    assert isinstance(error, StoreTimeoutError)
    assert (error.retryable, error.unhealthy) == (True, True)
    assert "VPC" not in str(error)


@pytest.mark.parametrize(
    ("call", "endpoint"),
    [
        (IN_LAMBDA, "com.amazonaws.eu-central-1.data-servicediscovery"),
        (
            Call("servicediscovery", "RegisterInstance", "us-east-1", in_lambda=True),
            "com.amazonaws.us-east-1.servicediscovery",
        ),
        (Call("ssm", "GetParameters", "us-east-1", in_lambda=True), "com.amazonaws.us-east-1.ssm"),
        (Call("ssm", "GetParameters", in_lambda=True), "com.amazonaws.<region>.ssm"),
        (
            Call("resourcegroupstaggingapi", "GetResources", "us-east-1", in_lambda=True),
            "com.amazonaws.us-east-1.tagging",
        ),
        (Call("apigatewayv2", "GetApi", "us-east-1", in_lambda=True), "com.amazonaws.us-east-1.apigateway"),
    ],
)
def test_in_lambda_it_names_the_vpc_endpoint_that_may_be_missing(call: Call, endpoint: str) -> None:
    assert f"{endpoint}," in str(no_answer(call, 1.0))
    assert f"{endpoint}," in str(no_connection(call, "refused"))


def test_what_is_not_about_permissions_names_the_operation_and_not_what_grants_it() -> None:
    call = Call("apigatewayv2", "GetApi")

    errors = (
        error_answer(call, status=429, code="TooManyRequestsException"),
        error_answer(call, status=500, code=""),
        error_answer(call, status=403, code="InvalidClientTokenId"),
        unreadable_answer(call, status=200, body=b"<html>"),
        no_answer(call, 1.0),
        no_connection(call, "refused"),
        no_credentials(call, "none"),
    )

    assert [error for error in errors if "apigatewayv2:GetApi" not in str(error)] == []


def test_with_an_endpoint_of_ones_own_no_vpc_endpoint_is_missing() -> None:
    call = Call("ssm", "GetParameters", "us-east-1", in_lambda=True, has_own_endpoint=True)

    assert "VPC" not in str(no_answer(call, 1.0))


def test_missing_credentials_are_denied_and_the_remedy_depends_on_where_it_runs() -> None:
    at_home = no_credentials(DISCOVER, "Unable to locate credentials")
    in_lambda = no_credentials(IN_LAMBDA, "Unable to locate credentials")

    assert (at_home.retryable, in_lambda.retryable) == (False, False)
    assert "AWS_PROFILE" in str(at_home)
    assert "execution role" in str(in_lambda)


@given(
    status=st.integers(0, 599),
    code=st.text(max_size=30),
    message=st.text(max_size=30),
    body=st.binary(max_size=200),
)
def test_every_answer_becomes_a_store_error_that_can_be_remembered(
    status: int, code: str, message: str, body: bytes
) -> None:
    for error in (
        error_answer(DISCOVER, status=status, code=code, message=message),
        unreadable_answer(DISCOVER, status=status, body=body),
    ):
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own bytes

        assert isinstance(error, StoreError)
        assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_a_remembered_error_keeps_no_frames_down_its_chain() -> None:
    def fail() -> None:
        try:
            int("lowest")
        except ValueError as error:
            raise OSError("lower") from error

    with pytest.raises(OSError, match="lower") as caught:
        fail()

    error = without_frames(caught.value)

    assert error.__traceback__ is None
    assert error.__cause__ is not None
    assert error.__cause__.__traceback__ is None


def test_an_error_that_is_its_own_context_does_not_hold_up_the_cleaning() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__context__, other.__context__ = other, one

    assert without_frames(one) is one
