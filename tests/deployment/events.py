"""The events that AWS sends to EventBridge by itself, and ministack does not: of stacks, and of Lambda's API.

This runs in ministack's own process, without the rest of the project. Stacks say each status of theirs, as CloudFormation
does; calls of Lambda's API say what CloudTrail would, had the account a trail. `test_events.py` holds all of this.
"""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_SUCCESSES: Final = range(200, 300)
_FUNCTION: Final = r"/[\d-]+/functions/(?P<functionName>[^/]+)"
_CALLS: Final = (
    ("POST", r"/[\d-]+/functions", "CreateFunction20150331"),
    ("DELETE", _FUNCTION, "DeleteFunction20150331"),
    ("POST", r"/[\d-]+/tags/(?P<resource>.+)", "TagResource20170331v2"),
    ("DELETE", r"/[\d-]+/tags/(?P<resource>.+)", "UntagResource20170331v2"),
    ("POST", rf"{_FUNCTION}/aliases", "CreateAlias20150331"),
    ("PUT", rf"{_FUNCTION}/aliases/(?P<name>[^/]+)", "UpdateAlias20150331"),
    ("DELETE", rf"{_FUNCTION}/aliases/(?P<name>[^/]+)", "DeleteAlias20150331"),
    ("POST", rf"{_FUNCTION}/url", "CreateFunctionUrlConfig"),
    ("DELETE", rf"{_FUNCTION}/url", "DeleteFunctionUrlConfig"),
)
"""Method, path and event name of the calls that change where a function is reached, as CloudTrail names them."""


def announce_stacks(modules: Iterable[Any], put_events: Callable[..., Any]) -> None:
    """Send "CloudFormation Stack Status Change" for every status of a stack.

    `modules` are those of `ministack.services.cloudformation` that record stack events.
    """
    for module in modules:
        if hasattr(module, "_add_event"):
            module._add_event = _announcing_status(module._add_event, put_events)


def announce_calls(module: Any, put_events: Callable[..., Any]) -> None:
    """Send "AWS API Call via CloudTrail" for every call of Lambda's API that changes where a function is reached."""
    handle = module.handle_request

    @functools.wraps(handle)
    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        answer = await handle(method, path, headers, body, query_params)
        if answer[0] in _SUCCESSES and (call := _call(method, unquote(path))):
            name, parameters = call
            sent, answered = _document(body), _document(answer[2])
            detail = {
                "eventSource": "lambda.amazonaws.com",
                "eventName": name,
                "requestParameters": {**sent, **parameters},
                "responseElements": answered or None,
            }
            _send(put_events, "aws.lambda", "AWS API Call via CloudTrail", detail)
        return answer

    module.handle_request = handle_request


def _announcing_status(add_event: Callable[..., None], put_events: Callable[..., Any]) -> Callable[..., None]:
    @functools.wraps(add_event)
    def announcing(
        stack_id: str,
        stack_name: str,
        logical_id: str,
        resource_type: str,
        status: str,
        *rest: Any,
        **named: Any,
    ) -> None:
        add_event(stack_id, stack_name, logical_id, resource_type, status, *rest, **named)
        if resource_type == "AWS::CloudFormation::Stack" and logical_id == stack_name:
            detail = {"stack-id": stack_id, "status-details": {"status": status, "status-reason": ""}}
            _send(put_events, "aws.cloudformation", "CloudFormation Stack Status Change", detail, stack_id)

    return announcing


def _call(method: str, path: str) -> tuple[str, Mapping[str, str]] | None:
    for known, pattern, name in _CALLS:
        if method == known and (match := re.fullmatch(pattern, path.rstrip("/"))):
            return name, match.groupdict()
    return None


def _document(body: Any) -> dict[str, Any]:
    """Return a JSON object with its members named as CloudTrail names them, beginning small."""
    document = json.loads(body or b"{}")
    return {name[0].lower() + name[1:]: value for name, value in document.items()}


def _send(
    put_events: Callable[..., Any], source: str, kind: str, detail: Mapping[str, Any], *resources: str
) -> None:
    entry = {"Source": source, "DetailType": kind, "Detail": json.dumps(detail), "Resources": list(resources)}
    put_events({"Entries": [entry]}, allow_aws_source=True)
