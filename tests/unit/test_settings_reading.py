"""What the process makes of its environment: warnings about misspelt names, and whether it is ever frozen."""

from __future__ import annotations

import logging
import random

import pytest

from cloudmap_discovery import wiring
from cloudmap_discovery.settings import Settings
from cloudmap_discovery.testing import fake_registry
from tests.unit.programs import output_of


def test_a_misspelt_variable_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="cloudmap_discovery"):
        settings = wiring.read_settings({"DISCOVERY_TLL": "5", "DISCOVERY_STAGE": "Production"})

    assert settings == Settings(stage="Production")
    assert [record.getMessage() for record in caplog.records] == [
        "the environment variable DISCOVERY_TLL is not a setting; did you mean DISCOVERY_TTL?"
    ]


def test_right_names_are_not_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    wiring.read_settings({"DISCOVERY_TTL": "5", "AWS_REGION": "eu-central-1"})

    assert caplog.records == []


@pytest.mark.parametrize(
    ("environment", "never"),
    [
        ({}, True),
        ({"AWS_LAMBDA_RUNTIME_API": ""}, True),
        ({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}, False),
        ({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "AWS_LAMBDA_MAX_CONCURRENCY": "10"}, True),
    ],
)
def test_a_process_is_never_frozen_outside_lambda_and_on_managed_instances(
    environment: dict[str, str],
    never: bool,  # noqa: FBT001 -- the expectation
) -> None:
    assert wiring.never_frozen(environment) is never


def test_times_are_jittered_from_the_systems_random_source_because_snapshots_share_a_seed() -> None:
    lengths = set()

    for _ in range(5):
        random.seed(1)
        with fake_registry({"users": "https://users.test"}) as registry:
            registry._core.io.run(lambda: registry._core.discovery.discover("users"))
            (slot,) = registry._core.discovery._cache._answers.values()
            assert slot.entry.answer is not None
            lengths.add(slot.entry.answer.fresh_seconds)

    assert len(lengths) == 5
    assert all(54 <= length <= 60 for length in lengths)


def test_the_environment_is_read_at_first_use_and_once_it_is_right_never_again() -> None:
    printed = output_of("""
        import cloudmap_discovery
        os.environ["AWS_REGION"] = "eu-central-1"
        for value in ("soon", "10", "never"):
            os.environ["DISCOVERY_TTL"] = value
            try:
                cloudmap_discovery.sync.discover("users", stage="not a stage")
            except cloudmap_discovery.DiscoveryError as error:
                print(value, type(error).__name__)
    """)

    assert printed.splitlines() == [
        "soon ConfigurationError",
        "10 InvalidValueError",
        "never InvalidValueError",
    ]
