"""The container endpoint: a local server that hands out the credentials of a function, task or pod."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.transport.credentials import (
    FULL_URI,
    RELATIVE_URI,
    CredentialsUnavailableError,
    is_header_text,
)
from cloudmap_discovery.transport.direct_http import (
    BrokenAnswerError,
    ConnectFailedError,
    Exchange,
    HttpConnections,
    NoAnswerError,
)
from cloudmap_discovery.transport.signing import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.transport.direct_http import HttpAnswer

_TOKEN: Final = "AWS_CONTAINER_AUTHORIZATION_TOKEN"  # noqa: S105 -- the name of a variable
_TOKEN_FILE: Final = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"  # noqa: S105 -- the name of a variable

_RELATIVE_TO: Final = "http://169.254.170.2"
# Of ECS and Greengrass, of EKS in both families of addresses, and a name for this machine: the SDK's list.
_HOSTS: Final = ("169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost")
_ALLOWED: Final = f"an https URL, or an http URL of a loopback address or of {', '.join(_HOSTS)}"

_OK: Final = 200
_MAX_BODY_BYTES: Final = 64 * 1024
_MAX_TOKEN_CHARACTERS: Final = 16 * 1024
_SHOWN_CHARACTERS: Final = 200
_PAUSES_SECONDS: Final = (0.1, 0.2)
_KEYS: Final = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")


def fetch(
    environment: Mapping[str, str],
    *,
    clock: Clock,
    timeout_seconds: float,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Credentials, float]:
    """Ask the endpoint, up to three times, and return credentials and when they expire, in seconds since the epoch.

    Blocks for at most `timeout_seconds`, but for the resolution of a name. Goes through no proxy. Raises a
    `CredentialsUnavailableError`, or a `ConfigurationError` where a variable is wrong.
    """
    url = _url_of(environment)
    deadline = clock.monotonic() + timeout_seconds
    for pause_seconds in _PAUSES_SECONDS:
        try:
            return _ask(url, environment, clock, deadline)
        except CredentialsUnavailableError:
            if clock.monotonic() + pause_seconds >= deadline:
                raise
        sleep(pause_seconds)
    return _ask(url, environment, clock, deadline)


def _url_of(environment: Mapping[str, str]) -> str:
    if relative := environment.get(RELATIVE_URI):
        return _checked(RELATIVE_URI, _RELATIVE_TO + relative)
    return _checked(FULL_URI, environment[FULL_URI])


def _checked(variable: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and _is_local(parts.hostname or ""))
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_safe = is_whole = False
    if not (is_safe and is_whole and is_header_text(url)) or " " in url:
        raise ConfigurationError(variable, _origin(url), _ALLOWED)
    return url


def _is_local(host: str) -> bool:
    try:
        return host in _HOSTS or ip_address(host).is_loopback
    except ValueError:
        return False


def _origin(url: str) -> str:
    # Who knows the path may ask for the credentials.
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}{rest.partition('/')[0].rpartition('@')[2]}" if mark else "no URL"


def _ask(
    url: str, environment: Mapping[str, str], clock: Clock, deadline: float
) -> tuple[Credentials, float]:
    endpoint = f"the container endpoint {_origin(url)}"
    headers = {"Accept": "application/json", "Connection": "close"}
    if token := _token(environment):
        headers["Authorization"] = token
    unproxied = {name: text for name, text in environment.items() if not name.lower().endswith("_proxy")}
    connections = HttpConnections(environment=unproxied, clock=clock, max_body_bytes=_MAX_BODY_BYTES)
    try:
        answer = connections.request("GET", url, headers, b"", Exchange(deadline=deadline, clock=clock))
    except (BrokenAnswerError, ConnectFailedError) as error:
        failure = error.reason
    except NoAnswerError as error:
        failure = error.detail
    else:
        return _read(answer, endpoint, token)
    finally:
        connections.close()
    raise CredentialsUnavailableError(f"{endpoint} gave no answer: {failure}")


def _token(environment: Mapping[str, str]) -> str:
    if path := environment.get(_TOKEN_FILE):
        try:
            with open(path, encoding="ascii") as file:  # noqa: PTH123 -- pathlib is one import more
                token = file.read(_MAX_TOKEN_CHARACTERS)
        except OSError as error:
            raise CredentialsUnavailableError(f"{_TOKEN_FILE} is {path}: {error.strerror}") from None
        except ValueError:
            token = None
        if token is None or not is_header_text(token):
            raise CredentialsUnavailableError(f"{_TOKEN_FILE} is {path}, which is not one line of ASCII text")
        return token
    token = environment.get(_TOKEN, "")
    if not is_header_text(token):
        raise ConfigurationError(_TOKEN, "(not shown)", "one line of ASCII text")
    return token


def _read(answer: HttpAnswer, endpoint: str, token: str) -> tuple[Credentials, float]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        document = None
    members: dict[str, Any] = document if isinstance(document, dict) else {}
    if answer.status != _OK:
        raise CredentialsUnavailableError(f"{endpoint} answered HTTP {answer.status}{_said(members, token)}")
    missing = [name for name in _KEYS if not _is_text(members.get(name))]
    if missing:
        raise CredentialsUnavailableError(
            f"{endpoint} answered without {', '.join(missing)}{_said(members, token)}"
        )
    key_id, secret, session_token, expiration = (members[name] for name in _KEYS)
    try:
        expiry = datetime.fromisoformat(expiration)
    except ValueError:
        raise CredentialsUnavailableError(
            f"{endpoint} answered with credentials whose Expiration is no time of ISO 8601"
        ) from None
    if expiry.tzinfo is None:
        expiry = expiry.replace(tzinfo=UTC)
    return Credentials(key_id, secret, session_token), expiry.timestamp()


def _is_text(member: object) -> bool:
    return isinstance(member, str) and member != "" and is_header_text(member)


def _said(members: Mapping[str, Any], token: str) -> str:
    parts = (members.get(name) or members.get(name.title()) for name in ("code", "message"))
    said = ": ".join(part for part in parts if isinstance(part, str))
    hidden = said.replace(token, "...") if token else said
    return f" ({hidden[:_SHOWN_CHARACTERS]!r})" if said else ""
