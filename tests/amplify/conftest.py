"""One application for all tests of a process; each writes files of its own names."""

from __future__ import annotations

import pytest

from tests.amplify.project import Project


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("amplify") / "application")
