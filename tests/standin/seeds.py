"""Putting records straight into the stand-in: no call is counted, nothing is pending, nothing has to propagate."""

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from moto.awslambda.models import lambda_backends
from moto.awslambda.utils import make_function_arn
from moto.core.utils import get_service_model
from moto.iam.exceptions import EntityAlreadyExists
from moto.iam.models import iam_backends
from moto.s3.models import s3_backends
from moto.servicediscovery.models import Namespace, ServiceInstance
from moto.ssm.models import ssm_backends
from moto.utilities.utils import get_partition

from tests.standin.corrections.cloud_map_errors import NamespaceNotFoundError, ServiceNotFoundError
from tests.standin.corrections.cloud_map_limits import check_input, check_instance_attributes
from tests.standin.corrections.lambda_functions import set_url
from tests.standin.corrections.parameter_store import STANDARD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moto.core.base_backend import BackendDict

    from tests.standin.corrections.cloud_map_instances import CloudMapBackend
    from tests.standin.corrections.cloud_map_models import ServiceWithHistory

# As FunctionName says: "If you specify only the function name, it is limited to 64 characters in length."
_FUNCTION_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)
# The model's TagKey and TagValue; "Tags applied to a resource: 50" (Lambda Developer Guide, tags).
_TAG = re.compile(r"[\w\s.:/=+\-@]*")
_MAX_TAGS, _MAX_TAG_KEY, _MAX_TAG_VALUE = 50, 128, 256
_EMPTY_ZIP = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="
_ROLE = "seed"
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

    def function(
        self,
        name: str,
        tags: "Mapping[str, str]",
        url_auth_type: str | None = None,
        aliases: "Iterable[str]" = (),
    ) -> str:
        """Make a Lambda function, replacing what is there under its name; returns its ARN."""
        if not _FUNCTION_NAME.fullmatch(name):
            raise ValueError(f"name={name!r}: up to 64 letters, digits, underscores and hyphens")
        _check_tags(tags)
        if url_auth_type is not None:
            _check("FunctionUrlAuthType", url_auth_type, "lambda")
        backend = lambda_backends[self._account_id][self._region]
        arn: str = make_function_arn(self._region, self._account_id, name)
        if backend.get_function_by_arn(arn) is not None:
            backend.delete_function(name)
        function = backend.create_function(
            {
                "FunctionName": name,
                "Role": self._find_or_make_role(),
                "Runtime": "python3.13",
                "Handler": "app.handler",
                "Code": {"ZipFile": _EMPTY_ZIP},
                "Tags": dict(tags),
            }
        )
        for alias in aliases:
            backend.create_alias(alias, name, "$LATEST", "", "")
        if url_auth_type is not None:
            set_url(function, url_auth_type)
        return arn

    def no_function(self, name: str) -> None:
        """Delete the Lambda function, with its URLs and aliases; raises where it is not there."""
        lambda_backends[self._account_id][self._region].delete_function(name)

    def _find_or_make_role(self) -> str:
        partition = get_partition(self._region)
        backend = iam_backends[self._account_id][partition]
        with suppress(EntityAlreadyExists):  # for an earlier function
            backend.create_role(_ROLE, "{}", "/", None, "", [], "3600")
        return f"arn:{partition}:iam::{self._account_id}:role/{_ROLE}"

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


def _check_tags(tags: "Mapping[str, str]") -> None:
    if len(tags) > _MAX_TAGS:
        raise ValueError(f"{len(tags)} tags: at most {_MAX_TAGS}")
    for key, value in tags.items():
        is_right = _TAG.fullmatch(key) and _TAG.fullmatch(value)
        if not (is_right and 0 < len(key) <= _MAX_TAG_KEY and len(value) <= _MAX_TAG_VALUE):
            raise ValueError(f"tag {key!r}={value!r}: AWS does not take that as a tag of a function")


def _check(shape: str, value: Any, service: str = "servicediscovery") -> None:
    """Refuse what a client could not have put there either."""
    check_input(get_service_model(service).shape_for(shape), value)
