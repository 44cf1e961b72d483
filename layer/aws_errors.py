"""Turns what the SDK raises into one paragraph that says what to do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from layer.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOG_IN = "Log in (aws sso login, or aws configure) or choose a profile (AWS_PROFILE=…), then run it again."
_NOT_ACCEPTED = f"AWS does not accept your credentials. {_LOG_IN}"
_THROTTLED = "AWS is throttling you, and the SDK's retries are used up. Wait a minute, then run it again: what is published already stays."
_OTHER_REGION = "the bucket is in another region. Lambda reads only from buckets of its own region: give one of those with BUCKET=…."
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "403"})
_ADVICE = {
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "MissingAuthenticationToken"),
        _NOT_ACCEPTED,
    ),
    **dict.fromkeys(
        ("InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException"), _NOT_ACCEPTED
    ),
    **dict.fromkeys(("InvalidSignatureException", "SignatureDoesNotMatch"), _NOT_ACCEPTED),
    **dict.fromkeys(
        ("TooManyRequestsException", "ThrottlingException", "Throttling", "SlowDown"), _THROTTLED
    ),
    **dict.fromkeys(("301", "PermanentRedirect", "AuthorizationHeaderMalformed"), _OTHER_REGION),
    "NoSuchBucket": "there is no such bucket. Create it in the region of the layer, or give another with BUCKET=….",
    "CodeStorageExceededException": (
        "this region's storage for functions and layers is full. Delete old layer versions, or ask AWS for more."
    ),
}


@contextmanager
def aws_errors_explained(*, to: str, region: str | None) -> Iterator[None]:
    """Raise `AwsError` for every failure of the SDK inside the block, which is there `to` do something."""
    try:
        yield
    except ClientError as error:
        raise AwsError(f"Cannot {to}: {_explain_answer(error)}") from error
    except BotoCoreError as error:
        raise AwsError(f"Cannot {to}: {_explain_failure(error, region)}") from error


def _explain_answer(error: ClientError) -> str:
    details = error.response.get("Error", {})
    code, message = details.get("Code", "unknown"), details.get("Message", "").strip() or "no message"
    if code in _DENIED:
        service = "s3" if error.operation_name.endswith("Object") else "lambda"
        advice = f"access is denied. Your identity needs the IAM action {service}:{error.operation_name}."
    else:
        advice = _ADVICE.get(code, f"AWS refused {error.operation_name}.")
    return f"{advice} AWS said {code}: {message}"


def _explain_failure(error: BotoCoreError, region: str | None) -> str:
    match error:
        case exceptions.NoRegionError():
            return "no region is set. Name it: make publish REGION=eu-west-1"
        case exceptions.InvalidRegionError():
            return f"{region!r} is no region. Name one as AWS does: make publish REGION=eu-west-1"
        case (
            exceptions.NoCredentialsError()
            | exceptions.PartialCredentialsError()
            | exceptions.CredentialRetrievalError()
            | exceptions.ProfileNotFound()
            | exceptions.LoginError()
            | exceptions.SSOError()
            | exceptions.TokenRetrievalError()
        ):
            return f"there are no usable AWS credentials ({str(error).rstrip('.')}). {_LOG_IN}"
        case exceptions.HTTPClientError() | exceptions.ConnectionError():
            return f"AWS is not reached ({str(error).rstrip('.')}). Check the network, and that REGION={region or '…'} is the name of a region."
        case _:
            return f"the AWS SDK failed with {type(error).__name__}: {error}"
