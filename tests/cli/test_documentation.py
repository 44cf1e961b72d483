"""What the documentation shows is what the program prints."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from cloudmap_discovery.model import PassedOver, record_id
from tests.cli.cli_bed import record
from tests.cli.reconcile_bed import ReconcileBed
from tests.project.markdown import ROOT, blocks
from tests.unit.fake_functions import arn_of

if TYPE_CHECKING:
    from tests.cli.cli_bed import CliBed

DOCUMENT: Final = ROOT / "docs" / "cli.md"
DRY_RUN: Final = (
    "cloudmap-discovery register users https://users.example.com --stage Production --version 1.5.0 --dry-run"
)
_MEASURED: Final = re.compile(r"\(\d+ ms\)")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def printed(command: str) -> str:
    """Return what the document says that the command prints."""
    shown = blocks(DOCUMENT)
    at = next(number for number, block in enumerate(shown) if block.text.strip() == command)
    return shown[at + 1].text


def timeless(text: str) -> str:
    return _MOMENT.sub("<moment>", _MEASURED.sub("<time>", text))


def arrange_explain(bed: CliBed) -> None:
    bed.cloud_map.put(
        record(
            "users",
            "https://users.example.com",
            version="1.4.2",
            attributes={"color": "blue"},
            owner="manual",
        ),
        record("users", "https://old.example.com", version="1.3.0"),
        record("users", "https://acme.example.com", version="1.4.2", tenant="acme"),
    )
    bed.cloud_map.passed_over = (PassedOver("legacy-7", "it has no address"),)


def arrange_list(bed: CliBed) -> None:
    bed.cloud_map.put(
        record("users", version="1.4.2"),
        record("users", stage="Staging", version="1.5.0"),
        record("users", stage="pr-123", version="1.5.0-pr123.1"),
        record("orders", version="3.0.0"),
        record("orders", version="3.0.0", variant="blue"),
        record("orders", stage="Staging", version="3.1.0"),
        record("payments"),
    )


@pytest.mark.parametrize(
    ("command", "arrange"),
    [
        ("cloudmap-discovery explain users --stage Production", arrange_explain),
        ("cloudmap-discovery list", arrange_list),
        (
            DRY_RUN,
            lambda bed: bed.cloud_map.put(record("users", version="1.4.2")),
        ),
    ],
    ids=["explain", "list", "register"],
)
def test_output_in_the_documentation_is_what_the_program_prints(
    bed: CliBed, command: str, arrange: object
) -> None:
    assert callable(arrange)
    arrange(bed)

    ran = bed.run(*shlex.split(command)[1:])

    assert timeless(ran.out) == timeless(printed(command))


def test_the_documented_plan_is_what_reconcile_prints() -> None:
    command = "cloudmap-discovery reconcile --dry-run"
    bed = ReconcileBed()
    tags = {"service": "users", "stage": "Production", "version": "1.4.2"}
    users = bed.lambdas.add("users", **tags, endpoint="alias:live", aliases={"live"})
    bed.cloud.seed(
        "users",
        record_id("users", "Production", "1.4.2", None, None),
        {"endpoint": users, "stage": "Production", "version": "1.4.2", "owner": f"tag:{users}"},
    )
    bed.lambdas.add("mail-staging", service="mail", stage="Staging")
    bed.lambdas.add("bills", service="bills", weight="heavy")
    bed.seed("wiki", arn_of("wiki"))

    ran = bed.run(*shlex.split(command)[2:])

    assert ran.out == printed(command)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_program_gives_each_documented_shell_its_completion(shell: str) -> None:
    name = f"{shell}_source"
    assert name in DOCUMENT.read_text()

    done = subprocess.run(
        [sys.executable, "-m", "cloudmap_discovery.cli"],
        env={**os.environ, "_CLOUDMAP_DISCOVERY_COMPLETE": name},
        capture_output=True,
        text=True,
        check=False,
    )

    # For bash, click asks the installed bash for its version first; without one it says so on standard error.
    assert "_CLOUDMAP_DISCOVERY_COMPLETE" in done.stdout, done.stderr
