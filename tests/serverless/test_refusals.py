"""What is wrong in serverless.yml ends `osls package` with a message that says what, before anything is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.serverless.osls import run_osls, write_service
from tests.serverless.services import CREATE, HTTP_API, REST_API, service

if TYPE_CHECKING:
    from pathlib import Path

FUNCTIONS = {"create": CREATE, "show": HTTP_API}


def refusal(folder: Path, configuration: str, *arguments: str) -> str:
    write_service(folder, configuration)
    done = run_osls(folder, "package", *arguments)
    assert done.returncode != 0, done.stdout
    assert "    at " not in done.stdout.partition("Environment:")[2], (
        "a mistake of a user's has no stack trace"
    )
    return done.stdout


@pytest.mark.parametrize(
    ("discovery", "said"),
    [
        ({"versoin": "1.0.0"}, "at 'custom.discovery': unrecognized property 'versoin'"),
        ({"http": {"servce": "a"}}, "at 'custom.discovery.http': unrecognized property 'servce'"),
        (
            {"functions": {"create": {"servce": "a"}}},
            "at 'custom.discovery.functions.create': unrecognized property 'servce'",
        ),
    ],
    ids=str,
)
def test_what_is_misspelt_is_refused_in_the_frameworks_own_words(
    tmp_path: Path, discovery: Any, said: str
) -> None:
    assert said in refusal(tmp_path / "users", service(discovery, functions=FUNCTIONS))


@pytest.mark.parametrize(
    ("discovery", "said"),
    [
        ({"version": 1.2}, 'custom.discovery.version is "1.2": must be a semantic version'),
        # Which the framework's schema makes a text of.
        ({"registrar": ["a"]}, 'custom.discovery.registrar is "a": must be an ARN'),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_is_refused_with_field_value_and_limit(
    tmp_path: Path, discovery: Any, said: str
) -> None:
    assert said in refusal(tmp_path / "users", service(discovery, functions=FUNCTIONS))


def test_a_stage_that_the_registry_does_not_take_is_refused(tmp_path: Path) -> None:
    configuration = service(functions=FUNCTIONS)

    said = refusal(tmp_path / "users", configuration, "--stage", "x" * 41)

    assert "the stage is" in said
    assert "say custom.discovery.stage" in said


def test_two_apis_are_refused_until_one_is_chosen(tmp_path: Path) -> None:
    functions = {"show": HTTP_API, "list": REST_API}

    assert "say custom.discovery.http: httpApi or restApi" in refusal(
        tmp_path / "users", service(functions=functions)
    )


def test_a_resource_with_the_plugins_id_is_refused(tmp_path: Path) -> None:
    resources = {"Resources": {"DiscoveryServiceEndpoint": {"Type": "AWS::SNS::Topic"}}}

    said = refusal(tmp_path / "users", service(functions=FUNCTIONS, resources=resources))

    assert "the template has a resource DiscoveryServiceEndpoint already" in said
