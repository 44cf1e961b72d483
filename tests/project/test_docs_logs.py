"""The messages that the document on logs shows are those that are written, at the level that it says."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Final

from cloudmap_discovery import ThrottledError, api, sync, wiring
from cloudmap_discovery.api import Process
from cloudmap_discovery.assembly import assemble
from cloudmap_discovery.events import (
    LOGGER,
    FallbackUsed,
    MirrorFailed,
    RecordsSkipped,
    StaleServed,
    StoreFailed,
)
from cloudmap_discovery.notices import Notices
from cloudmap_discovery.settings import Settings
from cloudmap_discovery.testing import FakeClock, FakeStore, fake_registry
from tests.project.markdown import ROOT, table

if TYPE_CHECKING:
    import pytest

    from cloudmap_discovery.events import Event
    from cloudmap_discovery.stores.control_port import Control

WHERE: Final = ("users", "Production")
EVENTS: Final[tuple[Event, ...]] = (
    StaleServed(*WHERE, "cloudmap", 190.0, "Rate exceeded", failing=True),
    FallbackUsed(*WHERE, "ssm", "Rate exceeded", failing=True),
    StoreFailed(*WHERE, "cloudmap", "ThrottledError", "Throttling", "Rate exceeded"),
    RecordsSkipped(*WHERE, "cloudmap", ("a: it has no address", "b: it has no address")),
    MirrorFailed(*WHERE, "ssm", "/services/Production/users was written by a person"),
    StaleServed(*WHERE, "cloudmap", 70.0, "its refresh is under way", failing=False),
    FallbackUsed(*WHERE, "ssm", "cloudmap does not have it", failing=False),
)


class BrokenConnections:
    async def aclose(self) -> None:
        raise OSError("it is gone")

    def forget(self) -> None:
        return


def snapshot_with_broken_connections() -> None:
    core = assemble(
        Settings(),
        [FakeStore("cloudmap"), FakeStore("ssm")],
        unused,
        list,
        BrokenConnections(),
        io=api.process.io,
        clock=FakeClock(),
        events=api.process.events,
        stale_wait_seconds=0.0,
    )
    core.before_snapshot()


def unused() -> Control:
    raise AssertionError("nothing is written here")


def test_the_document_shows_every_message_that_is_written(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER.name)
    shown = [
        (level.upper(), re.escape(message.strip("`")).replace("…", ".+"))
        for level, message, _ in table(ROOT / "docs/observability.md", "level", "message")
    ]

    for event in EVENTS:
        Notices(FakeClock())(event)
    with fake_registry() as registry:
        registry.fail(ThrottledError("Rate exceeded"))
        sync.prefetch("users")
    wiring.read_settings({"DISCOVERY_TLL": "1"})
    mistaken = Process({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1", "DISCOVERY_TTL": "soon"})
    mistaken.preload()
    asyncio.run(mistaken.prefetch("users"))
    snapshot_with_broken_connections()

    written = {(record.levelname, record.getMessage()) for record in caplog.records}
    unwritten = [
        each
        for each in shown
        if not any(each[0] == level and re.search(each[1], text) for level, text in written)
    ]
    unshown = [
        each
        for each in written
        if not any(each[0] == level and re.search(text, each[1]) for level, text in shown)
    ]
    assert unwritten == []
    assert unshown == []
