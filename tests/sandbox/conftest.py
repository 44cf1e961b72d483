"""Fixtures of the tests of sandboxes."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["direct", "sdk"])
def transport(request: pytest.FixtureRequest) -> str:
    """Return what carries calls to AWS: the value of the setting."""
    return str(request.param)
