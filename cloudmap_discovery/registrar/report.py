"""What a run tells: one line for the log, which is also its metrics, and the same as an answer.

The line is in CloudWatch's Embedded Metric Format: CloudWatch Logs reads the metrics back from it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.emf import NAMESPACE
from cloudmap_discovery.registrar.reconcile import REASONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudmap_discovery.model import Instance
    from cloudmap_discovery.registrar.hints import Hints
    from cloudmap_discovery.registrar.reconcile import Plan
    from cloudmap_discovery.registrar.runs import Summary

_SHOWN: Final = (20, 3, 0)
"""How many of each list a line shows: as many as fit into `_MOST_BYTES`. The counts are of all."""

_MOST_BYTES: Final = 250_000
"""CloudWatch takes no metrics from a longer event than 256 KB (1 MB since 2025): whoever writes tags could hide them."""


def as_plan(plan: Plan) -> dict[str, Any]:
    """Return a plan for machines, whole."""
    return {
        "register": [_shown(change.record) for change in plan.changes if change.present is None],
        "update": [
            {**_shown(change.record), "before": change.present.endpoint, "adopt": change.adopt}
            for change in plan.changes
            if change.present is not None
        ],
        "remove": [{**_shown(removal.record), "reason": REASONS[removal.proof]} for removal in plan.removals],
        "incomplete": plan.incomplete,
        "stopped": plan.stopped,
        "unchanged": plan.unchanged,
        "owned": plan.owned,
        "conflicts": [
            {**_shown(one.record), "function": one.function, "owner": one.owner} for one in plan.conflicts
        ],
        "rejected": [{"function": one.function, "reasons": list(one.reasons)} for one in plan.rejected],
        "kept": [{**_shown(one.record), "reason": one.reason} for one in plan.kept],
        "unread": [{"function": function, "reason": reason} for function, reason in plan.unread],
        "not_permitted": [{"function": one.function, "reason": one.reason} for one in plan.not_permitted],
    }


def as_summary(summary: Summary) -> dict[str, Any]:
    """Return for machines what a run did, with its counts."""
    done, plan = summary.done, as_plan(summary.plan)
    return {
        "counts": counts(summary),
        "registered": [_shown(one) for one in done.registered],
        "updated": [_shown(one) for one in done.updated],
        "removed": [_shown(one) for one in done.removed],
        "failed": [{**_shown(record), "error": error} for record, error in done.failed],
        "unfinished": done.unfinished,
        "kept": [*plan["kept"], *({**_shown(one.record), "reason": one.reason} for one in done.kept)],
        **{
            name: plan[name]
            for name in ("incomplete", "stopped", "conflicts", "rejected", "unread", "not_permitted")
        },
        "gone": [_shown(one) for one in summary.gone],
        "services_removed": list(summary.swept.removed),
        "services_failed": [{"service": name, "error": error} for name, error in summary.swept.failed],
        "mirrors": {
            one.mirror: "equal"
            if not one.differences and one.error is None
            else str(one.error or f"{len(one.differences)} mended")
            for one in summary.synced
        },
        "sync_error": summary.sync_error,
    }


def counts(summary: Summary) -> dict[str, int]:
    """Return the run's metrics by name."""
    plan, done = summary.plan, summary.done
    return {
        "RecordsRegistered": len(done.registered),
        "RecordsUpdated": len(done.updated),
        "RecordsRemoved": len(done.removed),
        "RecordsUnchanged": plan.unchanged,
        "RecordsRejected": len(plan.rejected),
        "RecordsConflicting": len(plan.conflicts),
        "RecordsFailed": len(done.failed) + done.unfinished + len(plan.unread),
        "RemovalsStopped": len(plan.removals) if plan.removes_too_many else 0,
        "ListingFailures": int(plan.incomplete is not None),
        "EndpointsGone": len(summary.gone),
        "SyncFailures": int(summary.sync_error is not None)
        + sum(one.error is not None for one in summary.synced),
        "ServicesRemoved": len(summary.swept.removed),
    }


def line(summary: Summary, hints: Hints, *, namespace: str, wall: float, took_seconds: float) -> str:
    """Return the log line of a run in namespace `namespace` of Cloud Map; `wall` is the time of now."""
    measured = counts(summary)
    metrics = [{"Name": name, "Unit": "Count"} for name in measured]
    metrics.append({"Name": "ReconcileTime", "Unit": "Milliseconds"})
    directive = {"Namespace": NAMESPACE, "Dimensions": [["RegistryNamespace"]], "Metrics": metrics}
    told = as_summary(summary)
    del told["counts"]
    head = {
        "_aws": {"Timestamp": int(wall * 1000), "CloudWatchMetrics": [directive]},
        "message": "reconciled",
        "RegistryNamespace": namespace,
        "triggers": list(hints.triggers)[: max(_SHOWN)],
        "scheduled": hints.scheduled,
        **measured,
        "ReconcileTime": round(took_seconds * 1000),
    }
    text = ""
    for most in _SHOWN:
        cut = {name: _cut(item, most) for name, item in told.items() if item not in ([], {}, None, 0)}
        text = json.dumps({**head, **cut}, separators=(",", ":"))
        if len(text) <= _MOST_BYTES:
            break
    return text


def _cut(item: Any, most: int) -> Any:
    if not isinstance(item, list) or len(item) <= most:
        return item
    return [*item[:most], f"and {len(item) - most} more"]


def _shown(record: Instance) -> dict[str, Any]:
    fields: Sequence[str] = ("service", "stage", "endpoint", "version", "tenant", "variant", "owner", "id")
    return {name: getattr(record, name) for name in fields if getattr(record, name) is not None}
