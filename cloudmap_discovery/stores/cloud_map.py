"""Cloud Map as a store: one DiscoverInstances for each key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.encoding import decode_attributes
from cloudmap_discovery.errors import MalformedRecordError, RemoteError, StoreError
from cloudmap_discovery.model import NO_STAGE, Instance, PassedOver
from cloudmap_discovery.stores.outcome import outcome
from cloudmap_discovery.stores.port import Absent, Found

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudmap_discovery.clock import Clock, Instant
    from cloudmap_discovery.model import Key
    from cloudmap_discovery.transport.port import Transport

# The most that one call returns, and the most that a service can have. There is no next page.
_MAX_RESULTS: Final = 1000
_STAGES_SHOWN: Final = 10


class CloudMapStore:
    """Reads records from Cloud Map; `owner_account` is the account that shares the namespace with ours."""

    name: Final = "cloudmap"

    def __init__(
        self,
        transport: Transport,
        *,
        clock: Clock,
        owner_account: str | None = None,
        allowed_endpoints: Sequence[str] = (),
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._owner_account = owner_account
        self._allowed_endpoints = tuple(allowed_endpoints)

    async def fetch(
        self, key: Key, *, timeout_seconds: float, since: Instant | None = None
    ) -> Found | Absent:
        """Ask Cloud Map for all records of the key; see `Store`."""
        del since  # it keeps nothing
        try:
            return await self._fetch(key, timeout_seconds)
        except RemoteError as error:
            if error.code == "ServiceNotFound":
                return Absent()
            if error.code == "NamespaceNotFound":
                return Absent(detail=_no_namespace(key.namespace))
            raise error.at(self.name) from error.__cause__
        except StoreError as error:
            raise error.at(self.name) from error.__cause__

    def kept(self, key: Key) -> None:
        """Keep nothing; see `Store`."""

    async def _fetch(self, key: Key, timeout_seconds: float) -> Found | Absent:
        sent = self._clock.now()
        result = await self._transport.call(
            "servicediscovery", "DiscoverInstances", self._params(key), timeout_seconds=timeout_seconds
        )
        if "Instances" not in result:
            raise MalformedRecordError(
                f"service {key.service!r} in namespace {key.namespace!r}",
                "the answer has no list of instances",
            )
        instances, passed_over, elsewhere = [], [], set()
        for summary in result["Instances"]:
            attributes: Mapping[str, str] = summary.get("Attributes") or {}
            stage = attributes.get("stage") or NO_STAGE
            if stage != key.stage:
                elsewhere.add(stage)
                continue
            match decode_attributes(key.service, summary.get("InstanceId"), attributes):
                case Instance() as instance:
                    instances.append(instance)
                case PassedOver() as unusable:
                    passed_over.append(unusable)
        if not instances and not passed_over and elsewhere:
            return Absent(detail=_only_in(sorted(elsewhere)))
        return outcome(
            instances,
            passed_over,
            place=f"service {key.service!r} in namespace {key.namespace!r}",
            sent=sent,
            allowed_endpoints=self._allowed_endpoints,
        )

    def _params(self, key: Key) -> Mapping[str, Any]:
        params: dict[str, Any] = {
            "NamespaceName": key.namespace,
            "ServiceName": key.service,
            "MaxResults": _MAX_RESULTS,
            "HealthStatus": "HEALTHY_OR_ELSE_ALL",
        }
        if key.stage != NO_STAGE:  # a missing attribute cannot be asked for
            params["QueryParameters"] = {"stage": key.stage}
        if self._owner_account is not None:
            params["OwnerAccount"] = self._owner_account
        return params


def _only_in(stages: Sequence[str]) -> str:
    shown = ", ".join(stages[:_STAGES_SHOWN]) + (", …" if len(stages) > _STAGES_SHOWN else "")
    return f"it is registered in stage {shown}: pass stage=…, or set DISCOVERY_STAGE"


def _no_namespace(namespace: str) -> str:
    return (
        f"there is no namespace {namespace!r} in this account and region: check DISCOVERY_NAMESPACE "
        "(a namespace's HttpName) and the region"
    )
