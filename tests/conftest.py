"""Fixtures of every test, and an environment without settings of the machine's."""

from __future__ import annotations

import gc
import os

import hypothesis

from tests.standin.fixtures import aws, stand_in_of_process

for _name in [name for name in os.environ if name.startswith(("AWS_", "DISCOVERY_"))]:
    del os.environ[_name]

# Machines are shared: how long one example takes says nothing.
hypothesis.settings.register_profile(
    "shared machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("shared machine")

__all__ = ["aws", "pytest_collection_finish", "stand_in_of_process"]


def pytest_collection_finish() -> None:
    """Have the garbage collector pass over what was collected: it would look at all of it again and again."""
    gc.collect()
    gc.freeze()
