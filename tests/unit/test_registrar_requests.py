"""What CloudFormation asks is read whatever it lacks, and what it is answered fits into 4 KB."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloudmap_discovery.model import Instance
from cloudmap_discovery.registrar.requests import (
    MAX_ANSWER_BYTES,
    Outcome,
    Request,
    failure,
    is_request,
    meant_by,
    never_made_at,
    physical_id,
    read_request,
    success,
)
from tests.unit.records import instances

STACK = (
    "arn:aws:cloudformation:eu-central-1:123456789012:stack/users-prod/5a1c9e10-1f5c-11ee-a5a5-0a1b2c3d4e5f"
)
ID = "services/users/Production-0123456789abcdef0123"
EVENT: dict[str, Any] = {
    "RequestType": "Update",
    "ResponseURL": "https://responses.test/answer?signed=secret",
    "StackId": STACK,
    "RequestId": "b7d0c1d2",
    "ResourceType": "Custom::ServiceEndpoint",
    "LogicalResourceId": "Users",
    "PhysicalResourceId": ID,
    "ResourceProperties": {"ServiceToken": "arn", "Service": "users"},
    "OldResourceProperties": {"ServiceToken": "arn", "Service": "old"},
}
LEAST = {"RequestType": "Create", "ResponseURL": "https://responses.test/"}


def request(**changes: Any) -> Request:
    return read_request({**EVENT, **changes})


def test_a_request_is_known_by_its_type_and_where_to_answer() -> None:
    assert is_request(LEAST)
    assert not is_request({"RequestType": "Create"})
    assert not is_request({"ResponseURL": "https://responses.test/"})
    assert not is_request({"Records": []})


def test_a_request_is_read_whole() -> None:
    assert read_request(EVENT) == Request(
        kind="Update",
        resource_type="Custom::ServiceEndpoint",
        response_url="https://responses.test/answer?signed=secret",
        stack_id=STACK,
        request_id="b7d0c1d2",
        logical_id="Users",
        physical_id=ID,
        properties=EVENT["ResourceProperties"],
        old_properties=EVENT["OldResourceProperties"],
    )


@pytest.mark.parametrize(
    "event",
    [LEAST, {**LEAST, "ResourceProperties": None, "OldResourceProperties": [], "PhysicalResourceId": ""}],
)
def test_what_a_request_lacks_is_empty_so_that_it_can_be_answered(event: dict[str, Any]) -> None:
    found = read_request(event)

    assert found == Request(
        "Create", "Custom::ServiceEndpoint", "https://responses.test/", "", "", "", None, {}, {}
    )
    assert json.loads(failure(found, "why"))["Reason"] == "why"


@pytest.mark.parametrize(
    ("resource_type", "is_ours"),
    [
        ("Custom::ServiceEndpoint", True),
        ("AWS::CloudFormation::CustomResource", True),
        ("Custom::ServiceEndpoints", False),
        ("Custom::Other", False),
    ],
)
def test_resources_of_other_types_are_not_ours(resource_type: str, *, is_ours: bool) -> None:
    assert request(ResourceType=resource_type).is_ours is is_ours


@pytest.mark.parametrize(
    ("stack", "owner"),
    [
        (STACK, "cfn:123456789012:eu-central-1:users-prod"),
        (f"{STACK}0", "cfn:123456789012:eu-central-1:users-prod"),
        ("arn:aws-cn:cloudformation:cn-north-1:123456789012:stack/a/b", "cfn:123456789012:cn-north-1:a"),
        ("users-prod", "cfn:users-prod"),
        ("", "cfn:"),
    ],
)
def test_the_owner_is_the_stack_by_name_so_that_it_is_the_same_when_it_comes_again(
    stack: str, owner: str
) -> None:
    assert request(StackId=stack).owner == owner


def test_a_physical_id_holds_namespace_and_identity_and_no_endpoint() -> None:
    record = Instance("users", "https://users.test", "Production", version="1.0.0")

    assert physical_id("services", record.service, record.id) == f"services/users/{record.id}"


namespaces = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
services = st.from_regex(r"[a-z0-9_]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z0-9]{1,9})?", fullmatch=True)


@given(namespaces, services.flatmap(instances))
@example("team/a/services", Instance("users", "-", "a-b.c"))
@example("/", Instance("users", "-"))
def test_a_physical_id_is_read_as_what_it_was_made_of(namespace: str, record: Instance) -> None:
    meant = meant_by(physical_id(namespace, record.service, record.id))

    assert meant is not None
    assert meant[0] == namespace
    found = meant[1]
    assert (found.service, found.stage, found.id) == (record.service, record.stage, record.id)


@pytest.mark.parametrize(
    "physical",
    [
        None,
        "",
        "users-prod-Users-1ABCDEF",
        "not-registered/Users/b7d0",
        "2026/01/02/[$LATEST]0123456789abcdef0123456789abcdef",
        "services/users/Production",
        "services/users/0123456789abcdef0123",
        "services/users/Production-0123456789ABCDEF0123",
        "services/users/Production-0123456789abcdef012",
        "users/Production-0123456789abcdef0123",
        "/users/Production-0123456789abcdef0123",
        f"services/users/{'s' * 41}-0123456789abcdef0123",
    ],
)
def test_an_id_that_is_not_ours_means_no_record(physical: str | None) -> None:
    assert meant_by(physical) is None


def test_a_success_says_what_is_there_and_what_getatt_returns() -> None:
    outcome = Outcome(ID, {"InstanceId": "i", "ServiceArn": "arn"})

    assert json.loads(success(request(), outcome)) == {
        "Status": "SUCCESS",
        "PhysicalResourceId": ID,
        "StackId": STACK,
        "RequestId": "b7d0c1d2",
        "LogicalResourceId": "Users",
        "Data": {"InstanceId": "i", "ServiceArn": "arn"},
    }


def test_a_success_may_have_something_to_say() -> None:
    assert json.loads(success(request(), Outcome(ID, {}, "the record stays")))["Reason"] == "the record stays"


def test_a_failure_names_the_resource_as_it_was_before() -> None:
    assert json.loads(failure(request(), "Weight is 'x': …")) == {
        "Status": "FAILED",
        "PhysicalResourceId": ID,
        "StackId": STACK,
        "RequestId": "b7d0c1d2",
        "LogicalResourceId": "Users",
        "Reason": "Weight is 'x': …",
    }


def test_a_failed_create_names_a_resource_that_means_no_record() -> None:
    answer = json.loads(failure(request(RequestType="Create", PhysicalResourceId=None), "why"))

    assert answer["PhysicalResourceId"] == "not-registered/Users/b7d0c1d2"
    assert meant_by(answer["PhysicalResourceId"]) is None


def test_a_failed_create_says_when_it_was_asked_for() -> None:
    url = "https://answers.test/a?X-Amz-Date=20260102T030405Z"
    answer = json.loads(
        failure(request(RequestType="Create", PhysicalResourceId=None, ResponseURL=url), "why")
    )

    assert never_made_at(answer["PhysicalResourceId"]) == 1_767_323_045
    assert meant_by(answer["PhysicalResourceId"]) is None
    assert never_made_at("not-registered/Users/b7d0c1d2") is None
    assert never_made_at("services/users/Production-0123456789abcdef0123") is None


def test_a_long_reason_is_cut() -> None:
    reason = json.loads(failure(request(), "a" * 1501))["Reason"]

    assert reason == "a" * 1499 + "…"


def test_a_reason_is_cut_further_where_it_takes_more_than_a_byte_a_character() -> None:
    body = failure(request(), "\N{SNOWMAN}" * 1500)

    assert len(body) <= MAX_ANSWER_BYTES
    assert json.loads(body)["Reason"].rstrip("…") == "\N{SNOWMAN}" * 375


def test_data_goes_before_an_answer_is_too_long() -> None:
    answer = json.loads(success(request(), Outcome(ID, {"Endpoint": "x" * MAX_ANSWER_BYTES}, "a note")))

    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", ID)
    assert "Data" not in answer


def test_a_note_gives_way_to_data() -> None:
    data = {"Endpoint": "x" * 3000}

    answer = json.loads(success(request(), Outcome(ID, data, "n" * 1500)))

    assert answer["Data"] == data
    assert answer["Reason"].startswith("n" * 100)


def test_an_answer_of_ids_that_are_too_long_is_sent_as_it_is() -> None:
    answer = json.loads(failure(request(LogicalResourceId="l" * MAX_ANSWER_BYTES), "why"))

    assert answer["LogicalResourceId"] == "l" * MAX_ANSWER_BYTES


texts = st.text(max_size=30) | st.sampled_from(
    ['"', "\\", "\n", "\x7f", "ä", "\N{SNOWMAN}", "\N{PILE OF POO}", "\ud800"]
)
long_texts = st.builds(lambda text, times: text * times, texts, st.integers(0, 3000))


@given(long_texts)
def test_a_failure_fits_whatever_its_reason(reason: str) -> None:
    body = failure(request(), reason)

    assert len(body) <= MAX_ANSWER_BYTES
    assert json.loads(body)["Status"] == "FAILED"


@given(st.dictionaries(texts, long_texts, max_size=4), long_texts)
@example({"Endpoint": "x" * MAX_ANSWER_BYTES}, "ab")
@example({"Endpoint": "x" * MAX_ANSWER_BYTES}, "")
def test_a_success_fits_whatever_its_data_and_note(data: dict[str, str], note: str) -> None:
    body = success(request(), Outcome(ID, data, note))

    assert len(body) <= MAX_ANSWER_BYTES
    answer = json.loads(body)
    assert answer["PhysicalResourceId"] == ID
    assert answer.get("Data", data) == data
