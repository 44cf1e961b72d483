"""What the document on the registrar lists is what the registrar knows."""

from __future__ import annotations

from cloudmap_discovery.registrar.carrying_out import Done
from cloudmap_discovery.registrar.hints import Hints
from cloudmap_discovery.registrar.properties import _KNOWN, MAX_DRAIN_SECONDS
from cloudmap_discovery.registrar.reconcile import FEW_REMOVED, MOST_REMOVED, Plan
from cloudmap_discovery.registrar.report import counts, line
from cloudmap_discovery.registrar.requests import RESOURCE_TYPE
from cloudmap_discovery.registrar.runs import Summary
from cloudmap_discovery.registrar.sweeping import CREATED_BY, EMPTY_SINCE
from cloudmap_discovery.registrar.tags import _TAGS
from tests.project.markdown import ROOT, block_after, table
from tests.project.yaml_text import read_yaml

DOCUMENT = ROOT / "docs/registrar.md"


def names(first: str) -> list[str]:
    return [row[0].strip("`") for row in table(DOCUMENT, first, *_REST[first])]


_REST = {
    "property": ("default", "meaning"),
    "tag": ("default", "meaning"),
    "metric": ("unit", "what is counted"),
}


def test_the_document_lists_every_property_and_no_other() -> None:
    assert sorted(names("property")) == sorted(_KNOWN)


def test_the_document_lists_every_tag_and_no_other() -> None:
    assert sorted(names("tag")) == sorted(_TAGS)


def test_the_document_lists_every_metric_and_no_other() -> None:
    import json  # noqa: PLC0415 -- used here only

    summary = Summary(Plan(), Done())
    told = json.loads(line(summary, Hints(), namespace="services", wall=0.0, took_seconds=1.0))
    (directive,) = told["_aws"]["CloudWatchMetrics"]

    assert names("metric") == [metric["Name"] for metric in directive["Metrics"]]
    assert [*counts(summary), "ReconcileTime"] == names("metric")


def test_the_resource_in_the_document_is_one_that_the_registrar_takes() -> None:
    (resource,) = read_yaml(block_after("CloudFormation", DOCUMENT, "yaml").text).values()

    assert resource["Type"] == RESOURCE_TYPE
    assert set(resource["Properties"]) <= {*_KNOWN, "ServiceToken"}
    assert {"Service", "Stage", "Endpoint"} <= set(resource["Properties"])


def test_the_numbers_in_the_document_are_those_in_force() -> None:
    text = DOCUMENT.read_text()

    assert f"0 to {MAX_DRAIN_SECONDS:g} " in text
    assert (MOST_REMOVED, FEW_REMOVED) == (0.15, 3)
    for tag in (*CREATED_BY, EMPTY_SINCE):
        assert f"`{tag}`" in text
