"""docs/serverless.md is true: its services are packaged, and it shows every field that there is."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.project.markdown import ROOT, block_after, blocks, table
from tests.project.yaml_text import read_yaml
from tests.serverless.commands import check_npm, check_npx
from tests.serverless.osls import PLUGIN, package, program
from tests.serverless.services import CREATE, HTTP_API, findings, service

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT = ROOT / "docs/serverless.md"
BLOCK = block_after("The block", DOCUMENT, "yaml")


def schema() -> dict[str, Any]:
    script = "console.log(JSON.stringify(require('./lib/schema').schema.properties.discovery.properties))"
    done = subprocess.run(
        [program("node"), "-e", script], cwd=PLUGIN, capture_output=True, text=True, check=True
    )
    fields: dict[str, Any] = json.loads(done.stdout)
    return fields


def test_the_first_service_is_packaged_as_it_stands_and_registered(tmp_path: Path) -> None:
    text = block_after("Installing", DOCUMENT, "yaml").text

    packaged = package(tmp_path / "users", text, "--stage", "dev")

    (record,) = packaged.registered.values()
    assert record["Properties"]["Service"] == "users"
    assert record["Properties"]["Stage"] == "dev"
    assert findings(packaged.template) == []


def test_the_whole_block_is_accepted_and_registers_what_its_comments_say(tmp_path: Path) -> None:
    functions = {"create": CREATE, "list": {**CREATE, "url": True}, "show": HTTP_API}
    rest = json.loads(service(functions=functions))
    lines = "".join(f"{name}: {json.dumps(value)}\n" for name, value in rest.items())

    packaged = package(tmp_path / "users", lines + BLOCK.text)

    records = {record["Properties"]["Service"]: record for record in packaged.registered.values()}
    assert records.keys() == {"users", "users-create", "users-list"}
    assert {name: record["Properties"]["Weight"] for name, record in records.items()} == {
        "users": 100,
        "users-create": 100,
        "users-list": 10,
    }
    assert records["users-list"]["Properties"]["Attributes"] == {"public": "true", "color": "green"}
    assert findings(packaged.template) == []


def test_the_block_shows_every_field_and_the_first_eleven_are_a_records() -> None:
    shown = re.findall(r"^    (\w+):", BLOCK.text, re.MULTILINE)
    fields = schema()
    record = fields["http"]["anyOf"][2]["properties"].keys() - {"endpoint", "dependsOn"}

    assert shown == [*shown[:11], "registrar", "environment", "layer", "http", "functions"]
    assert set(shown) == fields.keys()
    assert set(shown[:11]) == record


def test_the_tables_have_every_kind_of_endpoint() -> None:
    http = [cell for row in table(DOCUMENT, "`http`") for cell in re.findall(r"`([^`]+)`", row[0])]
    function = [
        cell
        for row in table(DOCUMENT, "`endpoint` of a function")
        for cell in re.findall(r"`([^`]+)`", row[0])
    ]

    assert http == ["true", "httpApi", "restApi", "https://users.example.com", "false"]
    assert function == ["arn", "function-url", "alias:NAME"]


def test_smaller_parts_are_accepted_too(tmp_path: Path) -> None:
    ladder = read_yaml(block_after("What functions get", DOCUMENT, "yaml").text)
    (registrar,) = [block for block in blocks(DOCUMENT) if "resolve:ssm" in block.text]
    discovery = read_yaml(registrar.text)["custom"]["discovery"]

    packaged = package(
        tmp_path / "users", service(discovery, functions={"show": HTTP_API}, provider=ladder["provider"])
    )

    (record,) = packaged.registered.values()
    assert record["Properties"]["ServiceToken"] == "{{resolve:ssm:/my-discovery/registrar}}"
    function = packaged.resources["ShowLambdaFunction"]["Properties"]
    assert function["Environment"]["Variables"] == {"DISCOVERY_STAGE": "dev>Staging"}


@pytest.mark.parametrize(
    "command",
    [
        "npm install --save-dev serverless-cloudmap-discovery",
        "npm install --save-dev ../cloudmap-discovery/layer",
        "npm install --no-such-option ../cloudmap-discovery/layer/serverless-plugin",
        "npm remove ../cloudmap-discovery/layer/serverless-plugin",
        "npx osls no-such-command",
        "npx osls deploy --no-such-option",
        "npx serverless deploy",
    ],
)
def test_a_command_that_is_wrong_is_found(command: str) -> None:
    name, *words = shlex.split(command)

    with pytest.raises(AssertionError):
        {"npm": check_npm, "npx": check_npx}[name](words)


def test_each_command_is_understood() -> None:
    commands = [
        shlex.split(line)
        for block in blocks(DOCUMENT)
        if block.language == "bash"
        for line in block.text.splitlines()
    ]

    checked = [name for name, *_ in commands if name in {"npm", "npx"}]
    for name, *words in commands:
        if name in checked:
            {"npm": check_npm, "npx": check_npx}[name](words)
    assert checked == ["npm", "npx", "npx"]
