"""Cloud Map's control plane in memory, in time that passes only where somebody waits for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.unit.fake_transport import FakeTransport, remote
from tests.unit.timing import WaitingClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudmap_discovery.errors import RemoteError

OPERATIONS = (
    "CreateHttpNamespace CreateService DeleteService DeregisterInstance DiscoverInstances GetInstance GetNamespace "
    "GetOperation GetService ListInstances ListNamespaces ListServices ListTagsForResource RegisterInstance TagResource "
    "UntagResource"
)


@dataclass
class Operation:
    """An asynchronous operation, which does what it does when it ends."""

    id: str
    targets: dict[str, str]
    ends_at: float
    failure: tuple[str, str] | None


@dataclass
class Version:
    """What an instance became, and when; None if it was removed."""

    at: float
    attributes: dict[str, str] | None


@dataclass
class Service:
    id: str
    name: str
    namespace_id: str
    history: dict[str, list[Version]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:servicediscovery:eu-central-1:123456789012:service/{self.id}"

    def seen_at(self, moment: float) -> dict[str, dict[str, str]]:
        seen = {}
        for instance_id, versions in self.history.items():
            known = [version.attributes for version in versions if version.at <= moment]
            if known and known[-1] is not None:
                seen[instance_id] = known[-1]
        return seen


class FakeCloudMap:
    """Namespaces, services and instances that come and go through operations, and readers that lag behind.

    Delays are in seconds of `clock`. `failures` are how the next operations end, as code and message.
    """

    def __init__(self) -> None:
        self.clock = WaitingClock()
        self.transport = FakeTransport()
        self.operation_seconds = 0.0
        self.propagation_seconds = 0.0
        self.listing_lag_seconds = 0.0
        self.page = 100
        self.failures: list[tuple[str, str]] = []
        self.http_names: dict[str, str] = {}
        self.namespaces: dict[str, dict[str, Any]] = {}
        self.services: dict[str, Service] = {}
        self.operations: dict[str, Operation] = {}
        self._ids = count()
        for operation in OPERATIONS.split():
            self.transport.answer(operation, getattr(self, f"_{operation}"))

    def seed(
        self, service: str, instance_id: str, attributes: dict[str, str], namespace: str = "services"
    ) -> None:
        """Have an instance there, known to everybody."""
        self.seed_service(service, namespace).history[instance_id] = [Version(float("-inf"), attributes)]

    def seed_service(self, service: str, namespace: str = "services") -> Service:
        namespace_id = self._namespace_named(namespace) or self._add_namespace(namespace)
        found = self._service_named(namespace_id, service)
        if found is None:
            found = Service(self._new_id("srv"), service, namespace_id)
            self.services[found.id] = found
        return found

    def forget_everything(self) -> None:
        """Let somebody delete all namespaces."""
        self.namespaces.clear()
        self.services.clear()

    def service(self, name: str) -> Service | None:
        """Return the service of this name, if it is there."""
        return next((one for one in self.services.values() if one.name == name), None)

    def has(self, service: str) -> dict[str, dict[str, str]]:
        """Return what a service has now, by id."""
        (found,) = (candidate for candidate in self.services.values() if candidate.name == service)
        return found.seen_at(self.clock.monotonic())

    def _ListNamespaces(self, params: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 -- AWS's name
        return self._paged(list(self.namespaces.values()), params, "Namespaces")

    def _GetNamespace(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        found = self.namespaces.get(params["Id"])
        return remote("NamespaceNotFound") if found is None else {"Namespace": found}

    def _CreateHttpNamespace(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        for namespace in self.namespaces.values():
            if namespace["Name"] == params["Name"]:
                return remote("NamespaceAlreadyExists", NamespaceId=namespace["Id"])
        namespace_id = self._new_id("ns")

        def create() -> None:
            self._add_namespace(params["Name"], namespace_id)

        return self._submit({"NAMESPACE": namespace_id}, create)

    def _ListServices(self, params: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 -- AWS's name
        (wanted,) = (f["Values"][0] for f in params["Filters"] if f["Name"] == "NAMESPACE_ID")
        found = [{"Id": s.id, "Name": s.name} for s in self.services.values() if s.namespace_id == wanted]
        return self._paged(found, params, "Services")

    def _CreateService(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        if params["NamespaceId"] not in self.namespaces:
            return remote("NamespaceNotFound")
        found = self._service_named(params["NamespaceId"], params["Name"])
        if found is not None:
            return remote("ServiceAlreadyExists", ServiceId=found.id)
        created = Service(self._new_id("srv"), params["Name"], params["NamespaceId"])
        created.tags = {tag["Key"]: tag["Value"] for tag in params.get("Tags", ())}
        self.services[created.id] = created
        return {"Service": {"Id": created.id, "Name": created.name}}

    def _GetService(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        service = self.services.get(params["Id"])
        if service is None:
            return remote("ServiceNotFound")
        return {"Service": {"Id": service.id, "Name": service.name, "Arn": service.arn}}

    def _DeleteService(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        service = self.services.get(params["Id"])
        if service is None:
            return remote("ServiceNotFound")
        if service.seen_at(self.clock.monotonic()):
            return remote("ResourceInUse")
        del self.services[service.id]
        return {}

    def _ListTagsForResource(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        service = self._service_of(params["ResourceARN"])
        if service is None:
            return remote("ResourceNotFoundException")
        return {"Tags": [{"Key": key, "Value": text} for key, text in service.tags.items()]}

    def _TagResource(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        service = self._service_of(params["ResourceARN"])
        if service is None:
            return remote("ResourceNotFoundException")
        service.tags.update({tag["Key"]: tag["Value"] for tag in params["Tags"]})
        return {}

    def _UntagResource(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        service = self._service_of(params["ResourceARN"])
        if service is None:
            return remote("ResourceNotFoundException")
        for key in params["TagKeys"]:
            service.tags.pop(key, None)
        return {}

    def _service_of(self, arn: str) -> Service | None:
        return next((service for service in self.services.values() if service.arn == arn), None)

    def _RegisterInstance(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        return self._change(params, dict(params["Attributes"]))

    def _DeregisterInstance(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        service = self.services.get(params["ServiceId"])
        spread = self.clock.monotonic() - self.propagation_seconds
        if service is not None and params["InstanceId"] not in service.seen_at(spread):
            return self._duplicate(params) or remote("InstanceNotFound")
        return self._change(params, None)

    def _GetInstance(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        service = self.services.get(params["ServiceId"])
        if service is None:
            return remote("ServiceNotFound")
        listed = service.seen_at(self.clock.monotonic() - self.listing_lag_seconds)
        if params["InstanceId"] not in listed:
            return remote("InstanceNotFound")
        return {"Instance": {"Id": params["InstanceId"], "Attributes": listed[params["InstanceId"]]}}

    def _ListInstances(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        service = self.services.get(params["ServiceId"])
        if service is None:
            return remote("ServiceNotFound")
        listed = service.seen_at(self.clock.monotonic() - self.listing_lag_seconds)
        return self._paged([{"Id": i, "Attributes": a} for i, a in listed.items()], params, "Instances")

    def _DiscoverInstances(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        namespace_id = self._namespace_named(params["NamespaceName"])
        if namespace_id is None:
            return remote("NamespaceNotFound")
        service = self._service_named(namespace_id, params["ServiceName"])
        if service is None:
            return remote("ServiceNotFound")
        seen = service.seen_at(self.clock.monotonic() - self.propagation_seconds)
        query = params.get("QueryParameters", {}).items()
        return {
            "Instances": [{"InstanceId": i, "Attributes": a} for i, a in seen.items() if query <= a.items()]
        }

    def _GetOperation(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        operation = self.operations.get(params["OperationId"])
        if operation is None:
            return remote("OperationNotFound")
        found: dict[str, Any] = {"Id": operation.id, "Targets": operation.targets, "Status": "PENDING"}
        if self.clock.monotonic() >= operation.ends_at:
            found["Status"] = "SUCCESS"
            if operation.failure is not None:
                found["Status"] = "FAIL"
                found["ErrorCode"], found["ErrorMessage"] = operation.failure
        return {"Operation": found}

    def _change(
        self, params: Mapping[str, Any], attributes: dict[str, str] | None
    ) -> dict[str, Any] | RemoteError:
        service = self.services.get(params["ServiceId"])
        if service is None:
            return remote("ServiceNotFound")
        duplicate = self._duplicate(params)
        if duplicate is not None:
            return duplicate

        def apply() -> None:
            ends_at = self.clock.monotonic() + self.operation_seconds
            service.history.setdefault(params["InstanceId"], []).append(Version(ends_at, attributes))

        return self._submit({"SERVICE": service.id, "INSTANCE": params["InstanceId"]}, apply)

    def _duplicate(self, params: Mapping[str, Any]) -> RemoteError | None:
        targets = {"SERVICE": params["ServiceId"], "INSTANCE": params["InstanceId"]}
        for operation in self.operations.values():
            if operation.targets == targets and operation.ends_at > self.clock.monotonic():
                return remote("DuplicateRequest", DuplicateOperationId=operation.id)
        return None

    def _submit(self, targets: dict[str, str], apply: Callable[[], None]) -> dict[str, Any]:
        failure = self.failures.pop(0) if self.failures else None
        if failure is None:
            apply()
        operation = Operation(
            self._new_id("op"), targets, self.clock.monotonic() + self.operation_seconds, failure
        )
        self.operations[operation.id] = operation
        return {"OperationId": operation.id}

    def _new_id(self, kind: str) -> str:
        return f"{kind}-{next(self._ids)}"

    def _add_namespace(self, name: str, namespace_id: str | None = None) -> str:
        namespace_id = namespace_id or self._new_id("ns")
        self.namespaces[namespace_id] = {
            "Id": namespace_id,
            "Name": name,
            "Type": "HTTP",
            "Properties": {"HttpProperties": {"HttpName": self.http_names.get(name, name)}},
        }
        return namespace_id

    def _namespace_named(self, http_name: str) -> str | None:
        for namespace in self.namespaces.values():
            if namespace["Properties"]["HttpProperties"]["HttpName"] == http_name:
                return str(namespace["Id"])
        return None

    def _service_named(self, namespace_id: str, name: str) -> Service | None:
        for service in self.services.values():
            if (service.namespace_id, service.name) == (namespace_id, name):
                return service
        return None

    def _paged(self, items: list[Any], params: Mapping[str, Any], member: str) -> dict[str, Any]:
        start = int(params.get("NextToken", "0"))
        end = start + min(self.page, params["MaxResults"])
        more = {"NextToken": str(end)} if end < len(items) else {}
        return {member: items[start:end], **more}
