"""Serving: what is held of a key, or what a flight brings, and when to wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from cloudmap_discovery.errors import DiscoveryUnavailableError, ServiceNotFoundError, StoreTimeoutError
from cloudmap_discovery.events import Hit, StaleServed
from cloudmap_discovery.flights import Abandoned, Landed
from cloudmap_discovery.freshness import (
    Ask,
    Expired,
    Mark,
    Revalidate,
    Serve,
    Standing,
    TellAbsence,
    TellFailure,
    decide,
)
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudmap_discovery.clock import Clock, Instant
    from cloudmap_discovery.errors import StoreError
    from cloudmap_discovery.event_hub import EventHub
    from cloudmap_discovery.flights import Flight, Waiting
    from cloudmap_discovery.freshness import Absence, Decision, Entry, HeldAnswer
    from cloudmap_discovery.model import Key
    from cloudmap_discovery.refresh import Refresher


@value
class Served:
    """What to serve; `was_held` says that no store was asked for it in this lookup."""

    serve: Serve
    was_held: bool


class Serving:
    """Serves keys. `stale_wait_seconds` is how long the caller that starts a refresh of a stale answer waits for it."""

    def __init__(
        self, refresher: Refresher, *, clock: Clock, events: EventHub, stale_wait_seconds: float
    ) -> None:
        self._refresher = refresher
        self._cache = refresher.cache
        self._policy = refresher.policy
        self._clock = clock
        self._events = events
        self._stale_wait_seconds = stale_wait_seconds

    @property
    def serves_stale_at_once(self) -> bool:
        """Whether nobody waits for the refresh of a stale answer."""
        return self._stale_wait_seconds <= 0

    def decision(self, entry: Entry) -> Decision:
        """Return what to do now about a key of which this is held."""
        return decide(entry, self._clock.now(), self._policy)

    def at_once(self, key: Key) -> Serve | None:
        """Return what is served without any wait, or None; starts nothing."""
        decision = self._decision_of(key)
        match decision:
            case Serve():
                return decision
            case Revalidate(answer, age):
                if self.serves_stale_at_once or self._refresher.flights.is_under_way(key):
                    return Serve(answer, age, stale=True)
                return None
            case _:
                return None

    async def served(self, key: Key, *, asks_again: bool = True) -> Served:
        """Return what to serve, waiting for a flight where that is needed.

        Raises a `ServiceNotFoundError` or a `DiscoveryUnavailableError`, remembered or new.
        """
        decision = self._decision_of(key)
        match decision:
            case Serve():
                return Served(decision, was_held=True)
            case Revalidate(answer, age):
                flight, is_ours = self._refresh(key, answer)
                held = Serve(answer, age, stale=True)
                if is_ours and not self.serves_stale_at_once:
                    return self._after(key, await flight.landed(self._stale_wait_seconds), held)
                return Served(held, was_held=True)
            case Expired(answer, age):
                flight, _ = self._refresh(key, answer)
                return self._after(key, await flight.landed(), Serve(answer, age, stale=True))
            case Ask():
                flight, _ = self._refresh(key, None)
                outcome = await flight.landed()
                if asks_again and isinstance(outcome, Abandoned) and not flight.is_overdue:
                    # What is held was forgotten meanwhile.
                    return await self.served(key, asks_again=False)
                return self._after(key, outcome, None)
            case TellAbsence(absence):
                raise _not_found(key, absence)
            case TellFailure(back_off):
                raise _unavailable(key, back_off.causes)
            case _:
                assert_never(decision)

    def backs_off(self, key: Key) -> bool:
        """Return whether the authority is left alone about the key, since it failed."""
        decision = self._decision_of(key)
        return isinstance(decision, Serve | TellFailure) and decision.back_off is not None

    async def refreshed(self, key: Key, held: Serve, *, since: Instant) -> Served:
        """Return what the authority says now, in what is left of the budget that began at `since`."""
        flight, _ = self._refresher.start(key, authority_first=True)
        rest = self._refresher.budget_seconds - self._clock.now().longest_since(since)
        return self._after(key, await flight.landed(max(rest, 0.0)), held)

    def tell(self, key: Key, served: Served) -> None:
        """Say what is served; start the refresh of what is stale, unless it is under way."""
        serve, failing = served.serve, served.serve.back_off is not None
        if served.was_held:
            self.revalidate(key, serve)
        source, age = serve.answer.source, serve.age_seconds
        if served.was_held and self._events.callbacks:
            self._events.emit(Hit(key.service, key.stage, source, age, serve.stale))
        if serve.stale:
            why = str(serve.back_off.causes[0]) if serve.back_off is not None else "its refresh is under way"
            self._events.emit(StaleServed(key.service, key.stage, source, age, why, failing))

    def revalidate(self, key: Key, serve: Serve) -> None:
        """Start the refresh of what is stale, unless it is under way or the authority is left alone."""
        # What is served may be stale also because a stage above its own could not be asked.
        if serve.stale and isinstance(self._decision_of(key), Revalidate | Expired):
            self._refresh(key, serve.answer)

    def reported(self, key: Key) -> None:
        """Have the key refreshed, since an instance of it could not be reached."""
        self._refresher.flights.abandon(key)  # it was sent before the report
        self._cache.mark(key, Mark.REPORTED)

    def forget(self, key: Key) -> None:
        """Hold nothing of the key, and discard what a flight under way will bring."""
        self._refresher.forget(key)
        self._refresher.flights.abandon(key)
        self._cache.drop(key)

    def forget_all(self) -> None:
        """Hold nothing, and discard what every flight under way will bring."""
        self._refresher.forget(None)
        self._refresher.flights.abandon_all()
        self._cache.clear()

    def expire_all(self) -> None:
        """Take everything held for expired, and discard what every flight under way will bring."""
        self._refresher.flights.abandon_all()
        self._cache.expire_all()

    def _decision_of(self, key: Key) -> Decision:
        return self.decision(self._cache.get(key))

    def _refresh(self, key: Key, answer: HeldAnswer | None) -> tuple[Flight[Entry], bool]:
        was_reported = answer is not None and answer.mark is Mark.REPORTED
        return self._refresher.start(key, authority_first=was_reported)

    def _after(self, key: Key, outcome: Landed[Entry] | Abandoned | Waiting, held: Serve | None) -> Served:
        """Return what to serve after a flight, or after a wait for one that was too short."""
        if not isinstance(outcome, Landed):
            if held is None:
                authority = self._refresher.ladder.authority.name
                raise _unavailable(key, (StoreTimeoutError("no answer within the budget", store=authority),))
            return Served(held, was_held=True)
        entry = outcome.value
        if entry.absence is not None and entry.back_off is None:
            raise _not_found(key, entry.absence)
        decision = self.decision(entry)
        match decision:
            case Serve():
                return Served(decision, was_held=False)
            case Revalidate(answer, age) | Expired(answer, age):
                if answer.standing is Standing.PACKAGED:  # nobody waits for what the other stores say
                    self._refresh(key, answer)
                return Served(Serve(answer, age, stale=True), was_held=False)
            case _ if entry.answer is not None and entry.back_off is None:
                # It is older than it may be already, but it has just been told.
                age = entry.answer.told_age(self._clock.now().seconds_since(entry.answer.sent))
                return Served(Serve(entry.answer, age, stale=True), was_held=False)
            case _:
                causes = entry.back_off.causes if entry.back_off is not None else ()
                raise _unavailable(key, causes)


def _not_found(key: Key, absence: Absence) -> ServiceNotFoundError:
    error = ServiceNotFoundError(
        key.service,
        key.stage,
        stores=absence.stores,
        near_misses=absence.near_misses,
        stages=absence.stages,
        causes=[cause.fresh() for cause in absence.causes],
        detail=absence.detail,
    )
    error.__cause__ = next(iter(error.causes), None)
    return error


def _unavailable(key: Key, causes: Sequence[StoreError]) -> DiscoveryUnavailableError:
    error = DiscoveryUnavailableError(key.service, key.stage, causes=[cause.fresh() for cause in causes])
    error.__cause__ = next(iter(error.causes), None)
    return error
