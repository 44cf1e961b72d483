"""The reader that stands in for CloudWatch takes what the specification allows, and nothing else."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.emf_reader import DroppedError, Point, read, total

if TYPE_CHECKING:
    from collections.abc import Callable

NOW_MS = 1_700_000_000_000
METRIC = {"Name": "time", "Unit": "Milliseconds"}
GOOD: dict[str, Any] = {
    "_aws": {
        "Timestamp": NOW_MS,
        "CloudWatchMetrics": [
            {"Namespace": "lambda-function-metrics", "Dimensions": [["functionVersion"]], "Metrics": [METRIC]}
        ],
    },
    "functionVersion": "$LATEST",
    "time": 100,
    "requestId": "989ffbf8",
}


def directive(root: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = root["_aws"]["CloudWatchMetrics"][0]
    return found


def line(change: Callable[[dict[str, Any]], object] = lambda _: None) -> str:
    root = copy.deepcopy(GOOD)
    change(root)
    return json.dumps(root)


def test_a_document_like_the_specifications_example_is_read() -> None:
    assert read(line(), now_ms=NOW_MS) == [
        Point(
            "lambda-function-metrics",
            "time",
            "Milliseconds",
            frozenset({("functionVersion", "$LATEST")}),
            100.0,
            NOW_MS,
        )
    ]


def test_every_dimension_set_and_every_value_is_a_point() -> None:
    text = line(lambda root: (root.update(time=[1, 2]), directive(root)["Dimensions"].append([])))

    points = read(f"{text}\n{text}", now_ms=NOW_MS)

    assert len(points) == 8
    assert total(points) == {("time", "functionVersion=$LATEST"): 6.0, ("time", ""): 6.0}


DROPPED: dict[str, Callable[[dict[str, Any]], object]] = {
    "no metadata": lambda root: root.pop("_aws"),
    "no timestamp": lambda root: root["_aws"].pop("Timestamp"),
    "a timestamp in seconds": lambda root: root["_aws"].update(Timestamp=NOW_MS // 1000),
    "a timestamp that is not whole": lambda root: root["_aws"].update(Timestamp=NOW_MS + 0.5),
    "a timestamp of last month": lambda root: root["_aws"].update(Timestamp=NOW_MS - 15 * 86_400_000),
    "no directives": lambda root: root["_aws"].update(CloudWatchMetrics=[]),
    "a directive without a namespace": lambda root: directive(root).pop("Namespace"),
    "a namespace that begins with a colon": lambda root: directive(root).update(Namespace=":a"),
    "a directive with another member": lambda root: directive(root).update(Other=1),
    "no dimension sets": lambda root: directive(root).update(Dimensions=[]),
    "dimensions that are no set": lambda root: directive(root).update(Dimensions=["functionVersion"]),
    "31 dimensions": lambda root: (
        root.update({f"d{n}": "x" for n in range(31)}),
        directive(root).update(Dimensions=[[f"d{n}" for n in range(31)]]),
    ),
    "a dimension that is not on the root": lambda root: root.pop("functionVersion"),
    "a dimension that is a number": lambda root: root.update(functionVersion=1),
    "an empty dimension": lambda root: root.update(functionVersion=""),
    "a dimension of 1,025 characters": lambda root: root.update(functionVersion="x" * 1025),
    "a dimension that is not ASCII": lambda root: root.update(functionVersion="ä"),
    "the same dimensions twice": lambda root: directive(root)["Dimensions"].append(["functionVersion"]),
    "no metrics": lambda root: directive(root).update(Metrics=[]),
    "101 metrics": lambda root: (
        root.update({f"m{n}": n for n in range(101)}),
        directive(root).update(Metrics=[{"Name": f"m{n}"} for n in range(101)]),
    ),
    "the same metric twice": lambda root: directive(root)["Metrics"].append(METRIC),
    "a metric without a name": lambda root: directive(root).update(Metrics=[{"Unit": "Count"}]),
    "a metric with another member": lambda root: directive(root).update(Metrics=[{**METRIC, "Value": 1}]),
    "a unit that is none": lambda root: directive(root).update(Metrics=[{**METRIC, "Unit": "ms"}]),
    "a resolution that is none": lambda root: directive(root).update(
        Metrics=[{**METRIC, "StorageResolution": 10}]
    ),
    "a metric that is not on the root": lambda root: root.pop("time"),
    "a metric that is text": lambda root: root.update(time="100"),
    "a metric that is true": lambda root: root.update(time=True),
    "a metric that is not a number": lambda root: root.update(time=float("nan")),
    "a metric that is too large": lambda root: root.update(time=2.0**361),
    "101 values": lambda root: root.update(time=list(range(101))),
    "an event that is too large": lambda root: root.update(more="x" * 300_000),
}


@pytest.mark.parametrize("name", DROPPED)
def test_what_cloudwatch_would_drop_is_not_read(name: str) -> None:
    with pytest.raises(DroppedError):
        read(line(DROPPED[name]), now_ms=NOW_MS)


@pytest.mark.parametrize(
    "text", ["", "[]", "1", "{", f"INFO {line()}", f"{line()} more", line().replace('"time"', '"requestId"')]
)
def test_a_line_that_is_not_one_json_object_is_not_read(text: str) -> None:
    with pytest.raises(DroppedError):
        read(text or " ", now_ms=NOW_MS)
