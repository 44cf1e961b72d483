"""Every call goes where AWS's own SDK for Python sends it, signed for the same service and region."""

from __future__ import annotations

import os
from itertools import product
from typing import Any, Final, NamedTuple

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.session import Session
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.transport.endpoints import resolve

OPERATIONS: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "DiscoverInstances": (
        "servicediscovery",
        "discover_instances",
        {"NamespaceName": "n", "ServiceName": "s"},
    ),
    "RegisterInstance": (
        "servicediscovery",
        "register_instance",
        {"ServiceId": "s", "InstanceId": "i", "Attributes": {}},
    ),
    "GetParameters": ("ssm", "get_parameters", {"Names": ["n"]}),
    "GetObject": ("s3", "get_object", {"Bucket": "bucket", "Key": "key"}),
    "GetResources": ("resourcegroupstaggingapi", "get_resources", {}),
    "ListTags": ("lambda", "list_tags", {"Resource": "arn"}),
    "GetRestApi": ("apigateway", "get_rest_api", {"restApiId": "id"}),
    "GetApi": ("apigatewayv2", "get_api", {"ApiId": "id"}),
}
# What the path of an operation adds to the endpoint: that is for others to test.
PATHS: Final = {
    "GetObject": "/key",
    "ListTags": "/2017-03-31/tags/arn",
    "GetRestApi": "/restapis/id",
    "GetApi": "/v2/apis/id",
}
ENDINGS: Final = (
    "",
    "_SSM",
    "_SERVICEDISCOVERY",
    "_S3",
    "_LAMBDA",
    "_API_GATEWAY",
    "_APIGATEWAYV2",
    "_RESOURCE_GROUPS_TAGGING_API",
)
SWITCHES: Final = (
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_DISABLE_HOST_PREFIX_INJECTION",
)


class Sent(NamedTuple):
    url: str
    region: str
    service: str


class SentError(Exception):
    def __init__(self, request: Any) -> None:
        authorization = request.headers["Authorization"].decode()
        _, _, region, service, _ = authorization.partition("Credential=")[2].split("/", 4)
        self.sent = Sent(request.url.rstrip("/"), region, service)
        super().__init__(self.sent)


def new_session() -> Session:
    session = Session()
    session.set_config_variable("config_file", os.devnull)
    session.set_credentials("AKIDEXAMPLE", "the secret")
    return session


SESSION: Final = new_session()


def new_session_with_the_same_data() -> Session:
    """Return a session that reads the environment anew, and AWS's data, half a second's worth, from memory."""
    session = new_session()
    session.register_component("data_loader", SESSION.get_component("data_loader"))
    return session


def regions() -> list[str]:
    """List every region of every partition, and the names that regions with FIPS had; `aws-global` is none."""
    loader = SESSION.get_component("data_loader")
    partitions = loader.load_data("partitions")["partitions"]
    known = {name for one in partitions for name in one["regions"] if not name.endswith("-global")}
    former = {
        name
        for one in loader.load_data("endpoints")["partitions"]
        for service in ("servicediscovery", "ssm", "s3", "lambda")
        for name in one["services"].get(service, {}).get("endpoints", {})
        if name.replace("fips-", "").replace("-fips", "") in known
    }
    return sorted(known | former)


def regional() -> Any:
    """Return how the SDK is told what this package tells it otherwise; a new one each time, since it adds to it."""
    return {"us_east_1_regional_endpoint": "regional"}


def by_sdk(
    operation: str, region: str, config: Config | None = None, session: Session = SESSION, **more: str
) -> Sent | None:
    """Return what botocore would send, or None where it refuses."""
    service, method, arguments = OPERATIONS[operation]
    arguments = {**arguments, **more}
    try:
        client: Any = session.create_client(service, region_name=region, config=config)
        client.meta.events.register("before-send", stop)
        getattr(client, method)(**arguments)
    except SentError as stopped:
        return stopped.sent
    except (BotoCoreError, ValueError):  # a ValueError is its answer to a URL that cannot be
        return None
    raise AssertionError("nothing was sent")


def stop(request: Any, **_: object) -> None:
    raise SentError(request)


def by_us(operation: str, region: str, environment: dict[str, str], bucket: str = "bucket") -> Sent | None:
    service = OPERATIONS[operation][0]
    try:
        endpoint = resolve(
            service,
            operation,
            region=region,
            endpoint_url=None,
            environment=environment,
            bucket=bucket if service == "s3" else "",
        )
    except ConfigurationError:
        return None
    url = f"{endpoint.url}{PATHS.get(operation, '')}"
    return Sent(url, endpoint.signing_region, endpoint.signing_name)


def test_the_regions_are_all_there() -> None:
    assert len(regions()) > 50
    assert {"eu-central-1", "cn-north-1", "us-gov-west-1", "fips-us-gov-west-1", "us-isof-south-1"} <= {
        *regions()
    }


@pytest.mark.parametrize("region", regions())
def test_a_call_goes_where_the_sdk_sends_it(region: str) -> None:
    for operation, is_fips, is_dualstack in product(OPERATIONS, (False, True), (False, True)):
        config = Config(use_fips_endpoint=is_fips, use_dualstack_endpoint=is_dualstack, s3=regional())
        environment = {
            "AWS_USE_FIPS_ENDPOINT": str(is_fips),
            "AWS_USE_DUALSTACK_ENDPOINT": str(is_dualstack),
        }

        assert by_us(operation, region, environment) == by_sdk(operation, region, config), (
            operation,
            environment,
        )


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "environment",
    [
        {"AWS_USE_FIPS_ENDPOINT": "TRUE"},
        {"AWS_USE_FIPS_ENDPOINT": "1", "AWS_USE_DUALSTACK_ENDPOINT": "yes"},
        {"AWS_USE_DUALSTACK_ENDPOINT": ""},
        {"AWS_DISABLE_HOST_PREFIX_INJECTION": "true"},
        {"AWS_ENDPOINT_URL": "http://localhost:4566"},
        {"AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_ENDPOINT_URL_SSM": "http://ssm.test"},
        {
            "AWS_ENDPOINT_URL": "http://localhost:4566",
            "AWS_ENDPOINT_URL_SERVICEDISCOVERY": "http://map.test/x",
        },
        {"AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_ENDPOINT_URL_SERVICEDISCOVERY": ""},
        {"AWS_ENDPOINT_URL": "http://localhost", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
        {"AWS_ENDPOINT_URL_SSM": "http://ssm.test", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "True"},
        {"AWS_ENDPOINT_URL": "http://localhost", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "1"},
        {
            "AWS_ENDPOINT_URL": "http://localhost",
            "AWS_USE_FIPS_ENDPOINT": "true",
            "AWS_USE_DUALSTACK_ENDPOINT": "true",
        },
        {"AWS_ENDPOINT_URL": "localhost:4566"},
        {"AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_ENDPOINT_URL_S3": "http://s3.test/x"},
        {"AWS_ENDPOINT_URL_LAMBDA": "http://lambda.test/x"},
        {
            "AWS_ENDPOINT_URL_API_GATEWAY": "http://apis.test",
            "AWS_ENDPOINT_URL_APIGATEWAYV2": "http://v2.test",
        },
        {"AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API": "http://tags.test"},
        {"AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_USE_FIPS_ENDPOINT": "true"},
    ],
    ids=str,
)
def test_the_variables_mean_what_they_mean_to_the_sdk(
    environment: dict[str, str], operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in ENDINGS:
        monkeypatch.delenv(f"AWS_ENDPOINT_URL{service}", raising=False)
    for name in SWITCHES:
        monkeypatch.delenv(name, raising=False)
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    is_own = not environment.keys().isdisjoint({"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"})
    s3: Any = {"addressing_style": "path"} if is_own else None
    is_ignored = environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"
    theirs = by_sdk(
        operation,
        "eu-central-1",
        Config(s3=None if is_ignored else s3),
        session=new_session_with_the_same_data(),
    )

    ours = by_us(operation, "eu-central-1", environment)

    # The SDK puts the host prefix in front of an endpoint of one's own too, and we do not.
    if ours is not None and ours.url in environment.values() and theirs is not None:
        theirs = theirs._replace(url=theirs.url.replace("//data-", "//"))
    assert ours == theirs


@pytest.mark.parametrize(
    "region",
    [
        "",
        "-eu",
        "eu-",
        "123",
        "eu central-1",
        "eu.central",
        "ä",
        "a" * 63,
        "a" * 64,
        "eu--central",
        "xx-new-1",
        "fips-",
    ],
)
def test_a_region_is_refused_where_the_sdk_refuses_it(region: str) -> None:
    assert by_us("GetParameters", region, {}) == by_sdk("GetParameters", region)


def buckets() -> st.SearchStrategy[str]:
    names = st.text("abcxyz019-.", min_size=3, max_size=20) | st.text("a1-", min_size=62, max_size=64)
    return names.filter(lambda name: not name.endswith(("--x-s3", "--op-s3")))


@given(buckets(), st.sampled_from(["eu-central-1", "us-east-1", "cn-north-1"]))
@example("a.b", "eu-central-1")
@example("123", "eu-central-1")
@example("192.168.0.1", "eu-central-1")
@example("points-abcdefghijklmnopqrstuvwxyz1234-s3alias", "eu-central-1")
@example("UPPER_case", "us-east-1")
@settings(max_examples=30)
def test_a_bucket_stands_in_the_host_where_the_sdk_puts_it_there(bucket: str, region: str) -> None:
    theirs = by_sdk("GetObject", region, Config(s3=regional()), Bucket=bucket)

    assert by_us("GetObject", region, {}, bucket) == theirs
