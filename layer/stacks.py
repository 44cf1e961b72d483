"""What CloudFormation says of one stack."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from layer.errors import WrongOptionError
from layer.targets import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEFAULT_STACK: Final = PROJECT
LONGEST_NAME: Final = 64 - len("-registrar")
"""Lambda's limit for the name of a function, less what the template adds to the stack's name."""
_NEVER_CREATED: Final = "REVIEW_IN_PROGRESS"
_NOT_WORTH_TELLING: Final = ("Resource creation cancelled", "Resource update cancelled")


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as it is: `resources` are the physical ids by logical id."""

    arn: str
    status: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    exports: tuple[str, ...]


def check_name(name: str) -> str:
    """Return the name, or raise `WrongOptionError` if no stack of our template can have it."""
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name) is None or len(name) > LONGEST_NAME:
        raise WrongOptionError(
            f"STACK: {name!r} is no name for it. Use letters, digits and hyphens, a letter first, at most {LONGEST_NAME} characters."
        )
    if name.lower().startswith(("aws", "ssm")):
        raise WrongOptionError(
            f"STACK: {name!r} begins with what Parameter Store keeps for AWS, where the outputs are written to /{name}/…."
            " Choose another name."
        )
    return name


def find_stack(cloudformation: Any, name: str) -> Stack | None:
    """Return the stack of this name or ARN, or None where it was never created, or is deleted."""
    try:
        (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        return None
    if found["StackStatus"] in {_NEVER_CREATED, "DELETE_COMPLETE"}:
        return None
    outputs = found.get("Outputs") or []
    return Stack(
        found["StackId"],
        found["StackStatus"],
        {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters") or []},
        {one["OutputKey"]: one["OutputValue"] for one in outputs},
        tuple(one["ExportName"] for one in outputs if one.get("ExportName")),
    )


def resources(cloudformation: Any, name: str) -> dict[str, str]:
    """Return the physical ids of a stack's resources by logical id; without those that are deleted."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    return {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for page in pages
        for one in page["StackResourceSummaries"]
        if one.get("PhysicalResourceId") and one["ResourceStatus"] != "DELETE_COMPLETE"
    }


def importers(cloudformation: Any, exports: Iterator[str] | tuple[str, ...]) -> dict[str, list[str]]:
    """Return the names of the stacks that import each of the exports; without exports that nobody imports."""
    found = {export: list(_importers(cloudformation, export)) for export in exports}
    return {export: names for export, names in found.items() if names}


def _importers(cloudformation: Any, export: str) -> Iterator[str]:
    try:
        for page in cloudformation.get_paginator("list_imports").paginate(ExportName=export):
            yield from page["Imports"]
    except ClientError as error:  # this is how CloudFormation says that there are none
        if "is not imported" not in str(error):
            raise


def failures(cloudformation: Any, arn: str) -> list[str]:
    """Return why the newest operation on a stack failed, the first reason first."""
    told: list[str] = []
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=arn):
        for event in page["StackEvents"]:  # the newest comes first
            reason = event.get("ResourceStatusReason", "")
            if event["ResourceStatus"].endswith("_FAILED") and not reason.startswith(_NOT_WORTH_TELLING):
                told.append(
                    f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason or 'no reason'}"
                )
            if _begins(event):
                return told[::-1]
    return told[::-1]


def _begins(event: Mapping[str, Any]) -> bool:
    is_of_stack = event.get("PhysicalResourceId") == event["StackId"]
    return is_of_stack and event.get("ResourceStatusReason") == "User Initiated"
