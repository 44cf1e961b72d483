"""Results as JSON values, for machines: the fields of the values, by their names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cloudmap_discovery.as_json import answer, explanation, instance, instances

if TYPE_CHECKING:
    from cloudmap_discovery.plans import Plan

__all__ = ["answer", "document", "explanation", "instance", "instances", "line", "plan"]


def document(value: Any) -> str:
    """Return JSON text for standard output; everything beyond ASCII is escaped, whatever the terminal's encoding."""
    return json.dumps(value, indent=2)


def line(value: Any) -> str:
    """Return JSON text in one line, for standard error."""
    return json.dumps(value)


def plan(planned: Plan) -> dict[str, Any]:
    """Return what would be done."""
    return {
        "dry_run": True,
        "action": planned.action,
        "steps": list(planned.steps()),
        "refusal": None if planned.refusal is None else str(planned.refusal),
        "written": None if planned.written is None else instance(planned.written),
        "present": None if planned.present is None else instance(planned.present),
    }
