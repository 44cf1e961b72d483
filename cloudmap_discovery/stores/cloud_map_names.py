"""Namespaces and services of Cloud Map by name: found, created, and their ids remembered."""

from __future__ import annotations

import uuid
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.errors import AccessDeniedError, RegistrationError, RemoteError, StoreError
from cloudmap_discovery.stores.operations import await_operation
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.transport.port import Transport

STORE: Final = "cloudmap"
PAGE: Final = 100


@value
class Namespace:
    """What a namespace is called in calls: its id, or its ARN where another account owns it."""

    ref: str
    kind: str


class CloudMapNames:
    """Turns names into ids.

    They are remembered until Cloud Map does not know them any more. `owner_account` is the account that shares its
    namespace with ours; `service_tags` are those of services that are created. Every method takes a `Deadline`, whose
    end is a `RegistrationError`; what Cloud Map answers is a `StoreError`.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        owner_account: str | None = None,
        service_tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.owner_account = owner_account
        self._service_tags = [{"Key": key, "Value": text} for key, text in service_tags.items()]
        self._transport = transport
        self._namespaces: dict[str, Namespace] = {}
        self._services: dict[tuple[str, str], str] = {}

    async def call(
        self, operation: str, params: Mapping[str, Any], deadline: Deadline, *, status: str = "not begun"
    ) -> Mapping[str, Any]:
        """Call an operation of Cloud Map, as far as time is left."""
        seconds = deadline.call_seconds(operation, status)
        try:
            return await self._transport.call("servicediscovery", operation, params, timeout_seconds=seconds)
        except StoreError as error:
            raise error.at(STORE) from error.__cause__

    async def ended(self, operation: str, operation_id: str, deadline: Deadline) -> Mapping[str, str]:
        """Wait for the end of an asynchronous operation; return what it was about."""
        owner = {} if self.owner_account is None else {"OwnerAccount": self.owner_account}
        return await await_operation(self.call, operation, {"OperationId": operation_id, **owner}, deadline)

    def is_remembered(self, namespace: str, service: str) -> bool:
        """Whether the id of the service is known without a call."""
        return (namespace, service) in self._services

    def forget_service(self, namespace: str, service: str) -> None:
        """Forget the id of a service that Cloud Map does not know any more."""
        self._services.pop((namespace, service), None)

    async def find_namespace(self, http_name: str, deadline: Deadline) -> Namespace | None:
        """Return the namespace with this HttpName."""
        known = self._namespaces.get(http_name)
        if known is not None:
            return known
        owner = "SELF" if self.owner_account is None else "OTHER_ACCOUNTS"
        filters = [
            {"Name": "HTTP_NAME", "Values": [http_name], "Condition": "EQ"},
            {"Name": "RESOURCE_OWNER", "Values": [owner], "Condition": "EQ"},
        ]
        async for summary in self._pages("ListNamespaces", "Namespaces", {"Filters": filters}, deadline):
            if _http_name(summary) == http_name and self._is_owned(summary):
                return self._remember_namespace(http_name, summary)
        return None

    async def ensure_namespace(self, http_name: str, deadline: Deadline) -> Namespace:
        """Return the namespace with this HttpName, creating it if there is none."""
        found = await self.find_namespace(http_name, deadline)
        if found is not None:
            return found
        if self.owner_account is not None:
            raise RegistrationError(
                f"account {self.owner_account} shares no namespace {http_name!r} with this one, and a namespace "
                "cannot be created in another account: check DISCOVERY_NAMESPACE and DISCOVERY_OWNER_ACCOUNT",
                operation="CreateHttpNamespace",
                code="NamespaceNotFound",
                reason="a shared namespace is created by its owner",
            )
        pauses = deadline.pauses("CreateHttpNamespace")
        while True:
            namespace_id = await self._create_namespace(http_name, deadline)
            try:
                result = await self.call("GetNamespace", {"Id": namespace_id}, deadline)
            except RemoteError as error:
                if error.code != "NamespaceNotFound":
                    raise
            else:
                return self._remember_namespace(http_name, _expect_http_name(result["Namespace"], http_name))
            await pauses.next(f"namespace {http_name!r} is not readable yet")

    async def find_service(self, namespace: str, service: str, deadline: Deadline) -> str | None:
        """Return the id of a service, or None if it, or its namespace, is not there."""
        known = self._services.get((namespace, service))
        if known is not None:
            return known
        remembered = self._namespaces.get(namespace)
        services = await self.services(namespace, deadline)
        if service not in services and remembered is not None:
            # The namespace may have been deleted and created anew since.
            self._namespaces.pop(namespace, None)
            if await self.find_namespace(namespace, deadline) != remembered:
                services = await self.services(namespace, deadline)
        return services.get(service)

    async def ensure_service(self, namespace: str, service: str, deadline: Deadline) -> str:
        """Return the id of a service, creating it and its namespace if they are not there."""
        known = self._services.get((namespace, service))
        if known is not None:
            return known
        pauses = deadline.pauses("CreateService")
        while True:
            home = await self.ensure_namespace(namespace, deadline)
            try:
                ref = await self._create_service(namespace, home, service, deadline)
            except RemoteError as error:
                if error.code != "NamespaceNotFound":
                    raise
                self._namespaces.pop(namespace, None)
            else:
                self._services[namespace, service] = ref
                return ref
            await pauses.next(f"namespace {namespace!r} is not there")

    async def services(self, namespace: str, deadline: Deadline) -> dict[str, str]:
        """Return the ids of all services of a namespace by name; nothing if there is no such namespace."""
        home = await self.find_namespace(namespace, deadline)
        if home is None:
            return {}
        filters = [{"Name": "NAMESPACE_ID", "Values": [home.ref], "Condition": "EQ"}]
        services = {
            summary["Name"]: self._ref(summary)
            async for summary in self._pages("ListServices", "Services", {"Filters": filters}, deadline)
        }
        self._services.update({(namespace, name): ref for name, ref in services.items()})
        return services

    async def _create_namespace(self, name: str, deadline: Deadline) -> str:
        params = {"Name": name, "CreatorRequestId": uuid.uuid4().hex}
        try:
            result = await self.call("CreateHttpNamespace", params, deadline)
            operation_id = result["OperationId"]
        except RemoteError as error:
            if error.code == "NamespaceAlreadyExists" and error.members.get("NamespaceId"):
                return str(error.members["NamespaceId"])
            if error.code != "DuplicateRequest" or not error.members.get("DuplicateOperationId"):
                raise
            operation_id = error.members["DuplicateOperationId"]
        targets = await self.ended("CreateHttpNamespace", operation_id, deadline)
        return targets["NAMESPACE"]

    async def _create_service(self, namespace: str, home: Namespace, name: str, deadline: Deadline) -> str:
        params: dict[str, Any] = {
            "Name": name,
            "NamespaceId": home.ref,
            "CreatorRequestId": uuid.uuid4().hex,
        }
        if self._service_tags:
            params["Tags"] = self._service_tags
        if home.kind != "HTTP":
            params["Type"] = "HTTP"  # in a namespace with DNS: no DNS records for this one
        try:
            result = await self.call("CreateService", params, deadline)
        except RemoteError as error:
            if error.code != "ServiceAlreadyExists":
                raise
            ref = error.members.get("ServiceId" if self.owner_account is None else "ServiceArn")
            ref = ref or (await self.services(namespace, deadline)).get(name)
            if ref is None:
                raise
            return str(ref)
        except AccessDeniedError:
            # Who may register need not be allowed to create: a service that is there will do.
            found = (await self.services(namespace, deadline)).get(name)
            if found is None:
                raise
            return found
        return self._ref(result["Service"])

    async def _pages(
        self, operation: str, member: str, params: Mapping[str, Any], deadline: Deadline
    ) -> AsyncIterator[Mapping[str, Any]]:
        token: dict[str, str] = {}
        while True:
            result = await self.call(operation, {**params, "MaxResults": PAGE, **token}, deadline)
            for summary in result.get(member) or ():
                yield summary
            if not result.get("NextToken"):  # a page may be empty and still not be the last
                return
            token = {"NextToken": result["NextToken"]}

    def _remember_namespace(self, http_name: str, summary: Mapping[str, Any]) -> Namespace:
        namespace = Namespace(self._ref(summary), summary.get("Type", "HTTP"))
        self._namespaces[http_name] = namespace
        return namespace

    def _ref(self, summary: Mapping[str, Any]) -> str:
        return str(summary["Id"] if self.owner_account is None else summary["Arn"])

    def _is_owned(self, summary: Mapping[str, Any]) -> bool:
        return self.owner_account is None or summary.get("ResourceOwner") == self.owner_account


def _http_name(namespace: Mapping[str, Any]) -> str:
    properties = namespace.get("Properties") or {}
    return (properties.get("HttpProperties") or {}).get("HttpName") or namespace.get("Name") or ""


def _expect_http_name(namespace: Mapping[str, Any], wanted: str) -> Mapping[str, Any]:
    actual = _http_name(namespace)
    if actual != wanted:
        raise RegistrationError(
            f"namespace {namespace.get('Name')!r} is there, but since its name was in use before, lookups know it as "
            f"{actual!r}: set DISCOVERY_NAMESPACE={actual}",
            operation="CreateHttpNamespace",
            code="HttpNameDiffers",
            reason=f"its HttpName is {actual}",
        )
    return namespace
