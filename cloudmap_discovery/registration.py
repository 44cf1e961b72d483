"""What a call to register or deregister asks for: checked, and held against the record that is there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.encoding import decode_time, encode_attributes
from cloudmap_discovery.errors import InvalidValueError, OwnershipError
from cloudmap_discovery.limits import (
    check_attribute_value,
    check_service,
    check_stage,
    check_text,
    check_user_attributes,
    check_version,
)
from cloudmap_discovery.model import Instance, record_id
from cloudmap_discovery.values import replace, value

if TYPE_CHECKING:
    from datetime import datetime

MANUAL_OWNER: Final = "manual"
"""Whose records are that nobody claims: written by hand, or by somebody who does not know owners."""


@value
class Identity:
    """What makes a record the same one when it is registered again."""

    service: str
    stage: str
    version: str | None
    tenant: str | None
    variant: str | None


@value
class Target:
    """A record to remove."""

    service: str
    stage: str
    instance_id: str


def identity(
    service: Any, stage: Any, version: Any, tenant: Any, variant: Any, *, default_stage: str | None
) -> Identity:
    """Return the checked identity; the stage is one stage, the argument or the default."""
    return Identity(
        service=check_service(service),
        stage=_one_stage(stage, default_stage),
        version=None if version is None else check_version(version),
        tenant=_optional("tenant", tenant),
        variant=_optional("variant", variant),
    )


def record(
    who: Identity,
    endpoint: Any,
    *,
    weight: Any,
    attributes: Any,
    owner: Any,
    owner_ref: Any,
    now: datetime,
) -> Instance:
    """Return the record to write, dated `now`, with all its values held against Cloud Map's limits."""
    claimant, reference = claim(owner, owner_ref)
    if attributes is not None and not isinstance(attributes, Mapping):
        raise InvalidValueError("attributes", attributes, "must be a mapping of text to text")
    wanted = Instance(
        service=who.service,
        endpoint=endpoint,
        stage=who.stage,
        version=who.version,
        tenant=who.tenant,
        variant=who.variant,
        weight=weight,
        attributes=check_user_attributes(attributes or {}),
        owner=claimant,
        owner_ref=reference,
        registered_at=now,
    )
    encode_attributes(wanted)
    return wanted


def dated(wanted: Instance, present: Mapping[str, str]) -> Instance:
    """Return the record with the date of the one that is there, if that has one."""
    registered_at = decode_time(present.get("registered-at", ""))
    return wanted if registered_at is None else replace(wanted, registered_at=registered_at)


def target(
    service_or_instance: Any,
    stage: Any,
    version: Any,
    tenant: Any,
    variant: Any,
    *,
    default_stage: str | None,
) -> Target:
    """Return which record is meant: the given instance, or the one of exactly this identity."""
    if not isinstance(service_or_instance, Instance):
        who = identity(service_or_instance, stage, version, tenant, variant, default_stage=default_stage)
        return Target(
            who.service,
            who.stage,
            record_id(who.service, who.stage, who.version, who.tenant, who.variant),
        )
    for field, given in (("stage", stage), ("version", version), ("tenant", tenant), ("variant", variant)):
        if given is not None:
            raise InvalidValueError(field, given, "an instance says this itself; pass one or the other")
    return Target(service_or_instance.service, service_or_instance.stage, service_or_instance.id)


def claim(owner: Any, owner_ref: Any = None) -> tuple[str, str | None]:
    """Return as whom a call acts, and under which reference."""
    return _optional("owner", owner) or MANUAL_OWNER, _optional("owner_ref", owner_ref)


def refusal(
    present: Mapping[str, str], operation: str, owner: str, owner_ref: str | None = None
) -> OwnershipError | None:
    """Return why `owner` may not touch the record that is there, or None.

    A record without an owner is by hand. An `owner_ref`, where it is given, must be the record's.
    """
    theirs, their_ref = present.get("owner") or MANUAL_OWNER, present.get("owner-ref")
    if theirs == owner and owner_ref in {None, their_ref}:
        return None
    remedy = (
        "pass adopt=True to take it over"
        if operation == "RegisterInstance"
        else "let its owner remove it, or pass its owner (and owner_ref)"
    )
    its = f"{theirs} ({their_ref})" if their_ref else theirs
    mine = f"{owner} ({owner_ref})" if owner_ref else owner
    return OwnershipError(
        f"the record belongs to {its}, not to {mine}: {remedy}",
        owner=theirs,
        owner_ref=their_ref,
        claimant=owner,
        operation=operation,
    )


def check_timeout(value: Any) -> float:
    """Return the value if it can be a time limit in seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise InvalidValueError("timeout_seconds", value, "must be a number of seconds above 0")
    return float(value)


def _one_stage(stage: Any, default_stage: str | None) -> str:
    chosen = default_stage if stage is None else stage
    if chosen is None:
        raise InvalidValueError(
            "stage",
            None,
            "a record is written to one stage: pass stage=… or set DISCOVERY_STAGE; stage='-' for none",
        )
    if isinstance(chosen, str) and ">" in chosen:
        raise InvalidValueError(
            "stage", chosen, "a ladder is for looking up; a record is written to one stage"
        )
    return check_stage(chosen)


def _optional(field: str, value: Any) -> str | None:
    return None if value is None else check_attribute_value(field, check_text(field, value))
