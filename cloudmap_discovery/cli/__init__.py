"""The command line: `main` is the program `cloudmap-discovery`."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from cloudmap_discovery import wiring

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudmap_discovery.cli.session import CoreFactory

_NEEDED: Final = ("click", "rich")
_WRONG_USE: Final = 2


def main(
    arguments: Sequence[str] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    core_factory: CoreFactory | None = None,
) -> int:
    """Run the program and return its exit code; `arguments` and `environment` default to the process's own."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        sys.stderr.write(
            f"error: the command line needs {' and '.join(missing)}, which the library alone does not bring. "
            "Install them with: pip install 'cloudmap-discovery[cli]'\n"
        )
        return _WRONG_USE
    from cloudmap_discovery.cli import program, session  # noqa: PLC0415 -- imports click in turn

    return program.run(
        sys.argv[1:] if arguments is None else arguments,
        environment=wiring.environment() if environment is None else environment,
        core_factory=core_factory or session.wired,
        out=sys.stdout,
        err=sys.stderr,
    )
