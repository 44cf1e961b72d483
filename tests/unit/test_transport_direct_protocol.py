"""What the direct transport sends and reads, held to AWS's own service models and to the SDK's reader of them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import botocore.parsers
import botocore.serialize
import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmap_discovery.transport.direct_protocol import (
    SERVICES,
    Answered,
    JsonProtocol,
    Refused,
    Unreadable,
)
from cloudmap_discovery.transport.errors import plain
from cloudmap_discovery.transport.sdk_answers import StrictParserFactory
from cloudmap_discovery.transport.sdk_errors import UnreadableAnswerError

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

SESSION = botocore.session.get_session()
MODELS = {service: SESSION.get_service_model(service) for service in SERVICES}


def operations() -> list[tuple[str, str]]:
    return [(service, name) for service, model in MODELS.items() for name in model.operation_names]


OPERATIONS = [(service, operation) for service, operation in operations() if SERVICES[service].can(operation)]


def model_of(service: str, operation: str) -> OperationModel:
    return MODELS[service].operation_model(operation)


def table_of(service: str) -> JsonProtocol:
    protocol = SERVICES[service]
    assert isinstance(protocol, JsonProtocol)
    return protocol


def read(
    service: str, operation: str, document: Any, *, status: int = 200, **headers: str
) -> Answered | Refused | Unreadable:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return SERVICES[service].read(operation, status, named, json.dumps(document).encode())


def instances(document: Any) -> Answered | Refused | Unreadable:
    return read("servicediscovery", "DiscoverInstances", document)


# The table against the models


def test_what_discovery_and_registration_call_is_there() -> None:
    assert {operation for service, operation in OPERATIONS if service == "servicediscovery"} == {
        "CreateHttpNamespace",
        "CreateService",
        "DeleteService",
        "DeregisterInstance",
        "DiscoverInstances",
        "GetInstance",
        "GetNamespace",
        "GetOperation",
        "GetService",
        "ListInstances",
        "ListNamespaces",
        "ListServices",
        "ListTagsForResource",
        "RegisterInstance",
        "TagResource",
        "UntagResource",
    }
    assert {operation for service, operation in OPERATIONS if service == "ssm"} == {
        "DeleteParameter",
        "DeleteParameters",
        "GetParameter",
        "GetParameters",
        "GetParametersByPath",
        "PutParameter",
    }


def fits(table: Any, shape: Shape) -> bool:
    """Return whether everything that the table says of a shape is so in the model."""
    shape_of: Any = shape
    match shape.type_name:
        case "string":
            return table is str
        case "integer" | "long":
            return table is int
        case "list":
            return isinstance(table, list) and fits(table[0], shape_of.member)
        case "map":
            return isinstance(table, dict) and set(table) == {str} and fits(table[str], shape_of.value)
        case "structure":
            return isinstance(table, dict) and all(
                name in shape_of.members and fits(inner, shape_of.members[name])
                for name, inner in table.items()
            )
        case _:
            return False


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_the_shapes_that_results_are_held_to_are_those_of_the_model(service: str, operation: str) -> None:
    model = model_of(service, operation)

    table = table_of(service)._results[operation]

    assert model.output_shape is not None
    assert fits(table, model.output_shape)
    assert set(table) == set(model.output_shape.members)


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_no_operation_has_what_json_cannot_carry(service: str, operation: str) -> None:
    model = model_of(service, operation)
    shapes = [model.input_shape, model.output_shape]
    seen: set[str] = set()
    while shapes:
        shape: Any = shapes.pop()
        if shape.name in seen:
            continue
        seen.add(shape.name)
        assert shape.type_name != "blob"
        inner = getattr(shape, "members", {}).values()
        shapes += [*inner, *(getattr(shape, name) for name in ("member", "value") if hasattr(shape, name))]


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_a_request_is_what_the_sdk_would_send(service: str, operation: str) -> None:
    model: Any = model_of(service, operation)
    params: dict[str, Any] = {"MaxResults": 1000} if "MaxResults" in model.input_shape.members else {}
    params |= dict.fromkeys(model.idempotent_members, "a-token")
    wanted: Any = botocore.serialize.create_serializer("json", include_validation=False)
    expected = wanted.serialize_to_request(params, model)

    request = SERVICES[service].request(operation, params)

    assert (request.method, request.path) == (expected["method"], expected["url_path"])
    assert request.body == expected["body"]
    assert request.headers == {name.lower(): text for name, text in expected["headers"].items()}


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_what_makes_an_operation_idempotent_is_filled_in_as_the_sdk_does(
    service: str, operation: str
) -> None:
    params: dict[str, Any] = {}

    first, second = (json.loads(SERVICES[service].request(operation, params).body) for _ in range(2))

    assert set(first) == set(model_of(service, operation).idempotent_members)
    assert all(UUID(token).version == 4 for token in first.values())
    assert not first or first != second
    assert params == {}


# Results against the SDK's reader


def documents(shape: Shape | None) -> st.SearchStrategy[Any]:
    """Return documents of a shape as AWS sends them, but for timestamps; members may be absent or null."""
    shape_of: Any = shape
    match shape_of.type_name:
        case "string":
            return st.text(max_size=5)
        case "integer" | "long":
            return st.integers(0, 2**40)
        case "boolean":
            return st.booleans()
        case "list":
            return st.lists(documents(shape_of.member), max_size=2)
        case "map":
            return st.dictionaries(st.text(max_size=5), documents(shape_of.value), max_size=2)
        case "structure":
            members = {
                name: st.none() | documents(member)
                for name, member in shape_of.members.items()
                if member.type_name != "timestamp"
            }
            return st.fixed_dictionaries({}, optional=members)
        case _:
            raise AssertionError(shape_of.type_name)


def sdk_result(service: str, operation: str, document: Any) -> Any:
    parser: Any = botocore.parsers.create_parser("json")
    response = {"status_code": 200, "headers": {}, "body": json.dumps(document).encode()}
    result = parser.parse(response, model_of(service, operation).output_shape)
    del result["ResponseMetadata"]
    return result


def without_nulls(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: without_nulls(item) for name, item in found.items() if item is not None}
    return [without_nulls(item) for item in found] if isinstance(found, list) else found


@given(st.data())
@settings(max_examples=200)
def test_results_are_those_of_the_sdk(data: st.DataObject) -> None:
    service, operation = data.draw(st.sampled_from(OPERATIONS))
    shape = model_of(service, operation).output_shape
    document = data.draw(documents(shape))

    said = read(service, operation, document)

    assert isinstance(said, Answered)
    # Nulls in members that the table does not name stay; nothing reads those.
    assert without_nulls(said.result) == sdk_result(service, operation, document)


def sdk_refuses(service: str, operation: str, body: bytes) -> bool:
    parser = StrictParserFactory().create_parser("json")
    response = {"status_code": 200, "headers": {}, "body": body}
    try:
        asyncio.run(parser.parse(response, model_of(service, operation).output_shape))
    except UnreadableAnswerError:
        return True
    return False


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
NAMES = st.sampled_from(["Instances", "Attributes", "Parameters", "Operation", "error", "message"])
NONSENSE = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2)
)


@given(
    st.sampled_from(OPERATIONS),
    NONSENSE.map(lambda found: json.dumps(found).encode()) | st.binary(max_size=9),
)
@settings(max_examples=200)
def test_what_the_sdk_s_reader_refuses_is_refused(operation: tuple[str, str], body: bytes) -> None:
    service, name = operation

    said = SERVICES[service].read(name, 200, {}, body)

    assert isinstance(said, Answered) <= (not sdk_refuses(service, name, body))


@pytest.mark.parametrize(
    "document",
    [
        {"Instances": 5},
        {"Instances": [5]},
        {"Instances": [None]},
        {"Instances": {"a": "b"}},
        {"Instances": [{"InstanceId": 5}]},
        {"Instances": [{"Attributes": ["stage"]}]},
        {"Instances": [{"Attributes": {"stage": 5}}]},
        {"InstancesRevision": "5"},
        {"instances": []},
        {"status": "ok"},
        [],
        "Instances",
        None,
    ],
)
def test_json_that_is_not_of_the_service_is_unreadable(document: Any) -> None:
    assert isinstance(instances(document), Unreadable)


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"Instances": []', b"\xff", b"\xef\xbb\xbf{}", b"[" * 100_000, b"<html>"]
)
@pytest.mark.parametrize("status", [200, 400, 503])
def test_what_is_no_json_is_unreadable(status: int, body: bytes) -> None:
    said = SERVICES["servicediscovery"].read("DiscoverInstances", status, {}, body)

    assert isinstance(said, Unreadable)


def test_members_that_are_null_are_left_out_and_unknown_ones_stay() -> None:
    document = {"Instances": [{"InstanceId": "1", "Attributes": None, "New": [1]}], "InstancesRevision": None}

    assert instances(document) == Answered({"Instances": [{"InstanceId": "1", "New": [1]}]})


def test_an_operation_without_results_takes_any_document() -> None:
    assert read("ssm", "DeleteParameter", {}) == Answered({})
    assert read("ssm", "DeleteParameter", {"New": 1}) == Answered({"New": 1})
    assert read("ssm", "DeleteParameter", []) == Unreadable()


# Errors

CODES = st.sampled_from(
    [
        "ServiceNotFound",
        "com.amazonaws.servicediscovery#ServiceNotFound",
        "ServiceNotFound:http://internal.amazon.com/coral/com.amazonaws.coral.service/",
        "aws.protocoltests#FooError:http://x#y",
    ]
)
QUERY_ERRORS = st.sampled_from(["AWS.Simple.Old;Sender", ";Sender", "AWS.Simple.Old"])
ERRORS = st.fixed_dictionaries(
    {},
    optional={
        "__type": CODES,
        "message": st.text(max_size=5),
        "Message": st.text(max_size=5),
        "DuplicateOperationId": st.text(max_size=5),
    },
)


@given(ERRORS, st.sampled_from([400, 403, 429, 500]), st.none() | QUERY_ERRORS)
def test_code_and_message_of_an_error_are_those_of_the_sdk(
    document: dict[str, str], status: int, query_error: str | None
) -> None:
    headers = {} if query_error is None else {"x-amzn-query-error": query_error}
    body = json.dumps(document).encode()
    parser: Any = botocore.parsers.create_parser("json")
    response = {"status_code": status, "headers": headers, "body": body}
    expected = parser.parse(response, None)["Error"]

    said = SERVICES["servicediscovery"].read("RegisterInstance", status, headers, body)

    assert isinstance(said, Refused)
    assert (plain(said.code), said.message) == (
        expected["Code"],
        expected["Message"] or document.get("Message", ""),
    )


def test_what_an_error_carries_beside_code_and_message_is_kept() -> None:
    document = {"__type": "DuplicateRequest", "Message": "again", "DuplicateOperationId": "op-1"}

    said = read("servicediscovery", "RegisterInstance", document, status=400)

    assert said == Refused("DuplicateRequest", "again", {"DuplicateOperationId": "op-1"})


def test_a_code_may_come_in_a_header() -> None:
    said = read(
        "ssm", "GetParameters", {"message": "no"}, status=400, x_amzn_errortype="InternalFailure:http"
    )

    assert isinstance(said, Refused)
    assert plain(said.code) == "InternalFailure"


def test_an_error_without_code_has_the_status_for_one() -> None:
    assert read("ssm", "GetParameters", {}, status=403) == Refused("403", "", {})


@pytest.mark.parametrize("code", [5, ["a"], {"a": "b"}])
def test_an_error_whose_code_is_no_text_is_unreadable(code: Any) -> None:
    assert read("ssm", "GetParameters", {"__type": code}, status=400) == Unreadable()


def test_a_redirect_is_no_result() -> None:
    assert isinstance(read("ssm", "GetParameters", {"Parameters": []}, status=302), Refused)
