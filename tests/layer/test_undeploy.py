"""Removing a deployment breaks nothing that is in use, takes along what is of no use any more, and says what is left."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from layer.errors import AwsError, WrongOptionError
from layer.undeploy import Remover, describe_plan, refuse_in_use
from tests.layer.fake_cloudformation import FakeCloudFormation, arn_of, clients

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

STACK = "cloudmap-discovery"
BUCKET = "snapshot-of-the-registry"
OF_STACK = {"endpoint": "https://users", "stage": "Staging", "owner": "cfn:123456789012:us-east-1:users"}
BY_HAND = {"endpoint": "https://mail", "stage": "Staging", "owner": "manual"}


@pytest.fixture
def cloudformation(aws: StandIn, sdk: Callable[..., Any]) -> FakeCloudFormation:
    """Return CloudFormation with a deployment, whose namespace and bucket are there."""
    fake = FakeCloudFormation()
    parameters = {"Namespace": "services", "AllowedServices": "*"}
    fake.put_stack(STACK, parameters=parameters, outputs={"Registrar": "arn", "Bucket": BUCKET})
    fake.resources = {"Registrar": "registrar", "SnapshotBucket": BUCKET}
    aws.seed_namespace("services")
    objects = sdk("s3")
    objects.create_bucket(Bucket=BUCKET)
    objects.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return fake


@pytest.fixture
def remover(cloudformation: FakeCloudFormation, sdk: Callable[..., Any], aws: StandIn) -> Remover:
    return Remover(make_client=clients(cloudformation, sdk), region=aws.region)


def seed_service_of_registrar(aws: StandIn, sdk: Callable[..., Any], name: str) -> None:
    tags = [{"Key": "cloudmap-discovery:created-by", "Value": "registrar"}]
    sdk("servicediscovery").create_service(Name=name, NamespaceId=aws.seed_namespace("services"), Tags=tags)


def zipped(name: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, "")
    return content.getvalue()


def services(sdk: Callable[..., Any]) -> set[str]:
    return {one["Name"] for one in sdk("servicediscovery").list_services()["Services"]}


def buckets(sdk: Callable[..., Any]) -> set[str]:
    return {one["Name"] for one in sdk("s3").list_buckets()["Buckets"]}


def test_the_stack_goes_and_the_bucket_with_every_version_of_the_snapshot(
    remover: Remover, cloudformation: FakeCloudFormation, sdk: Callable[..., Any]
) -> None:
    objects = sdk("s3")
    for body in (b"1", b"2", b"3"):
        objects.put_object(Bucket=BUCKET, Key="cloudmap-discovery/services.json", Body=body)
    objects.delete_object(Bucket=BUCKET, Key="cloudmap-discovery/services.json")

    done = remover.carry_out(remover.look(STACK))

    assert cloudformation.deleted == [arn_of(STACK)]
    assert BUCKET not in buckets(sdk)
    assert done == [
        f"Deleted the stack {STACK} in us-east-1",
        f"  removed the bucket {BUCKET}, with 4 versions of objects",
    ]


def test_the_bucket_is_emptied_only_after_the_registrar_is_gone(
    remover: Remover, cloudformation: FakeCloudFormation, sdk: Callable[..., Any]
) -> None:
    objects = sdk("s3")
    cloudformation.on_delete = lambda: objects.put_object(Bucket=BUCKET, Key="late", Body=b"")

    remover.carry_out(remover.look(STACK))

    assert BUCKET not in buckets(sdk)


def test_of_empty_services_only_those_that_the_registrar_created_go(
    remover: Remover, aws: StandIn, sdk: Callable[..., Any]
) -> None:
    seed_service_of_registrar(aws, sdk, "users")
    aws.seed_service("services", "of-somebody")

    done = remover.carry_out(remover.look(STACK))

    assert services(sdk) == {"of-somebody"}
    assert "  removed the empty services users" in done


def test_records_that_the_registrar_keeps_are_refused_one_by_one(remover: Remover, aws: StandIn) -> None:
    aws.seed_instance("services", "users", "1", OF_STACK)
    aws.seed_instance(
        "services",
        "orders",
        "2",
        OF_STACK | {"owner": "tag:arn:aws:lambda:us-east-1:123456789012:function:orders"},
    )
    aws.seed_instance("services", "mail", "3", BY_HAND)

    with pytest.raises(WrongOptionError) as error:
        refuse_in_use(remover.look(STACK), force=False)

    lines = str(error.value).splitlines()
    assert lines[0].startswith("The registrar keeps records (2)")
    assert lines[1:] == [
        "  orders in stage Staging: https://users, of tag:arn:aws:lambda:us-east-1:123456789012:function:orders",
        "  users in stage Staging: https://users, of cfn:123456789012:us-east-1:users",
        f"  Or leave them as they are, and remove the registrar: make undeploy STACK={STACK} FORCE=1",
    ]


def test_of_many_records_some_are_shown(remover: Remover, aws: StandIn) -> None:
    for number in range(25):
        aws.seed_instance("services", "users", str(number), OF_STACK)

    with pytest.raises(WrongOptionError, match=r"keeps records \(25\)[\s\S]*\n  and 5 more\n"):
        refuse_in_use(remover.look(STACK), force=False)


def test_records_by_hand_are_no_reason_to_refuse_and_stay_with_the_snapshot(
    remover: Remover, aws: StandIn, sdk: Callable[..., Any]
) -> None:
    aws.seed_instance("services", "mail", "3", BY_HAND)
    seed_service_of_registrar(aws, sdk, "users")
    found = remover.look(STACK)

    refuse_in_use(found, force=False)
    remover.carry_out(found)

    assert services(sdk) == {"mail"}
    assert BUCKET in buckets(sdk)


def test_forced_it_removes_the_registrar_and_leaves_the_records(
    remover: Remover, cloudformation: FakeCloudFormation, aws: StandIn, sdk: Callable[..., Any]
) -> None:
    aws.seed_instance("services", "users", "1", OF_STACK)
    found = remover.look(STACK)

    refuse_in_use(found, force=True)
    done = remover.carry_out(found)

    assert done == [f"Deleted the stack {STACK} in us-east-1"]
    assert cloudformation.deleted
    assert services(sdk) == {"users"}
    assert BUCKET in buckets(sdk)


@pytest.mark.parametrize("force", [False, True], ids=["", "forced"])
def test_a_stack_whose_exports_are_imported_is_refused_with_the_stacks_that_import_them(
    force: object, remover: Remover, cloudformation: FakeCloudFormation
) -> None:
    cloudformation.imports = {f"{STACK}-registrar": ["users", "orders"]}

    with pytest.raises(WrongOptionError) as error:
        refuse_in_use(remover.look(STACK), force=bool(force))

    assert str(error.value).endswith(f"Delete them first:\n  {STACK}-registrar: users, orders")


def test_what_is_left_is_told_with_what_removes_it(
    remover: Remover, aws: StandIn, sdk: Callable[..., Any]
) -> None:
    artifacts = f"cloudmap-discovery-artifacts-{aws.account_id}-{aws.region}"
    sdk("s3").create_bucket(Bucket=artifacts)
    for name in ("1.py", "2.py"):
        sdk("lambda").publish_layer_version(LayerName=STACK, Content={"ZipFile": zipped(name)})
    namespace, service = aws.seed_namespace("services"), aws.seed_service("services", "of-somebody")
    found = remover.look(STACK)
    remover.carry_out(found)

    left = remover.left(found)

    assert [line.strip() for line in left if line.startswith("    aws ")] == [
        f"aws servicediscovery delete-service --id {service} --region us-east-1",
        f"aws servicediscovery delete-namespace --id {namespace} --region us-east-1",
        f"aws s3 rb s3://{artifacts} --force --region us-east-1",
        f"aws lambda delete-layer-version --layer-name {STACK} --version-number 1 --region us-east-1",
    ]
    assert f"  the layer {STACK}, which functions may have: version 1, 2" in left


def test_with_records_the_namespace_and_the_bucket_are_left_without_a_way_to_remove_them(
    remover: Remover, aws: StandIn
) -> None:
    aws.seed_instance("services", "users", "1", OF_STACK)
    found = remover.look(STACK)
    remover.carry_out(found)

    left = remover.left(found)

    assert left == [
        "  the namespace services, with its records (1)",
        f"  the bucket {BUCKET}, whose snapshot nobody renews any more",
    ]


def test_a_stack_that_cannot_be_deleted_is_an_error_with_the_reasons(
    remover: Remover, cloudformation: FakeCloudFormation
) -> None:
    cloudformation.deletes_as = "DELETE_FAILED"
    cloudformation.begin(STACK)
    cloudformation.fail(
        "RegistrarRole", "Cannot delete entity, must detach all policies first", kind="AWS::IAM::Role"
    )

    with pytest.raises(AwsError) as error:
        remover.carry_out(remover.look(STACK))

    assert str(error.value).splitlines() == [
        f"Cannot delete the stack {STACK}. Mend this, then run it again:",
        "  RegistrarRole (AWS::IAM::Role): Cannot delete entity, must detach all policies first",
    ]


def test_a_stack_that_is_not_there_is_an_error_that_asks_for_its_name(remover: Remover) -> None:
    with pytest.raises(WrongOptionError, match=r"no stack other in us-east-1\. .*make undeploy STACK="):
        remover.look("other")


def test_a_stack_of_somebody_else_is_left_alone(remover: Remover, cloudformation: FakeCloudFormation) -> None:
    cloudformation.put_stack("shop", parameters={"Namespace": "services"})

    with pytest.raises(WrongOptionError, match="left alone"):
        remover.look("shop")


def test_a_stack_whose_creation_failed_is_removed_like_any_other(
    remover: Remover, cloudformation: FakeCloudFormation
) -> None:
    parameters = {"Namespace": "services", "AllowedServices": "*"}
    cloudformation.put_stack(STACK, "ROLLBACK_COMPLETE", parameters=parameters)
    cloudformation.resources = {}

    done = remover.carry_out(remover.look(STACK))

    assert done == [f"Deleted the stack {STACK} in us-east-1"]


def test_a_plan_says_what_it_would_remove(remover: Remover, aws: StandIn, sdk: Callable[..., Any]) -> None:
    seed_service_of_registrar(aws, sdk, "users")

    plan = describe_plan(remover.look(STACK))

    assert plan == [
        f"Would delete the stack {STACK}: {arn_of(STACK)}",
        "  would remove the empty services users",
        f"  would remove the bucket {BUCKET} with all that is in it",
    ]


def test_a_plan_says_what_it_would_leave(remover: Remover, aws: StandIn) -> None:
    aws.seed_instance("services", "mail", "3", BY_HAND)

    plan = describe_plan(remover.look(STACK))

    assert plan[1:] == ["  would leave the records (1) and the snapshot's bucket"]
