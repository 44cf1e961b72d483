"""The commands on whole mirrors: snapshot and sync."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery import wiring
from cloudmap_discovery.errors import AccessDeniedError
from cloudmap_discovery.snapshots import read_snapshot
from tests.cli.cli_bed import CliBed, record
from tests.unit.registry_bed import FakeMirror

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cloudmap_discovery.assembly import Core
    from cloudmap_discovery.event_hub import EventHub
    from cloudmap_discovery.stores.mirror_port import Mirror

WIDE = {"COLUMNS": "300"}
PLACE = ("users", "Production")
USERS, ORDERS = record("users", version="1.4.2"), record("orders", stage="Staging")


class SyncBed(CliBed):
    """The bed, with a mirror that takes every place at once; `mirrors` is what the program has set them to."""

    mirrors = ""

    def core(self, environment: Mapping[str, str], events: EventHub) -> Core:
        self.mirrors = environment.get("DISCOVERY_MIRRORS", "")
        wiring.read_settings(environment)
        return super().core(environment, events)


@pytest.fixture
def bed() -> CliBed:
    made = SyncBed()
    made.cloud_map.put(USERS, ORDERS)
    made.mirror = FakeMirror("s3")
    return made


def read(path: Path) -> set[tuple[str, str]]:
    return set(read_snapshot(path.read_bytes(), name=str(path), namespace="services").items)


# snapshot


def test_a_snapshot_is_printed_for_other_programs(bed: CliBed) -> None:
    ran = bed.run("snapshot")

    assert (ran.code, ran.err) == (0, "")
    printed = json.loads(ran.out)
    assert (printed["format"], printed["namespace"]) == (1, "services")
    assert [one["service"] for one in printed["instances"]] == ["orders", "users"]


def test_a_snapshot_goes_to_a_file_and_what_it_holds_is_told(bed: CliBed, tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"

    ran = bed.run("snapshot", "--out", str(path), environment=WIDE)

    assert ran.code == 0
    assert ran.out.splitlines()[0] == f"{path}: created, 2 added"
    assert "  + users in stage Production  https://users.test  1.4.2" in ran.out.splitlines()
    assert ran.err.startswith("2 record(s) of 2 service(s), ")
    assert read(path) == {PLACE, ("orders", "Staging")}
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_compressed_if_its_name_says_so(bed: CliBed, tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json.gz"

    assert bed.run("snapshot", "--out", str(path)).code == 0

    assert json.loads(gzip.decompress(path.read_bytes()))["format"] == 1
    assert read(path) == {PLACE, ("orders", "Staging")}


def test_a_snapshot_of_one_stage_has_that_alone(bed: CliBed, tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"

    assert bed.run("snapshot", "--stage", "Staging", "--out", str(path)).code == 0

    assert read(path) == {("orders", "Staging")}


def test_the_difference_to_a_file_is_told_and_nothing_written(bed: CliBed, tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    bed.run("snapshot", "--out", str(path))
    before = path.read_bytes()
    bed.cloud_map.put(record("users", version="1.4.2", weight=0))
    bed.cloud_map.remove(ORDERS)

    ran = bed.run("snapshot", "--out", str(path), "--diff", environment=WIDE)

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        f"{path}: 1 to change, 1 to remove",
        "  - orders in stage Staging  https://orders.test",
        "  ~ users in stage Production  weight: none -> 0",
    ]
    assert path.read_bytes() == before


def test_most_of_a_file_is_not_thrown_away_unasked(bed: CliBed, tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    many = [record(f"s{n}") for n in range(9)]
    bed.cloud_map.put(*many)
    bed.run("snapshot", "--out", str(path))
    bed.cloud_map.remove(*many)

    refused = bed.run("snapshot", "--out", str(path))

    assert refused.code == 2
    assert "9 of the 11 records in" in refused.err
    assert "--force" in refused.err
    assert len(read(path)) == 11
    assert bed.run("snapshot", "--out", str(path), "--force").code == 0
    assert len(read(path)) == 2


def test_what_is_no_snapshot_is_not_written_over_unasked(bed: CliBed, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes")

    refused = bed.run("snapshot", "--out", str(path))

    assert refused.code == 2
    assert "--force writes over it" in refused.err
    assert path.read_text() == "my notes"
    assert bed.run("snapshot", "--out", str(path), "--force").code == 0


@pytest.mark.parametrize("name", ["missing/snapshot.json", "."])
def test_a_file_that_cannot_be_written_is_wrong_use(bed: CliBed, tmp_path: Path, name: str) -> None:
    ran = bed.run("snapshot", "--out", str(tmp_path / name), environment=WIDE)

    assert ran.code == 2
    assert ran.err.startswith("error: --out is ")


@pytest.mark.parametrize("arguments", [("--publish",), ("--publish", "--diff"), ("--diff",)])
def test_publishing_writes_the_mirror_in_s3_whatever_the_mirrors_are(
    bed: SyncBed, arguments: tuple[str, ...]
) -> None:
    environment = {"COLUMNS": "80", "DISCOVERY_MIRRORS": "ssm", "DISCOVERY_BUCKET": "registry"}

    ran = bed.run("snapshot", *arguments, environment=environment)

    assert ran.code == 0
    assert bed.mirrors == "s3"
    is_written = "--diff" not in arguments
    assert ran.out.splitlines()[0] == ("s3: 2 added" if is_written else "s3: 2 to add")
    assert bool(bed.mirror.held) is is_written


def test_a_snapshot_goes_to_one_place(bed: CliBed) -> None:
    ran = bed.run("snapshot", "--publish", "--out", "x")

    assert ran.code == 2
    assert "--out FILE or --publish" in ran.err


# sync


def test_syncing_says_what_it_changed(bed: CliBed) -> None:
    bed.mirror.held[PLACE] = (record("users", "https://old.test", version="1.4.2"),)

    ran = bed.run("sync", environment={"COLUMNS": "80"})

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "s3: 1 added, 1 changed",
        "  + orders in stage Staging  https://orders.test",
        "  ~ users in stage Production  endpoint: https://old.test -> https://users.test",
    ]
    assert bed.mirror.held[PLACE] == (USERS,)
    assert bed.run("sync").out == "s3: equal to Cloud Map\n"


def test_a_dry_run_changes_nothing(bed: CliBed) -> None:
    ran = bed.run("sync", "--dry-run")

    assert ran.code == 0
    assert ran.out.splitlines()[0] == "s3: 2 to add"
    assert bed.mirror.held == {}


def test_one_stage_is_synced_alone(bed: CliBed) -> None:
    assert bed.run("sync", "--stage", "Staging").out.splitlines()[0] == "s3: 1 added"

    assert set(bed.mirror.held) == {("orders", "Staging")}


def test_a_mirror_that_fails_keeps_no_other_from_being_synced(bed: CliBed) -> None:
    broken = FakeMirror("ssm")
    broken.failure = AccessDeniedError("ssm:GetParametersByPath is not allowed")

    class TwoMirrors(CliBed):
        def make_mirrors(self) -> list[Mirror]:
            return [broken, self.mirror]

    two = TwoMirrors(mirror=bed.mirror)
    two.cloud_map.put(USERS)

    ran = two.run("sync")
    told = json.loads(two.run("sync", "--json").out)["mirrors"]

    assert ran.code == 3
    assert ran.out.splitlines() == [
        "ssm: failed",
        "s3: 1 added",
        "  + users in stage Production  https://users.test  1.4.2",
    ]
    assert ran.err == "error: ssm:GetParametersByPath is not allowed\n"
    assert two.mirror.held[PLACE] == (USERS,)
    assert [one["error"] and one["error"]["type"] for one in told] == ["AccessDeniedError", None]


def test_what_is_left_alone_is_told(bed: CliBed) -> None:
    bed.mirror.left_alone = {PLACE: "/services/Production/users was written by a person"}

    ran = bed.run("sync")

    assert ran.code == 0
    assert "users was written by a person, and is left as it is" in " ".join(ran.err.split())


def test_machines_get_every_difference_with_its_fields(bed: CliBed) -> None:
    bed.mirror.held[PLACE] = (record("users", "https://old.test", version="1.4.2"),)

    ran = bed.run("sync", "--dry-run", "--json")

    (mirror,) = json.loads(ran.out)["mirrors"]
    added, changed = mirror["differences"]
    assert json.loads(ran.out)["dry_run"] is True
    assert (mirror["mirror"], mirror["created"], mirror["left_alone"]) == ("s3", False, [])
    assert (added["kind"], added["service"], added["stage"], added["before"]) == (
        "add",
        "orders",
        "Staging",
        None,
    )
    assert (changed["kind"], changed["id"]) == ("change", USERS.id)
    assert (changed["before"]["endpoint"], changed["after"]["endpoint"]) == (
        "https://old.test",
        "https://users.test",
    )


def test_without_a_mirror_there_is_nothing_to_sync() -> None:
    class NoMirrors(CliBed):
        def make_mirrors(self) -> list[Mirror]:
            return []

    ran = NoMirrors().run("sync", environment={"DISCOVERY_SOURCES": "cloudmap"})

    assert ran.code == 2
    assert "DISCOVERY_SOURCES is 'cloudmap'; it must be a list with ssm or s3 in it" in ran.err


@pytest.mark.parametrize("command", ["sync", "snapshot"])
def test_a_namespace_that_is_not_there_is_told_and_nothing_is_emptied(bed: CliBed, command: str) -> None:
    bed.has_namespace = False
    bed.mirror.held[PLACE] = (USERS,)

    ran = bed.run(command)

    assert ran.code == 1
    assert "there is no namespace 'services'" in ran.err
    assert bed.mirror.held == {PLACE: (USERS,)}


@pytest.mark.parametrize("command", ["sync", "snapshot"])
def test_a_listing_that_is_denied_is_exit_code_3(bed: CliBed, command: str) -> None:
    bed.listing_failure = AccessDeniedError("servicediscovery:ListServices is not allowed")

    ran = bed.run(command)

    assert ran.code == 3
    assert "ListServices is not allowed" in ran.err


def test_on_a_terminal_progress_is_shown_while_it_works(bed: CliBed) -> None:
    ran = bed.run("sync", terminal=True, environment={"COLUMNS": "80", "TERM": "xterm"})

    assert ran.code == 0
    assert "Listing Cloud Map" in ran.err
