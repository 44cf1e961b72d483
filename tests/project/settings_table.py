"""Renders the tables of settings that README and docs show, from the one definition of the settings.

python -m tests.project.settings_table [--check]
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.settings import Setting, definitions
from tests.project.markdown import README, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

BEGIN: Final = "<!-- settings: what follows is rendered by `make docs` -->"
END: Final = "<!-- settings: end -->"
_BETWEEN: Final = re.compile(rf"(?<={re.escape(BEGIN)}\n).*(?={re.escape(END)})", re.DOTALL)


# What hardly anybody sets stands in docs/configuration.md alone.
RARE: Final = frozenset(
    {
        "allow_writes",
        "allowed_endpoints",
        "allowed_networks",
        "cors_origins",
        "dependencies",
        "endpoint_url",
        "max_entries",
        "max_snapshot_age",
        "max_stale",
        "mirrors",
        "negative_ttl",
        "owner_account",
        "parameter_prefix",
        "preload",
        "registrar_grace",
        "registrar_services",
        "registrar_stages",
        "registrar_urls",
        "router_timeout",
        "shared_cache",
        "snapshot_file",
        "snapshot_key",
        "stage_header",
        "stale_wait",
        "stale_while_revalidate",
        "sticky",
        "surfaces",
        "transport",
        "version_suffix",
    }
)


def short_table(settings: Sequence[Setting]) -> str:
    return _table(
        ("variable", "default", "meaning"),
        [
            (f"`{setting.variable}`", setting.default_text, setting.description)
            for setting in settings
            if setting.name not in RARE
        ],
    )


def full_table(settings: Sequence[Setting]) -> str:
    return _table(
        ("variable", "default", "allowed", "meaning"),
        [
            (f"`{setting.variable}`", setting.default_text, setting.allowed, setting.description)
            for setting in settings
        ],
    )


TABLES: Final[dict[Path, Callable[[Sequence[Setting]], str]]] = {
    README: short_table,
    ROOT / "docs/configuration.md": full_table,
}


def rendered(path: Path) -> str:
    """Return the document as it should be."""
    text = path.read_text()
    table = TABLES[path](definitions())
    result, replaced = _BETWEEN.subn(lambda _: table, text)
    if replaced != 1:
        raise ValueError(f"{path} should have the lines {BEGIN!r} and {END!r} once each, in this order")
    return result


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def main() -> None:
    if sys.argv[1:] == ["--check"]:
        outdated = [path for path in TABLES if path.read_text() != rendered(path)]
        if outdated:
            names = ", ".join(str(path.relative_to(ROOT)) for path in outdated)
            sys.exit(f"{names}: not what the code says; run `make docs`")
        return
    for path in TABLES:
        path.write_text(rendered(path))


if __name__ == "__main__":
    main()
