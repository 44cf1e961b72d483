"""One fetch of one key under way, whoever waits for it: coroutines on any event loop, on any thread.

Every waiter has a future of its own on its own loop, so that a waiter's cancellation, time-out or closed loop never
touches the flight, nor another waiter.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Final, Generic, TypeVar, assert_never

from cloudmap_discovery import lifecycle
from cloudmap_discovery.errors import DiscoveryError
from cloudmap_discovery.freshness import FROZEN_SECONDS
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable
    from typing import Any

    from cloudmap_discovery.clock import Clock, Instant
    from cloudmap_discovery.io_thread import IOThread

T = TypeVar("T")
R = TypeVar("R")

# A flight ends itself within its budget; a waiter gives up on one that does not after this much more.
GRACE_SECONDS: Final = 0.05


@value
class Landed(Generic[R]):
    """The flight ended in time, with this value."""

    value: R


@value
class Crashed:
    """The flight raised what it should not: a bug, which every waiter gets to see."""

    error: BaseException


@value
class Abandoned:
    """What the flight brought was discarded: it was frozen under way, or its key was forgotten meanwhile."""


@value
class Waiting:
    """The flight is still under way; only the wait for it is over."""


Outcome = Landed[R] | Crashed | Abandoned


class Flight(Generic[R]):
    """One fetch under way. Its budget starts with it."""

    def __init__(self, clock: Clock, budget_seconds: float, kind: str = "") -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._outcome: Outcome[R] | None = None
        self.started: Instant = clock.now()
        self.budget_seconds = budget_seconds
        self.kind = kind

    @property
    def is_overdue(self) -> bool:
        """Whether its budget is spent, or a clock ran back since it started."""
        return not 0 <= self._clock.now().seconds_since(self.started) <= self.budget_seconds

    @property
    def was_frozen(self) -> bool:
        """Whether it took so long that it was not slow: the process did not run meanwhile."""
        return self._clock.now().longest_since(self.started) > self.budget_seconds + FROZEN_SECONDS

    async def landed(self, most_seconds: float | None = None) -> Landed[R] | Abandoned | Waiting:
        """Wait for the end, at most `most_seconds` and never longer than the rest of the budget."""
        rest = self.budget_seconds - self._clock.now().longest_since(self.started) + GRACE_SECONDS
        wait_seconds = rest if most_seconds is None else min(most_seconds, rest)
        loop = asyncio.get_running_loop()
        waiter = (loop, loop.create_future())
        with self._lock:
            if self._outcome is None:
                self._waiters.append(waiter)
        if self._outcome is None:
            try:
                async with asyncio.timeout(max(wait_seconds, 0)):
                    await waiter[1]
            except TimeoutError:
                # What the flight brought meanwhile counts, as it may on a loop that was held up; not on a frozen one.
                if self.was_frozen:
                    return Waiting()
            finally:
                with self._lock:
                    if waiter in self._waiters:
                        self._waiters.remove(waiter)
        match self._outcome:
            case Landed() | Abandoned():
                return self._outcome
            case Crashed(error):
                raise _own(error)
            case None:
                return Waiting()
            case _:
                assert_never(self._outcome)

    def end(self, outcome: Outcome[R]) -> None:
        """Wake every waiter; those whose loop is closed are not there any more."""
        with self._lock:
            self._outcome = outcome
            waiters, self._waiters = self._waiters, []
        for loop, future in waiters:
            try:
                loop.call_soon_threadsafe(_wake, future)
            except RuntimeError:
                if not loop.is_closed():
                    raise


class Flights:
    """The flights under way, at most one for each key."""

    def __init__(self, io: IOThread, clock: Clock) -> None:
        self._io = io
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, Flight[Any]] = {}
        lifecycle.join(self)

    def launch(
        self,
        key: Hashable,
        fly: Callable[[Instant], Coroutine[Any, Any, T]],
        land: Callable[[T], R],
        *,
        budget_seconds: float,
        kind: str = "",
        replaces_other_kinds: bool = False,
    ) -> tuple[Flight[R], bool]:
        """Return the flight of the key, and whether this call started it.

        A flight of another kind that is under way is as good, unless this one `replaces_other_kinds`.

        `fly` runs on the I/O thread and is told when the budget began; `land` then records what it brought, unless the flight was abandoned
        meanwhile. One that is older than its budget is abandoned, and another takes its place.
        """
        with self._lock:
            flight = self._under_way.get(key)
            is_good = flight is not None and (flight.kind == kind or not replaces_other_kinds)
            if flight is not None and is_good and not flight.is_overdue:
                return flight, False
            flight = self._under_way[key] = Flight(self._clock, budget_seconds, kind)
        self._io.spawn(lambda: self._fly(key, flight, fly, land))
        return flight, True

    def is_under_way(self, key: Hashable) -> bool:
        """Return whether there is a flight of the key that is not overdue."""
        flight = self._under_way.get(key)
        return flight is not None and not flight.is_overdue

    def abandon(self, key: Hashable) -> None:
        """Discard what the key's flight will bring."""
        with self._lock:
            self._under_way.pop(key, None)

    def abandon_all(self) -> None:
        """Discard what every flight will bring."""
        with self._lock:
            self._under_way.clear()

    def after_fork_in_child(self) -> None:
        """Forget the flights: they go on in the parent only."""
        self._lock = threading.Lock()
        self._under_way = {}

    async def _fly(
        self,
        key: Hashable,
        flight: Flight[R],
        fly: Callable[[Instant], Coroutine[Any, Any, T]],
        land: Callable[[T], R],
    ) -> None:
        outcome: Outcome[R] = Abandoned()
        try:
            brought = await fly(flight.started)
            # Locked, so that who abandons the flight finds it either recorded or never to be.
            with self._lock:
                if self._under_way.get(key) is flight and not flight.was_frozen:
                    outcome = Landed(land(brought))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 -- a bug; it surfaces as itself at every waiter
            outcome = Crashed(error)
        finally:
            with self._lock:
                if self._under_way.get(key) is flight:
                    del self._under_way[key]
            flight.end(outcome)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _own(error: BaseException) -> BaseException:
    if isinstance(error, DiscoveryError):
        return error.fresh()
    try:
        from copy import copy  # noqa: PLC0415 -- for a bug, of which there should be none

        own = copy(error)
    except Exception:  # noqa: BLE001 -- an exception that cannot be copied is raised as it is
        return error
    own.__cause__, own.__context__ = error.__cause__, error.__context__
    own.__suppress_context__ = error.__suppress_context__
    return own.with_traceback(error.__traceback__)
