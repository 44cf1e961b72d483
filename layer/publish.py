"""Publishes the built layers.

python -m layer.publish [--region R] [--flavor slim|full] [--python 3.13] [--arch arm64] [--layer-name N] [--accounts A,B | --public] [--bucket B] [--dry-run] [--dist dist]
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3

from layer.archive import DIRECT_UPLOAD_LIMIT_BYTES, megabytes
from layer.aws_errors import aws_errors_explained
from layer.errors import AwsError, LayerError, WrongOptionError
from layer.releases import LICENSE, Grant, Release, parse_grants, read_releases
from layer.targets import FLAVORS, PROJECT, Flavor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import LayerVersionContentInputTypeDef
    from mypy_boto3_s3 import S3Client

COST_WITHOUT_BYTECODE: Final[Mapping[Flavor, str]] = {
    "slim": "about 50 ms more",
    "full": "about 50 ms more, about 500 ms with aiobotocore and boto3",
}
"""Measured: docs/layer.md has the tables."""


@dataclass(frozen=True, slots=True)
class LayerVersion:
    """A published version of a layer."""

    arn: str
    number: int
    code_sha256: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done about one release."""

    release: Release
    newest: LayerVersion | None
    """The newest version there is."""
    missing_grants: tuple[Grant, ...]

    @property
    def is_published(self) -> bool:
        """Say whether the newest version has this content already."""
        return self.newest is not None and self.newest.code_sha256 == self.release.code_sha256


class Publisher:
    """Brings layers and their permissions to where releases and grants say; asks first, writes only what is missing."""

    def __init__(
        self,
        *,
        functions: LambdaClient,
        objects: S3Client,
        region: str | None,
        bucket: str | None = None,
        direct_upload_limit_bytes: int = DIRECT_UPLOAD_LIMIT_BYTES,
    ) -> None:
        self._functions = functions
        self._objects = objects
        self._region = region
        self._bucket = bucket
        self._direct_upload_limit_bytes = direct_upload_limit_bytes

    @property
    def region(self) -> str:
        """The region that layers are published in."""
        return self._functions.meta.region_name

    def plan(self, releases: Sequence[Release], grants: Sequence[Grant]) -> list[Plan]:
        """Ask what is there. `WrongOptionError` if something that is to be published needs a bucket and none is given."""
        plans = [self._plan(release, grants) for release in releases]
        for plan in plans:
            if not plan.is_published and self._needs_bucket(plan.release) and self._bucket is None:
                raise WrongOptionError(
                    f"{plan.release.path.name} has {megabytes(plan.release.size_bytes)}, over the {megabytes(self._direct_upload_limit_bytes)}"
                    " that Lambda takes in a request. Name a bucket in the same region to send it through: make publish BUCKET=…"
                )
        return plans

    def carry_out(self, plan: Plan) -> LayerVersion:
        """Publish and grant what is missing; return the version that now has this content."""
        version = plan.newest
        if version is None or not plan.is_published:
            version = self._publish(plan.release)
        for grant in plan.missing_grants:
            self._grant(plan.release, version, grant)
        return version

    def _plan(self, release: Release, grants: Sequence[Grant]) -> Plan:
        with self._explained(f"look up the layer {release.layer_name}"):
            newest = self._newest(release.layer_name)
            plan = Plan(release, newest, tuple(grants))
            if newest is None or not plan.is_published or not grants:
                return plan
            present = self._granted(release.layer_name, newest)
        return Plan(release, newest, tuple(grant for grant in grants if grant.statement_id not in present))

    def _newest(self, layer_name: str) -> LayerVersion | None:
        pages = self._functions.get_paginator("list_layer_versions").paginate(LayerName=layer_name)
        number = max((listed["Version"] for page in pages for listed in page["LayerVersions"]), default=None)
        if number is None:
            return None
        found = self._functions.get_layer_version(LayerName=layer_name, VersionNumber=number)
        return LayerVersion(found["LayerVersionArn"], number, found["Content"]["CodeSha256"])

    def _granted(self, layer_name: str, version: LayerVersion) -> set[str]:
        try:
            answer = self._functions.get_layer_version_policy(
                LayerName=layer_name, VersionNumber=version.number
            )
        except self._functions.exceptions.ResourceNotFoundException:  # nobody was ever granted anything
            return set()
        return {statement["Sid"] for statement in json.loads(answer["Policy"])["Statement"]}

    def _publish(self, release: Release) -> LayerVersion:
        content: LayerVersionContentInputTypeDef
        if self._needs_bucket(release) and self._bucket is not None:
            with self._explained(f"send {release.path.name} to the bucket {self._bucket}"):
                self._objects.put_object(
                    Bucket=self._bucket,
                    Key=release.s3_key,
                    Body=release.path.read_bytes(),
                    ChecksumSHA256=release.code_sha256,
                )
            content = {"S3Bucket": self._bucket, "S3Key": release.s3_key}
        else:
            content = {"ZipFile": release.path.read_bytes()}
        with self._explained(f"publish the layer {release.layer_name}"):
            answer = self._functions.publish_layer_version(
                LayerName=release.layer_name,
                Description=release.description,
                LicenseInfo=LICENSE,
                CompatibleRuntimes=[runtime.lambda_name for runtime in release.target.runtimes],
                CompatibleArchitectures=[known.name for known in release.target.architectures],
                Content=content,
            )
        version = LayerVersion(answer["LayerVersionArn"], answer["Version"], answer["Content"]["CodeSha256"])
        if version.code_sha256 != release.code_sha256:
            raise AwsError(
                f"{version.arn} does not have the content of {release.path.name} (SHA-256 {version.code_sha256} instead of"
                f" {release.code_sha256}). Delete that version and run it again: aws lambda delete-layer-version"
                f" --layer-name {release.layer_name} --version-number {version.number}"
            )
        return version

    def _grant(self, release: Release, version: LayerVersion, grant: Grant) -> None:
        with self._explained(f"grant {version.arn} to {grant}"):
            try:
                self._functions.add_layer_version_permission(
                    LayerName=release.layer_name,
                    VersionNumber=version.number,
                    StatementId=grant.statement_id,
                    Action="lambda:GetLayerVersion",
                    Principal=grant.principal,
                )
            except self._functions.exceptions.ResourceConflictException:  # somebody else granted it meanwhile
                return

    def _needs_bucket(self, release: Release) -> bool:
        return release.size_bytes > self._direct_upload_limit_bytes

    def _explained(self, to: str) -> AbstractContextManager[None]:
        return aws_errors_explained(to=to, region=self._region)


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish what the command line asks for; return the exit code."""
    options = _parse(arguments)
    try:
        grants = parse_grants(accounts=options.accounts, public=options.public)
        releases = read_releases(
            options.dist,
            layer_name=options.layer_name,
            flavor=options.flavor,
            python=options.python,
            architecture=options.arch,
        )
        publisher = _connect(options.region, options.bucket)
        versions = []
        for plan in publisher.plan(releases, grants):
            if options.dry_run:
                print(describe_plan(plan, region=publisher.region))
            else:
                versions.append(publisher.carry_out(plan))
                print(describe_done(plan, versions[-1]), flush=True)
        if versions:
            print(describe_next(versions, region=publisher.region))
    except LayerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def describe_plan(plan: Plan, *, region: str) -> str:
    """Return what carrying the plan out would do."""
    release = plan.release
    if plan.newest is not None and plan.is_published:
        lines = [f"Would leave {plan.newest.arn} as it is: it has the content of {release.path.name}"]
    else:
        lines = [
            f"Would publish {release.path.name} ({megabytes(release.size_bytes)}) as a new version of {release.layer_name} in {region}",
            f"  as {release.description}",
        ]
    grants = [f"  would grant it to {grant}" for grant in plan.missing_grants]
    return "\n".join([*lines, *grants, *_describe_bytecode(release)])


def describe_done(plan: Plan, version: LayerVersion) -> str:
    """Return what was done."""
    done = "Unchanged" if plan.is_published else "Published"
    grants = [f"  granted to {grant}" for grant in plan.missing_grants]
    return "\n".join([f"{done} {version.arn}", *grants, *_describe_bytecode(plan.release)])


def _describe_bytecode(release: Release) -> list[str]:
    if not release.without_bytecode:
        return []
    names = ", ".join(runtime.lambda_name for runtime in release.without_bytecode)
    return [
        f"  without bytecode for {names}: each cold start there compiles what it imports, and takes",
        f"    {COST_WITHOUT_BYTECODE[release.target.flavor]} on a whole processor, several times that with little memory.",
        "    To add it, build where that Python is installed, and publish again.",
    ]


def describe_next(versions: Sequence[LayerVersion], *, region: str) -> str:
    """Return how a function gets to use these versions."""
    return "\n".join(
        [
            "To use it in a function (--layers replaces all layers that the function has):",
            *(
                f"  aws lambda update-function-configuration --region {region} --function-name … --layers {version.arn}"
                for version in versions
            ),
        ]
    )


def _connect(region: str | None, bucket: str | None) -> Publisher:
    with aws_errors_explained(to="connect to AWS", region=region):
        session = boto3.Session(region_name=region)
        functions: LambdaClient = session.client("lambda")
        objects: S3Client = session.client("s3")
    return Publisher(functions=functions, objects=objects, region=session.region_name, bucket=bucket)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make publish", description="Publish the layers that are in dist/.")
    parser.add_argument(
        "--region", metavar="eu-west-1", help="AWS region (default: what the AWS SDK is set up for)"
    )
    parser.add_argument(
        "--flavor", metavar="|".join(FLAVORS), help="only the layers of this flavour (default: all)"
    )
    parser.add_argument(
        "--python", metavar="3.13", help="only the full layers for this Python (default: all layers)"
    )
    parser.add_argument(
        "--arch", metavar="arm64", help="only the full layers for this architecture (default: all layers)"
    )
    parser.add_argument(
        "--layer-name", default=PROJECT, help=f"begin of the layers' names (default: {PROJECT})"
    )
    parser.add_argument(
        "--accounts", metavar="ID,ID", help="accounts that may use the layers, besides your own"
    )
    parser.add_argument("--public", action="store_true", help="let everyone use the layers")
    parser.add_argument("--bucket", help="S3 bucket in that region, for layers over 50 MB")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument(
        "--dist", type=Path, default=Path("dist"), help="where the built layers are (default: dist)"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
