"""The function behind the installed program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudmap_discovery.cli import main
from tests.cli.cli_bed import record

if TYPE_CHECKING:
    import pytest

    from tests.cli.cli_bed import CliBed


def test_it_prints_to_the_process_s_streams_and_returns_the_exit_code(
    bed: CliBed, capsys: pytest.CaptureFixture[str]
) -> None:
    bed.cloud_map.put(record("users", stage="Staging"))
    environment = {"DISCOVERY_STAGE": "Staging"}

    found = main(["discover", "users"], environment=environment, core_factory=bed.core)
    missing = main(["discover", "orders"], environment=environment, core_factory=bed.core)

    told = capsys.readouterr()
    assert (found, missing) == (0, 1)
    assert told.out == "https://users.test\n"
    assert told.err.startswith("error: no service 'orders' in stage 'Staging'")


def test_without_an_environment_it_reads_the_process_s_own(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["discover", "users", "--timeout", "soon"])

    assert code == 2
    assert capsys.readouterr().err.startswith("error: --timeout is 'soon'")
