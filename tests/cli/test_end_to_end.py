"""The installed program as a process of its own, against the stand-in for AWS."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.standin.stand_in import StandIn

PROGRAM: Final = Path(sysconfig.get_path("scripts")) / "cloudmap-discovery"
TIMEOUT_SECONDS: Final = 60


def environment_of(aws: StandIn, **more: str) -> dict[str, str]:
    return {"PATH": os.defpath, **aws.environment(), **more}


def run(aws: StandIn, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *arguments],
        env=environment_of(aws, **more),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def test_what_is_registered_is_discovered_listed_explained_and_removed(aws: StandIn) -> None:
    identity = ("--stage", "Production", "--version", "1.4.2")

    registered = run(aws, "register", "users", "https://users.test", *identity, "--attribute", "color=blue")
    discovered = run(aws, "discover", "users", "--stage", "Production", "--where", "color=blue")
    listed = run(aws, "list")
    explained = run(aws, "explain", "users", "--stage", "Production")
    removed = run(aws, "deregister", "users", *identity)
    gone = run(aws, "discover", "users", "--stage", "Production")

    assert registered.stdout.startswith("✓ Registered users in stage Production.\n")
    assert (discovered.returncode, discovered.stdout, discovered.stderr) == (0, "https://users.test\n", "")
    assert "│ users   │ 1.4.2      │" in listed.stdout.splitlines()
    assert re.search(r"^  ✓ cloudmap has 1 record \(\d+ m?s\)$", explained.stdout, re.MULTILINE)
    assert re.search(
        r"^  ✓ ssm has 1 record .*, the same as cloudmap, not used$",
        explained.stdout,
        re.MULTILINE,
    )
    assert explained.stdout.endswith("Answer, from cloudmap\n  https://users.test\n")
    assert removed.stdout == "✓ Deregistered users in stage Production, version 1.4.2.\n"
    assert (gone.returncode, gone.stdout) == (1, "")
    assert [done.returncode for done in (registered, listed, explained, removed)] == [0, 0, 0, 0]


def test_a_dry_run_asks_for_nothing_that_writes(aws: StandIn) -> None:
    done = run(aws, "register", "users", "https://users.test", "--stage", "Production", "--dry-run")

    operations = {name.partition(":")[2] for name in aws.calls()}
    assert done.returncode == 0
    assert done.stdout.startswith("Would create namespace 'services'.\nWould create service 'users'")
    assert operations
    assert not [name for name in operations if not name.startswith(("Get", "List", "Discover"))]


def test_a_service_only_in_parameter_store_is_found_while_cloud_map_is_down(aws: StandIn) -> None:
    aws.seed_parameter("/services/Production/users", "https://byhand.test")
    aws.down("servicediscovery")

    done = run(aws, "discover", "users", "--stage", "Production", "--json")

    assert done.returncode == 0
    assert json.loads(done.stdout)["endpoint"] == "https://byhand.test"
    assert "answered by the fallback ssm" in json.loads(done.stderr)["warning"]


def test_aws_out_of_reach_is_exit_code_3_in_one_line(aws: StandIn) -> None:
    aws.down()

    done = run(aws, "discover", "users", "--stage", "Production")

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("error: cannot look up 'users' in stage 'Production'")
    assert done.stderr.count("\n") == 1


def test_an_operation_that_fails_is_told_with_aws_s_code(aws: StandIn) -> None:
    aws.fail_next_operations(code="INTERNAL_FAILURE", message="Something broke.")

    done = run(aws, "register", "users", "https://users.test", "--stage", "Production", "--json")

    error = json.loads(done.stderr)["error"]
    assert (done.returncode, done.stdout, error["type"]) == (3, "", "RegistrationError")
    assert "INTERNAL_FAILURE" in error["message"]
    assert "Something broke." in error["message"]


def test_namespace_and_endpoint_may_be_options(aws: StandIn) -> None:
    aws.seed_instance("mine", "users", "1", {"endpoint": "https://users.test"})
    environment = environment_of(aws)
    url = environment.pop("AWS_ENDPOINT_URL")

    done = subprocess.run(
        [PROGRAM, "discover", "users", "--namespace", "mine", "--endpoint-url", url, "--region", aws.region],
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "https://users.test\n", "")


def test_a_reader_that_has_gone_is_no_error_to_tell(aws: StandIn) -> None:
    aws.seed_instance("services", "users", "1", {"endpoint": "https://users.test"})
    reader, writer = os.pipe()
    os.close(reader)

    try:
        done = subprocess.run(
            [PROGRAM, "discover", "users"],
            env=environment_of(aws),
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    finally:
        os.close(writer)

    assert (done.returncode, done.stderr) == (141, "")


def test_an_interrupted_run_ends_at_once_without_a_traceback(aws: StandIn) -> None:
    with aws.faults.hang("servicediscovery:DiscoverInstances") as hanging:
        process = subprocess.Popen(
            [PROGRAM, "discover", "users", "--timeout", "300"],
            env=environment_of(aws, DISCOVERY_SOURCES="cloudmap"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Ignored, and inherited so, where the tests run in the background.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 -- no thread starts processes here
        )
        try:
            hanging.wait_until_met(1, timeout_seconds=TIMEOUT_SECONDS)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=TIMEOUT_SECONDS)
        finally:
            process.kill()
            process.wait()

    assert (process.returncode, out) == (130, "")
    assert err == "error: interrupted; a change that was under way may still happen\n"


def as_module(code: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env=dict(environment), capture_output=True, text=True, check=False
    )


def test_python_m_is_the_same_program(aws: StandIn) -> None:
    aws.seed_instance("services", "users", "1", {"endpoint": "https://users.test"})

    done = subprocess.run(
        [sys.executable, "-m", "cloudmap_discovery.cli", "discover", "users"],
        env=environment_of(aws),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "https://users.test\n")


@pytest.mark.parametrize(("missing", "named"), [(["click"], "click"), (["click", "rich"], "click and rich")])
def test_without_the_extra_one_paragraph_says_how_to_install_it(missing: list[str], named: str) -> None:
    code = (
        "import sys; from cloudmap_discovery.cli import main\n"
        f"for name in {missing!r}: sys.modules[name] = None\n"
        "sys.exit(main(['list']))"
    )

    done = as_module(code, {"PATH": os.defpath})

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: the command line needs {named}, which the library alone does not bring. "
        "Install them with: pip install 'cloudmap-discovery[cli]'\n"
    )


def test_importing_the_command_line_imports_neither_click_nor_rich_nor_the_sdk() -> None:
    code = (
        "import sys, cloudmap_discovery.cli.program\n"
        "print([name for name in ('click', 'rich', 'aiobotocore', 'botocore', 'pydantic') if name in sys.modules])"
    )

    done = as_module(code, {"PATH": os.defpath})

    assert done.stdout == "[]\n", done.stderr


def test_a_plain_lookup_does_not_load_rich(aws: StandIn) -> None:
    aws.seed_instance("services", "users", "1", {"endpoint": "https://users.test"})
    code = (
        "import sys; from cloudmap_discovery.cli import main\n"
        "code = main(['discover', 'users'])\n"
        "sys.exit(9 if 'rich' in sys.modules else code)"
    )

    done = as_module(code, environment_of(aws))

    assert (done.returncode, done.stdout) == (0, "https://users.test\n")
