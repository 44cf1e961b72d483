"""The stand-in's Lambda lists, finds and limits layers as AWS does where moto alone does not; S3 feeds it."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from tests.standin.corrections.lambda_layers import MAX_REQUEST_BYTES
from tests.standin.fixtures import refusal, refusal_code
from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

Sdk = Callable[..., Any]


@pytest.fixture
def lambda_(sdk: Sdk) -> Any:
    return sdk("lambda")


def zipped(text: str, size: int = 0) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("python/module.py", text)
        archive.writestr("python/zeros", bytes(size))
    return target.getvalue()


def publish(
    lambda_: Any, text: str = "1", *, runtime: str = "python3.13", architecture: str = "arm64"
) -> Any:
    return lambda_.publish_layer_version(
        LayerName="discovery",
        Content={"ZipFile": zipped(text)},
        CompatibleRuntimes=[runtime],
        CompatibleArchitectures=[architecture],
        Description=text,
        LicenseInfo="Apache-2.0",
    )


def versions(lambda_: Any, **filters: Any) -> list[int]:
    listed = lambda_.list_layer_versions(LayerName="discovery", **filters)
    return [version["Version"] for version in listed["LayerVersions"]]


def test_versions_filter_by_architecture_and_runtime(lambda_: Any) -> None:
    publish(lambda_, "1", runtime="python3.12", architecture="x86_64")
    publish(lambda_, "2", runtime="python3.13", architecture="x86_64")
    publish(lambda_, "3", runtime="python3.13", architecture="arm64")

    assert versions(lambda_) == [3, 2, 1]
    assert versions(lambda_, CompatibleArchitecture="x86_64") == [2, 1]
    assert versions(lambda_, CompatibleRuntime="python3.13") == [3, 2]
    assert versions(lambda_, CompatibleRuntime="python3.13", CompatibleArchitecture="x86_64") == [2]
    assert versions(lambda_, CompatibleRuntime="python3.11") == []


def test_versions_page_from_the_newest(lambda_: Any) -> None:
    for number in range(5):
        publish(lambda_, str(number))

    pages = lambda_.get_paginator("list_layer_versions").paginate(
        LayerName="discovery", PaginationConfig={"PageSize": 2}
    )

    assert [[v["Version"] for v in page["LayerVersions"]] for page in pages] == [[5, 4], [3, 2], [1]]


def test_versions_are_listed_by_the_arn_of_the_layer_too(lambda_: Any) -> None:
    arn = publish(lambda_)["LayerArn"]

    listed = lambda_.list_layer_versions(LayerName=arn)["LayerVersions"]

    assert [version["LayerVersionArn"] for version in listed] == [f"{arn}:1"]


def test_an_unknown_layer_has_no_versions(lambda_: Any) -> None:
    assert versions(lambda_) == []


def test_only_the_version_itself_tells_its_hash(lambda_: Any) -> None:
    published = publish(lambda_)

    listed = lambda_.list_layer_versions(LayerName="discovery")["LayerVersions"][0]
    got = lambda_.get_layer_version(LayerName="discovery", VersionNumber=1)

    assert "Content" not in listed
    assert got["Content"]["CodeSha256"] == published["Content"]["CodeSha256"]


def test_a_version_is_found_by_its_arn(lambda_: Any) -> None:
    arn = publish(lambda_, "by arn")["LayerVersionArn"]

    got = lambda_.get_layer_version_by_arn(Arn=arn)

    assert (got["LayerVersionArn"], got["Description"]) == (arn, "by arn")
    assert refusal_code(lambda_.get_layer_version_by_arn, Arn=f"{arn}9") == "ResourceNotFoundException"


def test_a_zip_over_50_mb_is_refused(lambda_: Any) -> None:
    large = zipped("large") + bytes(
        MAX_REQUEST_BYTES * 3 // 4 + 1
    )  # a zip may have anything in front or behind

    error = refusal(lambda_.publish_layer_version, LayerName="discovery", Content={"ZipFile": large})

    assert error["Error"]["Code"] == "RequestEntityTooLargeException"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert versions(lambda_) == []


def test_a_layer_can_come_from_s3(lambda_: Any, sdk: Sdk) -> None:
    s3 = sdk("s3")
    s3.create_bucket(Bucket="layers")
    s3.put_object(Bucket="layers", Key="discovery.zip", Body=zipped("from s3"))

    published = lambda_.publish_layer_version(
        LayerName="discovery", Content={"S3Bucket": "layers", "S3Key": "discovery.zip"}
    )

    assert published["Content"]["CodeSize"] == len(zipped("from s3"))


def test_what_unzips_to_over_250_mb_is_refused(lambda_: Any) -> None:
    error = refusal(
        lambda_.publish_layer_version,
        LayerName="discovery",
        Content={"ZipFile": zipped("zeros", 262_144_001)},
    )

    assert error["Error"]["Code"] == "InvalidParameterValueException"
    assert versions(lambda_) == []


def test_what_is_no_zip_is_refused(lambda_: Any) -> None:
    code = refusal_code(lambda_.publish_layer_version, LayerName="discovery", Content={"ZipFile": b"no zip"})

    assert code == "InvalidParameterValueException"


def test_access_to_a_version_can_be_granted(lambda_: Any) -> None:
    publish(lambda_)

    lambda_.add_layer_version_permission(
        LayerName="discovery",
        VersionNumber=1,
        StatementId="public",
        Action="lambda:GetLayerVersion",
        Principal="*",
    )

    assert "public" in lambda_.get_layer_version_policy(LayerName="discovery", VersionNumber=1)["Policy"]


def test_calls_of_lambda_and_s3_are_counted_by_operation(aws: StandIn, lambda_: Any, sdk: Sdk) -> None:
    publish(lambda_)
    sdk("s3").create_bucket(Bucket="layers")

    assert aws.calls() == {"lambda:PublishLayerVersion": 1, "s3:CreateBucket": 1}
