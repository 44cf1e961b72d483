"""Removes what `make deploy` deployed, and what is of no use without it; tells what it leaves.

python -m layer.undeploy [--stack S] [--region R] [--force] [--dry-run]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.exceptions import WaiterError

from layer.aws_errors import aws_errors_explained
from layer.buckets import artifacts_bucket, is_there, remove
from layer.errors import AwsError, LayerError, WrongOptionError
from layer.namespaces import Namespace, Record, Service, find_namespace, read_services
from layer.stacks import DEFAULT_STACK, Stack, failures, find_stack, importers, resources

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

COMMAND: Final = "make undeploy"
_MOST_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Registry:
    """The namespace that a deployment writes into, as it is; None if there is none."""

    namespace: Namespace | None
    services: tuple[Service, ...]

    @property
    def records(self) -> tuple[Record, ...]:
        """All records of the namespace."""
        return tuple(record for service in self.services for record in service.records)

    @property
    def removable(self) -> tuple[Service, ...]:
        """The services that the registrar created and nothing is in."""
        return tuple(one for one in self.services if one.is_registrars and not one.records)


@dataclass(frozen=True, slots=True)
class Found:
    """A deployment as it is."""

    name: str
    stack: Stack
    account: str
    registry: Registry
    bucket: str | None
    importers: Mapping[str, Sequence[str]]


class Remover:
    """Asks what is there, and removes it."""

    def __init__(self, *, make_client: Callable[[str], Any], region: str) -> None:
        self._cloudformation = make_client("cloudformation")
        self._objects = make_client("s3")
        self._cloud_map = make_client("servicediscovery")
        self._functions = make_client("lambda")
        self._identity = make_client("sts")
        self._region = region

    def look(self, name: str) -> Found:
        """Ask what is there; raises a `LayerError` if there is no such stack, or it is no deployment of ours."""
        with self._explained(f"look up the stack {name}"):
            stack = find_stack(self._cloudformation, name)
            if stack is None:
                raise WrongOptionError(
                    f"There is no stack {name} in {self._region}. Give its name: {COMMAND} STACK=…"
                )
            if not {"Namespace", "AllowedServices"} <= stack.parameters.keys():
                raise WrongOptionError(
                    f"The stack {name} in {self._region} is none that make deploy made: it is left alone."
                )
            bucket = resources(self._cloudformation, stack.arn).get("SnapshotBucket")
            imported = importers(self._cloudformation, stack.exports)
            account = self._identity.get_caller_identity()["Account"]
        return Found(name, stack, account, self._registry(stack), bucket, imported)

    def carry_out(self, found: Found) -> list[str]:
        """Remove the stack and what is of no use without it; return what was done, line by line.

        Nothing that has records goes: neither their services nor, as long as there is one, the snapshot's bucket.
        """
        self._delete_stack(found)
        done = [f"Deleted the stack {found.name} in {self._region}"]
        # Only now, since the registrar might have written until here.
        registry = self._registry(found.stack)
        with self._explained("remove empty services from Cloud Map"):
            for service in registry.removable:
                self._cloud_map.delete_service(Id=service.id)
        if registry.removable:
            done.append(f"  removed the empty services {_names(registry.removable)}")
        if found.bucket is not None and not registry.records:
            with self._explained(f"remove the bucket {found.bucket}"):
                if is_there(self._objects, found.bucket, found.account):
                    count = remove(self._objects, found.bucket)
                    done.append(f"  removed the bucket {found.bucket}, with {count} versions of objects")
        return done

    def left(self, found: Found) -> list[str]:
        """Return what is left, and how to remove it, line by line."""
        lines: list[str] = []
        registry = self._registry(found.stack)
        if registry.namespace is not None:
            lines.append(f"  the namespace {registry.namespace.name}, {_inhabitants(registry)}")
        if registry.namespace is not None and not registry.records:
            commands = [f"delete-service --id {service.id}" for service in registry.services]
            commands.append(f"delete-namespace --id {registry.namespace.id}")
            lines.extend(f"    aws servicediscovery {one} --region {self._region}" for one in commands)
        with self._explained("look what is left"):
            if found.bucket is not None and is_there(self._objects, found.bucket, found.account):
                lines.append(f"  the bucket {found.bucket}, whose snapshot nobody renews any more")
            bucket = artifacts_bucket(found.account, self._region)
            if is_there(self._objects, bucket, found.account):
                lines.append(f"  the bucket {bucket}, from which it was deployed")
                lines.append(f"    aws s3 rb s3://{bucket} --force --region {self._region}")
            pages = self._functions.get_paginator("list_layer_versions").paginate(LayerName=found.name)
            numbers = sorted(one["Version"] for page in pages for one in page["LayerVersions"])
        if numbers:
            listed = ", ".join(map(str, numbers))
            one = f"--layer-name {found.name} --version-number {numbers[0]} --region {self._region}"
            lines.append(f"  the layer {found.name}, which functions may have: version {listed}")
            lines.append(f"    aws lambda delete-layer-version {one}")
        return lines

    def _registry(self, stack: Stack) -> Registry:
        name = stack.parameters["Namespace"]
        with self._explained(f"look up the records of the namespace {name}"):
            namespace = find_namespace(self._cloud_map, name)
            return Registry(namespace, read_services(self._cloud_map, namespace) if namespace else ())

    def _delete_stack(self, found: Found) -> None:
        with self._explained(f"delete the stack {found.name}"):
            self._cloudformation.delete_stack(StackName=found.stack.arn)
            try:
                self._cloudformation.get_waiter("stack_delete_complete").wait(StackName=found.stack.arn)
            except WaiterError as error:
                reasons = failures(self._cloudformation, found.stack.arn) or [str(error)]
                told = "".join(f"\n  {reason}" for reason in reasons)
                raise AwsError(
                    f"Cannot delete the stack {found.name}. Mend this, then run it again:{told}"
                ) from error

    def _explained(self, to: str) -> AbstractContextManager[None]:
        return aws_errors_explained(to=to, region=self._region, command=COMMAND)


def refuse_in_use(found: Found, *, force: bool) -> None:
    """Raise `WrongOptionError` where removing it would break what others have."""
    if found.importers:
        told = "".join(f"\n  {export}: {', '.join(names)}" for export, names in found.importers.items())
        raise WrongOptionError(
            f"Stacks import what {found.name} exports, and CloudFormation deletes nothing that is imported. Delete them first:{told}"
        )
    records = [record for record in found.registry.records if record.is_kept_by_registrar]
    if records and not force:
        shown = "".join(f"\n  {record}" for record in records[:_MOST_SHOWN])
        more = f"\n  and {len(records) - _MOST_SHOWN} more" if len(records) > _MOST_SHOWN else ""
        raise WrongOptionError(
            f"The registrar keeps records ({len(records)}), which nobody would remove any more; a stack with a"
            f" Custom::ServiceEndpoint could not even be deleted. Remove what they are of first:{shown}{more}\n"
            f"  Or leave them as they are, and remove the registrar: {COMMAND} STACK={found.name} FORCE=1"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Remove what the command line names; return the exit code."""
    options = _parse(arguments)
    try:
        remover = _connect(options.region)
        found = remover.look(options.stack)
        refuse_in_use(found, force=options.force)
        if options.dry_run:
            print("\n".join(describe_plan(found)))
            return 0
        print("\n".join(remover.carry_out(found)), flush=True)
        if left := remover.left(found):
            print("\n".join(["Left, with what removes it where nobody uses it:", *left]))
    except LayerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def describe_plan(found: Found) -> list[str]:
    """Return what removing it would do, line by line."""
    lines = [f"Would delete the stack {found.name}: {found.stack.arn}"]
    if found.registry.removable:
        lines.append(f"  would remove the empty services {_names(found.registry.removable)}")
    if found.registry.records:
        lines.append(f"  would leave the records ({len(found.registry.records)}) and the snapshot's bucket")
    elif found.bucket is not None:
        lines.append(f"  would remove the bucket {found.bucket} with all that is in it")
    return lines


def _names(services: Sequence[Service]) -> str:
    return ", ".join(service.name for service in services)


def _inhabitants(registry: Registry) -> str:
    if registry.records:
        return f"with its records ({len(registry.records)})"
    # Cloud Map appends something to a name that was in use before, and lookups then have to say it.
    return "without records: it costs nothing, and its name, once deleted, does not come back as it was"


def _connect(region: str | None) -> Remover:
    with aws_errors_explained(to="connect to AWS", region=region, command=COMMAND):
        session = boto3.Session(region_name=region)

        def make_client(service: str) -> Any:
            client: Any = session.client(service)
            return client

        return Remover(make_client=make_client, region=make_client("cloudformation").meta.region_name)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=COMMAND, description="Remove what make deploy deployed.")
    parser.add_argument(
        "--stack", default=DEFAULT_STACK, help=f"name of the stack (default: {DEFAULT_STACK})"
    )
    parser.add_argument(
        "--region", metavar="eu-west-1", help="AWS region (default: what the AWS SDK is set up for)"
    )
    parser.add_argument(
        "--force", action="store_true", help="also where the registrar keeps records: they stay"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be removed, and remove nothing"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
