"""Templates and policies of the documents are what AWS's own checkers accept, and say the same in every language."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from cloudmap_discovery.declarations import load
from cloudmap_discovery.snapshots import read_snapshot
from layer.targets import ARCHITECTURES, PROJECT, PYTHON_RUNTIMES, SLIM, find_target
from tests.project.hcl import Reference, read_hcl
from tests.project.markdown import (
    PART,
    README,
    ROOT,
    Block,
    block_after,
    blocks,
    blocks_of,
    parts,
    prose,
    table,
)
from tests.project.yaml_text import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

AMPLIFY: Final = ROOT / "docs" / "amplify.md"
ATTACH: Final = ROOT / "docs/attach.md"
DEPENDENCIES: Final = ROOT / "docs/dependencies.md"
SNAPSHOTS: Final = ROOT / "docs/snapshots.md"
IAM: Final = ROOT / "docs/iam.md"
REGISTRAR: Final = ROOT / "docs/registrar.md"
SERVERLESS: Final = ROOT / "docs/serverless.md"
POLICIES: Final = [block for block in blocks_of("json") if '"Statement"' in block.text]
LAYER_ARN: Final = re.compile(r"arn:aws:lambda:[a-z0-9-]+:[0-9]{12}:layer:(?P<name>[\w-]+):[0-9]+")
LAYER_NAME: Final = SLIM.layer_name(PROJECT)
RUNTIMES: Final = {runtime.lambda_name for runtime in SLIM.runtimes}
MACHINES: Final = {architecture.name for architecture in SLIM.architectures}

Rule = tuple[tuple[str, ...], str]


def rules(statements: list[dict[str, Any]]) -> set[Rule]:
    """Return what statements allow: actions and conditions; resources are written differently in each language."""
    assert all(statement["Effect"] == "Allow" for statement in statements)
    return {
        (tuple(_listed(statement["Action"])), json.dumps(statement.get("Condition", {}), sort_keys=True))
        for statement in statements
    }


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else sorted(value)


def reader_rules() -> set[Rule]:
    return rules(json.loads(block_after("Looking up", IAM, "json").text)["Statement"])


def sam() -> Any:
    return read_yaml(block_after("SAM", ATTACH, "yaml").text)


def serverless() -> Any:
    return read_yaml(block_after("Serverless Framework", ATTACH, "yaml").text)


def layer_of(arn: str) -> str:
    """Return the name of the layer of a version's ARN."""
    match = LAYER_ARN.fullmatch(arn)
    assert match is not None, arn
    return match["name"]


def lint(template: Path) -> str:
    program = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([program, template], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_the_sam_template_passes_cfn_lint(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(block_after("SAM", ATTACH, "yaml").text)

    assert lint(template) == ""


def test_every_policy_passes_cfn_lint(tmp_path: Path) -> None:
    template = tmp_path / "template.json"
    resources = {
        f"Policy{number}": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"PolicyDocument": json.loads(block.text)},
        }
        for number, block in enumerate(POLICIES)
    }
    template.write_text(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}))

    assert POLICIES
    assert lint(template) == ""


def test_cfn_lint_finds_an_action_that_does_not_exist(tmp_path: Path) -> None:
    template = tmp_path / "template.json"
    text = block_after("Looking up", IAM, "json").text.replace("DiscoverInstances", "DiscoverServices")
    policy = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": json.loads(text)}}
    template.write_text(json.dumps({"Resources": {"Policy": policy}}))

    assert "discoverservices" in lint(template).lower()


def test_the_policy_of_the_readme_allows_what_the_one_for_looking_up_allows() -> None:
    policy = json.loads(block_after("Permissions", README, "json").text)

    assert rules(policy["Statement"]) == reader_rules()


def test_sam_attaches_the_layer_for_its_runtime_and_allows_looking_up() -> None:
    template = sam()
    properties = template["Resources"]["Orders"]["Properties"]
    (layer,) = properties["Layers"]

    assert properties["Runtime"] in RUNTIMES
    assert set(properties["Architectures"]) <= MACHINES
    assert layer_of(template["Parameters"][layer["Ref"]]["Default"]) == LAYER_NAME
    assert rules(properties["Policies"][0]["Statement"]) == reader_rules()


def test_serverless_attaches_the_layer_for_its_runtime_and_allows_looking_up() -> None:
    provider = serverless()["provider"]
    (layer,) = provider["layers"]

    assert provider["runtime"] in RUNTIMES
    assert provider["architecture"] in MACHINES
    assert layer_of(layer) == LAYER_NAME
    assert rules(provider["iam"]["role"]["statements"]) == reader_rules()


def test_terraform_attaches_the_layer_for_its_runtime_and_allows_looking_up() -> None:
    file = read_hcl(block_after("Terraform", ATTACH, "hcl").text)
    function = file.blocks["resource", "aws_lambda_function", "orders"].attributes
    policy = file.blocks["resource", "aws_iam_role_policy", "discovery"].attributes["policy"]

    assert function["runtime"] in RUNTIMES
    assert set(function["architectures"]) <= MACHINES
    assert function["layers"] == [Reference("data.aws_lambda_layer_version.discovery.arn")]
    assert file.blocks["data", "aws_lambda_layer_version", "discovery"].attributes["layer_name"] == LAYER_NAME
    assert rules(policy["Statement"]) == reader_rules()


def test_terraform_refers_only_to_what_it_defines() -> None:
    file = read_hcl(block_after("Terraform", ATTACH, "hcl").text)
    defined = {".".join(names[1:] if names[0] == "resource" else names) for names in file.blocks}

    def references(value: Any) -> Iterator[str]:
        if isinstance(value, Reference):
            yield value.name
        elif isinstance(value, dict | list):
            for inner in value.values() if isinstance(value, dict) else value:
                yield from references(inner)

    used = [name for body in file.blocks.values() for name in references(body.attributes)]

    assert used
    assert {name.rpartition(".")[0] for name in used} <= defined


@pytest.mark.parametrize("source", ['a = "b', "a {", "a = [1", "a = }", "= 1", 'a "b" = 1', "a = f(1"])
def test_what_is_not_terraforms_language_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match=r"expected|cannot|unpack"):
        read_hcl(source)


def test_cdk_attaches_the_layer_for_its_runtime_and_allows_looking_up() -> None:
    text = block_after("CDK (Python)", ATTACH, "python").text
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    statements = [
        {keyword.arg: keyword.value for keyword in call.keywords}
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "PolicyStatement"
    ]
    allowed = [
        {
            "Effect": "Allow",
            "Action": ast.literal_eval(statement["actions"]),
            **({"Condition": ast.literal_eval(statement["conditions"])} if "conditions" in statement else {}),
        }
        for statement in statements
    ]

    runtime = re.search(r"Runtime\.PYTHON_(3)_(\d+)", text)
    machine = re.search(r"Architecture\.(\w+)", text)
    layer = re.search(r'"(arn:aws:lambda:[^"]*)"', text)
    assert runtime is not None
    assert f"python{runtime[1]}.{runtime[2]}" in RUNTIMES
    assert machine is not None
    assert machine[1] in {"X86_64", "ARM_64"}
    assert layer is not None
    assert layer_of(layer[1]) == LAYER_NAME
    assert rules(allowed) == reader_rules()


def test_every_layer_that_a_document_names_is_the_one_that_is_published() -> None:
    names = [
        match["name"]
        for block in blocks_of("bash", "json", "python", "yaml")
        for match in LAYER_ARN.finditer(block.text)
    ]

    assert names
    assert set(names) == {LAYER_NAME}


def test_the_documents_name_every_runtime_that_the_layer_is_for() -> None:
    introduction = prose(ATTACH).partition("\n## ")[0]

    assert set(re.findall(r"`(python3\.\d+)`", introduction)) == RUNTIMES
    assert {name for name in MACHINES if re.search(rf"\b{name}\b", introduction)} == MACHINES


def test_the_table_of_full_layers_has_every_runtime_and_architecture() -> None:
    expected = [
        (
            f"`{runtime.lambda_name}`",
            *(
                f"`{find_target(runtime.version, architecture.name).layer_name(PROJECT)}`"
                for architecture in ARCHITECTURES
            ),
        )
        for runtime in PYTHON_RUNTIMES
    ]

    head = ("runtime", *(architecture.name for architecture in ARCHITECTURES))

    assert table(ATTACH, *head) == expected


def test_dependencies_are_declared_the_same_in_toml_and_in_json(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(block_after("Declaring", DEPENDENCIES, "toml").text)
    (tmp_path / "b.json").write_text(block_after("Declaring", DEPENDENCIES, "json").text)

    declared = load("a.toml", tmp_path)

    assert len(declared) > 1
    assert load("b.json", tmp_path) == declared


def test_the_snapshot_in_the_documentation_is_one() -> None:
    text = block_after("The document", SNAPSHOTS, "json").text

    snapshot = read_snapshot(text.encode(), name="it", namespace="services")

    ((record,), unusable) = snapshot.records(("users", "Production"))
    assert (record.endpoint, record.version, record.owner, unusable) == (
        "https://users.example.com",
        "1.4.2",
        "manual",
        (),
    )


@pytest.mark.parametrize("block", parts(), ids=lambda block: block.id)
def test_a_block_that_is_a_part_of_a_file_is_one(block: Block) -> None:
    assert block.text in (ROOT / block.check.removeprefix(PART)).read_text()


@pytest.mark.parametrize("block", blocks_of("yaml", "json", "hcl"), ids=lambda block: block.id)
def test_every_other_block_is_one_that_a_test_above_reads(block: Block) -> None:
    known = [
        *POLICIES,
        *parts(),
        block_after("Declaring", DEPENDENCIES, "json"),
        block_after("The document", SNAPSHOTS, "json"),
        block_after("The manifest", AMPLIFY, "json"),  # tests/amplify/test_docs.py
        block_after("SAM", ATTACH, "yaml"),
        block_after("Serverless Framework", ATTACH, "yaml"),
        block_after("Terraform", ATTACH, "hcl"),
        block_after("CloudFormation", REGISTRAR, "yaml"),  # test_docs_registrar.py
        *(block for block in blocks(SERVERLESS) if block.language == "yaml"),  # tests/serverless/test_docs.py
    ]

    assert block in known
