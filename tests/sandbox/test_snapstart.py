"""A function is snapshot after its init, and restored much later, somewhere else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.standin.stand_in import StandIn

SNAPSHOT = """
from snapshot_restore_py import get_after_restore, get_before_snapshot
def run_hooks(which):
    hooks = {"before": get_before_snapshot, "after": get_after_restore}[which]()
    for function, arguments, named in hooks:
        function(*arguments, **named)
    return len(list(hooks))
"""


def test_after_a_restore_nothing_is_fresh_and_no_old_connection_is_used(aws: StandIn) -> None:
    aws.seed_instance("services", "users", "1", {"endpoint": "https://users.test", "stage": "Production"})
    environment = {**aws.environment(), "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    with Sandbox(environment, more=SNAPSHOT) as sandbox:
        sandbox.lookup("users")
        sandbox.call("run_hooks", which="before")
        deadline = time.monotonic() + 10
        while aws.open_connections and time.monotonic() < deadline:
            time.sleep(0.01)  # the server learns of it a moment later
        connections = aws.open_connections
        aws.seed_instance("services", "users", "1", {"endpoint": "https://moved.test", "stage": "Production"})
        sandbox.call("run_hooks", which="after")

        answer = sandbox.lookup("users")

        assert connections == 0
        assert answer["endpoint"] == "https://moved.test"


def test_after_a_restore_an_old_answer_serves_if_its_refresh_fails(aws: StandIn) -> None:
    aws.seed_instance("services", "users", "1", {"endpoint": "https://users.test", "stage": "Production"})
    environment = {
        **aws.environment(),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
        "DISCOVERY_TIMEOUT": "1",
    }
    with Sandbox(environment, more=SNAPSHOT) as sandbox:
        sandbox.lookup("users")
        sandbox.call("run_hooks", which="before")
        sandbox.call("run_hooks", which="after")
        aws.down()

        answer = sandbox.lookup("users")

        assert answer["endpoint"] == "https://users.test"
        assert answer["stale"]


def test_without_snapstart_there_are_no_hooks(aws: StandIn) -> None:
    with Sandbox(aws.environment(), more=SNAPSHOT) as sandbox:
        assert sandbox.call("run_hooks", which="after") == 0
