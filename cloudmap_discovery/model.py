"""Records and answers: the values that callers see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, overload

from cloudmap_discovery.endpoints import is_arn, is_url
from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from datetime import datetime

NO_STAGE: Final = "-"
"""The stage of records that have none: in an attribute, a path, an argument and a ladder."""

DEFAULT_WEIGHT: Final = 100


class Attributes(Mapping[str, str]):
    """An immutable, hashable mapping of text to text."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, str] | None = None) -> None:
        self._items: dict[str, str] = dict(sorted((items or {}).items()))

    def __getitem__(self, key: str) -> str:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(tuple(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)


NO_ATTRIBUTES: Final = Attributes()


@value
class Instance:
    """One registered endpoint of a service.

    `endpoint` is a URL, an ARN or any other address. `version` is semantic-version text. `tenant` marks a
    deployment for one customer; `variant` tells apart what is otherwise the same (blue, canary). `weight` is
    the share in a random choice, 0 is drained. `attributes` are free. `owner` and `owner_ref` say whose record
    it is. `id` is unique within the service.
    """

    service: str
    endpoint: str
    stage: str = NO_STAGE
    version: str | None = None
    tenant: str | None = None
    variant: str | None = None
    weight: int = DEFAULT_WEIGHT
    attributes: Mapping[str, str] = NO_ATTRIBUTES
    owner: str | None = None
    owner_ref: str | None = None
    registered_at: datetime | None = None
    id: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.attributes, Attributes):
            object.__setattr__(self, "attributes", Attributes(self.attributes))
        if not self.id:
            object.__setattr__(
                self, "id", record_id(self.service, self.stage, self.version, self.tenant, self.variant)
            )

    def __str__(self) -> str:
        return self.endpoint

    @property
    def url(self) -> str:
        """The endpoint, if it is a URL, else an `InvalidValueError`."""
        if is_url(self.endpoint):
            return self.endpoint
        raise InvalidValueError(
            "endpoint", self.endpoint, f"{self.service!r} is not registered with a URL; use .endpoint or .arn"
        )

    @property
    def arn(self) -> str:
        """The endpoint, if it is an ARN, else an `InvalidValueError`."""
        if is_arn(self.endpoint):
            return self.endpoint
        raise InvalidValueError(
            "endpoint",
            self.endpoint,
            f"{self.service!r} is not registered with an ARN; use .endpoint or .url",
        )


def record_id(service: str, stage: str, version: str | None, tenant: str | None, variant: str | None) -> str:
    """Return the id of a record that we write: `<stage>-<20 hex digits>`, the same for the same identity."""
    import hashlib  # noqa: PLC0415 -- records that are read have their ids
    import json  # noqa: PLC0415 -- the same

    identity = json.dumps([service, stage, version, tenant, variant], separators=(",", ":"))
    return f"{stage}-{hashlib.sha256(identity.encode()).hexdigest()[:20]}"


@value
class Answer(Sequence[Instance]):
    """What a lookup found: a sequence of instances, highest version first, then by id.

    `source` is the store that said so, `age_seconds` the time since it was asked, `stale` whether it is served
    beyond its time, `stage` the stage that had the service.
    """

    instances: tuple[Instance, ...]
    service: str
    stage: str
    source: str
    age_seconds: float
    stale: bool

    @overload
    def __getitem__(self, index: int) -> Instance: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Instance, ...]: ...
    def __getitem__(self, index: int | slice) -> Instance | tuple[Instance, ...]:
        return self.instances[index]

    def __len__(self) -> int:
        return len(self.instances)


@value
class Key:
    """What answers are held by: one service in one stage of one namespace."""

    namespace: str
    service: str
    stage: str


Place = tuple[str, str]
"""A service and a stage."""


@value
class PassedOver:
    """A record that was read and not used: where it stands, and why."""

    record: str
    reason: str


@value
class StoreReport:
    """What one store answered when `explain` asked it.

    `outcome` is `found`, `absent` or `failed`; `error` says why it failed; `took_seconds` is the time it took.
    """

    store: str
    outcome: str
    took_seconds: float
    instances: tuple[Instance, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    error: str | None = None
    note: str | None = None


@value
class HeldReport:
    """What this process holds of a key when `explain` is called.

    `state` is `nothing`, `fresh`, `stale`, `expired`, `missing`, `absent` (a remembered absence) or `failing`
    (a remembered failure).
    """

    state: str
    source: str | None = None
    age_seconds: float | None = None
    instances: tuple[Instance, ...] = ()
    back_off_seconds: float | None = None
    detail: str | None = None


@value
class Explanation:
    """Why a lookup answers what it answers: what is held, what each store says now, what `discover` would answer.

    `stage` is the one that decides, of a ladder whose every stage is in `rungs`, in its order. `candidates` are the
    instances one of which would be chosen, `chosen` is that one if the request has a `sticky` key; `passed_over` are the
    service's other records with the reason; `error` is the text of what `discover` would raise instead. `where`,
    `version` and `tenant` are what was asked for, what is declared included. The `source` of an override is `override`.
    """

    service: str
    stage: str
    namespace: str
    held: HeldReport
    stores: tuple[StoreReport, ...]
    candidates: tuple[Instance, ...]
    passed_over: tuple[PassedOver, ...] = ()
    source: str | None = None
    stale: bool = False
    error: str | None = None
    where: Mapping[str, str] = NO_ATTRIBUTES
    version: str | None = None
    tenant: str | None = None
    sticky: str | None = None
    chosen: Instance | None = None
    rungs: tuple[Explanation, ...] = ()

    @property
    def found(self) -> bool:
        """Whether `discover` would find an instance."""
        return self.error is None

    @property
    def drained(self) -> bool:
        """Whether the candidates have weight 0, and serve all the same because there is no other."""
        return bool(self.candidates) and all(instance.weight == 0 for instance in self.candidates)
