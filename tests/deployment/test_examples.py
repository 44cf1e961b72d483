"""The examples of how a team registers its services are deployed, discovered and gone as they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layer.build import ROOT
from tests.deployment.registry import Record
from tests.deployment.stacks import Stacks, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.deployment.registry import Registry

EXAMPLES = ROOT / "layer" / "examples"


def test_the_stack_registers_what_it_deploys_and_its_function_discovers_it(
    stacks: Stacks, registry: Registry, invoke: Callable[..., Any]
) -> None:
    stacks.create("team", (EXAMPLES / "cloudformation.yaml").read_text())
    api = stacks.resource("team", "OrdersApi")
    orders, invoices = (stacks.resource("team", name) for name in ("Orders", "Invoices"))
    (of_api,) = registry.records("orders")
    (of_function,) = until(lambda: registry.records("invoices"), what="the record of the tags")
    answer = invoke(orders, {"pathParameters": {"id": "7"}})
    stacks.delete("team")
    until(lambda: not registry.records("orders", "invoices"), what="the records to be gone")

    endpoint = f"https://{api}.execute-api.eu-central-1.amazonaws.com"
    arn = f"arn:aws:lambda:eu-central-1:123456789012:function:{invoices}"
    assert of_api == Record(
        "orders", endpoint, "Staging", "1.4.0", "100", "cfn:123456789012:eu-central-1:team"
    )
    assert of_function == Record("invoices", arn, "Staging", "2.0.1", "100", f"tag:{arn}")
    assert answer == {"order": "7", "invoices": arn}
