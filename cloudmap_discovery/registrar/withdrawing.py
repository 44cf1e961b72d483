"""Withdraws the record of a custom resource, or gives it back to whom it was taken over from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudmap_discovery.errors import DiscoveryError, OwnershipError
from cloudmap_discovery.model import Instance, record_id
from cloudmap_discovery.registrar.adopting import former, without_memory
from cloudmap_discovery.registrar.properties import read_identity, read_properties
from cloudmap_discovery.registrar.requests import Outcome, meant_by
from cloudmap_discovery.registration import MANUAL_OWNER
from cloudmap_discovery.values import replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudmap_discovery.registrar.patience import Patience, SecondsLeft
    from cloudmap_discovery.registrar.requests import Request
    from cloudmap_discovery.registration import Identity
    from cloudmap_discovery.registry import Registry


class Withdrawing:
    """Answers a Delete; `registry_of` returns the registry of a namespace: an old resource may be of another one."""

    def __init__(
        self,
        registry_of: Callable[[str], Registry],
        patience: Patience,
        *,
        namespace: str,
        default_stage: str | None,
    ) -> None:
        self._registry_of = registry_of
        self._patience = patience
        self._namespace = namespace
        self._default_stage = default_stage

    async def delete(self, request: Request, seconds_left: SecondsLeft) -> Outcome:
        """Remove what the resource registered, if it is still the resource's.

        Raises a `StoreError` or a `RegistrationError` where AWS does not let it be removed: nothing else keeps a
        stack from going.
        """
        physical = request.physical_id or ""
        meant = meant_by(physical)
        if meant is None:
            # A Create that failed, or never answered: the id is not ours, or CloudFormation has made it up.
            who = read_identity(request.properties, default_stage=self._default_stage)
            if who is None or not request.is_ours:
                return Outcome(physical, {}, "nothing was registered")
            meant = self._namespace, record_of(who)
        namespace, record = meant
        try:
            given_back = await self.given_back(namespace, record, request, seconds_left)
            if given_back is not None:
                return Outcome(physical, {}, given_back)
            is_removed = await self.removed(namespace, record, request, seconds_left)
        except OwnershipError as error:
            reference = f" ({error.owner_ref})" if error.owner_ref else ""
            return Outcome(physical, {}, f"the record stays: it is {error.owner}'s{reference} by now")
        if not is_removed:
            return Outcome(physical, {}, "the record was not there any more")
        return Outcome(physical, {}, await self._patience.drain(_said_drain(request), seconds_left))

    async def removed(
        self, namespace: str, record: Instance, request: Request, seconds_left: SecondsLeft
    ) -> bool:
        """Remove the record, and wait until Cloud Map has done it; False where it is really not there."""
        registry = self._registry_of(namespace)
        return await self._patience.until(
            lambda timeout: registry.deregister(
                record, owner=request.owner, owner_ref=request.logical_id, timeout_seconds=timeout
            ),
            seconds_left,
        )

    async def given_back(
        self, namespace: str, record: Instance, request: Request, seconds_left: SecondsLeft
    ) -> str | None:
        """Give a record that was taken over back to its former owner; return what to say, or None if it is just ours.

        Where it is the former owner that goes, whoever took it over has nobody to give it back to any more.
        """
        registry = self._registry_of(namespace)
        plan = await self._patience.attempt(
            lambda timeout: registry.plan_deregister(
                record, owner=request.owner, owner_ref=request.logical_id, timeout_seconds=timeout
            ),
            seconds_left,
        )
        present = plan.present
        before = None if present is None else former(present)
        if present is None or before is None:
            return None
        is_mine = plan.refusal is None
        if not is_mine and (before.owner, before.owner_ref) != (request.owner, request.logical_id):
            return None
        kept = before if is_mine else replace(present, attributes=without_memory(present.attributes))
        await self._patience.attempt(lambda timeout: _write_again(registry, kept, timeout), seconds_left)
        if is_mine:
            return f"the record is {before.owner or MANUAL_OWNER}'s again, from whom it was taken over"
        return f"the record stays: it is {present.owner or MANUAL_OWNER}'s by now"


def record_of(who: Identity) -> Instance:
    """Return the record of this identity, of which nothing else is known."""
    instance_id = record_id(who.service, who.stage, who.version, who.tenant, who.variant)
    return Instance(who.service, "-", who.stage, id=instance_id)


async def _write_again(registry: Registry, record: Instance, timeout_seconds: float) -> None:
    await registry.register(
        record.service,
        record.endpoint,
        stage=record.stage,
        version=record.version,
        tenant=record.tenant,
        variant=record.variant,
        weight=record.weight,
        attributes=record.attributes,
        owner=record.owner,
        owner_ref=record.owner_ref,
        adopt=True,
        timeout_seconds=timeout_seconds,
    )


def _said_drain(request: Request) -> float:
    """Return the seconds that the properties say, and 0 where they say none, or nonsense: a Delete has to succeed."""
    try:
        return read_properties(request.properties, default_stage="-").drain_seconds or 0.0
    except DiscoveryError:
        return 0.0
