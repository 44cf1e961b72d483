"""A stand-in for boto3's client of CloudFormation: stacks as a test says they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError, WaiterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ACCOUNT: Final = "123456789012"


def arn_of(name: str) -> str:
    return f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/{name}/1"


class FakeCloudFormation:
    """Stacks by name; `imports` are the names of the stacks that import an export, `events` the newest first."""

    def __init__(self) -> None:
        self.stacks: dict[str, dict[str, Any]] = {}
        self.resources: dict[str, str] = {}
        self.imports: dict[str, list[str]] = {}
        self.events: list[dict[str, str]] = []
        self.deleted: list[str] = []
        self.deletes_as = "DELETE_COMPLETE"
        self.on_delete: Callable[[], object] = lambda: None

    def put_stack(
        self,
        name: str,
        status: str = "CREATE_COMPLETE",
        *,
        parameters: Mapping[str, str] | None = None,
        outputs: Mapping[str, str] | None = None,
    ) -> None:
        """Let there be a stack; each of its outputs is exported under the stack's name and its own."""
        self.stacks[name] = {
            "StackId": arn_of(name),
            "StackName": name,
            "StackStatus": status,
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()
            ],
            "Outputs": [
                {"OutputKey": key, "OutputValue": value, "ExportName": f"{name}-{key.lower()}"}
                for key, value in (outputs or {}).items()
            ],
        }

    def fail(self, logical_id: str, reason: str, *, kind: str = "AWS::Lambda::Function") -> None:
        """Let a resource have failed after everything that is among the events by now."""
        event = {"LogicalResourceId": logical_id, "ResourceType": kind, "ResourceStatusReason": reason}
        self.events.insert(0, {**event, "StackId": "x", "ResourceStatus": "CREATE_FAILED"})

    def begin(self, name: str) -> None:
        """Let an operation on a stack begin after everything that is among the events by now."""
        stack = {"StackId": arn_of(name), "PhysicalResourceId": arn_of(name), "LogicalResourceId": name}
        kind = {"ResourceType": "AWS::CloudFormation::Stack", "ResourceStatus": "UPDATE_IN_PROGRESS"}
        self.events.insert(0, {**stack, **kind, "ResourceStatusReason": "User Initiated"})

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 -- boto3's
        found = next(
            (one for one in self.stacks.values() if StackName in {one["StackId"], one["StackName"]}), None
        )
        if found is None:
            raise refused("DescribeStacks", f"Stack with id {StackName} does not exist")
        return {"Stacks": [found]}

    def delete_stack(self, *, StackName: str) -> None:  # noqa: N803 -- boto3's
        self.deleted.append(StackName)
        self.on_delete()
        for stack in self.stacks.values():
            if stack["StackId"] == StackName:
                stack["StackStatus"] = self.deletes_as

    def get_waiter(self, name: str) -> FakeCloudFormation:
        assert name == "stack_delete_complete"
        return self

    def wait(self, *, StackName: str) -> None:  # noqa: N803 -- boto3's
        (stack,) = self.describe_stacks(StackName=StackName)["Stacks"]
        if stack["StackStatus"] != "DELETE_COMPLETE":
            raise WaiterError("StackDeleteComplete", "a terminal failure state", {})

    def get_paginator(self, operation: str) -> _Pages:
        return _Pages(getattr(self, f"_{operation}"))

    def _list_stack_resources(self, _: str) -> Iterator[dict[str, Any]]:
        for logical_id, physical_id in self.resources.items():
            one = {"LogicalResourceId": logical_id, "PhysicalResourceId": physical_id}
            yield {"StackResourceSummaries": [{**one, "ResourceStatus": "CREATE_COMPLETE"}]}

    def _list_imports(self, export: str) -> Iterator[dict[str, Any]]:
        if export not in self.imports:
            raise refused("ListImports", f"Export '{export}' is not imported by any stack.")
        yield {"Imports": self.imports[export]}

    def _describe_stack_events(self, _: str) -> Iterator[dict[str, Any]]:
        for event in self.events:
            yield {"StackEvents": [event]}


class _Pages:
    def __init__(self, pages: Callable[[str], Iterator[dict[str, Any]]]) -> None:
        self._pages = pages

    def paginate(self, **parameters: str) -> Iterator[dict[str, Any]]:
        (name,) = parameters.values()
        return self._pages(name)


def refused(operation: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationError", "Message": message}}, operation)


def clients(cloudformation: FakeCloudFormation, sdk: Callable[..., Any]) -> Callable[[str], Any]:
    """Return what makes clients: of the fake for CloudFormation, of the stand-in for everything else."""
    return lambda service: cloudformation if service == "cloudformation" else sdk(service)


class FakeAws:
    """AWS's command line, of which the calls are kept: `says` what deploying prints; `does` what it does."""

    def __init__(self, does: Callable[[], object] = lambda: None, says: str = "Successfully created") -> None:
        self.calls: list[list[str]] = []
        self._does = does
        self._says = says

    def __call__(self, command: Sequence[object], *, to: str) -> str:
        assert to
        self.calls.append([str(word) for word in command])
        if command[2] != "deploy":
            return ""
        self._does()
        return self._says
