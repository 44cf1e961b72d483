"""Service discovery for AWS serverless teams: `await discover("users", stage="Production")`."""

from cloudmap_discovery import sync
from cloudmap_discovery.api import (
    deregister,
    discover,
    discover_all,
    discover_many,
    explain,
    on_event,
    prefetch,
    register,
    report_failure,
    services,
)
from cloudmap_discovery.discovery import Discovery
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
from cloudmap_discovery.registry import Registry
from cloudmap_discovery.settings import Settings

__version__ = "0.1.0"


def __dir__() -> list[str]:
    """Show the public names, not the modules behind them."""
    return __all__


__all__ = [
    "NO_STAGE",
    "AccessDeniedError",
    "Answer",
    "ConfigurationError",
    "Discovery",
    "DiscoveryError",
    "DiscoveryUnavailableError",
    "Explanation",
    "Instance",
    "InvalidValueError",
    "LookupsFailedError",
    "MalformedRecordError",
    "NoMatchingInstanceError",
    "OwnershipError",
    "RegistrationError",
    "Registry",
    "RemoteError",
    "ServiceNotFoundError",
    "Settings",
    "StoreError",
    "StoreTimeoutError",
    "ThrottledError",
    "__version__",
    "async_handler",
    "deregister",
    "discover",
    "discover_all",
    "discover_many",
    "explain",
    "on_event",
    "prefetch",
    "register",
    "report_failure",
    "services",
    "sync",
]
