"""Reads lines as CloudWatch would: the Embedded Metric Format's specification, strictly, and PutMetricData's limits.

Sources: "Specification: Embedded metric format" in the CloudWatch user guide; MetricDatum and Dimension in its API
reference (names, values, units, ranges, how old or new a timestamp may be).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_EVENT_BYTES = 256 * 1024
MAX_METRICS = 100
MAX_DIMENSIONS = 30
MAX_VALUES = 100
MAX_NAME = 255
MAX_DIMENSION_VALUE = 1024
LARGEST = 2.0**360
OLDEST_MS, NEWEST_MS = 14 * 86_400_000, 2 * 3_600_000

_RATES = [f"{size}{what}" for size in ("", "Kilo", "Mega", "Giga", "Tera") for what in ("bytes", "bits")]
_SIZES = [rate[0].upper() + rate[1:] for rate in _RATES]
UNITS = {
    *("Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None"),
    *_SIZES,
    *(f"{size}/Second" for size in _SIZES),
}


class DroppedError(Exception):
    """CloudWatch would not take a metric from this."""


@dataclass(frozen=True)
class Point:
    """A metric's value, with everything that makes the metric's identity."""

    namespace: str
    name: str
    unit: str
    dimensions: frozenset[tuple[str, str]]
    value: float
    timestamp_ms: int


def read(text: str, *, now_ms: int) -> list[Point]:
    """Return the points of every line of the text; raise for the first line of which one would be dropped."""
    return [point for line in text.splitlines() for point in read_line(line, now_ms=now_ms)]


def read_line(line: str, *, now_ms: int) -> list[Point]:
    """Return the points of one log event."""
    _must(len(line.encode()) <= MAX_EVENT_BYTES, "the event is too large")
    try:
        root = json.loads(line, object_pairs_hook=_object, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise DroppedError(f"not JSON: {error}") from error
    _must(isinstance(root, dict) and isinstance(root.get("_aws"), dict), "no metadata object")
    timestamp = root["_aws"].get("Timestamp")
    _must(type(timestamp) is int, "Timestamp is not a whole number")
    _must(now_ms - OLDEST_MS <= timestamp <= now_ms + NEWEST_MS, "Timestamp is too old or too new")
    directives = root["_aws"].get("CloudWatchMetrics")
    _must(isinstance(directives, list) and bool(directives), "CloudWatchMetrics is no array of directives")
    return [point for directive in directives for point in _points(root, directive, timestamp)]


def total(points: Iterable[Point]) -> dict[tuple[str, str], float]:
    """Return the sum of every metric's values, by name and by dimensions written as `a=1,b=2`."""
    sums: Counter[tuple[str, str]] = Counter()
    for point in points:
        dimensions = ",".join(f"{name}={value}" for name, value in sorted(point.dimensions))
        sums[point.name, dimensions] += point.value  # type: ignore[assignment]  # sums of numbers are numbers
    return dict(sums)


def _points(root: dict[str, Any], directive: Any, timestamp_ms: int) -> list[Point]:
    _must(isinstance(directive, dict), "a directive is no object")
    _must(directive.keys() == {"Namespace", "Dimensions", "Metrics"}, "a directive has other members")
    namespace, sets, metrics = directive["Namespace"], directive["Dimensions"], directive["Metrics"]
    _must(_is_name(namespace), "Namespace is no name")
    _must(isinstance(sets, list) and bool(sets), "Dimensions is no array of sets")
    _must(isinstance(metrics, list) and 0 < len(metrics) <= MAX_METRICS, "Metrics is empty or too long")
    dimensions = [_dimensions(root, names) for names in sets]
    _must(len(set(dimensions)) == len(dimensions), "a dimension set is there twice")
    _must(len({str(metric) for metric in metrics}) == len(metrics), "a metric is there twice")
    return [
        Point(namespace, name, unit, of_set, value, timestamp_ms)
        for name, unit, values in (_metric(root, metric) for metric in metrics)
        for of_set in dimensions
        for value in values
    ]


def _dimensions(root: dict[str, Any], names: Any) -> frozenset[tuple[str, str]]:
    _must(isinstance(names, list) and len(names) <= MAX_DIMENSIONS, "a dimension set is no array or too long")
    _must(len(set(names)) == len(names), "a dimension is there twice")
    for name in names:
        _must(_is_name(name), f"{name!r} is no name of a dimension")
        value: Any = root.get(name)
        _must(isinstance(value, str), f"the dimension {name} has no text on the root")
        _must(0 < len(value) <= MAX_DIMENSION_VALUE, f"the dimension {name} is empty or too long")
        _must(
            value.isascii() and value.isprintable() and not value.isspace(), f"{name} is not printable ASCII"
        )
    return frozenset((name, root[name]) for name in names)


def _metric(root: dict[str, Any], metric: Any) -> tuple[str, str, list[float]]:
    _must(isinstance(metric, dict) and "Name" in metric, "a metric has no Name")
    _must(metric.keys() <= {"Name", "Unit", "StorageResolution"}, "a metric has other members")
    _must(_is_name(metric["Name"]), f"{metric['Name']!r} is no name of a metric")
    unit = metric.get("Unit", "None")
    _must(unit in UNITS, f"{unit!r} is no unit")
    _must(metric.get("StorageResolution", 60) in {1, 60}, "StorageResolution is neither 1 nor 60")
    target: Any = root.get(metric["Name"])
    values = target if isinstance(target, list) else [target]
    _must(0 < len(values) <= MAX_VALUES, f"{metric['Name']} has too many values")
    for value in values:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        _must(is_number and math.isfinite(value) and abs(value) <= LARGEST, f"{metric['Name']} is no number")
    return metric["Name"], unit, [float(value) for value in values]


def _is_name(name: Any) -> bool:
    return (
        isinstance(name, str)
        and 0 < len(name) <= MAX_NAME
        and name.isascii()
        and name.isprintable()
        and not name.isspace()
        and not name.startswith(":")
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _must(len(dict(pairs)) == len(pairs), "a member is there twice")
    return dict(pairs)


def _no_constant(text: str) -> float:
    raise DroppedError(f"{text} is not JSON")


def _must(holds: bool, otherwise: str) -> None:  # noqa: FBT001 -- reads as an assertion
    if not holds:
        raise DroppedError(otherwise)
