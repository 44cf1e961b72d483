"""What a registrar may touch: its own account and region, and the services and stages on its list."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.allow_list import not_listed
from cloudmap_discovery.model import NO_STAGE
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Sequence

# Of a longer name, Lambda says that the call is wrong, not that there is no such function.
_NAME: Final = r"[A-Za-z0-9_-]{1,64}"
_FUNCTION: Final = (
    r"arn:(?P<partition>[^:]+):lambda:(?P<region>[^:]+):(?P<account>[0-9]{12}):function:"
    rf"(?P<name>{_NAME})(?::(?P<qualifier>[A-Za-z0-9$_.-]+))?"
)
_TAG_OWNER: Final = "tag:"


@value
class Home:
    """The account and region that a registrar is in."""

    account: str
    region: str
    partition: str = "aws"

    def function(self, reference: object) -> str | None:
        """Return the ARN, without qualifier, of a function here that an event refers to by name or ARN; else None."""
        if not isinstance(reference, str):
            return None
        name = reference if re.fullmatch(_NAME, reference) else None
        found = re.fullmatch(_FUNCTION, reference)
        if found is not None and (found["account"], found["region"]) == (self.account, self.region):
            name = found["name"]
        partial = re.fullmatch(rf"{self.account}:function:({_NAME})(?::.*)?", reference)
        if partial is not None:
            name = partial[1]
        return (
            None
            if name is None
            else f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{name}"
        )

    def is_function(self, endpoint: str) -> bool:
        """Return whether the endpoint is the ARN of a function here, with or without a qualifier."""
        return endpoint.startswith("arn:") and self.function(endpoint) is not None


def tag_owner(function: str) -> str:
    """Return the owner of the records that a function's tags make."""
    return f"{_TAG_OWNER}{function}"


def tagged_function(owner: str | None) -> str | None:
    """Return the ARN of the function whose tags made a record of this owner, or None."""
    return owner.removeprefix(_TAG_OWNER) if owner is not None and owner.startswith(_TAG_OWNER) else None


@value
class Permits:
    """The services and stages that a registrar may write, as patterns with `*` and `?`, and whether URLs from tags."""

    services: Sequence[str] = ("*",)
    stages: Sequence[str] = ("*",)
    urls: bool = False

    def refusal(self, service: str, stage: str) -> str | None:
        """Return why records of this service and stage are not this registrar's to write, or None."""
        wrong = not_listed(service, stage, services=self.services, stages=self.stages)
        if wrong is None:
            return None
        is_none = (wrong.what, wrong.name) == ("stage", NO_STAGE)
        shown = "no stage (-)" if is_none else f"{wrong.what} {wrong.name!r}"
        allowed = ",".join(wrong.patterns)
        return f"this registrar does not register {shown}: it is allowed {allowed} ({wrong.variable}, a parameter of its template)"
