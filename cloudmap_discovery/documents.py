"""Records as JSON text: what a parameter of Parameter Store holds, read and written."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.encoding import address_fault, decode_time, encode_time
from cloudmap_discovery.errors import InvalidValueError, MalformedRecordError
from cloudmap_discovery.limits import check_text, check_weight
from cloudmap_discovery.model import DEFAULT_WEIGHT, Instance, PassedOver, record_id
from cloudmap_discovery.values import replace, value

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

FORMAT: Final = 1
MAX_STANDARD_BYTES: Final = 4096
"""What a parameter of the standard tier holds."""

MAX_LARGE_BYTES: Final = 8192
"""What a parameter of the advanced tier holds."""

_ENVELOPE_FIELDS: Final = frozenset({"format", "mirrored", "instances", "overflow"})
_RECORD_FIELDS: Final = (
    "endpoint",
    "version",
    "tenant",
    "variant",
    "weight",
    "attributes",
    "id",
    "service",
    "stage",
    "owner",
    "owner_ref",
    "registered_at",
)
_SCALAR_FIELDS: Final = frozenset(_RECORD_FIELDS) - {"attributes"}


@value
class ParameterContent:
    """What a parameter's value says.

    `mirrored`: it is a projection of Cloud Map. `overflow`: one that did not fit, so that it lists nothing.
    """

    instances: tuple[Instance, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    mirrored: bool = False
    overflow: bool = False


@value
class MirrorText:
    """A mirror's text: whether it needs the large tier, and whether the records did not even fit that."""

    text: str
    is_large: bool = False
    overflow: bool = False


def parameter_name(prefix: str, stage: str, service: str) -> str:
    """Return the name of the parameter that holds the service's records in the stage."""
    return f"{prefix}/{stage}/{service}"


def read_parameter(value: str, *, parameter: str, service: str, stage: str) -> ParameterContent:
    """Return what the parameter's value says.

    Records of which no use can be made are passed over. Raises a `MalformedRecordError` where the value as a whole
    is neither an endpoint nor our JSON.
    """
    if value[:1] not in {"{", "["}:
        fault = address_fault(value)
        if fault is not None:
            raise MalformedRecordError(parameter, f"{fault}; it is neither an endpoint nor our JSON")
        return ParameterContent((Instance(service, value, stage),))
    try:
        data = json.loads(value, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise MalformedRecordError(parameter, f"it is not JSON: {error}") from error
    if isinstance(data, dict) and data.keys() & _ENVELOPE_FIELDS:
        return _read_envelope(data, parameter, service, stage)
    items = data if isinstance(data, list) else [data]
    return ParameterContent(*read_records(items, parameter, service, stage, lenient=False))


def not_ours(value: str, namespace: str) -> str | None:
    """Return who else wrote a parameter's value than a mirror of this namespace, in this format or a later one."""
    try:
        data = json.loads(value)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or data.get("mirrored") is not True:
        return "a person"
    whose = data.get("namespace", namespace)
    return None if whose == namespace else f"the mirror of the namespace {whose!r:.200}"


def write_mirror(instances: Iterable[Instance], namespace: str) -> MirrorText:
    """Return the text that mirrors these records of a namespace: all, or, beyond 8,192 bytes, that there are too many."""
    records = [record_fields(instance) for instance in sorted(instances, key=lambda instance: instance.id)]
    head = {"format": FORMAT, "mirrored": True, "namespace": namespace}
    text = _text({**head, "instances": records})
    if len(text) > MAX_LARGE_BYTES:
        return MirrorText(_text({**head, "overflow": True}), overflow=True)
    return MirrorText(text, is_large=len(text) > MAX_STANDARD_BYTES)


def _text(data: dict[str, Any]) -> str:
    # ASCII, so that characters are bytes. Parameter Store refuses values with {{…}}, which can stand only in strings.
    return json.dumps(data, separators=(",", ":")).replace("{{", "{\\u007b")


def record_fields(instance: Instance, *, is_whole: bool = False) -> dict[str, Any]:
    """Return what a mirror repeats of a record, without the service and stage that its place says.

    `is_whole` adds who registered it, and when.
    """
    derived = record_id(instance.service, instance.stage, instance.version, instance.tenant, instance.variant)
    fields = {
        "endpoint": instance.endpoint,
        "version": instance.version,
        "tenant": instance.tenant,
        "variant": instance.variant,
        "weight": None if is_whole and instance.weight == DEFAULT_WEIGHT else instance.weight,
        "attributes": dict(instance.attributes) or None,
        # A record that others registered has an id of its own; ours follows from the rest.
        "id": None if instance.id == derived else instance.id,
    }
    if is_whole:
        fields |= {"owner": instance.owner, "owner_ref": instance.owner_ref}
        if instance.registered_at is not None:
            fields["registered_at"] = encode_time(instance.registered_at)
    return {name: value for name, value in fields.items() if value is not None}


class _Ambiguous(dict[str, Any]):
    """An object in which a key stands twice."""

    __slots__ = ("repeated",)

    repeated: str


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    ambiguous = _Ambiguous(plain)
    keys = [key for key, _ in pairs]
    ambiguous.repeated = next(key for key in keys if keys.count(key) > 1)
    return ambiguous


def _read_envelope(data: dict[str, Any], parameter: str, service: str, stage: str) -> ParameterContent:
    if isinstance(data, _Ambiguous):
        raise MalformedRecordError(parameter, f"its JSON has the key {data.repeated!r:.60} twice")
    declared = data.get("format")
    if isinstance(declared, bool) or declared != FORMAT:
        raise MalformedRecordError(
            parameter, f"its format is {_shown(declared)!r:.60}; this version reads format {FORMAT}"
        )
    mirrored = data.get("mirrored") is True
    if data.get("overflow") is True:
        return ParameterContent(mirrored=mirrored, overflow=True)
    items = data.get("instances")
    if not isinstance(items, list):
        raise MalformedRecordError(parameter, "its instances are not a list")
    records = read_records(items, parameter, service, stage, lenient=mirrored)
    return ParameterContent(*records, mirrored=mirrored)


def read_records(
    items: Iterable[Any], place: str, service: str, stage: str, *, lenient: bool
) -> tuple[tuple[Instance, ...], tuple[PassedOver, ...]]:
    """Return the records of a service and stage that stand at a place, and those of which no use can be made.

    `lenient` reads what we wrote: fields that are not known come from a later version.
    """
    instances: dict[str, Instance] = {}
    passed_over = []
    for index, item in enumerate(items):
        record = f"{place}[{index}]"
        try:
            instance = _read_record(item, service, stage, lenient=lenient)
        except InvalidValueError as error:
            passed_over.append(PassedOver(record, str(error)))
            continue
        if instance.id in instances and "id" not in item:
            # People list endpoints without saying what tells them apart; the endpoint does.
            digest = hashlib.sha256(instance.endpoint.encode()).hexdigest()[:8]
            instance = replace(instance, id=f"{instance.id}-{digest}")
        if instance.id in instances:
            passed_over.append(PassedOver(record, f"another record has its id {instance.id!r:.100}"))
            continue
        instances[instance.id] = instance
    return tuple(instances.values()), tuple(passed_over)


def _read_record(data: Any, service: str, stage: str, *, lenient: bool) -> Instance:
    """Return the record, or raise an `InvalidValueError`.

    Fields that are not known are a typing error in what a person wrote (a misspelt `tenant` would make the record
    everybody's). In a mirror (`lenient`) they come from a later version.
    """
    if not isinstance(data, dict):
        raise InvalidValueError("record", _shown(data), 'must be an object such as {"endpoint": "https://…"}')
    if isinstance(data, _Ambiguous):
        raise InvalidValueError("record", data.repeated, "this key stands twice")
    unknown = [key for key in data if key not in _RECORD_FIELDS]
    if unknown and not lenient:
        raise InvalidValueError("field", unknown[0], f"a record has {', '.join(_RECORD_FIELDS)}")
    for field in data.keys() & _SCALAR_FIELDS:
        if isinstance(data[field], (dict, list)):
            raise InvalidValueError(field, _shown(data[field]), "must be one value")
    for field, expected in (("service", service), ("stage", stage)):
        if data.get(field, expected) != expected:
            raise InvalidValueError(field, data[field], f"the parameter's name says {expected!r}")
    endpoint = check_text("endpoint", data.get("endpoint"))
    fault = address_fault(endpoint)
    if fault is not None:
        raise InvalidValueError("endpoint", endpoint, fault)
    weight = data.get("weight")
    return Instance(
        service=service,
        endpoint=endpoint,
        stage=stage,
        version=_optional_text(data, "version"),
        tenant=_optional_text(data, "tenant"),
        variant=_optional_text(data, "variant"),
        weight=DEFAULT_WEIGHT if weight is None else check_weight(weight),
        attributes=_attributes(data),
        owner=_optional_text(data, "owner"),
        owner_ref=_optional_text(data, "owner_ref"),
        registered_at=_moment(data),
        id=_optional_text(data, "id") or "",
    )


def _shown(value: Any) -> Any:
    """Return what an error shows of the value: itself, but no structure, however deep or long."""
    return f"of type {type(value).__name__}" if isinstance(value, (dict, list)) else value


def _optional_text(data: dict[str, Any], field: str) -> str | None:
    value = data.get(field)
    return None if value is None else _encodable(field, check_text(field, value))


def _encodable(field: str, text: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidValueError(field, text, "has half a surrogate pair, which no text can hold")
    return text


def _attributes(data: dict[str, Any]) -> dict[str, str]:
    attributes = data.get("attributes")
    if attributes is None:
        return {}
    if not isinstance(attributes, dict) or isinstance(attributes, _Ambiguous):
        raise InvalidValueError("attributes", _shown(attributes), "must be an object of text, each key once")
    for key, text in attributes.items():
        _encodable("attributes", key)
        if not isinstance(text, str):
            raise InvalidValueError(f"attributes[{key!r:.60}]", _shown(text), "must be text")
        _encodable(f"attributes[{key!r:.60}]", text)
    return dict(attributes)


def _moment(data: dict[str, Any]) -> datetime | None:
    text = _optional_text(data, "registered_at")
    moment = None if text is None else decode_time(text)
    if text is not None and moment is None:
        raise InvalidValueError("registered_at", text, "must be a moment in ISO 8601")
    return moment
