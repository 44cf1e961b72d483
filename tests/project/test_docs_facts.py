"""What the documents say of settings, errors, events, metrics, limits and names is what the code says."""

from __future__ import annotations

import ast
import inspect
import json
import re
from dataclasses import fields
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

import pytest

import cloudmap_discovery
from cloudmap_discovery import errors, events, limits, sync
from cloudmap_discovery.calls import errors as calls_errors
from cloudmap_discovery.emf import EmfSink
from cloudmap_discovery.settings import PREFIX, definitions, near_misses
from cloudmap_discovery.testing import FakeRegistry
from tests.project.markdown import README, ROOT, anchors, documents, links, prose, table
from tests.project.settings_table import TABLES, rendered
from tests.standin.throttle import AWS_RATES

if TYPE_CHECKING:
    from pathlib import Path

    from cloudmap_discovery.events import Event

MOST_LINES: Final = 150
DOCS: Final = ROOT / "docs"
SECONDS: Final = {"s": 1, "h": 3600}

EVENTS: Final = [
    kind
    for kind in vars(events).values()
    if isinstance(kind, type) and issubclass(kind, events.Event) and kind is not events.Event
]
INVOCATION_ERRORS: Final = {
    kind.__name__
    for kind in vars(calls_errors).values()
    if isinstance(kind, type)
    and issubclass(kind, calls_errors.InvocationError)
    and kind is not calls_errors.InvocationError
}
SAMPLES: Final[dict[str, Any]] = {"reasons": ("no address",), "failing": True, "stale": True, "source": "ssm"}


def code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def sample(kind: type[Event], **known: Any) -> Event:
    """Return an event of the kind, its fields filled with something of their type."""
    plain = {"str": "x", "float": 1.0, "bool": True, "str | None": "x"}
    values = {
        field.name: {**SAMPLES, **known}.get(field.name, plain.get(str(field.type))) for field in fields(kind)
    }
    return kind(**values)


def test_the_readme_has_at_most_150_lines() -> None:
    assert len(README.read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", list(TABLES), ids=lambda path: path.name)
def test_the_tables_of_settings_are_as_make_docs_renders_them(path: Path) -> None:
    assert path.read_text() == rendered(path), "run make docs"


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_every_setting_that_a_document_names_exists(path: Path) -> None:
    known = {setting.variable for setting in definitions()}
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b", path.read_text()))
    misspelt_on_purpose = {name for name, _ in near_misses(dict.fromkeys(named, ""))} & {"DISCOVERY_TLL"}

    assert named - known - misspelt_on_purpose == set()


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_defaults_beside_a_setting_are_its_default(path: Path) -> None:
    defaults = {setting.variable: setting.default for setting in definitions()}

    for variable, number, unit in re.findall(rf"`({PREFIX}[A-Z_]+)` \(([0-9.]+) (s|h)\b", prose(path)):
        assert defaults[variable] == float(number) * SECONDS[unit], variable


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in links(path):
        if target.startswith("https://"):
            continue
        name, _, fragment = target.partition("#")
        other = path.parent / name if name else path
        assert other.exists(), target
        assert not fragment or fragment in anchors(other), target


def test_every_document_is_linked_from_the_readme() -> None:
    linked = {(ROOT / target.partition("#")[0]).resolve() for target in links(README)}

    assert set(DOCS.glob("*.md")) <= linked


def test_every_public_name_is_in_a_document() -> None:
    text = "\n".join(path.read_text() for path in documents())
    internal = {"Settings", "Explanation", "NO_STAGE", "__version__"}

    missing = {name for name in cloudmap_discovery.__all__ if not re.search(rf"\b{name}\b", text)}

    assert missing <= internal


def test_the_table_of_functions_has_every_function_that_looks_up() -> None:
    listed = {code(name)[0].partition("(")[0] for name, _ in table(DOCS / "lookup.md", "function")}
    blocking = {name for name, _ in inspect.getmembers(sync, inspect.isfunction)}

    assert listed == blocking - {"register", "deregister", "invoke"}


def test_the_table_of_errors_has_every_error_with_its_own_fields() -> None:
    described = {
        code(name)[0]: set(code(own)) for name, _, own, _ in table(DOCS / "errors.md", "error", "raised by")
    }
    tree = ast.parse(inspect.getsource(errors))
    own_fields = {
        node.name: {
            target.attr
            for statement in ast.walk(node)
            if isinstance(statement, ast.Assign)
            for target in statement.targets
            if isinstance(target, ast.Attribute)
            and isinstance(target.value, ast.Name)
            and target.value.id == "self"
        }
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name != "DiscoveryError"
    }

    assert described == own_fields


def test_the_tree_of_errors_is_the_one_of_the_code() -> None:
    assert errors.__doc__ is not None
    drawn = re.findall(r"^([│├└─ ]*)(\w+Error)", (DOCS / "errors.md").read_text(), re.MULTILINE)

    assert drawn == re.findall(r"^([│├└─ ]*)(\w+Error)", errors.__doc__, re.MULTILINE)


def test_the_readme_names_every_error_that_a_caller_meets() -> None:
    text = prose(README)
    causes = {
        kind.__name__
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.StoreError)
    }

    met = {name for name in cloudmap_discovery.__all__ if name.endswith("Error")} - causes - INVOCATION_ERRORS

    assert {name for name in met if f"`{name}`" not in text} == set()


def test_the_table_of_errors_of_calls_has_every_one_with_its_own_fields() -> None:
    rows = table(DOCS / "calling.md", "error", "when")
    described = {name: code(when) for names, when, _ in rows for name in code(names)}

    assert described.keys() == INVOCATION_ERRORS
    for name, fields_named in described.items():
        inherited = {"service", "endpoint", "reason"}
        kind = getattr(cloudmap_discovery, name)
        given = set(inspect.signature(kind).parameters) - inherited - {"self", "kind", "was_sent"}
        assert given <= set(fields_named), name


def test_the_table_of_events_has_every_event_with_its_fields() -> None:
    described = {
        code(name)[0]: code(own) for name, own, _ in table(DOCS / "observability.md", "event", "fields")
    }

    assert described == {
        kind.__name__: [field.name for field in fields(kind) if field.name not in {"service", "stage"}]
        for kind in EVENTS
    }


def test_the_table_of_metrics_has_every_metric_with_its_unit() -> None:
    stream = StringIO()
    sink = EmfSink(stream)
    for kind in EVENTS:
        for outcome in ("found", "absent", "failed"):
            sink(sample(kind, outcome=outcome))
    sink.flush()
    written = {
        (metric["Name"], metric["Unit"])
        for line in stream.getvalue().splitlines()
        for metric in json.loads(line)["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    }

    described = {
        (code(name)[0], unit) for name, unit, _ in table(DOCS / "observability.md", "metric", "unit")
    }

    assert described == written


def test_the_table_of_the_fake_registry_has_everything_that_it_offers() -> None:
    listed = {
        name.removeprefix(".").partition("(")[0]
        for cell, _ in table(DOCS / "testing.md", "", "")
        for name in code(cell)
    }

    assert listed == {"fake_registry", *(name for name in vars(FakeRegistry) if not name.startswith("_"))}


@pytest.mark.parametrize(
    ("what", "numbers"),
    [
        ("service", [limits.MAX_SERVICE_NAME]),
        ("endpoint, version, tenant, variant, value of an attribute", [limits.MAX_ATTRIBUTE_VALUE]),
        ("key of an attribute", [limits.MAX_ATTRIBUTE_KEY]),
        ("attributes of a record", [limits.MAX_ATTRIBUTES, len(limits.RESERVED_ATTRIBUTES)]),
        ("all keys and values of a record", [limits.MAX_ATTRIBUTES_TOTAL]),
        ("weight", [limits.MAX_WEIGHT]),
    ],
)
def test_the_table_of_values_has_the_limits_that_are_checked(what: str, numbers: list[int]) -> None:
    (said,) = [limit for name, limit in table(DOCS / "limits.md", "what", "limit") if name == what]

    for number in numbers:
        assert re.search(rf"(?<![\d,]){number:,}(?!,?\d)", said), f"{number:,} is not in {said!r}"


def test_the_reserved_keys_are_those_of_the_code() -> None:
    (line,) = re.findall(r"^Reserved as keys: ((?:.+\n)+)", (DOCS / "limits.md").read_text(), re.MULTILINE)

    assert set(code(line)) == limits.RESERVED_ATTRIBUTES


def test_the_quota_of_lookups_is_the_one_that_the_stand_in_throttles_by() -> None:
    (throttle,) = [each for each in AWS_RATES if "servicediscovery:DiscoverInstances" in each.operations]
    (said,) = [
        quota for what, quota in table(DOCS / "limits.md", "what", "quota") if what == "DiscoverInstances"
    ]

    assert said == f"{throttle.rate_per_second:,.0f} calls a second, {throttle.burst:,.0f} in a burst"


def test_the_examples_of_call_rates_are_reckoned_right() -> None:
    examples = table(DOCS / "limits.md", "environments", "services each")

    assert examples
    for row in examples:
        environments, services, ttl, calls = (int(cell.replace(",", "")) for cell in row[:4])
        assert round(environments * services / ttl) == calls
        assert row[4] == f"{calls / 1000:.0%}".replace("%", " %")


def test_the_changelog_speaks_of_this_version() -> None:
    assert cloudmap_discovery.__version__ in (ROOT / "CHANGELOG.md").read_text()
