"""Lambda functions as AWS has them now: which are tagged, whether one exists, and where it is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from cloudmap_discovery.errors import RemoteError, StoreError
from cloudmap_discovery.pacing import Pace
from cloudmap_discovery.registrar.tags import SERVICE_TAG, is_tagged
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.transport.port import Transport

# GetFunction bears 100 a second, everything else of Lambda's control plane 15 together (Lambda quotas): of which
# deployments need the most.
_GET_FUNCTION_PER_SECOND: Final = 40.0
_OTHERS_PER_SECOND: Final = 8.0
_CALL_SECONDS: Final = 15.0
_PAGE: Final = 100
_GONE: Final = "ResourceNotFoundException"


@value
class Listed:
    """The functions that the tagging API lists by ARN with their tags; `error` is why there may be more."""

    functions: Mapping[str, Mapping[str, str]]
    error: StoreError | None = None


@value
class FunctionUrl:
    """Where a function is called over HTTP, and whether callers must sign."""

    url: str
    is_signed: bool


class Functions(Protocol):
    """Reads functions; what AWS answers otherwise is a `StoreError`."""

    async def tagged(self) -> Listed:
        """Return the functions with our tag, as far as AWS lists them; never raises a `StoreError`."""
        ...

    async def tags(self, function: str) -> Mapping[str, str] | None:
        """Return the tags of a function as Lambda has them; None where Lambda says that there is no such function."""
        ...

    async def url(self, function: str, alias: str | None = None) -> FunctionUrl | None:
        """Return the URL of the function, or of its alias, or None where there is none."""
        ...

    async def exists(self, arn: str) -> bool:
        """Return whether there is such a function, version or alias."""
        ...


class LambdaFunctions:
    """Reads functions through the tagging API and Lambda's control plane, at rates that leave room for deployments."""

    def __init__(
        self, transport: Transport, *, clock: Clock, sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._transport = transport
        self._get_function = Pace(_GET_FUNCTION_PER_SECOND, clock=clock, sleep=sleep)
        self._others = Pace(_OTHERS_PER_SECOND, clock=clock, sleep=sleep)

    async def tagged(self) -> Listed:
        """Return the functions with our tag, as far as AWS lists them; never raises a `StoreError`."""
        found: dict[str, Mapping[str, str]] = {}
        params: dict[str, Any] = {
            "TagFilters": [{"Key": SERVICE_TAG}],
            "ResourceTypeFilters": ["lambda:function"],
            "ResourcesPerPage": _PAGE,
        }
        while True:
            try:
                page = await self._call("resourcegroupstaggingapi", "GetResources", params)
            except StoreError as error:
                return Listed(found, error.at("tagging API"))
            for resource in page.get("ResourceTagMappingList") or ():
                tags = {tag["Key"]: tag.get("Value") or "" for tag in resource.get("Tags") or ()}
                found[resource.get("ResourceARN") or ""] = tags
            if not page.get("PaginationToken"):  # a page may be empty and still not be the last
                return Listed(found)
            params["PaginationToken"] = page["PaginationToken"]

    async def tags(self, function: str) -> Mapping[str, str] | None:
        """Return the tags of a function as Lambda has them; None where Lambda says that there is no such function."""
        await self._get_function.turn()
        found = await self._unless_gone("GetFunction", {"FunctionName": function})
        if found is None:
            return None
        tags: Mapping[str, str] = found.get("Tags") or {}
        if is_tagged(tags):
            return tags
        # GetFunction also leaves tags out where the caller may not read them. That they are not there is said by
        # ListTags alone.
        await self._others.turn()
        listed = await self._unless_gone("ListTags", {"Resource": function})
        return None if listed is None else listed.get("Tags") or {}

    async def url(self, function: str, alias: str | None = None) -> FunctionUrl | None:
        """Return the URL of the function, or of its alias, or None where there is none."""
        await self._others.turn()
        qualifier = {} if alias is None else {"Qualifier": alias}
        found = await self._unless_gone("GetFunctionUrlConfig", {"FunctionName": function, **qualifier})
        if found is None:
            return None
        return FunctionUrl(str(found["FunctionUrl"]).rstrip("/"), found.get("AuthType") == "AWS_IAM")

    async def exists(self, arn: str) -> bool:
        """Return whether there is such a function, version or alias."""
        await self._get_function.turn()
        return await self._unless_gone("GetFunction", {"FunctionName": arn}) is not None

    async def _unless_gone(self, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any] | None:
        try:
            return await self._call("lambda", operation, params)
        except RemoteError as error:
            if error.code != _GONE:
                raise
            return None

    async def _call(self, service: str, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._transport.call(service, operation, params, timeout_seconds=_CALL_SECONDS)
