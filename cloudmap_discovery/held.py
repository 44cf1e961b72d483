"""Answers lookups from what is held: at once, or not at all."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from cloudmap_discovery.limits import check_sticky
from cloudmap_discovery.model import Answer, Instance, Key
from cloudmap_discovery.overriding import OVERRIDE
from cloudmap_discovery.ready import Ready
from cloudmap_discovery.selection import candidates, draw, draw_weights, matching, rendezvous
from cloudmap_discovery.serving import Served

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cloudmap_discovery.cache import Cache
    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.event_hub import EventHub
    from cloudmap_discovery.freshness import HeldAnswer, Serve
    from cloudmap_discovery.overriding import Overrides
    from cloudmap_discovery.query import Queries, Query
    from cloudmap_discovery.ready import Asked, ReadyTable
    from cloudmap_discovery.serving import Serving
    from cloudmap_discovery.set_aside import SetAside
    from cloudmap_discovery.stages import Stages


class Held:
    """What is held, asked by the arguments of a lookup. No method waits; `random` gives numbers in [0, 1)."""

    def __init__(
        self,
        *,
        queries: Queries,
        cache: Cache,
        serving: Serving,
        stages: Stages,
        ready: ReadyTable,
        set_aside: SetAside,
        overrides: Overrides,
        clock: Clock,
        random: Callable[[], float],
        events: EventHub,
    ) -> None:
        self._queries = queries
        self._cache = cache
        self._serving = serving
        self._stages = stages
        self._ready = ready
        self._get_ready = ready.get
        self._set_aside = set_aside
        self._overrides = overrides
        self._clock = clock
        self._wall = clock.wall
        self._monotonic = clock.monotonic
        self._random = random
        self._events = events

    def instance(
        self,
        service: str,
        stage: str | None = None,
        where: Mapping[str, str] | None = None,
        version: str | None = None,
        tenant: str | None = None,
        sticky: str | None = None,
    ) -> Instance | None:
        """Return an instance if what is held answers the request now, without waiting for any store."""
        try:
            ready = self._get_ready((service, stage, version, tenant))
        except TypeError:  # not hashable, so not text: the checks below say which
            ready = None
        if ready is not None and where is None and not self._events.callbacks:
            monotonic, wall = self._monotonic(), self._wall()
            if (
                ready.monotonic_from <= monotonic < ready.monotonic_until
                and ready.wall_from <= wall < ready.wall_until
            ):
                ready.slot.used = monotonic
                if sticky is not None:
                    return rendezvous(ready.instances, check_sticky(sticky))
                # `draw`, written out: a call less where every tenth of a microsecond counts.
                return (
                    ready.only
                    or ready.instances[
                        bisect_right(ready.totals, self._random() * ready.total, 0, ready.last)
                    ]
                )
        query = self._queries.read(service, stage, where, version, tenant, sticky)
        overriding = self.override(query)
        if overriding is not None:
            return overriding
        at_once = self._stages.at_once(query.keys)
        if at_once is None:
            return None
        key, serve = at_once
        chosen = chosen_from(serve.answer.instances, query)
        if not chosen:
            return None
        self._serving.tell(key, Served(serve, was_held=True))
        return self.choose(query, key, chosen, serve)

    def answer(
        self,
        service: str,
        stage: str | None = None,
        where: Mapping[str, str] | None = None,
        version: str | None = None,
        tenant: str | None = None,
    ) -> Answer | None:
        """Return every match if what is held answers the request now, without waiting for any store."""
        query = self._queries.read(service, stage, where, version, tenant)
        overriding = self.override(query)
        if overriding is not None:
            return Answer((overriding,), overriding.service, overriding.stage, OVERRIDE, 0.0, stale=False)
        at_once = self._stages.at_once(query.keys)
        if at_once is None:
            return None
        key, serve = at_once
        matches = matching(serve.answer.instances, query.criteria)
        if not matches:
            return None
        self._serving.tell(key, Served(serve, was_held=True))
        return answer_of(key, serve, matches)

    def override(self, query: Query) -> Instance | None:
        """Return what stands in for the registry, or None."""
        if not self._overrides.current:
            return None
        return self._overrides.instance(query.keys[0].service, query.keys[0].stage)

    def choose(self, query: Query, key: Key, chosen: Sequence[Instance], serve: Serve) -> Instance:
        """Return one of the candidates that the key has, and have them ready for the next such request."""
        if query.asked is not None and not serve.stale:
            self._keep_ready(query.asked, query.keys[: query.keys.index(key) + 1], chosen, serve.answer)
        usable = self._set_aside.without(key, chosen, self._clock.now())
        if query.sticky is not None:
            return rendezvous(usable, query.sticky)
        return usable[0] if len(usable) == 1 else draw(usable, draw_weights(usable), self._random)

    def _keep_ready(
        self, asked: Asked, keys: Sequence[Key], chosen: Sequence[Instance], answer: HeldAnswer
    ) -> None:
        """Have the choice ready as long as all is as it is; the last key has the answer, those before it nothing."""
        slots = [self._cache.slot(key) for key in keys]
        absences = self._stages.absences(slots[:-1])

        def is_settled() -> bool:
            return (
                all(self._cache.slot(key) is slot for key, slot in zip(keys, slots, strict=True))
                and not self._set_aside.holds(keys[-1], self._clock.now())
                and keys[-1].service not in self._overrides.current
            )

        slot = slots[-1]
        if absences is None or slot is None or slot.entry.answer is not answer or not is_settled():
            return
        self._ready.keep(asked, keys, Ready(chosen, answer, slot, absences))
        if not is_settled():  # it changed meanwhile, on another thread
            self._ready.invalidate(keys[-1])


def matches_from(instances: Sequence[Instance], query: Query) -> tuple[Instance, ...]:
    """Return every instance that matches."""
    return matching(instances, query.criteria)


def chosen_from(instances: Sequence[Instance], query: Query) -> tuple[Instance, ...]:
    """Return the instances among which one is chosen."""
    return candidates(matches_from(instances, query), query.criteria)


def answer_of(key: Key, serve: Serve, matches: tuple[Instance, ...]) -> Answer:
    """Return the matches with where they come from."""
    return Answer(matches, key.service, key.stage, serve.answer.source, serve.age_seconds, serve.stale)
