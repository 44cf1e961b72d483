"""Reads the settings from the environment with nothing but the standard library, for where start-up time matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudmap_discovery.settings import Settings, definitions

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings that the variables of the environment make, as `settings_pydantic` does.

    An empty variable counts as unset. Raises a `ConfigurationError` for the first that is wrong.
    """
    given = [(setting, environment.get(setting.variable)) for setting in definitions()]
    return Settings(**{setting.name: setting.read(text) for setting, text in given if text})
