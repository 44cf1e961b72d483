"""The container endpoint: who may be asked, with what, and what comes of every kind of answer."""

from __future__ import annotations

import json
import socket
import time
import traceback
from itertools import product
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest
from botocore.credentials import ContainerProvider
from botocore.utils import ContainerMetadataFetcher

from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.testing import FakeClock
from cloudmap_discovery.transport import container_endpoint
from cloudmap_discovery.transport.container_endpoint import fetch
from cloudmap_discovery.transport.credentials import CredentialsUnavailableError
from cloudmap_discovery.transport.signing import Credentials
from tests.unit.container_server import Answer, ContainerServer, container_server, good

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
RELATIVE = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
EXPIRY = 1_900_000_000.0

LOCAL: Final = """
    http://127.0.0.1  http://127.1.2.3:80/x  http://localhost:8080/x?y=z  http://LOCALHOST/  http://[::1]:80/
    http://169.254.170.2/v2  http://169.254.170.23/v1/credentials  http://user:word@localhost/
    http://[fd00:ec2::23]/v1/credentials  http://[FD00:EC2::23]:80/
"""
REMOTE: Final = """
    http://169.254.169.254/  http://192.0.2.1/  http://0.0.0.0/  http://[::2]/  http://[fd00:ec2::24]/
    http://credentials.example/  http://127.1/  http://localhost.example/  http://127.0.0.1.example/
    http://127.0.0.1@credentials.example/  http://  http:///x
"""
NO_URLS: Final = """
    x  ftp://localhost  https://  http://localhost:port  http://localhost:0  http://[::1  http://[x]/  http://localhost/ä
"""


@pytest.fixture
def server() -> Iterator[ContainerServer]:
    with container_server() as serving:
        serving.answers = [good(1, EXPIRY)]
        yield serving


def fetched(environment: dict[str, str], *, timeout_seconds: float = 5) -> tuple[Credentials, float]:
    clock = FakeClock()
    return fetch(environment, clock=clock, timeout_seconds=timeout_seconds, sleep=clock.advance)


def failure(environment: dict[str, str]) -> str:
    with pytest.raises(CredentialsUnavailableError) as caught:
        fetched(environment)
    assert "hidden" not in "".join(traceback.format_exception(caught.value))
    return caught.value.reason


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_credentials_and_their_expiry_come_from_the_endpoint(server: ContainerServer) -> None:
    assert fetched({FULL: server.url}) == (Credentials("AKID1", "secret 1", "token 1"), EXPIRY)
    assert server.asked[0].path == "/credentials"
    assert server.asked[0].headers["accept"] == "application/json"
    assert "authorization" not in server.asked[0].headers


@pytest.mark.parametrize(
    "text", ["2030-03-17T17:46:40", "2030-03-17T18:46:40+01:00", "2030-03-17 17:46:40.000Z"]
)
def test_an_expiry_is_a_time_of_iso_8601_and_utc_unless_it_says_otherwise(
    server: ContainerServer, text: str
) -> None:
    members = json.loads(server.answers[0].body)
    server.answers = [Answer(body=json.dumps({**members, "Expiration": text}).encode())]

    assert fetched({FULL: server.url})[1] == EXPIRY


def test_a_proxy_is_never_asked(server: ContainerServer) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"

    assert fetched({FULL: server.url, "http_proxy": nowhere, "HTTP_PROXY": nowhere})


def test_a_token_file_is_read_at_each_fetch(server: ContainerServer, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first")
    environment = {FULL: server.url, TOKEN: "other", TOKEN_FILE: str(file)}
    fetched(environment)
    file.write_text("second")

    fetched(environment)

    assert [asked.headers["authorization"] for asked in server.asked] == ["first", "second"]


@pytest.mark.parametrize("content", [b"to\nken", b"token\n", b"token\r", b"t\xc3\xb6ken", b"\xff"])
def test_a_token_file_that_no_header_can_carry_is_a_reason_that_names_it(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)

    reason = failure({FULL: "http://127.0.0.1:1", TOKEN_FILE: str(file)})

    assert str(file) in reason
    assert "ken" not in reason.replace(str(file), "").replace("TOKEN", "")


def test_a_token_file_that_is_not_there_is_a_reason_that_names_it(tmp_path: Path) -> None:
    reason = failure({FULL: "http://127.0.0.1:1", TOKEN_FILE: str(tmp_path / "none")})

    assert f"{tmp_path / 'none'}: No such file" in reason


@pytest.mark.parametrize("token", ["hidden\n", "hid\rden", "hiddenä"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        fetched({FULL: "http://127.0.0.1:1", TOKEN: token})

    assert caught.value.variable == TOKEN
    assert "hid" not in f"{caught.value} {vars(caught.value)}"


def test_what_is_asked_and_with_what_is_the_sdk_s_choice(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("of the file")
    choices = {
        RELATIVE: "/relative",
        FULL: "http://127.0.0.1/full",
        TOKEN: "Basic of-the-variable",
        TOKEN_FILE: str(file),
    }
    for picked in product((False, True), repeat=len(choices)):
        environment = {
            name: text for (name, text), is_there in zip(choices.items(), picked, strict=True) if is_there
        }
        if RELATIVE in environment or FULL in environment:
            headers = {"Authorization": token} if (token := container_endpoint._token(environment)) else {}

            assert (container_endpoint._url_of(environment), headers) == asked_by_sdk(environment)


class RecordingFetcher(ContainerMetadataFetcher):
    def retrieve_full_uri(self, full_url: str, headers: Any = None) -> Any:
        self.asked = full_url, headers or {}
        return dict.fromkeys(("AccessKeyId", "SecretAccessKey", "Token"), "x") | {
            "Expiration": "2030-01-01T00:00:00Z"
        }


def asked_by_sdk(environment: dict[str, str]) -> Any:
    fetcher: Any = RecordingFetcher()
    provider: Any = ContainerProvider(environ=environment, fetcher=fetcher)
    provider.load()
    return fetcher.asked


@pytest.mark.parametrize("url", LOCAL.split())
def test_what_is_local_may_be_asked_as_in_the_sdk(url: str) -> None:
    assert is_accepted({FULL: url})
    assert sdk_accepts(url)


@pytest.mark.parametrize("url", ["https://credentials.example/x", "https://192.0.2.1"])
def test_anybody_may_be_asked_over_https(url: str) -> None:
    assert is_accepted({FULL: url})


@pytest.mark.parametrize("url", REMOTE.split())
def test_nobody_else_may_be_asked_over_plain_http_as_in_the_sdk(url: str) -> None:
    assert not is_accepted({FULL: url})
    assert not sdk_accepts(url)


def is_accepted(environment: dict[str, str]) -> bool:
    try:
        container_endpoint._url_of(environment)
    except ConfigurationError:
        return False
    return True


def sdk_accepts(url: str) -> bool:
    fetcher: Any = ContainerMetadataFetcher()
    try:
        fetcher._validate_allowed_url(url)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("url", [*NO_URLS.split(), "", "http://localhost/a b", "http://localhost/\n"])
def test_what_is_no_url_of_http_is_refused(url: str) -> None:
    assert not is_accepted({FULL: url})


@pytest.mark.parametrize("path", ["@credentials.example/", ".example/", "relative", ":port/"])
def test_a_relative_uri_that_leads_to_another_host_is_refused_with_its_name(path: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        fetched({RELATIVE: path, FULL: "http://127.0.0.1:1"})

    assert caught.value.variable == RELATIVE


def test_a_refusal_shows_the_host_and_not_what_only_the_function_may_know() -> None:
    with pytest.raises(ConfigurationError) as caught:
        fetched({FULL: "http://user:word@credentials.example:80/path?query"})

    assert caught.value.value == "http://credentials.example:80"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(404), "HTTP 404"),
        (Answer(302), "HTTP 302"),
        (Answer(500, b"<html>"), "HTTP 500"),
        (Answer(400, b'{"code": "Bad", "message": "not you"}'), "HTTP 400 ('Bad: not you')"),
        (Answer(403, b'{"Message": "not you"}'), "HTTP 403 ('not you')"),
        (Answer(403, b'{"message": "the token is no good"}'), "HTTP 403 ('... is no good')"),
        (Answer(200, b'{"Code": "AssumeRoleUnauthorizedAccess", "Message": 7}'), "without AccessKeyId"),
        (
            Answer(200, b'{"AccessKeyId": "a", "SecretAccessKey": "hidden", "Token": "b"}'),
            "without Expiration",
        ),
        (
            Answer(200, b'{"AccessKeyId": "a", "SecretAccessKey": "hidden\\n", "Token": ""}'),
            "Key, Token, Expiration",
        ),
        (
            Answer(
                200, b'{"AccessKeyId": "a", "SecretAccessKey": "hidden", "Token": "b", "Expiration": "soon"}'
            ),
            "no time of ISO 8601",
        ),
        (Answer(200, b"[]"), "without AccessKeyId"),
        (Answer(200, b"\xff\xfe\xfd"), "without AccessKeyId"),
        (Answer(200, b'{"SecretAccessKey": "hidden"'), "without AccessKeyId"),
        (Answer(200, b"[" * 60_000), "without AccessKeyId"),
        (Answer(200, b"hidden" * 20_000), "longer than"),
        (Answer(200, b'{"SecretAccessKey": "hidden"', length=1000), "gave no answer"),
    ],
)
def test_an_answer_without_credentials_is_a_reason_that_names_the_endpoint_and_no_secret(
    server: ContainerServer, answer: Answer, words: str
) -> None:
    server.answers = [answer]

    reason = failure({FULL: server.url, TOKEN: "the token"})

    assert words in reason
    assert server.url.removesuffix("/credentials") in reason
    assert not any(secret in reason for secret in ("hidden", "the token", "/credentials"))


def test_nobody_there_is_a_reason_that_names_the_endpoint() -> None:
    port = free_port()

    assert f"http://127.0.0.1:{port} gave no answer" in failure({FULL: f"http://127.0.0.1:{port}/"})


def test_an_answer_that_is_no_good_is_asked_for_again(server: ContainerServer) -> None:
    server.answers = [Answer(500), Answer(200, b"half"), good(1, EXPIRY)]

    assert fetched({FULL: server.url})[0].access_key_id == "AKID1"


def test_three_attempts_are_enough(server: ContainerServer) -> None:
    server.answers = [Answer(500)]

    failure({FULL: server.url})

    assert len(server.asked) == 3


def test_no_attempt_begins_after_the_time_is_up(server: ContainerServer) -> None:
    server.answers = [Answer(500)]

    with pytest.raises(CredentialsUnavailableError, match="HTTP 500"):
        fetched({FULL: server.url}, timeout_seconds=0.2)

    assert len(server.asked) == 2


@pytest.mark.parametrize("drips", ["headers", "body"])
def test_a_server_that_drips_does_not_stretch_the_time(
    server: ContainerServer, drips: Literal["headers", "body"]
) -> None:
    server.answers = [Answer(drips=drips, length=60_000)]
    started = time.monotonic()

    with pytest.raises(CredentialsUnavailableError, match="gave no answer"):
        fetch({FULL: server.url}, clock=SystemClock(), timeout_seconds=0.3)

    assert time.monotonic() - started < 20
