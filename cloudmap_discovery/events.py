"""What happened, as frozen values."""

from __future__ import annotations

import logging
from typing import Final

from cloudmap_discovery.values import value

LOGGER: Final = logging.getLogger("cloudmap_discovery")


@value
class Event:
    """Something that happened to one service in one stage."""

    service: str
    stage: str


@value
class Hit(Event):
    """A lookup was answered from what is held, `age_seconds` old, first told by `source`."""

    source: str
    age_seconds: float
    stale: bool


@value
class Refreshed(Event):
    """The stores were asked: `outcome` is `found`, `absent` or `failed`; `source` told it; it took `took_seconds`."""

    outcome: str
    source: str | None
    took_seconds: float


@value
class StaleServed(Event):
    """An answer beyond its time was served; `reason` says why. `failing` is False while a refresh is under way."""

    source: str
    age_seconds: float
    reason: str
    failing: bool


@value
class FallbackUsed(Event):
    """A store behind the authority answered; `reason` says what the authority said.

    `failing` is True where the authority failed, False where it does not have what a person put there by hand.
    """

    source: str
    reason: str
    failing: bool


@value
class StoreFailed(Event):
    """A store failed: the `error`'s class name, AWS's `code` if there is one, and the `message`."""

    store: str
    error: str
    code: str
    message: str


@value
class RecordsSkipped(Event):
    """Records were read and could not be used: `reasons`, one line each."""

    source: str
    reasons: tuple[str, ...]


@value
class EndpointFailed(Event):
    """`report_failure` was called: the instance with this id could not be reached."""

    instance_id: str
    endpoint: str


@value
class Registered(Event):
    """A record was written."""

    instance_id: str
    endpoint: str
    owner: str


@value
class Deregistered(Event):
    """A record was removed."""

    instance_id: str


@value
class MirrorFailed(Event):
    """A projection of Cloud Map could not be written, or holds what a person put there."""

    mirror: str
    reason: str
