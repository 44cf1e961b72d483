"""Discovery: what is held or a flight, then selection."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cloudmap_discovery.errors import (
    DiscoveryError,
    InvalidValueError,
    LookupsFailedError,
    NoMatchingInstanceError,
)
from cloudmap_discovery.events import LOGGER, EndpointFailed
from cloudmap_discovery.freshness import NOTHING
from cloudmap_discovery.limits import check_conditions, check_service, check_stage
from cloudmap_discovery.model import NO_ATTRIBUTES, Answer, Instance, Key
from cloudmap_discovery.ready import Ready
from cloudmap_discovery.selection import candidates, describe, describe_wanted, draw, draw_weights, matching
from cloudmap_discovery.serving import Served

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.event_hub import EventHub
    from cloudmap_discovery.freshness import Serve
    from cloudmap_discovery.io_thread import IOThread
    from cloudmap_discovery.model import Explanation
    from cloudmap_discovery.ready import ReadyTable
    from cloudmap_discovery.refresh import Refresher
    from cloudmap_discovery.serving import Serving
    from cloudmap_discovery.set_aside import SetAside


class Discovery:
    """Looks services up. Every method may be called on any event loop and thread.

    `held` and `held_all` answer at once from what is held, or not at all; the coroutines ask the stores where
    they have to. `default_stage` is what `stage=None` means. `random` gives numbers in [0, 1).
    """

    def __init__(
        self,
        *,
        namespace: str,
        default_stage: str,
        refresher: Refresher,
        serving: Serving,
        ready: ReadyTable,
        set_aside: SetAside,
        io: IOThread,
        clock: Clock,
        random: Callable[[], float],
        events: EventHub,
    ) -> None:
        self._namespace = namespace
        self._default_stage = default_stage
        self._refresher = refresher
        self._serving = serving
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
        serve = self._serving.at_once(key)
        chosen = serve and candidates(matching(serve.answer.instances, conditions))
        if not serve or not chosen:
            return None
        self._serving.tell(key, Served(serve, was_held=True))
        return self._choose(key, chosen, serve, stage, keep=where is None)

    def held_all(
        self, service: str, stage: str | None = None, where: Mapping[str, str] | None = None
    ) -> Answer | None:
        """Return every match if what is held answers the request now, without waiting for any store."""
        key, conditions = self._key(service, stage), _conditions(where)
        serve = self._serving.at_once(key)
        matches = serve and matching(serve.answer.instances, conditions)
        if not serve or not matches:
            return None
        self._serving.tell(key, Served(serve, was_held=True))
        return _answer(key, serve, matches)

    async def discover(
        self, service: str, *, stage: str | None = None, where: Mapping[str, str] | None = None
    ) -> Instance:
        """Return one instance of the service, chosen by version, then by weight."""
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
        if isinstance(names, str) or not isinstance(names, Iterable):
            raise InvalidValueError("names", names, "must be several names, such as a list of str")
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
                await self._serving.served(self._key(name, stage))
            except DiscoveryError as error:
                LOGGER.warning("prefetch of %r failed: %s", name, error)

        await asyncio.gather(*(fetch(name) for name in names))

    async def explain(
        self, service: str, *, stage: str | None = None, where: Mapping[str, str] | None = None
    ) -> Explanation:
        """Ask every store now, change nothing, and say what `discover` would answer and why."""
        from cloudmap_discovery.explaining import explain_lookup  # noqa: PLC0415 -- for people, not for cold functions

        key, conditions = self._key(service, stage), _conditions(where)
        slot = self._cache.slot(key)
        entry = slot.entry if slot is not None else NOTHING
        return await self._io.submit(
            lambda: explain_lookup(
                key,
                conditions,
                entry=entry,
                decision=self._serving.decision(entry),
                ladder=self._refresher.ladder,
                asker=self._refresher.asker,
                clock=self._clock,
                negative_ttl_seconds=self._policy.negative_ttl_seconds,
                serves_stale_at_once=self._serving.serves_stale_at_once,
                not_aside=lambda chosen: self._set_aside.without(key, chosen, self._clock.now()),
            )
        )

    async def report_failure(self, instance: Instance) -> None:
        """Note that the instance could not be reached: set it aside for a moment, and have its key refreshed."""
        if not isinstance(instance, Instance):
            raise InvalidValueError("instance", instance, "must be an Instance, as discover returns it")
        key = Key(self._namespace, instance.service, instance.stage)
        due = self._set_aside.report(key, instance.id, self._clock.now())
        if due:
            self._serving.reported(key)
        else:
            self._ready.invalidate(key)
        self._events.emit(EndpointFailed(key.service, key.stage, instance.id, instance.endpoint))

    def forget(self, key: Key) -> None:
        """Hold nothing of the key, and discard what a flight under way will bring."""
        self._serving.forget(key)

    def forget_all(self) -> None:
        """Hold nothing, and discard what every flight under way will bring."""
        self._serving.forget_all()

    def expire(self) -> None:
        """Take everything held for expired: it is from before a snapshot."""
        self._serving.expire_all()

    def _key(self, service: str, stage: str | None) -> Key:
        return Key(
            self._namespace,
            check_service(service),
            self._default_stage if stage is None else check_stage(stage),
        )

    async def _select(
        self,
        key: Key,
        where: Mapping[str, str],
        select: Callable[[Sequence[Instance]], tuple[Instance, ...]],
    ) -> tuple[Serve, tuple[Instance, ...]]:
        asked = self._clock.now()
        served = await self._serving.served(key)
        serve = served.serve
        selected = select(serve.answer.instances)
        held_seconds = asked.seconds_since(serve.answer.sent)
        if not selected and serve.back_off is None and held_seconds > self._policy.negative_ttl_seconds:
            served = await self._serving.refreshed(key, serve, since=asked)
            serve = served.serve
            selected = select(serve.answer.instances)
        if not selected:
            raise NoMatchingInstanceError(
                key.service,
                key.stage,
                wanted=describe_wanted(where),
                available=[describe(instance) for instance in serve.answer.instances],
                stores=(serve.answer.source,),
            )
        self._serving.tell(key, served)
        return serve, selected

    def _choose(
        self, key: Key, chosen: Sequence[Instance], serve: Serve, stage: str | None, *, keep: bool
    ) -> Instance:
        if keep and not serve.stale and not self._set_aside.holds(key, self._clock.now()):
            slot = self._cache.slot(key)
            if slot is not None and slot.entry.answer is serve.answer:
                self._ready[key.service, None if stage is None else key.stage] = Ready(
                    chosen, serve.answer, slot
                )
                # Either may have changed meanwhile, on another thread.
                if self._cache.slot(key) is not slot or self._set_aside.holds(key, self._clock.now()):
                    self._ready.invalidate(key)
        usable = self._set_aside.without(key, chosen, self._clock.now())
        return usable[0] if len(usable) == 1 else draw(usable, draw_weights(usable), self._random)


def _conditions(where: Mapping[str, str] | None) -> Mapping[str, str]:
    return NO_ATTRIBUTES if where is None else check_conditions(where)


def _answer(key: Key, serve: Serve, matches: tuple[Instance, ...]) -> Answer:
    return Answer(matches, key.service, key.stage, serve.answer.source, serve.age_seconds, serve.stale)
