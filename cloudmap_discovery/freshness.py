"""What is held of a key, and what to do about it at a given moment.

Everything here is a value or a pure function: nothing awaits, reads a clock or logs.

    age                                     decision
    up to `ttl_seconds`                     Serve
    then, for `revalidate_seconds` more     Revalidate   served while a refresh runs
    then, up to `max_stale_seconds`         Expired      the refresh comes first; served if it fails
    beyond                                  Ask          as if nothing were held

What came with the function is Revalidate at best: it is served while a refresh runs, however long that takes.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, assert_never

from cloudmap_discovery.values import replace, value

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudmap_discovery.clock import Instant
    from cloudmap_discovery.errors import StoreError
    from cloudmap_discovery.model import Instance

FIRST_BACK_OFF_SECONDS: Final = 1.0
MAX_BACK_OFF_SECONDS: Final = 30.0
ABSENCE_GROWTH: Final = 12
TTL_JITTER: Final = 0.1

# What ends so much after its budget was not slow: the process was frozen meanwhile, and nobody is to blame.
FROZEN_SECONDS: Final = 0.5


@value
class Policy:
    """How long what is held may be used, in seconds."""

    ttl_seconds: float
    revalidate_seconds: float
    max_stale_seconds: float
    negative_ttl_seconds: float


class Mark(Enum):
    """What happened to an answer apart from growing old."""

    NONE = "none"
    REPORTED = "reported"  # an instance of it could not be reached: at best stale
    RESTORED = "restored"  # from before a snapshot: at best expired


class Standing(Enum):
    """On whose word an answer is held."""

    AUTHORITY = "authority"  # the authority's, or a store's before it
    BY_HAND = "by hand"  # a fallback's, where the authority says absent
    PROVISIONAL = "provisional"  # a fallback's, while the authority fails
    PACKAGED = "packaged"  # came with the function: served from the start, and refreshed behind that


@value
class HeldAnswer:
    """Records of a key: from which store, asked when, and fresh for how long.

    `behind_seconds` is how old they were already when they were read: people are told, the rules do not care.
    """

    instances: tuple[Instance, ...]
    source: str
    sent: Instant
    fresh_seconds: float
    standing: Standing = Standing.AUTHORITY
    mark: Mark = Mark.NONE
    behind_seconds: float = 0.0

    def told_age(self, age_seconds: float) -> float:
        """Return the age to tell people, of an answer that is held for so long."""
        return max(age_seconds, 0.0) + self.behind_seconds


@value
class Absence:
    """The authority said that there is no such service, for the `misses`-th time in a row."""

    stores: tuple[str, ...]
    detail: str
    causes: tuple[StoreError, ...]
    near_misses: tuple[str, ...]
    since: Instant
    seconds: float
    misses: int
    stages: tuple[str, ...] = ()


@value
class BackOff:
    """The authority failed, for the `failures`-th time in a row; until `seconds` have passed it is left alone."""

    causes: tuple[StoreError, ...]
    since: Instant
    seconds: float
    failures: int


@value
class Entry:
    """All that is held of a key: an answer or an absence, not both, and whether the authority has failed since."""

    answer: HeldAnswer | None = None
    absence: Absence | None = None
    back_off: BackOff | None = None


NOTHING: Final = Entry()


@value
class Serve:
    """Serve the answer; no store is asked, neither now nor, during a `back_off`, where it turns out not to match."""

    answer: HeldAnswer
    age_seconds: float
    stale: bool
    back_off: BackOff | None = None


@value
class Revalidate:
    """Start a refresh, unless one is under way, and serve the answer without waiting long."""

    answer: HeldAnswer
    age_seconds: float


@value
class Expired:
    """Wait for a refresh; serve the answer if that fails."""

    answer: HeldAnswer
    age_seconds: float


@value
class Ask:
    """Nothing usable is held: wait for the stores."""


@value
class TellAbsence:
    """Raise the remembered absence."""

    absence: Absence


@value
class TellFailure:
    """Raise the remembered failure."""

    back_off: BackOff


Decision = Serve | Revalidate | Expired | Ask | TellAbsence | TellFailure


def decide(entry: Entry, now: Instant, policy: Policy) -> Decision:
    """Return what to do with a request for the key."""
    if entry.absence is not None and _lasts(entry.absence.since, entry.absence.seconds, now):
        return TellAbsence(entry.absence)
    by_age = _by_age(entry.answer, now, policy)
    backs_off = entry.back_off is not None and _lasts(entry.back_off.since, entry.back_off.seconds, now)
    if not backs_off or entry.back_off is None:
        return by_age
    match by_age:
        case Serve(answer, age) | Revalidate(answer, age) | Expired(answer, age):
            return Serve(answer, age, stale=not isinstance(by_age, Serve), back_off=entry.back_off)
        case Ask():
            return TellFailure(entry.back_off)
        case _:
            assert_never(by_age)


def _by_age(answer: HeldAnswer | None, now: Instant, policy: Policy) -> Serve | Revalidate | Expired | Ask:
    if answer is None:
        return Ask()
    age = now.seconds_since(answer.sent)
    if age > policy.max_stale_seconds and age > answer.fresh_seconds:
        return Ask()
    told = answer.told_age(age)
    # A clock that ran back, a snapshot from elsewhere, a stand-in for the authority: ask before using it.
    if age < 0 or answer.mark is Mark.RESTORED or answer.standing is Standing.PROVISIONAL:
        return Expired(answer, told)
    is_packaged = answer.standing is Standing.PACKAGED
    if age <= answer.fresh_seconds and answer.mark is Mark.NONE and not is_packaged:
        return Serve(answer, told, stale=False)
    if age <= answer.fresh_seconds + policy.revalidate_seconds or is_packaged:
        return Revalidate(answer, told)
    return Expired(answer, told)


def usable_answer(entry: Entry, now: Instant, policy: Policy) -> HeldAnswer | None:
    """Return the answer that a failing authority leaves us with, if there is one that is not too old."""
    return None if isinstance(_by_age(entry.answer, now, policy), Ask) else entry.answer


def is_known(entry: Entry) -> bool:
    """Return whether a store has ever said anything of the key, as far as that is held."""
    return entry.answer is not None or entry.absence is not None


def last_absence(entry: Entry, now: Instant, policy: Policy) -> Absence | None:
    """Return the absence that a failing authority leaves us with, if there is one that is not too old."""
    absence = entry.absence
    if absence is None or entry.answer is not None:
        return None
    return absence if 0 <= now.seconds_since(absence.since) <= policy.max_stale_seconds else None


def answered(
    previous: Entry,
    instances: tuple[Instance, ...],
    source: str,
    sent: Instant,
    policy: Policy,
    random: Callable[[], float],
    *,
    standing: Standing = Standing.AUTHORITY,
    behind_seconds: float = 0.0,
) -> Entry:
    """Return what is held after a store found the key; a newer answer of the authority stays."""
    held = previous.answer
    if (
        held is not None
        and held.standing is Standing.AUTHORITY
        and held.mark is Mark.NONE
        and held.sent.seconds_since(sent) > 0
    ):
        return replace(previous, absence=None, back_off=None)
    fresh_seconds = policy.ttl_seconds * (1 - TTL_JITTER * random())
    return Entry(HeldAnswer(instances, source, sent, fresh_seconds, standing, behind_seconds=behind_seconds))


def missed(
    previous: Entry,
    stores: tuple[str, ...],
    detail: str,
    causes: tuple[StoreError, ...],
    near_misses: tuple[str, ...],
    now: Instant,
    policy: Policy,
    *,
    stages: tuple[str, ...] = (),
) -> Entry:
    """Return what is held after the authority said that the key is absent: no answer, and the absence.

    `near_misses` are names spelled alike, `stages` others in which the service is known.
    """
    misses = previous.absence.misses + 1 if previous.absence is not None else 1
    growth = min(2 ** min(misses - 1, 10), ABSENCE_GROWTH)
    seconds = policy.negative_ttl_seconds * growth
    return Entry(absence=Absence(stores, detail, causes, near_misses, now, seconds, misses, stages))


def failed(
    previous: Entry, causes: tuple[StoreError, ...], now: Instant, random: Callable[[], float]
) -> Entry:
    """Return what is held after the authority failed: the answer or absence as it was, and a longer back-off."""
    failures = previous.back_off.failures + 1 if previous.back_off is not None else 1
    seconds = back_off_seconds(failures, MAX_BACK_OFF_SECONDS, random)
    return replace(previous, back_off=BackOff(causes, now, seconds, failures))


def back_off_seconds(failures: int, most_seconds: float, random: Callable[[], float]) -> float:
    """Return how long to leave alone what failed so often: doubling, less up to a half so that crowds disperse."""
    seconds: float = min(FIRST_BACK_OFF_SECONDS * 2 ** min(failures - 1, 16), most_seconds)
    return seconds * (1 - 0.5 * random())


def _lasts(since: Instant, seconds: float, now: Instant) -> bool:
    return 0 <= now.seconds_since(since) < seconds
