"""What a project declares, checked, allowed and drawn by the installed program, against the stand-in for AWS."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.standin.stand_in import StandIn

PROGRAM: Final = Path(sysconfig.get_path("scripts")) / "cloudmap-discovery"
FUNCTION: Final = "arn:aws:lambda:us-east-1:123456789012:function:payments:live"
TIMEOUT_SECONDS: Final = 60


def run(aws: StandIn, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *arguments],
        cwd=folder,
        env={"PATH": os.defpath, **aws.environment()},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def declare(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.cloudmap-discovery.dependencies]\n{text}\n")


def test_a_pipeline_checks_what_its_project_declares(aws: StandIn, tmp_path: Path) -> None:
    declare(tmp_path, "users = '^1.2'\npayments = { stage = 'pr-7>Production' }")
    run(aws, tmp_path, "register", "users", "https://users.test", "--stage", "Staging", "--version", "1.4.2")

    before = run(aws, tmp_path, "check", "--stage", "Staging")
    run(aws, tmp_path, "register", "payments", FUNCTION, "--stage", "Production")
    after = run(aws, tmp_path, "check", "--stage", "Staging", "--json")

    assert (before.returncode, after.returncode) == (1, 0)
    assert before.stdout.endswith("✗ Of 2 dependencies, 1 is missing.\n")
    found = {check["service"]: (check["stage"], check["source"]) for check in json.loads(after.stdout)}
    assert found == {"users": ("Staging", "cloudmap"), "payments": ("Production", "cloudmap")}


def test_a_policy_takes_no_call_and_one_with_targets_takes_lookups_alone(
    aws: StandIn, tmp_path: Path
) -> None:
    declare(tmp_path, "payments = '*'")
    aws.seed_instance(
        "services", "payments", "1", {"endpoint": FUNCTION, "stage": "Production", "version": "1.0.0"}
    )
    aws.reset_calls()

    plain = run(aws, tmp_path, "policy", "--stage", "Production")
    calls_of_plain = aws.calls()
    targeted = run(aws, tmp_path, "policy", "--stage", "Production", "--with-targets")

    assert (plain.returncode, targeted.returncode) == (0, 0), targeted.stderr
    assert calls_of_plain == {}
    assert aws.calls() == {"servicediscovery:DiscoverInstances": 1}
    assert [one["Sid"] for one in json.loads(plain.stdout)["Statement"]] == ["LookUp", "FallBack"]
    assert json.loads(targeted.stdout)["Statement"][-1]["Resource"] == FUNCTION


def test_what_registering_wrote_is_drawn(aws: StandIn, tmp_path: Path) -> None:
    run(
        aws,
        tmp_path,
        "register",
        "users",
        "https://users.test",
        "--stage",
        "Production",
        "--version",
        "1.4.2",
    )
    orders = ("register", "orders", "https://orders.test", "--stage", "Production")
    run(aws, tmp_path, *orders, "--depends-on", "users@^1.2", "--depends-on", "mail")

    aws.reset_calls()

    drawn = run(aws, tmp_path, "graph", "--stage", "Production", "--format", "dot")

    assert drawn.returncode == 0
    assert set(aws.calls()) == {
        f"servicediscovery:{operation}" for operation in ("ListNamespaces", "ListServices", "ListInstances")
    }
    assert '    n1 -> n2 [label="^1.2"]\n' in drawn.stdout
    assert 'label="mail\\nmissing"' in drawn.stdout
    assert drawn.stderr == "warning: 1 dependency is missing: mail (for orders)\n"


def test_a_declaration_that_is_wrong_is_exit_code_2_and_named_by_its_key(
    aws: StandIn, tmp_path: Path
) -> None:
    declare(tmp_path, "users = { verison = '^1' }")

    done = run(aws, tmp_path, "check")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: pyproject.toml: tool.cloudmap-discovery.dependencies.users.verison is '^1'; it must be called "
        "version, tenant or stage; did you mean version?\n"
    )
