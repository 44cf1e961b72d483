"""CloudFormation deletes a custom resource whose Create failed; ministack does not, and is made to.

This runs in ministack's own process, without the rest of the project. `test_custom_resources.py` holds all of this.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

_TYPE: Final = "AWS::CloudFormation::CustomResource"


def delete_what_failed(provisioners: Any, custom_resource: Any) -> None:
    """Send a Delete after a Create that failed, at once instead of with the rollback.

    Its PhysicalResourceId is that of the answer to the Create, or, without an answer, one that is made up. Where the
    Delete fails too, that is the reason that the stack's events give.
    """
    create, deliver = provisioners._custom_resource_create, custom_resource.deliver_response
    refused: dict[tuple[str, str], str] = {}

    def delivering(token: str, answer: dict[str, Any]) -> bool:
        if answer.get("Status") == "FAILED":
            refused[answer["StackId"], answer["LogicalResourceId"]] = answer.get("PhysicalResourceId", "")
        return bool(deliver(token, answer))

    def creating(logical_id: str, properties: Any, stack: str, resource_type: str = _TYPE) -> Any:
        try:
            return create(logical_id, properties, stack, resource_type)
        except (RuntimeError, TimeoutError):  # FAILED, or no answer
            answered = refused.pop((provisioners._cr_stack_id(stack), logical_id), "")
            physical_id = answered or f"{stack}-{logical_id}-{uuid4().hex[:12].upper()}"
            provisioners._custom_resource_delete(physical_id, properties, stack, logical_id, resource_type)
            raise

    custom_resource.deliver_response = delivering
    provisioners._custom_resource_create = creating
