"""Reads the settings from the environment through pydantic-settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudmap_discovery.settings import PREFIX, Settings, definitions

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings that the variables of the environment make.

    An empty variable counts as unset. Raises a `ConfigurationError` for the first that is wrong.
    """
    from typing import Annotated  # noqa: PLC0415 -- used with the imports below only

    from pydantic import BeforeValidator, create_model
    from pydantic_settings import (
        BaseSettings,
        EnvSettingsSource,
        NoDecode,
        PydanticBaseSettingsSource,
        SettingsConfigDict,
    )

    # pydantic-settings wants names in lower case; a variable that is written so is none of ours.
    given = {
        setting.variable.lower(): text
        for setting in definitions()
        if (text := environment.get(setting.variable))
    }

    class Environment(EnvSettingsSource):
        def _load_env_vars(self) -> Mapping[str, str | None]:
            return given

    class Base(BaseSettings):
        model_config = SettingsConfigDict(
            env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", validate_default=False
        )

        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: PydanticBaseSettingsSource, **_by_name: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (Environment(settings_cls),)

    model_fields: dict[str, Any] = {
        setting.name: (Annotated[Any, NoDecode, BeforeValidator(setting.read)], setting.default)
        for setting in definitions()
    }
    values = create_model("DiscoverySettings", __base__=Base, **model_fields)()
    return Settings(**{name: getattr(values, name) for name in model_fields})
