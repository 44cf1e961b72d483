"""What an explanation says as steps: what is held, each store in order, and what `discover` would answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from cloudmap_discovery.limits import LADDER
from cloudmap_discovery.overriding import OVERRIDE
from cloudmap_discovery.selection import draw_weights
from cloudmap_discovery.server.page_text import age, source_name, stage_name
from cloudmap_discovery.shown import counted, duration
from cloudmap_discovery.values import replace, value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.model import Explanation, HeldReport, Instance, StoreReport

Outcome = Literal["found", "unfit", "unused", "absent", "failed"]
"""What has the service is `unfit` where nothing of it matches, `unused` where its word does not count."""

_MOST_CANDIDATES: Final = 8
_HELD: Final[Mapping[str, tuple[Outcome, str]]] = {
    "nothing": ("absent", "nothing is held"),
    "fresh": ("found", "a fresh answer"),
    "stale": ("found", "a stale answer"),
    "expired": ("found", "an expired answer"),
    "missing": ("absent", "an answer too old to be used"),
    "absent": ("absent", "its absence is remembered"),
    "failing": ("failed", "a failure is remembered"),
}
_UNFIT: Final = "nothing matches"
_UNUSED: Final = "not used"
_OF_ROLES: Final[Mapping[str, Outcome]] = {_UNFIT: "unfit", _UNUSED: "unused"}
_OUTCOMES: Final[Mapping[str, tuple[Outcome, str]]] = {
    "found": ("found", "found"),
    "absent": ("absent", "does not have it"),
    "failed": ("failed", "failed"),
}


@value
class Step:
    """One place that is asked: what it says, in short, and whether the answer comes from it (`answers`).

    `role` is what that means for the lookup, empty where the outcome says it all. `is_needed`: the lookup gets as far
    as this.
    """

    name: str
    outcome: Outcome
    says: str
    facts: tuple[str, ...]
    error: str | None
    role: str
    answers: bool
    is_needed: bool


@value
class Rung:
    """One stage with its steps, whether it `decides` the lookup, and what its part in it is."""

    stage: str
    role: str
    decides: bool
    steps: tuple[Step, ...]


@value
class Candidate:
    """An instance that may be chosen, with its share of the lookups, such as `80 %`; empty where it is the only one."""

    endpoint: str
    about: str
    share: str


@value
class PassedOver:
    """A record that is not chosen, or cannot be used, and why."""

    record: str
    reason: str


@value
class Ladder:
    """The whole explanation; `wishes` are what is asked for besides the stage, `error` what `discover` would raise."""

    service: str
    stage: str
    wishes: tuple[str, ...]
    rungs: tuple[Rung, ...]
    source: str | None
    marks: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    more: int
    passed_over: tuple[PassedOver, ...]
    error: str | None

    @property
    def found(self) -> bool:
        """Whether `discover` would find an instance."""
        return self.error is None

    @property
    def summary(self) -> str:
        """What comes out, in one sentence."""
        if self.error is not None:
            return f"discover fails: {self.error}"
        if len(self.candidates) + self.more == 1:
            return f"discover answers {self.candidates[0].endpoint}, from {self.source}"
        number = len(self.candidates) + self.more
        return f"discover answers one of {number} endpoints by weight, from {self.source}"


def ladder(explained: Explanation) -> Ladder:
    """Return what the picture shows and the list says."""
    whole = explained.rungs or (explained,)
    deciding = next(index for index, rung in enumerate(whole) if rung.stage == explained.stage)
    rungs = []
    for index, rung in enumerate(whole):
        is_reached = index <= deciding and explained.source != OVERRIDE
        decides = index == deciding and explained.source != OVERRIDE
        rungs.append(
            Rung(
                stage=stage_name(rung.stage),
                role=_role(explained, rung, index - deciding) if explained.rungs else "",
                decides=decides,
                steps=_steps(explained if decides else rung, is_reached=is_reached, decides=decides),
            )
        )
    if explained.source == OVERRIDE and explained.rungs:
        rungs.insert(0, Rung("", "", decides=True, steps=(_override(),)))
    elif explained.source == OVERRIDE:
        rungs = [replace(rungs[0], steps=(_override(), *rungs[0].steps))]
    marks = ("stale",) if explained.stale else ()
    shares = _shares(explained)
    return Ladder(
        service=explained.service,
        stage=f" {LADDER} ".join(stage_name(rung.stage) for rung in whole),
        wishes=_wishes(explained),
        rungs=tuple(rungs),
        source=_answering(explained),
        marks=(*marks, "drained") if explained.drained else marks,
        candidates=shares[:_MOST_CANDIDATES],
        more=len(shares[_MOST_CANDIDATES:]),
        passed_over=_passed_over(explained),
        error=explained.error if shares or explained.error else "nothing was found",
    )


def comes_from_memory(explained: Explanation) -> bool:
    """Return whether the answer is the held one, and not what a store said just now."""
    held = explained.held
    if explained.error is not None or explained.source in {None, OVERRIDE} or not held.instances:
        return False
    if held.state == "fresh" or not explained.stale or held.source != explained.source:
        return held.state == "fresh"
    report = next((report for report in explained.stores if report.store == explained.source), None)
    return held.state == "stale" or report is None or report.outcome != "found"


def _wishes(explained: Explanation) -> tuple[str, ...]:
    wishes = (("version", explained.version), ("tenant", explained.tenant))
    return tuple(f"{name} {text}" for name, text in wishes if text is not None)


def _role(explained: Explanation, rung: Explanation, distance: int) -> str:
    if explained.source == OVERRIDE or distance > 0:
        return "not needed"
    if distance < 0:
        return "does not have it"
    if explained.found:
        return "has it"
    if explained.source is not None:
        return "has it, but nothing that matches"
    is_failing = any(report.outcome == "failed" for report in rung.stores)
    return "could not be asked" if is_failing else "does not have it, either"


def _steps(explained: Explanation, *, is_reached: bool, decides: bool) -> tuple[Step, ...]:
    is_held = decides and comes_from_memory(explained)
    names = [report.store for report in explained.stores]
    source = explained.source
    last = names.index(source) if decides and source in names else len(names)
    steps = [_held(explained.held, answers=is_held, is_needed=is_reached)]
    for index, report in enumerate(explained.stores):
        answers = decides and not is_held and report.store == source
        # What is served although it is old was not served before all who are asked first had failed.
        is_needed = is_reached and index <= last and not (is_held and explained.held.state != "expired")
        role = "not needed" if not is_needed else "answers" if answers and explained.found else ""
        if not role and report.outcome == "found":
            role = _UNFIT if answers else _UNUSED
        steps.append(_store(report, role, is_needed=is_needed))
    return tuple(steps)


def _held(held: HeldReport, *, answers: bool, is_needed: bool) -> Step:
    outcome, says = _HELD.get(held.state, ("absent", held.state))
    facts = []
    if held.source is not None:
        facts.append(f"{counted(len(held.instances), 'record')} from {source_name(held.source)}")
    if held.age_seconds is not None:
        facts.append(f"{age(held.age_seconds)} old")
    if held.back_off_seconds is not None:
        facts.append(f"next attempt in {duration(held.back_off_seconds)}")
    return Step(
        name="Held in memory",
        outcome=outcome,
        says=says,
        facts=tuple(facts),
        error=held.detail,
        role="answers" if answers else "",
        answers=answers,
        is_needed=is_needed,
    )


def _store(report: StoreReport, role: str, *, is_needed: bool) -> Step:
    outcome, says = _OUTCOMES[report.outcome]
    facts = [counted(len(report.instances), "record")] if report.instances else []
    if report.passed_over:
        facts.append(f"{len(report.passed_over)} unusable")
    facts.append(duration(report.took_seconds))
    if report.note:
        facts.append(report.note)
    return Step(
        name=source_name(report.store),
        outcome=_OF_ROLES.get(role, outcome),
        says=says,
        facts=tuple(facts),
        error=report.error,
        role=role,
        answers=role == "answers",
        is_needed=is_needed,
    )


def _override() -> Step:
    return Step(
        name="Override",
        outcome="found",
        says="DISCOVERY_OVERRIDES has an address",
        facts=("no store is asked",),
        error=None,
        role="answers",
        answers=True,
        is_needed=True,
    )


def _answering(explained: Explanation) -> str | None:
    if explained.source is None:
        return None
    if explained.source == OVERRIDE:
        return "an override"
    name = source_name(explained.source)
    return f"memory, which has it from {name}" if comes_from_memory(explained) else name


def _shares(explained: Explanation) -> tuple[Candidate, ...]:
    found = explained.candidates
    if not found or explained.error is not None:
        return ()
    totals = draw_weights(found)
    before = (0.0, *totals)
    return tuple(
        Candidate(
            endpoint=instance.endpoint,
            about=_about(instance),
            share=f"{(total - start) / totals[-1]:.0%}" if len(found) > 1 else "",
        )
        for instance, start, total in zip(found, before, totals, strict=False)
    )


def _about(instance: Instance) -> str:
    fields = (instance.version, instance.variant, instance.tenant and f"tenant {instance.tenant}")
    return " · ".join(field for field in fields if field)


def _passed_over(explained: Explanation) -> tuple[PassedOver, ...]:
    """Return the records that are not chosen by their address, and those that stores could not use by their place."""
    reports = [report for report in explained.stores if report.store == explained.source]
    known = {one.id: one for report in reports for one in report.instances}
    known |= {one.id: one for one in explained.held.instances}
    chosen = [
        PassedOver(_named(known.get(item.record), item.record), item.reason) for item in explained.passed_over
    ]
    unusable = [
        PassedOver(f"{item.record} in {source_name(report.store)}", item.reason)
        for report in explained.stores
        for item in report.passed_over
    ]
    return (*chosen, *unusable)


def _named(instance: Instance | None, record: str) -> str:
    if instance is None:
        return record
    about = _about(instance)
    return f"{instance.endpoint} ({about})" if about else instance.endpoint
