"""Every Python block of the documents runs and prints what the document says, against the stand-in or the fake registry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from cloudmap_discovery.model import record_id
from tests.project.markdown import README, Block, blocks, blocks_of, parts

if TYPE_CHECKING:
    from tests.standin.stand_in import StandIn

RUNNER: Final = Path(__file__).with_name("run_block.py")
TIMEOUT_SECONDS: Final = 120
FILE: Final = "file "
# A user has pytest and this package: nothing that these tests need besides is to help.
PLUGINS_OFF: Final = tuple(
    f"-pno:{plugin}" for plugin in ("asyncio", "cacheprovider", "hypothesispytest", "pytest_cov", "xdist")
)

PYTHON: Final = blocks_of("python")
SCRIPTS: Final = [block for block in PYTHON if not block.check or block.check.startswith(FILE)]
HANDLERS: Final = [block for block in SCRIPTS if block.path == README and "def handler" in block.text]
TESTS: Final = [block for block in PYTHON if block.check == "pytest"]
COMPILED: Final = [block for block in PYTHON if block.check.startswith("compile, because ")]

RECORDS: Final = (
    {"service": "users", "endpoint": "https://users.example.com"},
    {
        "service": "payments",
        "endpoint": "https://blue.payments.example.com",
        "version": "1.4.2",
        "variant": "blue",
        "color": "blue",
    },
    {
        "service": "payments",
        "endpoint": "https://green.payments.example.com",
        "version": "1.4.2",
        "variant": "green",
        "color": "green",
    },
)


def outputs() -> dict[Block, str]:
    """Return what the documents say that blocks print."""
    return {
        block: after.text
        for path in {block.path for block in PYTHON}
        for block, after in pairwise(blocks(path))
        if after.check == "output"
    }


def fill(aws: StandIn) -> None:
    """Register what the documents look up."""
    for record in RECORDS:
        attributes = {"stage": "Production", **record}
        service = attributes.pop("service")
        identity = record_id(service, "Production", record.get("version"), None, record.get("variant"))
        aws.seed_instance("services", service, identity, attributes)
    aws.seed_parameter("/services/Production/mail", "https://mail.example.com")
    partner = {"stage": "Production", "endpoint": "https://users.partner.example.com"}
    aws.seed_instance("partners", "users", "Production-1", partner)


def run(*arguments: str, folder: Path, environment: dict[str, str]) -> str:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DISCOVERY_"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env={**plain, **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def saved_files(block: Block) -> list[Block]:
    return [other for other in blocks(block.path) if other.check.startswith(FILE) and other.line < block.line]


def test_every_block_says_what_is_special_about_it_in_words_that_are_known() -> None:
    known = {*SCRIPTS, *TESTS, *COMPILED, *parts()}

    assert [block.id for block in PYTHON if block not in known] == []
    assert HANDLERS
    assert TESTS
    assert outputs().keys() <= set(SCRIPTS)


@pytest.mark.parametrize(
    "block", [block for block in SCRIPTS if block not in HANDLERS], ids=lambda block: block.id
)
def test_a_block_runs_and_prints_what_the_document_says(block: Block, aws: StandIn, tmp_path: Path) -> None:
    fill(aws)
    script = tmp_path / "block.py"
    script.write_text(block.text)

    printed = run(str(RUNNER), str(script), folder=tmp_path, environment=aws.environment())

    assert printed == outputs().get(block, printed)


@pytest.mark.parametrize("block", HANDLERS, ids=lambda block: block.id)
def test_a_handler_of_the_readme_sends_the_caller_on_and_asks_aws_once_for_two_invocations(
    block: Block, aws: StandIn, tmp_path: Path
) -> None:
    fill(aws)
    script = tmp_path / "block.py"
    script.write_text(block.text)

    printed = run(str(RUNNER), str(script), folder=tmp_path, environment=aws.environment())

    answers = [json.loads(line) for line in printed.splitlines()]
    assert len(answers) == 2
    assert all(answer["statusCode"] == 307 for answer in answers)
    assert all(answer["headers"]["location"].startswith("https://users.example.com") for answer in answers)
    assert aws.calls() == {"servicediscovery:DiscoverInstances": 1}


@pytest.mark.parametrize("block", TESTS, ids=lambda block: block.id)
def test_a_test_of_a_user_passes_without_aws(block: Block, tmp_path: Path) -> None:
    for saved in saved_files(block):
        (tmp_path / saved.check.removeprefix(FILE)).write_text(saved.text)
    (tmp_path / "test_users_own.py").write_text(block.text)

    printed = run("-m", "pytest", "-q", *PLUGINS_OFF, folder=tmp_path, environment={})

    assert f"{block.text.count('def test_')} passed" in printed


@pytest.mark.parametrize("block", COMPILED, ids=lambda block: block.id)
def test_a_block_that_cannot_run_here_compiles(block: Block) -> None:
    code = compile(block.text, block.id, "exec")

    assert code.co_names
