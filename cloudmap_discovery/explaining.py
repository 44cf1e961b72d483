"""Explains a lookup: asks every store, changes nothing, and says what the rules make of it."""

from __future__ import annotations

import asyncio
from enum import Enum
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
    decide,
    is_known,
    last_absence,
)
from cloudmap_discovery.ladder import Answered, Failed, Missed, Unavailable, passed_over
from cloudmap_discovery.model import Explanation, HeldReport, PassedOver, StoreReport
from cloudmap_discovery.overriding import OVERRIDE
from cloudmap_discovery.selection import candidates, describe_wanted, matching, rendezvous
from cloudmap_discovery.selection import passed_over as not_chosen
from cloudmap_discovery.stores.port import Absent, Found
from cloudmap_discovery.values import replace, value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cloudmap_discovery.clock import Instant
    from cloudmap_discovery.freshness import Decision, Entry, Policy
    from cloudmap_discovery.ladder import Ladder, Said
    from cloudmap_discovery.model import Instance, Key
    from cloudmap_discovery.query import Query
    from cloudmap_discovery.refresh import Refresher
    from cloudmap_discovery.stores.port import Store


async def explain_lookup(
    query: Query,
    *,
    entries: Sequence[Entry],
    overriding: Instance | None,
    refresher: Refresher,
    serves_stale_at_once: bool,
    not_aside: Callable[[Key, Sequence[Instance]], Sequence[Instance]],
) -> Explanation:
    """Ask every store for every key of the query, all at once, each with the whole budget.

    `entries` are what is held of the keys, `overriding` answers in place of them. `not_aside` leaves out the instances
    that are set aside, unless that are all.
    """
    explainer = _Explainer(query, refresher, not_aside, serves_stale_at_once=serves_stale_at_once)
    rungs = await asyncio.gather(
        *(explainer.rung(key, entry) for key, entry in zip(query.keys, entries, strict=True))
    )
    deciding, doubts = _decide(rungs)
    explained = deciding.explanation
    if overriding is not None:
        explained = replace(
            rungs[0].explanation,
            candidates=(overriding,),
            passed_over=(),
            source=OVERRIDE,
            stale=False,
            error=None,
        )
    elif doubts:
        explained = replace(explained, stale=explained.found)
    if len(rungs) > 1:
        explained = replace(explained, rungs=tuple(rung.explanation for rung in rungs))
    if explained.error is not None and deciding.verdict is _Verdict.ABSENT and len(rungs) > 1:
        explained = replace(
            explained, error="; ".join(f"{one.stage}: {one.error}" for one in explained.rungs)
        )
    return replace(
        explained,
        where=query.criteria.where,
        version=None if query.criteria.version is None else str(query.criteria.version),
        tenant=query.criteria.tenant,
        sticky=query.sticky,
        chosen=rendezvous(explained.candidates, query.sticky)
        if query.sticky is not None and explained.candidates
        else None,
    )


class _Verdict(Enum):
    """Whether a stage ends its ladder."""

    HAS_IT = "has it"
    ABSENT = "absent"
    DOUBTFUL = "doubtful"  # it failed, and was absent before
    FAILED = "failed"


@value
class _Rung:
    """One stage of a ladder, explained by itself."""

    explanation: Explanation
    verdict: _Verdict


def _decide(rungs: Sequence[_Rung]) -> tuple[_Rung, bool]:
    """Return the rung that decides the lookup, and whether one above it is in doubt."""
    doubtful = None
    for rung in rungs:
        match rung.verdict:
            case _Verdict.HAS_IT | _Verdict.FAILED:
                return rung, doubtful is not None
            case _Verdict.DOUBTFUL:
                doubtful = doubtful or rung
            case _Verdict.ABSENT:
                pass
            case _:
                assert_never(rung.verdict)
    return doubtful or rungs[-1], doubtful is not None


class _Explainer:
    """Explains the keys of a query, each as if it stood alone."""

    def __init__(
        self,
        query: Query,
        refresher: Refresher,
        not_aside: Callable[[Key, Sequence[Instance]], Sequence[Instance]],
        *,
        serves_stale_at_once: bool,
    ) -> None:
        self._query = query
        self._refresher = refresher
        self._not_aside = not_aside
        self._serves_stale_at_once = serves_stale_at_once

    async def rung(self, key: Key, entry: Entry) -> _Rung:
        """Ask every store for the key, and say what the rules make of it and of what is held."""
        ladder, clock, policy = self._refresher.ladder, self._refresher.clock, self._refresher.policy
        decision = decide(entry, clock.now(), policy)
        reports = await asyncio.gather(*(self._report(store, key) for store in ladder.stores))
        said_by = {store.name: said for store, (said, _) in zip(ladder.stores, reports, strict=True)}
        served = _at_once(decision) if self._serves_stale_at_once else decision
        knows = is_known(entry)
        result = await _result(served, ladder, said_by, is_known=knows)
        chosen = self._candidates(result)
        if not chosen:
            held = _too_old_to_decide(served, result, policy)
            if held is not None:
                result = await _climb(held, ladder, said_by, authority_first=True, is_known=True)
                chosen = self._candidates(result)
        verdict, error = result.verdict, result.error
        if verdict is _Verdict.FAILED and last_absence(entry, clock.now(), policy) is not None:
            verdict = _Verdict.DOUBTFUL
        if error is None and not chosen:
            error = f"no instance has {describe_wanted(self._query.criteria)}"
        usable = tuple(self._not_aside(key, chosen))
        same = {id(instance) for instance in usable}
        aside = tuple(
            PassedOver(instance.id, "is set aside: it was reported as unreachable a moment ago")
            for instance in chosen
            if id(instance) not in same
        )
        explanation = Explanation(
            service=key.service,
            stage=key.stage,
            namespace=key.namespace,
            held=_held_report(entry, decision, clock.now()),
            stores=tuple(report for _, report in reports),
            candidates=usable,
            passed_over=(*not_chosen(result.instances, self._query.criteria), *aside),
            source=result.source,
            stale=result.stale,
            error=error,
        )
        return _Rung(explanation, verdict)

    async def _report(self, store: Store, key: Key) -> tuple[Said, StoreReport]:
        started = self._refresher.clock.monotonic()
        said = await self._refresher.asker.ask_now(store, key)
        return said, _store_report(store, said, self._refresher.clock.monotonic() - started)

    def _candidates(self, result: _Result) -> tuple[Instance, ...]:
        criteria = self._query.criteria
        return candidates(matching(result.instances, criteria), criteria)


def _too_old_to_decide(served: Decision, result: _Result, policy: Policy) -> HeldAnswer | None:
    """Return the answer that the authority is asked about before a lookup fails because nothing in it matches."""
    if result.packaged is not None:
        is_old = result.packaged.behind_seconds > policy.negative_ttl_seconds
        return result.packaged if is_old else None
    match served:
        case Serve(answer, age, back_off=None) if age > policy.negative_ttl_seconds:
            return answer
        case _:
            return None


@value
class _Result:
    """What the rules make of it: instances from a source, or an error; `packaged` is how they would be held."""

    instances: tuple[Instance, ...] = ()
    source: str | None = None
    stale: bool = False
    error: str | None = None
    verdict: _Verdict = _Verdict.HAS_IT
    packaged: HeldAnswer | None = None


def _at_once(decision: Decision) -> Decision:
    match decision:
        case Revalidate(answer, age):
            return Serve(answer, age, stale=True)
        case _:
            return decision


async def _result(
    decision: Decision, ladder: Ladder, said_by: Mapping[str, Said], *, is_known: bool
) -> _Result:
    match decision:
        case Serve(answer, _, stale):
            return _Result(answer.instances, answer.source, stale)
        case Revalidate(answer) | Expired(answer):
            is_reported = answer.mark is Mark.REPORTED
            return await _climb(answer, ladder, said_by, authority_first=is_reported, is_known=is_known)
        case Ask():
            return await _climb(None, ladder, said_by, is_known=is_known)
        case TellAbsence():
            return _Result(error="its absence is remembered", verdict=_Verdict.ABSENT)
        case TellFailure(back_off):
            return _Result(error=f"its failure is remembered: {back_off.causes[0]}", verdict=_Verdict.FAILED)
        case _:
            assert_never(decision)


async def _climb(
    held: HeldAnswer | None,
    ladder: Ladder,
    said_by: Mapping[str, Said],
    *,
    is_known: bool,
    authority_first: bool = False,
) -> _Result:
    async def ask(store: Store, _others: int) -> Said:
        return said_by[store.name]

    climbed = await ladder.climb(ask, held, authority_first=authority_first, is_known=is_known)
    match climbed:
        case Answered(found, source, Standing.PACKAGED as standing):
            taken = HeldAnswer(
                found.instances, source, found.sent, 0.0, standing, behind_seconds=found.behind_seconds
            )
            return _Result(found.instances, source, stale=True, packaged=taken)
        case Answered(found, source, standing):
            return _Result(found.instances, source, standing is Standing.PROVISIONAL)
        case Unavailable() if held is not None:
            return _Result(held.instances, held.source, stale=True)
        case Unavailable(causes):
            reasons = "; ".join(f"{cause.store}: {cause}" for cause in causes)
            return _Result(error=reasons, verdict=_Verdict.FAILED)
        case Missed(stores, detail):
            reasons = "; ".join(filter(None, (f"not in {', '.join(stores)}", detail)))
            return _Result(error=reasons, verdict=_Verdict.ABSENT)
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
