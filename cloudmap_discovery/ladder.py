"""Asks the stores for one key, in order, within one budget."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, assert_never

from cloudmap_discovery.errors import StoreError, StoreTimeoutError, without_frames
from cloudmap_discovery.events import StoreFailed
from cloudmap_discovery.freshness import FROZEN_SECONDS, Standing
from cloudmap_discovery.stores.port import Absent, Found
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from cloudmap_discovery.clock import Clock, Instant
    from cloudmap_discovery.event_hub import EventHub
    from cloudmap_discovery.freshness import HeldAnswer
    from cloudmap_discovery.model import Key, PassedOver
    from cloudmap_discovery.store_health import StoreHealth
    from cloudmap_discovery.stores.port import Store

# What a store may use of what remains, while another is left to ask.
SHARE: Final = 0.6


@value
class Failed:
    """A store could not say: throttled, denied, unreachable, too slow, or nothing usable.

    `kept` is what it said of the key before, however old.
    """

    error: StoreError
    kept: Found | None = None


Said = Found | Absent | Failed


@value
class Answered:
    """A store has the key. With a standing of `PROVISIONAL`, `causes` say why the authority could not be asked."""

    found: Found
    source: str
    standing: Standing
    causes: tuple[StoreError, ...] = ()


@value
class Missed:
    """The authority says that there is no such key, and nobody put one into a fallback by hand."""

    stores: tuple[str, ...]
    detail: str
    causes: tuple[StoreError, ...]


@value
class Unavailable:
    """A store whose word counts failed, and no other had the key: what is held stays."""

    causes: tuple[StoreError, ...]


Climbed = Answered | Missed | Unavailable


class Ladder:
    """The stores in the order in which they are asked."""

    def __init__(self, stores: Sequence[Store], *, authority: str) -> None:
        names = [store.name for store in stores]
        if authority not in names:
            raise ValueError(f"the authority {authority!r} is none of the stores {names}")
        at = names.index(authority)
        self.stores = tuple(stores)
        self.authority = self.stores[at]
        self._before = self.stores[:at]
        self._fallbacks = self.stores[at + 1 :]

    async def climb(
        self,
        ask: Callable[[Store, int], Awaitable[Said]],
        held: HeldAnswer | None,
        *,
        authority_first: bool = False,
        is_known: bool = False,
    ) -> Climbed:
        """Ask the stores until the key is decided.

        `ask(store, others)` gets a store's word, `others` being how many more may have to be asked. `held` is the
        answer that a failing authority leaves us with. `authority_first` skips the stores before it. Of a key that
        `is_known`, what was packaged with the function may say less than what was found out since: it is a last resort.
        """
        causes: list[StoreError] = []
        spares: list[tuple[Found, str]] = []
        before = () if authority_first else self._before
        for position, store in enumerate(before):
            said = await ask(store, len(before) - position + len(self._fallbacks))
            match said:
                case Found(packaged=True) if is_known:
                    spares.append((said, store.name))
                case Found():
                    standing = Standing.PACKAGED if said.packaged else Standing.AUTHORITY
                    return Answered(said, store.name, standing)
                case Failed(error, kept):
                    causes.append(error)
                    _spare(spares, kept, store)
                case Absent():
                    pass
                case _:
                    assert_never(said)
        said = await ask(self.authority, len(self._fallbacks))
        match said:
            case Found():
                return Answered(said, self.authority.name, Standing.AUTHORITY)
            case Absent(_, detail):
                return await self._by_hand(ask, held, detail, causes, before)
            case Failed(error, kept):
                causes.append(error)
                _spare(spares, kept, self.authority)
                return await self._instead(ask, held, causes, spares)
            case _:
                assert_never(said)

    async def _by_hand(
        self,
        ask: Callable[[Store, int], Awaitable[Said]],
        held: HeldAnswer | None,
        detail: str,
        causes: list[StoreError],
        before: Sequence[Store],
    ) -> Climbed:
        """Look for what people put into the fallbacks; projections of the authority do not count."""
        for position, store in enumerate(self._fallbacks):
            said = await ask(store, len(self._fallbacks) - position - 1)
            match said:
                case Found(mirrored=False):
                    return Answered(said, store.name, Standing.BY_HAND)
                case Found() | Absent():
                    pass
                case Failed(error):
                    causes.append(error)
                    if held is not None and held.standing is Standing.BY_HAND and held.source == store.name:
                        # What it told earlier was good, and the authority did not have it then either.
                        return Unavailable(tuple(causes))
                case _:
                    assert_never(said)
        asked = (*before, self.authority, *self._fallbacks)
        return Missed(tuple(store.name for store in asked), detail, tuple(causes))

    async def _instead(
        self,
        ask: Callable[[Store, int], Awaitable[Said]],
        held: HeldAnswer | None,
        causes: list[StoreError],
        spares: list[tuple[Found, str]],
    ) -> Answered | Unavailable:
        """Ask the fallbacks in place of a failing authority, if nothing as good is held.

        Where nothing at all is held and they do not have it either, a spare is better than an error.
        """
        if held is not None and held.standing not in {Standing.PROVISIONAL, Standing.PACKAGED}:
            return Unavailable(tuple(causes))
        for position, store in enumerate(self._fallbacks):
            said = await ask(store, len(self._fallbacks) - position - 1)
            match said:
                case Found():
                    return Answered(said, store.name, Standing.PROVISIONAL, tuple(causes))
                case Failed(error, kept):
                    causes.append(error)
                    _spare(spares, kept, store)
                case Absent():
                    pass
                case _:
                    assert_never(said)
        if held is None and spares:
            found, source = spares[0]
            return Answered(found, source, Standing.PROVISIONAL, tuple(causes))
        return Unavailable(tuple(causes))


def _spare(spares: list[tuple[Found, str]], kept: Found | None, store: Store) -> None:
    if kept is not None:
        spares.append((kept, store.name))


class Asker:
    """Asks stores for a key: each within its share of the budget, and those in trouble not at all."""

    def __init__(
        self,
        *,
        clock: Clock,
        health: StoreHealth,
        events: EventHub,
        budget_seconds: float,
        discard: Callable[[], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._health = health
        self._events = events
        self._budget_seconds = budget_seconds
        self._discard = discard

    def within(
        self, key: Key, started: Instant, since: Callable[[Store], Instant | None] = lambda _: None
    ) -> Callable[[Store, int], Awaitable[Said]]:
        """Return what asks for the key in a budget that began at `started`.

        `since` is, for each store, when what is known of the key was asked for: an answer must be of later than that.
        """

        async def ask(store: Store, others: int) -> Said:
            rest = self._rest(started)
            kept_for_others = rest * (1 - SHARE) if others else 0.0
            await self._await_probe(store, rest - kept_for_others)
            return await self._ask(store, key, self._rest(started) - kept_for_others, started, since(store))

        return ask

    async def ask_now(self, store: Store, key: Key) -> Said:
        """Ask a store with the whole budget, even one in trouble, and note nothing."""
        try:
            return await self._fetch(store, key, self._budget_seconds, self._clock.now())
        except StoreError as error:
            return Failed(error.at(store.name), store.kept(key))

    async def _await_probe(self, store: Store, most_seconds: float) -> None:
        """Wait for what a probe of the store brings, if one is under way: the store may be well again."""
        probe = self._health.probe(store.name, self._clock.now())
        if probe is not None and most_seconds > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(most_seconds):
                    await probe.wait()

    async def _ask(
        self, store: Store, key: Key, timeout_seconds: float, started: Instant, since: Instant | None
    ) -> Said:
        if timeout_seconds <= 0:
            error = StoreTimeoutError("the budget was spent before it could be asked", store=store.name)
            return Failed(error, store.kept(key))
        asked = self._clock.now()
        refusal = self._health.refusal(store.name, asked)
        if refusal is not None:
            return Failed(refusal, store.kept(key))
        try:
            said = await self._fetch(store, key, timeout_seconds, since)
            if not 0 <= self._clock.now().seconds_since(started) <= self._budget_seconds:
                # The sandbox was frozen while the call was under way: who knows how old this is.
                await self._discard()
                raise _too_slow(self._budget_seconds)
        except StoreError as raised:
            return self._failed(store, key, raised.at(store.name), asked, started)
        self._health.answered(store.name)
        return said

    def _failed(self, store: Store, key: Key, error: StoreError, asked: Instant, started: Instant) -> Failed:
        if self._rest(started) > -FROZEN_SECONDS:  # otherwise the store is not to blame
            self._health.failed(store.name, error, asked, self._clock.now())
            code = getattr(error, "code", "")
            self._events.emit(
                StoreFailed(key.service, key.stage, store.name, type(error).__name__, code, str(error))
            )
        return Failed(error, store.kept(key))

    def _rest(self, started: Instant) -> float:
        """Return what is left of a budget; negative if it is spent."""
        return self._budget_seconds - self._clock.now().longest_since(started)

    async def _fetch(
        self, store: Store, key: Key, timeout_seconds: float, since: Instant | None
    ) -> Found | Absent:
        try:
            async with asyncio.timeout(timeout_seconds):
                return await store.fetch(key, timeout_seconds=timeout_seconds, since=since)
        except TimeoutError as error:
            raise _too_slow(timeout_seconds) from without_frames(error)


def passed_over(said: Said) -> tuple[PassedOver, ...]:
    """Return the records that the store had and could not use."""
    match said:
        case Found() | Absent():
            return said.passed_over
        case Failed(error):
            return tuple(getattr(error, "passed_over", ()))
        case _:
            assert_never(said)


def _too_slow(seconds: float) -> StoreTimeoutError:
    return StoreTimeoutError(f"no answer within {seconds:.2f} s")
