"""The one translator of what goes wrong between here and AWS into a `StoreError`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from cloudmap_discovery.errors import AccessDeniedError, RemoteError, StoreTimeoutError, ThrottledError
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.errors import StoreError

E = TypeVar("E", bound=BaseException)

_THROTTLED: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequests",
        "TooManyRequestsException",
    }
)
_DENIED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AccessDeniedFault",
        "AllAccessDisabled",
        "AuthorizationError",
        "AuthorizationErrorException",
        "Forbidden",
        "ForbiddenException",
        "NotAuthorized",
        "UnauthorizedAccess",
        "UnauthorizedException",
        "UnauthorizedOperation",
    }
)
# AWS does not accept who asks: no policy can mend that, so no IAM action is named.
_UNKNOWN_CALLER: Final = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotSignedUp",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "SubscriptionRequiredException",
        "UnrecognizedClientException",
    }
)
# The credentials were good once: signing with credentials read anew can help.
_EXPIRED_CREDENTIALS: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
# Server and client do not agree on the time: signing anew can help, by a clock that is right.
_SKEWED: Final = frozenset({"RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"})
_SKEWED_SIGNATURE: Final = ("signature expired", "signature has expired", "signature not yet current")
# The bucket is in another region than the one that was asked.
_ELSEWHERE: Final = frozenset(
    {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"}
)
_RETRYABLE: Final = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",
        "RequestTimeout",
        "RequestTimeoutException",
        "TooManyUpdates",
    }
)
_UNAVAILABLE: Final = frozenset({"ServiceUnavailable", "ServiceUnavailableException", "Unavailable"})
_GATEWAY_STATUSES: Final = frozenset({502, 503, 504})
_FIRST_SERVER_ERROR: Final = 500
_TOO_MANY_REQUESTS: Final = 429
_FORBIDDEN: Final = 403
# Where IAM has another name for an operation: it is granted by this.
_ACTIONS: Final = {
    "apigateway:GetRestApi": "apigateway:GET",
    "apigatewayv2:GetApi": "apigateway:GET",
    "resourcegroupstaggingapi:GetResources": "tag:GetResources",
}
_ACTION_IN_MESSAGE: Final = r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z0-9]+)"
_SHOWN_CHARACTERS: Final = 80

CREDENTIAL_CODES: Final = _UNKNOWN_CALLER | _EXPIRED_CREDENTIALS | _SKEWED
"""Codes after which the credentials in use are worth reading anew."""

BUCKET_REGION: Final = "BucketRegion"
"""The member of an error that says in which region an S3 bucket is."""

NO_CREDENTIALS: Final = "NoCredentials"
SDK_REMEDY: Final = "pip install 'cloudmap-discovery[sdk]'"
"""What to do where something needs the AWS SDK, and it is not there."""


@value
class Call:
    """What was asked of AWS, as far as a message needs it; `region` is empty where it is not known."""

    service: str
    operation: str
    region: str = ""
    in_lambda: bool = False
    has_own_endpoint: bool = False

    @property
    def name(self) -> str:
        """The operation with its service, as the SDK names them."""
        return f"{self.service}:{self.operation}"

    @property
    def action(self) -> str:
        """The IAM action that allows it."""
        return _ACTIONS.get(self.name, self.name)

    @property
    def about(self) -> dict[str, Any]:
        """What every error of this call carries."""
        return {"service": self.service, "operation": self.operation}


def error_answer(
    call: Call, *, status: int, code: str, message: str = "", members: Mapping[str, Any] | None = None
) -> StoreError:
    """Translate an error answer of AWS.

    `code` may carry a namespace or a URL as the JSON protocols send it; `members` are the modeled members beside it,
    such as `DuplicateOperationId`. Of S3, that is `BucketRegion`, where it says in which region the bucket is.
    """
    code = plain(code)
    said = f"{code}: {message}" if message else code
    if code in _THROTTLED or status == _TOO_MANY_REQUESTS:
        return ThrottledError(
            f"{call.name} is called faster than AWS allows ({said}); ask less often or have the quota raised",
            code=code,
            **call.about,
        )
    if code in _EXPIRED_CREDENTIALS or is_about_time(code, message):
        return RemoteError(
            f"{message or 'too old'}; check the machine's clock, or renew the credentials",
            code=code,
            status=status,
            members=members,
            retryable=True,
            **call.about,
        )
    if code in _UNKNOWN_CALLER:
        return AccessDeniedError(
            f"AWS does not accept the credentials that {call.name} was called with ({said}); "
            "check where they come from (environment variables, profile, role) and that they are of this account",
            code=code,
            **call.about,
        )
    if code in _DENIED or (status == _FORBIDDEN and code in {"", str(_FORBIDDEN)}):
        import re  # noqa: PLC0415 -- what a first call does not need, it does not import

        named = re.search(_ACTION_IN_MESSAGE, message)
        action = named[1] if named else call.action
        return AccessDeniedError(
            f"{action} is not allowed ({said}); allow it in the IAM policy of the role or user that asks",
            action=action,
            names_action=named is not None,
            code=code,
            **call.about,
        )
    if code in _ELSEWHERE and (region := (members or {}).get(BUCKET_REGION, "")):
        message = (
            f"the bucket is in {region}, not in {call.region or 'the region that was asked'}; "
            f"use one in the region that is asked, or set DISCOVERY_REGION to {region}"
        )
    is_trouble = code in _UNAVAILABLE or status in _GATEWAY_STATUSES
    return RemoteError(
        message or f"{call.name} was answered with HTTP {status}",
        code=code,
        status=status,
        members=members,
        unhealthy=is_trouble,
        retryable=is_trouble or status >= _FIRST_SERVER_ERROR or code in _RETRYABLE,
        **call.about,
    )


def plain(code: str) -> str:
    """Return an error code without the namespace and the URL that the JSON protocols send it with."""
    return code.partition(":")[0].rpartition("#")[2]


def is_about_time(code: str, message: str) -> bool:
    """Return whether AWS refused a signature because of the time it was made at; `code` is a plain one."""
    return code in _SKEWED or any(words in message.lower() for words in _SKEWED_SIGNATURE)


def unreadable_answer(call: Call, *, status: int = 0, body: bytes = b"", reason: str = "") -> StoreError:
    """Translate an answer that is not of AWS (a proxy's page, half a document): the service was not reached."""
    if status == _TOO_MANY_REQUESTS:
        return error_answer(call, status=status, code="")
    shown = body[:_SHOWN_CHARACTERS].decode("utf-8", "replace")
    what = "; ".join(part for part in (f"HTTP {status} and {shown!r}" if status else "", reason) if part)
    return RemoteError(
        f"{call.name} was answered with something that is not an answer of AWS ({what}); "
        "is a proxy or another server in between?",
        status=status,
        retryable=True,
        unhealthy=True,
        **call.about,
    )


def no_answer(call: Call, seconds: float, detail: str = "") -> StoreTimeoutError:
    """Translate the end of the time allowed; `detail` says what it was spent on, if that is known."""
    return StoreTimeoutError(
        f"{call.name} was not answered within {seconds:.3g} s{detail and f': {detail}'}{_advice(call)}",
        **call.about,
    )


def no_connection(call: Call, reason: str) -> StoreTimeoutError:
    """Translate a connection that was refused, reset or not secured, or a name that was not resolved."""
    return StoreTimeoutError(f"no connection for {call.name}: {reason}{_advice(call)}", **call.about)


def no_credentials(call: Call, reason: str, *, has_sdk: bool = True) -> AccessDeniedError:
    """Translate credentials that are not there or could not be had; without the SDK, fewer sources are of use."""
    if call.in_lambda:
        remedy = "the function's execution role should provide them: keep the AWS_ variables that Lambda sets"
    elif has_sdk:
        remedy = (
            "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in again (aws sso login)"
        )
    else:
        remedy = (
            f"set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; profiles and single sign-on need {SDK_REMEDY}"
        )
    return AccessDeniedError(
        f"{call.name} was not called for want of AWS credentials ({reason}); {remedy}",
        code=NO_CREDENTIALS,
        **call.about,
    )


def _advice(call: Call) -> str:
    if not call.in_lambda or call.has_own_endpoint:
        return ""
    region = call.region or "<region>"
    if call.service == "s3":
        return (
            "; a function in a VPC needs a NAT gateway or the gateway endpoint "
            f"com.amazonaws.{region}.s3 in the route table of its subnet"
        )
    return (
        "; a function in a VPC needs a NAT gateway or the VPC endpoint "
        f"com.amazonaws.{region}.{_endpoint_service(call)}, whose security group lets it in on port 443"
    )


def _endpoint_service(call: Call) -> str:
    if call.service == "servicediscovery" and call.operation.startswith("DiscoverInstances"):
        return "data-servicediscovery"  # Cloud Map's data plane has an endpoint service of its own
    from cloudmap_discovery.transport.endpoints import SIGNING_NAMES  # noqa: PLC0415 -- for this message only

    return SIGNING_NAMES.get(call.service, call.service)
