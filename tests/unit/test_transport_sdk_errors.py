"""What the SDK raises becomes the designed error, and carries nothing that should not be kept."""

from __future__ import annotations

import importlib.metadata
import json
from types import SimpleNamespace
from typing import Any

import aiohttp
import botocore.exceptions as sdk
import pytest
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL as URL_TYPE

from cloudmap_discovery.errors import (
    AccessDeniedError,
    ConfigurationError,
    DiscoveryError,
    RemoteError,
    StoreError,
    StoreTimeoutError,
)
from cloudmap_discovery.transport.errors import Call
from cloudmap_discovery.transport.sdk_answers import StrictParserFactory
from cloudmap_discovery.transport.sdk_errors import UnreadableAnswerError, slim, translated
from cloudmap_discovery.transport.sdk_session import _version

CALL = Call("servicediscovery", "DiscoverInstances")
URL = "https://data-servicediscovery.eu-central-1.amazonaws.com/"


def meaning_of(error: Exception) -> DiscoveryError:
    meaning = translated(CALL, error, 1.0)
    assert meaning is not None
    return meaning


def client_error(operation: str, code: str, message: str, status: int, **members: str) -> sdk.ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
        "Message": message,
        **members,
    }
    return sdk.ClientError(response, operation)


@pytest.mark.parametrize(
    "error",
    [
        sdk.EndpointConnectionError(endpoint_url=URL, error=OSError("refused")),
        sdk.ConnectTimeoutError(endpoint_url=URL),
        sdk.ReadTimeoutError(endpoint_url=URL),
        sdk.ConnectionClosedError(endpoint_url=URL, error=aiohttp.ServerDisconnectedError()),
        sdk.ProxyConnectionError(proxy_url="http://proxy", error=OSError("refused")),
        sdk.SSLError(endpoint_url=URL, error=OSError("certificate verify failed")),
        sdk.HTTPClientError(error=RuntimeError("Session is closed")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_want_of_a_connection_or_an_answer_is_a_timeout(error: Exception) -> None:
    assert isinstance(meaning_of(error), StoreTimeoutError)


def test_the_reason_below_is_told_with_the_address() -> None:
    error = sdk.EndpointConnectionError(endpoint_url=URL, error=OSError("Connection refused"))

    assert URL in str(meaning_of(error))
    assert "Connection refused" in str(meaning_of(error))


def test_the_password_of_a_proxy_is_not_told() -> None:
    url = URL_TYPE("http://user:secret@proxy:3128")
    info = aiohttp.RequestInfo(url, "CONNECT", CIMultiDictProxy(CIMultiDict()), url)
    refused = aiohttp.ClientHttpProxyError(info, (), status=407, message="Proxy Authentication Required")
    error = sdk.ProxyConnectionError(proxy_url="http://***:***@proxy:3128", error=refused)

    told = str(meaning_of(error))

    assert "secret" in str(refused)
    assert "secret" not in told
    assert "HTTP 407, Proxy Authentication Required" in told


@pytest.mark.parametrize(
    "error",
    [
        sdk.ConnectionClosedError(endpoint_url=URL, error=aiohttp.ClientPayloadError("not completed")),
        sdk.IncompleteReadError(actual_bytes=5, expected_bytes=10),
        sdk.ResponseStreamingError(error=aiohttp.ClientPayloadError("not completed")),
        sdk.ResponseStreamingError(error=aiohttp.ClientOSError("reset")),
        sdk.FlexibleChecksumError(error_msg="Expected checksum a did not match"),
        UnreadableAnswerError(200, b"<html>"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_answer_that_broke_off_or_makes_no_sense_is_trouble_of_the_service(error: Exception) -> None:
    assert isinstance(meaning_of(error), RemoteError)


@pytest.mark.parametrize(
    "error",
    [
        sdk.NoCredentialsError(),
        sdk.CredentialRetrievalError(provider="container-role", error_msg="refused"),
        sdk.UnauthorizedSSOTokenError(),
        sdk.SSOTokenLoadError(error_msg="the token has expired"),
        sdk.TokenRetrievalError(provider="sso", error_msg="expired"),
        sdk.InvalidConfigError(error_msg="no source profile"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_credentials_that_cannot_be_had_are_denied_with_the_reason(error: Exception) -> None:
    meaning = meaning_of(error)

    assert isinstance(meaning, AccessDeniedError)
    assert (meaning.code, meaning.retryable) == ("NoCredentials", False)
    assert str(error) in str(meaning)


def test_half_a_key_pair_names_the_other_half() -> None:
    error = sdk.PartialCredentialsError(provider="env", cred_var="aws_secret_access_key")

    meaning = meaning_of(error)

    assert isinstance(meaning, ConfigurationError)
    assert meaning.variable == "AWS_SECRET_ACCESS_KEY"


def test_a_refusal_while_a_role_was_assumed_names_that_and_not_the_call() -> None:
    message = "User: arn:aws:iam::1:user/a is not authorized to perform: sts:AssumeRole on resource: x"

    meaning = meaning_of(client_error("AssumeRole", "AccessDenied", message, 403))

    assert isinstance(meaning, AccessDeniedError)
    assert (meaning.action, meaning.service) == ("sts:AssumeRole", "sts")


@pytest.mark.parametrize(
    ("operation", "service"), [("AssumeRoleWithWebIdentity", "sts"), ("GetRoleCredentials", "sso")]
)
def test_trouble_while_credentials_were_fetched_is_of_the_service_that_was_asked(
    operation: str, service: str
) -> None:
    meaning = meaning_of(client_error(operation, "InternalFailure", "", 500))

    assert isinstance(meaning, RemoteError)
    assert (meaning.service, meaning.operation, meaning.retryable) == (service, operation, True)


def test_an_error_answer_keeps_code_status_and_members() -> None:
    error = client_error("DiscoverInstances", "NamespaceAlreadyExists", "there", 400, NamespaceId="ns-1")

    meaning = meaning_of(error)

    assert isinstance(meaning, RemoteError)
    assert (meaning.code, meaning.status, meaning.members) == (
        "NamespaceAlreadyExists",
        400,
        {"NamespaceId": "ns-1"},
    )


def test_an_error_without_message_has_none() -> None:
    error: Any = client_error("DiscoverInstances", "NoSuchKey", "", 404)
    error.response["Error"]["Message"] = None  # as the SDK reads an empty element of XML

    assert "None" not in str(meaning_of(error))


def test_what_else_the_sdk_cannot_do_is_an_error_of_the_store_by_its_name() -> None:
    meaning = meaning_of(sdk.MissingDependencyException(msg="botocore[crt] is needed"))

    assert isinstance(meaning, RemoteError)
    assert (meaning.code, meaning.retryable) == ("MissingDependencyException", False)


def test_a_bug_of_ours_means_nothing() -> None:
    assert translated(CALL, sdk.ParamValidationError(report="no such parameter"), 1.0) is None
    assert translated(CALL, KeyError("bug"), 1.0) is None


def test_the_signed_request_is_not_kept() -> None:
    request: Any = SimpleNamespace(headers={"Authorization": "secret"})
    error = sdk.ConnectionClosedError(request=request, endpoint_url=URL)

    kept = slim(error)

    assert kept is error
    assert vars(kept)["request"] is None


# Answers


async def parse(body: bytes, *, status: int = 200, members: tuple[str, ...] | None = ("Instances",)) -> Any:
    shape = None if members is None else shape_of(members)
    parser = StrictParserFactory().create_parser("json")
    response = {"status_code": status, "headers": {}, "body": body, "context": {"operation_name": "x"}}
    return await parser.parse(response, shape)


def shape_of(members: tuple[str, ...]) -> Any:
    from botocore.model import ShapeResolver, StructureShape  # noqa: PLC0415 -- used here only

    shapes: Any = {
        "Text": {"type": "string"},
        "Output": {"type": "structure", "members": {name: {"shape": "Text"} for name in members}},
    }
    return StructureShape("Output", shapes["Output"], ShapeResolver(shapes))


@pytest.mark.parametrize(
    ("document", "members"),
    [
        ({"Instances": "a"}, ("Instances",)),
        ({"Instances": "a", "NewMember": 1}, ("Instances",)),
        ({}, ("Instances",)),
        ({"Anything": 1}, ()),
    ],
)
async def test_an_answer_that_fits_the_model_is_read(
    document: dict[str, Any], members: tuple[str, ...]
) -> None:
    answer = await parse(json.dumps(document).encode(), members=members)

    assert answer.get("Instances") == document.get("Instances")


async def test_where_nothing_is_to_be_read_the_body_does_not_matter() -> None:
    assert (await parse(b"", members=None))["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("UntagResource", b""),  # nothing is read out of it
        ("DeleteFunction", b""),  # its status is
        ("Invoke", b"whatever the function returned"),
        ("ListTags", b'{"Tags": {}}'),
    ],
)
async def test_by_rest_a_document_is_wanted_where_the_model_has_one(operation: str, body: bytes) -> None:
    answer = await parse_of_lambda(operation, body)

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "log in"}', b'{"Tags": []}'])
async def test_by_rest_what_is_no_document_of_the_service_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableAnswerError):
        await parse_of_lambda("ListTags", body)


async def parse_of_lambda(operation: str, body: bytes) -> Any:
    shape = Session().get_service_model("lambda").operation_model(operation).output_shape
    response = {"status_code": 200, "headers": {}, "body": body, "context": {"operation_name": operation}}
    return await StrictParserFactory().create_parser("rest-json").parse(response, shape)


async def test_a_body_that_is_nested_without_end_is_unreadable() -> None:
    with pytest.raises(UnreadableAnswerError):
        await parse(b"[" * 100_000)


@given(body=st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
async def test_a_body_is_an_answer_or_an_error_and_nothing_else(body: bytes) -> None:
    try:
        answer = await parse(body)
    except UnreadableAnswerError as error:
        answer = meaning_of(error)

    assert isinstance(answer, StoreError) or isinstance(json.loads(body), dict)


JSON_SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.lists(st.integers())
ERROR_DOCUMENTS = st.dictionaries(
    st.sampled_from(["__type", "message", "Message", "code", "Error"]), JSON_SCALARS
)


@given(
    body=st.binary(max_size=40) | ERROR_DOCUMENTS.map(json.dumps).map(str.encode),
    status=st.integers(400, 599),
)
async def test_an_error_body_is_an_error_answer_or_unreadable_and_both_are_store_errors(
    body: bytes, status: int
) -> None:
    try:
        answer = await parse(body, status=status)
    except UnreadableAnswerError as error:
        meaning = meaning_of(error)
    else:
        meaning = meaning_of(sdk.ClientError(answer, "DiscoverInstances"))

    assert isinstance(meaning, StoreError)


def test_without_metadata_of_the_package_the_version_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)

    assert _version() == "unknown"
