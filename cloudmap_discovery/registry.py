"""Writes records to Cloud Map: registers and deregisters them, and lists what is there."""

from __future__ import annotations

import asyncio
import random as randomness
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.deadline import Deadline
from cloudmap_discovery.encoding import decode_attributes, encode_attributes, is_written
from cloudmap_discovery.errors import RegistrationError, StoreTimeoutError
from cloudmap_discovery.events import Deregistered, Registered
from cloudmap_discovery.limits import check_instance_id, check_ladder, check_service, check_stage
from cloudmap_discovery.model import DEFAULT_WEIGHT, NO_STAGE, Instance, Key
from cloudmap_discovery.plans import Plan
from cloudmap_discovery.registration import (
    MANUAL_OWNER,
    Target,
    check_timeout,
    claim,
    dated,
    identity,
    record,
    refusal,
    target,
)
from cloudmap_discovery.spreading import Spreading

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.event_hub import EventHub
    from cloudmap_discovery.listing import Listing
    from cloudmap_discovery.mirrors import Mirrors
    from cloudmap_discovery.model import Place
    from cloudmap_discovery.stores.control_port import Control, Entry

DEFAULT_TIMEOUT_SECONDS: Final = 60.0


class Registry:
    """The records of one namespace.

    `forget` drops what this process holds of a key, since that has changed. `default_stage` is where a record goes if
    the call names no stage; None makes such a call an error. `sleep` and `random` are those of asyncio and the system.
    """

    def __init__(
        self,
        control: Control,
        *,
        mirrors: Mirrors,
        listing: Listing,
        clock: Clock,
        events: EventHub,
        forget: Callable[[Key], None],
        namespace: str,
        default_stage: str | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] | None = None,
    ) -> None:
        self._control = control
        self._mirrors = mirrors
        self._clock = clock
        self._events = events
        self._forget = forget
        self._namespace = namespace
        self._default_stage = default_stage
        self._sleep = sleep
        self._random = random or randomness.SystemRandom().random
        self._listing = listing
        self._spreading = Spreading(control, namespace=namespace, clock=clock)

    async def register(
        self,
        service: str,
        endpoint: str,
        *,
        stage: str | None = None,
        version: str | None = None,
        tenant: str | None = None,
        variant: str | None = None,
        weight: int = DEFAULT_WEIGHT,
        attributes: Mapping[str, str] | None = None,
        owner: str | None = None,
        owner_ref: str | None = None,
        adopt: bool = False,
        adopt_from: str | None = None,
        wait: bool = True,
        mirrored: bool = True,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> Instance:
        """Write a record, replacing the one of the same service, stage, version, tenant and variant.

        Creates namespace and service if they are not there. With `wait`, returns when lookups can see it. `adopt`
        takes over another owner's record, `adopt_from` only that of this one. Without `mirrored`, the mirrors are left to a later `sync`. Raises an `InvalidValueError` before any call, an `OwnershipError`, a
        `RegistrationError` where Cloud Map's operation fails or does not end in time, or a `StoreError`.
        """
        who = identity(service, stage, version, tenant, variant, default_stage=self._default_stage)
        wanted = record(
            who,
            endpoint,
            weight=weight,
            attributes=attributes,
            owner=owner,
            owner_ref=owner_ref,
            now=self._now(),
        )
        deadline = self.deadline(timeout_seconds)
        present = await self._control.instance(self._namespace, wanted.service, wanted.id, deadline)
        if present is not None and not adopt:
            refused = refusal(present.attributes, "RegisterInstance", wanted.owner or MANUAL_OWNER)
            if refused is not None and refused.owner != adopt_from:
                raise refused
        instance = wanted if present is None else dated(wanted, present.attributes)
        attributes_written = encode_attributes(instance)
        await self._control.register(
            self._namespace, instance.service, instance.id, attributes_written, deadline
        )
        self._spreading.wrote(instance.service, instance.id)
        self._events.emit(
            Registered(
                instance.service,
                instance.stage,
                instance.id,
                instance.endpoint,
                instance.owner or MANUAL_OWNER,
            )
        )
        late = None
        if wait:
            late = await self._spreading.seen(
                Target(instance.service, instance.stage, instance.id), attributes_written, deadline
            )
        key = Key(self._namespace, instance.service, instance.stage)
        self._forget(key)
        if mirrored and self._mirrors.names:
            await self._mirrors.registered(instance, deadline)
            self._forget(key)  # a lookup meanwhile may have read one of them
        if late is not None:
            raise late
        return instance

    async def write(
        self,
        record: Instance,
        *,
        adopt_from: str | None = None,
        wait: bool = True,
        mirrored: bool = True,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> Instance:
        """Register a record as it is, its owner included; otherwise as `register`."""
        return await self.register(
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
            adopt_from=adopt_from,
            wait=wait,
            mirrored=mirrored,
            timeout_seconds=timeout_seconds,
        )

    async def deregister(
        self,
        service_or_instance: str | Instance,
        *,
        stage: str | None = None,
        version: str | None = None,
        tenant: str | None = None,
        variant: str | None = None,
        owner: str | None = None,
        owner_ref: str | None = None,
        wait: bool = True,
        mirrored: bool = True,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> bool:
        """Remove the record of exactly this identity, or the given instance; False if it is not there.

        With `wait`, returns when lookups do not see it any more. Without `mirrored`, the mirrors are left to a later
        `sync`. Raises an `OwnershipError` where the record is not
        `owner`'s or, if `owner_ref` is given, has another one; otherwise as `register`.
        """
        meant = target(
            service_or_instance, stage, version, tenant, variant, default_stage=self._default_stage
        )
        acting, reference = claim(owner, owner_ref)
        deadline = self.deadline(timeout_seconds)
        present = await self._spreading.present(meant, deadline)
        removed, late = False, None
        if present is not None:
            refused = refusal(present.attributes, "DeregisterInstance", acting, reference)
            if refused is not None:
                raise refused
            meant = replace(meant, stage=present.attributes.get("stage") or NO_STAGE)
            removed = await self._control.deregister(
                self._namespace, meant.service, meant.instance_id, deadline
            )
            if removed:
                self._events.emit(Deregistered(meant.service, meant.stage, meant.instance_id))
            late = await self._spreading.seen(meant, None, deadline) if wait else None
        self._spreading.removed(meant.service, meant.instance_id)
        key = Key(self._namespace, meant.service, meant.stage)
        self._forget(key)
        # Also where it was not there: an earlier attempt may not have reached a mirror. But not where even the service
        # is unknown: then this may be the wrong namespace.
        is_known = present is not None or await self._control.has_service(
            self._namespace, meant.service, deadline
        )
        if is_known and mirrored and self._mirrors.names:
            await self._mirrors.deregistered(meant.service, meant.stage, meant.instance_id, deadline)
            self._forget(key)
        if late is not None:
            raise late
        return removed

    async def plan_register(
        self,
        service: str,
        endpoint: str,
        *,
        stage: str | None = None,
        version: str | None = None,
        tenant: str | None = None,
        variant: str | None = None,
        weight: int = DEFAULT_WEIGHT,
        attributes: Mapping[str, str] | None = None,
        owner: str | None = None,
        owner_ref: str | None = None,
        adopt: bool = False,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> Plan:
        """Return what `register` would do, having read what is there and written nothing."""
        who = identity(service, stage, version, tenant, variant, default_stage=self._default_stage)
        wanted = record(
            who,
            endpoint,
            weight=weight,
            attributes=attributes,
            owner=owner,
            owner_ref=owner_ref,
            now=self._now(),
        )
        deadline = self.deadline(timeout_seconds)
        has_namespace = await self._control.has_namespace(self._namespace, deadline)
        has_service = has_namespace and await self._control.has_service(
            self._namespace, wanted.service, deadline
        )
        present = await self._control.instance(self._namespace, wanted.service, wanted.id, deadline)
        written = wanted if present is None else dated(wanted, present.attributes)
        is_same = present is not None and is_written(present.attributes, encode_attributes(written))
        return Plan(
            action="create" if present is None else "unchanged" if is_same else "update",
            namespace=self._namespace,
            service=written.service,
            stage=written.stage,
            instance_id=written.id,
            written=written,
            present=_readable(written.service, present),
            creates_namespace=not has_namespace,
            creates_service=not has_service,
            refusal=None
            if present is None or adopt
            else refusal(present.attributes, "RegisterInstance", wanted.owner or MANUAL_OWNER),
            mirrors=self._mirrors.names,
        )

    async def plan_deregister(
        self,
        service_or_instance: str | Instance,
        *,
        stage: str | None = None,
        version: str | None = None,
        tenant: str | None = None,
        variant: str | None = None,
        owner: str | None = None,
        owner_ref: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> Plan:
        """Return what `deregister` would do, having read what is there and written nothing."""
        meant = target(
            service_or_instance, stage, version, tenant, variant, default_stage=self._default_stage
        )
        acting, reference = claim(owner, owner_ref)
        present = await self._spreading.present(meant, self.deadline(timeout_seconds))
        return Plan(
            action="nothing" if present is None else "remove",
            namespace=self._namespace,
            service=meant.service,
            stage=meant.stage,
            instance_id=meant.instance_id,
            present=_readable(meant.service, present),
            refusal=None
            if present is None
            else refusal(present.attributes, "DeregisterInstance", acting, reference),
            mirrors=self._mirrors.names,
        )

    async def services(
        self, *, stage: str | None = None, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    ) -> list[str]:
        """Return the names of the services that have a record in the stage; None means the default stage, or none.

        Of a ladder: those that have one in any of its stages.
        """
        stages = check_ladder((self._default_stage or NO_STAGE) if stage is None else stage)
        if len(stages) == 1:
            return list(await self.records(stage=stages[0], timeout_seconds=timeout_seconds))
        found = await self.records(timeout_seconds=timeout_seconds)
        return [name for name, records in found.items() if any(record.stage in stages for record in records)]

    async def has_namespace(self, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> bool:
        """Return whether the namespace is there, in this account and region or shared with it."""
        return await self._control.has_namespace(self._namespace, self.deadline(timeout_seconds))

    async def records(
        self,
        *,
        stage: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        unusable: set[Place] | None = None,
    ) -> dict[str, tuple[Instance, ...]]:
        """Return the records of every service by name: those of one stage, or, with None, of all stages.

        Goes through the control plane, uncached. `unusable` is given the services and stages that have records of which
        none can be used. Raises a `StoreError`.
        """
        chosen = None if stage is None else check_stage(stage)
        return await self._listing.records(chosen, self.deadline(timeout_seconds), unusable=unusable)

    async def record(
        self, service: str, instance_id: str, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    ) -> Instance | None:
        """Return the record with this id, or None if it is not there or has no usable address; else as `entry`."""
        return _readable(service, await self.entry(service, instance_id, timeout_seconds=timeout_seconds))

    async def entry(
        self, service: str, instance_id: str, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    ) -> Entry | None:
        """Return what Cloud Map has under this id, usable or not; None if it is not there.

        One call to the control plane, uncached. Raises an `InvalidValueError` or a `StoreError`.
        """
        name, checked_id = check_service(service), check_instance_id(instance_id)
        deadline = self.deadline(timeout_seconds)
        try:
            return await self._control.instance(self._namespace, name, checked_id, deadline)
        except RegistrationError as missed:
            raise StoreTimeoutError(
                f"reading record {checked_id!r} of {name!r} took longer than {deadline.timeout_seconds:g} s",
                store="cloudmap",
                service="servicediscovery",
                operation=missed.operation,
            ) from missed

    def deadline(self, timeout_seconds: float) -> Deadline:
        """Return the deadline of work that begins now."""
        return Deadline(
            check_timeout(timeout_seconds),
            monotonic=self._clock.monotonic,
            sleep=self._sleep,
            random=self._random,
        )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.wall(), UTC).replace(microsecond=0)


def _readable(service: str, entry: Entry | None) -> Instance | None:
    if entry is None:
        return None
    decoded = decode_attributes(service, entry.id, entry.attributes)
    return decoded if isinstance(decoded, Instance) else None
