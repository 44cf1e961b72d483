"""Ministack's custom resources live as CloudFormation's do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.deployment.stacks import Stacks, until

if TYPE_CHECKING:
    from tests.deployment.ministack import Ministack

TEMPLATE = """
Parameters:
  Color: {Type: String}
Resources:
  Provider:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: !Ref AWS::StackName
      Runtime: python3.13
      Handler: index.handler
      Role: arn:aws:iam::123456789012:role/any
      Timeout: 60
      Code:
        ZipFile: |
          import json
          from urllib.request import Request, urlopen

          def handler(event, context):
              print("ASKED", json.dumps(event))
              color = event["ResourceProperties"]["Color"]
              refused = color == "red" and event["RequestType"] != "Delete"
              answer = {
                  "Status": "FAILED" if refused else "SUCCESS",
                  "Reason": "no red",
                  "PhysicalResourceId": f"paint-{color}",
                  "Data": {"Color": color},
              }
              answer |= {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
              request = Request(event["ResponseURL"], json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT")
              urlopen(request).close()
  Paint:
    Type: Custom::Paint
    Properties: {ServiceToken: !GetAtt Provider.Arn, Color: !Ref Color, Coats: 2, Shiny: true}
Outputs:
  color: {Value: !GetAtt Paint.Color}
"""


class Provider:
    """The function behind the custom resource of one stack, and what it was asked."""

    def __init__(self, ministack: Ministack) -> None:
        self.stacks = Stacks(ministack.client("cloudformation"))
        self.name = f"paint-{uuid4().hex[:8]}"
        self._logs = ministack.client("logs")

    def asked(self, count: int) -> list[dict[str, Any]]:
        """Wait until it was asked so often."""
        return until(lambda: self._enough(count), what=f"{count} requests")

    def _enough(self, count: int) -> list[dict[str, Any]] | None:
        events = self._logs.filter_log_events(logGroupName=f"/aws/lambda/{self.name}")["events"]
        messages = [one["message"] for one in events if one["message"].startswith("ASKED ")]
        return (
            [json.loads(one.removeprefix("ASKED ")) for one in messages] if len(messages) >= count else None
        )


@pytest.fixture
def provider(ministack: Ministack) -> Provider:
    return Provider(ministack)


def kinds(asked: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(one["RequestType"], one.get("PhysicalResourceId")) for one in asked]


def test_a_replaced_resource_is_deleted_after_the_update(provider: Provider) -> None:
    provider.stacks.create(provider.name, TEMPLATE, Color="blue")
    outputs = provider.stacks.outputs(provider.name)
    provider.stacks.update(provider.name, TEMPLATE, Color="green")
    provider.stacks.delete(provider.name)

    assert outputs == {"color": "blue"}
    assert kinds(provider.asked(4)) == [
        ("Create", None),
        ("Update", "paint-blue"),
        ("Delete", "paint-blue"),
        ("Delete", "paint-green"),
    ]


def test_every_scalar_arrives_as_text(provider: Provider) -> None:
    provider.stacks.create(provider.name, TEMPLATE, Color="blue")

    (asked,) = provider.asked(1)
    assert asked["ResourceProperties"] | {"ServiceToken": ""} == {
        "ServiceToken": "",
        "Color": "blue",
        "Coats": "2",
        "Shiny": "true",
    }


def test_a_failed_update_is_updated_back(provider: Provider) -> None:
    provider.stacks.create(provider.name, TEMPLATE, Color="blue")
    provider.stacks.update(provider.name, TEMPLATE, "UPDATE_ROLLBACK_COMPLETE", Color="red")

    asked = provider.asked(3)
    assert kinds(asked) == [("Create", None), ("Update", "paint-blue"), ("Update", "paint-blue")]
    assert asked[-1]["ResourceProperties"]["Color"] == "blue"
    assert asked[-1]["OldResourceProperties"]["Color"] == "red"


def test_a_failed_create_is_deleted(provider: Provider) -> None:
    provider.stacks.create(provider.name, TEMPLATE, ends_as="ROLLBACK_COMPLETE", Color="red")

    assert kinds(provider.asked(2)) == [("Create", None), ("Delete", "paint-red")]
    assert "Paint CREATE_FAILED no red" in provider.stacks.events(provider.name)
