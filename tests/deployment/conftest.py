"""One local AWS for all tests of a process that deploy something: each of them names what it makes anew."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import pytest

from tests.deployment.installation import Installation, Tree
from tests.deployment.ministack import Ministack
from tests.deployment.registry import Registry
from tests.deployment.stacks import Stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.deployment.ministack import Credentials

_TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}],
}


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
def session(ministack: Ministack) -> Callable[..., Credentials]:
    """Return `session(statement, …)`, the credentials of a role that has a policy of these statements."""
    iam, sts = ministack.client("iam"), ministack.client("sts")

    def assume(*statements: dict[str, Any]) -> Credentials:
        name = f"role-{uuid4().hex[:8]}"
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]}
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
        given = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        return given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]

    return assume


@pytest.fixture
def invoke(ministack: Ministack) -> Callable[..., Any]:
    functions = ministack.client("lambda")

    def call(function: str, event: Any) -> Any:
        answer = functions.invoke(FunctionName=function, Payload=json.dumps(event))
        result = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, result
        return result

    return call
