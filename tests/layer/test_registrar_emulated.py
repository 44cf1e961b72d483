"""The registrar's package as Lambda runs it: AWS's runtime emulator and runtime client, and a stand-in for AWS."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.integration.registrar_standin import SCHEDULED, Answers, batch, stack_request, trail
from tests.runtime.emulator import RuntimeEmulator
from tests.runtime.tools import emulated_interpreters, runtime_tools
from tests.standin.stand_in import StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from layer.interpreters import Interpreter
    from tests.layer.conftest import Layers

HANDLER = "cloudmap_discovery.registrar.handler.handler"
EMULATED_ACCOUNT = "012345678912"
"""Whose function the emulator says that it runs, in us-east-1."""
TAGS = {"discovery:service": "users", "discovery:stage": "Production"}


@pytest.fixture
def account() -> Iterator[StandIn]:
    with StandIn(account_id=EMULATED_ACCOUNT) as stand_in:
        yield stand_in


@pytest.mark.parametrize("interpreter", emulated_interpreters(), ids=lambda found: found.version)
def test_the_package_registers_tagged_functions_and_answers_cloudformation(
    layers: Layers, account: StandIn, interpreter: Interpreter, tmp_path: Path
) -> None:
    with zipfile.ZipFile(layers.registrar()) as package:
        package.extractall(tmp_path)
    function = account.seed_function("users-api", TAGS)
    environment = {**account.environment(), "DISCOVERY_MIRRORS": "ssm", "AWS_SESSION_TOKEN": "testing"}

    with (
        Answers() as answers,
        RuntimeEmulator(
            runtime_tools(interpreter),
            handler=HANDLER,
            task_root=tmp_path,
            environment=environment,
            timeout_seconds=60,
            region=account.region,
        ) as registrar,
    ):
        hinted = registrar.invoke(batch(trail("CreateFunction20150331", "users-api")))
        request = stack_request(account, answers.url, "Create", Service="mail", Stage="-", Endpoint="mail:25")
        created = registrar.invoke(request)
        wrong = registrar.invoke(stack_request(account, answers.url, "Create", Service="no good"))
        account.unseed_function("users-api")
        scheduled = registrar.invoke(SCHEDULED)

    for invocation in (hinted, created, wrong, scheduled):
        assert invocation.error_type is None, invocation.log
    assert hinted.payload["registered"][0]["endpoint"] == function
    assert '"message":"reconciled"' in hinted.log
    assert [answer["Status"] for answer in answers.bodies] == ["SUCCESS", "FAILED"]
    assert answers.bodies[0]["Data"]["Endpoint"] == "mail:25"
    assert scheduled.payload["removed"][0]["endpoint"] == function
    assert "signature=secret" not in registrar.whole_log
