"""What is read of Lambda, API Gateway and the tagging API without the SDK: what the SDK reads, and no nonsense."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

import botocore.parsers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmap_discovery.transport.direct_protocol import Answered, JsonProtocol, Refused, Unreadable
from cloudmap_discovery.transport.errors import plain
from cloudmap_discovery.transport.sdk_answers import StrictParserFactory
from cloudmap_discovery.transport.sdk_errors import UnreadableAnswerError
from tests.unit.rest_bed import OPERATIONS, REST, model_of, speaking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import Shape


def read(
    service: str, operation: str, document: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answered | Refused | Unreadable:
    return speaking(service).read(operation, status, headers or {}, json.dumps(document).encode())


# Results


def fits(table: Any, shape: Shape) -> bool:
    """Return whether everything that the table says of a shape is so in the model, by the names on the wire."""
    shape_of: Any = shape
    match shape.type_name:
        case "string":
            return table is str
        case "list":
            return isinstance(table, list) and fits(table[0], shape_of.member)
        case "map":
            return isinstance(table, dict) and set(table) == {str} and fits(table[str], shape_of.value)
        case "structure":
            members = {
                member.serialization.get("name", name): member for name, member in shape_of.members.items()
            }
            return isinstance(table, dict) and all(
                name in members and fits(inner, members[name]) for name, inner in table.items()
            )
        case _:
            return False


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_the_shapes_that_results_are_held_to_are_those_of_the_model(service: str, operation: str) -> None:
    protocol = speaking(service)
    assert isinstance(protocol, JsonProtocol)
    shape = model_of(service, operation).output_shape

    assert shape is not None
    assert fits(protocol._results[operation], shape)


LEAVES_OF: Final[dict[str, st.SearchStrategy[Any]]] = {
    "boolean": st.booleans(),
    "double": st.just(0.5),
    "integer": st.integers(0, 2**40),
    "long": st.integers(0, 2**40),
    "string": st.text(max_size=5),
}


def documents(shape: Shape | None) -> st.SearchStrategy[Any]:
    """Return documents of a shape as AWS sends them, but for timestamps; members may be absent or null."""
    shape_of: Any = shape
    if shape_of.type_name in LEAVES_OF:
        return LEAVES_OF[shape_of.type_name]
    match shape_of.type_name:
        case "list":
            return st.lists(documents(shape_of.member), max_size=2)
        case "map":
            return st.dictionaries(st.text(max_size=5), documents(shape_of.value), max_size=2)
        case "structure":
            members = {
                member.serialization.get("name", name): st.none() | documents(member)
                for name, member in shape_of.members.items()
                # What the members of a member are called, nothing here changes: API Gateway's CORS have small letters.
                if member.type_name not in {"timestamp", "blob"} and name != "CorsConfiguration"
            }
            return st.fixed_dictionaries({}, optional=members)
        case _:
            raise AssertionError(shape_of.type_name)


DOCUMENTS: Final = {
    (service, operation): documents(model_of(service, operation).output_shape)
    for service, operation in OPERATIONS
}


def protocol_name(service: str) -> str:
    return "rest-json" if service in REST else "json"


def sdk_result(service: str, operation: str, document: Any) -> Any:
    parser: Any = botocore.parsers.create_parser(protocol_name(service))
    response = {"status_code": 200, "headers": {}, "body": json.dumps(document).encode()}
    result = parser.parse(response, model_of(service, operation).output_shape)
    del result["ResponseMetadata"]
    return result


def without_nulls(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: without_nulls(item) for name, item in found.items() if item is not None}
    return [without_nulls(item) for item in found] if isinstance(found, list) else found


def is_ours(service: str, operation: str, document: Mapping[str, Any]) -> bool:
    """Return whether a document has a member that tells it from some other server's."""
    protocol = speaking(service)
    assert isinstance(protocol, JsonProtocol)
    return not document or not document.keys().isdisjoint(protocol._results[operation])


@given(st.data())
@settings(max_examples=200)
def test_results_are_those_of_the_sdk(data: st.DataObject) -> None:
    service, operation = data.draw(st.sampled_from(OPERATIONS))
    document = data.draw(DOCUMENTS[service, operation])

    said = read(service, operation, document)

    if is_ours(service, operation, document):
        assert isinstance(said, Answered)
        # Nulls in members that the table does not name stay; nothing reads those.
        assert without_nulls(said.result) == sdk_result(service, operation, document)
    else:
        assert said == Unreadable()


def test_names_begin_with_a_capital_as_in_the_sdk_but_not_those_in_members() -> None:
    said = read(
        "apigatewayv2", "GetApi", {"apiId": "a1", "tags": {"team": "one"}, "newMember": 1, "name": None}
    )

    assert said == Answered({"ApiId": "a1", "Tags": {"team": "one"}, "NewMember": 1})


def sdk_refuses(service: str, operation: str, status: int, body: bytes) -> bool:
    parser = StrictParserFactory().create_parser(protocol_name(service))
    response = {"status_code": status, "headers": {}, "body": body}
    try:
        asyncio.run(parser.parse(response, model_of(service, operation).output_shape))
    except UnreadableAnswerError:
        return True
    return False


LEAVES: Final = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
MEMBERS: Final = st.sampled_from(
    ["Tags", "Configuration", "Code", "id", "apiId", "ApiId", "error", "message"]
)
NONSENSE: Final = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(MEMBERS, inner, max_size=2)
)


@given(
    st.sampled_from(OPERATIONS),
    NONSENSE.map(lambda found: json.dumps(found).encode()) | st.binary(max_size=9),
)
@settings(max_examples=200)
def test_what_the_sdk_s_reader_refuses_is_refused(operation: tuple[str, str], body: bytes) -> None:
    service, name = operation

    said = speaking(service).read(name, 200, {}, body)

    assert isinstance(said, Answered) <= (not sdk_refuses(service, name, 200, body))


@pytest.mark.parametrize("service", ["lambda", "apigateway"])
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"<html>", b"[]", b"null", b'"text"'])
@pytest.mark.parametrize("status", [200, 302, 404, 503])
def test_what_is_no_object_is_unreadable_to_both(service: str, status: int, body: bytes) -> None:
    operation = {"lambda": "GetFunction", "apigateway": "GetRestApi"}[service]

    said = speaking(service).read(operation, status, {}, body)

    assert said == Unreadable()
    assert sdk_refuses(service, operation, status, body)


# Errors

CODES: Final = st.sampled_from(
    [
        "ResourceNotFoundException",
        "ResourceNotFoundException:http://internal.amazon.com/coral/com.amazonaws.awsgirapi/",
        "com.amazonaws.lambda#ResourceNotFoundException",
    ]
)
ERRORS: Final = st.fixed_dictionaries(
    {},
    optional={"message": st.text(max_size=5), "Message": st.text(max_size=5), "Type": st.just("User")},
)


@given(ERRORS, st.none() | CODES, st.sampled_from([400, 403, 404, 429, 500]))
def test_code_and_message_of_an_error_are_those_of_the_sdk(
    document: dict[str, str], code: str | None, status: int
) -> None:
    headers = {} if code is None else {"x-amzn-errortype": code}
    parser: Any = botocore.parsers.create_parser("rest-json")
    response = {"status_code": status, "headers": headers, "body": json.dumps(document).encode()}
    expected = parser.parse(response, None)["Error"]

    said = read("lambda", "GetFunction", document, status, headers)

    assert isinstance(said, Refused)
    assert (plain(said.code), said.message) == (
        plain(expected["Code"]),
        expected["Message"] or document.get("Message", ""),
    )
    assert said.members == ({"Type": "User"} if "Type" in document else {})
