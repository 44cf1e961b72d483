"""Events that hint at a change come to the registrar, through a queue that nobody else writes to."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from moto.events.models import EventPattern

from layer.templates import read_template

PARSED: Final = read_template()
PARAMETERS: Final[dict[str, Any]] = PARSED["Parameters"]
RESOURCES: Final[dict[str, Any]] = PARSED["Resources"]
REGISTRAR: Final[dict[str, Any]] = RESOURCES["Registrar"]["Properties"]


def rule(name: str) -> dict[str, Any]:
    found: dict[str, Any] = RESOURCES[name]["Properties"]
    return found


def matches(name: str, event: dict[str, Any]) -> bool:
    return bool(EventPattern.load(json.dumps(rule(name)["EventPattern"])).matches_event(event))  # type: ignore[arg-type]  # an event as far as patterns look at it


def call_of_lambda(name: str, source: str = "lambda.amazonaws.com") -> dict[str, Any]:
    return {
        "source": "aws.lambda",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {"eventSource": source, "eventName": name},
    }


def status_of_stack(status: str) -> dict[str, Any]:
    return {
        "source": "aws.cloudformation",
        "detail-type": "CloudFormation Stack Status Change",
        "detail": {"stack-id": "arn", "status-details": {"status": status}},
    }


@pytest.mark.parametrize(
    "name",
    [
        "CreateFunction20150331",
        "DeleteFunction20150331",
        "TagResource20170331v2",
        "UntagResource20170331v2",
        "CreateFunctionUrlConfig",
        "DeleteFunctionUrlConfig",
        "CreateAlias20150331",
        "UpdateAlias20150331",
        "DeleteAlias20150331",
    ],
)
def test_every_call_that_changes_where_a_function_is_reached_is_a_hint(name: str) -> None:
    assert matches("FunctionRule", call_of_lambda(name))


@pytest.mark.parametrize(
    "event",
    [
        call_of_lambda("Invoke"),
        call_of_lambda("GetFunction20150331v2"),
        call_of_lambda("PublishLayerVersion20181031"),
        call_of_lambda("TagResource20170331v2", "ecs.amazonaws.com"),
        {**call_of_lambda("CreateFunction20150331"), "source": "aws.s3"},
    ],
    ids=json.dumps,
)
def test_no_other_call_is_a_hint(event: dict[str, Any]) -> None:
    assert not matches("FunctionRule", event)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((f"{what}_COMPLETE", True) for what in ("CREATE", "UPDATE", "DELETE", "ROLLBACK", "IMPORT")),
        ("UPDATE_ROLLBACK_COMPLETE", True),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", False),
        ("CREATE_IN_PROGRESS", False),
        ("DELETE_FAILED", False),
    ],
)
def test_the_end_of_a_change_of_a_stack_is_a_hint(status: str, expected: object) -> None:
    assert matches("StackRule", status_of_stack(status)) is expected


def test_every_rule_sends_to_the_queue_and_nobody_else_may() -> None:
    rules = {name for name, one in RESOURCES.items() if one["Type"] == "AWS::Events::Rule"}
    (statement,) = RESOURCES["HintQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]

    assert [rule(name)["Targets"] for name in rules] == [
        [{"Id": "hints", "Arn": {"Fn::GetAtt": ["HintQueue", "Arn"]}}]
    ] * 3
    allowed = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert sorted(one["Fn::GetAtt"][0] for one in allowed) == sorted(rules)
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}


def test_what_fails_is_put_aside() -> None:
    aside = {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}

    assert RESOURCES["HintQueue"]["Properties"]["RedrivePolicy"]["deadLetterTargetArn"] == aside
    assert REGISTRAR["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"] == aside


def test_a_hint_is_nobody_elses_while_it_is_worked_on() -> None:
    hints = REGISTRAR["Events"]["Hints"]["Properties"]
    gathering = PARAMETERS[hints["MaximumBatchingWindowInSeconds"]["Ref"]]

    queue = RESOURCES["HintQueue"]["Properties"]
    assert queue["VisibilityTimeout"] >= REGISTRAR["Timeout"] + gathering["MaxValue"]
    assert hints["ScalingConfig"] == {"MaximumConcurrency": 2}
    # Lambda takes more than ten at once only with a window.
    assert gathering["MinValue"] >= 1
