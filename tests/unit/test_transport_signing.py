"""What the signer leaves alone, what it replaces, and what it keeps to itself."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.transport.signing import Credentials, sign

if TYPE_CHECKING:
    from collections.abc import Mapping

CREDENTIALS = Credentials("AKIDEXAMPLE", "the secret", "the token")


def signed(
    headers: Mapping[str, str] | None = None,
    *,
    url: str = "https://ssm.eu-central-1.amazonaws.com/",
    body: bytes = b"{}",
    **changes: Any,
) -> dict[str, str]:
    given: dict[str, Any] = {
        "service": "ssm",
        "region": "eu-central-1",
        "credentials": CREDENTIALS,
        "at_seconds": 1_440_938_160.0,
        **changes,
    }
    return sign("POST", url, headers or {}, body, **given)


def test_the_headers_given_are_sent_as_they_are() -> None:
    sent = signed({"Content-Type": " a  b ", "User-Agent": "us"})

    assert sent["Content-Type"] == " a  b "
    assert sent["User-Agent"] == "us"


def test_the_headers_given_are_not_changed() -> None:
    given = {"X-Amz-Date": "then"}

    signed(given)

    assert given == {"X-Amz-Date": "then"}


def test_signing_anew_replaces_every_header_of_the_former_signature() -> None:
    former = signed(at_seconds=0.0, credentials=Credentials("OTHER", "other", "other"))

    assert signed({name.title(): text for name, text in former.items()}) == {
        "Host": "ssm.eu-central-1.amazonaws.com",
        **{name: text for name, text in signed().items() if name != "host"},
    }


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://a.example", "a.example"),
        ("https://A.example:443/x", "a.example"),
        ("http://a.example:443/x", "a.example:443"),
        ("http://user:word@a.example:80/", "a.example"),
        ("http://[FD00::1]:4566/", "[fd00::1]:4566"),
        ("https://[::1]", "[::1]"),
    ],
)
def test_the_host_is_that_of_the_url_without_what_clients_do_not_send(url: str, host: str) -> None:
    assert signed(url=url)["host"] == host


def test_a_host_that_is_given_is_kept() -> None:
    sent = signed({"Host": "other"})

    assert sent["Host"] == "other"
    assert "host" not in sent


def test_no_token_means_no_header_for_one() -> None:
    assert "x-amz-security-token" not in signed(credentials=Credentials("AKIDEXAMPLE", "the secret", ""))


@pytest.mark.parametrize(
    "name", ["Connection", "Expect", "Transfer-Encoding", "User-Agent", "X-Amzn-Trace-Id"]
)
def test_what_changes_under_way_is_not_signed(name: str) -> None:
    assert signed({name: "one"})["authorization"] == signed({name: "other"})["authorization"]


@pytest.mark.parametrize(
    "change",
    [
        {"headers": {"x-amz-target": "Other"}},
        {"url": "https://ssm.eu-central-1.amazonaws.com/?x"},
        {"url": "https://ssm.eu-central-1.amazonaws.com/x"},
        {"body": b"[]"},
        {"service": "s3"},
        {"region": "us-east-1"},
        {"at_seconds": 1_440_938_161.0},
        {"credentials": Credentials("AKIDEXAMPLE", "other", "the token")},
        {"credentials": Credentials("AKIDEXAMPLE", "the secret", "other")},
    ],
)
def test_whatever_else_changes_changes_the_signature(change: dict[str, Any]) -> None:
    assert signed(**change)["authorization"] != signed()["authorization"]


def test_a_hash_that_is_given_stands_for_the_body() -> None:
    unsigned = {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}

    assert signed(unsigned, body=b"one") == signed(unsigned, body=b"other")


def test_the_text_of_credentials_shows_neither_secret_nor_token() -> None:
    shown = f"{CREDENTIALS} {CREDENTIALS!r} {[CREDENTIALS]}"

    assert "AKIDEXAMPLE" in shown
    assert "the secret" not in shown
    assert "the token" not in shown


def test_credentials_are_a_value() -> None:
    assert copy.deepcopy(CREDENTIALS) == CREDENTIALS
    assert pickle.loads(pickle.dumps(CREDENTIALS)) == CREDENTIALS  # noqa: S301 -- our own
    assert Credentials("AKIDEXAMPLE", "the secret") != CREDENTIALS
    assert len({CREDENTIALS, copy.copy(CREDENTIALS)}) == 1
