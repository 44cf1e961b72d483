"""The conditions under which the stand-in answers: its clock, its delays, what is to fail next."""

import threading
from collections import deque
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from tests.standin.clock import AdjustableClock
from tests.standin.throttle import Buckets, Throttle


@dataclass(frozen=True, slots=True)
class Settings:
    """How AWS behaves beyond its answers; as made, it is instant and never throttles."""

    operation_seconds: float = 0.0
    """From RegisterInstance and the like to SUCCESS or FAIL: the first half SUBMITTED, the second PENDING."""

    propagation_seconds: float = 0.0
    """From the end of an operation until DiscoverInstances shows what it changed."""

    listing_lag_seconds: float = 0.0
    """From the end of an operation until ListInstances and GetInstance show what it changed."""

    revision_rises_on_update: bool = False
    """Whether registering an id again raises InstancesRevision; AWS's documentation leaves that open."""

    throttles: tuple[Throttle, ...] = ()
    """Token buckets; `AWS_RATES` has the real ones."""

    def __post_init__(self) -> None:
        for name in ("operation_seconds", "propagation_seconds", "listing_lag_seconds"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}={getattr(self, name)!r}: a delay is 0 or more seconds")

    def changed(self, **changes: Any) -> Self:
        """Return these settings with some of them replaced; a name that does not exist is an error."""
        known = {field.name for field in fields(self)}
        unknown = sorted(set(changes) - known)
        if unknown:
            raise ValueError(f"unknown settings {unknown}; there are {sorted(known)}")
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class OperationFailure:
    """Why an asynchronous operation ends with FAIL, in the words of GetOperation."""

    code: str = "INTERNAL_FAILURE"
    message: str = "The operation failed."


class Conditions:
    """What the corrected backends ask before they answer; shared by all regions of one stand-in."""

    def __init__(self) -> None:
        self.clock = AdjustableClock()
        self.buckets = Buckets()
        self._lock = threading.Lock()
        self._settings = Settings()
        self._failures: deque[OperationFailure] = deque()

    @property
    def settings(self) -> Settings:
        return self._settings

    def change(self, **changes: Any) -> Settings:
        with self._lock:
            settings = self._settings.changed(**changes)
            self._settings = settings
        if "throttles" in changes:
            self.buckets.use(settings.throttles, self.clock.now())
        return settings

    def fail_next_operations(self, failure: OperationFailure, count: int) -> None:
        with self._lock:
            self._failures.extend([failure] * count)

    def take_failure(self) -> OperationFailure | None:
        """Return how the operation that starts now is to fail, if it is."""
        with self._lock:
            return self._failures.popleft() if self._failures else None

    def reset(self) -> None:
        with self._lock:
            self._settings = Settings()
            self._failures.clear()
        self.clock.reset()
        self.buckets.use((), self.clock.now())
