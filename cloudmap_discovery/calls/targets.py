"""Where a call goes: what kind of target an endpoint is, the URL of a request to it, and what it is signed for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote_to_bytes, urlsplit

from cloudmap_discovery.calls.errors import NotCallableError
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from cloudmap_discovery.model import Instance

AUTH: Final = "auth"
"""The attribute that says how a service is called: `iam` with a signature, `none` without."""
IAM: Final = "iam"
NONE: Final = "none"

_FUNCTION: Final = (
    r"arn:[^:\s]+:lambda:(?P<region>[a-z0-9-]+):\d{12}:function:[A-Za-z0-9-_]+(?::[A-Za-z0-9$_-]+)?"
)
_AWS_HOST: Final = (
    r"[^.]+\.(?:(?P<url>lambda-url)\.(?P<url_region>[a-z0-9-]+)\.on\.aws"
    r"|(?P<api>execute-api)\.(?P<api_region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws))"
)
# What may stand in a host: clients read other signs differently, so that another host would be called than was checked.
_HOST: Final = r"[\w.-]+|[0-9A-Fa-f:.]+"
_PORTS: Final = {"http": 80, "https": 443}
_UNRESERVED: Final = "-_.~"
# As browsers send them in a path: RFC 3986's pchar.
_IN_PATH: Final = "/%-_.~!$&'()*+,;=:@"


@value
class Signing:
    """What a request is signed for: AWS's name of the service, and a region."""

    service: str
    region: str


@value
class HttpTarget:
    """An HTTP endpoint: its `origin` (scheme, host and port), the `path` and `query` that it has itself.

    `signing` is None where the record does not ask for a signature.
    """

    origin: str
    path: str
    query: str
    signing: Signing | None


@value
class FunctionTarget:
    """A Lambda function, by its ARN; it is invoked in its own region. `is_open` says that any caller will do."""

    arn: str
    region: str
    is_open: bool


def auth_of(instance: Instance) -> str:
    """Return `IAM`, `NONE`, or whatever the record says."""
    return instance.attributes.get(AUTH, "").lower()


def target_of(instance: Instance, *, region: str | None) -> HttpTarget | FunctionTarget:
    """Return what the endpoint of a record is; `region` is the one to sign for where the host does not say it.

    Raises a `NotCallableError`.
    """
    auth = auth_of(instance)
    function = re.fullmatch(_FUNCTION, instance.endpoint)
    if function:
        return FunctionTarget(instance.endpoint, function["region"], is_open=auth == NONE)
    try:
        parts = urlsplit(instance.endpoint)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _not_callable(instance, f"it is no URL that can be used: {error}") from error
    if parts.scheme not in {"http", "https"}:
        raise _not_callable(instance, "only http and https URLs and ARNs of Lambda functions are called")
    if parts.username is not None or not re.fullmatch(_HOST, host) or not host.isascii() or port == 0:
        raise _not_callable(instance, "its host is none that is called, or it has a user's name")
    netloc = f"[{host}]" if ":" in host else host
    if port is not None and port != _PORTS[parts.scheme]:  # which neither Host nor what is signed has
        netloc = f"{netloc}:{port}"
    return HttpTarget(
        f"{parts.scheme}://{netloc}",
        quote(parts.path, safe=_IN_PATH),
        quote(parts.query, safe=f"{_IN_PATH}?"),
        _signing(instance, host, region) if auth == IAM else None,
    )


def url_of(target: HttpTarget, path: str, query: str) -> str:
    """Return the URL of a request: path and query go behind the endpoint's own, which without a path is as it is."""
    whole = target.query + "&" * bool(target.query and query) + query
    own = target.path.rstrip("/") if path else target.path or "/"
    return f"{target.origin}{own}{path}{'?' * bool(whole)}{whole}"


def canonical(url: str) -> str:
    """Return the URL with a query that its signature is sure to fit: every sign encoded, or not, as AWS has it.

    A `+` is the space that forms mean by it.
    """
    start, mark, query = url.partition("?")
    if not mark:
        return url
    pairs = [pair.partition("=") for pair in query.replace("+", "%20").split("&") if pair]
    return f"{start}?" + "&".join(f"{_encoded(name)}={_encoded(text)}" for name, _, text in pairs)


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text), safe=_UNRESERVED)


def _signing(instance: Instance, host: str, region: str | None) -> Signing:
    aws = re.fullmatch(_AWS_HOST, host)
    if aws and aws["url"]:
        return Signing("lambda", aws["url_region"])
    if aws:
        return Signing("execute-api", aws["api_region"])
    named = instance.attributes.get("region") or region
    if not named:
        raise _not_callable(
            instance, "it is to be signed, and no region is known: give it the attribute region"
        )
    return Signing("execute-api", named)


def _not_callable(instance: Instance, reason: str) -> NotCallableError:
    shown = re.sub(r"//[^/?#]*@", "//...@", instance.endpoint)  # a password is nobody's business
    return NotCallableError(instance.service, shown, reason)
