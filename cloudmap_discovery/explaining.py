"""Explains a lookup: asks every store, changes nothing, and says what the rules make of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, assert_never

from cloudmap_discovery.freshness import (
    Ask,
    Expired,
    HeldAnswer,
    Mark,
    Revalidate,
    Serve,
    Standing,
    TellAbsence,
    TellFailure,
)
from cloudmap_discovery.ladder import Answered, Failed, Missed, Unavailable, passed_over
from cloudmap_discovery.model import Explanation, HeldReport, PassedOver, StoreReport
from cloudmap_discovery.selection import candidates, describe_wanted, matching
from cloudmap_discovery.selection import passed_over as not_chosen
from cloudmap_discovery.stores.port import Absent, Found
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cloudmap_discovery.clock import Clock, Instant
    from cloudmap_discovery.freshness import Decision, Entry
    from cloudmap_discovery.ladder import Asker, Ladder, Said
    from cloudmap_discovery.model import Instance, Key
    from cloudmap_discovery.stores.port import Store


async def explain_lookup(
    key: Key,
    where: Mapping[str, str],
    *,
    entry: Entry,
    decision: Decision,
    ladder: Ladder,
    asker: Asker,
    clock: Clock,
    negative_ttl_seconds: float,
    serves_stale_at_once: bool,
    not_aside: Callable[[Sequence[Instance]], Sequence[Instance]],
) -> Explanation:
    """Ask every store for the key, all at once, each with the whole budget.

    `not_aside` leaves out the instances that are set aside, unless that are all.
    """

    async def report(store: Store) -> tuple[Said, StoreReport]:
        started = clock.monotonic()
        said = await asker.ask_now(store, key)
        return said, _store_report(store, said, clock.monotonic() - started)

    reports = await asyncio.gather(*(report(store) for store in ladder.stores))
    said_by = {store.name: said for store, (said, _) in zip(ladder.stores, reports, strict=True)}
    served = _at_once(decision) if serves_stale_at_once else decision
    result = await _result(served, ladder, said_by)
    chosen = candidates(matching(result.instances, where))
    if (
        not chosen
        and isinstance(served, Serve)
        and served.back_off is None
        and served.age_seconds > negative_ttl_seconds
    ):
        result = await _climb(served.answer, ladder, said_by, authority_first=True)
        chosen = candidates(matching(result.instances, where))
    error = result.error
    if error is None and not chosen:
        error = f"no instance has {describe_wanted(where)}"
    usable = tuple(not_aside(chosen))
    same = {id(instance) for instance in usable}
    aside = tuple(
        PassedOver(instance.id, "is set aside: it was reported as unreachable a moment ago")
        for instance in chosen
        if id(instance) not in same
    )
    return Explanation(
        service=key.service,
        stage=key.stage,
        namespace=key.namespace,
        held=_held_report(entry, decision, clock.now()),
        stores=tuple(report for _, report in reports),
        candidates=usable,
        passed_over=(*not_chosen(result.instances, where), *aside),
        source=result.source,
        stale=result.stale,
        error=error,
        where=where,
    )


@value
class _Result:
    """What the rules make of it: instances from a source, or an error."""

    instances: tuple[Instance, ...] = ()
    source: str | None = None
    stale: bool = False
    error: str | None = None


def _at_once(decision: Decision) -> Decision:
    match decision:
        case Revalidate(answer, age):
            return Serve(answer, age, stale=True)
        case _:
            return decision


async def _result(decision: Decision, ladder: Ladder, said_by: Mapping[str, Said]) -> _Result:
    match decision:
        case Serve(answer, _, stale):
            return _Result(answer.instances, answer.source, stale)
        case Revalidate(answer) | Expired(answer):
            return await _climb(answer, ladder, said_by, authority_first=answer.mark is Mark.REPORTED)
        case Ask():
            return await _climb(None, ladder, said_by)
        case TellAbsence():
            return _Result(error="its absence is remembered")
        case TellFailure(back_off):
            return _Result(error=f"its failure is remembered: {back_off.causes[0]}")
        case _:
            assert_never(decision)


async def _climb(
    held: HeldAnswer | None, ladder: Ladder, said_by: Mapping[str, Said], *, authority_first: bool = False
) -> _Result:
    async def ask(store: Store, _others: int) -> Said:
        return said_by[store.name]

    climbed = await ladder.climb(ask, held, authority_first=authority_first)
    match climbed:
        case Answered(found, source, standing):
            return _Result(found.instances, source, standing is Standing.PROVISIONAL)
        case Unavailable() if held is not None:
            return _Result(held.instances, held.source, stale=True)
        case Unavailable(causes):
            return _Result(error="; ".join(f"{cause.store}: {cause}" for cause in causes))
        case Missed(stores, detail):
            return _Result(error="; ".join(filter(None, (f"not in {', '.join(stores)}", detail))))
        case _:
            assert_never(climbed)


def _store_report(store: Store, said: Said, took_seconds: float) -> StoreReport:
    skipped = passed_over(said)
    match said:
        case Found(instances, mirrored=mirrored):
            note = "a projection of Cloud Map" if mirrored else None
            return StoreReport(store.name, "found", took_seconds, instances, skipped, note=note)
        case Absent(detail=detail):
            return StoreReport(store.name, "absent", took_seconds, passed_over=skipped, note=detail or None)
        case Failed(error):
            return StoreReport(store.name, "failed", took_seconds, passed_over=skipped, error=str(error))
        case _:
            assert_never(said)


def _held_report(entry: Entry, decision: Decision, now: Instant) -> HeldReport:
    back_off = None
    detail = None
    if entry.back_off is not None:
        rest = entry.back_off.seconds - now.seconds_since(entry.back_off.since)
        back_off = max(rest, 0.0)
        detail = str(entry.back_off.causes[0])
    match decision:
        case Serve(answer, age, stale):
            state = "stale" if stale else "fresh"
        case Revalidate(answer, age):
            state = "stale"
        case Expired(answer, age):
            state = "expired"
        case Ask():
            return HeldReport(
                "missing" if entry.answer else "nothing", back_off_seconds=back_off, detail=detail
            )
        case TellAbsence(absence):
            age = now.seconds_since(absence.since)
            return HeldReport("absent", age_seconds=age, detail=absence.detail or None)
        case TellFailure():
            return HeldReport("failing", back_off_seconds=back_off, detail=detail)
        case _:
            assert_never(decision)
    return HeldReport(state, answer.source, age, answer.instances, back_off, detail)
