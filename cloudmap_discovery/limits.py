"""Names, ids, addresses and attributes held against Cloud Map's limits, which the SDK does not check.

Sources: the Cloud Map API reference (RegisterInstance, CreateService, CreateHttpNamespace) and its quotas page;
Parameter Store's PutParameter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.model import NO_STAGE, Attributes
from cloudmap_discovery.semver import parse_version

MAX_SERVICE_NAME: Final = 127
MAX_NAMESPACE_NAME: Final = 1024
MAX_ATTRIBUTES: Final = 30
MAX_ATTRIBUTE_KEY: Final = 255
MAX_ATTRIBUTE_VALUE: Final = 1024
MAX_ATTRIBUTES_TOTAL: Final = 5000
MAX_INSTANCE_ID: Final = 64
MAX_WEIGHT: Final = 1_000_000
MAX_RUNGS: Final = 10
"""The most stages of a ladder: each is a lookup of its own."""

LADDER: Final = ">"
"""What stands between the stages of a ladder."""

RESERVED_ATTRIBUTES: Final = frozenset(
    {"endpoint", "stage", "version", "tenant", "variant", "weight", "owner", "owner-ref", "registered-at"}
)
"""The attributes that hold a record's own fields; a user's attribute may not have such a name."""

# Patterns are text: `re` compiles and keeps them at first use, and few processes use them all.
_STAGE = r"[A-Za-z0-9_.-]{1,40}"
# CreateService, Name: a label neither begins nor ends with a hyphen, nor is it an underscore alone.
_LABEL = r"(?:[A-Za-z0-9_][A-Za-z0-9_-]{0,61}[A-Za-z0-9_]|[A-Za-z0-9])"
_SERVICE = rf"{_LABEL}(?:\.{_LABEL})*"
_NAMESPACE = r"[!-~]{1,1024}"
_INSTANCE_ID = r"[0-9a-zA-Z_/:.@-]+"
_ATTRIBUTE_KEY = r"[!-~]+"
# Printable ASCII; may be empty; no space or tab in front (RegisterInstance, AttrValue).
_ATTRIBUTE_VALUE = r"(?:[!-~][ -~\t]*)?"
_STAGE_LIMIT = (
    f"a stage is 1 to 40 of the characters A-Z a-z 0-9 _ . - (and {NO_STAGE!r} alone means no stage)"
)


def check_text(field: str, value: Any) -> str:
    """Return the value if it is text that is not empty."""
    if not isinstance(value, str):
        raise InvalidValueError(field, value, f"must be a str, not {type(value).__name__}")
    if not value:
        raise InvalidValueError(field, value, "must not be empty")
    # A member of an Enum of str is text, but formats as its name: what is used from here on is the text alone.
    return str.__str__(value)


def check_service(value: Any) -> str:
    """Return the value if it can be the name of a service."""
    text = check_text("service", value)
    if len(text) > MAX_SERVICE_NAME:
        raise InvalidValueError(
            "service", value, f"has {len(text)} characters; the limit is {MAX_SERVICE_NAME}"
        )
    if not re.fullmatch(_SERVICE, text):
        raise InvalidValueError(
            "service",
            value,
            "a name is labels of 1 to 63 of the characters A-Z a-z 0-9 _ - separated by dots; "
            "no label begins or ends with - or is _ alone",
        )
    return text


def check_stage(value: Any) -> str:
    """Return the value if it can be one stage."""
    text = check_text("stage", value)
    if not re.fullmatch(_STAGE, text):
        raise InvalidValueError("stage", value, _STAGE_LIMIT)
    return text


def check_ladder(value: Any) -> tuple[str, ...]:
    """Return the stages of the value, one or several with `>` between them, in the order in which they are tried."""
    text = check_text("stage", value)
    rungs = tuple(part.strip() for part in text.split(LADDER))
    for rung in rungs:
        if not re.fullmatch(_STAGE, rung):
            raise InvalidValueError(
                "stage", value, f"{_STAGE_LIMIT}; a ladder is several with > between them"
            )
    if len(rungs) > MAX_RUNGS:
        raise InvalidValueError("stage", value, f"has {len(rungs)} stages; the limit is {MAX_RUNGS}")
    if len(set(rungs)) != len(rungs):
        raise InvalidValueError("stage", value, "names a stage twice")
    return rungs


def check_tenant(value: Any) -> str:
    """Return the value if it can be a tenant."""
    return check_attribute_value("tenant", check_text("tenant", value))


def check_sticky(value: Any) -> str:
    """Return the value if it can be what a choice sticks to."""
    return check_text("sticky", value)


def check_namespace(value: Any) -> str:
    """Return the value if it can be the name of a namespace."""
    text = check_text("namespace", value)
    if not re.fullmatch(_NAMESPACE, text):
        raise InvalidValueError(
            "namespace", value, f"1 to {MAX_NAMESPACE_NAME} printable ASCII characters without spaces"
        )
    return text


def check_endpoint(value: Any) -> str:
    """Return the value if it can be an endpoint: a URL, an ARN or any other address, as one attribute's value."""
    text = check_text("endpoint", value)
    if any(character.isspace() for character in text):
        raise InvalidValueError("endpoint", value, "an address has no white space")
    return check_attribute_value("endpoint", text)


def check_version(value: Any) -> str:
    """Return the value if it is a semantic version."""
    text = check_text("version", value)
    if parse_version(text) is None:
        raise InvalidValueError("version", value, "must be a semantic version such as 1.4.2 or 2.0.0-rc.1")
    return check_attribute_value("version", text)


def check_weight(value: Any) -> int:
    """Return the value if it can be a weight."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_WEIGHT:
        raise InvalidValueError("weight", value, f"must be a whole number from 0 (drained) to {MAX_WEIGHT}")
    return value


def check_instance_id(value: Any) -> str:
    """Return the value if it can be the id of an instance."""
    text = check_text("id", value)
    if len(text) > MAX_INSTANCE_ID:
        raise InvalidValueError("id", value, f"has {len(text)} characters; the limit is {MAX_INSTANCE_ID}")
    if not re.fullmatch(_INSTANCE_ID, text):
        raise InvalidValueError("id", value, "may hold 0-9 a-z A-Z _ / : . @ -")
    return text


def check_attribute_value(field: str, value: Any) -> str:
    """Return the value if it can be the value of the attribute that `field` names."""
    if not isinstance(value, str):
        raise InvalidValueError(field, value, f"must be a str, not {type(value).__name__}")
    if len(value) > MAX_ATTRIBUTE_VALUE:
        raise InvalidValueError(
            field, value, f"has {len(value)} characters; the limit is {MAX_ATTRIBUTE_VALUE}"
        )
    if not re.fullmatch(_ATTRIBUTE_VALUE, value):
        raise InvalidValueError(field, value, "must be printable ASCII without a space in front")
    return value


def check_user_attributes(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return a user's own attributes if each of them can be stored; the totals are `check_all_attributes`'s."""
    for key, value in attributes.items():
        if not isinstance(key, str):
            raise InvalidValueError("attributes", key, f"a key must be a str, not {type(key).__name__}")
        if key in RESERVED_ATTRIBUTES:
            raise InvalidValueError(
                "attributes",
                key,
                f"this name is a record's own field; reserved are {', '.join(sorted(RESERVED_ATTRIBUTES))}",
            )
        if key.upper().startswith("AWS_"):
            raise InvalidValueError("attributes", key, "keys that start with AWS_ belong to AWS")
        if not 0 < len(key) <= MAX_ATTRIBUTE_KEY:
            raise InvalidValueError(
                "attributes", key, f"a key of {len(key)} characters; the limit is 1 to {MAX_ATTRIBUTE_KEY}"
            )
        if not re.fullmatch(_ATTRIBUTE_KEY, key):
            raise InvalidValueError("attributes", key, "a key must be printable ASCII without spaces")
        check_attribute_value(f"attributes[{key!r}]", value)
    return dict(attributes)


def check_conditions(where: Any) -> Attributes:
    """Return the value if it is a mapping of attribute to value."""
    if not isinstance(where, Mapping):
        raise InvalidValueError(
            "where", where, "must be a mapping of attribute to value, such as {'color': 'blue'}"
        )
    if not all(isinstance(text, str) for item in where.items() for text in item):
        raise InvalidValueError("where", where, "its names and values must be str")
    return Attributes(where)


def check_overrides(given: Any) -> Attributes:
    """Return the value if it is a mapping of services to addresses."""
    if not isinstance(given, Mapping):
        raise InvalidValueError(
            "overrides",
            given,
            "must be a mapping of services to addresses, such as {'users': 'http://localhost:3001'}",
        )
    checked = {}
    for service, endpoint in given.items():
        name = check_service(service)
        try:
            checked[name] = check_endpoint(endpoint)
        except InvalidValueError as error:
            raise InvalidValueError(f"overrides[{name!r}]", error.value, error.limit) from error
    return Attributes(checked)


def check_all_attributes(attributes: Mapping[str, str]) -> None:
    """Raise if all attributes of a record together, ours included, are more than Cloud Map takes."""
    if len(attributes) > MAX_ATTRIBUTES:
        own = len(RESERVED_ATTRIBUTES & attributes.keys())
        raise InvalidValueError(
            "attributes",
            len(attributes),
            f"attributes in all, {own} of them the record's own fields; the limit is {MAX_ATTRIBUTES}",
        )
    total = sum(len(key) + len(value) for key, value in attributes.items())
    if total > MAX_ATTRIBUTES_TOTAL:
        raise InvalidValueError(
            "attributes",
            total,
            f"characters of keys and values together; the limit is {MAX_ATTRIBUTES_TOTAL}",
        )
