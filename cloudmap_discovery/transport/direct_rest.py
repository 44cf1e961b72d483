"""What the registrar alone calls without the SDK: Lambda and API Gateway, by REST with JSON, and the tags of resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from cloudmap_discovery.transport.direct_protocol import Answered, JsonProtocol, Refused, Request, Unreadable
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.transport.direct_protocol import ServiceProtocol, Shape


@value
class _Operation:
    """One operation that reads: `path` has a `{}` for each member of `labels`; `query` may be given, or not."""

    path: str
    labels: tuple[str, ...]
    query: tuple[str, ...]
    result: Mapping[str, Shape]


class RestProtocol(JsonProtocol):
    """REST with JSON: every operation is a GET, named by its path; errors are named by a header.

    With `is_capitalized`, the members of results begin with a small letter on the way, as those of API Gateway's
    second version do, but for what is in them: of that, names are left as they come.
    """

    def __init__(self, operations: Mapping[str, _Operation], *, is_capitalized: bool = False) -> None:
        super().__init__("", {name: operation.result for name, operation in operations.items()})
        self._operations = operations
        self._is_capitalized = is_capitalized

    def request(self, operation: str, params: Mapping[str, Any]) -> Request:
        """Return what to send; raises a `ValueError` for parameters that are missing, or not known here."""
        known = self._operations[operation]
        allowed = (*known.labels, *known.query)
        missing = [name for name in known.labels if not params.get(name)]
        if missing or not params.keys() <= set(allowed):
            unknown = sorted(params.keys() - allowed)
            raise ValueError(f"{operation} without {missing} or with {unknown}; it takes {sorted(allowed)}")
        path = known.path.format(*(quote(params[name], safe="") for name in known.labels))
        query = "&".join(f"{name}={quote(params[name], safe='')}" for name in known.query if name in params)
        # Without the header, API Gateway's first version answers in HAL, which has more to it.
        return Request("GET", f"{path}{query and f'?{query}'}", {"accept": "application/json"}, b"")

    def read(
        self, operation: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> Answered | Refused | Unreadable:
        """Return what the answer says, with the SDK's names and without members that are null."""
        said = super().read(operation, status, headers, body)
        if isinstance(said, Answered) and self._is_capitalized:
            return Answered({f"{name[:1].upper()}{name[1:]}": item for name, item in said.result.items()})
        return said


_FUNCTION: Final = ("FunctionName",)
_QUALIFIER: Final = ("Qualifier",)

REGISTRAR_SERVICES: Final[Mapping[str, ServiceProtocol]] = {
    "resourcegroupstaggingapi": JsonProtocol(
        "ResourceGroupsTaggingAPI_20170126",
        {
            "GetResources": {
                "ResourceTagMappingList": [{"ResourceARN": str, "Tags": [{"Key": str, "Value": str}]}],
                "PaginationToken": str,
            },
        },
    ),
    "lambda": RestProtocol(
        {
            "GetFunction": _Operation(
                "/2015-03-31/functions/{}",
                _FUNCTION,
                _QUALIFIER,
                {
                    "Configuration": {"FunctionArn": str, "FunctionName": str, "Version": str},
                    "Tags": {str: str},
                },
            ),
            "GetFunctionUrlConfig": _Operation(
                "/2021-10-31/functions/{}/url",
                _FUNCTION,
                _QUALIFIER,
                {"FunctionUrl": str, "FunctionArn": str, "AuthType": str},
            ),
            "ListTags": _Operation("/2017-03-31/tags/{}", ("Resource",), (), {"Tags": {str: str}}),
        }
    ),
    "apigateway": RestProtocol(
        {"GetRestApi": _Operation("/restapis/{}", ("restApiId",), (), {"id": str, "name": str})}
    ),
    "apigatewayv2": RestProtocol(
        {
            "GetApi": _Operation(
                "/v2/apis/{}", ("ApiId",), (), {"apiId": str, "name": str, "apiEndpoint": str}
            )
        },
        is_capitalized=True,
    ),
}
"""Each service, by the SDK's name for it, with the operations that the registrar needs."""
