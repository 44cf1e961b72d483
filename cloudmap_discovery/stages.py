"""Stage ladders: which of several stages serves a lookup."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, assert_never

from cloudmap_discovery.errors import DiscoveryUnavailableError, ServiceNotFoundError, StoreTimeoutError
from cloudmap_discovery.freshness import BackOff, TellAbsence, TellFailure, last_absence
from cloudmap_discovery.limits import LADDER
from cloudmap_discovery.serving import Served
from cloudmap_discovery.values import replace, value

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Sequence

    from cloudmap_discovery.cache import Cache, Slot
    from cloudmap_discovery.clock import Clock, Instant
    from cloudmap_discovery.freshness import Absence, Policy, Serve
    from cloudmap_discovery.model import Key
    from cloudmap_discovery.serving import Serving


@value
class _Doubt:
    """A stage could not be asked, and did not have the service when it could."""

    back_off: BackOff
    error: DiscoveryUnavailableError


_Outcome = Served | ServiceNotFoundError | DiscoveryUnavailableError | _Doubt


class Stages:
    """Serves the first of several keys, one service in one stage each, that the registry has.

    A stage that cannot be asked ends the ladder, since the service may be there; unless the registry said earlier that
    it is not: that is as good as any held answer, and makes the answer from below a stale one.
    """

    def __init__(self, serving: Serving, *, cache: Cache, policy: Policy, clock: Clock) -> None:
        self._serving = serving
        self._cache = cache
        self._policy = policy
        self._clock = clock

    def at_once(self, keys: Iterable[Key]) -> tuple[Key, Serve] | None:
        """Return what is served without any wait, and the key that has it; or None. Starts nothing."""
        doubt = None
        for key in keys:
            entry = self._cache.get(key)
            match self._serving.decision(entry):
                case TellAbsence():
                    continue
                case TellFailure(back_off) if last_absence(entry, self._clock.now(), self._policy):
                    doubt = doubt or back_off
                    continue
                case _:
                    serve = self._serving.at_once(key)
                    return None if serve is None else (key, _doubted(serve, doubt))
        return None

    def absences(self, slots: Iterable[Slot | None]) -> tuple[Absence, ...] | None:
        """Return the absences that are remembered of these keys, or None if not all are absent."""
        found = []
        for slot in slots:
            match None if slot is None else self._serving.decision(slot.entry):
                case TellAbsence(absence):
                    found.append(absence)
                case _:
                    return None
        return tuple(found)

    async def served(self, keys: Sequence[Key]) -> tuple[Key, Served]:
        """Return what to serve and the key that has it, asking for all keys at once where that is needed.

        Raises the `DiscoveryUnavailableError` of the first key of which nothing is known, or a `ServiceNotFoundError`.
        """
        if len(keys) == 1:
            return keys[0], await self._serving.served(keys[0])
        asking: list[asyncio.Future[_Outcome]] = []
        for key in keys:
            serve = self._serving.at_once(key)
            if serve is not None:
                self._serving.revalidate(key, serve)
                asking.append(asyncio.ensure_future(_at_hand(Served(serve, was_held=True))))
                break  # it has the service: those below it do not matter
            asking.append(asyncio.ensure_future(self._outcome(key)))
        try:
            return await self._first(keys, asking)
        finally:
            for asked in asking:
                asked.cancel()  # what it waits for goes on, and is held when it comes

    async def refreshed(self, key: Key, held: Serve, *, since: Instant) -> Served:
        """Return what the authority says now of the stage that serves; `held` of it matched nothing."""
        served = await self._serving.refreshed(key, held, since=since)
        return replace(served, serve=_doubted(served.serve, held.back_off))

    @staticmethod
    async def _first(keys: Sequence[Key], asking: Sequence[Awaitable[_Outcome]]) -> tuple[Key, Served]:
        missing: list[ServiceNotFoundError] = []
        doubt: _Doubt | None = None
        for key, asked in zip(keys, asking, strict=False):
            match await asked:
                case Served() as served:
                    back_off = None if doubt is None else doubt.back_off
                    return key, replace(served, serve=_doubted(served.serve, back_off))
                case ServiceNotFoundError() as error:
                    missing.append(error)
                case DiscoveryUnavailableError() as error:
                    raise error
                case _Doubt() as one:
                    doubt = doubt or one
                case other:
                    assert_never(other)
        raise _in_none(keys, missing) if doubt is None else doubt.error

    async def _outcome(self, key: Key) -> _Outcome:
        try:
            return await self._serving.served(key)
        except ServiceNotFoundError as error:
            return error
        except DiscoveryUnavailableError as error:
            now = self._clock.now()
            if last_absence(self._cache.get(key), now, self._policy) is None:
                return error
            causes = error.causes or (StoreTimeoutError("no answer in time"),)
            return _Doubt(BackOff(causes, now, 0.0, 1), error)


def _doubted(serve: Serve, doubt: BackOff | None) -> Serve:
    return serve if doubt is None else replace(serve, stale=True, back_off=serve.back_off or doubt)


async def _at_hand(served: Served) -> _Outcome:
    return served


def _in_none(keys: Sequence[Key], missing: Sequence[ServiceNotFoundError]) -> ServiceNotFoundError:
    """Return one error for all stages."""
    asked = [key.stage for key in keys]
    error = ServiceNotFoundError(
        keys[0].service,
        LADDER.join(asked),
        stores=_all(one.stores for one in missing),
        near_misses=_all(one.near_misses for one in missing),
        stages=[stage for stage in _all(one.stages for one in missing) if stage not in asked],
        causes=[cause for one in missing for cause in one.causes],
        detail="; ".join(_all((one.detail,) for one in missing if one.detail)),
    )
    error.__cause__ = next(iter(error.causes), None)
    return error


def _all(groups: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))
