"""A service of the Serverless Framework is registered by its deploy, and gone after its remove."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.deployment.registry import Record
from tests.serverless.osls import EXAMPLE, run_osls, write_service

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.deployment.ministack import Ministack
    from tests.deployment.registry import Registry

    Framework = Callable[[str], str]


@pytest.fixture
def osls(ministack: Ministack, tmp_path: Path) -> Framework:
    """Return `osls(command)`, which runs a command of the framework in the folder of the plugin's example."""
    folder = tmp_path / "users"
    write_service(folder, (EXAMPLE / "serverless.yml").read_text())

    def run(command: str) -> str:
        done = run_osls(folder, command, "--verbose", environment=ministack.environment())
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        return said

    return run


def test_deploy_registers_and_remove_deregisters(osls: Framework, registry: Registry) -> None:
    said = osls("deploy")
    http_api, function = registry.records("users", "users-create")
    osls("remove")

    assert http_api == Record(
        service="users",
        endpoint=http_api.endpoint,
        stage="dev",
        version="1.2.0",
        weight="100",
        owner="cfn:123456789012:eu-central-1:users-dev",
    )
    assert f"endpoint: GET - {http_api.endpoint}/users/{{id}}" in said
    assert (function.service, function.stage, function.version) == ("users-create", "dev", "1.2.0")
    assert function.endpoint.endswith(":function:users-dev-create")
    assert registry.records("users", "users-create") == []
