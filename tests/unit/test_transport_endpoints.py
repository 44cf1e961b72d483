"""Which setting decides where a call goes, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.transport.endpoints import Endpoint, region_of, resolve


def resolved(
    environment: dict[str, str] | None = None,
    *,
    service: str = "servicediscovery",
    operation: str = "DiscoverInstances",
    region: str = "eu-central-1",
    endpoint_url: str | None = None,
) -> Endpoint:
    return resolve(
        service, operation, region=region, endpoint_url=endpoint_url, environment=environment or {}
    )


def refusal(*args: Any, **about: Any) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        resolved(*args, **about)
    return caught.value


@pytest.mark.parametrize(
    ("setting", "environment", "region"),
    [
        ("eu-west-1", {"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-1"),
        (None, {"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-2"),
        (None, {"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-3"),
        ("", {"AWS_DEFAULT_REGION": ""}, None),
    ],
)
def test_the_region_is_the_setting_then_that_of_lambda_then_that_of_the_sdk(
    setting: str | None, environment: dict[str, str], region: str | None
) -> None:
    assert region_of(setting, environment) == region


def test_an_endpoint_of_aws_follows_from_service_operation_and_region() -> None:
    assert resolved() == Endpoint(
        "https://data-servicediscovery.eu-central-1.amazonaws.com",
        "eu-central-1",
        "servicediscovery",
        is_own=False,
    )


def test_the_setting_comes_before_every_variable() -> None:
    variables = {"AWS_ENDPOINT_URL_SERVICEDISCOVERY": "http://a", "AWS_ENDPOINT_URL": "http://b"}

    assert resolved(variables, endpoint_url="http://localhost:4566").url == "http://localhost:4566"


def test_the_setting_holds_even_where_configured_urls_are_ignored() -> None:
    ignored = {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}

    assert resolved(ignored, endpoint_url="http://localhost:4566").is_own


def test_an_endpoint_of_ones_own_gets_no_host_prefix_and_is_signed_for_the_region() -> None:
    own = resolved(endpoint_url="http://localhost:4566/")

    assert own == Endpoint("http://localhost:4566", "eu-central-1", "servicediscovery", is_own=True)


def test_a_path_of_an_endpoint_of_ones_own_is_kept() -> None:
    assert resolved({"AWS_ENDPOINT_URL": "https://[fd00::1]:4566/aws/"}).url == "https://[fd00::1]:4566/aws"


def test_a_bucket_stands_in_the_host_at_aws_and_in_the_path_at_an_endpoint_of_ones_own() -> None:
    at_aws, at_home = (
        resolve("s3", "GetObject", region="eu-central-1", endpoint_url=url, environment={}, bucket="registry")
        for url in (None, "http://localhost:4566/")
    )

    assert at_aws == Endpoint(
        "https://registry.s3.eu-central-1.amazonaws.com", "eu-central-1", "s3", is_own=False
    )
    assert at_home == Endpoint("http://localhost:4566/registry", "eu-central-1", "s3", is_own=True)


def test_fips_is_refused_with_its_variable_where_s3_has_none() -> None:
    error = refusal(
        {"AWS_USE_FIPS_ENDPOINT": "true"}, service="s3", operation="GetObject", region="cn-north-1"
    )

    assert (error.variable, error.value) == ("AWS_USE_FIPS_ENDPOINT", "true")


def test_a_service_s_own_variable_is_for_that_service() -> None:
    variables = {"AWS_ENDPOINT_URL_SSM": "http://a"}

    assert resolved(variables, service="ssm", operation="GetParameters").url == "http://a"
    assert not resolved(variables).is_own


@pytest.mark.parametrize(
    ("service", "ending"),
    [
        ("resourcegroupstaggingapi", "RESOURCE_GROUPS_TAGGING_API"),
        ("lambda", "LAMBDA"),
        ("apigateway", "API_GATEWAY"),
        ("apigatewayv2", "APIGATEWAYV2"),
    ],
)
def test_a_service_s_own_variable_ends_as_the_sdk_has_it(service: str, ending: str) -> None:
    variables = {f"AWS_ENDPOINT_URL_{ending}": "http://a"}

    assert resolved(variables, service=service, operation="").url == "http://a"


def test_requests_are_signed_for_the_name_that_the_service_s_hosts_begin_with() -> None:
    names = {
        service: resolved(service=service, operation="").signing_name
        for service in (
            "servicediscovery",
            "resourcegroupstaggingapi",
            "lambda",
            "apigateway",
            "apigatewayv2",
        )
    }

    assert names == {
        "servicediscovery": "servicediscovery",
        "resourcegroupstaggingapi": "tagging",
        "lambda": "lambda",
        "apigateway": "apigateway",
        "apigatewayv2": "apigateway",
    }


@pytest.mark.parametrize(
    "url",
    [
        "localhost:4566",
        "ftp://a",
        "https://",
        "http://a:port",
        "http://a:0",
        "http://[::1",
        "http://a b",
        "http://a\n",
        "http://a?x",
        "http://a#x",
        "http://ä",
    ],
)
@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL_SERVICEDISCOVERY", "AWS_ENDPOINT_URL"])
def test_a_url_that_cannot_be_is_refused_with_the_name_of_its_variable(variable: str, url: str) -> None:
    error = refusal({variable: url})

    assert (error.variable, error.value) == (variable, url)


def test_a_setting_that_cannot_be_is_refused_with_its_name() -> None:
    assert refusal(endpoint_url="localhost:4566").variable == "DISCOVERY_ENDPOINT_URL"


@pytest.mark.parametrize(
    ("environment", "variable"),
    [
        ({}, "DISCOVERY_REGION"),
        ({"DISCOVERY_REGION": "eu central", "AWS_REGION": "eu central"}, "DISCOVERY_REGION"),
        ({"AWS_REGION": "eu central", "AWS_DEFAULT_REGION": "eu-central-1"}, "AWS_REGION"),
        ({"AWS_DEFAULT_REGION": "eu central"}, "AWS_DEFAULT_REGION"),
    ],
)
def test_a_region_that_cannot_be_is_refused_with_the_name_of_its_variable(
    environment: dict[str, str], variable: str
) -> None:
    assert refusal(environment, region="eu central").variable == variable


def test_a_region_that_would_be_another_host_is_refused_also_beside_an_endpoint_of_ones_own() -> None:
    assert refusal(region="evil.example/", endpoint_url="http://localhost").value == "evil.example/"


def test_dual_stack_is_refused_with_its_variable_where_aws_has_none() -> None:
    error = refusal({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, region="eu-isoe-west-1")

    assert (error.variable, error.value) == ("AWS_USE_DUALSTACK_ENDPOINT", "true")


def test_host_prefixes_can_be_switched_off_as_in_the_sdk() -> None:
    switched_off = {"AWS_DISABLE_HOST_PREFIX_INJECTION": "true"}

    assert resolved(switched_off).url == "https://servicediscovery.eu-central-1.amazonaws.com"
