"""Records and requests, as tests of selection arrange them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudmap_discovery.model import Attributes, Instance
from cloudmap_discovery.ranges import parse_range
from cloudmap_discovery.selection import Criteria, candidates, matching

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def record(name: str, **fields: object) -> Instance:
    return Instance("users", f"https://{name}.test", stage="Production", id=name, **fields)  # type: ignore[arg-type]  # fields are of the types that Instance wants


def names(instances: Iterable[Instance]) -> list[str]:
    return [instance.id for instance in instances]


def asking(
    where: Mapping[str, str] | None = None, version: str | None = None, tenant: str | None = None
) -> Criteria:
    return Criteria(Attributes(where), None if version is None else parse_range(version), tenant)


def chosen_from(
    *instances: Instance,
    where: Mapping[str, str] | None = None,
    version: str | None = None,
    tenant: str | None = None,
) -> list[str]:
    criteria = asking(where, version, tenant)
    return names(candidates(matching(instances, criteria), criteria))
