"""The bed of the command line's tests, as a fixture."""

from __future__ import annotations

import pytest

from tests.cli.cli_bed import CliBed


@pytest.fixture
def bed() -> CliBed:
    return CliBed()
