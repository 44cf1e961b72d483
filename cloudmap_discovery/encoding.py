"""Records as Cloud Map's attributes: what is written for a record, and what is read from any attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.limits import (
    MAX_WEIGHT,
    RESERVED_ATTRIBUTES,
    check_all_attributes,
    check_attribute_value,
    check_endpoint,
    check_instance_id,
    check_service,
    check_stage,
    check_text,
    check_user_attributes,
    check_version,
    check_weight,
)
from cloudmap_discovery.model import DEFAULT_WEIGHT, NO_STAGE, Instance, PassedOver

_WEIGHT: Final = r"[0-9]{1,7}"
_IPV4: Final = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
_IPV6: Final = r"[0-9A-Fa-f:.]{2,45}"
_PORT: Final = r"[0-9]{1,5}"
_MAX_PORT: Final = 65_535
# Attributes that hold an address as it is, in the order in which they are taken.
_ADDRESS_ATTRIBUTES: Final = ("endpoint", "url", "arn", "AWS_INSTANCE_CNAME")
_NO_ADDRESS: Final = (
    f"it has no address: none of {', '.join(_ADDRESS_ATTRIBUTES)}, AWS_INSTANCE_IPV4 or AWS_INSTANCE_IPV6"
    " (with a valid AWS_INSTANCE_PORT, if there is one)"
)


def encode_attributes(instance: Instance) -> dict[str, str]:
    """Return all attributes of a record, each checked against Cloud Map's limits, and all of them together.

    Raises an `InvalidValueError` that names the field, its value and the limit.
    """
    check_service(instance.service)
    own = {
        "endpoint": check_endpoint(instance.endpoint),
        "stage": check_stage(instance.stage),
        "weight": str(check_weight(instance.weight)),
    }
    if instance.version is not None:
        own["version"] = check_version(instance.version)
    if instance.registered_at is not None:
        own["registered-at"] = encode_time(instance.registered_at)
    for attribute, field, value in (
        ("tenant", "tenant", instance.tenant),
        ("variant", "variant", instance.variant),
        ("owner", "owner", instance.owner),
        ("owner-ref", "owner_ref", instance.owner_ref),
    ):
        if value is not None:
            own[attribute] = check_attribute_value(field, check_text(field, value))
    check_instance_id(instance.id)
    attributes = check_user_attributes(instance.attributes) | own
    check_all_attributes(attributes)
    return attributes


def decode_attributes(service: str, instance_id: object, attributes: object) -> Instance | PassedOver:
    """Return the record that somebody registered with these attributes, or why it is none.

    A record without any usable address is none. All else is optional: without `stage` it is of no stage. A `version`
    that is not semantic stays as it is, and is never chosen unasked. Where `weight` or `registered-at` is not what we
    mean by it, the field has its default, and the text stays among the attributes, where `where=…` and people find
    it: other people's attributes may share our names.
    """
    if not isinstance(instance_id, str) or not instance_id:
        return PassedOver(service, f"an instance id is text, not {instance_id!r:.60}")
    if not isinstance(attributes, Mapping):
        return PassedOver(instance_id, "it has no attributes")
    for key, value in attributes.items():
        if not isinstance(key, str) or not isinstance(value, str):
            return PassedOver(instance_id, f"its attribute {key!r:.60} is not text")
    endpoint = _address(attributes)
    fault = address_fault(endpoint) if endpoint else _NO_ADDRESS
    if fault is not None:
        return PassedOver(instance_id, fault)
    weight = attributes.get("weight", "")
    registered_at = decode_time(attributes.get("registered-at", ""))
    meant = {
        "weight": re.fullmatch(_WEIGHT, weight) is not None and int(weight) <= MAX_WEIGHT,
        "registered-at": registered_at is not None,
    }
    return Instance(
        service=service,
        endpoint=endpoint,
        stage=attributes.get("stage") or NO_STAGE,
        version=attributes.get("version") or None,
        tenant=attributes.get("tenant") or None,
        variant=attributes.get("variant") or None,
        weight=int(weight) if meant["weight"] else DEFAULT_WEIGHT,
        attributes={
            key: value
            for key, value in attributes.items()
            if key not in RESERVED_ATTRIBUTES or not meant.get(key, True)
        },
        owner=attributes.get("owner") or None,
        owner_ref=attributes.get("owner-ref") or None,
        registered_at=registered_at,
        id=instance_id,
    )


def is_written(present: Mapping[str, str], written: Mapping[str, str]) -> bool:
    """Return whether the attributes that are there are exactly those that we wrote; AWS may add some of its own."""
    return {key: value for key, value in present.items() if not key.startswith("AWS_")} == dict(written)


def address_fault(endpoint: str) -> str | None:
    """Return why the text cannot be anybody's address, or None; the text itself may be a secret in the wrong place."""
    if not endpoint:
        return "its address is empty"
    if any(map(str.isspace, endpoint)):
        return "its address has white space"
    if not endpoint.isprintable():
        return "its address has characters that cannot be printed"
    return None


def encode_time(moment: datetime) -> str:
    """Return the moment in ISO 8601, in UTC."""
    if moment.tzinfo is None:
        raise InvalidValueError("registered_at", moment, "must be a datetime with a time zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def decode_time(text: str) -> datetime | None:
    """Return the moment that the ISO 8601 text says, in UTC; without a zone it is taken for UTC."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter at both ends of the calendar, in another zone
        return None


def _address(attributes: Mapping[str, str]) -> str:
    for key in _ADDRESS_ATTRIBUTES:
        if attributes.get(key):
            return attributes[key]
    ipv4, ipv6 = attributes.get("AWS_INSTANCE_IPV4", ""), attributes.get("AWS_INSTANCE_IPV6", "")
    host = ipv4 if re.fullmatch(_IPV4, ipv4) else f"[{ipv6}]" if re.fullmatch(_IPV6, ipv6) else ""
    if not host:
        return ""
    port = attributes.get("AWS_INSTANCE_PORT", "")
    # A port that is none would send callers to port 80: such a record has no address.
    if port and not (re.fullmatch(_PORT, port) and 0 < int(port) <= _MAX_PORT):
        return ""
    return f"http://{host}:{port}" if port else f"http://{host}"
