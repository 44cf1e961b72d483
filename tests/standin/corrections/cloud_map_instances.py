"""moto's Cloud Map backend, corrected: instances, their registration, their discovery."""

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

from moto.servicediscovery.models import ServiceInstance

from tests.standin.corrections.cloud_map_errors import (
    CustomHealthNotFoundError,
    InstanceNotFoundError,
    ResourceInUseError,
    ResourceLimitExceededError,
)
from tests.standin.corrections.cloud_map_limits import (
    MAX_INSTANCES_PER_NAMESPACE,
    MAX_INSTANCES_PER_SERVICE,
    check_instance_attributes,
)
from tests.standin.corrections.cloud_map_models import Change, ServiceWithHistory
from tests.standin.corrections.cloud_map_resources import ResourcesBackend

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_DISCOVERED = (
    100  # "If you don't specify a value for MaxResults, Cloud Map returns up to 100 instances."
)


class CloudMapBackend(ResourcesBackend):
    """Instances that come and go through operations, and readers that may lag behind them."""

    def register_instance(
        self, service_id: str, instance_id: str, creator_request_id: str, attributes: dict[str, str]
    ) -> str:
        """Upsert: "If you specify an existing InstanceId and ServiceId, Cloud Map updates the existing" one; the
        attributes are replaced as a whole. moto appends a second instance and goes on showing the first."""
        service = self.get_service(service_id)
        check_instance_attributes(attributes)
        self._refuse_duplicate("instance", service.id, instance_id)
        self._check_instance_quota(service, instance_id)
        instance = ServiceInstance(service.id, instance_id, creator_request_id, dict(attributes))
        return self._submit(
            "REGISTER_INSTANCE",
            {"INSTANCE": instance_id, "SERVICE": service.id},
            subject=("instance", service.id, instance_id),
            apply=lambda at: self.add_instance(service, instance, at),
        )

    def add_instance(self, service: ServiceWithHistory, instance: ServiceInstance, at: float) -> None:
        before = service.history.seen_at(at).get(instance.instance_id)
        instance.health_status = _initial_health(service, instance.attributes)
        rises = before is None or self.conditions.settings.revision_rises_on_update
        revision = self.next_revision() if rises else service.revision_at(at)
        service.history.add(instance.instance_id, Change(at, instance, revision))

    def _check_instance_quota(self, service: ServiceWithHistory, instance_id: str) -> None:
        present = service.history.seen_at(self.now)
        if instance_id in present:
            return
        if len(present) >= MAX_INSTANCES_PER_SERVICE:
            raise ResourceLimitExceededError(
                f"Service {service.id} has {MAX_INSTANCES_PER_SERVICE} instances already."
            )
        in_namespace = sum(
            self.instance_count(other.id)
            for other in self.services.values()
            if other.namespace_id == service.namespace_id
        )
        if in_namespace >= MAX_INSTANCES_PER_NAMESPACE:
            raise ResourceLimitExceededError(
                f"Namespace {service.namespace_id} has {MAX_INSTANCES_PER_NAMESPACE} instances already."
            )

    def instance_count(self, service_id: str) -> int:
        return len(self.get_service(service_id).history.seen_at(self.now))

    def deregister_instance(self, service_id: str, instance_id: str) -> str:
        """InstanceNotFound: "No instance exists with the specified ID, or the instance was recently registered, and
        information about the instance hasn't propagated yet."."""
        service = self.get_service(service_id)
        self._refuse_duplicate("instance", service.id, instance_id)
        propagated = service.history.seen_at(self.now - self.conditions.settings.propagation_seconds)
        if instance_id not in service.history.seen_at(self.now) or instance_id not in propagated:
            raise InstanceNotFoundError(instance_id)
        return self._submit(
            "DEREGISTER_INSTANCE",
            {"INSTANCE": instance_id, "SERVICE": service.id},
            subject=("instance", service.id, instance_id),
            apply=lambda at: service.history.add(instance_id, Change(at, None, self.next_revision())),
        )

    def delete_service(self, service_id: str) -> None:
        """DeleteService: "If the service still contains one or more registered instances, the request fails."; moto
        deletes it, and answers for services that do not exist."""
        service = self.get_service(service_id)
        registering = any(subject[:2] == ("instance", service.id) for subject in self._pending)
        if registering or self.instance_count(service.id):
            raise ResourceInUseError(
                f"Service {service.id} contains registered instances; delete them first."
            )
        del self.services[service.id]

    def list_instances(self, service_id: str) -> list[ServiceInstance]:
        moment = self.now - self.conditions.settings.listing_lag_seconds
        return list(self.get_service(service_id).history.seen_at(moment).values())

    def get_instances_health_status(
        self, service_id: str, instances: list[str] | None = None
    ) -> list[tuple[str, str]]:
        listed = {
            instance.instance_id: instance.health_status for instance in self.list_instances(service_id)
        }
        for instance_id in instances or ():
            if instance_id not in listed:
                raise InstanceNotFoundError(instance_id)
        return [(instance_id, listed[instance_id]) for instance_id in (instances or listed)]

    def get_instance(self, service_id: str, instance_id: str) -> ServiceInstance:
        for instance in self.list_instances(service_id):
            if instance.instance_id == instance_id:
                return instance
        raise InstanceNotFoundError(instance_id)

    def update_instance_custom_health_status(self, service_id: str, instance_id: str, status: str) -> None:
        """CustomHealthNotFound: "The health check for the instance [...] isn't a custom health check."."""
        service = self.get_service(service_id)
        instance = self.get_instance(service_id, instance_id)
        if not service.has_custom_health_check:
            raise CustomHealthNotFoundError(service.id)
        instance.health_status = status

    def discover(
        self,
        namespace_name: str,
        service_name: str,
        *,
        query_parameters: "Mapping[str, str]",
        optional_parameters: "Mapping[str, str]",
        health_status: str,
        max_results: int | None,
    ) -> tuple[list[ServiceInstance], int]:
        """DiscoverInstances: "returns a randomized list of instances", and the revision of the whole service."""
        service = self.service_by_name(self.namespace_by_http_name(namespace_name), service_name)
        moment = self.now - self.conditions.settings.propagation_seconds
        found = [i for i in service.history.seen_at(moment).values() if _has(i, query_parameters)]
        if (
            service.has_health_check
        ):  # HealthStatus: "ignored for services that don't have a health check configured"
            found = _of_health(found, health_status)
        # OptionalParameters: "Otherwise, the filters are ignored".
        found = [instance for instance in found if _has(instance, optional_parameters)] or found
        random.shuffle(found)
        return found[: max_results or DEFAULT_DISCOVERED], service.revision_at(moment)

    def discover_instances_revision(self, namespace_name: str, service_name: str) -> int:
        service = self.service_by_name(self.namespace_by_http_name(namespace_name), service_name)
        return service.revision_at(self.now - self.conditions.settings.propagation_seconds)

    def service_counts(self) -> Counter[str]:
        return Counter(service.namespace_id for service in self.services.values())


def _initial_health(service: ServiceWithHistory, attributes: "Mapping[str, str]") -> str:
    """AWS_INIT_HEALTH_STATUS: "If you don't specify a value [...], the initial status is HEALTHY." Without a health
    check the service model's own example of DiscoverInstances shows UNKNOWN."""
    return attributes.get("AWS_INIT_HEALTH_STATUS", "HEALTHY") if service.has_health_check else "UNKNOWN"


def _has(instance: ServiceInstance, wanted: "Mapping[str, Any]") -> bool:
    return all(instance.attributes.get(key) == value for key, value in wanted.items())


def _of_health(instances: list[ServiceInstance], health_status: str) -> list[ServiceInstance]:
    if health_status == "ALL":
        return instances
    if (
        health_status == "HEALTHY_OR_ELSE_ALL"
    ):  # "unless none are reporting a healthy state. In that case, [...] all"
        return [instance for instance in instances if instance.health_status == "HEALTHY"] or instances
    return [instance for instance in instances if instance.health_status == health_status]
