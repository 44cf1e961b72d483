"""Deploying asks first, hands everything to AWS's command line, and tells what became of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from layer.deploy import Deployer, Plan, describe_done, describe_plan
from layer.errors import AwsError, NothingToPublishError, ToolFailedError, WrongOptionError
from layer.templates import TEMPLATE, artifacts, read_template
from tests.layer.fake_cloudformation import FakeAws, FakeCloudFormation, clients

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

STACK = "cloudmap-discovery"
OUTPUTS = {"Registrar": "arn:aws:lambda:us-east-1:123456789012:function:registrar", "Bucket": "snapshot"}


@pytest.fixture
def cloudformation() -> FakeCloudFormation:
    return FakeCloudFormation()


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Return the template in a tree of its own, with the files that it names."""
    (tmp_path / "layer").mkdir()
    (tmp_path / "dist").mkdir()
    path = shutil.copyfile(TEMPLATE, tmp_path / "layer" / "template.yaml")
    for name in ("0.1.0-slim", "registrar", "server"):
        (tmp_path / "dist" / f"cloudmap-discovery-{name}.zip").write_bytes(b"zip")
    return path


@pytest.fixture
def deployer(
    cloudformation: FakeCloudFormation, template: Path, sdk: Callable[..., Any], aws: StandIn
) -> Callable[[FakeAws], Deployer]:
    return lambda fake: Deployer(
        make_client=clients(cloudformation, sdk),
        region=aws.region,
        aws=template.parent / "aws",
        template=template,
        run=fake,
    )


@pytest.fixture
def plan(deployer: Callable[[FakeAws], Deployer]) -> Callable[..., Plan]:
    def make(parameters: str | None = None, *, stack: str = STACK, bucket: str | None = None) -> Plan:
        return deployer(FakeAws()).plan(stack=stack, parameters=parameters, bucket=bucket)

    return make


def created(cloudformation: FakeCloudFormation, aws: StandIn, **parameters: str) -> Callable[[], object]:
    """Return what does as CloudFormation does with our template."""

    def create() -> None:
        given = {"Namespace": "services", **parameters}
        aws.seed_namespace(given["Namespace"])
        cloudformation.put_stack(STACK, parameters=given, outputs=OUTPUTS)

    return create


def test_what_is_deployed_is_packaged_then_deployed_with_the_capability_of_roles_alone(
    deployer: Callable[[FakeAws], Deployer],
    cloudformation: FakeCloudFormation,
    template: Path,
    aws: StandIn,
) -> None:
    fake = FakeAws(created(cloudformation, aws))
    subject = deployer(fake)

    stack, is_changed = subject.carry_out(
        subject.plan(
            stack=STACK, parameters='AllowedStages=Staging,pr-* Schedule="rate(1 hour)"', bucket="artifacts"
        )
    )

    packaging, deploying = fake.calls
    packaged = packaging[packaging.index("--output-template-file") + 1]
    program = str(template.parent / "aws")
    assert packaging == [
        *(program, "cloudformation", "package", "--region", aws.region, "--template-file", str(template)),
        *("--output-template-file", packaged, "--s3-bucket", "artifacts", "--s3-prefix", STACK),
    ]
    assert deploying == [
        *(program, "cloudformation", "deploy", "--region", aws.region, "--template-file", packaged),
        *("--stack-name", STACK, "--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset"),
        *("--parameter-overrides", "AllowedStages=Staging,pr-*", "Schedule=rate(1 hour)"),
    ]
    assert (stack.outputs, is_changed) == (OUTPUTS, True)


def test_parameters_that_are_not_given_are_left_to_the_template(
    deployer: Callable[[FakeAws], Deployer], cloudformation: FakeCloudFormation, aws: StandIn
) -> None:
    fake = FakeAws(created(cloudformation, aws))
    subject = deployer(fake)

    subject.carry_out(subject.plan(stack=STACK, parameters=None, bucket=None))

    assert "--parameter-overrides" not in fake.calls[1]


def test_the_bucket_of_what_is_deployed_is_made_private_and_once(
    deployer: Callable[[FakeAws], Deployer],
    cloudformation: FakeCloudFormation,
    sdk: Callable[..., Any],
    aws: StandIn,
) -> None:
    subject = deployer(FakeAws(created(cloudformation, aws)))
    first = subject.plan(stack=STACK, parameters=None, bucket=None)

    subject.carry_out(first)

    objects = sdk("s3")
    block = objects.get_public_access_block(Bucket=first.bucket)["PublicAccessBlockConfiguration"]
    assert first.bucket == f"cloudmap-discovery-artifacts-{aws.account_id}-{aws.region}"
    assert set(block.values()) == {True}
    assert len(block) == 4
    assert not first.is_bucket_there
    assert subject.plan(stack=STACK, parameters=None, bucket=None).is_bucket_there


def test_a_namespace_that_is_there_is_used(plan: Callable[..., Plan], aws: StandIn) -> None:
    aws.seed_namespace("shop")

    assert plan("Namespace=shop").parameters == {"Namespace": "shop", "CreateNamespace": "false"}
    assert plan("Namespace=other").parameters == {"Namespace": "other"}
    assert plan("Namespace=shop CreateNamespace=true").parameters["CreateNamespace"] == "true"


@pytest.mark.parametrize(
    ("before", "given", "expected"),
    [
        ({"Namespace": "shop", "CreateNamespace": "true"}, None, {}),
        ({"Namespace": "shop", "CreateNamespace": "false"}, "Namespace=shop", {"Namespace": "shop"}),
        (
            {"Namespace": "shop", "CreateNamespace": "false"},
            "Namespace=new",
            {"Namespace": "new", "CreateNamespace": "true"},
        ),
        (
            {"Namespace": "old", "CreateNamespace": "true"},
            "Namespace=shop",
            {"Namespace": "shop", "CreateNamespace": "false"},
        ),
    ],
)
def test_an_update_creates_a_namespace_only_where_there_is_none(
    before: Mapping[str, str],
    given: str | None,
    expected: Mapping[str, str],
    plan: Callable[..., Plan],
    cloudformation: FakeCloudFormation,
    aws: StandIn,
) -> None:
    aws.seed_namespace("shop")
    cloudformation.put_stack(STACK, parameters=before)

    assert plan(given).parameters == expected


def test_a_namespace_that_lookups_do_not_know_by_its_name_is_an_error(
    deployer: Callable[[FakeAws], Deployer], cloudformation: FakeCloudFormation
) -> None:
    subject = deployer(FakeAws(lambda: cloudformation.put_stack(STACK, outputs=OUTPUTS)))

    with pytest.raises(AwsError, match="no namespace that lookups know as 'services'"):
        subject.carry_out(subject.plan(stack=STACK, parameters=None, bucket=None))


def test_a_failure_is_told_with_the_resources_that_failed_first_and_what_to_do(
    deployer: Callable[[FakeAws], Deployer], cloudformation: FakeCloudFormation
) -> None:
    def fail() -> None:
        cloudformation.fail("Old", "of the time before")
        cloudformation.begin(STACK)
        cloudformation.fail("Registrar", "The role cannot be assumed")
        cloudformation.fail("HintQueue", "Resource creation cancelled", kind="AWS::SQS::Queue")
        cloudformation.put_stack(STACK, "ROLLBACK_COMPLETE")
        raise ToolFailedError("Cannot deploy: aws ended with 255")

    subject = deployer(FakeAws(fail))

    with pytest.raises(AwsError) as error:
        subject.carry_out(subject.plan(stack=STACK, parameters=None, bucket=None))

    assert str(error.value).splitlines() == [
        f"Cannot deploy the stack {STACK}: 1 of its resources failed.",
        "  Registrar (AWS::Lambda::Function): The role cannot be assumed",
        f"  Nothing of it is left but its name. Mend that, then: make undeploy STACK={STACK}, and make deploy again.",
    ]


def test_a_failed_update_says_that_all_is_as_before(
    deployer: Callable[[FakeAws], Deployer], cloudformation: FakeCloudFormation
) -> None:
    cloudformation.put_stack(STACK, parameters={"Namespace": "services"})

    def fail() -> None:
        cloudformation.begin(STACK)
        cloudformation.fail("Registrar", "no")
        cloudformation.put_stack(STACK, "UPDATE_ROLLBACK_COMPLETE")
        raise ToolFailedError("Cannot deploy: aws ended with 255")

    subject = deployer(FakeAws(fail))

    with pytest.raises(AwsError, match="It is UPDATE_ROLLBACK_COMPLETE: as it was before"):
        subject.carry_out(subject.plan(stack=STACK, parameters=None, bucket=None))


def test_what_fails_before_there_is_a_stack_is_told_in_the_words_of_the_program(
    deployer: Callable[[FakeAws], Deployer],
) -> None:
    def fail() -> None:
        raise ToolFailedError(
            "Cannot deploy: aws ended with 255:\n  Parameter 'Namespace' must match pattern"
        )

    subject = deployer(FakeAws(fail))

    with pytest.raises(AwsError, match="'Namespace' must match pattern"):
        subject.carry_out(subject.plan(stack=STACK, parameters=None, bucket=None))


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("ROLLBACK_COMPLETE", f"make undeploy STACK={STACK}"),
        ("DELETE_FAILED", f"make undeploy STACK={STACK}"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
        ("UPDATE_IN_PROGRESS", "somebody is changing it"),
    ],
)
def test_a_stack_that_cannot_be_updated_is_an_error_that_says_what_to_do(
    status: str, said: str, plan: Callable[..., Plan], cloudformation: FakeCloudFormation
) -> None:
    cloudformation.put_stack(STACK, status)

    with pytest.raises(WrongOptionError) as error:
        plan()

    assert f"{STACK} is {status}" in str(error.value)
    assert said in str(error.value)


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "DELETE_COMPLETE"])
def test_a_stack_that_was_never_created_or_is_deleted_is_created(
    status: str, plan: Callable[..., Plan], cloudformation: FakeCloudFormation
) -> None:
    cloudformation.put_stack(STACK, status)

    assert plan().present is None


@pytest.mark.parametrize("name", ["", "1st", "a_b", "a" * 55, "a b", "aws-discovery", "SSM"])
def test_a_name_that_the_template_cannot_take_is_an_error(name: str, plan: Callable[..., Plan]) -> None:
    with pytest.raises(WrongOptionError, match="STACK: "):
        plan(stack=name)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("Namspace=shop", "Did you mean Namespace?"),
        ("Colour=red", "There are: Namespace, "),
        ("Namespace", "'Namespace' has no ="),
        ('Schedule="rate(1 hour)', "cannot be read"),
    ],
)
def test_wrong_parameters_are_an_error_that_says_which_are_right(
    parameters: str, said: str, plan: Callable[..., Plan]
) -> None:
    with pytest.raises(WrongOptionError) as error:
        plan(parameters)

    assert str(error.value).startswith("PARAMETERS: ")
    assert said in str(error.value)


def test_what_was_not_built_is_an_error_that_says_how_to(template: Path) -> None:
    content = read_template(template)
    (template.parents[1] / "dist" / "cloudmap-discovery-registrar.zip").unlink()

    with pytest.raises(NothingToPublishError, match=r"dist/cloudmap-discovery-registrar\.zip .* make build"):
        artifacts(content, template.parent)


def test_a_plan_says_what_it_would_do(plan: Callable[..., Plan], aws: StandIn) -> None:
    aws.seed_namespace("services")

    text = describe_plan(plan("AllowedStages=Staging", bucket="artifacts"))

    assert text.splitlines() == [
        f"Would create the stack {STACK} in {aws.region}, account {aws.account_id}",
        "  would create the bucket artifacts before, private, for what is deployed",
        "  would send dist/cloudmap-discovery-0.1.0-slim.zip (0.0 MB) to the bucket artifacts",
        "  would send dist/cloudmap-discovery-registrar.zip (0.0 MB) to the bucket artifacts",
        "  would send dist/cloudmap-discovery-server.zip (0.0 MB) to the bucket artifacts",
        "  with AllowedStages=Staging",
        "  with CreateNamespace=false",
        "  the namespace services is used as it is",
    ]


def test_the_end_says_what_there_is_and_what_to_do_with_it(
    deployer: Callable[[FakeAws], Deployer], cloudformation: FakeCloudFormation, aws: StandIn
) -> None:
    does = created(cloudformation, aws, Namespace="shop")
    subject = deployer(FakeAws(does, says="No changes to deploy. Stack is up to date"))
    planned = subject.plan(stack=STACK, parameters="Namespace=shop", bucket=None)

    stack, is_changed = subject.carry_out(planned)
    text = describe_done(planned, stack, is_changed=is_changed)

    assert text.startswith(f"Unchanged: {STACK} in {aws.region}, account {aws.account_id}\n")
    assert f"\n  registrar  {OUTPUTS['Registrar']}\n" in text
    assert f"ServiceToken: !ImportValue {STACK}-registrar" in text
    assert "--tags discovery:service=users,discovery:stage=Staging" in text
    assert text.endswith("DISCOVERY_NAMESPACE=shop cloudmap-discovery list")
