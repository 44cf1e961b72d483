"""Which instances match a request, and which one of them is chosen."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.model import NO_ATTRIBUTES, Instance, PassedOver
from cloudmap_discovery.semver import parse_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cloudmap_discovery.semver import Precedence

# Releases and pre-releases compare by precedence; unversioned records rank below them, other texts lowest.
_UNVERSIONED: Final = 1
_NOT_SEMANTIC: Final = 0
_SEMANTIC: Final = 2

_Rank = tuple[int, "Precedence | tuple[()]"]


def matching(instances: Iterable[Instance], where: Mapping[str, str] = NO_ATTRIBUTES) -> tuple[Instance, ...]:
    """Return the instances of no tenant that have the attributes, highest version first, then by id."""
    return _sorted(_of_no_tenant(_having(instances, where)))


def candidates(matches: Sequence[Instance]) -> tuple[Instance, ...]:
    """Return those of the matches among which one is drawn.

    Drained ones are dropped unless all are; then the highest release stays, unversioned ones ranking lowest. Never
    a pre-release, nor a version that is not semantic.
    """
    return _highest(_in_service(matches))


def passed_over(
    instances: Sequence[Instance], where: Mapping[str, str] = NO_ATTRIBUTES
) -> tuple[PassedOver, ...]:
    """Return why each instance that is not among the candidates is not."""
    wanted = ", ".join(f"{key}={value}" for key, value in where.items())
    steps: list[tuple[Callable[[Sequence[Instance]], Sequence[Instance]], Callable[[Instance], str]]] = [
        (lambda left: _having(left, where), lambda _: f"does not have {wanted}"),
        (_of_no_tenant, lambda instance: f"belongs to tenant {instance.tenant}"),
        (_in_service, lambda _: "is drained (weight 0)"),
        (_highest, _why_not_highest),
    ]
    left: Sequence[Instance] = tuple(instances)
    reasons: list[PassedOver] = []
    for step, reason in steps:
        kept = step(left)
        same = {id(instance) for instance in kept}
        reasons.extend(PassedOver(each.id, reason(each)) for each in left if id(each) not in same)
        left = kept
    return tuple(reasons)


def draw_weights(instances: Sequence[Instance]) -> tuple[float, ...]:
    """Return the running totals of the instances' weights; equal shares if all are drained."""
    totals = tuple(accumulate(float(instance.weight) for instance in instances))
    return totals if totals[-1] > 0 else tuple(float(n) for n in range(1, len(instances) + 1))


def draw(instances: Sequence[Instance], totals: Sequence[float], random: Callable[[], float]) -> Instance:
    """Return one of the instances, each as likely as its weight; `random` gives a number in [0, 1)."""
    return instances[bisect_right(totals, random() * totals[-1], 0, len(instances) - 1)]


def describe(instance: Instance) -> str:
    """Return what tells the instance apart, in one line for an error."""
    parts = [
        f"{name} {value}"
        for name, value in (
            ("version", instance.version),
            ("tenant", instance.tenant),
            ("variant", instance.variant),
        )
        if value is not None
    ]
    parts.extend(f"{key}={value}" for key, value in instance.attributes.items())
    return f"{instance.id} ({', '.join(parts) or 'no version, tenant or attributes'})"


def describe_wanted(where: Mapping[str, str]) -> str:
    """Return what was asked for, as it continues "has no instance with …"."""
    wanted = ", ".join(f"{key}={value}" for key, value in where.items())
    return wanted or "no tenant and a released version or none"


def _having(instances: Iterable[Instance], where: Mapping[str, str]) -> tuple[Instance, ...]:
    items = where.items()
    return tuple(
        instance
        for instance in instances
        if all(instance.attributes.get(key) == value for key, value in items)
    )


def _of_no_tenant(instances: Iterable[Instance]) -> tuple[Instance, ...]:
    return tuple(instance for instance in instances if instance.tenant is None)


def _in_service(instances: Sequence[Instance]) -> Sequence[Instance]:
    return tuple(instance for instance in instances if instance.weight > 0) or instances


def _highest(instances: Sequence[Instance]) -> tuple[Instance, ...]:
    selectable = [(_rank(instance), instance) for instance in instances if _is_selectable(instance)]
    if not selectable:
        return ()
    highest = max(rank for rank, _ in selectable)
    return tuple(instance for rank, instance in selectable if rank == highest)


def _is_selectable(instance: Instance) -> bool:
    if instance.version is None:
        return True
    version = parse_version(instance.version)
    return version is not None and version.is_release


def _why_not_highest(instance: Instance) -> str:
    if instance.version is None:
        return "has no version, and there is one that has"
    version = parse_version(instance.version)
    if version is None:
        return f"version {instance.version} is not a semantic version"
    return "there is a higher version" if version.is_release else f"{instance.version} is a pre-release"


def _rank(instance: Instance) -> _Rank:
    if instance.version is None:
        return (_UNVERSIONED, ())
    version = parse_version(instance.version)
    return (_NOT_SEMANTIC, ()) if version is None else (_SEMANTIC, version.precedence)


def _sorted(instances: Iterable[Instance]) -> tuple[Instance, ...]:
    by_id = sorted(instances, key=lambda instance: instance.id)
    return tuple(sorted(by_id, key=_rank, reverse=True))
