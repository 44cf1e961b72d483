"""Stacks of ministack's CloudFormation, each call waiting for the end of what it began."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CAPABILITIES: Final = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
_PATIENCE_SECONDS: Final = 120.0
_INTERVAL_SECONDS: Final = 0.1


Result = TypeVar("Result")


class StackFailedError(AssertionError):
    """A stack ended otherwise than it was to; the message has its events."""


@dataclass(slots=True)
class Stacks:
    """Makes, changes and removes stacks."""

    cloudformation: Any
    _made: list[str] = field(default_factory=list)

    def create(self, name: str, template: str, ends_as: str = "CREATE_COMPLETE", **parameters: str) -> None:
        """Create a stack."""
        self._made.append(name)
        self.cloudformation.create_stack(**_asked(name, template, parameters))
        self.wait(name, ends_as)

    def update(self, name: str, template: str, ends_as: str = "UPDATE_COMPLETE", **parameters: str) -> None:
        """Update a stack."""
        self.cloudformation.update_stack(**_asked(name, template, parameters))
        self.wait(name, ends_as)

    def delete(self, name: str) -> None:
        """Delete a stack; one that is gone already counts as deleted."""
        self.cloudformation.delete_stack(StackName=name)
        self.wait(name, "DELETE_COMPLETE")
        if name in self._made:
            self._made.remove(name)

    def delete_all(self) -> None:
        """Delete what was created here and not deleted, the last first."""
        for name in reversed(self._made.copy()):
            self.delete(name)

    def wait(self, name: str, status: str) -> None:
        """Wait until nothing is in progress any more; it then has to have ended like this."""
        ended = until(lambda: self._ended(name), what=f"{name} to be {status}")
        if ended != status:
            events = "\n  ".join(self.events(name))
            raise StackFailedError(f"{name} is {ended}, not {status}:\n  {events}")

    def outputs(self, name: str) -> dict[str, str]:
        """Return a stack's outputs."""
        (stack,) = self.cloudformation.describe_stacks(StackName=name)["Stacks"]
        return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", ())}

    def events(self, name: str) -> list[str]:
        """Return what happened to a stack, the oldest first."""
        found = self.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        return [
            f"{one['LogicalResourceId']} {one['ResourceStatus']} {one.get('ResourceStatusReason', '')}".rstrip()
            for one in reversed(found)
        ]

    def resource(self, name: str, logical_id: str) -> str:
        """Return the physical id of a stack's resource."""
        found = self.cloudformation.describe_stack_resource(StackName=name, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def _ended(self, name: str) -> str | None:
        try:
            (stack,) = self.cloudformation.describe_stacks(StackName=name)["Stacks"]
        except self.cloudformation.exceptions.ClientError as error:
            if "does not exist" not in str(error):
                raise
            return "DELETE_COMPLETE"
        status = str(stack["StackStatus"])
        return None if status.endswith("_IN_PROGRESS") else status


def until(condition: Callable[[], Result | None], *, what: str) -> Result:
    """Ask again and again until there is an answer other than None or False, and return that."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise StackFailedError(f"waited {_PATIENCE_SECONDS:.0f} s in vain for {what}")
        time.sleep(_INTERVAL_SECONDS)
    return answer


def _asked(name: str, template: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    return {
        "StackName": name,
        "TemplateBody": template,
        "Capabilities": list(_CAPABILITIES),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    }
