"""What is sent to Lambda, API Gateway and the tagging API without the SDK: what the SDK sends, byte by byte, and where."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import botocore.serialize
import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SdkCredentials
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloudmap_discovery.testing import FakeClock
from cloudmap_discovery.transport.direct import DirectTransport
from cloudmap_discovery.transport.direct_protocol import SERVICES
from cloudmap_discovery.transport.endpoints import resolve
from cloudmap_discovery.transport.signing import Credentials, sign
from tests.contract.transport_cases import CREDENTIALS
from tests.unit.direct_bed import PLENTY_SECONDS, transport_to
from tests.unit.direct_peers import HEAD, Asked, Peer, always
from tests.unit.rest_bed import OPERATIONS, REST, SESSION, model_of, speaking

if TYPE_CHECKING:
    from collections.abc import Mapping


NOON: Final = 1_800_000_000.0
ARN: Final = "arn:aws:lambda:eu-central-1:123456789012:function:users"
BY_PATH: Final = [(service, operation) for service, operation in OPERATIONS if service in REST]


# What there is


def test_what_the_registrar_calls_is_there() -> None:
    assert set(OPERATIONS) == {
        ("resourcegroupstaggingapi", "GetResources"),
        ("lambda", "GetFunction"),
        ("lambda", "GetFunctionUrlConfig"),
        ("lambda", "ListTags"),
        ("apigateway", "GetRestApi"),
        ("apigatewayv2", "GetApi"),
    }


def test_a_transport_can_do_that_and_nothing_more() -> None:
    transport = DirectTransport(region="eu-central-1", environment=CREDENTIALS)

    assert transport.can("lambda", "GetFunction")
    assert not transport.can("lambda", "Invoke")
    assert not transport.can("dynamodb", "GetItem")


def test_where_its_module_is_missing_a_transport_says_that_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cloudmap_discovery.transport.direct_rest", None)
    transport = DirectTransport(region="eu-central-1", environment=CREDENTIALS)

    assert not transport.can("lambda", "GetFunction")
    assert transport.can("servicediscovery", "DiscoverInstances")
    assert transport.can("servicediscovery", "ListTagsForResource")
    assert transport.can("s3", "GetObject")


def test_who_only_looks_up_does_not_pay_for_it() -> None:
    script = """
import sys
from cloudmap_discovery.transport.direct import DirectTransport
from cloudmap_discovery.transport.failover import FailoverTransport
transport = DirectTransport(region="eu-central-1", environment={})
FailoverTransport(transport, lambda: None).load()
for service, operation in (("servicediscovery", "DiscoverInstances"), ("ssm", "GetParameters"), ("s3", "GetObject")):
    assert transport.can(service, operation)
print("cloudmap_discovery.transport.direct_rest" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("ending", ["LAMBDA", "API_GATEWAY", "APIGATEWAYV2", "RESOURCE_GROUPS_TAGGING_API"])
def test_an_endpoint_of_the_registrar_s_that_cannot_be_is_nothing_to_who_only_looks_up(ending: str) -> None:
    wrong = {**CREDENTIALS, f"AWS_ENDPOINT_URL_{ending}": "not a URL"}

    DirectTransport(region="eu-central-1", environment=wrong).load()

    assert SERVICES.keys() == {"servicediscovery", "ssm"}


# What is sent


class SentError(Exception):
    def __init__(self, request: Any) -> None:
        self.request = request
        super().__init__()


def stop(request: Any, **_: object) -> None:
    raise SentError(request)


def sdk_client(service: str) -> Any:
    client: Any = SESSION.create_client(service, region_name="eu-central-1")
    client.meta.events.register("before-send", stop)
    return client


CLIENTS: Final = {service: sdk_client(service) for service in REST}
TEXTS: Final = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NAMES: Final = TEXTS | st.sampled_from(
    [
        ARN,
        f"{ARN}:live",
        f"{ARN}:$LATEST",
        "users:live",
        "a b",
        "a/b",
        "%3A",
        "~-._",
        "..",
        ".",
        "ü",
        "a?b#c&d=e",
    ]
)


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, str, dict[str, str]]:
    service, operation = draw(st.sampled_from(BY_PATH))
    shape: Any = model_of(service, operation).input_shape
    params = {
        name: draw(NAMES) for name in shape.members if name in shape.required_members or draw(st.booleans())
    }
    return service, operation, params


@given(questions())
@example(("lambda", "GetFunction", {"FunctionName": f"{ARN}:live", "Qualifier": "$LATEST"}))
@example(("lambda", "GetFunction", {"FunctionName": "a/../b"}))
@settings(max_examples=200)
def test_a_request_is_the_one_that_the_sdk_sends(question: tuple[str, str, dict[str, str]]) -> None:
    service, operation, params = question
    with pytest.raises(SentError) as stopped:
        CLIENTS[service]._make_api_call(operation, params)
    theirs = stopped.value.request
    endpoint = resolve(service, operation, region="eu-central-1", endpoint_url=None, environment={})

    ours = speaking(service).request(operation, params)

    assert (ours.method, endpoint.url + ours.path) == (theirs.method, theirs.url)
    assert ours.body == b""
    assert ours.encodes_path
    # What the SDK sends besides is for its statistics, or the signature.
    assert ours.headers == {"accept": "application/json"}
    assert theirs.headers.get("Accept") in {None, b"application/json", "application/json"}


@given(questions())
@example(("lambda", "GetFunction", {"FunctionName": f"{ARN}:live", "Qualifier": "$LATEST"}))
@example(("lambda", "GetFunction", {"FunctionName": "a/../b"}))
@settings(max_examples=100)
def test_a_request_is_signed_as_the_sdk_signs_it(question: tuple[str, str, dict[str, str]]) -> None:
    service, operation, params = question
    with pytest.raises(SentError) as stopped:
        CLIENTS[service]._make_api_call(operation, params)
    theirs = {name.lower(): as_text(value) for name, value in stopped.value.request.headers.items()}
    signed = theirs["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    moment = datetime.strptime(theirs["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    endpoint = resolve(service, operation, region="eu-central-1", endpoint_url=None, environment={})
    request = speaking(service).request(operation, params)

    ours = sign(
        request.method,
        endpoint.url + request.path,
        {name: theirs[name] for name in signed if name in theirs},
        request.body,
        service=endpoint.signing_name,
        region=endpoint.signing_region,
        credentials=Credentials("AKIDEXAMPLE", "the secret"),
        at_seconds=moment.timestamp(),
        encodes_path=request.encodes_path,
    )

    assert ours["authorization"] == theirs["authorization"]


def as_text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def test_the_tagging_api_is_asked_as_the_sdk_does() -> None:
    model = model_of("resourcegroupstaggingapi", "GetResources")
    params = {"TagFilters": [{"Key": "discovery:service", "Values": ["users"]}], "ResourcesPerPage": 100}
    serializer: Any = botocore.serialize.create_serializer("json")
    expected = serializer.serialize_to_request(params, model)

    ours = speaking("resourcegroupstaggingapi").request("GetResources", params)

    assert (ours.method, ours.path, ours.body) == ("POST", "/", expected["body"])
    assert ours.headers == {name.lower(): text for name, text in expected["headers"].items()}


def signed_by_sdk(asked: Asked, url: str, name: str) -> str:
    """Return the authorization that botocore gives the request that was sent."""
    method, target, _ = asked.line.split(" ")
    signed = asked.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    sdk: Any = auth.SigV4Auth(
        SdkCredentials(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"]),
        name,
        "us-east-1",
    )
    kept = {one: asked.headers[one] for one in signed if one not in {"host", "x-amz-date"}}
    request: Any = AWSRequest(method, f"{url}{target}", headers=kept, data=asked.body)
    request.context["timestamp"] = datetime.fromtimestamp(NOON, UTC).strftime(auth.SIGV4_TIMESTAMP)
    sdk._modify_request_before_signing(request)
    sdk._inject_signature_to_request(
        request, sdk.signature(sdk.string_to_sign(request, sdk.canonical_request(request)), request)
    )
    return str(request.headers["Authorization"])


@pytest.mark.parametrize(
    ("service", "operation", "params", "target", "signing_name"),
    [
        (
            "lambda",
            "GetFunction",
            {"FunctionName": f"{ARN}:live"},
            f"/2015-03-31/functions/{ARN.replace(':', '%3A')}%3Alive",
            "lambda",
        ),
        (
            "lambda",
            "GetFunctionUrlConfig",
            {"FunctionName": "a b/ü", "Qualifier": "$LATEST"},
            "/2021-10-31/functions/a%20b%2F%C3%BC/url?Qualifier=%24LATEST",
            "lambda",
        ),
        ("lambda", "ListTags", {"Resource": ".."}, "/2017-03-31/tags/..", "lambda"),
        ("apigateway", "GetRestApi", {"restApiId": "a1"}, "/restapis/a1", "apigateway"),
        ("apigatewayv2", "GetApi", {"ApiId": "a1"}, "/v2/apis/a1", "apigateway"),
        ("resourcegroupstaggingapi", "GetResources", {}, "/", "tagging"),
    ],
    ids=str,
)
async def test_it_is_sent_and_signed_so(
    service: str, operation: str, params: Mapping[str, Any], target: str, signing_name: str
) -> None:
    with Peer(always(HEAD + b"Content-Length: 2\r\n\r\n{}")) as peer:
        transport = transport_to(peer.url, clock=FakeClock(wall=NOON, monotonic=1_000.0))

        await transport.call(service, operation, params, timeout_seconds=PLENTY_SECONDS)

        await transport.aclose()
        (asked,) = peer.asked
        assert asked.line.split(" ")[1] == target
        assert asked.headers["authorization"] == signed_by_sdk(asked, peer.url, signing_name)


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("GetFunction", {}),
        ("GetFunction", {"FunctionName": ""}),
        ("GetFunction", {"FunctionName": "f", "Version": "1"}),
        ("ListTags", {"FunctionName": "f"}),
    ],
)
def test_a_parameter_that_is_missing_or_would_be_left_out_surfaces(
    operation: str, params: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match=operation):
        speaking("lambda").request(operation, params)
