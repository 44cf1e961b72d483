"""The slim layer leaves the runtime's own boto3 alone: whose it is, that it works, that a lookup does not load it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.layer.canary_bed import EVENT, URL
from tests.layer.neighbours import OLD_AIOBOTOCORE, OLD_BOTO3, OLD_PYDANTIC, old_packages
from tests.layer.test_canary import HEAVY

if TYPE_CHECKING:
    from layer.interpreters import Interpreter
    from tests.layer.canary_bed import Bed

pytest_plugins = ["tests.layer.canary_fixtures", "tests.standin.fixtures"]


@pytest.mark.usefixtures("orders")
def test_a_function_uses_the_runtimes_own_boto3_for_dynamodb_before_and_after_a_lookup(
    bed: Bed, interpreter: Interpreter
) -> None:
    runtime = old_packages(OLD_BOTO3, interpreter)
    function = bed.function(
        interpreter, bed.opt("slim", interpreter), module="canary_dynamodb", runtime_packages=runtime
    )

    first = function.invoke({**EVENT, "order": "1"})
    second = function.invoke({**EVENT, "order": "2"})

    assert first.error_type is None, f"{first.payload}\n{first.log}"
    assert first.payload == second.payload
    assert first.payload == {
        "before": "new",
        "after": "sent",
        "to": URL,
        "boto3": f"{runtime}/boto3/__init__.py",
        "botocore": f"{runtime}/botocore/__init__.py",
        "botocore_version": "1.34.69",
    }
    assert first.log == ""


def test_a_lookup_loads_neither_the_sdk_nor_the_pydantic_that_runtime_and_function_have(
    bed: Bed, interpreter: Interpreter
) -> None:
    function = bed.function(
        interpreter,
        bed.opt("slim", interpreter),
        brings=(*OLD_AIOBOTOCORE, *OLD_PYDANTIC),
        runtime_packages=old_packages(OLD_BOTO3, interpreter),
    )

    first = function.invoke(EVENT)

    assert first.error_type is None, f"{first.payload}\n{first.log}"
    assert first.payload["url"] == URL
    assert HEAVY.isdisjoint(first.payload["loaded"])
