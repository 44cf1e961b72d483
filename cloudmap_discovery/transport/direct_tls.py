"""The TLS context of the direct transport: servers are always checked, and one context serves a process."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.errors import ConfigurationError, without_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BUNDLES: Final = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")

# By the file of certificates to trust, empty for the system's: reading those takes 20 to 40 ms.
_contexts: Final[dict[str, ssl.SSLContext]] = {}


class QuietSSLSocket(ssl.SSLSocket):
    """A socket over TLS that closes in silence when nobody holds it any more."""

    def __del__(self, _close: Callable[[Any], None] = socket.SocketType.close) -> None:
        """Close, also where it was never opened, or the interpreter has cleared its modules."""
        _close(self)


def tls_context(environment: Mapping[str, str]) -> ssl.SSLContext:
    """Return the context that trusts `AWS_CA_BUNDLE`, else `REQUESTS_CA_BUNDLE`, else what the system trusts.

    Reads a file where there is no such context yet. Two threads that come at once may both do so, and get the same
    context. Raises a `ConfigurationError` where the file has no certificates.
    """
    variable = next((name for name in _BUNDLES if environment.get(name)), "")
    bundle = environment.get(variable, "")
    context = _contexts.get(bundle)
    if context is None:
        context = _contexts.setdefault(bundle, _new_context(variable, bundle))
    return context


def _new_context(variable: str, bundle: str) -> ssl.SSLContext:
    if bundle:
        try:
            context = ssl.create_default_context(cafile=bundle)
        except OSError as error:
            allowed = f"a file of trusted certificates in PEM form ({error})"
            raise ConfigurationError(variable, bundle, allowed) from without_frames(error)
    else:
        context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    context.sslsocket_class = QuietSSLSocket
    return context
