"""The policies of the documents allow exactly the calls that are made, counted at the stand-in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

from tests.project.markdown import ROOT, block_after

if TYPE_CHECKING:
    from tests.standin.stand_in import StandIn

IAM: Final = ROOT / "docs/iam.md"

LOOK_UP: Final = """
from cloudmap_discovery import ServiceNotFoundError, sync

print(sync.discover("users", stage="Production"), sync.discover("mail", stage="Production"))
try:
    sync.discover("nobody", stage="Production")
except ServiceNotFoundError:
    print("not found")
"""
REGISTER: Final = """
from cloudmap_discovery import sync

sync.register("users", "https://users.test", stage="Production")
sync.register("users", "https://next.users.test", stage="Production")
print(sync.services(stage="Production"))
print(sync.deregister("users", stage="Production"))
"""
REGISTER_WITHOUT_WAITING: Final = """
from cloudmap_discovery import sync

print(sync.register("users", "https://users.test", stage="Production", wait=False))
print(sync.deregister("users", stage="Production", wait=False))
"""


def statements(heading: str) -> dict[str, set[str]]:
    """Return the actions of each statement of the policy below a heading."""
    policy: dict[str, Any] = json.loads(block_after(heading, IAM, "json").text)
    actions = {statement["Sid"]: statement["Action"] for statement in policy["Statement"]}
    return {sid: {action} if isinstance(action, str) else set(action) for sid, action in actions.items()}


def calls_of(script: str, aws: StandIn, **settings: str) -> set[str]:
    """Run the script and return the actions that it called."""
    aws.reset_calls()
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **aws.environment(), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(aws.calls())


def test_looking_up_calls_exactly_what_its_policy_allows(aws: StandIn) -> None:
    attributes = {"endpoint": "https://users.test", "stage": "Production"}
    aws.seed_instance("services", "users", "Production-1", attributes)
    aws.seed_parameter("/services/Production/mail", "https://mail.test")

    called = calls_of(LOOK_UP, aws)

    assert called == set.union(*statements("Looking up").values())


def test_looking_up_without_parameter_store_needs_the_first_statement_alone(aws: StandIn) -> None:
    attributes = {"endpoint": "https://users.test", "stage": "Production"}
    for service in ("users", "mail"):
        aws.seed_instance("services", service, "Production-1", attributes)

    called = calls_of(LOOK_UP, aws, DISCOVERY_SOURCES="cloudmap")

    assert called == statements("Looking up")["LookUp"]


def test_registering_from_nothing_calls_exactly_what_its_policy_allows(aws: StandIn) -> None:
    called = calls_of(REGISTER, aws)

    assert called == set.union(*statements("Registering").values())


def test_namespace_and_service_that_are_there_need_no_leave_to_create_them(aws: StandIn) -> None:
    policy = statements("Registering")
    for action in policy["CreateWhatIsMissing"]:
        aws.faults.access_denied(action)
    aws.seed_service("services", "users")

    called = calls_of(REGISTER, aws)

    assert "servicediscovery:RegisterInstance" in called


def test_registering_without_waiting_and_mirrors_needs_no_leave_for_either(aws: StandIn) -> None:
    policy = statements("Registering")

    called = calls_of(REGISTER_WITHOUT_WAITING, aws, DISCOVERY_MIRRORS="none")

    assert not called & (policy["SeeWhetherItHasSpread"] | policy["Mirror"])
