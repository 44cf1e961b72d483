"""Services that several tests look at, packaged once for each process of a test run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.serverless.osls import package, package_example
from tests.serverless.services import everything, rest_api

if TYPE_CHECKING:
    from tests.serverless.osls import Packaged


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    return package_example(tmp_path_factory.mktemp("example") / "users")


@pytest.fixture(scope="session")
def all_kinds(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    return package(tmp_path_factory.mktemp("everything") / "users", everything())


@pytest.fixture(scope="session")
def with_rest_api(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    return package(tmp_path_factory.mktemp("rest") / "users", rest_api())
