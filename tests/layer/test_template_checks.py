"""AWS's own checkers accept the template, as it stands and as SAM translates it, and the examples."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from layer.build import ROOT
from layer.interpreters import find_interpreter
from layer.templates import TEMPLATE
from layer.tools import run_tool
from tests.layer.cdk import synthesized
from tests.layer.conftest import RUNNING_PYTHON
from tests.runtime.tools import environment

EXAMPLES: Final = ROOT / "layer/examples"
REGION: Final = "eu-central-1"
# The CDK says twice what depends on what.
_OF_THE_CDK: Final = "W3005"


@pytest.fixture
def sam() -> Path:
    """Return the Python of SAM's command line, which pins another SDK than .venv has."""
    interpreter = find_interpreter(RUNNING_PYTHON, os.environ)
    assert interpreter is not None
    return environment("sam", interpreter)


def findings(*templates: Path) -> list[str]:
    program = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run(
        [program, "--format", "parseable", *templates], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if "cdk_app" not in line or _OF_THE_CDK not in line]


def translated(sam: Path, *templates: Path) -> list[str]:
    script = Path(__file__).with_name("translate.py")
    said = run_tool([sam, "-W", "ignore", script, REGION, *templates], to="translate templates")
    return [json.dumps(one) for one in json.loads(said)]


def test_cfn_lint_accepts_every_template_and_none_that_allows_what_there_is_not(
    sam: Path, tmp_path: Path
) -> None:
    files = {name: tmp_path / f"{name}.json" for name in ("right", "wrong", "cdk_app")}
    files["wrong"].write_text(TEMPLATE.read_text().replace("sqs:ReceiveMessage]", "sqs:TakeMessage]"))
    right, wrong = translated(sam, TEMPLATE, files["wrong"])
    files["right"].write_text(right)
    files["wrong"].write_text(wrong)
    files["cdk_app"].write_text(json.dumps(synthesized(EXAMPLES / "cdk_app.py", "Orders")))

    found = findings(TEMPLATE, EXAMPLES / "cloudformation.yaml", *files.values())

    assert [line for line in found if "wrong.json" not in line] == []
    assert [line for line in found if "takemessage" in line] == found


def test_sam_accepts_the_template(sam: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sam.with_name("sam"), "validate", "--lint", "--template", TEMPLATE, "--region", REGION],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout
