"""Every error that the package raises.

DiscoveryError
├── ConfigurationError             an environment variable is wrong: fix the configuration
├── InvalidValueError              an argument is wrong (also a ValueError): fix the call
├── ServiceNotFoundError           the registry does not have it: register it, or ask for another stage
│   └── NoMatchingInstanceError    it is there, but nothing matches: ask for something else
├── DiscoveryUnavailableError      the registry failed and nothing is held: try again later
├── LookupsFailedError             some of several lookups failed: use what was found, or try again
├── StoreError                     one store failed: what the errors above carry as causes
│   ├── ThrottledError
│   ├── AccessDeniedError
│   ├── StoreTimeoutError
│   ├── MalformedRecordError
│   └── RemoteError
├── RegistrationError              a registration failed: see AWS's code and reason
│   └── OwnershipError
└── InvocationError                calling what was found failed: see calls/errors.py

`InvalidValueError` and `ConfigurationError` are raised before any I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cloudmap_discovery.model import Instance, PassedOver


E = TypeVar("E", bound=BaseException)

_SHOWN: Final = 10  # so many fit a log entry


class DiscoveryError(Exception):
    """The root of every error of this package."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy by state, since constructors take keywords."""
        return (_restore, (type(self), self.args, dict(self.__dict__)))

    def fresh(self) -> Self:
        """Return an equal error that was never raised, so that many callers can each raise their own."""
        error: Self = _restore(type(self), self.args, dict(self.__dict__))
        error.__cause__ = self.__cause__
        error.__suppress_context__ = self.__suppress_context__
        return error


def without_frames(error: E) -> E:
    """Return the error with its tracebacks removed, down its chain, so that remembering it keeps no frames alive."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.__traceback__ = None
        pending += (one.__cause__, one.__context__)
    return error


def _restore(kind: type[Any], args: tuple[Any, ...], state: dict[str, Any]) -> Any:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class ConfigurationError(DiscoveryError):
    """A setting is wrong: `variable`, its `value` and what is `allowed`."""

    def __init__(self, variable: str, value: str | None, allowed: str) -> None:
        super().__init__(
            f"{variable} is not set: {allowed}"
            if value is None
            else f"{variable} is {_clip(value)!r}; it must be {allowed}"
        )
        self.variable = variable
        self.value = value
        self.allowed = allowed


class InvalidValueError(DiscoveryError, ValueError):
    """An argument is wrong: its `field`, its `value` and the `limit` it breaks."""

    def __init__(self, field: str, value: object, limit: str) -> None:
        super().__init__(f"{field} is {_clip(_shown(value))}: {limit}")
        self.field = field
        self.value = value
        self.limit = limit

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as every error; a value that is not plain, and may not be picklable, as its text."""
        is_plain = self.value is None or isinstance(self.value, str | int | float)
        state = {**self.__dict__, "value": self.value if is_plain else _shown(self.value)}
        return (_restore, (type(self), self.args, state))


class ServiceNotFoundError(DiscoveryError):
    """The authority does not have the service in this stage.

    `stage` is the one that was asked for, or the whole ladder. `stores` names who was asked; `near_misses` are known
    names that are spelled alike; `stages` are others in which this process knows the service; `causes` are the failures
    of stores that could not be asked for a hand-made record.
    """

    def __init__(
        self,
        service: str,
        stage: str,
        *,
        stores: Sequence[str] = (),
        near_misses: Sequence[str] = (),
        stages: Sequence[str] = (),
        causes: Iterable[StoreError] = (),
        detail: str = "",
    ) -> None:
        self.service = service
        self.stage = stage
        self.stores = tuple(stores)
        self.near_misses = tuple(near_misses)
        self.stages = tuple(stages)
        self.causes = tuple(causes)
        self.detail = detail
        super().__init__(self._message())

    def _message(self) -> str:
        parts = [f"no service {self.service!r} {_in_stage(self.stage)}"]
        if self.stores:
            parts.append(f"asked {', '.join(self.stores)}")
        if self.detail:
            parts.append(self.detail)
        if self.near_misses:
            parts.append(f"did you mean {' or '.join(map(repr, self.near_misses))}?")
        if self.stages:
            parts.append(f"it is known {_in_stages(self.stages)}")
        parts.extend(f"{cause.store} could not be asked: {cause}" for cause in self.causes)
        return "; ".join(parts)


class NoMatchingInstanceError(ServiceNotFoundError):
    """The service is there, but none of its instances matches.

    `available` says what is there, one line each; `versions` are theirs, highest first, `tenants` theirs, by name.
    `stage` is the one that has the service, `stages` are others in which this process knows it.
    """

    def __init__(
        self,
        service: str,
        stage: str,
        *,
        wanted: str,
        available: Sequence[str],
        versions: Sequence[str] = (),
        tenants: Sequence[str] = (),
        stages: Sequence[str] = (),
        stores: Sequence[str] = (),
        causes: Iterable[StoreError] = (),
    ) -> None:
        self.wanted = wanted
        self.available = tuple(available)
        self.versions = tuple(versions)
        self.tenants = tuple(tenants)
        super().__init__(service, stage, stages=stages, stores=stores, causes=causes)

    def _message(self) -> str:
        parts = [
            f"service {self.service!r} {_in_stage(self.stage)} has no instance with {self.wanted}",
            f"it has: {'; '.join(self.available[:_SHOWN])}",
        ]
        if len(self.available) > _SHOWN:
            parts.append(f"and {len(self.available) - _SHOWN} more")
            parts.extend(
                f"all {name}: {', '.join(found[:_SHOWN])}{', …' if len(found) > _SHOWN else ''}"
                for name, found in (("versions", self.versions), ("tenants", self.tenants))
                if found
            )
        if self.stages:
            parts.append(f"it is also known {_in_stages(self.stages)}")
        return "; ".join(parts)


class DiscoveryUnavailableError(DiscoveryError):
    """The authority failed and nothing is held; `causes` has one `StoreError` for each store asked."""

    def __init__(self, service: str, stage: str, *, causes: Iterable[StoreError]) -> None:
        self.service = service
        self.stage = stage
        self.causes = tuple(causes)
        reasons = "; ".join(f"{cause.store}: {cause}" for cause in self.causes)
        super().__init__(
            f"cannot look up {service!r} {_in_stage(stage)}, and no earlier answer is held ({reasons})"
        )


class LookupsFailedError(DiscoveryError):
    """Some lookups of several failed: `found` has the instances, `failures` the errors, both by name."""

    def __init__(self, found: Mapping[str, Instance], failures: Mapping[str, DiscoveryError]) -> None:
        self.found = dict(found)
        self.failures = dict(failures)
        reasons = "; ".join(f"{name}: {error}" for name, error in self.failures.items())
        super().__init__(
            f"{len(self.failures)} of {len(self.found) + len(self.failures)} lookups failed: {reasons}"
        )


class StoreError(DiscoveryError):
    """One store failed: `store` (its name), `service` (the AWS service asked), `operation`, `retryable`.

    `unhealthy` says that the store as a whole is in trouble (throttled, unreachable or too slow), so that
    it is left alone for a moment.
    """

    retryable_by_default: ClassVar[bool] = False
    unhealthy_by_default: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        store: str = "",
        service: str = "",
        operation: str = "",
        retryable: bool | None = None,
        unhealthy: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.unhealthy = self.unhealthy_by_default if unhealthy is None else unhealthy
        self.store = store
        self.service = service
        self.operation = operation
        self.retryable = self.retryable_by_default if retryable is None else retryable

    def at(self, store: str) -> Self:
        """Return this error as one of the store named `store`."""
        error = self.fresh()
        error.store = store
        return error


class ThrottledError(StoreError):
    """AWS said that calls come too fast; `code` is AWS's."""

    retryable_by_default = True
    unhealthy_by_default = True

    def __init__(self, message: str, *, code: str = "", **about: Any) -> None:
        super().__init__(message, **about)
        self.code = code


class AccessDeniedError(StoreError):
    """The caller may not do this; `action` is the IAM action that is missing, `code` AWS's.

    `names_action` says that AWS named the action; otherwise it is the one that was called.
    """

    def __init__(
        self, message: str, *, action: str = "", names_action: bool = False, code: str = "", **about: Any
    ) -> None:
        super().__init__(message, **about)
        self.action = action
        self.names_action = names_action
        self.code = code


class StoreTimeoutError(StoreError):
    """No answer in time, or no connection at all."""

    retryable_by_default = True
    unhealthy_by_default = True


class MalformedRecordError(StoreError):
    """What was read is not a record: `record` says where it stands, `reason` what is wrong with it.

    `passed_over` has one entry for each record where several were read and none was usable.
    """

    def __init__(
        self, record: str, reason: str, *, passed_over: Iterable[PassedOver] = (), **about: Any
    ) -> None:
        super().__init__(f"{record}: {reason}", **about)
        self.record = record
        self.reason = reason
        self.passed_over = tuple(passed_over)


class RemoteError(StoreError):
    """Any other error answer of an AWS service: `code` and `status` as AWS gave them, `members` what came with it."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        status: int = 0,
        members: Mapping[str, Any] | None = None,
        **about: Any,
    ) -> None:
        super().__init__(f"{code}: {message}" if code else message, **about)
        self.code = code
        self.status = status
        self.members = dict(members or {})


class RegistrationError(DiscoveryError):
    """Registering or deregistering failed: the `operation`, AWS's `code` and its `reason`."""

    def __init__(self, message: str, *, operation: str = "", code: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.operation = operation
        self.code = code
        self.reason = reason


class OwnershipError(RegistrationError):
    """The record belongs to somebody else: its `owner` and `owner_ref`, against `claimant`."""

    def __init__(
        self, message: str, *, owner: str, owner_ref: str | None, claimant: str, operation: str
    ) -> None:
        super().__init__(message, operation=operation, code="Ownership", reason=f"owned by {owner}")
        self.owner = owner
        self.owner_ref = owner_ref
        self.claimant = claimant


def _in_stage(stage: str) -> str:
    if ">" in stage:
        return f"in any of the stages {stage!r}"
    return "without a stage" if stage == "-" else f"in stage {stage!r}"


def _in_stages(stages: Sequence[str]) -> str:
    named = ", ".join("none (-)" if stage == "-" else stage for stage in stages[:_SHOWN])
    return f"in {'stage' if len(stages) == 1 else 'stages'} {named}{', …' if len(stages) > _SHOWN else ''}"


def _shown(value: object) -> str:
    try:
        return repr(value)
    except RecursionError:
        return f"a {type(value).__name__} nested too deep to show"


def _clip(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}…"  # noqa: PLR2004 -- enough to recognize a value
