"""Plans of a few functions, with the records that they claim and those that are there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cloudmap_discovery.model import Instance
from cloudmap_discovery.registrar.permits import Home, Permits, tag_owner
from cloudmap_discovery.registrar.reconcile import Claim, Plan, Seen, make_plan
from tests.unit.fake_functions import ACCOUNT, REGION, arn_of

HOME = Home(ACCOUNT, REGION)
DATE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GONE = Seen(proof="gone")
UNTAGGED = Seen(proof="untagged")


def record(name: str, service: str | None = None, **fields: Any) -> Instance:
    """Return the record of a function by its tags; in its service unless another is named."""
    given = {"endpoint": arn_of(name), "stage": "Production", "owner": tag_owner(arn_of(name)), **fields}
    return Instance(service or name, **given)


def written(name: str, service: str | None = None, **fields: Any) -> Instance:
    """Return the same as Cloud Map has it once it is written."""
    return record(name, service, registered_at=DATE, **fields)


def claiming(*records: Instance) -> dict[str, Seen]:
    """Return what is seen of functions that claim these, each by its own."""
    owners = [(one.owner or "").removeprefix("tag:") for one in records]
    return {owner: Seen(claim=Claim(owner, one)) for owner, one in zip(owners, records, strict=True)}


def plan(seen: dict[str, Seen], *registered: Instance, permits: Permits | None = None, **more: Any) -> Plan:
    return make_plan(seen, registered, home=HOME, permits=permits or Permits(), **more)
