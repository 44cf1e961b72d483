"""moto's Cloud Map backend, corrected: namespaces, services and their tags."""

from typing import TYPE_CHECKING, Any

from moto.servicediscovery.models import Namespace

from tests.standin.corrections.cloud_map_errors import (
    NamespaceAlreadyExistsError,
    NamespaceNotFoundError,
    ResourceInUseError,
    ResourceLimitExceededError,
    ResourceNotFoundError,
    ServiceAlreadyExistsError,
    ServiceNotFoundError,
    TooManyTagsError,
)
from tests.standin.corrections.cloud_map_limits import MAX_NAMESPACES, MAX_TAGS
from tests.standin.corrections.cloud_map_models import ServiceWithHistory
from tests.standin.corrections.cloud_map_operations import OperationsBackend

if TYPE_CHECKING:
    from tests.standin.conditions import Conditions


class ResourcesBackend(OperationsBackend):
    """Namespaces and services as the service model describes them."""

    def __init__(self, region_name: str, account_id: str, *, conditions: "Conditions") -> None:
        super().__init__(region_name, account_id, conditions=conditions)
        self._last_revision = 0

    # Namespaces

    def get_namespace(self, namespace_id: str) -> Namespace:
        """GetNamespace, Id: "The ID or Amazon Resource Name (ARN) of the namespace"."""
        namespace = self.namespaces.get(namespace_id.rsplit("/", 1)[-1])
        if namespace is None or namespace_id not in {namespace.id, namespace.arn}:
            raise NamespaceNotFoundError(namespace_id)
        return namespace

    def namespace_by_http_name(self, http_name: str) -> Namespace:
        """DiscoverInstances, NamespaceName: "The HttpName name of the namespace"; moto compares Name."""
        for namespace in self.namespaces.values():
            if namespace.http_properties["HttpName"] == http_name:
                return namespace
        raise NamespaceNotFoundError(http_name)

    def create_http_namespace(
        self, name: str, creator_request_id: str, description: str, tags: list[dict[str, str]]
    ) -> str:
        self._check_new_namespace(name, "HTTP", None)
        operation_id = super().create_http_namespace(name, creator_request_id, description, tags)
        return self._create_later(operation_id)

    def create_private_dns_namespace(
        self,
        name: str,
        creator_request_id: str,
        description: str,
        vpc: str,
        tags: list[dict[str, str]],
        properties: dict[str, Any],
    ) -> str:
        self._check_new_namespace(name, "DNS_PRIVATE", vpc)
        # moto allows one private namespace per VPC, whatever its name, and refuses others with an error that this
        # operation does not have; names are checked above, so it is shown none of the others.
        others, self.namespaces = self.namespaces, {}
        try:
            operation_id = super().create_private_dns_namespace(
                name, creator_request_id, description, vpc, tags, properties
            )
        finally:
            self.namespaces = others | self.namespaces
        return self._create_later(operation_id)

    def create_public_dns_namespace(
        self,
        name: str,
        creator_request_id: str,
        description: str,
        tags: list[dict[str, str]],
        properties: dict[str, Any],
    ) -> str:
        self._check_new_namespace(name, "DNS_PUBLIC", None)
        operation_id = super().create_public_dns_namespace(
            name, creator_request_id, description, tags, properties
        )
        return self._create_later(operation_id)

    def _check_new_namespace(self, name: str, ns_type: str, vpc: str | None) -> None:
        """NamespaceAlreadyExists: "The namespace that you're trying to create already exists." moto makes a second."""
        self._refuse_duplicate("namespace", ns_type, name, vpc or "")
        for namespace in self.namespaces.values():
            if (namespace.name, namespace.type, namespace.vpc) == (name, ns_type, vpc):
                raise NamespaceAlreadyExistsError(namespace.id, namespace.creator_request_id)
        if len(self.namespaces) >= MAX_NAMESPACES:
            raise ResourceLimitExceededError(
                f"This account has {MAX_NAMESPACES} namespaces in this Region already."
            )

    def _create_later(self, operation_id: str) -> str:
        """Take back the namespace that moto has made at once; it comes into being when its operation ends."""
        namespace = self.namespaces.pop(self.operations[operation_id].targets["NAMESPACE"])
        namespace.http_properties = {"HttpName": self._free_http_name(namespace)}
        if namespace.type == "HTTP":
            namespace.dns_properties = {}  # moto's SOA without a TTL is none
        namespace.created = self.now
        subject = ("namespace", namespace.type, namespace.name, namespace.vpc or "")
        self._start(operation_id, subject, lambda _: self.add_namespace(namespace))
        return operation_id

    def add_namespace(self, namespace: Namespace) -> None:
        self.namespaces[namespace.id] = namespace

    def forget_namespace(self, namespace_id: str) -> None:
        del self.namespaces[namespace_id]

    def _free_http_name(self, namespace: Namespace) -> str:
        """HttpName: "if you reuse Name for namespace creation, a generated hash is added to HttpName"."""
        taken = {other.http_properties["HttpName"] for other in self.namespaces.values()}
        return f"{namespace.name}-{namespace.id[-8:]}" if namespace.name in taken else namespace.name

    def delete_namespace(self, namespace_id: str) -> str:
        """DeleteNamespace: "If the namespace still contains one or more services, the request fails."."""
        namespace = self.get_namespace(namespace_id)
        subject = ("namespace", namespace.type, namespace.name, namespace.vpc or "")
        self._refuse_duplicate(*subject)
        if any(service.namespace_id == namespace.id for service in self.services.values()):
            raise ResourceInUseError(f"Namespace {namespace.id} still contains services.")
        return self._submit(
            "DELETE_NAMESPACE",
            {"NAMESPACE": namespace.id},
            subject=subject,
            apply=lambda _: self.forget_namespace(namespace.id),
        )

    # Services

    def get_service(self, service_id: str) -> ServiceWithHistory:
        """GetService, Id: "The ID or Amazon Resource Name (ARN) of the service"."""
        service = self.services.get(service_id.rsplit("/", 1)[-1])
        if not isinstance(service, ServiceWithHistory) or service_id not in {service.id, service.arn}:
            raise ServiceNotFoundError(service_id)
        return service

    def service_by_name(self, namespace: Namespace, name: str) -> ServiceWithHistory:
        for service in self.services.values():
            if service.namespace_id == namespace.id and service.name == name:
                return self.get_service(service.id)
        raise ServiceNotFoundError(name)

    def create_service(
        self,
        name: str,
        namespace_id: str,
        creator_request_id: str,
        description: str,
        dns_config: dict[str, Any],
        health_check_config: dict[str, Any],
        health_check_custom_config: dict[str, Any],
        tags: list[dict[str, str]],
        service_type: str,
    ) -> ServiceWithHistory:
        """ServiceAlreadyExists: "a service with the same name already exists". moto makes a second.

        "For services that are accessible by DNS queries, you can't create multiple services with names that differ
        only by case"; in HTTP namespaces one can.
        """
        namespace = self.get_namespace(namespace_id or (dns_config or {}).get("NamespaceId", ""))
        ignores_case = namespace.type != "HTTP"
        for other in self.services.values():
            same = other.name.lower() == name.lower() if ignores_case else other.name == name
            if other.namespace_id == namespace.id and same:
                raise ServiceAlreadyExistsError(other.id, other.arn, other.creator_request_id)
        service = self.add_service(
            name,
            namespace,
            description=description,
            creator_request_id=creator_request_id,
            dns_config=dns_config,
            health_check_config=health_check_config,
            health_check_custom_config=health_check_custom_config,
            service_type=service_type or ("HTTP" if namespace.type == "HTTP" else "DNS_HTTP"),
        )
        if tags:
            self.tagger.tag_resource(service.arn, tags)
        return service

    def add_service(self, name: str, namespace: Namespace, **details: Any) -> ServiceWithHistory:
        defaults = {
            "description": None,
            "creator_request_id": None,
            "dns_config": None,
            "health_check_config": None,
            "health_check_custom_config": None,
            "service_type": "HTTP",
        }
        service = ServiceWithHistory(
            account_id=self.account_id,
            region=self.region_name,
            name=name,
            namespace_id=namespace.id,
            **{**defaults, **details},
        )
        service.created = self.now
        service.first_revision = self.next_revision()
        self.services[service.id] = service
        return service

    def next_revision(self) -> int:
        """Return a number above all that any service of this Region has shown: a re-created service goes on rising."""
        self._last_revision += 1
        return self._last_revision

    def update_service(self, service_id: str, details: dict[str, Any]) -> str:
        service = self.get_service(service_id)
        self._refuse_duplicate("service", service.id)
        return self._submit(
            "UPDATE_SERVICE",
            {"SERVICE": service.id},
            subject=("service", service.id),
            apply=lambda _: service.update(details),
        )

    # Tags

    def tag_resource(self, resource_arn: str, tags: list[dict[str, str]]) -> None:
        self._check_arn(resource_arn)
        present = {tag["Key"] for tag in self.tagger.list_tags_for_resource(resource_arn)["Tags"]}
        if len(present | {tag["Key"] for tag in tags}) > MAX_TAGS:
            raise TooManyTagsError(resource_arn)
        super().tag_resource(resource_arn, tags)

    def untag_resource(self, resource_arn: str, tag_keys: list[str]) -> None:
        self._check_arn(resource_arn)
        super().untag_resource(resource_arn, tag_keys)

    def list_tags_for_resource(self, resource_arn: str) -> dict[str, list[dict[str, str]]]:
        self._check_arn(resource_arn)
        return super().list_tags_for_resource(resource_arn)

    def _check_arn(self, resource_arn: str) -> None:
        """ResourceNotFoundException: "The operation can't be completed because the resource was not found."."""
        arns = [namespace.arn for namespace in self.namespaces.values()]
        arns += [service.arn for service in self.services.values()]
        if resource_arn not in arns:
            raise ResourceNotFoundError(resource_arn)
