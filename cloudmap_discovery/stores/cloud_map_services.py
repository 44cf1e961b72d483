"""Cloud Map's services as resources of their own: their ARNs and tags, and their removal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.errors import RemoteError
from cloudmap_discovery.stores.cloud_map_names import CloudMapNames

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.transport.port import Transport

_NOT_THERE: Final = frozenset({"ServiceNotFound", "ResourceNotFoundException"})


class CloudMapServices:
    """Calls the control plane; every method takes a `Deadline`, whose end is a `RegistrationError`.

    What Cloud Map answers is a `StoreError`. Where there is no such service, there is nothing to do.
    """

    def __init__(self, transport: Transport, *, owner_account: str | None = None) -> None:
        self._names = CloudMapNames(transport, owner_account=owner_account)

    async def arn(self, namespace: str, service: str, deadline: Deadline) -> str | None:
        """Return the ARN of the service, or None if there is none."""
        result = await self._on(namespace, service, "GetService", "Id", {}, deadline)
        return None if result is None else str(result["Service"]["Arn"])

    async def is_empty(self, namespace: str, service: str, deadline: Deadline) -> bool:
        """Return whether the service is there and has no instance, ours or anybody's."""
        result = await self._on(namespace, service, "ListInstances", "ServiceId", {"MaxResults": 1}, deadline)
        return result is not None and not result.get("Instances") and not result.get("NextToken")

    async def tags(self, arn: str, deadline: Deadline) -> Mapping[str, str]:
        """Return the tags of a service; none if it is not there."""
        result = await self._unless_gone("ListTagsForResource", {"ResourceARN": arn}, deadline)
        listed = () if result is None else result.get("Tags") or ()
        return {tag["Key"]: tag.get("Value") or "" for tag in listed}

    async def tag(self, arn: str, tags: Mapping[str, str], deadline: Deadline) -> None:
        """Add the tags to the service."""
        listed = [{"Key": key, "Value": text} for key, text in tags.items()]
        await self._unless_gone("TagResource", {"ResourceARN": arn, "Tags": listed}, deadline)

    async def untag(self, arn: str, keys: Iterable[str], deadline: Deadline) -> None:
        """Take the tags with these keys off the service, if it has them."""
        await self._unless_gone("UntagResource", {"ResourceARN": arn, "TagKeys": list(keys)}, deadline)

    async def delete(self, namespace: str, service: str, deadline: Deadline) -> bool:
        """Delete the service; False if it has an instance by now, or is gone."""
        try:
            result = await self._on(namespace, service, "DeleteService", "Id", {}, deadline)
        except RemoteError as error:
            if error.code != "ResourceInUse":
                raise
            return False
        self._names.forget_service(namespace, service)
        return result is not None

    async def _on(
        self,
        namespace: str,
        service: str,
        operation: str,
        member: str,
        params: Mapping[str, Any],
        deadline: Deadline,
    ) -> Mapping[str, Any] | None:
        ref = await self._names.find_service(namespace, service, deadline)
        if ref is None:
            return None
        result = await self._unless_gone(operation, {member: ref, **params}, deadline)
        if result is None:
            self._names.forget_service(namespace, service)
        return result

    async def _unless_gone(
        self, operation: str, params: Mapping[str, Any], deadline: Deadline
    ) -> Mapping[str, Any] | None:
        try:
            return await self._names.call(operation, params, deadline)
        except RemoteError as error:
            if error.code not in _NOT_THERE:
                raise
            return None
