"""The properties of a `Custom::ServiceEndpoint`, checked all at once: a stack is a slow way to find one mistake at a time."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.depends_on import encode_depends_on, is_depends_on, parse_entry
from cloudmap_discovery.encoding import encode_attributes
from cloudmap_discovery.errors import DiscoveryError, InvalidValueError
from cloudmap_discovery.limits import MAX_WEIGHT, check_endpoint, check_user_attributes, check_weight
from cloudmap_discovery.model import DEFAULT_WEIGHT, NO_STAGE, Instance
from cloudmap_discovery.registrar.adopting import is_own_attribute
from cloudmap_discovery.registration import Identity, identity
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DRAIN_SECONDS: Final = 800.0
"""What a wait may take of the 900 seconds that a function has (Lambda quotas)."""

_IDENTITY: Final = ("Service", "Stage", "Version", "Tenant", "Variant")
_KNOWN: Final = (
    *_IDENTITY,
    "Endpoint",
    "Weight",
    "Attributes",
    "Dependencies",
    "Adopt",
    "DrainSeconds",
    "Verify",
)
# CloudFormation's own, which it hands on.
_HANDED_ON: Final = frozenset({"ServiceToken", "ServiceTimeout"})
_ANY_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
_SECONDS: Final = r"[0-9]{1,6}(?:\.[0-9]{1,3})?"


class WrongPropertiesError(DiscoveryError):
    """Properties are wrong: `faults` has one line for each, with the property, its value and the limit."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


@value
class ServiceEndpoint:
    """What a resource asks for; `drain_seconds` is None where it does not say."""

    identity: Identity
    endpoint: str
    weight: int
    attributes: Mapping[str, str]
    adopt: bool
    drain_seconds: float | None
    verify: bool


def read_identity(properties: Mapping[str, Any], *, default_stage: str | None) -> Identity | None:
    """Return which record the properties mean, or None where they mean none: they are wrong, so it was never written."""
    try:
        return identity(*(_text(properties, name) for name in _IDENTITY), default_stage=default_stage)
    except InvalidValueError:
        return None


def read_properties(properties: Mapping[str, Any], *, default_stage: str | None) -> ServiceEndpoint:
    """Return what the properties ask for, or raise a `WrongPropertiesError` that tells all that is wrong with them.

    CloudFormation hands every number and every boolean on as text.
    """
    faults = [_unknown(name) for name in sorted(properties.keys() - {*_KNOWN, *_HANDED_ON})]

    def checked(name: str, check: Callable[[Any], Any], default: Any = None) -> Any:
        if name in properties and properties[name] is not None:
            try:
                return check(properties[name])
            except InvalidValueError as error:
                faults.append(_fault(name, error))
        return default

    for name in _IDENTITY:
        _check_identity(name, properties, default_stage, faults)
    endpoint = checked("Endpoint", check_endpoint)
    if properties.get("Endpoint") is None:
        faults.append("Endpoint is missing: the URL, ARN or other address to register")
    weight = checked("Weight", _weight, DEFAULT_WEIGHT)
    attributes = checked("Attributes", _attributes, {})
    depends_on = checked("Dependencies", _dependencies, {})
    if depends_on and any(map(is_depends_on, attributes)):
        faults.append(
            "Dependencies is given, and Attributes has depends-on, which it makes: leave one of them out"
        )
    attributes |= depends_on
    adopt = checked("Adopt", _switch("Adopt"), default=False)
    drain_seconds = checked("DrainSeconds", _drain_seconds)
    verify = checked("Verify", _switch("Verify"), default=False)
    if faults:
        raise WrongPropertiesError(tuple(faults))
    who = identity(*(_text(properties, name) for name in _IDENTITY), default_stage=default_stage)
    return ServiceEndpoint(who, endpoint, weight, attributes, adopt, drain_seconds, verify)


def check_size(wanted: ServiceEndpoint, owner: str, owner_ref: str) -> None:
    """Raise a `WrongPropertiesError` where all of it together is more than Cloud Map takes."""
    who = wanted.identity
    record = Instance(
        service=who.service,
        endpoint=wanted.endpoint,
        stage=who.stage,
        version=who.version,
        tenant=who.tenant,
        variant=who.variant,
        weight=wanted.weight,
        attributes=wanted.attributes,
        owner=owner,
        owner_ref=owner_ref,
        registered_at=_ANY_TIME,
    )
    try:
        encode_attributes(record)
    except InvalidValueError as error:
        raise WrongPropertiesError((str(error),)) from error


def _check_identity(
    name: str, properties: Mapping[str, Any], default_stage: str | None, faults: list[str]
) -> None:
    # One at a time, beside what is surely right, so that each fault is told.
    fields: dict[str, Any] = dict.fromkeys(_IDENTITY) | {"Service": "any", "Stage": NO_STAGE}
    fields[name] = _text(properties, name)
    try:
        identity(*fields.values(), default_stage=default_stage)
    except InvalidValueError as error:
        if error.value is None and name in {"Service", "Stage"}:
            what = "the name to register" if name == "Service" else "the stage to register in, - for none"
            faults.append(f"{name} is missing: {what}")
        else:
            faults.append(_fault(name, error))


def _text(properties: Mapping[str, Any], name: str) -> Any:
    # An empty text is what a template's condition often makes of "none".
    found = properties.get(name)
    return None if found == "" else found


def _fault(name: str, error: InvalidValueError) -> str:
    inner = (
        f"{name}{error.field.removeprefix('attributes')}" if error.field.startswith("attributes[") else name
    )
    shown = repr(error.value)
    return f"{inner} is {shown if len(shown) <= 200 else shown[:199] + '…'}: {error.limit}"  # noqa: PLR2004 -- enough to recognize a value


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, _KNOWN, n=1)
    return f"{name} is no property of Custom::ServiceEndpoint" + (
        f"; did you mean {close[0]}?" if close else f"; known are {', '.join(_KNOWN)}"
    )


def _weight(given: Any) -> int:
    text = str(given)
    if isinstance(given, bool) or not (
        text.isascii() and text.isdigit() and len(text) <= len(str(MAX_WEIGHT))
    ):
        raise InvalidValueError("Weight", given, f"must be a whole number from 0 (drained) to {MAX_WEIGHT}")
    return check_weight(int(text))


def _attributes(given: Any) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise InvalidValueError("Attributes", given, "must be a map of text to text")
    for name in given:
        if is_own_attribute(str(name)):
            raise InvalidValueError("Attributes", name, "the registrar keeps this one for itself")
    return check_user_attributes(given)


def _dependencies(given: Any) -> dict[str, str]:
    if not isinstance(given, list):
        raise InvalidValueError("Dependencies", given, 'must be a list, such as ["users", "payments@^1.2"]')
    found = []
    for entry in given:
        if not isinstance(entry, str):
            raise InvalidValueError(
                "Dependencies", entry, "must be the name of a service, with its range after an @"
            )
        found.append(parse_entry(entry))
    return encode_depends_on(found)


def _switch(name: str) -> Callable[[Any], bool]:
    def check(given: Any) -> bool:
        meaning = {"true": True, "false": False}.get(str(given).lower())
        if meaning is None:
            raise InvalidValueError(name, given, "must be true or false")
        return meaning

    return check


def _drain_seconds(given: Any) -> float:
    seconds = float(given) if re.fullmatch(_SECONDS, str(given)) and not isinstance(given, bool) else math.inf
    if seconds > MAX_DRAIN_SECONDS:
        limit = f"must be a number of seconds from 0 to {MAX_DRAIN_SECONDS:g}, as the function has 900"
        raise InvalidValueError("DrainSeconds", given, limit)
    return seconds
