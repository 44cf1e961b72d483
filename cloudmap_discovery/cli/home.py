"""The account and region that the credentials and settings of a run are of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.registrar.permits import Home
from cloudmap_discovery.transport.endpoints import region_of
from cloudmap_discovery.transport.sdk_session import configured_region

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.settings import Settings
    from cloudmap_discovery.transport.port import Transport

_CALL_SECONDS: Final = 15.0


async def find_home(transport: Transport, settings: Settings, environment: Mapping[str, str]) -> Home:
    """Ask AWS whose credentials these are; raises a `StoreError`, or a `ConfigurationError` where no region is set."""
    region = region_of(settings.region, environment) or configured_region()
    if region is None:
        allowed = "set it, or AWS_REGION, or say --region, to name an AWS region such as eu-central-1"
        raise ConfigurationError("DISCOVERY_REGION", None, allowed)
    caller = await transport.call("sts", "GetCallerIdentity", {}, timeout_seconds=_CALL_SECONDS)
    return Home(caller["Account"], region, caller["Arn"].split(":")[1])
