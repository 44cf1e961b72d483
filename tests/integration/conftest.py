"""A process-wide object of its own for every test, over the stand-in for AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.api import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.standin.stand_in import StandIn


@pytest.fixture
def processes(aws: StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Process]]:
    """Make process-wide objects with settings, as `processes(DISCOVERY_TTL="1")`; their connections are closed."""
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)  # the SDK reads the environment itself
    made: list[Process] = []

    def make(**settings: str) -> Process:
        # A budget that a busy machine does not exhaust, unless the test is about budgets.
        made.append(Process({**aws.environment(), "DISCOVERY_TIMEOUT": "30", **settings}))
        return made[-1]

    yield make
    for process in made:
        if process._core is not None:
            process.io.run(process._core.transport.aclose)


@pytest.fixture
def process(processes: Callable[..., Process]) -> Process:
    """Return a process-wide object with default settings."""
    return processes()
