"""What the registry and its mirrors hold, seen through the AWS SDK and not through this project."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.deployment.ministack import Ministack


@dataclass(frozen=True, slots=True)
class Record:
    """One instance of Cloud Map, with what of its attributes the tests look at."""

    service: str
    endpoint: str
    stage: str
    version: str | None
    weight: str
    owner: str


class Registry:
    """One namespace of Cloud Map, and what mirrors it."""

    def __init__(self, ministack: Ministack, namespace: str, bucket: str) -> None:
        self._cloud_map = ministack.client("servicediscovery")
        self._objects = ministack.client("s3")
        self._parameters = ministack.client("ssm")
        self._namespace = namespace
        self._bucket = bucket

    def services(self) -> dict[str, str]:
        """Return the id of every service by its name."""
        for namespace in self._all("list_namespaces", "Namespaces"):
            if namespace["Name"] == self._namespace:
                filters = [{"Name": "NAMESPACE_ID", "Values": [namespace["Id"]]}]
                listed = self._all("list_services", "Services", Filters=filters)
                return {service["Name"]: service["Id"] for service in listed}
        return {}

    def records(self, *services: str) -> list[Record]:
        """Return all records, or those of these services, in the order of their services and endpoints."""
        found = [
            _record(name, instance["Attributes"])
            for name, service_id in self.services().items()
            if not services or name in services
            for instance in self._all("list_instances", "Instances", ServiceId=service_id)
        ]
        return sorted(found, key=lambda one: (one.service, one.endpoint))

    def snapshot(self) -> list[Record]:
        """Return what the object in S3 holds, in the same order."""
        (listed,) = self._objects.list_objects_v2(Bucket=self._bucket)["Contents"]
        content = self._objects.get_object(Bucket=self._bucket, Key=listed["Key"])["Body"].read()
        found = [
            Record(
                service=one["service"],
                endpoint=one["endpoint"],
                stage=one["stage"],
                version=one.get("version"),
                weight=str(one.get("weight", 100)),
                owner=one["owner"],
            )
            for one in json.loads(gzip.decompress(content))["instances"]
        ]
        return sorted(found, key=lambda one: (one.service, one.endpoint))

    def mirrored(self) -> dict[str, list[str]]:
        """Return the endpoints that Parameter Store holds, by the path of their parameter."""
        pages = self._parameters.get_paginator("get_parameters_by_path").paginate(
            Path="/services", Recursive=True
        )
        return {
            one["Name"]: sorted(record["endpoint"] for record in json.loads(one["Value"])["instances"])
            for page in pages
            for one in page["Parameters"]
        }

    def _all(self, listing: str, member: str, **parameters: Any) -> list[Mapping[str, Any]]:
        pages = self._cloud_map.get_paginator(listing).paginate(**parameters)
        return [one for page in pages for one in page[member]]


def _record(service: str, attributes: Mapping[str, str]) -> Record:
    return Record(
        service=service,
        endpoint=attributes["endpoint"],
        stage=attributes["stage"],
        version=attributes.get("version"),
        weight=attributes["weight"],
        owner=attributes["owner"],
    )
