"""What lookups of the serverless-discovery family could express has the same result here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import ServiceNotFoundError
from cloudmap_discovery.model import NO_STAGE, Instance
from tests.unit.bed import make_bed

if TYPE_CHECKING:
    from tests.unit.bed import Bed

# ServiceName, StageName, ExternalID, Version, and the number of the ServiceURL.
CATALOG = [
    *((name, stage, None, None, 3 * row + column) for row, name in enumerate(("course", "term", "campus")) for column, stage in enumerate(("dev", "staging", "prod"), 1)),
    ("term", "dev", "t1", "1.0.1", 10),
    ("term", "dev", "t1", "1.1.2", 11),
    ("term", "dev", "t1", "2.0.1", 12),
    ("course", "dev", "t1", "1.5.1", 13),
    ("course", "dev", "t2", "1.6.1", 14),
    ("course", "prod", "t2", "1.6.1", 15),
    ("campus", NO_STAGE, None, "2.6.1", 16),
    ("campus", NO_STAGE, None, "2.6.2", 17),
    ("term", NO_STAGE, None, "2.0.0", 18),
    ("campus", NO_STAGE, None, "3.0.0-beta", 19),
    ("exam", NO_STAGE, None, "5.0.0", 20),
    ("exam", NO_STAGE, None, "5.0.0-staging", 21),
    ("exam", NO_STAGE, None, "3.7.9", 22),
    ("exam", NO_STAGE, None, "3.7.9-staging", 23),
    ("exam", NO_STAGE, "t1", "3.8.0", 24),
    ("exam", NO_STAGE, "t1", "3.9.0-rc.1", 25),
]  # fmt: skip

LOOKUPS = [
    (("course", "dev", None, None), 1),
    (("course", "dev", "t2", None), 14),
    (("course", "prod", "t2", None), 15),
    (("term", "dev", "t1", None), 12),
    (("term", "dev", "t1", "1"), 11),
    (("term", "dev", "t1", "1.0.1"), 10),
    (("term", "dev", "t3", None), 4),
    (("term", None, None, None), 18),
    (("campus", None, None, "2"), 17),
    (("campus", None, None, "2.6.1"), 16),
    (("campus", None, None, None), 17),
    (("exam", None, "t1", "3.x"), 24),
    (("exam", None, "t3", "3.x"), 22),
    (("exam", None, None, "5.x.x-staging"), 21),
    (("exam", None, None, "3.x-staging"), 23),
    (("exam", None, None, "3.x"), 22),
    (("exam", None, None, "5.0.0-staging"), 21),
]
UNKNOWN = [
    ("campus", None, None, "3"),
    ("campus", None, None, "9.9.9"),
    ("term", "nowhere", None, None),
    ("term", "nowhere", "t1", None),
    ("unknown", "dev", None, None),
    ("unknown", "dev", "t1", None),
    ("unknown", None, None, None),
]

Lookup = tuple[str, str | None, str | None, str | None]


def catalog(**settings: Any) -> Bed:
    bed = make_bed(**settings)
    bed.cloud_map.put(
        *(
            Instance(name, f"https://{number}.test", stage=stage, tenant=tenant, version=version)
            for name, stage, tenant, version, number in CATALOG
        )
    )
    return bed


@pytest.mark.parametrize(("lookup", "number"), LOOKUPS)
async def test_a_lookup_finds_what_the_catalog_found(lookup: Lookup, number: int) -> None:
    service, stage, tenant, version = lookup

    found = await catalog().discovery.discover(service, stage=stage, tenant=tenant, version=version)

    assert found.endpoint == f"https://{number}.test"


@pytest.mark.parametrize("lookup", UNKNOWN)
async def test_a_lookup_that_the_catalog_refused_is_an_error(lookup: Lookup) -> None:
    service, stage, tenant, version = lookup

    with pytest.raises(ServiceNotFoundError):
        await catalog().discovery.discover(service, stage=stage, tenant=tenant, version=version)


@pytest.mark.parametrize(("version", "number"), [("5.0.0", 21), ("3.x", 23), ("^3.7.1", 23)])
async def test_the_postfix_keeps_a_world_of_its_own(version: str, number: int) -> None:
    bed = catalog(version_suffix="-staging")

    assert (await bed.discovery.discover("exam", version=version)).endpoint == f"https://{number}.test"
