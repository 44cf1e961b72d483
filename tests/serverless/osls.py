"""Runs osls, the open fork of the Serverless Framework: pinned, installed once for all processes of a test run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.runtime.npm import installed
from tests.runtime.tools import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

PLUGIN: Final = ROOT / "layer" / "serverless-plugin"
EXAMPLE: Final = PLUGIN / "example"
NAME: Final = "serverless-cloudmap-discovery"


@dataclass(frozen=True, slots=True)
class Packaged:
    """What `osls package` made of a service: in `folder`, its .serverless, and what it said meanwhile."""

    folder: Path
    output: str

    @property
    def first_template_path(self) -> Path:
        """The template that a first deployment begins with: the bucket alone."""
        return self.folder / "cloudformation-template-create-stack.json"

    @property
    def template_path(self) -> Path:
        """The template of the whole stack."""
        return self.folder / "cloudformation-template-update-stack.json"

    @property
    def template(self) -> dict[str, Any]:
        template: dict[str, Any] = json.loads(self.template_path.read_text())
        return template

    @property
    def resources(self) -> dict[str, Any]:
        resources: dict[str, Any] = self.template["Resources"]
        return resources

    @property
    def registered(self) -> dict[str, Any]:
        """The records of the template, by logical id."""
        return {
            name: resource
            for name, resource in self.resources.items()
            if resource["Type"] == "Custom::ServiceEndpoint"
        }

    @property
    def archive(self) -> Path:
        """The zip with the functions' code."""
        (archive,) = self.folder.glob("*.zip")
        return archive

    @property
    def archive_key(self) -> str:
        """Where the template looks for the zip, in the bucket that it makes (`ServerlessDeploymentBucket`)."""
        functions = (one for one in self.resources.values() if one["Type"] == "AWS::Lambda::Function")
        (key,) = {function["Properties"]["Code"]["S3Key"] for function in functions}
        return str(key)


def package_example(folder: Path) -> Packaged:
    """Package the plugin's example in a folder that is not there yet."""
    return package(folder, (EXAMPLE / "serverless.yml").read_text())


def package(folder: Path, configuration: str, *arguments: str) -> Packaged:
    """Package a service of this serverless.yml and the example's code, in a folder that is not there yet."""
    write_service(folder, configuration)
    done = run_osls(folder, "package", "--verbose", *arguments)
    if done.returncode != 0:
        raise RuntimeError(f"osls package ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return Packaged(folder / ".serverless", done.stdout + done.stderr)


def write_service(folder: Path, configuration: str) -> None:
    """Write a service of this serverless.yml and the example's code, with the plugin installed as npm does it."""
    folder.mkdir(parents=True)
    (folder / "serverless.yml").write_text(configuration)
    shutil.copy(EXAMPLE / "users.py", folder)
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / NAME).symlink_to(PLUGIN)


def run_osls(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command of osls in a service's folder, without anything that this machine knows of AWS."""
    installed = _installed()
    return subprocess.run(
        [program("node"), installed / "node_modules" / "osls" / "bin" / "serverless.js", *arguments],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(installed),  # neither profiles nor settings; osls keeps compiled schemas there
            "TMPDIR": os.environ.get("TMPDIR", "/tmp"),  # noqa: S108 -- where it is not set
            "CI": "1",
            "SLS_TELEMETRY_DISABLED": "1",
            "SLS_NOTIFICATIONS_MODE": "off",
            "AWS_EC2_METADATA_DISABLED": "true",
            **(environment or {}),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def program(name: str) -> str:
    """Return where one of Node.js's programs is; osls takes Node.js 20.19 or newer."""
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not on PATH: these tests need Node.js 20.19 or newer, with npm")
    return found


def _installed() -> Path:
    needs = ", which takes Node.js 20.19 or newer"
    return installed("osls", Path(__file__).parent, "--omit=optional", needs=needs)
