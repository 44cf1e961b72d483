"""Lambda functions, their tags, URLs and aliases in memory, behind the same transport as the rest of AWS."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cloudmap_discovery.errors import RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudmap_discovery.errors import StoreError
    from tests.unit.fake_transport import FakeTransport

ACCOUNT = "123456789012"
REGION = "eu-central-1"
OPERATIONS = "GetResources GetFunction ListTags GetFunctionUrlConfig GetApi GetRestApi"


def arn_of(name: str, *, account: str = ACCOUNT, region: str = REGION) -> str:
    return f"arn:aws:lambda:{region}:{account}:function:{name}"


def not_found(service: str = "lambda") -> RemoteError:
    code = "ResourceNotFoundException" if service == "lambda" else "NotFoundException"
    return RemoteError("as AWS words it", code=code, status=404, service=service)


@dataclass
class Function:
    tags: dict[str, str]
    url: str | None = None
    url_alias: str | None = None
    auth_type: str = "NONE"
    aliases: set[str] = field(default_factory=set)


class FakeFunctions:
    """Functions by ARN.

    `listed_late` are ARNs that the tagging API does not show, `listed_still` those that it shows although they are
    gone. `failures` are raised by the next calls of an operation, one each; `failing` says for which parameters one
    always fails. `hides_tags` leaves tags out of GetFunction's answers, as for callers that may not read them.
    """

    def __init__(self, transport: FakeTransport) -> None:
        self.functions: dict[str, Function] = {}
        self.apis: set[str] = set()
        self.rest_apis: set[str] = set()
        self.listed_late: set[str] = set()
        self.listed_still: dict[str, dict[str, str]] = {}
        self.lists_nothing = False
        self.hides_tags = False
        self.page = 100
        self.failures: dict[str, list[StoreError]] = {}
        self.failing: dict[str, Callable[[Mapping[str, Any]], StoreError | None]] = {}
        for operation in OPERATIONS.split():
            transport.answer(operation, self._answering(operation))

    def add(self, name: str, **more: Any) -> str:
        """Have a function; keyword arguments but `url`, `url_alias`, `auth_type` and `aliases` are its discovery tags."""
        kept = {key: more.pop(key) for key in ("url", "url_alias", "auth_type", "aliases") if key in more}
        tags = {f"discovery:{key}": text for key, text in more.items()}
        self.functions[arn_of(name)] = Function(tags, **kept)
        return arn_of(name)

    def _answering(self, operation: str) -> Callable[[Mapping[str, Any]], Any]:
        def answer(params: Mapping[str, Any]) -> Any:
            waiting = self.failures.get(operation)
            if waiting:
                return waiting.pop(0)
            failing = self.failing.get(operation)
            failure = failing(params) if failing is not None else None
            return getattr(self, f"_{operation}")(params) if failure is None else failure

        return answer

    def _GetResources(self, params: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 -- AWS's name
        (wanted,) = (one["Key"] for one in params["TagFilters"])
        shown = {arn: one.tags for arn, one in self.functions.items() if arn not in self.listed_late}
        shown |= self.listed_still
        found = [(arn, tags) for arn, tags in shown.items() if wanted in tags and not self.lists_nothing]
        start = int(params.get("PaginationToken") or "0")
        end = start + min(self.page, params["ResourcesPerPage"])
        return {
            "ResourceTagMappingList": [
                {
                    "ResourceARN": arn,
                    "Tags": [{"Key": key, "Value": text} for key, text in tags.items()],
                }
                for arn, tags in found[start:end]
            ],
            "PaginationToken": str(end) if end < len(found) else "",
        }

    def _GetFunction(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        arn, alias = self._parts(params["FunctionName"])
        found = self.functions.get(arn)
        if found is None or (alias and alias not in found.aliases):
            return not_found()
        tags = {} if self.hides_tags else {"Tags": found.tags}
        return {"Configuration": {"FunctionArn": arn}, **tags}

    def _ListTags(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        found = self.functions.get(params["Resource"])
        return not_found() if found is None else {"Tags": found.tags}

    def _GetFunctionUrlConfig(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        found = self.functions.get(params["FunctionName"])
        if found is None or found.url is None or params.get("Qualifier") != found.url_alias:
            return not_found()
        return {
            "FunctionUrl": found.url,
            "FunctionArn": params["FunctionName"],
            "AuthType": found.auth_type,
            "CreationTime": "2026-01-01T00:00:00Z",
            "LastModifiedTime": "2026-01-01T00:00:00Z",
        }

    def _GetApi(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        return {"ApiId": params["ApiId"]} if params["ApiId"] in self.apis else not_found("apigatewayv2")

    def _GetRestApi(self, params: Mapping[str, Any]) -> dict[str, Any] | RemoteError:  # noqa: N802 -- AWS's name
        api = params["restApiId"]
        return {"id": api} if api in self.rest_apis else not_found("apigateway")

    @staticmethod
    def _parts(arn: str) -> tuple[str, str]:
        parts = arn.split(":")
        return ":".join(parts[:7]), ":".join(parts[7:])
