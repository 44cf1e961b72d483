"""Cloud Map's resources with a past: what was registered when, so that every reader can be shown its own moment."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.servicediscovery.models import Operation, Service, ServiceInstance

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.standin.conditions import OperationFailure


class PendingOperation(Operation):
    """An operation that takes its time.

    GetOperation: "SUBMITTED: This is the initial state that occurs immediately after you submit a request. PENDING:
    Cloud Map is performing the operation. SUCCESS: The operation succeeded. FAIL: The operation failed. For the
    failure reason, see ErrorMessage." moto's are SUCCESS from the start.
    """

    def __init__(
        self,
        operation_type: str,
        targets: dict[str, str],
        *,
        submitted_at: float,
        seconds: float,
        failure: "OperationFailure | None",
        owner_account: str,
    ) -> None:
        super().__init__(operation_type, targets)
        self.created = submitted_at
        self.pending_at = submitted_at + seconds / 2
        self.ends_at = submitted_at + seconds
        self.failure = failure
        self.owner_account = owner_account
        self.apply: Callable[[float], None] | None = None
        """What the operation does, once, at its end, if it succeeds."""

    def status_at(self, now: float) -> str:
        if now >= self.ends_at:
            return "FAIL" if self.failure else "SUCCESS"
        return "PENDING" if now >= self.pending_at else "SUBMITTED"

    def updated_at(self, now: float) -> float:
        """Return when the status became what it is."""
        if now >= self.ends_at:
            return self.ends_at
        return self.pending_at if now >= self.pending_at else self.created

    def describe(self, now: float) -> dict[str, Any]:
        described: dict[str, Any] = {
            "Id": self.id,
            "OwnerAccount": self.owner_account,
            "Type": self.operation_type,
            "Status": self.status_at(now),
            "CreateDate": self.created,
            "UpdateDate": self.updated_at(now),
            "Targets": self.targets,
        }
        if self.failure and now >= self.ends_at:
            described |= {"ErrorCode": self.failure.code, "ErrorMessage": self.failure.message}
        return described


@dataclass(frozen=True, slots=True)
class Change:
    """One completed registration, or deregistration (`instance` is None)."""

    at: float
    instance: ServiceInstance | None
    revision: int
    """Of the service, once this change is seen."""


@dataclass(slots=True)
class History:
    """Everything that was ever registered with one service, in order."""

    changes: dict[str, list[Change]] = field(default_factory=dict)

    def add(self, instance_id: str, change: Change) -> None:
        self.changes.setdefault(instance_id, []).append(change)

    def seen_at(self, moment: float) -> dict[str, ServiceInstance]:
        """Return the instances that were there at that moment, by id."""
        seen = {}
        for instance_id, changes in self.changes.items():
            latest = next((change for change in reversed(changes) if change.at <= moment), None)
            if latest is not None and latest.instance is not None:
                seen[instance_id] = latest.instance
        return seen

    def revision_at(self, moment: float) -> int:
        return max(
            (c.revision for changes in self.changes.values() for c in changes if c.at <= moment), default=0
        )


class ServiceWithHistory(Service):
    """A service whose instances are looked up by moment; moto's own list of instances stays empty."""

    def __init__(self, **details: Any) -> None:
        super().__init__(**details)
        self.history = History()
        self.first_revision = 0
        self.highest_revision_shown = 0

    @property
    def has_health_check(self) -> bool:
        configured: tuple[Any, ...] = (self.health_check_config, self.health_check_custom_config)
        return any(config is not None for config in configured)

    @property
    def has_custom_health_check(self) -> bool:
        configured: Any = self.health_check_custom_config  # moto's annotation leaves None out
        return configured is not None

    def revision_at(self, moment: float) -> int:
        """Return a number that only rises, even where a longer delay makes the view step back."""
        revision = max(self.first_revision, self.history.revision_at(moment), self.highest_revision_shown)
        self.highest_revision_shown = revision
        return revision
