"""The direct transport: which calls it makes, where they go, how they are signed, what its errors keep to themselves."""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import AccessDeniedError, ConfigurationError, RemoteError, StoreTimeoutError
from cloudmap_discovery.transport.direct import DirectTransport
from cloudmap_discovery.transport.retry import RetryingTransport
from cloudmap_discovery.version import VERSION
from tests.contract.transport_cases import CREDENTIALS
from tests.contract.transport_clock import HandClock
from tests.contract.transport_peers import NO_INSTANCES, Asked, HttpPeer, Told
from tests.unit.direct_authority import Authority
from tests.unit.direct_bed import PLENTY_SECONDS, discover, failure_of, peer, transport_to
from tests.unit.direct_peers import HEAD, Peer, once

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["peer"]  # a fixture, found by name


# Which calls


@pytest.mark.parametrize(
    ("service", "operation", "can"),
    [
        ("servicediscovery", "DiscoverInstances", True),
        ("ssm", "PutParameter", True),
        ("servicediscovery", "CreatePrivateDnsNamespace", False),
        ("ssm", "DiscoverInstances", False),
        ("s3", "ListObjectsV2", False),
        ("lambda", "Invoke", False),
    ],
)
async def test_it_says_which_operations_it_can_call_and_calls_no_other(
    peer: HttpPeer, service: str, operation: str, *, can: bool
) -> None:
    transport = transport_to(peer.url)
    peer.answer = lambda _: Told({})

    assert transport.can(service, operation) is can
    if can:
        await transport.call(service, operation, {}, timeout_seconds=PLENTY_SECONDS)
    else:
        with pytest.raises(ValueError, match=rf"{service}:{operation}.*cloudmap-discovery\[sdk\]"):
            await transport.call(service, operation, {}, timeout_seconds=PLENTY_SECONDS)

    await transport.aclose()
    assert len(peer.asked) == can


async def test_a_parameter_that_json_cannot_carry_surfaces_as_itself(peer: HttpPeer) -> None:
    transport = transport_to(peer.url)

    with pytest.raises(TypeError, match="JSON serializable"):
        await transport.call("ssm", "GetParameters", {"Names": {1}}, timeout_seconds=PLENTY_SECONDS)

    assert peer.asked == []


async def test_aws_sees_the_version(peer: HttpPeer) -> None:
    transport = transport_to(peer.url)

    await discover(transport)

    await transport.aclose()
    assert peer.asked[0].headers["user-agent"] == f"cloudmap-discovery/{VERSION}"


# Where they go


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SERVICEDISCOVERY"])
async def test_an_endpoint_of_ones_own_may_come_from_the_environment(peer: HttpPeer, variable: str) -> None:
    transport = DirectTransport(environment={**CREDENTIALS, variable: peer.url})

    await discover(transport)

    await transport.aclose()
    assert peer.asked[0].headers["host"] == peer.url.removeprefix("http://")


async def test_a_path_of_the_endpoint_is_kept(peer: HttpPeer) -> None:
    transport = transport_to(f"{peer.url}/aws/")

    await discover(transport)

    await transport.aclose()
    assert peer.asked[0].line == "POST /aws/ HTTP/1.1"


@pytest.mark.parametrize(
    ("service", "operation", "host"),
    [
        ("servicediscovery", "DiscoverInstances", "data-servicediscovery"),
        ("servicediscovery", "ListNamespaces", "servicediscovery"),
        ("ssm", "GetParameters", "ssm"),
    ],
)
async def test_without_an_endpoint_calls_go_to_aws_in_the_region_given(
    service: str, operation: str, host: str
) -> None:
    async with HttpPeer(lambda _: Told({}, status=403)) as proxy:
        environment = {**CREDENTIALS, "HTTPS_PROXY": proxy.url}
        transport = DirectTransport(region="eu-central-1", environment=environment)

        with pytest.raises(StoreTimeoutError, match="403"):
            await transport.call(service, operation, {}, timeout_seconds=PLENTY_SECONDS)

        await transport.aclose()
        assert proxy.asked[0].line == f"CONNECT {host}.eu-central-1.amazonaws.com:443 HTTP/1.1"


async def test_in_lambda_an_aws_that_cannot_be_reached_names_the_vpc_endpoint() -> None:
    async with HttpPeer(lambda _: Told({}, status=403)) as proxy:
        in_lambda = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "HTTPS_PROXY": proxy.url}
        transport = DirectTransport(environment={**CREDENTIALS, **in_lambda})

        error = await failure_of(transport)

        await transport.aclose()
    assert isinstance(error, StoreTimeoutError)
    assert "com.amazonaws.us-east-1.data-servicediscovery," in str(error)


async def test_an_endpoint_of_ones_own_needs_no_vpc_endpoint() -> None:
    environment = {**CREDENTIALS, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}

    error = await failure_of(transport_to("http://127.0.0.1:1", environment))

    assert isinstance(error, StoreTimeoutError)
    assert "VPC" not in str(error)


@pytest.mark.parametrize(
    ("region", "changes", "expected"),
    [
        ("eu-central-1", {}, "eu-central-1"),
        (None, {}, "us-east-1"),
        (None, {"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
    ],
)
async def test_the_region_given_comes_before_the_one_of_the_environment(
    peer: HttpPeer, region: str | None, changes: dict[str, str], expected: str
) -> None:
    transport = transport_to(peer.url, {**CREDENTIALS, **changes}, region=region)

    await discover(transport)

    await transport.aclose()
    assert f"/{expected}/servicediscovery/aws4_request" in peer.asked[0].headers["authorization"]


@pytest.mark.parametrize(
    ("changes", "variable", "value"),
    [
        ({"AWS_REGION": ""}, "DISCOVERY_REGION", None),
        ({"AWS_REGION": "not a region"}, "AWS_REGION", "not a region"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "AWS_SECRET_ACCESS_KEY", None),
        ({"AWS_CA_BUNDLE": "/no/such/file"}, "AWS_CA_BUNDLE", "/no/such/file"),
        ({"AWS_ENDPOINT_URL": "localhost"}, "AWS_ENDPOINT_URL", "localhost"),
    ],
)
async def test_a_wrong_configuration_names_the_variable(
    changes: dict[str, str], variable: str, value: str | None
) -> None:
    environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": "https://127.0.0.1:1", **changes}

    error = await failure_of(DirectTransport(environment=environment))

    assert isinstance(error, ConfigurationError)
    assert (error.variable, error.value) == (variable, value)


# TLS


async def test_a_server_is_called_whose_certificate_is_trusted_and_no_other(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with HttpPeer(tls=authority.tls) as peer:
        trusting = transport_to(peer.url, {**CREDENTIALS, **authority.environment})
        answer = await discover(trusting)
        error = await failure_of(transport_to(peer.url))
        await trusting.aclose()

    assert answer == {"Instances": []}
    assert isinstance(error, StoreTimeoutError)
    assert "certificate verify failed" in str(error)
    assert len(peer.asked) == 1


async def test_certificates_are_read_once_ahead(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with HttpPeer(tls=authority.tls) as peer:
        transport = transport_to(peer.url, {**CREDENTIALS, **authority.environment})
        transport.load()
        await asyncio.to_thread(authority.bundle.unlink)

        await discover(transport)

        await transport.aclose()
    assert len(peer.asked) == 1


NO_BUNDLE = {"AWS_CA_BUNDLE": "/no/such/file"}


@pytest.mark.parametrize(
    ("url", "changes"), [("http://127.0.0.1:1", NO_BUNDLE), (None, {**NO_BUNDLE, "AWS_REGION": ""})]
)
def test_loading_reads_no_certificates_where_no_call_would_need_them(
    url: str | None, changes: dict[str, str]
) -> None:
    DirectTransport(endpoint_url=url, environment={**CREDENTIALS, **changes}).load()


def test_loading_names_the_certificates_that_are_not_there() -> None:
    with pytest.raises(ConfigurationError) as caught:
        DirectTransport(environment={**CREDENTIALS, **NO_BUNDLE}).load()

    assert caught.value.variable == "AWS_CA_BUNDLE"


# How they are signed


async def test_every_attempt_is_signed_anew(peer: HttpPeer) -> None:
    peer.answer = lambda _: Told({"__type": "InternalFailure"}, status=500)
    clock = HandClock()

    async def into_the_next_second(_: float) -> None:
        clock.move(wall=1.1, monotonic=1.1)

    transport = RetryingTransport(transport_to(peer.url, clock=clock), attempts=2, sleep=into_the_next_second)

    error = await failure_of(transport)

    await transport.aclose()
    assert isinstance(error, RemoteError)
    assert len({asked.headers["authorization"] for asked in peer.asked}) == 2


async def test_a_second_try_on_a_new_connection_is_signed_at_its_own_time(peer: HttpPeer) -> None:
    clock = HandClock()
    transport = transport_to(peer.url, clock=clock)
    await discover(transport)

    def cut_the_first(asked: Asked) -> Told:
        if asked.connection > 1:
            return NO_INSTANCES
        clock.move(wall=1.1, monotonic=1.1)
        raise ConnectionResetError

    peer.answer = cut_the_first
    await discover(transport)

    await transport.aclose()
    first, second = peer.asked[1:]
    assert first.headers["x-amz-date"] < second.headers["x-amz-date"]


async def test_a_token_is_sent_with_the_keys_it_belongs_to(peer: HttpPeer) -> None:
    transport = transport_to(peer.url, {**CREDENTIALS, "AWS_SESSION_TOKEN": "a-token"})

    await discover(transport)

    await transport.aclose()
    assert peer.asked[0].headers["x-amz-security-token"] == "a-token"


# Errors


def texts(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


@pytest.mark.parametrize("trouble", ["denied", "cut", "silent", "unreadable", "unreachable", "misconfigured"])
async def test_errors_show_no_secret_and_keep_no_frames_of_the_thread_that_met_them(
    peer: HttpPeer, trouble: str
) -> None:
    def answer(_: Asked) -> Told:
        match trouble:
            case "denied":
                return Told({"__type": "AccessDeniedException", "message": "no"}, status=400)
            case "silent":
                return Told({}, when=asyncio.Event())
            case "unreadable":
                return Told([])
            case _:
                raise ConnectionResetError

    peer.answer = answer
    environment = {**CREDENTIALS, "AWS_SESSION_TOKEN": "a-secret-token"}
    if trouble == "misconfigured":
        environment["AWS_SECRET_ACCESS_KEY"] += "\n"
    url = "http://127.0.0.1:1" if trouble == "unreachable" else peer.url

    error = await failure_of(transport_to(url, environment), 0.5 if trouble == "silent" else PLENTY_SECONDS)

    assert not any(secret in texts(error) for secret in (*_secrets(environment), "Signature="))
    assert not any("direct_call" in frame.filename for frame in traceback.extract_tb(error.__traceback__))


def _secrets(environment: dict[str, str]) -> list[str]:
    return [environment[name].strip() for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")]


async def test_half_an_answer_shows_what_came_and_why_it_is_none() -> None:
    with Peer(once(HEAD + b'Content-Length: 99\r\n\r\n{"Instances": [')) as peer:
        error = await failure_of(transport_to(peer.url))

    assert isinstance(error, RemoteError)
    assert (error.status, error.retryable, error.unhealthy) == (200, True, True)
    assert """HTTP 200 and '{"Instances": ['; """ in str(error)


async def test_a_bug_surfaces_as_itself(peer: HttpPeer) -> None:
    class BrokenClock(HandClock):
        def __init__(self) -> None:
            super().__init__()
            self.wall: Any = lambda: "noon"

    with pytest.raises(TypeError):
        await discover(transport_to(peer.url, clock=BrokenClock()))


# What it lacks


def test_with_region_and_credentials_nothing_is_missing() -> None:
    assert DirectTransport(environment=CREDENTIALS).missing() is None


def test_without_a_region_the_error_says_what_to_set_and_where_the_sdk_would_look() -> None:
    error = DirectTransport(environment={**CREDENTIALS, "AWS_REGION": ""}).missing()

    assert isinstance(error, ConfigurationError)
    assert error.variable == "DISCOVERY_REGION"
    assert "AWS_REGION" in str(error)
    assert "pip install 'cloudmap-discovery[sdk]'" in str(error)


def test_without_credentials_the_error_says_what_to_set_and_that_profiles_need_the_sdk() -> None:
    error = DirectTransport(environment={"AWS_REGION": "us-east-1"}).missing()

    assert isinstance(error, AccessDeniedError)
    assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in str(error)
    assert "profiles and single sign-on need pip install 'cloudmap-discovery[sdk]'" in str(error)


def test_without_credentials_in_lambda_the_error_names_the_role() -> None:
    environment = {"AWS_REGION": "us-east-1", "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}

    error = DirectTransport(environment=environment).missing()

    assert isinstance(error, AccessDeniedError)
    assert "execution role" in str(error)
