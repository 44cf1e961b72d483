"""Fixtures of the canary: what functions of a test are made with, and which Pythons they run on."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.layer.canary_bed import INTERPRETERS, URL, Bed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from layer.interpreters import Interpreter
    from tests.layer.conftest import Layers
    from tests.standin.stand_in import StandIn


@pytest.fixture
def bed(layers: Layers, aws: StandIn, tmp_path: Path) -> Iterator[Bed]:
    aws.seed_instance("services", "users", "Production-1", {"endpoint": URL, "stage": "Production"})
    with ExitStack() as running:
        yield Bed(layers, aws, tmp_path, running)


@pytest.fixture(params=INTERPRETERS, ids=lambda interpreter: interpreter.version)
def interpreter(request: pytest.FixtureRequest) -> Interpreter:
    """Return one after the other of the Pythons of this machine that can be emulated."""
    found: Interpreter = request.param
    return found


@pytest.fixture
def newest() -> Interpreter:
    """Return the newest of them, for what need not be seen on every one."""
    return INTERPRETERS[-1]


@pytest.fixture
def orders(sdk: Callable[..., Any]) -> None:
    """Make the table that `canary_dynamodb` keeps its data in."""
    sdk("dynamodb").create_table(
        TableName="orders",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
