"""Service discovery for AWS serverless teams: `await discover("users", stage="Production")`."""

from typing import TYPE_CHECKING

from cloudmap_discovery.api import (
    deregister,
    discover,
    discover_all,
    discover_many,
    explain,
    invoke,
    on_event,
    override,
    prefetch,
    register,
    report_failure,
    services,
)
from cloudmap_discovery.errors import (
    AccessDeniedError,
    ConfigurationError,
    DiscoveryError,
    DiscoveryUnavailableError,
    InvalidValueError,
    LookupsFailedError,
    MalformedRecordError,
    NoMatchingInstanceError,
    OwnershipError,
    RegistrationError,
    RemoteError,
    ServiceNotFoundError,
    StoreError,
    StoreTimeoutError,
    ThrottledError,
)
from cloudmap_discovery.handler import async_handler
from cloudmap_discovery.model import NO_STAGE, Answer, Explanation, Instance
from cloudmap_discovery.version import VERSION as __version__  # noqa: N811 -- the name that packages have for it

if TYPE_CHECKING:
    from cloudmap_discovery import sync
    from cloudmap_discovery.calls.errors import (
        AddressRefusedError,
        BadReplyError,
        FunctionFailedError,
        InvocationError,
        InvokeRefusedError,
        NoReplyError,
        NotAuthorizedError,
        NotCallableError,
        TooLargeError,
        UnreachableError,
    )
    from cloudmap_discovery.calls.messages import Reply
    from cloudmap_discovery.discovery import Discovery
    from cloudmap_discovery.registry import Registry
    from cloudmap_discovery.settings import Settings
else:
    _LATER = {
        "AddressRefusedError": "calls.errors",
        "BadReplyError": "calls.errors",
        "Discovery": "discovery",
        "FunctionFailedError": "calls.errors",
        "InvocationError": "calls.errors",
        "InvokeRefusedError": "calls.errors",
        "NoReplyError": "calls.errors",
        "NotAuthorizedError": "calls.errors",
        "NotCallableError": "calls.errors",
        "Registry": "registry",
        "Reply": "calls.messages",
        "Settings": "settings",
        "TooLargeError": "calls.errors",
        "UnreachableError": "calls.errors",
        "sync": "sync",
    }

    def __getattr__(name: str) -> object:
        """Import what most functions never name."""
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 -- only here

        module = import_module(f"{__name__}.{_LATER[name]}")
        return module if name == _LATER[name] else getattr(module, name)


def __dir__() -> list[str]:
    """Show the public names, not the modules behind them."""
    return __all__


__all__ = [
    "NO_STAGE",
    "AccessDeniedError",
    "AddressRefusedError",
    "Answer",
    "BadReplyError",
    "ConfigurationError",
    "Discovery",
    "DiscoveryError",
    "DiscoveryUnavailableError",
    "Explanation",
    "FunctionFailedError",
    "Instance",
    "InvalidValueError",
    "InvocationError",
    "InvokeRefusedError",
    "LookupsFailedError",
    "MalformedRecordError",
    "NoMatchingInstanceError",
    "NoReplyError",
    "NotAuthorizedError",
    "NotCallableError",
    "OwnershipError",
    "RegistrationError",
    "Registry",
    "RemoteError",
    "Reply",
    "ServiceNotFoundError",
    "Settings",
    "StoreError",
    "StoreTimeoutError",
    "ThrottledError",
    "TooLargeError",
    "UnreachableError",
    "__version__",
    "async_handler",
    "deregister",
    "discover",
    "discover_all",
    "discover_many",
    "explain",
    "invoke",
    "on_event",
    "override",
    "prefetch",
    "register",
    "report_failure",
    "services",
    "sync",
]
