"""Which instances match a request, and which one of them is chosen."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.model import NO_ATTRIBUTES, Instance, PassedOver
from cloudmap_discovery.semver import parse_version
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cloudmap_discovery.ranges import VersionRange
    from cloudmap_discovery.semver import Precedence

# Releases and pre-releases compare by precedence; unversioned records rank below them, other texts lowest.
_UNVERSIONED: Final = 1
_NOT_SEMANTIC: Final = 0
_SEMANTIC: Final = 2

_Rank = tuple[int, "Precedence | tuple[()]"]


@value
class Criteria:
    """What a request asks of instances: exact attributes, a range of versions, and for which tenant it is."""

    where: Mapping[str, str] = NO_ATTRIBUTES
    version: VersionRange | None = None
    tenant: str | None = None


ANYTHING: Final = Criteria()


def matching(instances: Iterable[Instance], criteria: Criteria = ANYTHING) -> tuple[Instance, ...]:
    """Return the instances that the request asks for, highest version first, then by id.

    Those that have the attributes and a version in the range; of these the tenant's, or, if none of them can be taken or
    the request is for no tenant, those of no tenant.
    """
    fitting = _in_range(_having(instances, criteria.where), criteria.version)
    return ordered(_of_tenant(fitting, criteria.tenant, criteria.version))


def candidates(matches: Sequence[Instance], criteria: Criteria = ANYTHING) -> tuple[Instance, ...]:
    """Return those of the matches among which one is drawn.

    Without a range of versions, pre-releases and versions that are not semantic are never taken. Drained ones are
    dropped unless all are; then the highest version stays, unversioned ones ranking lowest.
    """
    return _highest(_in_service(_takeable(matches, criteria.version)))


def passed_over(instances: Sequence[Instance], criteria: Criteria = ANYTHING) -> tuple[PassedOver, ...]:
    """Return why each instance that is not among the candidates is not."""
    where, version, tenant = criteria.where, criteria.version, criteria.tenant
    steps: tuple[
        tuple[Callable[[Sequence[Instance]], Sequence[Instance]], Callable[[Instance], str]], ...
    ] = (
        (lambda left: _having(left, where), lambda _: f"does not have {_attributes(where)}"),
        (lambda left: _in_range(left, version), lambda instance: _why_not_in_range(instance, version)),
        (
            lambda left: _of_tenant(left, tenant, version),
            lambda instance: _why_not_of_tenant(instance, tenant),
        ),
        (lambda left: _takeable(left, version), _why_not_takeable),
        (_in_service, lambda _: "is drained (weight 0)"),
        (_highest, _why_not_highest),
    )
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


def rendezvous(instances: Sequence[Instance], sticky: str) -> Instance:
    """Return the instance that belongs to the sticky key: always the same while the instances are.

    Weighted rendezvous hashing: each instance has as many of the keys as its weight says, and where one comes, goes or
    changes its weight, only keys that it gets or loses move. (Thaler and Ravishankar 1998; Schindelhauer and Schomaker
    2005 for the weights.)
    """
    from hashlib import blake2b  # noqa: PLC0415 -- only where keys are sticky
    from math import log  # noqa: PLC0415 -- the same

    is_drained = all(instance.weight == 0 for instance in instances)

    def score(instance: Instance) -> tuple[float, str]:
        hashed = f"{sticky}\0{instance.id}".encode("utf-8", "surrogatepass")
        # 52 bits and a half: strictly between 0 and 1 in a float, so that its logarithm is neither.
        drawn = ((int.from_bytes(blake2b(hashed, digest_size=8).digest()) >> 12) + 0.5) / 2**52
        return (1 if is_drained else instance.weight) / -log(drawn), instance.id

    return max(instances, key=score)


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


def describe_wanted(criteria: Criteria) -> str:
    """Return what was asked for, as it continues "has no instance with …"."""
    wanted = [] if criteria.version is None else [f"version {criteria.version}"]
    if criteria.where:
        wanted.append(_attributes(criteria.where))
    if criteria.tenant is not None:
        wanted.append(f"tenant {criteria.tenant}, or none")
    return " and ".join(wanted) or "no tenant and a released version or none"


def _attributes(where: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in where.items())


def _having(instances: Iterable[Instance], where: Mapping[str, str]) -> tuple[Instance, ...]:
    items = where.items()
    return tuple(
        instance
        for instance in instances
        if all(instance.attributes.get(key) == value for key, value in items)
    )


def _in_range(instances: Iterable[Instance], version: VersionRange | None) -> tuple[Instance, ...]:
    if version is None:
        return tuple(instances)
    return tuple(instance for instance in instances if version.matches(instance.version))


def _of_tenant(
    instances: Sequence[Instance], tenant: str | None, version: VersionRange | None
) -> tuple[Instance, ...]:
    own = tuple(instance for instance in instances if instance.tenant == tenant)
    if tenant is None or _takeable(own, version):
        return own
    # A pre-release of the tenant, tried out in the stage, does not hide what serves it today.
    everyones = tuple(instance for instance in instances if instance.tenant is None)
    return everyones if _takeable(everyones, version) or not own else own


def _takeable(instances: Sequence[Instance], version: VersionRange | None) -> Sequence[Instance]:
    """Leave out what is taken only where a range asks for it, and then has let it through already."""
    if version is not None:
        return instances
    return tuple(instance for instance in instances if _is_released(instance))


def _in_service(instances: Sequence[Instance]) -> Sequence[Instance]:
    return tuple(instance for instance in instances if instance.weight > 0) or instances


def _highest(instances: Sequence[Instance]) -> tuple[Instance, ...]:
    ranked = [(_rank(instance), instance) for instance in instances]
    highest = max((rank for rank, _ in ranked), default=None)
    return tuple(instance for rank, instance in ranked if rank == highest)


def _is_released(instance: Instance) -> bool:
    if instance.version is None:
        return True
    version = parse_version(instance.version)
    return version is not None and version.is_release


def _why_not_in_range(instance: Instance, version: VersionRange | None) -> str:
    if instance.version is None:
        return f"has no version, and {version} was asked for"
    return f"version {instance.version} is not in {version}"


def _why_not_of_tenant(instance: Instance, tenant: str | None) -> str:
    if instance.tenant is None:
        return f"is of no tenant, and tenant {tenant} has its own"
    if instance.tenant == tenant:
        return _why_not_takeable(instance)
    return f"belongs to tenant {instance.tenant}"


def _why_not_takeable(instance: Instance) -> str:
    if parse_version(instance.version or "") is None:
        return f"version {instance.version} is not a semantic version: it has to be asked for"
    return f"{instance.version} is a pre-release: it has to be asked for"


def _why_not_highest(instance: Instance) -> str:
    return "there is a higher version" if instance.version else "has no version, and there is one that has"


def _rank(instance: Instance) -> _Rank:
    if instance.version is None:
        return (_UNVERSIONED, ())
    version = parse_version(instance.version)
    return (_NOT_SEMANTIC, ()) if version is None else (_SEMANTIC, version.precedence)


def ordered(instances: Iterable[Instance]) -> tuple[Instance, ...]:
    """Return the instances, highest version first, then by id."""
    by_id = sorted(instances, key=lambda instance: instance.id)
    return tuple(sorted(by_id, key=_rank, reverse=True))
