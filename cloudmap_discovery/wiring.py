"""The composition root: from the environment to settings, and from settings to what they make."""

from __future__ import annotations

import asyncio
import logging
import os
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.events import LOGGER
from cloudmap_discovery.settings import (
    AUTO,
    CLOUD_MAP,
    DEFAULT_MAX_SNAPSHOT_AGE_SECONDS,
    DIRECT,
    FILE,
    PARAMETER_STORE,
    S3,
    SDK,
    Settings,
    definitions,
    near_misses,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cloudmap_discovery.assembly import Core
    from cloudmap_discovery.calls.calling import Calling
    from cloudmap_discovery.calls.messages import Wire
    from cloudmap_discovery.calls.signing import Keys
    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.event_hub import EventHub
    from cloudmap_discovery.io_thread import IOThread
    from cloudmap_discovery.stores.control_port import Control
    from cloudmap_discovery.stores.mirror_port import Mirror
    from cloudmap_discovery.stores.port import Store
    from cloudmap_discovery.stores.shared_folder import SharedFolder
    from cloudmap_discovery.transport.port import Transport

DEFAULT_STALE_WAIT_SECONDS: Final = 0.1


def environment() -> Mapping[str, str]:
    """Return the environment of the process."""
    return os.environ


def in_lambda(variables: Mapping[str, str]) -> bool:
    """Return whether the process is a Lambda function."""
    return bool(variables.get("AWS_LAMBDA_RUNTIME_API"))


def on_managed_instances(variables: Mapping[str, str]) -> bool:
    """Return whether the process is one of several in an environment of Lambda Managed Instances."""
    return in_lambda(variables) and bool(variables.get("AWS_LAMBDA_MAX_CONCURRENCY"))


def never_frozen(variables: Mapping[str, str]) -> bool:
    """Return whether the process runs without pauses: outside Lambda, or on Lambda Managed Instances."""
    return not in_lambda(variables) or on_managed_instances(variables)


def preloads(variables: Mapping[str, str]) -> bool:
    """Return whether importing the package loads what a first lookup needs."""
    if not in_lambda(variables):
        return False
    (setting,) = (one for one in definitions() if one.name == "preload")
    text = variables.get(setting.variable)
    try:
        return bool(setting.read(text) if text else setting.default)
    except ConfigurationError:
        return True  # which then fails on it, and says so


def read_settings(variables: Mapping[str, str]) -> Settings:
    """Return the settings that the environment variables make, and warn about names that look misspelt.

    pydantic-settings reads them where it is installed, unless calls go without the SDK in order to start fast.
    """
    from cloudmap_discovery import settings_plain  # noqa: PLC0415 -- read at first use

    chosen = variables.get("DISCOVERY_TRANSPORT", "").strip()
    is_fast = chosen == DIRECT or (chosen != SDK and in_lambda(variables))
    if is_fast or not _is_installed("pydantic_settings"):
        settings = settings_plain.read_settings(variables)
    else:
        from cloudmap_discovery import settings_pydantic  # noqa: PLC0415 -- only where it is used
        from cloudmap_discovery.shadowing import UNUSABLE  # noqa: PLC0415 -- the same

        try:
            settings = settings_pydantic.read_settings(variables)
        except (*UNUSABLE, SystemError):  # a pydantic too old, or with a core of another version
            settings = settings_plain.read_settings(variables)
    for name, meant in near_misses(variables):
        LOGGER.warning("the environment variable %s is not a setting; did you mean %s?", name, meant)
    return settings


def goes_direct(transport: str, variables: Mapping[str, str]) -> bool:
    """Return whether calls go without the SDK, with this value of the setting; what is imported does not count."""
    if transport != AUTO:
        return transport == DIRECT
    return in_lambda(variables) or not _is_installed("aiobotocore")


def make_transport(settings: Settings, variables: Mapping[str, str], clock: Clock) -> Transport:
    """Return what carries calls to AWS, with everything loaded that takes no network.

    Raises a `ConfigurationError` where the SDK is to be used and is not there, or something else is in its place.
    """
    from cloudmap_discovery.transport.errors import SDK_REMEDY  # noqa: PLC0415 -- at first use
    from cloudmap_discovery.transport.retry import RetryingTransport  # noqa: PLC0415 -- the same

    def make_sdk() -> Transport | None:
        if not _is_installed("aiobotocore"):
            return None
        from cloudmap_discovery.transport.sdk import SdkTransport  # noqa: PLC0415 -- only where it is used

        sdk = SdkTransport(
            region=settings.region, endpoint_url=settings.endpoint_url, clock=clock, environment=variables
        )
        sdk.load(("servicediscovery", *(name for name in (PARAMETER_STORE, S3) if name in settings.sources)))
        return sdk

    if goes_direct(settings.transport, variables):
        from cloudmap_discovery.transport.direct import DirectTransport  # noqa: PLC0415 -- only where it is used
        from cloudmap_discovery.transport.failover import FailoverTransport  # noqa: PLC0415 -- the same

        direct = DirectTransport(
            region=settings.region, endpoint_url=settings.endpoint_url, clock=clock, environment=variables
        )
        if S3 in settings.sources:
            direct.can(S3, "GetObject")  # which imports how S3 is spoken to
        failover = FailoverTransport(direct, make_sdk)
        failover.load()
        return RetryingTransport(failover, clock=clock)
    sdk = make_sdk()
    if sdk is None:
        remedy = "the layer's full flavour has it" if in_lambda(variables) else SDK_REMEDY
        allowed = f"{AUTO} or {DIRECT}, since {SDK} needs aiobotocore: {remedy}"
        raise ConfigurationError("DISCOVERY_TRANSPORT", settings.transport, allowed)
    return RetryingTransport(sdk, clock=clock)


def make_stores(
    settings: Settings,
    transport: Transport,
    clock: Clock,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Store, ...]:
    """Return the stores of `settings.sources`, in their order, with everything read that takes no network.

    Raises a `ConfigurationError` where one needs a setting that is not there.
    """
    folder = _shared_folder(settings, variables, clock)

    def shared(store: Store) -> Store:
        if folder is None:
            return store
        from cloudmap_discovery.stores.shared import SharedStore  # noqa: PLC0415 -- only where it is used

        return SharedStore(
            store,
            folder,
            clock=clock,
            ttl_seconds=settings.ttl,
            allowed_endpoints=settings.allowed_endpoints,
        )

    def cloud_map() -> Store:
        from cloudmap_discovery.stores.cloud_map import CloudMapStore  # noqa: PLC0415 -- only where it is used

        return shared(
            CloudMapStore(
                transport,
                clock=clock,
                owner_account=settings.owner_account,
                allowed_endpoints=settings.allowed_endpoints,
            )
        )

    def parameter_store() -> Store:
        from cloudmap_discovery.stores.parameter_store import ParameterStore  # noqa: PLC0415 -- only where it is used

        return shared(
            ParameterStore(
                transport,
                prefix=settings.parameter_prefix,
                clock=clock,
                allowed_endpoints=settings.allowed_endpoints,
            )
        )

    def s3() -> Store:
        from random import SystemRandom  # noqa: PLC0415 -- only where it is used

        from cloudmap_discovery.stores.s3 import S3Store  # noqa: PLC0415 -- the same

        bucket, key = snapshot_object(settings)
        limit = settings.max_snapshot_age
        return S3Store(
            transport,
            bucket=bucket,
            key=key,
            namespace=settings.namespace,
            clock=clock,
            ttl_seconds=settings.ttl,
            max_age_seconds=DEFAULT_MAX_SNAPSHOT_AGE_SECONDS if limit is None else limit,
            random=SystemRandom().random,
            allowed_endpoints=settings.allowed_endpoints,
            folder=folder,
        )

    def file() -> Store:
        from cloudmap_discovery.stores.file import FileStore  # noqa: PLC0415 -- only where it is used

        if settings.snapshot_file is None:
            allowed = "set it to the path of a snapshot (`cloudmap-discovery snapshot --out FILE` writes one), or take file out of DISCOVERY_SOURCES"
            raise ConfigurationError("DISCOVERY_SNAPSHOT_FILE", None, allowed)
        root = variables.get("LAMBDA_TASK_ROOT") or "."
        store = FileStore(
            os.path.join(root, settings.snapshot_file),  # noqa: PTH118 -- pathlib takes milliseconds to import
            namespace=settings.namespace,
            clock=clock,
            max_age_seconds=settings.max_snapshot_age,
            allowed_endpoints=settings.allowed_endpoints,
        )
        store.load()
        return store

    makers: dict[str, Callable[[], Store]] = {
        CLOUD_MAP: cloud_map,
        PARAMETER_STORE: parameter_store,
        S3: s3,
        FILE: file,
    }
    return tuple(makers[name]() for name in settings.sources)


def snapshot_object(settings: Settings) -> tuple[str, str]:
    """Return bucket and key of the snapshot; raise a `ConfigurationError` where no bucket is set."""
    if settings.bucket is None:
        allowed = "set it to the name of the S3 bucket that holds the snapshot of the registry"
        raise ConfigurationError("DISCOVERY_BUCKET", None, allowed)
    return settings.bucket, settings.snapshot_key or f"cloudmap-discovery/{settings.namespace}.json"


def make_mirrors(settings: Settings, transport: Transport, clock: Clock) -> tuple[Mirror, ...]:
    """Return the mirrors of `settings.mirrors`, or, if that is not set, those that are in the sources."""

    def parameters() -> Mirror:
        from cloudmap_discovery.stores.parameter_mirror import ParameterMirror  # noqa: PLC0415 -- only where it is used

        return ParameterMirror(transport, namespace=settings.namespace, prefix=settings.parameter_prefix)

    def s3() -> Mirror:
        from cloudmap_discovery.stores.s3_mirror import S3Mirror  # noqa: PLC0415 -- only where it is used

        bucket, key = snapshot_object(settings)
        return S3Mirror(transport, bucket=bucket, key=key, namespace=settings.namespace, clock=clock)

    chosen = settings.sources if settings.mirrors is None else settings.mirrors
    makers: dict[str, Callable[[], Mirror]] = {PARAMETER_STORE: parameters, S3: s3}
    return tuple(makers[name]() for name in chosen if name in makers)


def _shared_folder(settings: Settings, variables: Mapping[str, str], clock: Clock) -> SharedFolder | None:
    is_on = settings.shared_cache
    if not (on_managed_instances(variables) if is_on is None else is_on):
        return None
    from cloudmap_discovery.stores.shared_folder import SharedFolder  # noqa: PLC0415 -- only where it is used

    # What is read depends on these: processes that differ in one of them share nothing.
    about = (settings.namespace, settings.region, settings.endpoint_url, settings.owner_account)
    parent = variables.get("TMPDIR") or "/tmp"  # noqa: S108 -- it looks whose it is
    return SharedFolder(parent, about=(*about, settings.parameter_prefix), clock=clock)


def build(
    settings: Settings,
    variables: Mapping[str, str],
    *,
    io: IOThread,
    clock: Clock,
    events: EventHub,
    transport: Transport | None = None,
    service_tags: Mapping[str, str] = MappingProxyType({}),
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Core:
    """Return what the settings make, with everything imported and loaded that takes no network.

    `transport` is one that is there already; `service_tags` are those of services that registering creates, and
    `sleep` is what it waits with.
    """
    from cloudmap_discovery import declarations  # noqa: PLC0415 -- at first use
    from cloudmap_discovery.assembly import assemble  # noqa: PLC0415 -- importing the package does not take it

    def control() -> Control:
        from cloudmap_discovery.stores.cloud_map_control import CloudMapControl  # noqa: PLC0415 -- for writers alone

        return CloudMapControl(carrier, owner_account=settings.owner_account, service_tags=service_tags)

    declared = declarations.load(settings.dependencies, variables.get("LAMBDA_TASK_ROOT") or ".")
    if settings.overrides:
        level = logging.WARNING if in_lambda(variables) else logging.INFO
        names = ", ".join(settings.overrides)
        LOGGER.log(level, "DISCOVERY_OVERRIDES answers lookups of %s, and the registry does not", names)
    carrier = transport or make_transport(settings, variables, clock)
    stale_wait = 0.0 if never_frozen(variables) else DEFAULT_STALE_WAIT_SECONDS
    return assemble(
        settings,
        make_stores(settings, carrier, clock, variables),
        control,
        lambda: make_mirrors(settings, carrier, clock),
        carrier,
        io=io,
        clock=clock,
        events=events,
        stale_wait_seconds=stale_wait if settings.stale_wait is None else settings.stale_wait,
        sleep=sleep,
        dependencies=declared,
    )


def make_calling(
    core: Core, variables: Mapping[str, str], *, clock: Clock, wire: Wire | None = None
) -> Calling:
    """Return what calls the services that the core finds; `wire` is what carries it instead of the standard library."""
    from cloudmap_discovery.calls.calling import Calling  # noqa: PLC0415 -- for those that call
    from cloudmap_discovery.calls.plain_wire import PlainWire  # noqa: PLC0415 -- the same
    from cloudmap_discovery.calls.signing import Signer  # noqa: PLC0415 -- the same
    from cloudmap_discovery.transport.endpoints import region_of  # noqa: PLC0415 -- the same

    settings = core.settings
    plain = PlainWire(variables, clock)
    keys: Keys
    if goes_direct(settings.transport, variables):
        from cloudmap_discovery.calls.keys import DirectKeys  # noqa: PLC0415 -- only where it is used
        from cloudmap_discovery.transport.credentials import CredentialSource  # noqa: PLC0415 -- the same

        keys = DirectKeys(
            CredentialSource(variables, clock=clock),
            plain.pool,
            are_variables=bool(variables.get("AWS_ACCESS_KEY_ID")),
        )
    else:
        from cloudmap_discovery.transport.sdk_credentials import SdkKeys  # noqa: PLC0415 -- only where it is used

        keys = SdkKeys(core.io)
    return Calling(
        core.discovery,
        wire or plain,
        Signer(keys, wall=clock.wall),
        clock=clock,
        region=region_of(settings.region, variables),
        endpoint_url=settings.endpoint_url,
        environment=variables,
    )


def _is_installed(package: str) -> bool:
    from importlib.machinery import PathFinder  # noqa: PLC0415 -- functions that go direct never ask

    spec = PathFinder.find_spec(package)  # unlike what looks at sys.modules first
    return spec is not None and spec.origin is not None  # a mere folder of that name has no origin
