"""Cloud Map's control plane: writes, removes and lists instances, by the names of namespace and service."""

from __future__ import annotations

import uuid
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.encoding import is_written
from cloudmap_discovery.errors import RegistrationError, RemoteError
from cloudmap_discovery.stores.cloud_map_names import PAGE, CloudMapNames
from cloudmap_discovery.stores.control_port import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.transport.port import Transport

_MAX_DISCOVERED: Final = 1000
_OTHER: Final = "another operation on this instance is under way"


class CloudMapControl:
    """Calls the control plane; `owner_account` is the account that shares its namespace with ours.

    `service_tags` are those of services that are created. Every method takes a `Deadline`, whose end is a `RegistrationError`; what Cloud Map answers is a `StoreError`.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        owner_account: str | None = None,
        service_tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._names = CloudMapNames(transport, owner_account=owner_account, service_tags=service_tags)

    async def has_namespace(self, namespace: str, deadline: Deadline) -> bool:
        """Return whether there is a namespace with this HttpName."""
        return await self._names.find_namespace(namespace, deadline) is not None

    async def has_service(self, namespace: str, service: str, deadline: Deadline) -> bool:
        """Return whether the namespace is there and has the service."""
        return await self._names.find_service(namespace, service, deadline) is not None

    async def services(self, namespace: str, deadline: Deadline) -> tuple[str, ...]:
        """Return the names of all services; none if there is no such namespace."""
        return tuple(sorted(await self._names.services(namespace, deadline)))

    async def instance(
        self, namespace: str, service: str, instance_id: str, deadline: Deadline
    ) -> Entry | None:
        """Return one instance, or None if Cloud Map does not show it; it may not show it yet."""
        try:
            result = await self._on_service(
                namespace, service, "GetInstance", {"InstanceId": instance_id}, deadline
            )
        except RemoteError as error:
            if error.code == "InstanceNotFound":
                return None
            raise
        return None if result is None else _entry(result["Instance"], "Id")

    async def instances(self, namespace: str, service: str, deadline: Deadline) -> tuple[Entry, ...]:
        """Return all instances of a service by id; none if there is no such service."""
        entries: list[Entry] = []
        params: dict[str, Any] = {"MaxResults": PAGE}
        while True:
            result = await self._on_service(namespace, service, "ListInstances", params, deadline)
            if result is None:
                return ()
            entries.extend(_entry(summary, "Id") for summary in result.get("Instances") or ())
            if not result.get("NextToken"):
                return tuple(sorted(entries, key=lambda entry: entry.id))
            params["NextToken"] = result["NextToken"]

    async def discoverable(
        self, namespace: str, service: str, query: Mapping[str, str], deadline: Deadline
    ) -> tuple[Entry, ...]:
        """Return the instances that lookups can see, healthy or not, with the attributes of `query`."""
        params: dict[str, Any] = {
            "NamespaceName": namespace,
            "ServiceName": service,
            "MaxResults": _MAX_DISCOVERED,
            "HealthStatus": "ALL",
            "QueryParameters": dict(query),
        }
        if self._names.owner_account is not None:
            params["OwnerAccount"] = self._names.owner_account
        try:
            result = await self._names.call("DiscoverInstances", params, deadline)
        except RemoteError as error:
            if error.code in {"ServiceNotFound", "NamespaceNotFound"}:
                return ()
            raise
        return tuple(_entry(summary, "InstanceId") for summary in result.get("Instances") or ())

    async def register(
        self,
        namespace: str,
        service: str,
        instance_id: str,
        attributes: Mapping[str, str],
        deadline: Deadline,
    ) -> None:
        """Write the instance with exactly these attributes, creating service and namespace if they are not there.

        Raises a `RegistrationError` with AWS's code and message where the operation fails or does not end in time.
        """
        params = {"InstanceId": instance_id, "Attributes": dict(attributes)}
        pauses = deadline.pauses("RegisterInstance")
        while True:
            request = {**params, "CreatorRequestId": uuid.uuid4().hex}
            try:
                result = await self._on_ensured_service(
                    namespace, service, "RegisterInstance", request, deadline
                )
            except RemoteError as error:
                if error.code != "DuplicateRequest":
                    raise
                # Maybe an earlier attempt of ours whose answer was lost.
                await self._other_ended(error, deadline)
                present = await self.instance(namespace, service, instance_id, deadline)
                if present is not None and is_written(present.attributes, attributes):
                    return
            else:
                await self._names.ended("RegisterInstance", result["OperationId"], deadline)
                return
            await pauses.next(_OTHER)

    async def deregister(self, namespace: str, service: str, instance_id: str, deadline: Deadline) -> bool:
        """Remove the instance; return False if somebody else has done so.

        Raises a `RegistrationError` with AWS's code and message where the operation fails or does not end in time.
        """
        pauses = deadline.pauses("DeregisterInstance")
        while True:
            status = _OTHER
            try:
                result = await self._on_service(
                    namespace, service, "DeregisterInstance", {"InstanceId": instance_id}, deadline
                )
            except RemoteError as error:
                if error.code == "DuplicateRequest":
                    await self._other_ended(error, deadline)
                elif error.code == "InstanceNotFound":
                    # Said also of an instance that was registered a moment ago.
                    if await self.instance(namespace, service, instance_id, deadline) is None:
                        return False
                    status = "the instance's registration has not spread yet"
                else:
                    raise
            else:
                if result is None:
                    return False
                await self._names.ended("DeregisterInstance", result["OperationId"], deadline)
                return True
            await pauses.next(status)

    async def _on_service(
        self, namespace: str, service: str, operation: str, params: Mapping[str, Any], deadline: Deadline
    ) -> Mapping[str, Any] | None:
        """Call an operation that takes a `ServiceId`; None if there is no such service."""
        while True:
            was_remembered = self._names.is_remembered(namespace, service)
            ref = await self._names.find_service(namespace, service, deadline)
            if ref is None:
                return None
            try:
                return await self._names.call(operation, {"ServiceId": ref, **params}, deadline)
            except RemoteError as error:
                if error.code != "ServiceNotFound":
                    raise
            self._names.forget_service(namespace, service)
            if not was_remembered:
                return None

    async def _on_ensured_service(
        self, namespace: str, service: str, operation: str, params: Mapping[str, Any], deadline: Deadline
    ) -> Mapping[str, Any]:
        """Call an operation that takes a `ServiceId`, of a service that is created if it is not there."""
        pauses = deadline.pauses(operation)
        while True:
            ref = await self._names.ensure_service(namespace, service, deadline)
            try:
                return await self._names.call(operation, {"ServiceId": ref, **params}, deadline)
            except RemoteError as error:
                if error.code != "ServiceNotFound":
                    raise
            self._names.forget_service(namespace, service)
            await pauses.next(f"service {service!r} is not there")

    async def _other_ended(self, error: RemoteError, deadline: Deadline) -> None:
        operation_id = error.members.get("DuplicateOperationId")
        if not operation_id:
            return
        try:
            await self._names.ended("another operation", operation_id, deadline)
        except RegistrationError:
            # How it ended is its caller's business; the next attempt of ours says whether time is left.
            return
        except RemoteError as gone:
            if gone.code != "OperationNotFound":
                raise


def _entry(summary: Mapping[str, Any], id_member: str) -> Entry:
    return Entry(summary.get(id_member) or "", summary.get("Attributes") or {})
