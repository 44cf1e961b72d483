"""The helper does what its own tests say, with the published aws-amplify, and is packed and typed as it should be."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from typing import TYPE_CHECKING, Final

import pytest

from cloudmap_discovery import __version__
from tests.amplify.project import HELPER, HERE, NAME
from tests.server.bed import make_parts, serving, variables_for

if TYPE_CHECKING:
    from tests.amplify.project import Project
    from tests.standin.stand_in import StandIn

RESOLUTIONS: Final = {
    "node": ("--module", "nodenext"),
    "bundler": ("--module", "esnext", "--moduleResolution", "bundler"),
}
CALLS: Final = """
import { Amplify } from "aws-amplify";
import { configureFromManifest } from "cloudmap-discovery-amplify";

Amplify.configure({});
const configured = await configureFromManifest(process.argv[2]);
const again = await configured.refresh();
console.log(JSON.stringify({ sources: [configured.source, again.source], config: Amplify.getConfig() }));
"""


def test_its_own_tests_pass(project: Project) -> None:
    shutil.copy(HERE / "helper.test.js", project.folder / "helper.test.mjs")

    done = project.node("--test", "--test-reporter=tap", "helper.test.mjs")

    assert done.returncode == 0, done.stdout + done.stderr
    counted = {name: int(count) for name, count in re.findall(r"^# (\w+) (\d+)$", done.stdout, re.MULTILINE)}
    assert counted["pass"] == counted["tests"] > 50
    assert counted["skipped"] == counted["todo"] == 0


def test_it_takes_what_the_server_sends(aws: StandIn, project: Project) -> None:
    endpoint = "https://abc.lambda-url.eu-west-1.on.aws/"
    attributes = {"endpoint": endpoint, "stage": "Production", "public": "true", "auth": "iam"}
    aws.seed_instance("services", "users", "Production-1", attributes)
    script = project.write("calls.mjs", CALLS)

    with serving(make_parts(variables_for(aws, surfaces="manifest"))) as url:
        done = project.node(script, f"{url}/manifest/Production")

    assert done.returncode == 0, done.stderr
    entry = {"endpoint": endpoint.rstrip("/"), "region": "eu-west-1", "service": "lambda"}
    assert json.loads(done.stdout) == {
        "sources": ["network", "not-modified"],
        "config": {"API": {"REST": {"users": entry}}},
    }


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_its_types_allow_what_works_and_nothing_else(project: Project, resolution: str) -> None:
    project.write("package.json", '{"type": "module"}')
    shutil.copy(HERE / "types.ts", project.folder)

    options = RESOLUTIONS[resolution]
    found = project.check_types("types.ts", "--skipLibCheck", *options)
    declared = project.check_types("types.ts", *options)  # amplify's own types need those of Node.js

    assert found == []
    assert [line for line in declared if NAME in line.partition(":")[0]] == []


def test_a_wrong_use_is_found(project: Project) -> None:
    text = f'import {{ configureFromManifest }} from "{NAME}";\nconfigureFromManifest(1);\n'
    project.write("wrong.ts", text)

    (found,) = project.check_types("wrong.ts", "--skipLibCheck", *RESOLUTIONS["bundler"])

    assert found.startswith("wrong.ts(2,23): error TS2345: ")


def test_the_package_has_the_module_its_types_and_nothing_to_run_at_installation(project: Project) -> None:
    package = json.loads((HELPER / "package.json").read_text())
    with tarfile.open(project.packed) as archive:
        names = sorted(archive.getnames())

    assert names == ["package/README.md", "package/index.d.ts", "package/index.js", "package/package.json"]
    assert (package["name"], package["version"], package["license"]) == (NAME, __version__, "Apache-2.0")
    assert package["peerDependencies"] == {"aws-amplify": "^6.0.0"}
    assert package.keys().isdisjoint({"dependencies", "devDependencies", "scripts"})


def test_the_module_imports_nothing_but_amplify() -> None:
    text = (HELPER / "index.js").read_text()

    assert re.findall(r"""^import .* from "(.+)";$""", text, re.MULTILINE) == ["aws-amplify"]
    assert "import(" not in text


def test_what_is_installed_for_the_tests_is_pinned_with_hashes_and_names_no_registry() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    _, *packages = lock["packages"].items()

    assert all("integrity" in package and "resolved" not in package for _, package in packages)
    assert wanted == {name: dict(packages)[f"node_modules/{name}"]["version"] for name in wanted}
