"""Deploys layer/template.yaml with AWS's command line, and tells what became of it.

python -m layer.deploy --aws PROGRAM [--stack S] [--region R] [--parameters "A=1 B=2"] [--bucket B] [--dry-run]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3

from layer.archive import megabytes
from layer.aws_errors import aws_errors_explained
from layer.buckets import artifacts_bucket, create, is_there
from layer.errors import AwsError, LayerError, ToolFailedError, WrongOptionError
from layer.namespaces import find_by_name, find_namespace
from layer.stacks import DEFAULT_STACK, Stack, check_name, failures, find_stack
from layer.targets import PROJECT
from layer.templates import TEMPLATE, artifacts, parse_parameters, read_template
from layer.tools import run_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

COMMAND: Final = "make deploy"
CREATE_NAMESPACE: Final = "CreateNamespace"
DEFAULT_NAMESPACE: Final = "services"
"""What the library looks in unless told otherwise."""
_UP_TO_DATE: Final = "No changes to deploy"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be deployed, and where."""

    stack: str
    account: str
    region: str
    bucket: str
    is_bucket_there: bool
    present: Stack | None
    parameters: Mapping[str, str]
    """Those that are given; all others are the template's defaults, or what the stack has."""
    artifacts: tuple[Path, ...]
    namespace: str


class Deployer:
    """Asks what is there, then has AWS's command line package and deploy."""

    def __init__(
        self,
        *,
        make_client: Callable[[str], Any],
        region: str,
        aws: Path,
        template: Path = TEMPLATE,
        run: Callable[..., str] = run_tool,
    ) -> None:
        self._cloudformation = make_client("cloudformation")
        self._objects = make_client("s3")
        self._cloud_map = make_client("servicediscovery")
        self._identity = make_client("sts")
        self._region = region
        self._aws = aws
        self._template = template
        self._run = run

    def plan(self, *, stack: str, parameters: str | None, bucket: str | None) -> Plan:
        """Ask what is there; raises a `LayerError` for what cannot be deployed."""
        check_name(stack)
        template = read_template(self._template)
        given = parse_parameters(parameters, template)
        files = artifacts(template, self._template.parent)
        with self._explained("ask whose account it is"):
            account = self._identity.get_caller_identity()["Account"]
        with self._explained(f"look up the stack {stack}"):
            present = find_stack(self._cloudformation, stack)
        _refuse_state(stack, present)
        before = present.parameters if present is not None else {}
        defaults = {name: str(one.get("Default", "")) for name, one in template["Parameters"].items()}
        namespace = {**defaults, **before, **given}["Namespace"]
        if namespace != before.get("Namespace") and CREATE_NAMESPACE not in given:
            with self._explained(f"look up the namespace {namespace}"):
                is_new = find_namespace(self._cloud_map, namespace) is None
            if not is_new or before.get(CREATE_NAMESPACE) == "false":
                given[CREATE_NAMESPACE] = "true" if is_new else "false"
        bucket = bucket or artifacts_bucket(account, self._region)
        with self._explained(f"look up the bucket {bucket}"):
            there = is_there(self._objects, bucket, account)
        return Plan(stack, account, self._region, bucket, there, present, given, tuple(files), namespace)

    def carry_out(self, plan: Plan) -> tuple[Stack, bool]:
        """Deploy; return the stack as it is then, and whether anything was changed."""
        if not plan.is_bucket_there:
            with self._explained(f"create the bucket {plan.bucket}"):
                create(self._objects, plan.bucket, plan.region)
        with tempfile.TemporaryDirectory(prefix="cloudmap-discovery-deploy-") as folder:
            packaged = Path(folder) / "packaged.yaml"
            self._run(
                self._packaging(plan, packaged), to=f"send what is deployed to the bucket {plan.bucket}"
            )
            try:
                said = self._run(self._deploying(plan, packaged), to=f"deploy the stack {plan.stack}")
            except ToolFailedError as error:
                raise AwsError(self._failure(plan, error)) from error
        with self._explained(f"look up the stack {plan.stack}"):
            stack = find_stack(self._cloudformation, plan.stack)
        if stack is None:
            raise AwsError(f"The stack {plan.stack} is gone again: somebody else deleted it. Run: {COMMAND}")
        self._check_http_name(plan)
        return stack, _UP_TO_DATE not in said

    def _packaging(self, plan: Plan, packaged: Path) -> list[str | Path]:
        return [
            *(self._aws, "cloudformation", "package", "--region", plan.region),
            *("--template-file", self._template, "--output-template-file", packaged),
            *("--s3-bucket", plan.bucket, "--s3-prefix", PROJECT),
        ]

    def _deploying(self, plan: Plan, packaged: Path) -> list[str | Path]:
        command: list[str | Path] = [
            *(self._aws, "cloudformation", "deploy", "--region", plan.region),
            *("--template-file", packaged, "--stack-name", plan.stack),
            *("--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset"),
        ]
        if plan.parameters:
            given = [f"{name}={value}" for name, value in plan.parameters.items()]
            command += ["--parameter-overrides", *given]
        return command

    def _failure(self, plan: Plan, error: ToolFailedError) -> str:
        with self._explained(f"ask why the stack {plan.stack} failed"):
            stack = find_stack(self._cloudformation, plan.stack)
            told = failures(self._cloudformation, stack.arn) if stack is not None else []
        if stack is None or not told:
            return str(error)
        reasons = "".join(f"\n  {reason}" for reason in told)
        after = f"It is {stack.status}: as it was before."
        if plan.present is None:
            after = f"Nothing of it is left but its name. Mend that, then: make undeploy STACK={plan.stack}, and {COMMAND} again."
        return (
            f"Cannot deploy the stack {plan.stack}: {len(told)} of its resources failed.{reasons}\n  {after}"
        )

    def _check_http_name(self, plan: Plan) -> None:
        """Raise an `AwsError` where Cloud Map gave the namespace another HttpName, since its name was in use before."""
        with self._explained(f"look up the namespace {plan.namespace}"):
            if find_namespace(self._cloud_map, plan.namespace) is not None:
                return
            others = find_by_name(self._cloud_map, plan.namespace)
        again = ""
        if others:
            given = f"Namespace={others[0].http_name} {CREATE_NAMESPACE}=false"
            again = f" Run: {COMMAND} STACK={plan.stack} PARAMETERS='{given}'"
        raise AwsError(
            f"The stack {plan.stack} is there, but no namespace that lookups know as {plan.namespace!r}:"
            f" Cloud Map gives one whose name was in use before another, or there was none and {CREATE_NAMESPACE} is false.{again}"
        )

    def _explained(self, to: str) -> AbstractContextManager[None]:
        return aws_errors_explained(to=to, region=self._region, command=COMMAND)


def main(arguments: Sequence[str] | None = None) -> int:
    """Deploy what the command line asks for; return the exit code."""
    options = _parse(arguments)
    try:
        deployer = _connect(options.region, aws=options.aws, template=options.template)
        plan = deployer.plan(stack=options.stack, parameters=options.parameters, bucket=options.bucket)
        if options.dry_run:
            print(describe_plan(plan))
            return 0
        print(
            f"{'Creating' if plan.present is None else 'Updating'} {plan.stack} in {plan.region}: some minutes",
            flush=True,
        )
        stack, is_changed = deployer.carry_out(plan)
        print(describe_done(plan, stack, is_changed=is_changed))
    except LayerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def describe_plan(plan: Plan) -> str:
    """Return what carrying the plan out would do."""
    does = "create" if plan.present is None else "update"
    lines = [f"Would {does} the stack {plan.stack} in {plan.region}, account {plan.account}"]
    if not plan.is_bucket_there:
        lines.append(f"  would create the bucket {plan.bucket} before, private, for what is deployed")
    lines.extend(
        f"  would send {path.parent.name}/{path.name} ({megabytes(path.stat().st_size)}) to the bucket {plan.bucket}"
        for path in plan.artifacts
    )
    return "\n".join([*lines, *_parameters(plan)])


def describe_done(plan: Plan, stack: Stack, *, is_changed: bool) -> str:
    """Return what was done, and what to do with it."""
    of_namespace = "" if plan.namespace == DEFAULT_NAMESPACE else f"DISCOVERY_NAMESPACE={plan.namespace} "
    return "\n".join(
        [
            f"{'Deployed' if is_changed else 'Unchanged:'} {plan.stack} in {plan.region}, account {plan.account}",
            *_parameters(plan),
            *(f"  {name.lower():<10} {value}" for name, value in sorted(stack.outputs.items())),
            "To register a function, tag it:",
            f"  aws lambda tag-resource --region {plan.region} --resource … --tags discovery:service=users,discovery:stage=Staging",
            "To register anything else, in a template:",
            "  Type: Custom::ServiceEndpoint",
            f"  Properties: {{ServiceToken: !ImportValue {plan.stack}-registrar, Service: users, Stage: Staging, Endpoint: https://…}}",
            f"To see what is registered: {of_namespace}cloudmap-discovery list",
        ]
    )


def _parameters(plan: Plan) -> list[str]:
    lines = [f"  with {name}={value}" for name, value in plan.parameters.items()]
    if plan.parameters.get(CREATE_NAMESPACE) == "false":
        lines.append(f"  the namespace {plan.namespace} is used as it is")
    return lines


def _refuse_state(name: str, stack: Stack | None) -> None:
    if stack is None:
        return
    if stack.status in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}:
        raise WrongOptionError(
            f"The stack {name} is {stack.status}: it cannot be updated. Remove what is left of it, then run this again: make undeploy STACK={name}"
        )
    if stack.status == "UPDATE_ROLLBACK_FAILED":
        raise WrongOptionError(
            f"The stack {name} is {stack.status}: mend what failed, then run this again after: aws cloudformation continue-update-rollback --stack-name {name}"
        )
    if stack.status.endswith("_IN_PROGRESS"):
        raise WrongOptionError(
            f"The stack {name} is {stack.status}: somebody is changing it. Wait until that has ended, then run this again."
        )


def _connect(region: str | None, *, aws: Path, template: Path) -> Deployer:
    with aws_errors_explained(to="connect to AWS", region=region, command=COMMAND):
        session = boto3.Session(region_name=region)

        def make_client(service: str) -> Any:
            client: Any = session.client(service)
            return client

        cloudformation = make_client("cloudformation")
        region = cloudformation.meta.region_name
        return Deployer(make_client=make_client, region=region, aws=aws, template=template)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=COMMAND, description="Deploy layer/template.yaml.")
    parser.add_argument("--aws", type=Path, required=True, help="AWS's command line")
    parser.add_argument(
        "--stack", default=DEFAULT_STACK, help=f"name of the stack (default: {DEFAULT_STACK})"
    )
    parser.add_argument(
        "--region", metavar="eu-west-1", help="AWS region (default: what the AWS SDK is set up for)"
    )
    parser.add_argument("--parameters", metavar='"Namespace=shop …"', help="parameters of the template")
    parser.add_argument(
        "--bucket", help="S3 bucket in that region for what is deployed (default: one that is made for it)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument(
        "--template", type=Path, default=TEMPLATE, help="what is deployed (default: layer/template.yaml)"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
