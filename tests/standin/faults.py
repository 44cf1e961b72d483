"""Faults that can be switched on for a service or an operation: what goes wrong, how often, until when."""

import itertools
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Latency:
    """Wait before the request is looked at, in real seconds whatever the stand-in's clock says."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """Answer with an error instead of doing what was asked; `headers` are sent beside those of every error."""

    code: str
    message: str = "Injected by the stand-in."
    status: int = 400
    headers: "Mapping[str, str]" = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccessDenied:
    """Refuse as IAM does, in the words of the service asked."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset the connection instead of answering; `after_processing` does what was asked first, the answer is lost."""

    after_processing: bool = False


@dataclass(frozen=True, slots=True)
class Hang:
    """Read the request and never answer; once the fault is cleared the connection is reset."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep requests waiting until the fault is cleared, then answer them as if nothing had been."""


NONSENSE = b"<html>\xff\xfe not what you asked for"


@dataclass(frozen=True, slots=True)
class Garbage:
    """Answer with a body that means nothing to the client."""

    body: bytes = NONSENSE
    status: int = 200
    content_type: str = "text/html"


@dataclass(frozen=True, slots=True)
class Truncated:
    """Announce the whole answer, send the first half of its body, close."""


@dataclass(frozen=True, slots=True)
class Drip:
    """Send the answer a byte at a time."""

    interval_seconds: float = 0.05


Fault = Latency | ErrorAnswer | AccessDenied | Reset | Hang | Hold | Garbage | Truncated | Drip

KINDS: dict[str, type[Any]] = {
    "latency": Latency,
    "error": ErrorAnswer,
    "access_denied": AccessDenied,
    "reset": Reset,
    "hang": Hang,
    "hold": Hold,
    "garbage": Garbage,
    "truncated": Truncated,
    "drip": Drip,
}


@dataclass(eq=False, slots=True)
class Armed:
    """A fault in force for one target; ask it how many requests it met, clear it when done."""

    id: int
    target: str
    fault: Fault
    remaining: int | None
    faults: "Faults" = field(repr=False)
    met: int = 0
    is_cleared: bool = False

    def clear(self) -> None:
        self.faults.clear_armed(self)

    def wait_until_met(self, count: int = 1, *, timeout_seconds: float = 10.0) -> None:
        """Block until this fault has met `count` requests; TimeoutError if it does not."""
        self.faults.wait(
            lambda: self.met >= count,
            timeout_seconds,
            f"{count} requests to meet {self.fault} for {self.target}",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()


def matches(target: str, service: str, operation: str) -> bool:
    """Say whether `*`, `ssm` or `ssm:GetParameters` means this operation."""
    return target in {"*", service, f"{service}:{operation}"}


class Faults:
    """The faults in force, in the order in which they were added."""

    def __init__(self) -> None:
        self.pulse = threading.Condition()
        """Notified whenever something that a held request waits for may have changed."""
        self._armed: list[Armed] = []  # used-up ones too: they may still hold a request
        self._ids = itertools.count(1)

    def add(self, fault: Fault, target: str = "*", *, count: int | None = None) -> Armed:
        """Put a fault in force for `target`: `*`, a service, or `service:Operation`; for `count` requests or until cleared."""
        if count is not None and count < 1:
            raise ValueError(f"count={count}: give 1 or more, or None for until it is cleared")
        with self.pulse:
            armed = Armed(next(self._ids), target, fault, count, self)
            self._armed.append(armed)
        return armed

    def latency(self, seconds: float, target: str = "*", *, count: int | None = None) -> Armed:
        return self.add(Latency(seconds), target, count=count)

    def error(
        self,
        code: str,
        target: str = "*",
        *,
        message: str = "Injected.",
        status: int = 400,
        headers: "Mapping[str, str] | None" = None,
        count: int | None = None,
    ) -> Armed:
        return self.add(ErrorAnswer(code, message, status, headers or {}), target, count=count)

    def access_denied(self, target: str = "*", *, count: int | None = None) -> Armed:
        return self.add(AccessDenied(), target, count=count)

    def reset(self, target: str = "*", *, after_processing: bool = False, count: int | None = None) -> Armed:
        return self.add(Reset(after_processing=after_processing), target, count=count)

    def hang(self, target: str = "*", *, count: int | None = None) -> Armed:
        return self.add(Hang(), target, count=count)

    def hold(self, target: str = "*", *, count: int | None = None) -> Armed:
        return self.add(Hold(), target, count=count)

    def garbage(self, target: str = "*", *, body: bytes = NONSENSE, count: int | None = None) -> Armed:
        return self.add(Garbage(body), target, count=count)

    def truncated(self, target: str = "*", *, count: int | None = None) -> Armed:
        return self.add(Truncated(), target, count=count)

    def drip(self, interval_seconds: float = 0.05, target: str = "*", *, count: int | None = None) -> Armed:
        return self.add(Drip(interval_seconds), target, count=count)

    def take(self, service: str, operation: str) -> list[Armed]:
        """Return what this request meets and use it up: every delay, and of the others the first.

        So one-shot faults queue up: those that did not act stay for the next requests.
        """
        with self.pulse:
            met: list[Armed] = []
            has_other = False
            for armed in self._armed:
                if armed.remaining == 0 or not matches(armed.target, service, operation):
                    continue
                if not isinstance(armed.fault, Latency | Hold):
                    if has_other:
                        continue
                    has_other = True
                met.append(armed)
                armed.met += 1
                if armed.remaining is not None:
                    armed.remaining -= 1
            self.pulse.notify_all()
        return met

    def clear(self, target: str | None = None) -> None:
        """Lift all faults, or those added for exactly this target; whatever they hold goes on."""
        with self.pulse:
            for armed in self._armed:
                if target is None or armed.target == target:
                    armed.is_cleared = True
            self._armed = [armed for armed in self._armed if not armed.is_cleared]
            self.pulse.notify_all()

    def clear_armed(self, armed: Armed) -> None:
        with self.pulse:
            armed.is_cleared = True
            self._armed = [other for other in self._armed if not other.is_cleared]
            self.pulse.notify_all()

    def notify(self) -> None:
        """Let everything that holds a request look again whether its connection still stands."""
        with self.pulse:
            self.pulse.notify_all()

    def wait(self, condition: "Callable[[], bool]", timeout_seconds: float | None, what: str) -> None:
        with self.pulse:
            if not self.pulse.wait_for(condition, timeout_seconds):
                raise TimeoutError(f"waited {timeout_seconds} s for {what}")
