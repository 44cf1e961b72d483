"""Tagged functions reconciled by the installed program, against the stand-in for AWS."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.standin.faults import AccessDenied, ErrorAnswer

if TYPE_CHECKING:
    from tests.standin.stand_in import StandIn

PROGRAM: Final = Path(sysconfig.get_path("scripts")) / "cloudmap-discovery"
TAGS: Final = {"discovery:service": "users", "discovery:stage": "Production", "discovery:version": "1.4.2"}
TIMEOUT_SECONDS: Final = 60
DISCOVER: Final = ("discover", "users", "--stage", "Production")


def environment_of(aws: StandIn, **more: str) -> dict[str, str]:
    return {"PATH": os.defpath, **aws.environment(), **more}


def run(aws: StandIn, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return run_in(environment_of(aws, **more), *arguments)


def run_in(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("transport", ["sdk", "direct"])
def test_a_tagged_function_is_registered_discovered_and_with_it_goes_its_record(
    aws: StandIn, transport: str
) -> None:
    function = aws.seed_function("users-api", TAGS)

    registered = run(aws, "reconcile", DISCOVERY_TRANSPORT=transport)
    discovered = run(aws, *DISCOVER)
    again = run(aws, "reconcile", "--dry-run", DISCOVERY_TRANSPORT=transport)
    aws.unseed_function("users-api")
    removed = run(aws, "reconcile", DISCOVERY_TRANSPORT=transport)
    gone = run(aws, *DISCOVER)

    assert (registered.returncode, registered.stderr) == (0, "")
    assert f"  + users in stage Production  version 1.4.2\n      {function}\n" in registered.stdout
    assert "  ✓ mirror ssm: 1 difference mended\n" in registered.stdout
    assert discovered.stdout == f"{function}\n"
    assert again.stdout.endswith("\n0 to register, 0 to update, 0 to remove, 1 unchanged\n")
    assert "      the function does not exist any more: users-api\n" in removed.stdout
    assert removed.stdout.endswith("\n0 registered, 0 updated, 1 removed, 0 unchanged\n")
    assert (gone.returncode, gone.stdout) == (1, "")


def test_a_dry_run_asks_for_nothing_that_writes(aws: StandIn) -> None:
    aws.seed_function("users-api", TAGS)

    done = run(aws, "reconcile", "--dry-run")

    operations = {name.partition(":")[2] for name in aws.calls()}
    assert done.returncode == 0
    assert "1 to register" in done.stdout
    assert done.stderr == "There is no namespace 'services' yet: registering creates it.\n"
    assert {"GetCallerIdentity", "GetResources", "GetFunction"} <= operations
    assert not [name for name in operations if not name.startswith(("Get", "List"))]


def test_services_that_it_creates_are_removed_again_like_the_registrar_s_own(aws: StandIn) -> None:
    aws.seed_function("users-api", TAGS)
    run(aws, "reconcile")
    aws.unseed_function("users-api")

    done = run(aws, "reconcile", DISCOVERY_REGISTRAR_GRACE="0")

    assert "  ✓ empty services removed: users\n" in done.stdout


def test_the_region_of_a_profile_is_enough(aws: StandIn, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(f"[profile dev]\nregion = {aws.region}\n")
    aws.seed_function("users-api", TAGS)
    environment = environment_of(aws, AWS_CONFIG_FILE=str(config), AWS_PROFILE="dev")
    keys = {name: environment.pop(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    credentials = tmp_path / "credentials"
    credentials.write_text("[dev]\n" + "".join(f"{name.lower()} = {key}\n" for name, key in keys.items()))
    environment["AWS_SHARED_CREDENTIALS_FILE"] = str(credentials)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "DISCOVERY_REGION"):
        environment.pop(name, None)

    done = run_in(environment, "reconcile", "--dry-run")

    assert (done.returncode, done.stderr.count("error")) == (0, 0), done.stderr
    assert done.stdout.splitlines()[0].endswith(f" · {aws.region}")
    assert "1 to register" in done.stdout


def test_credentials_that_are_refused_are_one_line_and_exit_code_3(aws: StandIn) -> None:
    refusal = ErrorAnswer(
        "InvalidClientTokenId", "The security token included in the request is invalid.", 403
    )
    aws.faults.add(refusal, "sts:GetCallerIdentity")

    done = run(aws, "reconcile", "--dry-run")

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("error: AWS does not accept the credentials that sts:GetCallerIdentity")
    assert done.stderr.count("\n") == 1


def test_a_missing_permission_is_named_and_nothing_is_removed(aws: StandIn) -> None:
    aws.seed_function("users-api", TAGS)
    run(aws, "reconcile")
    aws.unseed_function("users-api")
    aws.faults.add(AccessDenied(), "resourcegroupstaggingapi:GetResources")

    done = run(aws, "reconcile")

    assert done.returncode == 3
    assert done.stderr.startswith(
        "warning: not all functions could be listed: tag:GetResources is not allowed"
    )
    assert run(aws, *DISCOVER).returncode == 0
