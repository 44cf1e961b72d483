"""What the SDK raises, put into the terms of the one translator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.errors import ConfigurationError, RemoteError, without_frames
from cloudmap_discovery.transport.errors import (
    BUCKET_REGION,
    Call,
    error_answer,
    no_answer,
    no_connection,
    no_credentials,
    unreadable_answer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.exceptions import BotoCoreError, ClientError

    from cloudmap_discovery.errors import DiscoveryError

READ_SECONDS: Final = 10.0
"""The longest silence of a server within one answer."""

_NOT_MEMBERS: Final = frozenset({"Error", "ResponseMetadata", "Message", "message", "__type"})

_REGION: Final = "an AWS region such as eu-central-1"
# By the name of the SDK's error: the variable, what the SDK calls its value, what is allowed.
_MISTAKES: Final = {
    "NoRegionError": ("DISCOVERY_REGION", "", f"set it, or AWS_REGION, to {_REGION}"),
    "InvalidRegionError": ("DISCOVERY_REGION", "region_name", _REGION),
    "ProfileNotFound": ("AWS_PROFILE", "profile", "a profile of the AWS configuration file"),
    "ConfigParseError": ("AWS_CONFIG_FILE", "path", "a configuration file that can be parsed"),
}

# By name as well: not every version of the SDK has all of them.
_ABOUT_CREDENTIALS: Final = frozenset(
    {
        "ConfigNotFound",
        "CredentialRetrievalError",
        "InvalidConfigError",
        "LoginError",
        "MetadataRetrievalError",
        "NoAuthTokenError",
        "NoCredentialsError",
        "RefreshWithMFAUnsupportedError",
        "SSOError",
        "TokenRetrievalError",
        "UnknownCredentialError",
    }
)


class UnreadableAnswerError(Exception):
    """The SDK could not read an answer, or would have read nonsense out of it."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


class DeadConnectionError(Exception):
    """A connection that had served before was dead when it was used again; a new one may do."""


def translated(call: Call, error: Exception, seconds: float) -> DiscoveryError | None:
    """Return what the error means, or None for one that is a bug of ours; `seconds` is the time the call was given."""
    from botocore.exceptions import BotoCoreError, ClientError

    match error:
        case UnreadableAnswerError():
            return unreadable_answer(call, status=error.status, body=error.body)
        case DeadConnectionError():
            return no_connection(call, str(error))
        case ClientError():
            return _refused(call, error)
        case BotoCoreError():
            return _failed(call, error, seconds)
        case _:
            return None


def _refused(call: Call, error: ClientError) -> DiscoveryError:
    response: dict[str, Any] = dict(error.response)
    if error.operation_name != call.operation:  # it came while credentials were fetched: AssumeRole, say
        service = "sts" if error.operation_name.startswith("AssumeRole") else "sso"
        call = Call(service, error.operation_name, call.region, call.in_lambda)
    return error_answer(
        call,
        status=int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)),
        code=str(response.get("Error", {}).get("Code", "")),
        message=str(response.get("Error", {}).get("Message") or ""),  # None for an empty element of XML
        members={name: value for name, value in response.items() if name not in _NOT_MEMBERS}
        | _bucket_region(response),
    )


def _bucket_region(response: Mapping[str, Any]) -> dict[str, str]:
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region") or response.get("Error", {}).get("Region")
    return {BUCKET_REGION: region} if region else {}


def _failed(call: Call, error: BotoCoreError, seconds: float) -> DiscoveryError | None:
    from botocore import exceptions as sdk

    if isinstance(error, sdk.ParamValidationError):
        return None
    if isinstance(error, sdk.ReadTimeoutError):
        return no_answer(call, min(seconds, READ_SECONDS))
    if isinstance(error, sdk.ConnectionError):
        return no_connection(call, _reason(error))
    if isinstance(error, sdk.HTTPClientError | sdk.IncompleteReadError | sdk.FlexibleChecksumError):
        return _broken_off(call, error)
    if not _ABOUT_CREDENTIALS.isdisjoint(kind.__name__ for kind in type(error).__mro__):
        return no_credentials(call, str(error))
    return _mistake(error) or RemoteError(str(error), code=type(error).__name__, **call.about)


def _mistake(error: BotoCoreError) -> ConfigurationError | None:
    name = type(error).__name__
    if name == "PartialCredentialsError":
        missing = str(error.kwargs.get("cred_var")).upper()
        return ConfigurationError(missing, None, "half of a key pair is there: give both, or neither")
    if name not in _MISTAKES:
        return None
    variable, detail, allowed = _MISTAKES[name]
    return ConfigurationError(variable, str(error.kwargs[detail]) if detail else None, allowed)


def _broken_off(call: Call, error: BotoCoreError) -> DiscoveryError:
    import aiohttp
    from aiohttp.http_exceptions import HttpProcessingError
    from botocore.exceptions import FlexibleChecksumError, IncompleteReadError, ResponseStreamingError

    half = (FlexibleChecksumError, IncompleteReadError, ResponseStreamingError)
    lower = error.kwargs.get("error")
    spoke = (aiohttp.ClientPayloadError, aiohttp.ClientResponseError, HttpProcessingError)
    if isinstance(error, half) or isinstance(lower, spoke):
        return unreadable_answer(call, reason=f"it broke off: {_reason(error)}")
    return no_connection(call, _reason(error))


def _reason(error: BotoCoreError) -> str:
    from aiohttp import ClientResponseError

    lower = error.kwargs.get("error")
    if isinstance(lower, ClientResponseError):  # its text has the URL, and a proxy's may hold a password
        return f"{error} (HTTP {lower.status}, {lower.message})"
    return f"{error} ({lower})" if lower is not None and str(lower) not in str(error) else str(error)


def slim(error: Exception) -> Exception:
    """Return the error without frames and without the request, which is signed with the caller's credentials."""
    from botocore.exceptions import HTTPClientError

    if isinstance(error, HTTPClientError):
        vars(error)["request"] = None
    return without_frames(error)
