"""moto's Cloud Map responses, corrected: requests held against the service model, answers cut to it."""

import json
from typing import TYPE_CHECKING, Any, ClassVar

from moto.core.base_backend import BackendDict
from moto.core.utils import get_service_model
from moto.servicediscovery.responses import ServiceDiscoveryResponse

from tests.standin.corrections.cloud_map_errors import CloudMapError
from tests.standin.corrections.cloud_map_filters import (
    matching_namespaces,
    matching_operations,
    matching_services,
)
from tests.standin.corrections.cloud_map_instances import CloudMapBackend
from tests.standin.corrections.cloud_map_limits import check_input
from tests.standin.corrections.modeled import as_modeled
from tests.standin.corrections.paging import page_of

if TYPE_CHECKING:
    from moto.core.common_types import TYPE_RESPONSE
    from moto.servicediscovery.models import Namespace

    from tests.standin.corrections.cloud_map_models import ServiceWithHistory


class CloudMapResponse(ServiceDiscoveryResponse):
    """Answers from the backends of one stand-in; `for_backends` makes the class that does."""

    backends: ClassVar[BackendDict[CloudMapBackend]]

    @classmethod
    def for_backends(cls, backends: BackendDict[CloudMapBackend]) -> type["CloudMapResponse"]:
        return type("CloudMapResponseOfOneStandIn", (cls,), {"backends": backends})

    @property
    def servicediscovery_backend(self) -> CloudMapBackend:
        """OwnerAccount: "For instances associated with namespaces that are shared with your account, you must specify
        an OwnerAccount." Namespaces of another account of the same stand-in count as shared."""
        return self.backends[self.parameters.get("OwnerAccount") or self.current_account][self.region]

    @property
    def parameters(self) -> dict[str, Any]:
        try:
            parsed = json.loads(self.body or "{}")
        except ValueError as error:
            raise CloudMapError("SerializationException", f"the body is no JSON: {error}") from error
        if not isinstance(parsed, dict):
            raise CloudMapError("SerializationException", "the body is no JSON object")
        return parsed

    def call_action(self) -> "TYPE_RESPONSE":
        action = self._get_action()
        model = get_service_model("servicediscovery")
        if action not in model.operation_names:
            raise CloudMapError("UnknownOperationException", f"Cloud Map has no operation {action}")
        operation = model.operation_model(action)
        if operation.input_shape is not None:
            check_input(operation.input_shape, self.parameters)
        backend = self.servicediscovery_backend
        with backend.lock:
            backend.settle()
            status, headers, body = super().call_action()
        if status == 200 and operation.output_shape is not None:
            body = json.dumps(as_modeled(operation.output_shape, json.loads(body or "{}")))
        return status, headers, body

    def _page(self, entries: list[tuple[str, Any]]) -> tuple[list[Any], dict[str, str]]:
        page, token = page_of(
            entries,
            max_results=self.parameters.get("MaxResults"),
            next_token=self.parameters.get("NextToken"),
        )
        return page, {"NextToken": token} if token else {}

    # Namespaces

    def list_namespaces(self) -> "TYPE_RESPONSE":
        backend = self.servicediscovery_backend
        found = matching_namespaces(backend.list_namespaces(), self.parameters.get("Filters") or [])
        page, token = self._page([(namespace.id, namespace) for namespace in found])
        return 200, {}, json.dumps({"Namespaces": [self._describe_namespace(n) for n in page], **token})

    def get_namespace(self) -> str:
        namespace = self.servicediscovery_backend.get_namespace(self.parameters["Id"])
        return json.dumps({"Namespace": self._describe_namespace(namespace)})

    def _describe_namespace(self, namespace: "Namespace") -> dict[str, Any]:
        counts = self.servicediscovery_backend.service_counts()
        owner = self.servicediscovery_backend.account_id
        return {**namespace.to_json(), "ServiceCount": counts[namespace.id], "ResourceOwner": owner}

    def update_http_namespace(self) -> str:
        """moto answers `operationId`; the member is OperationId."""
        answer = json.loads(super().update_http_namespace())
        return json.dumps({"OperationId": answer["operationId"]})

    # Operations

    def list_operations(self) -> "TYPE_RESPONSE":
        backend = self.servicediscovery_backend
        found = matching_operations(
            backend.list_operations(), self.parameters.get("Filters") or [], backend.now
        )
        page, token = self._page([(operation.id, operation) for operation in found])
        return (
            200,
            {},
            json.dumps({"Operations": [operation.describe(backend.now) for operation in page], **token}),
        )

    def get_operation(self) -> str:
        backend = self.servicediscovery_backend
        return json.dumps(
            {"Operation": backend.get_operation(self.parameters["OperationId"]).describe(backend.now)}
        )

    # Services

    def create_service(self) -> str:
        created = json.loads(super().create_service())["Service"]
        return json.dumps({"Service": self._describe_service(created["Id"])})

    def get_service(self) -> str:
        return json.dumps({"Service": self._describe_service(self.parameters["Id"])})

    def list_services(self) -> str:
        found = matching_services(
            self.servicediscovery_backend.list_services(), self.parameters.get("Filters") or []
        )
        page, token = self._page([(service.id, service) for service in found])
        return json.dumps({"Services": [self._describe_service(service.id) for service in page], **token})

    def _describe_service(self, service_id: str) -> dict[str, Any]:
        backend = self.servicediscovery_backend
        service: ServiceWithHistory = backend.get_service(service_id)
        owner = {"ResourceOwner": backend.account_id, "CreatedByAccount": backend.account_id}
        return {**service.to_json(), "InstanceCount": backend.instance_count(service.id), **owner}

    # Instances

    def get_instance(self) -> str:
        backend = self.servicediscovery_backend
        instance = backend.get_instance(self.parameters["ServiceId"], self.parameters["InstanceId"])
        described = {**instance.to_json(), "CreatedByAccount": backend.account_id}
        return json.dumps({"ResourceOwner": backend.account_id, "Instance": described})

    def list_instances(self) -> str:
        backend = self.servicediscovery_backend
        listed = backend.list_instances(self.parameters["ServiceId"])
        page, token = self._page([(instance.instance_id, instance) for instance in listed])
        instances = [{**instance.to_json(), "CreatedByAccount": backend.account_id} for instance in page]
        return json.dumps({"ResourceOwner": backend.account_id, "Instances": instances, **token})

    def get_instances_health_status(self) -> str:
        parameters = self.parameters
        status = self.servicediscovery_backend.get_instances_health_status(
            parameters["ServiceId"], parameters.get("Instances")
        )
        page, token = self._page([(instance_id, (instance_id, health)) for instance_id, health in status])
        return json.dumps({"Status": dict(page), **token})

    def discover_instances(self) -> str:
        parameters = self.parameters
        found, revision = self.servicediscovery_backend.discover(
            parameters["NamespaceName"],
            parameters["ServiceName"],
            query_parameters=parameters.get("QueryParameters") or {},
            optional_parameters=parameters.get("OptionalParameters") or {},
            health_status=parameters.get("HealthStatus") or "ALL",
            max_results=parameters.get("MaxResults"),
        )
        instances = [
            {
                "InstanceId": instance.instance_id,
                "NamespaceName": parameters["NamespaceName"],
                "ServiceName": parameters["ServiceName"],
                "HealthStatus": instance.health_status,
                "Attributes": instance.attributes,
            }
            for instance in found
        ]
        return json.dumps({"Instances": instances, "InstancesRevision": revision})
