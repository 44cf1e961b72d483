"""Brings what is held of a key up to date: one flight up the ladder, recorded when it lands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from cloudmap_discovery.events import FallbackUsed, RecordsSkipped, Refreshed
from cloudmap_discovery.freshness import (
    FROZEN_SECONDS,
    Ask,
    Expired,
    Revalidate,
    Standing,
    answered,
    decide,
    failed,
    is_known,
    missed,
    usable_answer,
)
from cloudmap_discovery.ladder import Answered, Missed, Unavailable, passed_over
from cloudmap_discovery.values import replace, value

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudmap_discovery.cache import Cache
    from cloudmap_discovery.clock import Clock, Instant
    from cloudmap_discovery.event_hub import EventHub
    from cloudmap_discovery.flights import Flight, Flights
    from cloudmap_discovery.freshness import Entry, Policy
    from cloudmap_discovery.ladder import Asker, Climbed, Ladder, Said
    from cloudmap_discovery.model import Key
    from cloudmap_discovery.stores.port import Store


_MAX_FORGOTTEN: Final = 1000


@value
class _Brought:
    """What a flight brought, and, where the service is not there, what is known: names alike, stages that have it."""

    climbed: Climbed
    alike: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()


@value
class Refresher:
    """Starts flights, and turns what they bring into what is held.

    `random` gives numbers in [0, 1). `forgotten` is empty at first. `declared` are names that are known beside those of
    which answers are held.
    """

    ladder: Ladder
    asker: Asker
    cache: Cache
    flights: Flights
    policy: Policy
    clock: Clock
    random: Callable[[], float]
    events: EventHub
    budget_seconds: float
    forgotten: dict[Key | None, Instant]
    declared: tuple[str, ...] = ()

    def start(self, key: Key, *, authority_first: bool = False) -> tuple[Flight[Entry], bool]:
        """Return the key's flight, and whether this call started it; it lands with what is held from then on."""

        async def fly(started: Instant) -> _Brought | None:
            entry, now = self.cache.get(key), self.clock.now()
            if not authority_first and not isinstance(
                decide(entry, now, self.policy), Ask | Expired | Revalidate
            ):
                return None  # another flight landed since the caller looked at what is held

            within_budget = self.asker.within(
                key, started, lambda store: self._known_since(key, store, entry)
            )

            async def ask(store: Store, others: int) -> Said:
                said = await within_budget(store, others)
                skipped = passed_over(said)
                if skipped:
                    reasons = tuple(f"{record.record}: {record.reason}" for record in skipped)
                    self.events.emit(RecordsSkipped(key.service, key.stage, store.name, reasons))
                return said

            held = usable_answer(entry, now, self.policy)
            climbed = await self.ladder.climb(
                ask, held, authority_first=authority_first, is_known=is_known(entry)
            )
            self._tell(key, climbed, started)
            if not isinstance(climbed, Missed):
                return _Brought(climbed)
            known = self.cache.services(key.namespace) | set(self.declared)
            stages = self.cache.stages(key.namespace, key.service) - {key.stage}
            return _Brought(climbed, _alike(key.service, known), tuple(sorted(stages)))

        skips_stores = authority_first and self.ladder.stores[0] is not self.ladder.authority
        return self.flights.launch(
            key,
            fly,
            lambda brought: self._land(key, brought),
            budget_seconds=self.budget_seconds,
            kind="authority first" if skips_stores else "",
            replaces_other_kinds=skips_stores,
        )

    def forget(self, key: Key | None) -> None:
        """Have stores that keep what they read ask again for the key, or, with None, for every key."""
        if key is None or len(self.forgotten) >= _MAX_FORGOTTEN:
            self.forgotten.clear()  # so that what stands beside every key is of later than that
            key = None
        self.forgotten[key] = self.clock.now()

    def _known_since(self, key: Key, store: Store, entry: Entry) -> Instant | None:
        if entry.answer is not None:
            return entry.answer.sent
        if self.forgotten:
            return self.forgotten.get(key) or self.forgotten.get(None)
        # Where another store's word counts, that one is asked anyway.
        if entry.absence is not None and store is self.ladder.authority:
            return entry.absence.since
        return None

    def _land(self, key: Key, brought: _Brought | None) -> Entry:
        if brought is None:
            return self.cache.get(key)
        entry = self._entry(key, brought)
        self.cache.put(key, entry)
        return entry

    def _entry(self, key: Key, brought: _Brought) -> Entry:
        previous, now = self.cache.get(key), self.clock.now()
        match brought.climbed:
            case Answered(found, source, standing, causes):
                jitter = found.jitter
                entry = answered(
                    previous,
                    found.instances,
                    source,
                    found.sent,
                    self.policy,
                    self.random if jitter is None else lambda: jitter,
                    standing=standing,
                    behind_seconds=found.behind_seconds,
                )
                if standing is not Standing.PROVISIONAL:
                    return entry
                return replace(entry, back_off=failed(previous, causes, now, self.random).back_off)
            case Missed(stores, detail, causes):
                return missed(
                    previous, stores, detail, causes, brought.alike, now, self.policy, stages=brought.stages
                )
            case Unavailable(causes):
                return failed(previous, causes, now, self.random)
            case _:
                assert_never(brought.climbed)

    def _tell(self, key: Key, climbed: Climbed, started: Instant) -> None:
        took = self.clock.now().longest_since(started)
        if took > self.budget_seconds + FROZEN_SECONDS:
            return  # it was frozen under way, and what it brought is discarded
        match climbed:
            case Answered(_, source, standing, causes):
                self.events.emit(Refreshed(key.service, key.stage, "found", source, took))
                if standing is Standing.PROVISIONAL:
                    self.events.emit(
                        FallbackUsed(key.service, key.stage, source, str(causes[0]), failing=True)
                    )
                elif standing is Standing.BY_HAND:
                    reason = f"{self.ladder.authority.name} does not have it"
                    self.events.emit(FallbackUsed(key.service, key.stage, source, reason, failing=False))
            case Missed():
                self.events.emit(Refreshed(key.service, key.stage, "absent", None, took))
            case Unavailable():
                self.events.emit(Refreshed(key.service, key.stage, "failed", None, took))
            case _:
                assert_never(climbed)


def _alike(service: str, known: set[str]) -> tuple[str, ...]:
    names = known - {service}
    if not names:
        return ()
    import difflib  # noqa: PLC0415 -- only where a name is unknown

    return tuple(difflib.get_close_matches(service, sorted(names), n=3, cutoff=0.8))
