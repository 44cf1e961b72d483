"""What the page on dependencies shows is what is read, and what the program prints."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

import pytest

from cloudmap_discovery.declarations import load
from tests.cli.cli_bed import record
from tests.project.markdown import ROOT, block_after, blocks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cloudmap_discovery.dependencies import Dependency
    from tests.cli.cli_bed import CliBed

DOCUMENT: Final = ROOT / "docs" / "dependencies.md"
WIDE: Final = {"COLUMNS": "100"}


def printed(beginning: str) -> tuple[str, str]:
    """Return the command that begins so, and what the document says that it prints."""
    shown = blocks(DOCUMENT)
    at = next(number for number, block in enumerate(shown) if block.text.startswith(beginning))
    return shown[at].text, shown[at + 1].text


def declared(folder: Path) -> tuple[Dependency, ...]:
    (folder / "pyproject.toml").write_text(block_after("Declaring", DOCUMENT, "toml").text)
    return load(None, folder)


def nothing(_: CliBed) -> None:
    return


def arrange_check(bed: CliBed) -> None:
    bed.cloud_map.put(
        record("users", "https://users.example.com", version="1.4.2"),
        record("payments", "https://acme.example.com", version="2.1.0", tenant="acme"),
        record("mail", "https://mail.example.com", stage="Staging"),
    )


def arrange_graph(bed: CliBed) -> None:
    bed.cloud_map.put(
        record("orders", version="2.0.0", attributes={"depends-on": "users@^1.2,payments@2.x,mail"}),
        record("payments", version="2.1.0", attributes={"depends-on": "users@^2"}),
        record("users", version="1.4.2"),
    )


@pytest.mark.parametrize(
    ("beginning", "arrange"),
    [
        ("cloudmap-discovery check", arrange_check),
        ("cloudmap-discovery policy", nothing),
        ("cloudmap-discovery graph", arrange_graph),
    ],
)
def test_output_in_the_documentation_is_what_the_program_prints(
    bed: CliBed, tmp_path: Path, beginning: str, arrange: Callable[[CliBed], None]
) -> None:
    command, output = printed(beginning)
    bed.dependencies = declared(tmp_path)
    arrange(bed)

    ran = bed.run(*shlex.split(command)[1:], environment=WIDE)

    assert ran.out == output


def test_the_attribute_that_is_shown_is_what_registering_writes(bed: CliBed) -> None:
    command, _ = printed("cloudmap-discovery register")

    ran = bed.run(*shlex.split(command.replace("\\\n", " "))[1:], environment=WIDE)

    (written,) = bed.cloud_map.records
    assert ran.code == 0
    assert f"`{written.attributes['depends-on']}`" in DOCUMENT.read_text()
