"""Hands events to whoever listens."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from cloudmap_discovery import lifecycle
from cloudmap_discovery.events import LOGGER

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudmap_discovery.events import Event

# How many failures of one callback are logged with a traceback; a broken one would write one for each lookup.
LOGGED_FAILURES: Final = 5


class Subscription:
    """One callback, and how often it raised."""

    __slots__ = ("_called", "callback", "failures")

    def __init__(self, callback: Callable[[Event], None]) -> None:
        self.callback = callback
        self.failures = 0
        self._called = threading.local()

    def tell(self, event: Event) -> None:
        """Call back, unless this thread is in the callback already; what it raises is logged."""
        if getattr(self._called, "now", False):
            return  # an event that the callback itself caused
        self._called.now = True
        try:
            self.callback(event)
        except Exception:  # noqa: BLE001 -- whatever a user's callback raises must not break the lookup it watches
            self.failures += 1
            if self.failures <= LOGGED_FAILURES:
                last = "; it is not logged again" if self.failures == LOGGED_FAILURES else ""
                LOGGER.exception("an on_event callback raised on %s%s", type(event).__name__, last)
        finally:
            self._called.now = False


class EventHub:
    """Hands events to callbacks, on the thread where they happen; a callback that raises is logged.

    `callbacks` is empty while nobody listens; hits are not even made into events then.
    """

    def __init__(self, *always: Callable[[Event], None]) -> None:
        self._lock = threading.Lock()
        self._always = tuple(Subscription(callback) for callback in always)
        self.callbacks: tuple[Subscription, ...] = ()
        lifecycle.join(self)

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Call back on every event from now on; returns what ends it."""
        subscription = Subscription(callback)
        with self._lock:
            self.callbacks = (*self.callbacks, subscription)

        def unsubscribe() -> None:
            with self._lock:
                self.callbacks = tuple(other for other in self.callbacks if other is not subscription)

        return unsubscribe

    def emit(self, event: Event) -> None:
        """Hand the event to everybody."""
        for subscription in (*self._always, *self.callbacks):
            subscription.tell(event)

    def after_fork_in_child(self) -> None:
        """Take a new lock: the old one may have been held by a thread that is not there any more."""
        self._lock = threading.Lock()
