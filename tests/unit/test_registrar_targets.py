"""What is to be registered is looked for where AWS knows of it, and otherwise by connecting to it."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import RemoteError, ThrottledError
from cloudmap_discovery.registrar.functions import LambdaFunctions
from cloudmap_discovery.registrar.permits import Home
from cloudmap_discovery.registrar.targets import Targets, connected
from tests.unit.fake_functions import ACCOUNT, REGION, FakeFunctions, arn_of
from tests.unit.fake_transport import FakeTransport
from tests.unit.timing import WaitingClock

if TYPE_CHECKING:
    from cloudmap_discovery.errors import StoreError

LEAVE_OUT = "leave Verify out for it"
API = f"https://a1b2c3.execute-api.{REGION}.amazonaws.com"


class Bed:
    """Targets over functions and APIs in memory; `connecting` is raised by every connection."""

    def __init__(self, connecting: Exception | None = None) -> None:
        self.transport = FakeTransport()
        self.aws = FakeFunctions(self.transport)
        self.connections: list[tuple[str, int]] = []
        self._connecting = connecting
        clock = WaitingClock()
        functions = LambdaFunctions(self.transport, clock=clock, sleep=clock.sleep)
        self.targets = Targets(self.transport, functions, home=Home(ACCOUNT, REGION), connect=self._connect)

    async def _connect(self, host: str, port: int) -> None:
        self.connections.append((host, port))
        if self._connecting is not None:
            raise self._connecting


# Functions


@pytest.mark.parametrize("qualifier", ["", ":live"])
async def test_a_function_version_or_alias_that_lambda_has_is_there(qualifier: str) -> None:
    bed = Bed()
    arn = bed.aws.add("users", service="users", aliases={"live"})

    assert await bed.targets.fault(f"{arn}{qualifier}") is None
    assert bed.transport.params("GetFunction") == [{"FunctionName": f"{arn}{qualifier}"}]


@pytest.mark.parametrize("name", ["orders", "users:blue"])
async def test_a_function_version_or_alias_that_lambda_does_not_have_is_not(name: str) -> None:
    bed = Bed()
    bed.aws.add("users", service="users", aliases={"live"})

    assert await bed.targets.fault(arn_of(name)) == "there is no such function, version or alias"


@pytest.mark.parametrize(
    "arn",
    [
        arn_of("users", account="210987654321"),
        arn_of("users", region="us-east-1"),
        f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:users",
        "arn:aws:sns:::topic",
    ],
)
async def test_what_lambda_here_does_not_know_cannot_be_verified_by_its_arn(arn: str) -> None:
    bed = Bed()

    told = f"only functions of this account and region can be verified by ARN; {LEAVE_OUT}"

    assert await bed.targets.fault(arn) == told
    assert bed.transport.calls == []


# APIs


async def test_an_http_api_of_this_region_is_asked_for_by_its_id() -> None:
    bed = Bed()
    bed.aws.apis.add("a1b2c3")

    assert await bed.targets.fault(f"{API}/prod") is None
    assert bed.transport.operations == ["GetApi"]


async def test_a_rest_api_is_asked_for_where_there_is_no_http_api_of_the_id() -> None:
    bed = Bed()
    bed.aws.rest_apis.add("a1b2c3")

    assert await bed.targets.fault(API.upper()) is None
    assert [(call.service, call.params) for call in bed.transport.calls] == [
        ("apigatewayv2", {"ApiId": "a1b2c3"}),
        ("apigateway", {"restApiId": "a1b2c3"}),
    ]


async def test_an_api_that_api_gateway_does_not_have_is_not_there() -> None:
    bed = Bed()

    assert await bed.targets.fault(API) == (
        f"there is no API 'a1b2c3' in this account and region; if it is another account's, {LEAVE_OUT}"
    )
    assert bed.connections == []


@pytest.mark.parametrize(
    "host",
    ["a1b2c3.execute-api.us-east-1.amazonaws.com", f"a1b2c3-vpce-0d1.execute-api.{REGION}.amazonaws.com"],
)
async def test_an_api_that_is_elsewhere_is_connected_to(host: str) -> None:
    bed = Bed()

    assert await bed.targets.fault(f"https://{host}/prod") is None
    assert bed.connections == [(host, 443)]
    assert bed.transport.calls == []


@pytest.mark.parametrize(
    "failure",
    [
        ThrottledError("too fast", code="TooManyRequestsException"),
        RemoteError("as AWS words it", code="ValidationException", status=400),
    ],
)
async def test_what_aws_does_not_say_is_no_proof_either_way(failure: StoreError) -> None:
    bed = Bed()
    bed.aws.failures = {"GetApi": [failure], "GetFunction": [ThrottledError("too fast")]}

    with pytest.raises(type(failure)):
        await bed.targets.fault(API)
    with pytest.raises(ThrottledError):
        await bed.targets.fault(arn_of("users"))


# Everything else


@pytest.mark.parametrize(
    ("endpoint", "host", "port"),
    [
        ("https://users.test", "users.test", 443),
        ("https://users.test:8443/v1?a=b", "users.test", 8443),
        ("http://user:pass@10.0.0.1", "10.0.0.1", 80),
        ("wss://users.test/socket", "users.test", 443),
        ("ws://users.test", "users.test", 80),
        ("redis://cache.test:6379/0", "cache.test", 6379),
        ("http://[::1]:8080", "::1", 8080),
    ],
)
async def test_a_url_is_connected_to_by_host_and_port(endpoint: str, host: str, port: int) -> None:
    bed = Bed()

    assert await bed.targets.fault(endpoint) is None
    assert bed.connections == [(host, port)]


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        ("10.0.0.1:8080", f"only URLs and ARNs of functions can be verified; {LEAVE_OUT}"),
        ("arn:aws", f"only URLs and ARNs of functions can be verified; {LEAVE_OUT}"),
        ("redis://cache.test/0", f"no host and port can be read in it; {LEAVE_OUT}"),
        ("https:///users", f"no host and port can be read in it; {LEAVE_OUT}"),
        ("https://[::1", "it is no URL: Invalid IPv6 URL"),
        ("https://users.test:99999", "it is no URL: Port out of range 0-65535"),
    ],
)
async def test_what_says_no_host_and_port_cannot_be_verified(endpoint: str, told: str) -> None:
    bed = Bed()

    assert await bed.targets.fault(endpoint) == told
    assert bed.connections == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "[Errno 111] Connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "[Errno -2] Name or service not known"),
        (TimeoutError(), "no answer in time"),
        (UnicodeError("label empty or too long"), "label empty or too long"),
    ],
)
async def test_a_host_that_cannot_be_reached_is_told_with_the_reason(error: Exception, reason: str) -> None:
    told = await Bed(error).targets.fault("https://users.test")

    assert told == f"users.test:443 cannot be reached from the registrar: {reason}"


# Connections


async def test_connecting_opens_a_connection_and_closes_it() -> None:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.read() == b""
        writer.close()
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        await connected("127.0.0.1", server.sockets[0].getsockname()[1])

        await ended.wait()


async def test_connecting_to_a_port_where_nobody_listens_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(ConnectionRefusedError):
        await connected("127.0.0.1", port)


async def test_connections_are_real_unless_others_are_given() -> None:
    bed = Bed()
    targets = Targets(bed.transport, bed.targets._functions, home=Home(ACCOUNT, REGION))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert await targets.fault(url) is None

    assert "cannot be reached" in str(await targets.fault(url))


@pytest.mark.parametrize("host", ["a" * 64 + ".test", "users..test"])
async def test_a_host_that_can_be_no_name_is_not_reached(host: str) -> None:
    bed = Bed()
    targets = Targets(bed.transport, bed.targets._functions, home=Home(ACCOUNT, REGION))

    assert f"{host}:443 cannot be reached from the registrar: " in str(await targets.fault(f"https://{host}"))
