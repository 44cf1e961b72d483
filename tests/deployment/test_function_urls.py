"""URLs of functions on ministack let in whom AWS lets in, and say who it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.deployment.functions import create
from tests.deployment.url_client import ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.deployment.ministack import Credentials, Ministack

CODE = "def handler(event, context): return event['requestContext']"
BOTH = ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"]


@pytest.fixture
def function(ministack: Ministack) -> str:
    return create(ministack, CODE)


def url_of(ministack: Ministack, function: str, auth_type: str) -> str:
    made = ministack.client("lambda").create_function_url_config(FunctionName=function, AuthType=auth_type)
    return str(made["FunctionUrl"])


def allow_everybody(ministack: Ministack, function: str, action: str, **condition: Any) -> None:
    ministack.client("lambda").add_permission(
        FunctionName=function, StatementId=action[7:], Action=action, Principal="*", **condition
    )


def test_a_public_url_needs_both_permissions_of_the_function(ministack: Ministack, function: str) -> None:
    url = url_of(ministack, function, "NONE")

    without = ask(ministack, url, "/").status
    allow_everybody(ministack, function, BOTH[0], FunctionUrlAuthType="NONE")
    with_one = ask(ministack, url, "/").status
    allow_everybody(ministack, function, BOTH[1], InvokedViaFunctionUrl=True)
    with_both = ask(ministack, url, "/")

    assert (without, with_one, with_both.status) == (403, 403, 200)
    assert "authorizer" not in with_both.json()


@pytest.mark.parametrize(("actions", "expected"), [([], 403), (BOTH[:1], 403), (BOTH[1:], 403), (BOTH, 200)])
def test_another_url_needs_both_permissions_of_the_caller(
    ministack: Ministack,
    session: Callable[..., Credentials],
    function: str,
    actions: list[str],
    expected: int,
) -> None:
    url = url_of(ministack, function, "AWS_IAM")
    credentials = session({"Action": ["sts:GetCallerIdentity", *actions], "Resource": function})

    answer = ask(ministack, url, "/", credentials=credentials)

    assert answer.status == expected
    if expected == 200:
        iam = answer.json()["authorizer"]["iam"]
        assert ":assumed-role/" in iam["userArn"]
        assert iam["accountId"] == "123456789012"


def test_who_has_not_signed_is_not_let_in_at_such_a_url(ministack: Ministack, function: str) -> None:
    url = url_of(ministack, function, "AWS_IAM")
    allow_everybody(ministack, function, BOTH[1], InvokedViaFunctionUrl=True)

    assert ask(ministack, url, "/").status == 403
