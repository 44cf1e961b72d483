"""What a lookup asks for: its arguments, checked, with what the settings and the declared dependencies say besides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudmap_discovery.limits import (
    check_conditions,
    check_ladder,
    check_service,
    check_sticky,
    check_tenant,
)
from cloudmap_discovery.model import NO_ATTRIBUTES, Key
from cloudmap_discovery.selection import ANYTHING, Criteria
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudmap_discovery.dependencies import Dependency
    from cloudmap_discovery.ranges import VersionRange
    from cloudmap_discovery.ready import Asked


@value
class Query:
    """A lookup: `keys` are the service in the stages to try, in that order.

    `asked` is what a choice is kept ready under, or None where it is not kept.
    """

    keys: tuple[Key, ...]
    criteria: Criteria = ANYTHING
    sticky: str | None = None
    asked: Asked | None = None


class Queries:
    """Reads the arguments of lookups in one namespace.

    `default_stages` are those of a lookup that names none; `declared` dependencies fill in what a lookup leaves open;
    `version_suffix` is appended to every version. A declared version that is wrong raises an `InvalidValueError` here.
    """

    def __init__(
        self,
        *,
        namespace: str,
        default_stages: Sequence[str],
        declared: Sequence[Dependency] = (),
        version_suffix: str = "",
    ) -> None:
        self._namespace = namespace
        self._default_stages = tuple(default_stages)
        self._suffix = version_suffix
        self._declared = {dependency.service: dependency for dependency in declared}
        for dependency in declared:
            self._range(dependency.version)  # parsed now: a function that starts has the time

    @property
    def declared(self) -> tuple[str, ...]:
        """The names of the declared dependencies."""
        return tuple(self._declared)

    def read(
        self,
        service: str,
        stage: str | None = None,
        where: Mapping[str, str] | None = None,
        version: str | None = None,
        tenant: str | None = None,
        sticky: str | None = None,
    ) -> Query:
        """Return the query that the arguments make, or raise an `InvalidValueError`."""
        name = check_service(service)
        stages, wanted, whose = self._default_stages, version, tenant
        declared = self._declared.get(name)
        if declared is not None:
            wanted = declared.version if version is None else version
            whose = declared.tenant if tenant is None else tenant
            if declared.stage is not None:
                stages = check_ladder(declared.stage)
        if stage is not None:
            stages = check_ladder(stage)
        conditions = NO_ATTRIBUTES if where is None else check_conditions(where)
        criteria = ANYTHING
        if conditions or wanted is not None or whose is not None:
            owner = None if whose is None else check_tenant(whose)
            criteria = Criteria(conditions, self._range(wanted), owner)
        return Query(
            tuple(Key(self._namespace, name, one) for one in stages),
            criteria,
            None if sticky is None else check_sticky(sticky),
            _asked(service, stage, version, tenant) if where is None else None,
        )

    def _range(self, version: str | None) -> VersionRange | None:
        if version is None:
            return None
        from cloudmap_discovery.ranges import parse_range  # noqa: PLC0415 -- only where a version is asked for

        return parse_range(version, self._suffix)


def _asked(service: str, stage: str | None, version: str | None, tenant: str | None) -> Asked:
    """Return the arguments as text alone: a member of an Enum of str would keep its class alive, and is as equal."""
    return (
        str.__str__(service),
        None if stage is None else str.__str__(stage),
        None if version is None else str.__str__(version),
        None if tenant is None else str.__str__(tenant),
    )
