"""Ministack's Cloud Map, corrected where it differs from AWS in what this project uses.

This runs in ministack's own process, without the rest of the project. Functions of its module are replaced, so that the
API and CloudFormation's AWS::ServiceDiscovery::* go on sharing one registry. `test_cloud_map.py` holds all of this.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any, Final

from tests.deployment.cloud_map_answers import REFUSED, as_aws_answers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Request = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

DEFAULT_RESULTS: Final = 100
"""Of listings and of DiscoverInstances: "If you don't specify a value for MaxResults, Cloud Map returns up to 100"."""
MAX_LISTED: Final = 100
MAX_DISCOVERED: Final = 1000


def correct(module: Any) -> None:
    """Replace what is wrong in `ministack.services.servicediscovery`, before the first request."""
    registry = _Registry(module)
    for name in (
        "_create_namespace_record",
        "_list_namespaces",
        "_get_namespace",
        "_create_service",
        "_delete_service",
        "_list_services",
        "_get_service",
        "_deregister_instance",
        "_get_instance",
        "_list_instances",
        "_discover_instances",
    ):
        setattr(module, name, getattr(registry, name.removeprefix("_")))
    module.handle_request = as_aws_answers(module.handle_request)


class _RefusedError(Exception):
    """A request that cannot be answered."""

    def __init__(self, code: str, message: str, status: int = REFUSED, **members: str) -> None:
        super().__init__(message)
        self.response: Response = (
            status,
            {"Content-Type": "application/x-amz-json-1.1"},
            json.dumps({"__type": code, "Message": message, **members}).encode(),
        )


def _answering(
    method: Callable[[_Registry, Request], Mapping[str, Any]],
) -> Callable[[_Registry, Request], Response]:
    """Make a handler as ministack has them of a method that returns the answer's members or raises."""

    def handler(registry: _Registry, request: Request) -> Response:
        try:
            body = method(registry, request)
        except _RefusedError as refused:
            return refused.response
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode()

    return handler


class _Registry:
    """The corrected handlers, over the state that ministack's module keeps."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._create_namespace = module._create_namespace_record
        self._create_service = module._create_service
        self._delete_service = module._delete_service
        self._deregister_instance = module._deregister_instance

    # Namespaces

    def create_namespace_record(self, name: str, *arguments: Any) -> tuple[Any, Response | None]:
        """Name the namespace that exists, as NamespaceAlreadyExists does: `NamespaceId`."""
        for namespace in self._module._namespaces.values():
            if namespace["Name"] == name:
                refused = _RefusedError(
                    "NamespaceAlreadyExists", f"Namespace {name} already exists", NamespaceId=namespace["Id"]
                )
                return None, refused.response
        namespace, error = self._create_namespace(name, *arguments)
        return namespace, error

    @_answering
    def list_namespaces(self, request: Request) -> Mapping[str, Any]:
        """Page and filter; ministack does neither."""
        found = [
            self._described_namespace(namespace)
            for namespace in self._module._namespaces.values()
            if _passes(
                request, TYPE=namespace["Type"], NAME=namespace["Name"], HTTP_NAME=_http_name(namespace)
            )
        ]
        return _page("Namespaces", found, request)

    @_answering
    def get_namespace(self, request: Request) -> Mapping[str, Any]:
        """Count the services."""
        return {"Namespace": self._described_namespace(self._namespace(request["Id"]))}

    # Services

    def create_service(self, request: Request) -> Response:
        """Refuse a second one of the same name with the id of the first: ministack makes another."""
        for service in self._module._services.values():
            if (service["NamespaceId"], service["Name"]) == (request.get("NamespaceId"), request.get("Name")):
                return _RefusedError(
                    "ServiceAlreadyExists",
                    f"Service {service['Name']} already exists",
                    ServiceId=service["Id"],
                    ServiceArn=service["Arn"],
                ).response
        response: Response = self._create_service(request)
        return response

    def delete_service(self, request: Request) -> Response:
        """Refuse while "the service still contains one or more registered instances"; ministack deletes them too."""
        if self._module._instances.get(request.get("Id")):
            return _RefusedError(
                "ResourceInUse", f"Service {request['Id']} has registered instances"
            ).response
        response: Response = self._delete_service(request)
        return response

    @_answering
    def list_services(self, request: Request) -> Mapping[str, Any]:
        """Page and filter; ministack lists the services of all namespaces."""
        found = [
            self._described_service(service)
            for service in self._module._services.values()
            if _passes(request, NAMESPACE_ID=service["NamespaceId"])
        ]
        return _page("Services", found, request)

    @_answering
    def get_service(self, request: Request) -> Mapping[str, Any]:
        """Count the instances."""
        return {"Service": self._described_service(self._service(request["Id"]))}

    # Instances

    def deregister_instance(self, request: Request) -> Response:
        """Answer InstanceNotFound where there is none; ministack succeeds."""
        try:
            self._instance(request)
        except _RefusedError as refused:
            return refused.response
        response: Response = self._deregister_instance(request)
        return response

    @_answering
    def get_instance(self, request: Request) -> Mapping[str, Any]:
        """Tell a missing service from a missing instance."""
        return {"Instance": self._instance(request)}

    @_answering
    def list_instances(self, request: Request) -> Mapping[str, Any]:
        """Page."""
        service = self._service(request["ServiceId"])
        return _page("Instances", self._module._instances.get(service["Id"], {}).values(), request)

    @_answering
    def discover_instances(self, request: Request) -> Mapping[str, Any]:
        """Filter by query, health and option, bound the results, and say the revision."""
        service = self._named(request["NamespaceName"], request["ServiceName"])
        limit = _limit(request, MAX_DISCOVERED)
        found = [
            self._discovered(request, service, instance)
            for instance in self._module._instances.get(service["Id"], {}).values()
            if _has(instance, request.get("QueryParameters"))
        ]
        if _has_health_check(service):  # "ignored for services that don't have a health check configured"
            found = _of_health(found, request.get("HealthStatus", "HEALTHY_OR_ELSE_ALL"))
        found = [one for one in found if _has(one, request.get("OptionalParameters"))] or found
        random.shuffle(found)  # "DiscoverInstances returns a randomized list of instances"
        revision = int(self._module._instances_revision.get(service["Id"], 1))
        return {"Instances": found[:limit], "InstancesRevision": revision}

    def _discovered(
        self, request: Request, service: Mapping[str, Any], instance: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        statuses = self._module._instance_health_status.get(service["Id"], {})
        return {
            "InstanceId": instance["Id"],
            "NamespaceName": request["NamespaceName"],
            "ServiceName": request["ServiceName"],
            "HealthStatus": statuses[instance["Id"]] if _has_health_check(service) else "UNKNOWN",
            "Attributes": instance["Attributes"],
        }

    # What is there; the statuses are those that ministack's CloudFormation looks at.

    def _namespace(self, namespace_id: str) -> Any:
        if namespace_id not in self._module._namespaces:
            raise _RefusedError("NamespaceNotFound", f"There is no namespace {namespace_id}", 404)
        return self._module._namespaces[namespace_id]

    def _service(self, service_id: str) -> Any:
        if service_id not in self._module._services:
            raise _RefusedError("ServiceNotFound", f"There is no service {service_id}", 404)
        return self._module._services[service_id]

    def _instance(self, request: Request) -> Any:
        service = self._service(request["ServiceId"])
        instance = self._module._instances.get(service["Id"], {}).get(request["InstanceId"])
        if instance is None:
            raise _RefusedError("InstanceNotFound", f"There is no instance {request['InstanceId']}", 404)
        return instance

    def _named(self, http_name: str, service_name: str) -> Any:
        for namespace in self._module._namespaces.values():
            if _http_name(namespace) == http_name:
                break
        else:
            raise _RefusedError("NamespaceNotFound", f"There is no namespace {http_name}")
        for service in self._module._services.values():
            if (service["NamespaceId"], service["Name"]) == (namespace["Id"], service_name):
                return service
        raise _RefusedError("ServiceNotFound", f"There is no service {service_name} in {http_name}")

    def _described_namespace(self, namespace: Mapping[str, Any]) -> Mapping[str, Any]:
        services = [one for one in self._module._services.values() if one["NamespaceId"] == namespace["Id"]]
        return {**namespace, "ServiceCount": len(services)}

    def _described_service(self, service: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**service, "InstanceCount": len(self._module._instances.get(service["Id"], {}))}


def _http_name(namespace: Mapping[str, Any]) -> str:
    properties = namespace.get("Properties") or {}
    return str((properties.get("HttpProperties") or {}).get("HttpName", namespace["Name"]))


def _has_health_check(service: Mapping[str, Any]) -> bool:
    return bool(service.get("HealthCheckConfig") or service.get("HealthCheckCustomConfig"))


def _has(instance: Mapping[str, Any], wanted: Mapping[str, str] | None) -> bool:
    return all(instance["Attributes"].get(name) == value for name, value in (wanted or {}).items())


def _of_health(found: list[Mapping[str, Any]], wanted: str) -> list[Mapping[str, Any]]:
    if wanted == "ALL":
        return found
    if wanted == "HEALTHY_OR_ELSE_ALL":
        return [one for one in found if one["HealthStatus"] == "HEALTHY"] or found
    return [one for one in found if one["HealthStatus"] == wanted]


def _passes(request: Request, **fields: str) -> bool:
    fields["RESOURCE_OWNER"] = "SELF"  # ministack shares nothing between accounts
    for given in request.get("Filters") or ():
        field, values = fields[given["Name"]], given["Values"]
        begins = given.get("Condition") == "BEGINS_WITH"
        if not (field.startswith(values[0]) if begins else field in values):
            return False
    return True


def _limit(request: Request, most: int) -> int:
    limit = int(request.get("MaxResults") or DEFAULT_RESULTS)
    if not 1 <= limit <= most:
        raise _RefusedError("InvalidInput", f"MaxResults is {limit}; it must be 1 to {most}")
    return limit


def _page(member: str, entries: Iterable[Mapping[str, Any]], request: Request) -> Mapping[str, Any]:
    """Return one page, ordered by id; the token is the id of the last entry shown."""
    rest = [
        one
        for one in sorted(entries, key=lambda one: str(one["Id"]))
        if one["Id"] > request.get("NextToken", "")
    ]
    page = rest[: _limit(request, MAX_LISTED)]
    return {member: page} if len(page) == len(rest) else {member: page, "NextToken": page[-1]["Id"]}
