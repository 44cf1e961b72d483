"""Publishing brings layers and their permissions to where they should be, and writes nothing more."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from layer.errors import AwsError, WrongOptionError
from layer.publish import Publisher
from layer.releases import parse_grants, read_releases

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from layer.publish import LayerVersion
    from layer.releases import Release
    from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

ACCOUNT = "123456789012"
LAYER = "cloudmap-discovery-py313-arm64"


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return make_release(tmp_path / "dist", content="one")


@pytest.fixture
def functions(sdk: Callable[..., Any]) -> Any:
    return sdk("lambda")


@pytest.fixture
def objects(sdk: Callable[..., Any]) -> Any:
    return sdk("s3")


@pytest.fixture
def publisher(functions: Any, objects: Any) -> Publisher:
    return Publisher(functions=functions, objects=objects, region="us-east-1")


def make_release(dist: Path, *, content: str) -> Release:
    dist.mkdir()
    with zipfile.ZipFile(dist / "cloudmap-discovery-0.1.0-py3.13-arm64.zip", "w") as archive:
        archive.writestr("python/boto3-1.43.1.dist-info/METADATA", content)
    (release,) = read_releases(dist, layer_name="cloudmap-discovery")
    return release


def publish(
    publisher: Publisher, release: Release, *, accounts: str | None = None, public: bool = False
) -> LayerVersion:
    (plan,) = publisher.plan([release], parse_grants(accounts=accounts, public=public))
    return publisher.carry_out(plan)


def test_a_layer_is_published_with_runtime_architecture_license_and_description(
    publisher: Publisher, release: Release, functions: Any
) -> None:
    version = publish(publisher, release)

    found = functions.get_layer_version(LayerName=LAYER, VersionNumber=1)
    assert found["LayerVersionArn"] == version.arn
    assert found["CompatibleRuntimes"] == ["python3.13"]
    assert found["CompatibleArchitectures"] == ["arm64"]
    assert found["LicenseInfo"] == "Apache-2.0"
    assert (
        found["Description"] == "cloudmap-discovery 0.1.0, full, for Python 3.13 on arm64, with boto3 1.43.1"
    )
    assert found["Content"]["CodeSha256"] == release.code_sha256
    assert found["Content"]["CodeSize"] == release.path.stat().st_size


def test_the_same_content_is_not_published_again(
    publisher: Publisher, release: Release, aws: StandIn
) -> None:
    first = publish(publisher, release)
    aws.reset_calls()

    second = publish(publisher, release)

    assert second == first
    assert set(aws.calls()) == {"lambda:ListLayerVersions", "lambda:GetLayerVersion"}


def test_other_content_becomes_the_next_version(
    publisher: Publisher, release: Release, tmp_path: Path
) -> None:
    first = publish(publisher, release)

    second = publish(publisher, make_release(tmp_path / "other", content="two"))

    assert (first.number, second.number) == (1, 2)


def test_content_that_only_an_older_version_has_is_published_again(
    publisher: Publisher, release: Release, tmp_path: Path
) -> None:
    publish(publisher, release)
    publish(publisher, make_release(tmp_path / "other", content="two"))

    third = publish(publisher, release)

    assert third.number == 3


def test_the_newest_of_many_versions_counts(
    publisher: Publisher, release: Release, functions: Any, tmp_path: Path
) -> None:
    older = make_release(tmp_path / "older", content="older").path.read_bytes()
    for _ in range(60):  # more than a page of the listing
        functions.publish_layer_version(LayerName=LAYER, Content={"ZipFile": older})
    newest = publish(publisher, release)

    again = publish(publisher, release)

    assert newest.number == 61
    assert again == newest


def test_each_account_may_use_the_version(publisher: Publisher, release: Release, functions: Any) -> None:
    publish(publisher, release, accounts=f"{ACCOUNT},210987654321")

    statements = json.loads(functions.get_layer_version_policy(LayerName=LAYER, VersionNumber=1)["Policy"])[
        "Statement"
    ]
    assert {(found["Sid"], found["Action"]) for found in statements} == {
        (f"account-{ACCOUNT}", "lambda:GetLayerVersion"),
        ("account-210987654321", "lambda:GetLayerVersion"),
    }
    assert all(account in json.dumps(statements) for account in (ACCOUNT, "210987654321"))


def test_public_means_everyone(publisher: Publisher, release: Release, functions: Any) -> None:
    publish(publisher, release, public=True)

    (statement,) = json.loads(functions.get_layer_version_policy(LayerName=LAYER, VersionNumber=1)["Policy"])[
        "Statement"
    ]
    assert statement["Principal"] == "*"


def test_grants_are_added_to_a_version_that_is_there_already(
    publisher: Publisher, release: Release, functions: Any, aws: StandIn
) -> None:
    publish(publisher, release, accounts=ACCOUNT)
    aws.reset_calls()

    publish(publisher, release, accounts=f"{ACCOUNT},210987654321")

    assert aws.calls()["lambda:AddLayerVersionPermission"] == 1
    assert "lambda:PublishLayerVersion" not in aws.calls()
    statements = json.loads(functions.get_layer_version_policy(LayerName=LAYER, VersionNumber=1)["Policy"])[
        "Statement"
    ]
    assert len(statements) == 2


def test_a_grant_that_somebody_else_made_meanwhile_is_no_error(
    publisher: Publisher, release: Release, aws: StandIn
) -> None:
    aws.faults.error("ResourceConflictException", "lambda:AddLayerVersionPermission", status=409)

    version = publish(publisher, release, accounts=ACCOUNT)

    assert version.number == 1


def test_a_large_layer_goes_through_the_bucket(
    functions: Any, objects: Any, release: Release, aws: StandIn
) -> None:
    bucket = f"layers-{aws.account_id}"
    objects.create_bucket(Bucket=bucket)
    publisher = Publisher(
        functions=functions,
        objects=objects,
        region="us-east-1",
        bucket=bucket,
        direct_upload_limit_bytes=release.size_bytes - 1,
    )

    version = publish(publisher, release)

    assert objects.get_object(Bucket=bucket, Key=release.s3_key)["Body"].read() == release.path.read_bytes()
    assert version.code_sha256 == release.code_sha256


def test_a_layer_of_just_the_limit_needs_no_bucket(
    functions: Any, objects: Any, release: Release, aws: StandIn
) -> None:
    publisher = Publisher(
        functions=functions, objects=objects, region="us-east-1", direct_upload_limit_bytes=release.size_bytes
    )

    publish(publisher, release)

    assert "s3:PutObject" not in aws.calls()


def test_a_large_layer_without_a_bucket_is_an_error_before_anything_is_published(
    functions: Any, objects: Any, release: Release, aws: StandIn
) -> None:
    publisher = Publisher(
        functions=functions, objects=objects, region="us-east-1", direct_upload_limit_bytes=10
    )

    with pytest.raises(WrongOptionError, match=r"make publish BUCKET="):
        publisher.plan([release], ())

    assert set(aws.calls()) <= {"lambda:ListLayerVersions", "lambda:GetLayerVersion"}


def test_a_large_layer_that_is_published_already_needs_no_bucket(
    functions: Any, objects: Any, release: Release
) -> None:
    published = publish(Publisher(functions=functions, objects=objects, region="us-east-1"), release)
    publisher = Publisher(
        functions=functions, objects=objects, region="us-east-1", direct_upload_limit_bytes=10
    )

    again = publish(publisher, release)

    assert again == published


def test_a_version_that_does_not_have_the_content_sent_is_an_error(
    publisher: Publisher, release: Release, tmp_path: Path
) -> None:
    (plan,) = publisher.plan([release], ())
    make_release(tmp_path / "other", content="two").path.replace(release.path)

    with pytest.raises(AwsError, match=r"does not have the content of .*aws lambda delete-layer-version"):
        publisher.carry_out(plan)


@pytest.mark.parametrize(
    ("code", "status", "operation", "advice"),
    [
        (
            "AccessDeniedException",
            403,
            "PublishLayerVersion",
            "needs the IAM action lambda:PublishLayerVersion",
        ),
        ("AccessDeniedException", 403, "ListLayerVersions", "needs the IAM action lambda:ListLayerVersions"),
        (
            "AccessDeniedException",
            403,
            "AddLayerVersionPermission",
            "needs the IAM action lambda:AddLayerVersionPermission",
        ),
        ("TooManyRequestsException", 429, "PublishLayerVersion", "Wait a minute, then run it again"),
        ("ExpiredTokenException", 403, "ListLayerVersions", "AWS does not accept your credentials. Log in"),
        ("CodeStorageExceededException", 400, "PublishLayerVersion", "Delete old layer versions"),
        ("ServiceException", 500, "PublishLayerVersion", "AWS refused PublishLayerVersion"),
    ],
)
def test_what_aws_refuses_is_an_error_that_says_what_to_do(
    code: str, status: int, operation: str, advice: str, publisher: Publisher, release: Release, aws: StandIn
) -> None:
    aws.faults.error(code, f"lambda:{operation}", message="as AWS put it", status=status)

    with pytest.raises(AwsError) as error:
        publish(publisher, release, accounts=ACCOUNT)

    assert advice in str(error.value)
    assert f"AWS said {code}: as AWS put it" in str(error.value)
    assert error.value.__cause__ is not None


@pytest.mark.parametrize(
    ("code", "status", "advice"),
    [
        ("AccessDenied", 403, "needs the IAM action s3:PutObject"),
        ("NoSuchBucket", 404, "there is no such bucket"),
        ("PermanentRedirect", 301, "the bucket is in another region"),
        ("SlowDown", 503, "Wait a minute, then run it again"),
    ],
)
def test_what_s3_refuses_is_an_error_that_says_what_to_do(
    code: str, status: int, advice: str, functions: Any, objects: Any, release: Release, aws: StandIn
) -> None:
    aws.faults.error(code, "s3:PutObject", status=status)
    publisher = Publisher(
        functions=functions,
        objects=objects,
        region="us-east-1",
        bucket="layers",
        direct_upload_limit_bytes=10,
    )

    with pytest.raises(AwsError, match=advice):
        publish(publisher, release)


def test_an_outage_is_an_error_that_says_what_to_check(
    publisher: Publisher, release: Release, aws: StandIn
) -> None:
    aws.faults.reset("lambda")

    with pytest.raises(AwsError, match=r"AWS is not reached .* Check the network, and that REGION=us-east-1"):
        publish(publisher, release)
