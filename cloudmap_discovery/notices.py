"""Writes what users should know to the log, each kind at most once per key and minute."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from cloudmap_discovery import lifecycle
from cloudmap_discovery.events import (
    LOGGER,
    Event,
    FallbackUsed,
    MirrorFailed,
    RecordsSkipped,
    StaleServed,
    StoreFailed,
)

if TYPE_CHECKING:
    from cloudmap_discovery.clock import Clock, Instant

INTERVAL_SECONDS: Final = 60.0
_MAX_REMEMBERED: Final = 4096


class Notices:
    """A callback for events that logs them: as warnings, or as information where nothing is wrong.

    Nothing is wrong while an answer is served during its ordinary refresh, and where a person's record answers.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._written: dict[tuple[str, ...], Instant] = {}
        lifecycle.join(self)

    def __call__(self, event: Event) -> None:
        """Log the event if it is worth it."""
        match event:
            case StaleServed(service, stage, source, age_seconds, reason, failing):
                level = logging.WARNING if failing else logging.INFO
                # Where something fails, its own line says what.
                why = "it could not be refreshed" if failing else reason
                text = f"serving a stale answer of {source}, {age_seconds:.0f} s old: {why}"
                self._write(level, ("stale", str(failing), service, stage), service, stage, text)
            case FallbackUsed(service, stage, source, reason, failing):
                level = logging.WARNING if failing else logging.INFO
                text = f"answered by the fallback {source}: {reason}"
                # While the authority fails, what a fallback said is a stale answer, too: one line for both.
                topic = "stale" if failing else "fallback"
                self._write(level, (topic, str(failing), service, stage), service, stage, text)
            case RecordsSkipped(service, stage, source, reasons):
                text = f"{source}: skipped {len(reasons)} record(s): {'; '.join(reasons[:5])}"
                self._write(logging.WARNING, ("skipped", source, service, stage), service, stage, text)
            case StoreFailed(service, stage, store, _, _, message):
                text = f"{store} failed: {message}"
                self._write(logging.WARNING, ("failed", store, service, stage), service, stage, text)
            case MirrorFailed(service, stage, mirror, reason):
                LOGGER.warning("%s (stage %s): mirror %s not written: %s", service, stage, mirror, reason)
            case _:
                pass

    def after_fork_in_child(self) -> None:
        """Take a new lock: the old one may have been held by a thread that is not there any more."""
        self._lock = threading.Lock()

    def _write(self, level: int, topic: tuple[str, ...], service: str, stage: str, text: str) -> None:
        now = self._clock.now()
        with self._lock:
            last = self._written.get(topic)
            if last is not None and 0 <= now.seconds_since(last) < INTERVAL_SECONDS:
                return
            if len(self._written) >= _MAX_REMEMBERED:
                self._written.clear()
            self._written[topic] = now
        LOGGER.log(level, "%s (stage %s): %s", service, stage, text)
