"""Turns what the SDK raises into one paragraph that says what to do."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from layer.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOG_IN = "Log in (aws sso login, or aws configure) or choose a profile (AWS_PROFILE=…), then run it again."
_NOT_ACCEPTED = f"AWS does not accept your credentials. {_LOG_IN}"
_THROTTLED = "AWS is throttling you, and the SDK's retries are used up. Wait a minute, then run it again: what is done already stays."
_OTHER_REGION = "the bucket is in another region. Lambda reads only from buckets of its own region: give one of those with BUCKET=…."
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "403"})
# The error does not say which service it is of; the last one is of everything else.
_SERVICES = {
    "s3": r"Bucket$|Objects?$|ObjectVersions$|PublicAccessBlock$",
    "cloudformation": r"Stacks?$|StackEvents$|StackResources$|Imports$",
    "servicediscovery": r"Namespaces?$|Services?$|Instances$|TagsForResource$",
    "sts": r"CallerIdentity$",
    "lambda": "",
}
_OTHERWISE_NAMED = {
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
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
        ("TooManyRequestsException", "ThrottlingException", "Throttling", "SlowDown", "RequestLimitExceeded"),
        _THROTTLED,
    ),
    **dict.fromkeys(("301", "PermanentRedirect", "AuthorizationHeaderMalformed"), _OTHER_REGION),
    "NoSuchBucket": "there is no such bucket. Create it in the region of the layer, or give another with BUCKET=….",
    "CodeStorageExceededException": (
        "this region's storage for functions and layers is full. Delete old layer versions, or ask AWS for more."
    ),
}


@contextmanager
def aws_errors_explained(*, to: str, region: str | None, command: str = "make publish") -> Iterator[None]:
    """Raise `AwsError` for every failure of the SDK inside the block, which is there `to` do something.

    `command` is what a person typed.
    """
    try:
        yield
    except ClientError as error:
        raise AwsError(f"Cannot {to}: {_explain_answer(error)}") from error
    except BotoCoreError as error:
        raise AwsError(f"Cannot {to}: {_explain_failure(error, region, command)}") from error


def _explain_answer(error: ClientError) -> str:
    details = error.response.get("Error", {})
    code, message = details.get("Code", "unknown"), details.get("Message", "").strip() or "no message"
    if code in _DENIED:
        advice = f"access is denied. Your identity needs the IAM action {_action(error, message)}."
    else:
        advice = _ADVICE.get(code, f"AWS refused {error.operation_name}.")
    return f"{advice} AWS said {code}: {message}"


def _action(error: ClientError, message: str) -> str:
    said = re.search(r"perform: ([a-z0-9-]+:[A-Za-z0-9]+)", message)
    if said is not None:
        return said[1]
    name = error.operation_name
    service = next(service for service, pattern in _SERVICES.items() if re.search(pattern, name))
    return f"{service}:{_OTHERWISE_NAMED.get(name, name)}"


def _explain_failure(error: BotoCoreError, region: str | None, command: str) -> str:
    match error:
        case exceptions.NoRegionError():
            return f"no region is set. Name it: {command} REGION=eu-west-1"
        case exceptions.InvalidRegionError():
            return f"{region!r} is no region. Name one as AWS does: {command} REGION=eu-west-1"
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
