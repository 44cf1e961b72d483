"""Discovery: what is held or a flight, then selection."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from typing import TYPE_CHECKING, assert_never

from cloudmap_discovery.errors import (
    DiscoveryError,
    DiscoveryUnavailableError,
    InvalidValueError,
    LookupsFailedError,
    NoMatchingInstanceError,
    ServiceNotFoundError,
    StoreTimeoutError,
)
from cloudmap_discovery.events import LOGGER, EndpointFailed, Hit, StaleServed
from cloudmap_discovery.explaining import explain_lookup
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
from cloudmap_discovery.limits import check_service, check_stage
from cloudmap_discovery.model import NO_ATTRIBUTES, Answer, Attributes, Instance, Key
from cloudmap_discovery.ready import Ready
from cloudmap_discovery.selection import candidates, describe, describe_wanted, draw, draw_weights, matching

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.errors import StoreError
    from cloudmap_discovery.events import EventHub
    from cloudmap_discovery.flights import Flight, Waiting
    from cloudmap_discovery.freshness import Absence, Entry, HeldAnswer
    from cloudmap_discovery.io_thread import IOThread
    from cloudmap_discovery.model import Explanation
    from cloudmap_discovery.ready import ReadyTable
    from cloudmap_discovery.refresh import Refresher
    from cloudmap_discovery.set_aside import SetAside


class Discovery:
    """Looks services up. Every method may be called on any event loop and thread.

    `held` and `held_all` answer at once from what is held, or not at all; the coroutines ask the stores where
    they have to. `default_stage` is what `stage=None` means. `stale_wait_seconds` is how long the caller that
    starts a refresh of a stale answer waits for it. `random` gives numbers in [0, 1).
    """

    def __init__(
        self,
        *,
        namespace: str,
        default_stage: str,
        stale_wait_seconds: float,
        refresher: Refresher,
        ready: ReadyTable,
        set_aside: SetAside,
        io: IOThread,
        clock: Clock,
        random: Callable[[], float],
        events: EventHub,
    ) -> None:
        self._namespace = namespace
        self._default_stage = default_stage
        self._stale_wait_seconds = stale_wait_seconds
        self._refresher = refresher
        self._cache = refresher.cache
        self._policy = refresher.policy
        self._ready = ready
        self._set_aside = set_aside
        self._io = io
        self._clock = clock
        self._wall = clock.wall
        self._monotonic = clock.monotonic
        self._random = random
        self._events = events

    def held(
        self, service: str, stage: str | None = None, where: Mapping[str, str] | None = None
    ) -> Instance | None:
        """Return an instance if what is held answers the request now, without waiting for any store."""
        try:
            ready = self._ready.get((service, stage))
        except TypeError:  # not hashable, so not text: the checks below say which
            ready = None
        if ready is not None and where is None and not self._events.callbacks:
            monotonic, wall = self._monotonic(), self._wall()
            if (
                ready.monotonic_from <= monotonic < ready.monotonic_until
                and ready.wall_from <= wall < ready.wall_until
            ):
                ready.slot.used = monotonic
                # `draw`, written out: a call less where every tenth of a microsecond counts.
                return (
                    ready.only
                    or ready.instances[
                        bisect_right(ready.totals, self._random() * ready.total, 0, ready.last)
                    ]
                )
        key, conditions = self._key(service, stage), _conditions(where)
        serve = self._served_now(key)
        chosen = serve and candidates(matching(serve.answer.instances, conditions))
        if not serve or not chosen:
            return None
        self._tell_held(key, serve)
        return self._choose(key, chosen, serve, stage if where is None else key.stage, keep=where is None)

    def held_all(
        self, service: str, stage: str | None = None, where: Mapping[str, str] | None = None
    ) -> Answer | None:
        """Return every match if what is held answers the request now, without waiting for any store."""
        key, conditions = self._key(service, stage), _conditions(where)
        serve = self._served_now(key)
        matches = serve and matching(serve.answer.instances, conditions)
        if not serve or not matches:
            return None
        self._tell_held(key, serve)
        return _answer(key, serve, matches)

    async def discover(
        self, service: str, *, stage: str | None = None, where: Mapping[str, str] | None = None
    ) -> Instance:
        """Return one instance of the service, chosen as the design says."""
        held = self.held(service, stage, where)
        if held is not None:
            return held
        key, conditions = self._key(service, stage), _conditions(where)
        serve, chosen = await self._select(
            key, conditions, lambda instances: candidates(matching(instances, conditions))
        )
        return self._choose(key, chosen, serve, stage, keep=where is None)

    async def discover_all(
        self, service: str, *, stage: str | None = None, where: Mapping[str, str] | None = None
    ) -> Answer:
        """Return every match, highest version first, then by id."""
        held = self.held_all(service, stage, where)
        if held is not None:
            return held
        key, conditions = self._key(service, stage), _conditions(where)
        serve, matches = await self._select(
            key, conditions, lambda instances: matching(instances, conditions)
        )
        return _answer(key, serve, matches)

    async def discover_many(self, names: Sequence[str], *, stage: str | None = None) -> dict[str, Instance]:
        """Return one instance of each service, looked up concurrently."""
        if isinstance(names, str):
            raise InvalidValueError("names", names, "must be several names, not one str")
        unique = list(dict.fromkeys([self._key(name, stage).service for name in names]))
        results = await asyncio.gather(
            *(self.discover(name, stage=stage) for name in unique), return_exceptions=True
        )
        found: dict[str, Instance] = {}
        failures: dict[str, DiscoveryError] = {}
        for name, result in zip(unique, results, strict=True):
            if isinstance(result, Instance):
                found[name] = result
            elif isinstance(result, DiscoveryError):
                failures[name] = result
            else:
                raise result
        if failures:
            raise LookupsFailedError(found, failures) from next(iter(failures.values()))
        return found

    async def prefetch(self, *names: str, stage: str | None = None) -> None:
        """Look the services up, so that later lookups find them held; failures are logged, never raised."""

        async def fetch(name: str) -> None:
            try:
                await self._served(self._key(name, stage))
            except DiscoveryError as error:
                LOGGER.warning("prefetch of %r failed: %s", name, error)

        await asyncio.gather(*(fetch(name) for name in names))

    async def explain(
        self, service: str, *, stage: str | None = None, where: Mapping[str, str] | None = None
    ) -> Explanation:
        """Ask every store now, change nothing, and say what `discover` would answer and why."""
        key, conditions = self._key(service, stage), _conditions(where)
        entry = self._cache.get(key)
        return await self._io.submit(
            lambda: explain_lookup(
                key,
                conditions,
                entry=entry,
                decision=decide(entry, self._clock.now(), self._policy),
                ladder=self._refresher.ladder,
                asker=self._refresher.asker,
                clock=self._clock,
                negative_ttl_seconds=self._policy.negative_ttl_seconds,
                serves_stale_at_once=self._stale_wait_seconds <= 0,
            )
        )

    async def report_failure(self, instance: Instance) -> None:
        """Note that the instance could not be reached: set it aside for a moment, and have its key refreshed."""
        if not isinstance(instance, Instance):
            raise InvalidValueError("instance", instance, "must be an Instance, as discover returns it")
        key = Key(self._namespace, instance.service, instance.stage)
        due = self._set_aside.report(key, instance.id, self._clock.now())
        if due:
            self._cache.mark(key, Mark.REPORTED)
        else:
            self._ready.invalidate(key)
        self._events.emit(EndpointFailed(key.service, key.stage, instance.id, instance.endpoint))

    def forget(self, key: Key) -> None:
        """Hold nothing of the key, and discard what a flight under way will bring."""
        self._refresher.flights.abandon(key)
        self._cache.drop(key)

    def forget_all(self) -> None:
        """Hold nothing, and discard what every flight under way will bring."""
        self._refresher.flights.abandon_all()
        self._cache.clear()

    def expire(self) -> None:
        """Take everything held for expired: it is from before a snapshot."""
        self._refresher.flights.abandon_all()
        self._cache.expire_all()

    def _key(self, service: str, stage: str | None) -> Key:
        return Key(
            self._namespace,
            check_service(service),
            self._default_stage if stage is None else check_stage(stage),
        )

    def _served_now(self, key: Key) -> Serve | None:
        decision = decide(self._cache.get(key), self._clock.now(), self._policy)
        match decision:
            case Serve():
                return decision
            case Revalidate(answer, age):
                if self._stale_wait_seconds > 0 and not self._refresher.flights.is_under_way(key):
                    return None
                return Serve(answer, age, stale=True)
            case _:
                return None

    def _tell_held(self, key: Key, serve: Serve) -> None:
        # Only now: for what does not match, another kind of refresh is started.
        if serve.stale and serve.back_off is None:
            self._refresh(key, serve.answer)
        self._tell(key, serve)

    async def _served(self, key: Key) -> Serve:
        decision = decide(self._cache.get(key), self._clock.now(), self._policy)
        match decision:
            case Serve():
                self._tell(key, decision)
                return decision
            case Revalidate(answer, age):
                flight, is_ours = self._refresh(key, answer)
                held = Serve(answer, age, stale=True)
                if is_ours and self._stale_wait_seconds > 0:
                    return self._after(key, await flight.landed(self._stale_wait_seconds), held)
                self._tell(key, held)
                return held
            case Expired(answer, age):
                flight, _ = self._refresh(key, answer)
                return self._after(key, await flight.landed(), Serve(answer, age, stale=True))
            case Ask():
                flight, _ = self._refresh(key, None)
                outcome = await flight.landed()
                if isinstance(outcome, Abandoned) and not flight.is_overdue:
                    return await self._served(key)  # what is held was forgotten meanwhile: ask anew
                return self._after(key, outcome, None)
            case TellAbsence(absence):
                raise _not_found(key, absence)
            case TellFailure(back_off):
                raise _unavailable(key, back_off.causes)
            case _:
                assert_never(decision)

    def _refresh(self, key: Key, answer: HeldAnswer | None) -> tuple[Flight[Entry], bool]:
        reported = answer is not None and answer.mark is Mark.REPORTED
        return self._refresher.start(key, authority_first=reported)

    def _after(self, key: Key, outcome: Landed[Entry] | Abandoned | Waiting, held: Serve | None) -> Serve:
        """Return what to serve after a flight, or after a wait for one that was too short."""
        if not isinstance(outcome, Landed):
            if held is None:
                late = StoreTimeoutError(
                    "no answer within the budget", store=self._refresher.ladder.authority.name
                )
                raise _unavailable(key, (late,))
            self._tell(key, held)
            return held
        entry = outcome.value
        if entry.absence is not None:
            raise _not_found(key, entry.absence)
        decision = decide(entry, self._clock.now(), self._policy)
        match decision:
            case Serve():
                serve = decision
            case Revalidate(answer, age) | Expired(answer, age):
                serve = Serve(answer, age, stale=True)
            case _:
                causes = entry.back_off.causes if entry.back_off is not None else ()
                raise _unavailable(key, causes)
        self._tell_stale(key, serve)
        return serve

    async def _select(
        self,
        key: Key,
        where: Mapping[str, str],
        select: Callable[[Sequence[Instance]], tuple[Instance, ...]],
    ) -> tuple[Serve, tuple[Instance, ...]]:
        asked = self._clock.now()
        serve = await self._served(key)
        selected = select(serve.answer.instances)
        held_seconds = asked.seconds_since(serve.answer.sent)
        if not selected and serve.back_off is None and held_seconds > self._policy.negative_ttl_seconds:
            serve = await self._refreshed(key, serve)
            selected = select(serve.answer.instances)
        if not selected:
            raise NoMatchingInstanceError(
                key.service,
                key.stage,
                wanted=describe_wanted(where),
                available=[describe(instance) for instance in serve.answer.instances],
                stores=(serve.answer.source,),
            )
        return serve, selected

    async def _refreshed(self, key: Key, held: Serve) -> Serve:
        flight, is_ours = self._refresher.start(key, authority_first=True)
        serve = self._after(key, await flight.landed(), held)
        answer, authority = serve.answer, self._refresher.ladder.authority.name
        if not is_ours and answer.standing is Standing.AUTHORITY and answer.source != authority:
            # It was an ordinary refresh, under way already, which a store before the authority ended.
            flight, _ = self._refresher.start(key, authority_first=True)
            serve = self._after(key, await flight.landed(), serve)
        return serve

    def _choose(
        self, key: Key, chosen: Sequence[Instance], serve: Serve, stage: str | None, *, keep: bool
    ) -> Instance:
        if keep and not serve.stale and not self._set_aside.holds(key, self._clock.now()):
            slot = self._cache.slot(key)
            if slot is not None and slot.entry.answer is serve.answer:
                self._ready[key.service, stage] = Ready(chosen, serve.answer, slot)
                if self._cache.slot(key) is not slot:  # it changed meanwhile, on another thread
                    self._ready.invalidate(key)
        usable = self._set_aside.without(key, chosen, self._clock.now())
        return usable[0] if len(usable) == 1 else draw(usable, draw_weights(usable), self._random)

    def _tell(self, key: Key, serve: Serve) -> None:
        """Say that the answer is served from what was held."""
        if self._events.callbacks:
            self._events.emit(
                Hit(key.service, key.stage, serve.answer.source, serve.age_seconds, serve.stale)
            )
        self._tell_stale(key, serve)

    def _tell_stale(self, key: Key, serve: Serve) -> None:
        if not serve.stale:
            return
        why = str(serve.back_off.causes[0]) if serve.back_off is not None else "its refresh is under way"
        self._events.emit(
            StaleServed(
                key.service,
                key.stage,
                serve.answer.source,
                serve.age_seconds,
                why,
                serve.back_off is not None,
            )
        )


def _conditions(where: Mapping[str, str] | None) -> Mapping[str, str]:
    if where is None:
        return NO_ATTRIBUTES
    try:
        conditions = Attributes(where)
    except (TypeError, ValueError, AttributeError):
        raise InvalidValueError(
            "where", where, "must be a mapping of attribute to value, such as {'color': 'blue'}"
        ) from None
    if not all(isinstance(text, str) for item in conditions.items() for text in item):
        raise InvalidValueError("where", where, "its names and values must be str")
    return conditions


def _answer(key: Key, serve: Serve, matches: tuple[Instance, ...]) -> Answer:
    return Answer(matches, key.service, key.stage, serve.answer.source, serve.age_seconds, serve.stale)


def _not_found(key: Key, absence: Absence) -> ServiceNotFoundError:
    error = ServiceNotFoundError(
        key.service,
        key.stage,
        stores=absence.stores,
        near_misses=absence.near_misses,
        causes=[cause.fresh() for cause in absence.causes],
        detail=absence.detail,
    )
    error.__cause__ = next(iter(error.causes), None)
    return error


def _unavailable(key: Key, causes: Sequence[StoreError]) -> DiscoveryUnavailableError:
    error = DiscoveryUnavailableError(key.service, key.stage, causes=[cause.fresh() for cause in causes])
    error.__cause__ = next(iter(error.causes), None)
    return error
