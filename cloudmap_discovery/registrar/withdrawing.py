"""Withdraws the record of a custom resource, or gives it back to whom it was taken over from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.errors import DiscoveryError, OwnershipError, RegistrationError
from cloudmap_discovery.model import Instance, record_id
from cloudmap_discovery.registrar.adopting import memory_of, remembered, without_memory
from cloudmap_discovery.registrar.properties import read_identity, read_properties
from cloudmap_discovery.registrar.requests import Outcome, meant_by, never_made_at
from cloudmap_discovery.registration import MANUAL_OWNER
from cloudmap_discovery.values import replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudmap_discovery.registrar.patience import Patience, SecondsLeft
    from cloudmap_discovery.registrar.requests import Request
    from cloudmap_discovery.registration import Identity
    from cloudmap_discovery.registry import Registry

LATE: Final = "a later request of the same resource has been carried out already: nothing was done"


@dataclass(slots=True)
class Withdrawn:
    """How a withdrawal ended: `note` says it; `changes_endpoint` that callers are sent elsewhere from now on."""

    note: str = ""
    is_removed: bool = False
    changes_endpoint: bool = False


class Withdrawing:
    """Answers a Delete; `registry_of` returns the registry of a namespace: an old resource may be of another one.

    `drain_seconds` is how long callers may go on using what they hold.
    """

    def __init__(
        self,
        registry_of: Callable[[str], Registry],
        patience: Patience,
        *,
        namespace: str,
        default_stage: str | None,
        drain_seconds: float,
    ) -> None:
        self._registry_of = registry_of
        self._patience = patience
        self._namespace = namespace
        self._default_stage = default_stage
        self._drain_seconds = drain_seconds

    async def delete(self, request: Request, seconds_left: SecondsLeft) -> Outcome:
        """Remove what the resource registered, if it is still the resource's.

        Raises a `StoreError` or a `RegistrationError` where AWS does not let it be removed: nothing else keeps a
        stack from going.
        """
        physical = request.physical_id or ""
        meant = meant_by(physical)
        is_unmade = meant is None
        if meant is None:
            # A Create that failed, or never answered: the id is not ours, or CloudFormation has made it up.
            who = read_identity(request.properties, default_stage=self._default_stage)
            if who is None or not request.is_ours:
                return Outcome(physical, {}, "nothing was registered")
            meant = self._namespace, record_of(who)
        done = await self.withdrawn(*meant, request, seconds_left, is_unmade=is_unmade)
        drain = _said_drain(request)
        if done.changes_endpoint and drain is None:
            drain = self._drain_seconds
        is_changed = done.is_removed or done.changes_endpoint
        drained = await self._patience.drain((drain or 0.0) if is_changed else 0.0, seconds_left)
        return Outcome(physical, {}, done.note or drained)

    async def withdrawn(
        self,
        namespace: str,
        record: Instance,
        request: Request,
        seconds_left: SecondsLeft,
        *,
        is_unmade: bool = False,
    ) -> Withdrawn:
        """Remove the record, or give it back, and wait until Cloud Map has done it.

        That it is not there, or another's, is believed only after a registration could have spread. Where the Create of
        the resource failed (`is_unmade`), only what it can have written is touched: it may have written nothing, and the
        record be one that an earlier stack has left. Raises as `delete`.
        """
        since = never_made_at(request.physical_id or "")
        registry = self._registry_of(namespace)
        done = Withdrawn()
        was_asked_to_go = False

        async def attempt(timeout_seconds: float) -> bool:
            nonlocal was_asked_to_go
            plan = await registry.plan_deregister(
                record, owner=request.owner, owner_ref=request.logical_id, timeout_seconds=timeout_seconds
            )
            present, me = plan.present, request.claimant
            if is_unmade and present is not None and me.has(present) and not me.may_have_made(present, since):
                done.note = "the record stays: it was there before"
                return False
            try:
                if await self._given_back(registry, present, request, timeout_seconds, done):
                    return True
                done.is_removed = await registry.deregister(
                    record,
                    owner=request.owner,
                    owner_ref=request.logical_id,
                    # Of another namespace than ours, we may not look whether it has spread.
                    wait=namespace == self._namespace,
                    timeout_seconds=timeout_seconds,
                )
            except OwnershipError as error:
                reference = f" ({error.owner_ref})" if error.owner_ref else ""
                done.note = f"the record stays: it is {error.owner}'s{reference} by now"
                return False
            except RegistrationError:
                was_asked_to_go = True  # and nobody said yet that it has
                raise
            done.is_removed = done.is_removed or was_asked_to_go
            done.note = "" if done.is_removed else "the record was not there any more"
            return done.is_removed

        await self._patience.until(attempt, seconds_left)
        return done

    async def _given_back(
        self,
        registry: Registry,
        present: Instance | None,
        request: Request,
        timeout_seconds: float,
        done: Withdrawn,
    ) -> bool:
        """Give a record that was taken over back to its former owner; False where it is to be removed, if anything.

        Where it is a former owner that goes, whoever has the record by now is not to give it back to him.
        """
        me = request.claimant
        if present is None:
            return False
        if me.is_late(present):
            done.note = LATE
            return True
        before = remembered(present)
        if not before:
            return False
        if me.has(present):
            kept = _with_memory(before[0], before[1:])
            done.note = f"the record is {_named(before[0])} again, from whom it was taken over"
            done.changes_endpoint = before[0].endpoint != present.endpoint
        elif any(me.has(one) for one in before):
            kept = _with_memory(present, tuple(one for one in before if not me.has(one)))
            done.note = f"the record stays: it is {_named(present)} by now"
        else:
            return False
        await registry.write(kept, adopt_from=present.owner or MANUAL_OWNER, timeout_seconds=timeout_seconds)
        return True


def record_of(who: Identity) -> Instance:
    """Return the record of this identity, of which nothing else is known."""
    instance_id = record_id(who.service, who.stage, who.version, who.tenant, who.variant)
    return Instance(who.service, "-", who.stage, id=instance_id)


def _named(record: Instance) -> str:
    owner = record.owner or MANUAL_OWNER
    return f"{owner}'s ({record.owner_ref})" if record.owner_ref else f"{owner}'s"


def _with_memory(record: Instance, before: tuple[Instance, ...]) -> Instance:
    return replace(record, attributes=without_memory(record.attributes) | memory_of(before))


def _said_drain(request: Request) -> float | None:
    """Return the seconds that the properties say; None where they say none, or nonsense: a Delete has to succeed."""
    try:
        return read_properties(request.properties, default_stage="-").drain_seconds
    except DiscoveryError:
        return None
