"""A wrong value names the variable, the value and what is allowed."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.settings import Setting, definitions
from cloudmap_discovery.settings_pydantic import read_settings
from tests.unit.settings_cases import WRONG

DEFINITIONS = {setting.name: setting for setting in definitions()}

CASES = [(name, value) for name, values in WRONG.items() for value in values]


def test_every_setting_has_wrong_values_here() -> None:
    assert set(WRONG) == set(DEFINITIONS)


@pytest.mark.parametrize(("name", "value"), CASES, ids=lambda part: repr(part)[:30])
def test_a_wrong_value_names_the_variable_the_value_and_what_is_allowed(name: str, value: str) -> None:
    setting = DEFINITIONS[name]

    with pytest.raises(ConfigurationError) as caught:
        read_settings({setting.variable: value})

    error = caught.value
    assert (error.variable, error.value, error.allowed) == (setting.variable, value, setting.allowed)
    assert str(error).startswith(f"{setting.variable} is {value[:100]!r}"[:60])
    assert setting.allowed in str(error)
    assert error.__cause__ is not None


@pytest.mark.parametrize("setting", DEFINITIONS.values(), ids=lambda setting: setting.name)
@settings(deadline=None)
@given(text=st.text(max_size=40))
def test_any_text_is_either_read_or_refused_with_a_configuration_error(setting: Setting, text: str) -> None:
    with suppress(ConfigurationError):
        value = setting.read(text)

        assert value is not None
        assert not isinstance(value, float) or math.isfinite(value)


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [
        ("ttl", 0.1, 86_400),
        ("stale_while_revalidate", 0, 86_400),
        ("stale_wait", 0, 60),
        ("max_stale", 0, 2_592_000),
        ("negative_ttl", 0, 3_600),
        ("max_entries", 1, 1_000_000),
        ("timeout", 0.05, 300),
    ],
)
def test_bounds_are_part_of_what_is_allowed(name: str, lowest: float, highest: float) -> None:
    setting = DEFINITIONS[name]

    assert setting.read(str(lowest)) == lowest
    assert setting.read(str(highest)) == highest
    assert f"from {lowest} to {highest}" in setting.allowed


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("endpoint_url", "http://127.0.0.1:5000/", "http://127.0.0.1:5000"),
        ("endpoint_url", "https://[::1]:5000", "https://[::1]:5000"),
        ("parameter_prefix", "/services/", "/services"),
        ("parameter_prefix", "/team-a/v1.2", "/team-a/v1.2"),
        ("sources", " ssm , cloudmap ", ("ssm", "cloudmap")),
        ("mirrors", "none", ()),
        ("allowed_endpoints", "*.example.test, 123456789012", ("*.example.test", "123456789012")),
        ("stage", "-", "-"),
        ("stage", " pr-123 > Staging>- ", "pr-123>Staging>-"),
        ("preload", "True", True),
        ("preload", "0", False),
    ],
)
def test_values_are_brought_into_one_form(name: str, text: str, value: object) -> None:
    assert DEFINITIONS[name].read(text) == value
