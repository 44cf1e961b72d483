"""Ministack sends the events that AWS sends by itself, so that what waits for them can be tried."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.deployment.functions import create
from tests.deployment.stacks import Stacks, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.deployment.ministack import Ministack

PARAMETER = "Resources: {Parameter: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: x}}}"


@pytest.fixture
def events(ministack: Ministack) -> Iterator[Callable[..., list[dict[str, Any]]]]:
    """Yield `events(source, count)`, which waits for so many events of a source and returns them."""
    queues, rules = ministack.client("sqs"), ministack.client("events")
    name = f"events-{uuid4().hex[:8]}"
    url = queues.create_queue(QueueName=name)["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rules.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.lambda", "aws.cloudformation"]}))
    rules.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    received: list[dict[str, Any]] = []

    def wait(source: str, count: int) -> list[dict[str, Any]]:
        def enough() -> list[dict[str, Any]] | None:
            messages = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ())
            received.extend(json.loads(message["Body"]) for message in messages)
            of_source = [one for one in received if one["source"] == source]
            return of_source if len(of_source) >= count else None

        return until(enough, what=f"{count} events of {source}")

    yield wait
    rules.remove_targets(Rule=name, Ids=["queue"])
    rules.delete_rule(Name=name)
    queues.delete_queue(QueueUrl=url)


def test_a_stack_says_how_it_is(ministack: Ministack, events: Callable[..., list[dict[str, Any]]]) -> None:
    stacks = Stacks(ministack.client("cloudformation"))
    name = f"stack-{uuid4().hex[:8]}"

    stacks.create(name, PARAMETER)
    stacks.update(name, PARAMETER.replace("Value: x", "Value: y"))
    stacks.delete(name)

    sent = events("aws.cloudformation", 6)
    assert {one["detail-type"] for one in sent} == {"CloudFormation Stack Status Change"}
    assert all(f":stack/{name}/" in one["detail"]["stack-id"] for one in sent)
    statuses = [one["detail"]["status-details"]["status"] for one in sent]
    assert sorted(statuses) == [
        *("CREATE_COMPLETE", "CREATE_IN_PROGRESS", "DELETE_COMPLETE", "DELETE_IN_PROGRESS"),
        *("UPDATE_COMPLETE", "UPDATE_IN_PROGRESS"),
    ]


def test_calls_that_change_where_a_function_is_reached_are_said(
    ministack: Ministack, events: Callable[..., list[dict[str, Any]]]
) -> None:
    functions = ministack.client("lambda")

    arn = create(ministack)
    name = arn.rpartition(":")[2]
    functions.tag_resource(Resource=arn, Tags={"discovery:service": "said"})
    functions.untag_resource(Resource=arn, TagKeys=["discovery:service"])
    functions.create_function_url_config(FunctionName=name, AuthType="NONE")
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="$LATEST")
    functions.delete_alias(FunctionName=name, Name="live")
    functions.delete_function(FunctionName=name)

    sent = events("aws.lambda", 7)
    assert {one["detail-type"] for one in sent} == {"AWS API Call via CloudTrail"}
    said = {one["detail"]["eventName"]: one["detail"] for one in sent}
    assert sorted(said) == [
        *("CreateAlias20150331", "CreateFunction20150331", "CreateFunctionUrlConfig", "DeleteAlias20150331"),
        *("DeleteFunction20150331", "TagResource20170331v2", "UntagResource20170331v2"),
    ]
    assert said["CreateFunction20150331"]["responseElements"]["functionArn"] == arn
    assert said["DeleteFunction20150331"]["requestParameters"]["functionName"] == name
    assert said["TagResource20170331v2"]["requestParameters"]["resource"] == arn


def test_a_call_that_failed_is_not_said(
    ministack: Ministack, events: Callable[..., list[dict[str, Any]]]
) -> None:
    functions = ministack.client("lambda")

    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.delete_function(FunctionName="nobody")
    functions.tag_resource(Resource=create(ministack), Tags={"a": "b"})

    assert "DeleteFunction20150331" not in {one["detail"]["eventName"] for one in events("aws.lambda", 2)}
