"""The declared dependencies that a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudmap_discovery.declarations import JSON_FILE, TOML_FILE
from cloudmap_discovery.dependencies import TABLE, VARIABLE
from cloudmap_discovery.errors import ConfigurationError

if TYPE_CHECKING:
    from cloudmap_discovery.cli.session import Session
    from cloudmap_discovery.dependencies import Dependency


def declared(session: Session) -> tuple[Dependency, ...]:
    """Return the declared dependencies, or raise a `ConfigurationError` that says where to declare some."""
    found = session.core.dependencies
    if found:
        return found
    setting = session.settings.dependencies
    example = f'[{".".join(TABLE)}], as in users = "^1.2"'
    raise ConfigurationError(
        VARIABLE,
        setting,
        f"and neither {JSON_FILE} nor {TOML_FILE} of this folder declares a dependency; "
        f"what is looked up goes into {TOML_FILE} under {example}"
        if setting is None
        else 'a declaration of at least one dependency, such as {"users": "^1.2"}',
    )
