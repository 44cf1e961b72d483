"""Results as JSON values, for machines: the fields of the values, by their names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cloudmap_discovery.encoding import encode_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudmap_discovery.model import Answer, Explanation, Instance, PassedOver
    from cloudmap_discovery.plans import Plan


def document(value: Any) -> str:
    """Return JSON text for standard output; everything beyond ASCII is escaped, whatever the terminal's encoding."""
    return json.dumps(value, indent=2)


def line(value: Any) -> str:
    """Return JSON text in one line, for standard error."""
    return json.dumps(value)


def instance(record: Instance) -> dict[str, Any]:
    """Return a record; what it does not have is null."""
    return {
        "service": record.service,
        "endpoint": record.endpoint,
        "stage": record.stage,
        "version": record.version,
        "tenant": record.tenant,
        "variant": record.variant,
        "weight": record.weight,
        "attributes": dict(record.attributes),
        "owner": record.owner,
        "owner_ref": record.owner_ref,
        "registered_at": None if record.registered_at is None else encode_time(record.registered_at),
        "id": record.id,
    }


def answer(found: Answer) -> dict[str, Any]:
    """Return every match with where it comes from."""
    return {
        "service": found.service,
        "stage": found.stage,
        "source": found.source,
        "age_seconds": found.age_seconds,
        "stale": found.stale,
        "instances": instances(found),
    }


def instances(records: Iterable[Instance]) -> list[dict[str, Any]]:
    """Return the records."""
    return [instance(record) for record in records]


def explanation(explained: Explanation) -> dict[str, Any]:
    """Return an explanation."""
    held = explained.held
    return {
        "service": explained.service,
        "stage": explained.stage,
        "namespace": explained.namespace,
        "where": dict(explained.where),
        "version": explained.version,
        "tenant": explained.tenant,
        "sticky": explained.sticky,
        "held": {
            "state": held.state,
            "source": held.source,
            "age_seconds": held.age_seconds,
            "instances": instances(held.instances),
            "back_off_seconds": held.back_off_seconds,
            "detail": held.detail,
        },
        "stores": [
            {
                "store": report.store,
                "outcome": report.outcome,
                "took_seconds": report.took_seconds,
                "instances": instances(report.instances),
                "passed_over": _passed_over(report.passed_over),
                "error": report.error,
                "note": report.note,
            }
            for report in explained.stores
        ],
        "found": explained.found,
        "source": explained.source,
        "stale": explained.stale,
        "candidates": instances(explained.candidates),
        "chosen": None if explained.chosen is None else instance(explained.chosen),
        "drained": explained.drained,
        "passed_over": _passed_over(explained.passed_over),
        "error": explained.error,
        "rungs": [explanation(rung) for rung in explained.rungs],
    }


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


def _passed_over(items: Iterable[PassedOver]) -> list[dict[str, str]]:
    return [{"record": item.record, "reason": item.reason} for item in items]
