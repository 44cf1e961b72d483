"""With nothing but the package, node-semver and tenacity, as `pip install cloudmap-discovery` leaves it: no SDK, no pydantic."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.sandbox.scripts import IN_LAMBDA, lines_of

if TYPE_CHECKING:
    from tests.standin.stand_in import StandIn

PACKAGE = Path(__file__).parents[2] / "cloudmap_discovery"
REMEDY = "pip install 'cloudmap-discovery[sdk]'"

LOOKUP = """
try:
    print(cloudmap_discovery.sync.discover("users", stage="Production"))
except cloudmap_discovery.DiscoveryError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def site_packages(tmp_path: Path) -> Path:
    for name in ("nodesemver", "tenacity"):
        found = find_spec(name)
        assert found is not None
        assert found.origin is not None
        (tmp_path / name).symlink_to(Path(found.origin).parent)
    (tmp_path / "cloudmap_discovery").symlink_to(PACKAGE)
    return tmp_path


def printed(site_packages: Path, script: str, environment: dict[str, str]) -> list[str]:
    beginning = f"import sys\nsys.path.append({str(site_packages)!r})\nimport cloudmap_discovery\n"
    return lines_of(beginning + script, environment, "-I", "-S")


def seed(aws: StandIn) -> None:
    aws.seed_instance("services", "users", "1", {"endpoint": "https://users.test", "stage": "Production"})


def without_keys(aws: StandIn) -> dict[str, str]:
    return {name: text for name, text in aws.environment().items() if "KEY" not in name}


def test_nothing_else_can_be_imported(site_packages: Path) -> None:
    script = """
from importlib.util import find_spec
print([name for name in ("aiobotocore", "botocore", "boto3", "pydantic", "pydantic_settings") if find_spec(name)])
"""

    assert printed(site_packages, script, {}) == ["[]"]


@pytest.mark.parametrize("transport", ["", "auto", "direct"])
@pytest.mark.parametrize("place", [{}, IN_LAMBDA], ids=["elsewhere", "in lambda"])
def test_a_lookup_works(aws: StandIn, site_packages: Path, transport: str, place: dict[str, str]) -> None:
    seed(aws)
    environment = {**aws.environment(), **place, "DISCOVERY_TRANSPORT": transport, "DISCOVERY_TTL": "5"}

    assert printed(site_packages, LOOKUP, environment) == ["https://users.test"]


def test_a_retry_works(aws: StandIn, site_packages: Path) -> None:
    seed(aws)
    aws.faults.error("InternalFailure", "servicediscovery", status=500, count=1)

    assert printed(site_packages, LOOKUP, aws.environment()) == ["https://users.test"]


def test_a_range_is_read(site_packages: Path) -> None:
    script = """
from cloudmap_discovery.ranges import parse_range
print(parse_range("^1.2").matches("1.3.0"))
"""

    assert printed(site_packages, script, {}) == ["True"]


def test_registering_and_deregistering_work(aws: StandIn, site_packages: Path) -> None:
    script = """
from cloudmap_discovery import sync
print(sync.register("orders", "https://orders.test", stage="Production"))
print(sync.discover("orders", stage="Production"), sync.services(stage="Production"))
print(sync.deregister("orders", stage="Production"))
"""

    lines = printed(site_packages, script, aws.environment())

    assert lines == ["https://orders.test", "https://orders.test ['orders']", "True"]


def test_the_transport_over_the_sdk_says_what_it_needs(aws: StandIn, site_packages: Path) -> None:
    environment = {**aws.environment(), "DISCOVERY_TRANSPORT": "sdk"}

    (said,) = printed(site_packages, LOOKUP, environment)

    assert said == (
        "ConfigurationError DISCOVERY_TRANSPORT is 'sdk'; "
        f"it must be auto or direct, since sdk needs aiobotocore: {REMEDY}"
    )


def test_without_credentials_the_error_says_what_to_set_and_what_to_install(
    aws: StandIn, site_packages: Path
) -> None:
    silent = "import logging\nlogging.disable()\n"  # each store's failure is a warning

    (said,) = printed(site_packages, silent + LOOKUP, {**without_keys(aws), "AWS_PROFILE": "work"})

    assert said.startswith("DiscoveryUnavailableError ")
    for operation in ("servicediscovery:DiscoverInstances", "ssm:GetParameters"):
        assert f"{operation} was not called for want of AWS credentials" in said
    assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in said
    assert f"profiles and single sign-on need {REMEDY}" in said
    assert aws.calls() == {}


def test_without_a_region_the_error_says_what_to_set_and_what_to_install(
    aws: StandIn, site_packages: Path
) -> None:
    environment = {name: text for name, text in aws.environment().items() if "REGION" not in name}

    (said,) = printed(site_packages, LOOKUP, environment)

    assert said.startswith("ConfigurationError DISCOVERY_REGION is not set: set it, or AWS_REGION")
    assert REMEDY in said


def test_a_wrong_setting_is_refused_in_the_same_words(aws: StandIn, site_packages: Path) -> None:
    (said,) = printed(site_packages, LOOKUP, {**aws.environment(), "DISCOVERY_TTL": "soon"})

    assert said == (
        "ConfigurationError DISCOVERY_TTL is 'soon'; it must be a number of seconds from 0.1 to 86400"
    )
