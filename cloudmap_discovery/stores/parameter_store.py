"""Parameter Store as a store: one parameter for each service and stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudmap_discovery.documents import parameter_name, read_parameter
from cloudmap_discovery.errors import MalformedRecordError, StoreError
from cloudmap_discovery.stores.outcome import outcome
from cloudmap_discovery.stores.port import Absent, Found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudmap_discovery.clock import Clock, Instant
    from cloudmap_discovery.model import Key
    from cloudmap_discovery.transport.port import Transport


class ParameterStore:
    """Reads records from parameters `<prefix>/<stage>/<service>`; the namespace plays no part."""

    name: Final = "ssm"

    def __init__(
        self,
        transport: Transport,
        *,
        prefix: str = "/services",
        clock: Clock,
        allowed_endpoints: Sequence[str] = (),
    ) -> None:
        self._transport = transport
        self._prefix = prefix
        self._clock = clock
        self._allowed_endpoints = tuple(allowed_endpoints)

    async def fetch(
        self, key: Key, *, timeout_seconds: float, since: Instant | None = None
    ) -> Found | Absent:
        """Ask Parameter Store for all records of the key; see `Store`."""
        del since  # it keeps nothing
        try:
            return await self._fetch(key, timeout_seconds)
        except StoreError as error:
            raise error.at(self.name) from error.__cause__

    def kept(self, key: Key) -> None:
        """Keep nothing; see `Store`."""

    async def _fetch(self, key: Key, timeout_seconds: float) -> Found | Absent:
        name = parameter_name(self._prefix, key.stage, key.service)
        sent = self._clock.now()
        result = await self._transport.call(
            "ssm", "GetParameters", {"Names": [name], "WithDecryption": True}, timeout_seconds=timeout_seconds
        )
        parameters = result.get("Parameters") or ()
        if not parameters:
            if name not in (result.get("InvalidParameters") or ()):
                raise MalformedRecordError(name, "the answer neither has it nor says that it is not there")
            return Absent()
        value = parameters[0].get("Value") or ""
        if parameters[0].get("Type") == "StringList" and "," in value:
            raise MalformedRecordError(
                name,
                "it is a StringList of several values; store one endpoint as a String, or several as JSON",
            )
        content = read_parameter(value, parameter=name, service=key.service, stage=key.stage)
        if content.overflow:
            raise MalformedRecordError(
                name,
                "it mirrors more records than a parameter holds and lists none of them; Cloud Map has them",
            )
        return outcome(
            content.instances,
            content.passed_over,
            place=name,
            sent=sent,
            allowed_endpoints=self._allowed_endpoints,
            mirrored=content.mirrored,
        )
