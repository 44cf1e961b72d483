"""Discovery: what is held or a flight, then selection."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cloudmap_discovery.errors import (
    DiscoveryError,
    InvalidValueError,
    LookupsFailedError,
    NoMatchingInstanceError,
    ServiceNotFoundError,
)
from cloudmap_discovery.events import LOGGER, EndpointFailed
from cloudmap_discovery.freshness import NOTHING
from cloudmap_discovery.held import Held, answer_of, chosen_from, matches_from
from cloudmap_discovery.limits import check_overrides
from cloudmap_discovery.model import Instance, Key
from cloudmap_discovery.overriding import OVERRIDE, Overrides
from cloudmap_discovery.selection import describe, describe_wanted, ordered
from cloudmap_discovery.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.event_hub import EventHub
    from cloudmap_discovery.freshness import HeldAnswer, Serve
    from cloudmap_discovery.io_thread import IOThread
    from cloudmap_discovery.model import Answer, Explanation
    from cloudmap_discovery.query import Queries, Query
    from cloudmap_discovery.ready import ReadyTable
    from cloudmap_discovery.refresh import Refresher
    from cloudmap_discovery.selection import Criteria
    from cloudmap_discovery.serving import Serving
    from cloudmap_discovery.set_aside import SetAside


class Discovery:
    """Looks services up. Every method may be called on any event loop and thread.

    `held` and `held_all` answer at once from what is held, or not at all; the coroutines ask the stores where
    they have to. `random` gives numbers in [0, 1).
    """

    def __init__(
        self,
        *,
        namespace: str,
        queries: Queries,
        refresher: Refresher,
        serving: Serving,
        ready: ReadyTable,
        set_aside: SetAside,
        overrides: Mapping[str, str],
        io: IOThread,
        clock: Clock,
        random: Callable[[], float],
        events: EventHub,
    ) -> None:
        self._namespace = namespace
        self._queries = queries
        self._refresher = refresher
        self._serving = serving
        self._cache = refresher.cache
        self._policy = refresher.policy
        self._stages = Stages(serving, cache=refresher.cache, policy=refresher.policy, clock=clock)
        self._ready = ready
        self._set_aside = set_aside
        self._overrides = Overrides(overrides, on_change=ready.forget_all)
        self._io = io
        self._clock = clock
        self._events = events
        self._held = Held(
            queries=queries,
            cache=refresher.cache,
            serving=serving,
            stages=self._stages,
            ready=ready,
            set_aside=set_aside,
            overrides=self._overrides,
            clock=clock,
            random=random,
            events=events,
        )
        # The very methods, since each call on the way costs as much as the rest of a cached lookup.
        self.held = self._held.instance
        self.held_all = self._held.answer

    async def discover(
        self,
        service: str,
        *,
        stage: str | None = None,
        where: Mapping[str, str] | None = None,
        version: str | None = None,
        tenant: str | None = None,
        sticky: str | None = None,
    ) -> Instance:
        """Return one instance of the service: of the highest version that matches, by weight or by the sticky key."""
        held = self.held(service, stage, where, version, tenant, sticky)
        if held is not None:
            return held
        query = self._queries.read(service, stage, where, version, tenant, sticky)
        key, serve, chosen = await self._select(query, chosen_from)
        return self._held.choose(query, key, chosen, serve)

    async def discover_all(
        self,
        service: str,
        *,
        stage: str | None = None,
        where: Mapping[str, str] | None = None,
        version: str | None = None,
        tenant: str | None = None,
    ) -> Answer:
        """Return every match, highest version first, then by id."""
        held = self.held_all(service, stage, where, version, tenant)
        if held is not None:
            return held
        return await self._answered(self._queries.read(service, stage, where, version, tenant))

    async def answer(
        self,
        service: str,
        *,
        stage: str | None = None,
        where: Mapping[str, str] | None = None,
        version: str | None = None,
        tenant: str | None = None,
    ) -> Answer:
        """Return every match as `discover_all`, and an answer without any where the service is there but none matches."""
        held = self.held_all(service, stage, where, version, tenant)
        if held is not None:
            return held
        query = self._queries.read(service, stage, where, version, tenant)
        return await self._answered(query, may_be_none=True)

    async def discover_many(self, names: Sequence[str], *, stage: str | None = None) -> dict[str, Instance]:
        """Return one instance of each service, looked up concurrently."""
        if isinstance(names, str) or not isinstance(names, Iterable):
            raise InvalidValueError("names", names, "must be several names, such as a list of str")
        unique = list(dict.fromkeys([self._queries.read(name, stage).keys[0].service for name in names]))
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
        """Look the services up, so that later lookups find them held; failures are logged, never raised.

        Without names: the declared dependencies.
        """

        async def fetch(name: str) -> None:
            try:
                query = self._queries.read(name, stage)
                if self._held.override(query) is None:
                    await self._stages.served(query.keys)
            except DiscoveryError as error:
                LOGGER.warning("prefetch of %r failed: %s", name, error)

        wanted = names or self._queries.declared
        if not wanted:
            LOGGER.warning("prefetch has nothing to look up: no names are given, no dependencies declared")
        await asyncio.gather(*(fetch(name) for name in wanted))

    async def explain(
        self,
        service: str,
        *,
        stage: str | None = None,
        where: Mapping[str, str] | None = None,
        version: str | None = None,
        tenant: str | None = None,
        sticky: str | None = None,
    ) -> Explanation:
        """Ask every store now, change nothing, and say what `discover` would answer and why."""
        from cloudmap_discovery.explaining import explain_lookup  # noqa: PLC0415 -- for people, not for cold functions

        query = self._queries.read(service, stage, where, version, tenant, sticky)
        slots = [self._cache.slot(key) for key in query.keys]
        entries = [NOTHING if slot is None else slot.entry for slot in slots]
        return await self._io.submit(
            lambda: explain_lookup(
                query,
                entries=entries,
                overriding=self._held.override(query),
                refresher=self._refresher,
                serves_stale_at_once=self._serving.serves_stale_at_once,
                not_aside=lambda key, chosen: self._set_aside.without(key, chosen, self._clock.now()),
            )
        )

    @contextmanager
    def override(self, overrides: Mapping[str, str] | None = None, /, **more: str) -> Iterator[None]:
        """Answer lookups of these services with these addresses until the block ends, without any store.

        For every thread and event loop of the process. Names that are no Python names go into the mapping.
        """
        given = {} if overrides is None else check_overrides(overrides)
        with self._overrides.added({**given, **more}):
            yield

    async def report_failure(self, instance: Instance) -> None:
        """Note that the instance could not be reached: set it aside for a moment, and have its key refreshed."""
        if not isinstance(instance, Instance):
            raise InvalidValueError("instance", instance, "must be an Instance, as discover returns it")
        key = Key(self._namespace, instance.service, instance.stage)
        if instance.id != OVERRIDE:  # there is no other, and no store to ask
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

    async def _answered(self, query: Query, *, may_be_none: bool = False) -> Answer:
        key, serve, matches = await self._select(query, matches_from, may_be_none=may_be_none)
        return answer_of(key, serve, matches)

    async def _select(
        self,
        query: Query,
        select: Callable[[Sequence[Instance], Query], tuple[Instance, ...]],
        *,
        may_be_none: bool = False,
    ) -> tuple[Key, Serve, tuple[Instance, ...]]:
        asked = self._clock.now()
        key, served = await self._stages.served(query.keys)
        serve = served.serve
        selected = select(serve.answer.instances, query)
        held_seconds = serve.answer.told_age(asked.seconds_since(serve.answer.sent))
        is_old = held_seconds > self._policy.negative_ttl_seconds
        if not selected and is_old and not self._serving.backs_off(key):
            try:
                served = await self._stages.refreshed(key, serve, since=asked)
            except ServiceNotFoundError:
                if len(query.keys) == 1:
                    raise
                return await self._select(
                    query, select, may_be_none=may_be_none
                )  # it is gone: those below it count now
            serve = served.serve
            selected = select(serve.answer.instances, query)
        if not selected and not may_be_none:
            elsewhere = self._cache.stages(key.namespace, key.service) - {key.stage}
            raise _no_match(key, serve.answer, query.criteria, sorted(elsewhere))
        self._serving.tell(key, served)
        return key, serve, selected


def _no_match(
    key: Key, answer: HeldAnswer, criteria: Criteria, other_stages: Sequence[str]
) -> NoMatchingInstanceError:
    tenants = {instance.tenant for instance in answer.instances if instance.tenant is not None}
    versions = (instance.version for instance in ordered(answer.instances) if instance.version is not None)
    return NoMatchingInstanceError(
        key.service,
        key.stage,
        wanted=describe_wanted(criteria),
        available=[describe(instance) for instance in answer.instances],
        versions=tuple(dict.fromkeys(versions)),
        tenants=sorted(tenants),
        stages=other_stages,
        stores=(answer.source,),
    )
