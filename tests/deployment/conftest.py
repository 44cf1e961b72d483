"""One local AWS for all tests of a process that deploy something: each of them names what it makes anew."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.deployment.installation import Installation, Tree
from tests.deployment.ministack import Ministack
from tests.deployment.registry import Registry
from tests.deployment.stacks import Stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ministack]:
    with Ministack(tmp_path_factory.mktemp("ministack") / "state") as running:
        yield running


@pytest.fixture(scope="session")
def tree(ministack: Ministack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    folder = tmp_path_factory.mktemp("tree")
    yield Tree(folder, ministack)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def installed(tree: Tree) -> Installation:
    # Services without records go with the next run of the schedule.
    return tree.deploy(GraceSeconds="0")


@pytest.fixture(scope="session")
def registry(ministack: Ministack, installed: Installation) -> Registry:
    return Registry(ministack, installed.namespace, installed.bucket)


@pytest.fixture
def stacks(ministack: Ministack) -> Iterator[Stacks]:
    """Yield what makes stacks; those that a test leaves are deleted."""
    made = Stacks(ministack.client("cloudformation"))
    yield made
    made.delete_all()


@pytest.fixture
def invoke(ministack: Ministack) -> Callable[..., Any]:
    functions = ministack.client("lambda")

    def call(function: str, event: Any) -> Any:
        answer = functions.invoke(FunctionName=function, Payload=json.dumps(event))
        result = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, result
        return result

    return call
