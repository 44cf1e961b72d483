"""The shapes of what the catalog takes and answers, as JSON Schema."""

from __future__ import annotations

from typing import Any, Final

from cloudmap_discovery.limits import (
    MAX_ATTRIBUTE_VALUE,
    MAX_SERVICE_NAME,
    MAX_WEIGHT,
)

Schema = dict[str, Any]

# As limits.py has them, in the dialect of JSON Schema, where a pattern may match anywhere.
_LABEL: Final = "(?:[A-Za-z0-9_][A-Za-z0-9_-]{0,61}[A-Za-z0-9_]|[A-Za-z0-9])"
_STAGE: Final = r"[A-Za-z0-9_.\-]{1,40}"
_PRINTABLE: Final = r"[!-~][ -~\t]*"
_NUMBER: Final = "(?:0|[1-9][0-9]*)"
_IDENTIFIER: Final = "(?:0|[1-9][0-9]*|[0-9]*[A-Za-z\\-][0-9A-Za-z\\-]*)"
_SEMVER: Final = (
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_IDENTIFIER}(?:\.{_IDENTIFIER})*)?"
    r"(?:\+[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*)?"
)
_MAX_VERSION: Final = 256


def ref(name: str) -> Schema:
    """Return a reference to one of the `SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def text(description: str, **more: Any) -> Schema:
    """Return a schema of text."""
    return {"type": "string", "description": description, **more}


def _optional(pattern: str, description: str, **more: Any) -> Schema:
    """Return a schema of text that may be empty or null, which both mean that it is not given."""
    return {"type": ["string", "null"], "pattern": f"^(?:{pattern})?$", "description": description, **more}


def _maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(properties: dict[str, Schema], *, optional: tuple[str, ...] = (), description: str) -> Schema:
    return {
        "type": "object",
        "description": description,
        "required": [name for name in properties if name not in optional],
        "properties": properties,
    }


def _list(items: Schema, description: str) -> Schema:
    return {"type": "array", "items": items, "description": description}


SERVICE_NAME: Final = text(
    "The name of a service.", pattern=rf"^{_LABEL}(?:\.{_LABEL})*$", maxLength=MAX_SERVICE_NAME
)
LADDER: Final = text(
    "A stage, `-` for none, or several with > between them, of which the first that has the service counts; by default "
    "DISCOVERY_STAGE.",
    format="stages",
    examples=["Production", "pr-123>Staging"],
)
RANGE: Final = text(
    "A version or an npm-style range of them.", format="npm-range", examples=["^1.2", "2.x", "1.4.2"]
)
TENANT: Final = text(
    "Whose records are preferred to those of no tenant.",
    pattern=f"^(?:{_PRINTABLE})?$",
    maxLength=MAX_ATTRIBUTE_VALUE,
)
WHERE: Final = _list(
    text("An attribute and its value.", pattern="^[^:]+:"),
    "Attributes that the records must have, each of them asked for once.",
) | {"examples": [["color:blue"]]}

_NULLABLE_TEXT: Final = {"type": ["string", "null"]}
_WHY_PASSED: Final = _list(
    _object(
        {"record": text("Where it stands."), "reason": text("Why it was not used.")},
        description="A record that was not used.",
    ),
    "Records that were read and not used.",
)
_INSTANCES: Final = _list(ref("Instance"), "Records.")
_AGE: Final = {
    "type": "number",
    "minimum": 0,
    "description": "Seconds since this was asked of where it is from.",
}
_SOURCE: Final = text("The store that said so, such as `cloudmap`.")
_STALE: Final = {
    "type": "boolean",
    "description": "Whether it is older than it should be, since nothing newer can be had.",
}

SCHEMAS: Final[dict[str, Schema]] = {
    "Record": _object(
        {
            "ServiceID": text("`<ServiceName>:<id of the record>`."),
            "ServiceName": text("The name of the service."),
            "StageName": text("Its stage, `-` for none."),
            "ServiceURL": text("Its address."),
            "Version": text("Its version."),
            "ExternalID": text("The tenant whose it is."),
            "CreatedAt": text("When it was registered, in UTC.", format="date-time"),
        },
        optional=("Version", "ExternalID", "CreatedAt"),
        description="A record, as clients of serverless-discovery know it. What it does not have is left out.",
    ),
    "NewRecord": _object(
        {
            "ServiceName": SERVICE_NAME,
            "ServiceURL": text(
                "The address: a URL, an ARN or any other one.",
                pattern="^[!-~]+$",
                maxLength=MAX_ATTRIBUTE_VALUE,
            ),
            "StageName": _optional(_STAGE, "The stage, `-` for none; by default DISCOVERY_STAGE, or none."),
            "Version": _optional(_SEMVER, "A semantic version.", maxLength=_MAX_VERSION),
            "ExternalID": _optional(_PRINTABLE, "The tenant whose it is.", maxLength=MAX_ATTRIBUTE_VALUE),
            "ServiceID": {"type": ["string", "null"], "readOnly": True, "description": "As in a Record."},
            "CreatedAt": {"type": ["string", "null"], "readOnly": True, "description": "As in a Record."},
        },
        optional=("StageName", "Version", "ExternalID", "ServiceID", "CreatedAt"),
        description="A record to write. Empty and null fields are not given; further ones are left alone.",
    ),
    "Instance": _object(
        {
            "service": text("The name of the service."),
            "endpoint": text("Its address: a URL, an ARN or any other one."),
            "stage": text("Its stage, `-` for none."),
            "version": _NULLABLE_TEXT,
            "tenant": _NULLABLE_TEXT,
            "variant": _NULLABLE_TEXT,
            "weight": {"type": "integer", "minimum": 0, "maximum": MAX_WEIGHT},
            "attributes": {"type": "object", "additionalProperties": {"type": "string"}},
            "owner": _NULLABLE_TEXT,
            "owner_ref": _NULLABLE_TEXT,
            "registered_at": {"type": ["string", "null"], "format": "date-time"},
            "id": text("Its id, unique within the service."),
        },
        description="A record; what it does not have is null.",
    ),
    "Answer": _object(
        {
            "service": text("The service that was asked for."),
            "stage": text("The stage that has it."),
            "source": _SOURCE,
            "age_seconds": _AGE,
            "stale": _STALE,
            "instances": _list(ref("Instance"), "Every match, highest version first, then by id."),
        },
        description="What a lookup finds.",
    ),
    "Services": _object(
        {
            "stage": {"type": ["string", "null"], "description": "As asked for, null for all stages."},
            "source": _SOURCE,
            "age_seconds": _AGE,
            "stale": _STALE,
            "missing": {
                "type": ["string", "null"],
                "description": "Why nothing can be there, such as a namespace that does not exist; else null.",
            },
            "services": _list(ref("Summary"), "By name."),
        },
        description="The services that have records.",
    ),
    "Summary": _object(
        {
            "service": text("Its name."),
            "stages": _list({"type": "string"}, "Where it has records, of the stages that were asked for."),
            "versions": _list({"type": "string"}, "Those of its records, highest first."),
            "count": {"type": "integer", "minimum": 1, "description": "How many records it has."},
        },
        description="A service at a glance.",
    ),
    "Explanation": _object(
        {
            "service": text("The service that was asked for."),
            "stage": text("The stage that decides."),
            "namespace": text("Where it was looked for."),
            "where": {"type": "object", "additionalProperties": {"type": "string"}},
            "version": _NULLABLE_TEXT,
            "tenant": _NULLABLE_TEXT,
            "sticky": _NULLABLE_TEXT,
            "held": _object(
                {
                    "state": text("Its state, `nothing` where nothing is held."),
                    "source": _NULLABLE_TEXT,
                    "age_seconds": {"type": ["number", "null"]},
                    "instances": _INSTANCES,
                    "back_off_seconds": {"type": ["number", "null"]},
                    "detail": _NULLABLE_TEXT,
                },
                description="What is held here.",
            ),
            "stores": _list(
                _object(
                    {
                        "store": text("Its name."),
                        "outcome": text("What it said.", enum=["found", "absent", "failed"]),
                        "took_seconds": {"type": "number"},
                        "instances": _INSTANCES,
                        "passed_over": _WHY_PASSED,
                        "error": _NULLABLE_TEXT,
                        "note": _NULLABLE_TEXT,
                    },
                    description="A store that was asked.",
                ),
                "The stores, in the order in which they are asked.",
            ),
            "found": {"type": "boolean", "description": "Whether a lookup finds a record."},
            "source": _NULLABLE_TEXT,
            "stale": _STALE,
            "candidates": _list(ref("Instance"), "Those among which a lookup chooses."),
            "chosen": _maybe(ref("Instance")),
            "drained": {"type": "boolean"},
            "passed_over": _WHY_PASSED,
            "error": {"type": ["string", "null"], "description": "What a lookup says where it finds none."},
            "rungs": _list(ref("Explanation"), "Each stage, where several were asked for."),
        },
        description="Why a lookup finds what it finds.",
    ),
    "Problem": _object(
        {
            "type": text("Which problem it is.", format="uri"),
            "title": text("The problem in words, always the same."),
            "status": {"type": "integer"},
            "detail": text("What is wrong with this request, and what to do."),
            "field": text("The field or parameter that is wrong."),
            "near_misses": _list({"type": "string"}, "Services that are spelled alike."),
            "available": _list({"type": "string"}, "What the service has instead."),
        },
        optional=("field", "near_misses", "available"),
        description="Problem details (RFC 9457).",
    ),
}
