"""What is listed is what can be used, and what cannot is known to be there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.server.bed import asking, make_parts, variables_for

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.standin.stand_in import StandIn

MOMENT = "2026-01-01T00:00:00Z"


def record(service: str, stage: str, **more: Any) -> dict[str, Any]:
    endpoint = f"https://{stage.lower()}.test"
    return {
        "service": service,
        "stage": stage,
        "id": f"{stage}-1",
        "endpoint": endpoint,
        "attributes": {"public": "true"},
        **more,
    }


def variables(folder: Path, *records: dict[str, Any], **settings: str) -> dict[str, str]:
    document = {
        "format": 1,
        "namespace": "services",
        "generated_at": MOMENT,
        "checked_at": MOMENT,
        "instances": list(records),
    }
    (folder / "registry.json").write_text(json.dumps(document))
    named = {f"DISCOVERY_{name.upper()}": text for name, text in settings.items()}
    file = str(folder / "registry.json")
    return {
        "DISCOVERY_SOURCES": "file",
        "DISCOVERY_SNAPSHOT_FILE": file,
        "DISCOVERY_TRANSPORT": "direct",
        "DISCOVERY_SURFACES": "manifest",
        **named,
    }


async def manifest(given: dict[str, str], path: str) -> Any:
    async with asking(make_parts(given)) as client:
        answer = await client.get(path)
    return {name: entry["endpoint"] for name, entry in answer.json()["API"]["REST"].items()}


async def test_a_stage_whose_records_cannot_be_used_still_decides(tmp_path: Path) -> None:
    broken = record("users", "pr-7", weight=-1)
    given = variables(tmp_path, broken, record("users", "Staging"), record("orders", "Staging"))

    assert await manifest(given, "/manifest/pr-7%3EStaging") == {"orders": "https://staging.test"}
    assert await manifest(given, "/manifest/Staging") == {
        "orders": "https://staging.test",
        "users": "https://staging.test",
    }


async def test_an_address_that_is_not_allowed_is_there_and_not_published(tmp_path: Path) -> None:
    given = variables(
        tmp_path, record("users", "pr-7"), record("users", "Staging"), allowed_endpoints="staging.test"
    )

    assert await manifest(given, "/manifest/pr-7%3EStaging") == {}
    assert await manifest(given, "/manifest/Staging") == {"users": "https://staging.test"}


async def test_names_that_no_service_has_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = [record(name, "Staging") for name in ("", "../x", "a b", "\ud800")]
    given = variables(tmp_path, *wrong, record("users", "Staging"), record("users", "a b"))

    assert await manifest(given, "/manifest/Staging") == {"users": "https://staging.test"}
    assert caplog.text.count("a record of the snapshot is left out") == 5


async def test_a_namespace_that_is_not_there_is_no_empty_registry(aws: StandIn) -> None:
    parts = make_parts(variables_for(aws, surfaces="manifest", sources="cloudmap"))
    async with asking(parts) as client:
        missing = await client.get("/manifest/Production")
        listed = await parts.site.overview.listed()
        aws.seed_namespace()
        parts.site.overview.forget()
        empty = await client.get("/manifest/Production")

    assert missing.status_code == 503
    assert "no such namespace" in listed.missing
    assert (empty.status_code, empty.json()) == (200, {"API": {"REST": {}}})


async def test_records_of_cloud_map_that_cannot_be_used_are_known_to_be_there(aws: StandIn) -> None:
    aws.seed_instance("services", "users", "pr-7-1", {"stage": "pr-7", "public": "true"})
    fine = {"stage": "Staging", "endpoint": "https://staging.test", "public": "true"}
    aws.seed_instance("services", "users", "Staging-1", fine)
    given = variables_for(aws, surfaces="manifest", sources="cloudmap")

    assert await manifest(given, "/manifest/pr-7%3EStaging") == {}
    assert await manifest(given, "/manifest/Staging") == {"users": "https://staging.test"}
