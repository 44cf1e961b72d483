"""Which proxy a request goes through, by the variables that every other client reads the same way."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping

_SUFFIX: Final = "_proxy"
_DEFAULT_PORT: Final = 80
_ALLOWED: Final = (
    "[http://][user:password@]host[:port], since a proxy can be spoken to over plain HTTP only "
    "(what goes through it to AWS is under TLS all the same)"
)


@value
class Proxy:
    """A proxy, and the `Proxy-Authorization` it asks for, empty where the URL has no user."""

    host: str
    port: int
    authorization: str = ""

    def __repr__(self) -> str:
        return f"Proxy({self.host}:{self.port})"

    @property
    def headers(self) -> Mapping[str, str]:
        """What a request to it carries for it."""
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}


class Proxies:
    """The proxies of an environment: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, lower case first."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._variables = _proxy_variables(environment)

    def load(self) -> None:
        """Import what `find` needs, if it will need anything; no I/O."""
        if self._variables.keys() & {"http", "https"}:
            import urllib.request  # noqa: F401, PLC0415 -- 4 ms, and few have a proxy

    def find(self, scheme: str, netloc: str) -> Proxy | None:
        """Return the proxy for a scheme and `host[:port]`, or None to connect directly; no I/O.

        Raises a `ConfigurationError` where it is not one that can be used.
        """
        if scheme not in self._variables:
            return None
        from urllib.request import (  # type: ignore[attr-defined]  # noqa: PLC0415 -- typeshed has it not; 4 ms
            proxy_bypass_environment,
        )

        if proxy_bypass_environment(netloc, {"no": self._variables.get("no", ("", ""))[1]}):
            return None
        return _parse(*self._variables[scheme])


def _proxy_variables(environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    # As urllib.request.getproxies_environment, which reads the process's own environment.
    found: dict[str, tuple[str, str]] = {}
    named = [(name, url) for name, url in environment.items() if name.lower().endswith(_SUFFIX)]
    for name, url in named:
        if url:
            found[name.lower().removesuffix(_SUFFIX)] = (name, url)
    if "REQUEST_METHOD" in environment:
        found.pop("http", None)  # under CGI, HTTP_PROXY is a header of whoever asks
    for name, url in named:
        if name.endswith(_SUFFIX):
            scheme = name.removesuffix(_SUFFIX).lower()
            if url:
                found[scheme] = (name, url)
            else:
                found.pop(scheme, None)
    return found


def _parse(variable: str, url: str) -> Proxy:
    whole = url if "://" in url else f"http://{url.removeprefix('//')}"
    try:
        parts = urlsplit(whole)
        host, port = parts.hostname, parts.port or _DEFAULT_PORT
    except ValueError:
        raise ConfigurationError(variable, _masked(url), _ALLOWED) from None  # its text may hold the password
    if parts.scheme != "http" or not host:
        raise ConfigurationError(variable, _masked(url), _ALLOWED)
    return Proxy(host, port, _basic(parts.username, parts.password))


def _basic(user: str | None, password: str | None) -> str:
    if not user:
        return ""
    pair = f"{unquote(user)}:{unquote(password or '')}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def _masked(url: str) -> str:
    secret, at, host = url.rpartition("@")
    scheme, separator, _ = secret.partition("://")
    shown = f"{scheme}{separator}" if scheme.isalnum() else ""
    return f"{shown}***@{host}" if at else url
