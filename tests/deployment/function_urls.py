"""Function URLs ask for both permissions that AWS asks for, and tell a function who has signed; ministack's do neither.

This runs in ministack's own process, without the rest of the project. `test_function_urls.py` holds all of this.
"""

from __future__ import annotations

import contextvars
import functools
from typing import Any, Final

_NOBODY: Final = "AIDANOBODY"
_FORBIDDEN: Final = b'{"Message":"Forbidden"}'
_THROUGH_A_URL: Final = {"lambda:InvokedViaFunctionUrl": "true"}


def let_in_as_aws(functions: Any, evaluator: Any) -> None:
    """Let in those who may both InvokeFunctionUrl and, through the URL, InvokeFunction; name them in the event."""
    handle, build = functions.handle_function_url_request, functions._build_function_url_event
    caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller")

    @functools.wraps(handle)
    async def handling(url_id: str, method: str, path: str, headers: Any, *rest: Any, **named: Any) -> Any:
        query = rest[1]
        resolved = functions.resolve_function_url(url_id)
        if resolved is not None and not _may_call(functions, evaluator, resolved, headers, query):
            return 403, {"Content-Type": "application/json"}, _FORBIDDEN
        caller.set(evaluator.request_caller_arn(headers, query))
        return await handle(url_id, method, path, headers, *rest, **named)

    @functools.wraps(build)
    def building(*request: Any, anonymous: bool = False, **named: Any) -> dict[str, Any]:
        event: dict[str, Any] = build(*request, anonymous=anonymous, **named)
        if not anonymous:
            arn = caller.get()
            iam = {"userArn": arn, "accountId": arn.split(":")[4], "callerId": _NOBODY, "userId": _NOBODY}
            event["requestContext"]["authorizer"] = {"iam": iam}
        return event

    functions.handle_function_url_request = handling
    functions._build_function_url_event = building


def _may_call(functions: Any, evaluator: Any, resolved: Any, headers: Any, query: Any) -> bool:
    account, region, name, qualifier, settings = resolved
    arn = f"arn:aws:lambda:{region}:{account}:function:{name}" + f":{qualifier}" * bool(qualifier)
    if settings["AuthType"] != "NONE":
        key = headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]
        key = key or query.get("X-Amz-Credential", [""])[0].partition("/")[0]
        # Whether InvokeFunctionUrl is allowed, ministack has asked by then.
        call = "lambda:InvokeFunction", "lambda", region
        return bool(key) and not evaluator.enforce(
            key, *call, resource_arn=arn, service_context=_THROUGH_A_URL
        )
    record, *_ = functions._get_func_record_for_ref_in_scope(name, account_id=account, region=region)
    asked = {
        "lambda:InvokeFunctionUrl": {"lambda:FunctionUrlAuthType": "NONE"},
        "lambda:InvokeFunction": _THROUGH_A_URL,
    }
    return all(
        evaluator.evaluate_resource_policy(
            record["policy"],
            evaluator.EvalContext(
                principal_arn="",
                principal_type="User",
                principal_account="",
                action=action,
                resource_arn=arn,
                region=region,
                service_context={key.lower(): value for key, value in context.items()},
            ),
        ).decision
        == "Allow"
        for action, context in asked.items()
    )
