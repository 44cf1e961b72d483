"""Events as CloudWatch metrics: lines in the Embedded Metric Format, which CloudWatch Logs reads back.

    metric                    unit           dimensions
    Hits                      Count          Stage
    StaleServed               Count          Stage
    StaleServedWhileFailing   Count          Stage          of these, the ones while the authority fails
    Refreshes                 Count          Stage
    RefreshTime               Milliseconds   Stage
    RefreshFailures           Count          Stage          the refreshes that ended without a word that counts
    Absences                  Count          Stage          the refreshes that found no such service
    FallbackUsed              Count          Stage
    StoreFailures             Count          Stage; Stage and Store
    SkippedRecords            Count          Stage
    EndpointFailures          Count          Stage
    Registered, Deregistered  Count          Stage
    MirrorFailures            Count          Stage

AWS bills every combination of metric and dimension values, so that the service is no dimension unless it is asked for.
It is a property of the line, like the reason, for CloudWatch Logs Insights.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery import lifecycle
from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.events import (
    Deregistered,
    EndpointFailed,
    FallbackUsed,
    Hit,
    MirrorFailed,
    RecordsSkipped,
    Refreshed,
    Registered,
    StaleServed,
    StoreFailed,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO

    from cloudmap_discovery.clock import Clock, Instant
    from cloudmap_discovery.events import Event

NAMESPACE: Final = "CloudMapDiscovery"
INTERVAL_SECONDS: Final = 60.0

_MAX_NAMESPACE: Final = 255
_MAX_TEXT: Final = 1024
_MAX_REASONS: Final = 5
_UNITS: Final = {"RefreshTime": "Milliseconds"}

_Counts = Counter[str]


class EmfSink:
    """A callback for `on_event` that writes metrics as lines of JSON.

    What happens on every lookup (hits, answers served stale) is counted, and written before the next line, or at the
    first event after `interval_seconds`, or by `flush`. Everything else is written at once. Lines go to `stream`, by
    default to whatever `sys.stdout` is then: in Lambda that is all it takes. `by_service` adds the dimension set
    Service and Stage to every metric.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        namespace: str = NAMESPACE,
        by_service: bool = False,
        interval_seconds: float = INTERVAL_SECONDS,
        clock: Clock | None = None,
    ) -> None:
        if not (0 < len(namespace) <= _MAX_NAMESPACE and namespace.isascii() and namespace.isprintable()):
            raise InvalidValueError(
                "namespace", namespace, f"1 to {_MAX_NAMESPACE} printable ASCII characters"
            )
        if namespace.startswith((":", "AWS/")):
            raise InvalidValueError("namespace", namespace, "must start neither with a colon nor with AWS/")
        self._stream = stream
        self._namespace = namespace
        self._by_service = by_service
        self._interval_seconds = interval_seconds
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._counted: dict[tuple[str, str], _Counts] = {}
        self._counting_since: Instant | None = None
        lifecycle.join(self)

    def __call__(self, event: Event) -> None:
        """Count the event, or write it."""
        now = self._clock.now()
        counts = _counts(event)
        with self._lock:
            if counts:
                self._count(event, counts, now)
                since = self._counting_since
                if since is not None and not 0 <= now.seconds_since(since) < self._interval_seconds:
                    self._write(self._take_counted(now))
                return
            metrics, properties = _measures(event)
            if metrics:
                about = {"Service": event.service, **properties}
                self._write([*self._take_counted(now), self._line(now, event.stage, metrics, about)])

    def flush(self) -> None:
        """Write what is counted and not written yet."""
        with self._lock:
            self._write(self._take_counted(self._clock.now()))

    def after_fork_in_child(self) -> None:
        """Leave what is counted to the parent, and take a lock that no thread of the parent holds."""
        self._lock = threading.Lock()
        self._counted = {}
        self._counting_since = None

    def _count(self, event: Event, counts: _Counts, now: Instant) -> None:
        if self._counting_since is None:
            self._counting_since = now
        group = (event.service if self._by_service else "", event.stage)
        self._counted.setdefault(group, Counter()).update(counts)

    def _take_counted(self, now: Instant) -> list[str]:
        counted, self._counted, self._counting_since = self._counted, {}, None
        return [
            self._line(now, stage, counts, {"Service": service} if service else {})
            for (service, stage), counts in counted.items()
        ]

    def _line(
        self, now: Instant, stage: str, metrics: Mapping[str, float], properties: Mapping[str, Any]
    ) -> str:
        dimension_sets = [["Stage"]]
        if self._by_service:
            dimension_sets.append(["Service", "Stage"])
        if "Store" in properties:
            dimension_sets.append(["Stage", "Store"])
        directive = {
            "Namespace": self._namespace,
            "Dimensions": dimension_sets,
            "Metrics": [{"Name": name, "Unit": _UNITS.get(name, "Count")} for name in metrics],
        }
        document = {
            "_aws": {"Timestamp": int(now.wall * 1000), "CloudWatchMetrics": [directive]},
            "Stage": stage,
            **{name: _short(value) for name, value in properties.items()},
            **metrics,
        }
        return json.dumps(document, separators=(",", ":"), allow_nan=False)

    def _write(self, lines: Sequence[str]) -> None:
        if not lines:
            return
        stream = sys.stdout if self._stream is None else self._stream
        # One call, so that the lines of other threads and loggers do not come in between.
        stream.write("".join(f"{line}\n" for line in lines))
        stream.flush()


def _counts(event: Event) -> _Counts:
    match event:
        case Hit():
            return Counter(Hits=1)
        case StaleServed(failing=True):
            return Counter(StaleServed=1, StaleServedWhileFailing=1)
        case StaleServed():
            return Counter(StaleServed=1)
        case _:
            return Counter()


def _measures(event: Event) -> tuple[dict[str, float], dict[str, Any]]:  # noqa: C901, PLR0911 -- one case for each kind of event
    """Return the event's metrics, and the properties that go with them."""
    match event:
        case Refreshed(_, _, outcome, source, took_seconds):
            metrics = {"Refreshes": 1.0, "RefreshTime": round(max(took_seconds, 0.0) * 1000, 3)}
            if outcome == "failed":
                metrics["RefreshFailures"] = 1.0
            elif outcome == "absent":
                metrics["Absences"] = 1.0
            return metrics, {"Outcome": outcome, **({} if source is None else {"Source": source})}
        case FallbackUsed(_, _, source, reason, failing):
            return {"FallbackUsed": 1}, {"Source": source, "Reason": reason, "Failing": failing}
        case StoreFailed(_, _, store, error, code, message):
            about = {"Store": store, "Error": error, "Code": code, "Message": message}
            return {"StoreFailures": 1}, about
        case RecordsSkipped(_, _, source, reasons):
            return {"SkippedRecords": len(reasons)}, {"Source": source, "Reasons": reasons}
        case EndpointFailed(_, _, instance_id, endpoint):
            return {"EndpointFailures": 1}, {"InstanceId": instance_id, "Endpoint": endpoint}
        case Registered(_, _, instance_id, endpoint, owner):
            about = {"InstanceId": instance_id, "Endpoint": endpoint, "Owner": owner}
            return {"Registered": 1}, about
        case Deregistered(_, _, instance_id):
            return {"Deregistered": 1}, {"InstanceId": instance_id}
        case MirrorFailed(_, _, mirror, reason):
            return {"MirrorFailures": 1}, {"Mirror": mirror, "Reason": reason}
        case _:
            return {}, {}


def _short(value: Any) -> Any:
    match value:
        case str() if len(value) > _MAX_TEXT:
            return f"{value[: _MAX_TEXT - 1]}…"
        case tuple():
            return [_short(each) for each in value[:_MAX_REASONS]]
        case _:
            return value
