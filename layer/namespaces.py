"""What Cloud Map has of a namespace: its names, its services, their records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

REGISTRARS_TAG: Final = {"Key": "cloudmap-discovery:created-by", "Value": "registrar"}
"""What the registrar tags the services with that it creates."""
_OF_REGISTRAR: Final = ("cfn:", "tag:")


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace of this account; `http_name` is what lookups know it by."""

    id: str
    name: str
    http_name: str


@dataclass(frozen=True, slots=True)
class Record:
    """One record, as far as people want to see it."""

    service: str
    stage: str
    endpoint: str
    owner: str

    @property
    def is_kept_by_registrar(self) -> bool:
        """Say whether the registrar wrote it, and is to remove it when what it is of is gone."""
        return self.owner.startswith(_OF_REGISTRAR)

    def __str__(self) -> str:
        return f"{self.service} in stage {self.stage}: {self.endpoint}, of {self.owner}"


@dataclass(frozen=True, slots=True)
class Service:
    """A service with its records."""

    id: str
    name: str
    records: tuple[Record, ...]
    is_registrars: bool
    """Whether the registrar created it."""


def find_namespace(cloud_map: Any, http_name: str) -> Namespace | None:
    """Return the namespace that lookups know by this name."""
    return next(
        (one for one in _namespaces(cloud_map, "HTTP_NAME", http_name) if one.http_name == http_name), None
    )


def find_by_name(cloud_map: Any, name: str) -> list[Namespace]:
    """Return the namespaces that were created under this name."""
    return [one for one in _namespaces(cloud_map, "NAME", name) if one.name == name]


def read_services(cloud_map: Any, namespace: Namespace) -> tuple[Service, ...]:
    """Return all services of a namespace, by name."""
    filters = [{"Name": "NAMESPACE_ID", "Values": [namespace.id], "Condition": "EQ"}]
    pages = cloud_map.get_paginator("list_services").paginate(Filters=filters)
    found = [_service(cloud_map, one) for page in pages for one in page["Services"]]
    return tuple(sorted(found, key=lambda service: service.name))


def _namespaces(cloud_map: Any, field: str, value: str) -> list[Namespace]:
    filters = [
        {"Name": field, "Values": [value], "Condition": "EQ"},
        {"Name": "RESOURCE_OWNER", "Values": ["SELF"], "Condition": "EQ"},
    ]
    pages = cloud_map.get_paginator("list_namespaces").paginate(Filters=filters)
    return [
        Namespace(one["Id"], one["Name"], one["Properties"]["HttpProperties"]["HttpName"])
        for page in pages
        for one in page["Namespaces"]
    ]


def _service(cloud_map: Any, summary: dict[str, Any]) -> Service:
    name = summary["Name"]
    pages = cloud_map.get_paginator("list_instances").paginate(ServiceId=summary["Id"])
    records = tuple(_record(name, one.get("Attributes") or {}) for page in pages for one in page["Instances"])
    tags = cloud_map.list_tags_for_resource(ResourceARN=summary["Arn"]).get("Tags") or []
    return Service(summary["Id"], name, records, REGISTRARS_TAG in tags)


def _record(service: str, attributes: dict[str, str]) -> Record:
    return Record(
        service,
        attributes.get("stage", "-"),
        attributes.get("endpoint", "an address of its own kind"),
        attributes.get("owner", "manual"),
    )
