"""What happened, as frozen values, and the hub that hands them to callbacks."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudmap_discovery import lifecycle

if TYPE_CHECKING:
    from collections.abc import Callable

LOGGER: Final = logging.getLogger("cloudmap_discovery")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one service in one stage."""

    service: str
    stage: str


@dataclass(frozen=True, slots=True)
class Hit(Event):
    """A lookup was answered from what is held, `age_seconds` old, first told by `source`."""

    source: str
    age_seconds: float
    stale: bool


@dataclass(frozen=True, slots=True)
class Refreshed(Event):
    """The stores were asked: `outcome` is `found`, `absent` or `failed`; `source` told it; it took `took_seconds`."""

    outcome: str
    source: str | None
    took_seconds: float


@dataclass(frozen=True, slots=True)
class StaleServed(Event):
    """An answer beyond its time was served; `reason` says why. `failing` is False while a refresh is under way."""

    source: str
    age_seconds: float
    reason: str
    failing: bool


@dataclass(frozen=True, slots=True)
class FallbackUsed(Event):
    """A store behind the authority answered; `reason` says what the authority said.

    `failing` is True where the authority failed, False where it does not have what a person put there by hand.
    """

    source: str
    reason: str
    failing: bool


@dataclass(frozen=True, slots=True)
class StoreFailed(Event):
    """A store failed: the `error`'s class name, AWS's `code` if there is one, and the `message`."""

    store: str
    error: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class RecordsSkipped(Event):
    """Records were read and could not be used: `reasons`, one line each."""

    source: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EndpointFailed(Event):
    """`report_failure` was called: the instance with this id could not be reached."""

    instance_id: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Registered(Event):
    """A record was written."""

    instance_id: str
    endpoint: str
    owner: str


@dataclass(frozen=True, slots=True)
class Deregistered(Event):
    """A record was removed."""

    instance_id: str


@dataclass(frozen=True, slots=True)
class MirrorFailed(Event):
    """A projection of Cloud Map could not be written, or holds what a person put there."""

    mirror: str
    reason: str


class EventHub:
    """Hands events to callbacks, on the thread where they happen; a callback that raises is logged.

    `callbacks` is empty while nobody listens; hits are not even made into events then.
    """

    def __init__(self, *always: Callable[[Event], None]) -> None:
        self._lock = threading.Lock()
        self._always = always
        self.callbacks: tuple[Callable[[Event], None], ...] = ()
        lifecycle.join(self)

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Call back on every event from now on; returns what ends it."""
        with self._lock:
            self.callbacks = (*self.callbacks, callback)

        def unsubscribe() -> None:
            with self._lock:
                self.callbacks = tuple(other for other in self.callbacks if other is not callback)

        return unsubscribe

    def emit(self, event: Event) -> None:
        """Hand the event to everybody."""
        for callback in (*self._always, *self.callbacks):
            try:
                callback(event)
            except Exception:
                LOGGER.exception("an on_event callback raised on %s", type(event).__name__)

    def after_fork_in_child(self) -> None:
        """Take a new lock: the old one may have been held by a thread that is not there any more."""
        self._lock = threading.Lock()
