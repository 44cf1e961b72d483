"""Addresses in place of the registry: from the settings, and in a context."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest

import cloudmap_discovery
from cloudmap_discovery import wiring
from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.errors import ConfigurationError, InvalidValueError
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.settings_plain import read_settings
from cloudmap_discovery.testing import fake_registry
from tests.unit.bed import IO, STAGE, Bed, make_bed, users

LOCAL = "http://localhost:3001"


@pytest.fixture
def bed() -> Bed:
    bed = make_bed()
    bed.cloud_map.put(users(version="1.0.0"))
    return bed


async def test_a_setting_answers_whatever_is_asked_and_asks_nobody() -> None:
    bed = make_bed(overrides={"users": LOCAL})

    found = await bed.find(version="^7", tenant="acme", where={"color": "blue"}, sticky="k")
    answer = await bed.find_all(stage="pr-7>Staging")
    await bed.discovery.prefetch("users")

    assert (found.endpoint, found.stage, found.id) == (LOCAL, STAGE, "override")
    assert ([one.endpoint for one in answer], answer.stage, answer.source) == ([LOCAL], "pr-7", "override")
    assert (await bed.discovery.discover_many(["users"]))["users"].endpoint == LOCAL
    assert bed.asked == []


async def test_a_context_answers_until_its_end_also_what_was_ready(bed: Bed) -> None:
    for _ in range(2):
        await bed.find()

    with bed.discovery.override(users=LOCAL):
        inside = [await bed.find(), await bed.find()]
    outside = await bed.find()

    assert [found.endpoint for found in inside] == [LOCAL, LOCAL]
    assert outside.endpoint == "https://users.test"
    assert len(bed.asked) == 1


async def test_the_innermost_context_counts_and_they_may_end_in_any_order(bed: Bed) -> None:
    outer, inner = bed.discovery.override(users="http://outer"), bed.discovery.override(users="http://inner")

    outer.__enter__()
    inner.__enter__()
    both = await bed.find()
    outer.__exit__(None, None, None)
    one = await bed.find()
    inner.__exit__(None, None, None)

    assert (both.endpoint, one.endpoint) == ("http://inner", "http://inner")
    assert (await bed.find()).endpoint == "https://users.test"


async def test_other_threads_and_loops_see_it_too(bed: Bed) -> None:
    found: list[str] = []

    def look_up() -> None:
        found.append(asyncio.run(bed.find()).endpoint)

    with bed.discovery.override({"users": LOCAL}):
        thread = threading.Thread(target=look_up)
        thread.start()
        await asyncio.to_thread(thread.join)

    assert found == [LOCAL]


async def test_explain_shows_the_override_and_what_the_stores_say(bed: Bed) -> None:
    with bed.discovery.override(users=LOCAL):
        said = await bed.discovery.explain("users", stage=STAGE, version="^9")

    assert (said.source, said.found, [one.endpoint for one in said.candidates]) == ("override", True, [LOCAL])
    assert [report.outcome for report in said.stores] == ["found", "absent"]


async def test_reporting_that_an_override_cannot_be_reached_changes_nothing(bed: Bed) -> None:
    await bed.find()
    with bed.discovery.override(users=LOCAL):
        await bed.discovery.report_failure(await bed.find())

    assert bed.discovery.held("users", STAGE) is not None


@pytest.mark.parametrize("wrong", [7, ["users"], {"a b": LOCAL}, {"users": ""}, {"users": 7}, {7: LOCAL}])
def test_what_is_no_address_of_a_service_is_refused(bed: Bed, wrong: Any) -> None:
    with pytest.raises(InvalidValueError), bed.discovery.override(wrong):
        raise AssertionError("never entered")


@pytest.mark.parametrize(
    ("text", "named"),
    [('{"a b": "http://a"}', "service"), ('{"users": "http://a b"}', "users"), ('{"users": 7}', "users")],
)
def test_a_wrong_setting_names_the_service(text: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=f"DISCOVERY_OVERRIDES: .*{named}"):
        read_settings({"DISCOVERY_OVERRIDES": text})


@pytest.mark.parametrize(
    ("variables", "level"),
    [({}, logging.INFO), ({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}, logging.WARNING)],
)
def test_the_log_says_that_the_registry_is_overridden(
    variables: dict[str, str], level: int, caplog: pytest.LogCaptureFixture
) -> None:
    environment = {
        **variables,
        "DISCOVERY_OVERRIDES": '{"users": "http://a"}',
        "DISCOVERY_TRANSPORT": "direct",
    }

    with caplog.at_level(logging.INFO, logger="cloudmap_discovery"):
        wiring.build(read_settings(environment), environment, io=IO, clock=SystemClock(), events=EventHub())

    told = [record for record in caplog.records if "DISCOVERY_OVERRIDES" in record.getMessage()]
    assert [(record.levelno, "users" in record.getMessage()) for record in told] == [(level, True)]


async def test_the_function_of_the_package_overrides_also_a_fake_registry() -> None:
    with fake_registry({"users": "https://users.test"}):
        with cloudmap_discovery.override(users=LOCAL):
            inside = await cloudmap_discovery.discover("users")
        outside = await cloudmap_discovery.discover("users")

    assert (inside.endpoint, outside.endpoint) == (LOCAL, "https://users.test")
