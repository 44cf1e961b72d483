"""Which endpoint of each service stands in a manifest, and how Amplify signs for it: decided from the records alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.calls.targets import IAM, auth_of
from cloudmap_discovery.model import Instance
from cloudmap_discovery.selection import candidates, matching

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cloudmap_discovery.model import Place

Entry = dict[str, str]
"""What Amplify takes for one REST API: `endpoint`, and `region` and `service` where they are known."""

# What a path can be appended to: no query, no fragment, and nobody's password.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<rest>(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?:/[!-~]*)?)",
    re.IGNORECASE,
)
_NOT_IN_PATH: Final = re.compile(r"[?#\\]")
# https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-call-api.html and
# https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
_API_HOST: Final = re.compile(r"[a-z0-9-]+\.execute-api\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
_FUNCTION_HOST: Final = re.compile(r"[a-z0-9-]+\.lambda-url\.(?P<region>[a-z0-9-]+)\.on\.aws")
REGION: Final = "[a-z0-9]+(?:-[a-z0-9]+)*"
"""What a region may look like."""


def entries(
    records: Mapping[str, Sequence[Instance]],
    *,
    stages: Sequence[str],
    overrides: Mapping[str, str],
    region: str | None,
    services: Collection[str] | None = None,
    unusable: Collection[Place] = (),
) -> dict[str, Entry]:
    """Return the entry of each service that has one, by name and in the order of names: the same for the same records.

    The first of the stages that has the service decides, whether or not it has a public record of it, or one that can be
    used: `unusable` are the places where none can. `services` are the only ones wanted; `region` is that of endpoints
    that do not say theirs.
    """
    found: dict[str, Entry] = {}
    for name in sorted(records if services is None else records.keys() & services):
        chosen = _chosen(_in_first(name, records[name], stages, unusable), overrides.get(name))
        if chosen is not None:
            found[name] = _entry(chosen, region)
    return found


def _in_first(
    name: str, records: Sequence[Instance], stages: Sequence[str], unusable: Collection[Place]
) -> Sequence[Instance]:
    for stage in stages:
        here = [record for record in records if record.stage == stage]
        if here or (name, stage) in unusable:
            return here
    return ()


def _chosen(records: Sequence[Instance], override: str | None) -> Instance | None:
    """Return the public record that browsers can call: of the candidates, the heaviest one, then the first by id."""
    public = [record for record in records if record.attributes.get("public") == "true"]
    if override is not None:  # it stands in for what would be found, and makes nothing public
        found = candidates(matching(public))[:1]
        public = [Instance(record.service, override, stage=record.stage) for record in found]
    usable = [record for record in public if _is_usable(record.endpoint)]
    return min(candidates(matching(usable)), key=lambda record: (-record.weight, record.id), default=None)


def _is_usable(endpoint: str) -> bool:
    return _URL.fullmatch(endpoint) is not None and _NOT_IN_PATH.search(endpoint) is None


def _entry(record: Instance, default_region: str | None) -> Entry:
    url = _URL.fullmatch(record.endpoint)
    assert url is not None  # noqa: S101 -- it was chosen for that
    host = url["host"].lower()
    function, api = _FUNCTION_HOST.fullmatch(host), _API_HOST.fullmatch(host)
    at = function or api
    # Amplify appends the path of a call, which begins with a slash, to the endpoint as it is.
    entry = {"endpoint": f"{url['scheme'].lower()}://{url['rest'].rstrip('/')}"}
    for region in (record.attributes.get("region"), at and at["region"], default_region):
        if region and re.fullmatch(REGION, region):
            entry["region"] = region
            break
    if auth_of(record) == IAM:
        entry["service"] = "lambda" if function else "execute-api"
    return entry
