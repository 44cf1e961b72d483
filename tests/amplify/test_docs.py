"""docs/amplify.md is true: its applications are compiled and bundled, and its manifest is what the server sends."""

from __future__ import annotations

import json
import re
import shlex
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import jsonschema_rs
import pytest

from cloudmap_discovery.model import Instance
from cloudmap_discovery.server.manifest_schema import SCHEMA
from cloudmap_discovery.snapshot_writing import empty_snapshot, rewritten, snapshot_text
from tests.amplify.project import HELPER
from tests.project.markdown import ROOT, block_after, blocks, prose, table
from tests.server.bed import asking, make_parts, variables_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.amplify.project import Project
    from tests.project.markdown import Block
    from tests.standin.stand_in import StandIn

DOCUMENT: Final = ROOT / "docs/amplify.md"
MANIFEST: Final = block_after("The manifest", DOCUMENT, "json")
APPLICATIONS: Final = [block for block in blocks(DOCUMENT) if block.language == "ts"]


def registered() -> list[Instance]:
    """Return the records that the document registers."""
    found = []
    for line in block_after("What to mark", DOCUMENT, "bash").text.splitlines():
        _, command, service, endpoint, *options = shlex.split(line)
        assert command == "register"
        given = [value for name, value in pairwise(options) if name == "--attribute"]
        stage = options[options.index("--stage") + 1]
        attributes = dict(one.split("=") for one in given)
        found.append(Instance(service, endpoint, stage=stage, attributes=attributes))
    return found


async def test_what_it_registers_makes_the_manifest_that_it_shows(tmp_path: Path) -> None:
    records = {(one.service, one.stage): (one,) for one in registered()}
    empty = empty_snapshot("services.json", "services", time.time())
    snapshot = tmp_path / "services.json"
    snapshot.write_text(snapshot_text(rewritten(empty, records, wall=time.time())))
    variables = {
        "AWS_REGION": "eu-west-1",
        "DISCOVERY_SOURCES": "file",
        "DISCOVERY_SNAPSHOT_FILE": str(snapshot),
        "DISCOVERY_SURFACES": "manifest",
    }
    async with asking(make_parts(variables)) as client:
        answer = await client.get("/manifest/Production")

    shown = json.loads(MANIFEST.text)
    assert answer.json() == shown
    assert jsonschema_rs.validator_for(SCHEMA).is_valid(shown)


@pytest.mark.parametrize("block", APPLICATIONS, ids=lambda block: block.id)
def test_an_application_compiles_strictly_and_is_bundled(project: Project, block: Block) -> None:
    project.write("amplify_outputs.json", '{"version": "1.4", "auth": null}')
    name = f"application-{block.line}.ts"
    project.write(name, block.text)
    options = ["--module", "esnext", "--moduleResolution", "bundler", "--skipLibCheck", "--resolveJsonModule"]

    assert project.check_types(name, *options) == []
    assert project.bundle(name, f"application-{block.line}.js").stat().st_size > 0


@pytest.mark.parametrize("stage", ["Production?services=users,orders", "pr-7%3EStaging", "schema.json%3E-"])
async def test_a_request_that_it_shows_is_answered(aws: StandIn, stage: str) -> None:
    assert f"{stage}`" in prose(DOCUMENT)
    aws.seed_namespace()

    async with asking(make_parts(variables_for(aws, surfaces="manifest"))) as client:
        answer = await client.get(f"/manifest/{stage}")

    assert answer.status_code == 200
    assert answer.json() == {"API": {"REST": {}}}


def test_the_table_of_options_has_every_option_of_the_types() -> None:
    types = (HELPER / "index.d.ts").read_text()
    (body,) = re.findall(r"interface ManifestOptions \{(.*?)\n\}", types, re.DOTALL)

    listed = {name.strip("`") for name, _ in table(DOCUMENT, "option", "meaning")}

    assert listed == set(re.findall(r"^  (\w+)\?:", body, re.MULTILINE))


def test_it_names_every_source_that_a_result_has() -> None:
    types = (HELPER / "index.d.ts").read_text()
    (sources,) = re.findall(r"readonly source: (.*);", types)

    assert all(f"`{name}`" in prose(DOCUMENT) for name in re.findall(r'"([^"]+)"', sources))
