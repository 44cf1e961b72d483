"""What has to be written and removed so that the registry holds what functions' tags ask for: decided, not done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from cloudmap_discovery.encoding import encode_attributes
from cloudmap_discovery.registrar.permits import tagged_function
from cloudmap_discovery.values import replace, value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from cloudmap_discovery.model import Instance
    from cloudmap_discovery.registrar.permits import Home, Permits
    from cloudmap_discovery.registrar.tags import NotPermitted, Rejected

MOST_REMOVED: Final = 0.15
"""The share of the owned records that one run may remove, unless forced; so may it up to `FEW_REMOVED` of them."""
FEW_REMOVED: Final = 3

Proof = Literal["gone", "untagged", "moved"]
"""Why a record's function does not want it: there is no such function, its tags lack ours, or they ask for another."""

REASONS: Final[Mapping[Proof, str]] = {
    "gone": "the function does not exist any more",
    "untagged": "the function has no discovery:service tag any more",
    "moved": "the function's tags ask for another record",
}


@value
class Claim:
    """A record that a function's tags ask for."""

    function: str
    record: Instance


@value
class Change:
    """A record to write: `present` is what it replaces; `adopt` where that is a function's whose claim has ended."""

    record: Instance
    present: Instance | None = None
    adopt: bool = False


@value
class Removal:
    """A record to remove, and the proof that its function does not want it."""

    record: Instance
    function: str
    proof: Proof


@value
class Conflict:
    """A claim of what is already somebody else's: the `owner`'s."""

    function: str
    record: Instance
    owner: str


@value
class Kept:
    """A record that no claim asks for, and that stays, for want of a proof: `reason` says which."""

    record: Instance
    reason: str


@value
class Plan:
    """What one run is to do, and what it only reports.

    `stopped` is why nothing is removed although `removals` would be: the run as a whole is not to be trusted.
    `unread` are functions that AWS did not speak of, each with the reason, `not_permitted` those of services or stages
    that are not this registrar's; `incomplete` is why there may be more
    functions than were listed; `owned` is how many records functions' tags own here.
    """

    changes: tuple[Change, ...] = ()
    removals: tuple[Removal, ...] = ()
    unchanged: int = 0
    conflicts: tuple[Conflict, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    kept: tuple[Kept, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    not_permitted: tuple[NotPermitted, ...] = ()
    owned: int = 0
    incomplete: str | None = None
    stopped: str | None = None

    @property
    def removes_too_many(self) -> bool:
        """Whether it was stopped because it would have removed more than a run may."""
        return self.stopped is not None and self.incomplete is None


@value
class Seen:
    """What Lambda said of one function: `claim` or `rejected` if it is tagged, `proof` if it does not want a record.

    `reason` is why nothing is known of it, where AWS did not say.
    """

    claim: Claim | None = None
    rejected: Rejected | None = None
    not_permitted: NotPermitted | None = None
    proof: Proof | None = None
    reason: str | None = None


def exceeds(removed: int, owned: int) -> bool:
    """Return whether a run that would remove so many of so many records is one that has been told wrong."""
    return removed > FEW_REMOVED and removed > MOST_REMOVED * owned


def make_plan(
    seen: Mapping[str, Seen],
    registered: Iterable[Instance],
    *,
    home: Home,
    permits: Permits,
    incomplete: str | None = None,
    forced: bool = False,
) -> Plan:
    """Return what makes the registry hold what is claimed; pure.

    `seen` is what is known of each function by ARN, those of owned records included; `registered` are all records of
    the namespace. `incomplete` is why the list of functions may lack some: then nothing is removed, forced or not.
    `forced` removes however many there are.
    """
    records = {(one.service, one.id): one for one in registered}
    owned = [one for one in records.values() if _is_ours(one, home, permits)]
    claims, conflicts = _claims(seen, records)
    changes, unchanged = [], 0
    for claim in claims:
        present = records.get((claim.record.service, claim.record.id))
        if present is None:
            changes.append(Change(claim.record))
        elif _same(present, claim.record):
            unchanged += 1
        else:
            changes.append(Change(claim.record, present, adopt=present.owner != claim.record.owner))
    wanted = {(claim.record.service, claim.record.id) for claim in claims}
    refused = {conflict.function for conflict in conflicts}
    unclaimed = [one for one in owned if (one.service, one.id) not in wanted]
    removals, kept = _unclaimed(unclaimed, seen, refused)
    stopped = None
    if removals:
        if incomplete is not None:
            stopped = f"not all functions could be listed: {incomplete}"
        elif not forced and exceeds(len(removals), len(owned)):
            stopped = (
                f"{len(removals)} of the {len(owned)} records that functions' tags own would go, more than "
                f"{MOST_REMOVED:.0%} and more than {FEW_REMOVED}. If these functions really are gone, run "
                "`cloudmap-discovery reconcile --force` with the registrar's settings, or invoke its function with "
                '{"reconcile": {"force": true}}'
            )
    return Plan(
        changes=tuple(sorted(changes, key=lambda change: _order(change.record))),
        removals=tuple(sorted(removals, key=lambda removal: _order(removal.record))),
        unchanged=unchanged,
        conflicts=tuple(
            sorted(conflicts, key=lambda conflict: (*_order(conflict.record), conflict.function))
        ),
        rejected=tuple(one.rejected for _, one in sorted(seen.items()) if one.rejected is not None),
        kept=tuple(sorted(kept, key=lambda one: _order(one.record))),
        unread=tuple((arn, one.reason) for arn, one in sorted(seen.items()) if one.reason is not None),
        not_permitted=tuple(
            one.not_permitted for _, one in sorted(seen.items()) if one.not_permitted is not None
        ),
        owned=len(owned),
        incomplete=incomplete,
        stopped=stopped,
    )


def _unclaimed(
    records: Iterable[Instance], seen: Mapping[str, Seen], refused: Collection[str]
) -> tuple[list[Removal], list[Kept]]:
    """Return which of the records that no claim asks for go, and which stay; `refused` are functions that get nothing."""
    removals, kept = [], []
    for record in records:
        function = tagged_function(record.owner) or ""
        proof = _proof(record, seen.get(function))
        if proof is None:
            kept.append(Kept(record, _why_kept(seen.get(function))))
        elif proof == "moved" and function in refused:
            kept.append(Kept(record, "what its function asks for instead is somebody else's"))
        else:
            removals.append(Removal(record, function, proof))
    return removals, kept


def _claims(
    seen: Mapping[str, Seen], records: Mapping[tuple[str, str], Instance]
) -> tuple[list[Claim], list[Conflict]]:
    """Return who gets which record, and who does not: whoever has it, else the first by ARN."""
    granted: dict[tuple[str, str], Claim] = {}
    conflicts = []
    claims = [one.claim for _, one in sorted(seen.items()) if one.claim is not None]
    for claim in sorted(claims, key=lambda one: not _has(one, records)):
        place = (claim.record.service, claim.record.id)
        present = records.get(place)
        holder = granted[place].record.owner if place in granted else None
        if holder is None and present is not None and not _is_free(present, claim, seen):
            holder = present.owner or "manual"
        if holder is None:
            granted[place] = claim
        else:
            conflicts.append(Conflict(claim.function, claim.record, holder))
    return list(granted.values()), conflicts


def _has(claim: Claim, records: Mapping[tuple[str, str], Instance]) -> bool:
    present = records.get((claim.record.service, claim.record.id))
    return present is not None and present.owner == claim.record.owner


def _is_free(present: Instance, claim: Claim, seen: Mapping[str, Seen]) -> bool:
    """Return whether the claim may have what is there: its own, or of a function that does not want it any more."""
    if present.owner == claim.record.owner:
        return True
    function = tagged_function(present.owner)
    return function is not None and _proof(present, seen.get(function)) is not None


def _is_ours(record: Instance, home: Home, permits: Permits) -> bool:
    function = tagged_function(record.owner)
    if function is None or home.function(function) != function:
        return False
    return permits.refusal(record.service, record.stage) is None


def _proof(record: Instance, function: Seen | None) -> Proof | None:
    if function is None:
        return None
    if function.claim is not None:
        wanted = function.claim.record
        return None if (wanted.service, wanted.id) == (record.service, record.id) else "moved"
    # The record is one that this registrar may write, and what the tags ask for is not: so it is another one.
    return "moved" if function.not_permitted is not None else function.proof


def _why_kept(function: Seen | None) -> str:
    if function is None:
        return "nothing is known of its function"
    if function.rejected is not None:
        return "its function's tags are not understood"
    return function.reason or "nothing is known of its function"


def _same(present: Instance, wanted: Instance) -> bool:
    dated = replace(wanted, registered_at=present.registered_at)
    return encode_attributes(dated) == _encoded(present)


def _encoded(present: Instance) -> dict[str, str]:
    attributes = {key: text for key, text in present.attributes.items() if not key.startswith("AWS_")}
    try:
        return encode_attributes(replace(present, attributes=attributes))
    except ValueError:  # somebody wrote into it what we would not
        return {}


def _order(record: Instance) -> tuple[str, str, str]:
    return (record.service, record.stage, record.id)
