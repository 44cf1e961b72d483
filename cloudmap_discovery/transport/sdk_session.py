"""The SDK itself: imported and its data read ahead of the first call, and the sessions made from it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.errors import ConfigurationError, without_frames
from cloudmap_discovery.shadowing import UNUSABLE, shadowing
from cloudmap_discovery.transport.errors import Call
from cloudmap_discovery.transport.sdk_answers import StrictParserFactory
from cloudmap_discovery.transport.sdk_errors import READ_SECONDS, slim, translated
from cloudmap_discovery.transport.sdk_http import HttpSession, load_tls_context

if TYPE_CHECKING:
    from collections.abc import Collection

_DISTRIBUTION: Final = "cloudmap-discovery"
_CONNECT_SECONDS: Final = 3.0
_MAX_CONNECTIONS: Final = 50

# What the SDK knows of AWS, by where it was read from: megabytes, and the same for every transport of a process.
_loaders: Final[dict[str | None, Any]] = {}


class Sdk:
    """Loads the SDK once, from whatever thread; `ca_bundle` is True or the path of the certificates to trust."""

    def __init__(self, *, ca_bundle: str | bool) -> None:
        self._ca_bundle = ca_bundle
        self._lock = threading.Lock()
        self._loaded: set[str] = set()
        self._loader: Any = None
        self._config: Any = None
        self._spare: Any = None

    def has_loaded(self, service: str) -> bool:
        """Return whether a client for the service can be made without waiting."""
        return service in self._loaded

    def load(self, services: Collection[str]) -> None:
        """Import the SDK, read its data for the services, and the TLS certificates; blocks, and uses no network."""
        if self._loaded.issuperset(services):
            return
        with self._lock:
            if self._loader is None:
                try:
                    self._load_shared()
                except UNUSABLE as error:
                    _explain(error)
                    raise
            for service in services:
                for kind in ("service-2", "endpoint-rule-set-1"):
                    self._loader.load_service_model(service, kind, api_version=None)
                self._loaded.add(service)

    def after_fork(self) -> None:
        """Mend what another thread of the parent may have been using."""
        self._lock = threading.Lock()

    def session(self) -> Any:
        """Return a session of its own, which reads credentials when it is first used."""
        session, self._spare = self._spare, None
        return self._new_session() if session is None else session

    async def client(
        self, session: Any, service: str, *, region: str | None, endpoint_url: str | None
    ) -> Any:
        """Make a client for one service; fetches credentials."""
        from botocore.exceptions import BotoCoreError

        creating = session.create_client(
            service, region_name=region, endpoint_url=endpoint_url, config=self._config
        )
        try:
            return await creating.__aenter__()
        except UNUSABLE as error:  # parts of the SDK that do not fit each other: it may show only now
            _explain(error)
            raise
        except ValueError as error:
            if isinstance(error, BotoCoreError):
                raise
            variable = "DISCOVERY_ENDPOINT_URL" if endpoint_url else "AWS_ENDPOINT_URL"
            allowed = f"an absolute http or https URL ({error})"
            raise ConfigurationError(variable, endpoint_url, allowed) from without_frames(error)

    def _load_shared(self) -> None:
        from aiobotocore.config import AioConfig
        from botocore.exceptions import BotoCoreError

        self._config = AioConfig(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=_MAX_CONNECTIONS,
            retries={
                "mode": "standard",
                "total_max_attempts": 1,
            },  # retries have one owner, and it is another
            user_agent_extra=f"{_DISTRIBUTION}/{_version()}",
            http_session_cls=HttpSession,
        )
        session = self._new_session()
        try:
            path = session.get_config_variable("data_path")
            loader = _loaders.setdefault(path, session.get_component("data_loader"))
            ca_bundle = session.get_config_variable("ca_bundle") or self._ca_bundle
        except BotoCoreError as error:
            meaning = translated(Call("", ""), error, 0)
            raise (error if meaning is None else meaning) from slim(error)
        try:
            load_tls_context(ca_bundle)
        except OSError as error:
            raise ConfigurationError(
                "AWS_CA_BUNDLE", str(ca_bundle), "a file of trusted certificates"
            ) from without_frames(error)
        for data in ("endpoints", "partitions", "sdk-default-configuration"):
            loader.load_data_with_path(data)
        session.register_component("data_loader", loader)
        self._spare = session
        self._loader = loader

    def _new_session(self) -> Any:
        from aiobotocore.session import AioSession

        session = AioSession()
        session.register_component("response_parser_factory", StrictParserFactory())
        session.register("before-endpoint-resolution", _settle_endpoint)
        if self._loader is not None:
            session.register_component("data_loader", self._loader)
        return session


def configured_region() -> str | None:
    """Return the region that the SDK would ask: of AWS's variables, or of the profile in its configuration file.

    Reads files, and uses no network. Raises a `ConfigurationError` where these are wrong.
    """
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    try:
        region: str | None = Session().get_config_variable("region")
    except BotoCoreError as error:
        meaning = translated(Call("", ""), error, 0)
        raise (error if meaning is None else meaning) from slim(error)
    return region


def _explain(error: Exception) -> None:
    """Raise what it means that the SDK cannot be used, if something stands in its way."""
    shadows = shadowing(("aiobotocore", "botocore", "aiohttp"))
    if shadows is not None:
        allowed = f"direct as long as the AWS SDK cannot be used here ({error}): {shadows}"
        raise ConfigurationError("DISCOVERY_TRANSPORT", "sdk", allowed) from without_frames(error)


def _settle_endpoint(builtins: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    # Wherever an endpoint URL comes from (argument, AWS_ENDPOINT_URL, profile), it is here by now. The SDK would put
    # the operation's host prefix in front of it, and nobody has a host `data-localhost` or `<bucket>.localhost`.
    if builtins.get("SDK::Endpoint") is not None:
        context["client_config"].inject_host_prefix = False
        builtins["AWS::S3::ForcePathStyle"] = True
    # For us-east-1, the SDK would ask S3's oldest host, which is there for the whole world.
    builtins["AWS::S3::UseGlobalEndpoint"] = False
    # A bucket in another region is a mistake in the configuration: asking there would cost two requests each time.
    context.get("s3_redirect", {})["redirected"] = True


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 -- slow, and only where the SDK is

    try:
        return version(_DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"  # copied into a function without its metadata
