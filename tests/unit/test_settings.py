"""Settings are read from the environment by their one definition."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.settings import Setting, Settings, definitions, near_misses
from cloudmap_discovery.settings_pydantic import read_settings
from tests.unit.settings_cases import RIGHT, text_of

DEFINITIONS = definitions()
VARIABLES = {setting.name: setting.variable for setting in DEFINITIONS}


def test_every_setting_is_generated_here() -> None:
    assert set(RIGHT) == {field.name for field in fields(Settings)} == {s.name for s in DEFINITIONS}


@settings(max_examples=30, deadline=None)  # pydantic builds a model for each
@given(st.fixed_dictionaries({}, optional=RIGHT))
def test_what_is_set_is_read_and_what_is_not_is_the_default(values: dict[str, object]) -> None:
    environment = {VARIABLES[name]: text_of(value) for name, value in values.items()}

    read = read_settings(environment)

    defaults = Settings()
    for setting in DEFINITIONS:
        expected = values.get(setting.name, getattr(defaults, setting.name))
        assert getattr(read, setting.name) == expected, setting.variable


@settings(max_examples=30, deadline=None)  # pydantic builds a model for each
@given(st.fixed_dictionaries({}, optional=RIGHT), st.sampled_from(["", " ", "\t "]))
def test_blanks_around_a_value_do_not_count(values: dict[str, object], blank: str) -> None:
    environment = {VARIABLES[name]: text_of(value) for name, value in values.items()}

    padded = {name: blank + value + blank for name, value in environment.items()}

    assert read_settings(padded) == read_settings(environment)


def test_an_empty_variable_counts_as_unset() -> None:
    assert read_settings(dict.fromkeys(VARIABLES.values(), "")) == Settings()


def test_an_empty_environment_gives_the_defaults_of_the_design() -> None:
    read = read_settings({})

    assert read == Settings()
    assert (read.namespace, read.stage, read.sources) == ("services", None, ("cloudmap", "ssm"))
    assert (read.ttl, read.stale_while_revalidate, read.stale_wait) == (60, 60, None)
    assert (read.max_stale, read.negative_ttl, read.timeout) == (86_400, 5, 2)
    assert (read.parameter_prefix, read.mirrors, read.allowed_endpoints) == (
        "/services",
        None,
        (),
    )


@pytest.mark.parametrize(
    "environment",
    [
        {"discovery_ttl": "5"},
        {"Discovery_Ttl": "5"},
        {"TTL": "5"},
        {"XDISCOVERY_TTL": "5"},
        {"DISCOVERY_TTL_SECONDS": "5"},
    ],
)
def test_only_the_variable_itself_is_read(environment: dict[str, str]) -> None:
    assert read_settings(environment) == Settings()


def test_a_variable_of_another_spelling_does_not_shadow_the_right_one() -> None:
    environment = {"DISCOVERY_TTL": "30", "discovery_ttl": "5", "DISCOVERY_STAGE": "", "discovery_stage": "x"}

    assert read_settings(environment) == Settings(ttl=30)


def test_the_process_environment_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCOVERY_TTL", "17")

    assert read_settings({}).ttl == 60


def test_settings_are_frozen() -> None:
    read = Settings()

    with pytest.raises(FrozenInstanceError):
        read.ttl = 5  # type: ignore[misc]  # that is the test


@pytest.mark.parametrize("setting", DEFINITIONS, ids=lambda setting: setting.name)
def test_every_definition_documents_itself_and_accepts_its_own_default(setting: Setting) -> None:
    assert setting.variable == f"DISCOVERY_{setting.name.upper()}"
    assert setting.description.endswith(".")
    assert setting.allowed
    assert setting.default_text
    if setting.default not in (None, (), "", {}):
        assert setting.read(text_of(setting.default)) == setting.default


def test_a_near_miss_of_a_name_is_told_with_what_was_probably_meant() -> None:
    environment = {
        "DISCOVERY_TLL": "5",
        "DISCOVERY_SOURCE": "ssm",
        "DISCOVERY_NAME_SPACE": "x",
        "DISCOVERY_TTL": "5",
        "PATH": "/bin",
        "DISCOVERY_QUITE_ANOTHER_THING": "1",
    }

    assert near_misses(environment) == [
        ("DISCOVERY_NAME_SPACE", "DISCOVERY_NAMESPACE"),
        ("DISCOVERY_SOURCE", "DISCOVERY_SOURCES"),
        ("DISCOVERY_TLL", "DISCOVERY_TTL"),
    ]


def test_right_names_are_no_near_misses() -> None:
    assert near_misses(dict.fromkeys(VARIABLES.values(), "")) == []


def test_the_first_wrong_setting_is_told() -> None:
    with pytest.raises(ConfigurationError, match="DISCOVERY_STAGE"):
        read_settings({"DISCOVERY_TTL": "x", "DISCOVERY_STAGE": "a b"})
