"""Values as JSON: their fields by name, what a record does not have as null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudmap_discovery.encoding import encode_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudmap_discovery.model import Answer, Explanation, Instance, PassedOver


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


def _passed_over(items: Iterable[PassedOver]) -> list[dict[str, str]]:
    return [{"record": item.record, "reason": item.reason} for item in items]
