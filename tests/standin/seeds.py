"""Putting records straight into the stand-in: no call is counted, nothing is pending, nothing has to propagate."""

from typing import TYPE_CHECKING, Any

from moto.core.utils import get_service_model
from moto.s3.models import s3_backends
from moto.servicediscovery.models import Namespace, ServiceInstance
from moto.ssm.models import ssm_backends

from tests.standin.corrections.cloud_map_errors import NamespaceNotFoundError, ServiceNotFoundError
from tests.standin.corrections.cloud_map_limits import check_input, check_instance_attributes
from tests.standin.corrections.parameter_store import STANDARD_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moto.core.base_backend import BackendDict

    from tests.standin.corrections.cloud_map_instances import CloudMapBackend
    from tests.standin.corrections.cloud_map_models import ServiceWithHistory

_LONG_AGO = 0.0  # seconds since the epoch: any reader, however far behind, has seen it


class Seeds:
    """Writes to the backends of one account and region."""

    def __init__(self, cloud_map: "BackendDict[CloudMapBackend]", account_id: str, region: str) -> None:
        self._cloud_map = cloud_map
        self._account_id = account_id
        self._region = region

    def _backend(self, owner_account: str | None) -> "CloudMapBackend":
        return self._cloud_map[owner_account or self._account_id][self._region]

    def namespace(self, name: str, owner_account: str | None = None) -> str:
        """Make the HTTP namespace if it is not there; returns its id."""
        backend = self._backend(owner_account)
        with backend.lock:
            return self._find_or_make_namespace(backend, name).id

    def service(self, namespace: str, name: str, owner_account: str | None = None) -> str:
        """Make the service, and its namespace, if they are not there; returns its id."""
        backend = self._backend(owner_account)
        with backend.lock:
            return self._find_or_make_service(backend, namespace, name).id

    def instance(
        self,
        namespace: str,
        service: str,
        instance_id: str,
        attributes: "Mapping[str, str]",
        owner_account: str | None = None,
    ) -> None:
        """Register the instance, replacing what is there under its id, with whatever it needs."""
        request = {"ServiceId": "srv-seed", "InstanceId": instance_id, "Attributes": dict(attributes)}
        _check("RegisterInstanceRequest", request)
        check_instance_attributes(attributes)
        backend = self._backend(owner_account)
        with backend.lock:
            found = self._find_or_make_service(backend, namespace, service)
            backend.add_instance(
                found, ServiceInstance(found.id, instance_id, None, dict(attributes)), _LONG_AGO
            )

    def parameter(self, name: str, value: str) -> None:
        """Put a String parameter, replacing what is there."""
        tier = "Advanced" if len(value.encode()) > STANDARD_BYTES else "Standard"
        backend = ssm_backends[self._account_id][self._region]
        backend.put_parameter(
            name=name,
            description="",
            value=value,
            parameter_type="String",
            allowed_pattern="",
            keyid="",
            overwrite=True,
            tags=[],
            data_type="text",
            tier=tier,
            policies=None,
        )

    def bucket(self, name: str) -> None:
        """Make a bucket, if it is not there, and have it keep the versions of its objects."""
        backend = s3_backends[self._account_id]["aws"]
        if name not in backend.buckets:
            backend.create_bucket(name, self._region)
            backend.put_bucket_versioning(name, "Enabled")

    @staticmethod
    def _find_or_make_namespace(backend: "CloudMapBackend", name: str) -> Namespace:
        try:
            return backend.namespace_by_http_name(name)
        except NamespaceNotFoundError:
            _check("NamespaceNameHttp", name)
            namespace = Namespace(
                account_id=backend.account_id,
                region=backend.region_name,
                name=name,
                ns_type="HTTP",
                creator_request_id="seed",
                description="",
                dns_properties={},
                http_properties={"HttpName": name},
            )
            backend.add_namespace(namespace)
            return namespace

    def _find_or_make_service(
        self, backend: "CloudMapBackend", namespace: str, name: str
    ) -> "ServiceWithHistory":
        found = self._find_or_make_namespace(backend, namespace)
        try:
            return backend.service_by_name(found, name)
        except ServiceNotFoundError:
            _check("ServiceName", name)
            return backend.add_service(name, found)


def _check(shape: str, value: Any) -> None:
    """Refuse what a client could not have put there either."""
    check_input(get_service_model("servicediscovery").shape_for(shape), value)
