"""Credentials from the variables: which count, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from botocore.credentials import EnvProvider
from botocore.exceptions import PartialCredentialsError

from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.testing import FakeClock
from cloudmap_discovery.transport.credentials import CredentialSource, CredentialsUnavailableError
from cloudmap_discovery.transport.signing import Credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

PAIR = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "the secret"}
NOWHERE = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/"}


def source(environment: Mapping[str, str]) -> CredentialSource:
    return CredentialSource(environment, clock=FakeClock())


def read(environment: Mapping[str, str]) -> Credentials:
    return source(environment).current(timeout_seconds=5)


def test_a_key_pair_of_the_variables_comes_before_a_container_endpoint() -> None:
    assert read({**PAIR, **NOWHERE}) == Credentials("AKIDEXAMPLE", "the secret")


def test_the_variables_are_read_anew_at_each_call() -> None:
    environment = dict(PAIR)
    credentials = source(environment)
    before = credentials.current(timeout_seconds=5)
    environment["AWS_SECRET_ACCESS_KEY"] = "rotated"

    assert before.secret_access_key == "the secret"
    assert credentials.current(timeout_seconds=5).secret_access_key == "rotated"


def test_an_expiry_in_the_variables_is_left_for_aws_to_judge() -> None:
    expired = {**PAIR, "AWS_CREDENTIAL_EXPIRATION": "2001-01-01T00:00:00Z"}

    assert read(expired) == Credentials("AKIDEXAMPLE", "the secret")


@pytest.mark.parametrize(
    ("there", "missing"),
    [("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")],
)
def test_half_a_key_pair_is_refused_with_the_name_of_the_other_half(there: str, missing: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read({there: "half", missing: ""})

    assert caught.value.variable == missing
    assert "half of a key pair" in str(caught.value)


@pytest.mark.parametrize(
    "name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"]
)
@pytest.mark.parametrize("ending", ["\n", "\x00", "ä", "\udce4"])
def test_what_no_header_can_carry_is_refused_and_not_shown(name: str, ending: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read({**PAIR, name: f"hidden{ending}"})

    assert caught.value.variable == name
    assert "hidden" not in f"{caught.value} {vars(caught.value)}"


def test_without_any_source_the_reason_names_what_is_missing() -> None:
    with pytest.raises(CredentialsUnavailableError) as caught:
        read({})

    assert "AWS_ACCESS_KEY_ID" in caught.value.reason


@pytest.mark.parametrize(
    ("environment", "is_configured"),
    [
        ({}, False),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": ""}, False),
        ({"AWS_SECRET_ACCESS_KEY": "the secret"}, False),
        ({"AWS_ACCESS_KEY_ID": "half"}, True),
        (PAIR, True),
        (NOWHERE, True),
        ({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}, True),
    ],
)
def test_a_source_is_configured_where_the_sdk_would_use_one(
    environment: dict[str, str],
    is_configured: bool,  # noqa: FBT001 -- pytest passes it
) -> None:
    assert source(environment).is_configured() is is_configured


def test_credentials_of_variables_that_aws_did_not_accept_are_read_again() -> None:
    credentials = source(PAIR)

    credentials.reject(credentials.current(timeout_seconds=5))

    assert credentials.current(timeout_seconds=5) == Credentials("AKIDEXAMPLE", "the secret")


def by_sdk(environment: dict[str, str]) -> tuple[str, ...] | str | None:
    provider: Any = EnvProvider(environ=environment)
    try:
        found = provider.load()
    except PartialCredentialsError as error:
        return str(error.kwargs["cred_var"])
    return found and tuple(found.get_frozen_credentials())[:3]


def by_us(environment: dict[str, str]) -> tuple[str, ...] | str | None:
    try:
        found: Any = read(environment)
    except ConfigurationError as error:
        return error.variable
    return found.access_key_id, found.secret_access_key, found.session_token


def test_the_variables_mean_what_they_mean_to_the_sdk() -> None:
    names = ("AWS_SECRET_ACCESS_KEY", "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN")
    for texts in product((None, "", "text"), repeat=len(names)):
        given = {
            name: f"{text}{index}" if text else text
            for index, (name, text) in enumerate(zip(names, texts, strict=True))
        }
        environment = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE"}
        environment.update({name: text for name, text in given.items() if text is not None})

        assert by_us(environment) == by_sdk(environment), environment


def test_reading_variables_loads_neither_an_http_client_nor_json() -> None:
    script = (
        "import sys\n"
        "from cloudmap_discovery.clock import SystemClock\n"
        "from cloudmap_discovery.transport.credentials import CredentialSource\n"
        "before = {'http.client', 'json', 'ssl'} & {*sys.modules}\n"
        f"CredentialSource({PAIR!r}, clock=SystemClock()).current(timeout_seconds=1)\n"
        "print({'http.client', 'json', 'ssl'} & {*sys.modules} - before, "
        "'cloudmap_discovery.transport.container_endpoint' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set() False"


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"])
def test_what_the_sdk_takes_before_a_container_endpoint_overrules_that_and_no_key_pair(variable: str) -> None:
    container = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/", variable: "mine"}
    keys = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}

    assert CredentialSource(container, clock=FakeClock()).is_overruled()
    assert not CredentialSource({**container, **keys}, clock=FakeClock()).is_overruled()
    assert not CredentialSource(
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/"}, clock=FakeClock()
    ).is_overruled()
