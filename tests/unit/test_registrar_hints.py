"""An event is a hint at functions to look at; whatever it holds, it is no more than that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.registrar.hints import Hints, read_hints
from cloudmap_discovery.registrar.permits import Home
from tests.unit.fake_functions import ACCOUNT, REGION, arn_of
from tests.unit.records import deepest_readable

HOME = Home(ACCOUNT, REGION)
USERS, ORDERS = arn_of("users"), arn_of("orders")
SCHEDULED = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": ACCOUNT,
    "time": "2026-01-02T03:04:05Z",
    "region": REGION,
    "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/registrar"],
    "detail": {},
}


def trailed(name: str, parameters: Any, response: Any = None, **more: Any) -> dict[str, Any]:
    """Return a call of Lambda's as CloudTrail has it, as EventBridge hands it on."""
    return {
        "version": "0",
        "id": "8a9b2f1e-0c8a-4d0e-a3a5-54d1b7a4f0aa",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.lambda",
        "account": ACCOUNT,
        "time": "2026-01-02T03:04:05Z",
        "region": REGION,
        "resources": [],
        "detail": {
            "eventVersion": "1.08",
            "userIdentity": {"type": "AssumedRole", "accountId": ACCOUNT},
            "eventTime": "2026-01-02T03:04:05Z",
            "eventSource": "lambda.amazonaws.com",
            "eventName": name,
            "awsRegion": REGION,
            "sourceIPAddress": "cloudformation.amazonaws.com",
            "requestParameters": parameters,
            "responseElements": response,
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": ACCOUNT,
            **more,
        },
    }


def queued(*bodies: str) -> dict[str, Any]:
    """Return messages as a queue hands them to a function."""
    return {
        "Records": [
            {
                "messageId": f"059f36b4-{number}",
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:hints",
                "awsRegion": REGION,
            }
            for number, body in enumerate(bodies)
        ]
    }


CREATED = trailed(
    "CreateFunction20150331",
    {"functionName": "users", "runtime": "python3.13", "tags": {"discovery:service": "users"}},
    {"functionName": "users", "functionArn": USERS, "version": "$LATEST", "state": "Pending"},
)


@pytest.mark.parametrize(
    "event",
    [
        CREATED,
        trailed("CreateFunction20150331", {"functionName": USERS}, {"functionArn": USERS}),
        trailed("CreateFunction20150331", {}, {"functionArn": USERS}),
        trailed("DeleteFunction20150331", {"functionName": "users"}),
        trailed("DeleteFunction20150331", {"functionName": USERS}),
        trailed("DeleteFunction20150331", {"functionName": f"{USERS}:7"}),
        trailed("DeleteFunction20150331", {"functionName": f"{ACCOUNT}:function:users", "qualifier": "7"}),
        trailed("TagResource20170331v2", {"resource": USERS, "tags": {"discovery:service": "users"}}),
        trailed("UntagResource20170331v2", {"resource": USERS, "tagKeys": ["discovery:service"]}),
        trailed(
            "CreateAlias20150331",
            {"functionName": "users", "name": "live", "functionVersion": "7"},
            {"aliasArn": f"{USERS}:live", "name": "live", "functionVersion": "7"},
        ),
        trailed("UpdateAlias20150331", {"functionName": USERS, "name": "live"}),
        trailed("DeleteAlias20150331", {"functionName": USERS, "name": "live"}),
        trailed(
            "CreateFunctionUrlConfig",
            {"functionName": USERS, "authType": "NONE"},
            {"functionUrl": "https://abc.lambda-url.test/", "functionArn": USERS, "authType": "NONE"},
        ),
        trailed("DeleteFunctionUrlConfig", {"functionName": "users"}),
    ],
)
def test_a_call_that_changed_a_function_hints_at_it(event: dict[str, Any]) -> None:
    hints = read_hints(event, HOME)

    assert hints == Hints(frozenset({USERS}), triggers=(event["detail"]["eventName"],))


@pytest.mark.parametrize(
    "reference",
    [
        arn_of("users", account="210987654321"),
        arn_of("users", region="us-east-1"),
        "210987654321:function:users",
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:91eaeb7e",
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:code-signing-config:csc-0f6c",
        "",
        None,
        17,
        {"functionName": "users"},
        ["users"],
    ],
)
def test_what_is_no_function_of_this_account_and_region_is_no_hint(reference: Any) -> None:
    parameters = {"functionName": reference, "resource": reference}

    hints = read_hints(trailed("TagResource20170331v2", parameters, {"functionArn": reference}), HOME)

    assert hints == Hints(triggers=("TagResource20170331v2",))


@pytest.mark.parametrize("none", [None, "HIDDEN_DUE_TO_SECURITY_REASONS", [], 0, {}])
def test_a_call_without_parameters_is_a_hint_at_nothing(none: Any) -> None:
    assert read_hints(trailed("DeleteFunction20150331", none, none), HOME).functions == frozenset()


def test_a_stack_that_has_changed_is_a_reason_to_run() -> None:
    event = {
        "detail-type": "CloudFormation Stack Status Change",
        "source": "aws.cloudformation",
        "detail": {
            "stack-id": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/users/5a1c",
            "status-details": {"status": "UPDATE_COMPLETE", "status-reason": ""},
        },
    }

    assert read_hints(event, HOME) == Hints(triggers=("CloudFormation Stack Status Change",))


def test_the_schedule_asks_for_more_than_events_do() -> None:
    assert read_hints(SCHEDULED, HOME) == Hints(scheduled=True, triggers=("Scheduled Event",))


def test_a_batch_of_a_queue_hints_at_all_that_its_messages_do_once() -> None:
    deleted = trailed("DeleteFunction20150331", {"functionName": "orders"})
    batch = queued(*map(json.dumps, [CREATED, SCHEDULED, deleted, CREATED]))

    hints = read_hints(batch, HOME)

    assert hints.functions == {USERS, ORDERS}
    assert hints.scheduled
    assert hints.triggers == ("CreateFunction20150331", "Scheduled Event", "DeleteFunction20150331")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "hello",
        "null",
        "[]",
        '"users"',
        "7",
        "NaN",
        "1" * 5000,
        '{"detail": null}',
        '{"detail": "users", "detail-type": null}',
        '{"detail": {"eventName": null}}',
        '{"detail-type": ["Scheduled Event"]}',
        "[" * (deepest_readable() + 1),
    ],
)
def test_a_message_that_nobody_understands_is_passed_over_and_the_others_count(body: str) -> None:
    hints = read_hints(queued(body, json.dumps(CREATED)), HOME)

    assert hints.functions == {USERS}
    assert not hints.scheduled
    assert "CreateFunction20150331" in hints.triggers


@pytest.mark.parametrize("record", [None, 7, "body", [], {}, {"body": None}, {"body": {"detail": {}}}])
def test_a_record_that_is_no_message_of_a_queue_is_passed_over(record: Any) -> None:
    assert read_hints({"Records": [record]}, HOME) == Hints(triggers=("unknown",))


@pytest.mark.parametrize("event", [{}, {"Records": None}, {"Records": "none"}, {"detail": []}])
def test_an_event_that_says_nothing_is_a_reason_to_run_all_the_same(event: dict[str, Any]) -> None:
    assert read_hints(event, HOME) == Hints(triggers=("unknown",))


def test_an_empty_batch_has_no_trigger() -> None:
    assert read_hints({"Records": []}, HOME) == Hints()


def test_a_trigger_is_a_short_text_whatever_the_event_says() -> None:
    (long,) = read_hints({"detail": {"eventName": "x" * 100_000}}, HOME).triggers

    assert long == "x" * 100
    assert read_hints({"detail": {"eventName": {"a": 1}}, "detail-type": "Test"}, HOME).triggers == ("Test",)


references = st.sampled_from(
    [USERS, "users", f"{USERS}:live", arn_of("users", account="210987654321"), "", None]
)
scalars = references | st.text(max_size=20) | st.integers() | st.floats() | st.booleans() | st.none()
NAMES = "Records body detail detail-type eventName requestParameters responseElements functionName functionArn resource"
names = st.sampled_from(NAMES.split())
json_values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4) | inner.map(json.dumps)
    ),
    max_leaves=15,
)


@given(st.dictionaries(names, json_values))
def test_no_event_is_an_error_and_every_hint_is_at_a_function_here(event: dict[str, Any]) -> None:
    hints = read_hints(event, HOME)

    assert all(HOME.function(function) == function for function in hints.functions)
    assert all(hints.triggers)


@given(st.lists(json_values.map(json.dumps), max_size=4))
def test_no_message_of_a_queue_is_an_error_and_one_that_is_understood_counts(bodies: list[str]) -> None:
    hints = read_hints(queued(*bodies, json.dumps(CREATED)), HOME)

    assert USERS in hints.functions
