"""The least that IAM has to allow for exactly some dependencies, as a policy document."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from cloudmap_discovery.limits import check_ladder
from cloudmap_discovery.model import NO_STAGE
from cloudmap_discovery.settings import CLOUD_MAP, PARAMETER_STORE, S3
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cloudmap_discovery.dependencies import Dependency
    from cloudmap_discovery.model import Instance

MAX_POLICY_CHARACTERS: Final = 6144
"""What a managed policy holds, white space not counted (IAM and AWS STS quotas)."""

_FIND: Final = (
    "servicediscovery:ListNamespaces",
    "servicediscovery:ListServices",
    "servicediscovery:GetOperation",
)
_CREATE: Final = (
    "servicediscovery:CreateHttpNamespace",
    "servicediscovery:GetNamespace",
    "servicediscovery:CreateService",
)
_WRITE: Final = (
    "servicediscovery:GetInstance",
    "servicediscovery:ListInstances",
    "servicediscovery:RegisterInstance",
    "servicediscovery:DeregisterInstance",
)
_MIRROR: Final = ("ssm:GetParameters", "ssm:PutParameter", "ssm:DeleteParameter")

_ANY: Final = "*"
# How a partition's regions begin: botocore's partitions.json. Every other region is one of the partition `aws`.
_PARTITIONS: Final[Mapping[str, str]] = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "eusc-": "aws-eusc",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
}
# No pattern takes a `*`, a `?` or a `${`: whoever writes the registry must not decide what a policy allows.
_FUNCTION: Final = (
    r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+(?::(?:\$LATEST|[A-Za-z0-9_-]+))?"
)
_API_HOST: Final = r"(?P<id>[a-z0-9]+)(?:-vpce-[0-9a-f]+)?\.execute-api\.(?P<region>[a-z0-9-]+)\.amazonaws\.(?:com|com\.cn|eu)"
_API_STAGE: Final = r"[A-Za-z0-9_-]{1,128}|\$default"
_FUNCTION_URL_HOST: Final = r"[a-z0-9]+\.lambda-url\.[a-z0-9-]+\.on\.aws"


@value
class Scope:
    """Where what a policy allows happens.

    `stage` is the stage or ladder of dependencies that have none of their own. `stores` are the sources of a reader,
    the mirrors of a writer. A `region` or `account` of None is unknown, so that any is allowed. `owner_account` shares
    its namespace with this account. `snapshot` is the bucket and the key of the snapshot in S3, with a slash between.
    """

    namespace: str
    parameter_prefix: str
    stores: tuple[str, ...]
    stage: str | None = None
    region: str | None = None
    account: str | None = None
    owner_account: str | None = None
    snapshot: str | None = None

    @property
    def objects(self) -> list[str]:
        """The ARN of the snapshot, if there is one and it is a store."""
        if S3 not in self.stores or self.snapshot is None:
            return []
        return [f"arn:{partition_of(self.region)}:s3:::{self.snapshot}"]

    def arn(
        self, service: str, resource: str, *, region: str | None = None, account: str | None = None
    ) -> str:
        """Return the ARN of a resource, in the region and account of the scope unless others are given."""
        where, whose = region or self.region, account or self.account
        return f"arn:{partition_of(where)}:{service}:{where or _ANY}:{whose or _ANY}:{resource}"


@value
class Policy:
    """A policy `document`, and `notes` on what it could not take in, one sentence each."""

    document: dict[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def characters(self) -> int:
        """Its length as IAM counts it, without white space."""
        return len("".join(json.dumps(self.document).split()))


def reader_policy(
    dependencies: Sequence[Dependency], scope: Scope, targets: Iterable[Instance] = ()
) -> Policy:
    """Return what allows looking up the dependencies, and calling the targets: what a lookup of them found."""
    statements = []
    if CLOUD_MAP in scope.stores:
        statements.append(_discovering("LookUp", dependencies, scope))
    if PARAMETER_STORE in scope.stores:
        statements.append(_allow("FallBack", ["ssm:GetParameters"], _parameters(dependencies, scope)))
    if scope.objects:
        statements.append(_allow("ReadTheSnapshot", ["s3:GetObject"], scope.objects))
    called, notes = _calling(targets, scope)
    return Policy(_document([*statements, *called]), notes)


def writer_policy(dependencies: Sequence[Dependency], scope: Scope) -> Policy:
    """Return what allows registering and deregistering the dependencies."""
    # Services have ids in ARNs, which their names do not tell.
    services = scope.arn("servicediscovery", "service/*", account=scope.owner_account)
    statements = [
        _allow("FindByName", _FIND, [_ANY]),
        _allow("CreateWhatIsMissing", _CREATE, [_ANY]),
        _allow("Write", _WRITE, [services]),
        _discovering("SeeWhetherItHasSpread", dependencies, scope),
    ]
    if PARAMETER_STORE in scope.stores:
        statements.append(_allow("Mirror", _MIRROR, _parameters(dependencies, scope)))
    if scope.objects:
        statements.append(_allow("WriteTheSnapshot", ["s3:GetObject", "s3:PutObject"], scope.objects))
    return Policy(_document(statements))


def partition_of(region: str | None) -> str:
    """Return the partition that the region is in."""
    return next((name for start, name in _PARTITIONS.items() if (region or "").startswith(start)), "aws")


def _document(statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(
    sid: str, actions: Sequence[str], resources: Sequence[str], condition: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": actions[0] if len(actions) == 1 else list(actions),
        "Resource": resources[0] if len(resources) == 1 else list(resources),
        **({} if condition is None else {"Condition": condition}),
    }


def _discovering(sid: str, dependencies: Iterable[Dependency], scope: Scope) -> dict[str, Any]:
    names = sorted({dependency.service for dependency in dependencies})
    condition = {
        "StringEquals": {
            "servicediscovery:NamespaceName": scope.namespace,
            "servicediscovery:ServiceName": names,
        }
    }
    return _allow(sid, ["servicediscovery:DiscoverInstances"], [_ANY], condition)


def _parameters(dependencies: Iterable[Dependency], scope: Scope) -> list[str]:
    paths = {
        f"{scope.parameter_prefix}/{stage}/{dependency.service}"
        for dependency in dependencies
        for stage in check_ladder(dependency.stage or scope.stage or NO_STAGE)
    }
    return [scope.arn("ssm", f"parameter{path}") for path in sorted(paths)]


def _calling(targets: Iterable[Instance], scope: Scope) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    functions: set[str] = set()
    apis: set[str] = set()
    notes: dict[str, None] = {}
    for target in targets:
        if re.fullmatch(_FUNCTION, target.endpoint):
            functions.add(target.endpoint)
        elif (api := _api(target.endpoint, scope)) is not None:
            apis.add(api)
        else:
            notes[f"{target.service}: {_why_not(target.endpoint)}"] = None
    statements = []
    if functions:
        statements.append(_allow("InvokeFunctions", ["lambda:InvokeFunction"], sorted(functions)))
    if apis:
        statements.append(_allow("CallApis", ["execute-api:Invoke"], sorted(apis)))
    return statements, tuple(notes)


def _api(endpoint: str, scope: Scope) -> str | None:
    """Return the ARN of the part of an API that is at the address, or None if it is not API Gateway's own."""
    match = re.fullmatch(_API_HOST, _host(endpoint))
    if match is None:
        return None
    first = urlsplit(endpoint).path.strip("/").partition("/")[0]
    stage = first if re.fullmatch(_API_STAGE, first) else _ANY
    return scope.arn("execute-api", f"{match['id']}/{stage}/*", region=match["region"])


def _host(endpoint: str) -> str:
    try:
        return urlsplit(endpoint).hostname or ""
    except ValueError:
        return ""


def _why_not(endpoint: str) -> str:
    if re.fullmatch(_FUNCTION_URL_HOST, _host(endpoint)):
        return (
            f"{endpoint} is a function's URL, which does not say which function it is; if it asks for a signature, "
            "allow lambda:InvokeFunctionUrl on that function"
        )
    if endpoint.startswith("arn:"):
        return f"{endpoint} is no function's ARN; allow what calling it takes"
    return (
        f"{endpoint} does not say what stands behind it; if it asks for a signature, allow what calling it takes, "
        "such as execute-api:Invoke for an API behind a domain of its own"
    )
