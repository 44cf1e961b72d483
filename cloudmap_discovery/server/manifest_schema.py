"""The JSON Schema (2020-12) of a manifest."""

from __future__ import annotations

from typing import Any, Final

from cloudmap_discovery.limits import MAX_SERVICE_NAME
from cloudmap_discovery.server.manifest_entries import REGION

SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:cloudmap-discovery:manifest",
    "title": "Manifest",
    "description": "The REST APIs of a stage, as Amplify.configure takes them.",
    "type": "object",
    "required": ["API"],
    "additionalProperties": False,
    "properties": {
        "API": {
            "type": "object",
            "required": ["REST"],
            "additionalProperties": False,
            "properties": {
                "REST": {
                    "description": "The public services by name, which is the apiName of Amplify.",
                    "type": "object",
                    "propertyNames": {"minLength": 1, "maxLength": MAX_SERVICE_NAME},
                    "additionalProperties": {"$ref": "#/$defs/entry"},
                }
            },
        }
    },
    "$defs": {
        "entry": {
            "type": "object",
            "required": ["endpoint"],
            "additionalProperties": False,
            "properties": {
                "endpoint": {
                    "description": "A URL without a slash at its end: the path of a call is appended to it.",
                    "type": "string",
                    "pattern": r"^https?://[^/?#\s\\]+(?:/[^?#\s\\]*[^/?#\s\\])?$",
                },
                "region": {
                    "description": "The region to sign for; left out where it is not known.",
                    "type": "string",
                    "pattern": f"^{REGION}$",
                },
                "service": {
                    "description": "The name to sign for; only where requests are signed with AWS credentials.",
                    "enum": ["execute-api", "lambda"],
                },
            },
        }
    },
}
