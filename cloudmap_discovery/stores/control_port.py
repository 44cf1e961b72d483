"""What writes and lists records: the port between the registry and Cloud Map's control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.deadline import Deadline


@value
class Entry:
    """An instance as Cloud Map has it."""

    id: str
    attributes: Mapping[str, str]


class Control(Protocol):
    """Instances by the names of namespace and service.

    Every method takes a `Deadline`, whose end is a `RegistrationError`; what the store answers is a `StoreError`.
    """

    async def has_namespace(self, namespace: str, deadline: Deadline) -> bool:
        """Return whether there is a namespace with this HttpName."""
        ...

    async def has_service(self, namespace: str, service: str, deadline: Deadline) -> bool:
        """Return whether the namespace is there and has the service."""
        ...

    async def services(self, namespace: str, deadline: Deadline) -> tuple[str, ...]:
        """Return the names of all services; none if there is no such namespace."""
        ...

    async def instance(
        self, namespace: str, service: str, instance_id: str, deadline: Deadline
    ) -> Entry | None:
        """Return one instance, or None if it is not shown; it may not be shown yet."""
        ...

    async def instances(self, namespace: str, service: str, deadline: Deadline) -> tuple[Entry, ...]:
        """Return all instances of a service by id; none if there is no such service."""
        ...

    async def discoverable(
        self, namespace: str, service: str, query: Mapping[str, str], deadline: Deadline
    ) -> tuple[Entry, ...]:
        """Return the instances that lookups can see, healthy or not, with the attributes of `query`."""
        ...

    async def register(
        self,
        namespace: str,
        service: str,
        instance_id: str,
        attributes: Mapping[str, str],
        deadline: Deadline,
    ) -> None:
        """Write the instance with exactly these attributes, creating service and namespace if they are not there."""
        ...

    async def deregister(self, namespace: str, service: str, instance_id: str, deadline: Deadline) -> bool:
        """Remove the instance; return False if somebody else has done so."""
        ...
