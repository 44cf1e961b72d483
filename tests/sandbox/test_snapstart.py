"""A function is snapshot after its init, and restored much later, somewhere else."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.scripts import IN_LAMBDA
from tests.unit.container_server import container_server, good
from tests.unit.direct_peers import Peer, always

if TYPE_CHECKING:
    from tests.standin.stand_in import StandIn

SNAPSHOT = """
import threading
from snapshot_restore_py import get_after_restore, get_before_snapshot
def run_hooks(which):
    hooks = {"before": get_before_snapshot, "after": get_after_restore}[which]()
    for function, arguments, named in hooks:
        function(*arguments, **named)
    return len(list(hooks))
def imported(names):
    return [name for name in names if name in sys.modules]
def threads():
    return threading.active_count()
def prefetch(service):
    sync.prefetch(service, stage="Production")
def leave_one_under_way(service):
    threading.Thread(target=lookup, args=(service,), daemon=True).start()
def draws_after_a_restore():
    process._core._chooser.seed(1)
    run_hooks("after")
    return process._core._chooser.random()
"""
SNAPSTART = {**IN_LAMBDA, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
DISCOVER = "servicediscovery:DiscoverInstances"


def snapstarted(aws: StandIn, transport: str = "auto", **variables: str) -> Sandbox:
    environment = {**aws.environment(), **SNAPSTART, "DISCOVERY_TRANSPORT": transport, **variables}
    return Sandbox(environment, more=SNAPSHOT)


def seed(aws: StandIn, endpoint: str = "https://users.test") -> None:
    aws.seed_instance("services", "users", "1", {"endpoint": endpoint, "stage": "Production"})


def until_closed(aws: StandIn) -> None:
    deadline = time.monotonic() + 20
    while aws.open_connections and time.monotonic() < deadline:
        time.sleep(0.01)  # the server learns of it a moment later


# What was held


def test_after_a_restore_nothing_is_fresh_and_no_old_connection_is_used(aws: StandIn, transport: str) -> None:
    seed(aws)
    with snapstarted(aws, transport) as sandbox:
        sandbox.lookup("users")
        sandbox.call("run_hooks", which="before")
        until_closed(aws)
        connections = aws.open_connections
        seed(aws, "https://moved.test")
        sandbox.call("run_hooks", which="after")

        answer = sandbox.lookup("users")

        assert connections == 0
        assert answer["endpoint"] == "https://moved.test"
        assert not answer["stale"]


def test_after_a_restore_an_old_answer_serves_if_its_refresh_fails(aws: StandIn, transport: str) -> None:
    seed(aws)
    with snapstarted(aws, transport, DISCOVERY_TIMEOUT="1") as sandbox:
        sandbox.call("prefetch", service="users")
        sandbox.call("run_hooks", which="before")
        sandbox.call("run_hooks", which="after")
        aws.down()

        answer = sandbox.lookup("users")

        assert answer["endpoint"] == "https://users.test"
        assert answer["stale"]


def test_after_a_restore_neither_absence_nor_failure_is_remembered(aws: StandIn, transport: str) -> None:
    with snapstarted(aws, transport, DISCOVERY_TIMEOUT="1") as sandbox:
        absent = sandbox.lookup("users")
        aws.down()
        failed = sandbox.lookup("orders")
        sandbox.call("run_hooks", which="before")
        aws.up()
        seed(aws)
        aws.seed_instance("services", "orders", "1", {"endpoint": "https://orders", "stage": "Production"})
        sandbox.call("run_hooks", which="after")

        found = [sandbox.lookup(service) for service in ("users", "orders")]

        assert (absent["error"], failed["error"]) == ("ServiceNotFoundError", "DiscoveryUnavailableError")
        assert [answer.get("endpoint") for answer in found] == ["https://users.test", "https://orders"]


def test_a_connection_that_was_left_open_is_not_used_after_a_restore(aws: StandIn, transport: str) -> None:
    seed(aws)
    with snapstarted(aws, transport) as sandbox:
        sandbox.lookup("users")
        sandbox.call("run_hooks", which="after")  # as if closing had not been possible

        sandbox.lookup("users")

        assert aws.open_connections == 2
        assert aws.calls() == {DISCOVER: 2}


def test_a_call_under_way_holds_up_no_snapshot_and_answers_nobody_after_it(
    aws: StandIn, transport: str
) -> None:
    seed(aws)
    with snapstarted(aws, transport, DISCOVERY_TIMEOUT="60") as sandbox:
        with aws.faults.hold(DISCOVER) as held:
            sandbox.call("leave_one_under_way", service="users")
            held.wait_until_met(1, timeout_seconds=60)
            sandbox.call("run_hooks", which="before")
            sandbox.call("run_hooks", which="after")
        seed(aws, "https://moved.test")

        answer = sandbox.lookup("users")

        assert answer["endpoint"] == "https://moved.test"


def test_restores_of_one_snapshot_draw_differently(aws: StandIn) -> None:
    with snapstarted(aws) as sandbox:
        drawn = {sandbox.call("draws_after_a_restore") for _ in range(5)}

        assert len(drawn) == 5


# Credentials

INSTANCES = json.dumps({"Instances": [{"InstanceId": "1", "Attributes": {"endpoint": "https://users.test"}}]})
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n"
FOUND = f"{HEAD}Content-Length: {len(INSTANCES)}\r\n\r\n{INSTANCES}".encode()


def key_ids(peer: Peer) -> list[str]:
    return [asked.headers["authorization"].split("Credential=")[1].split("/")[0] for asked in peer.asked]


@pytest.mark.parametrize("asks_before", [True, False])
def test_the_first_call_after_a_restore_is_signed_with_credentials_read_after_it(
    transport: str,
    asks_before: bool,  # noqa: FBT001 -- a parameter
) -> None:
    expiry = time.time() + 6 * 3600
    with container_server() as container, Peer(always(FOUND)) as peer:
        container.answers = [good(1, expiry)]
        environment = {
            **SNAPSTART,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "the token",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": container.url,
            "AWS_ENDPOINT_URL": peer.url,
            "AWS_REGION": "eu-central-1",
            "DISCOVERY_SOURCES": "cloudmap",
            "DISCOVERY_TRANSPORT": transport,
        }
        with Sandbox(environment, more=SNAPSHOT) as sandbox:
            if asks_before:
                sandbox.lookup("users", stage="-")
            sandbox.call("run_hooks", which="before")
            container.answers = [good(2, expiry)]
            sandbox.call("run_hooks", which="after")

            answer = sandbox.lookup("users", stage="-")

    assert answer["endpoint"] == "https://users.test"
    assert key_ids(peer) == (["AKID1", "AKID2"] if asks_before else ["AKID2"])
    assert {asked.headers["authorization"] for asked in container.asked} == {"the token"}


# The hooks themselves


def test_without_snapstart_there_are_no_hooks(aws: StandIn) -> None:
    with Sandbox({**aws.environment(), **IN_LAMBDA}, more=SNAPSHOT) as sandbox:
        assert sandbox.call("run_hooks", which="after") == 0


@pytest.mark.parametrize(
    "variables",
    [{}, {"DISCOVERY_PRELOAD": "0"}, {"DISCOVERY_PRELOAD": "0", "DISCOVERY_TTL": "soon"}],
    ids=["loaded", "not loaded", "wrong"],
)
def test_hooks_of_a_process_that_asked_for_nothing_raise_nothing_and_start_no_thread(
    aws: StandIn, variables: dict[str, str]
) -> None:
    with snapstarted(aws, **variables) as sandbox:
        before = sandbox.call("run_hooks", which="before")
        after = sandbox.call("run_hooks", which="after")

        assert (before, after) == (1, 1)
        assert sandbox.call("threads") == 1


def test_hooks_reach_what_was_loaded_after_the_import(aws: StandIn, transport: str) -> None:
    seed(aws)
    with snapstarted(aws, transport, DISCOVERY_PRELOAD="0") as sandbox:
        sandbox.lookup("users")
        sandbox.call("run_hooks", which="before")
        seed(aws, "https://moved.test")
        sandbox.call("run_hooks", which="after")

        assert sandbox.lookup("users")["endpoint"] == "https://moved.test"


def test_a_prefetch_before_the_snapshot_imports_no_sdk(aws: StandIn) -> None:
    seed(aws)
    with snapstarted(aws) as sandbox:
        sandbox.call("prefetch", service="users")
        sandbox.call("run_hooks", which="before")

        assert sandbox.call("imported", names=["aiobotocore", "botocore", "pydantic", "tenacity"]) == []
        assert aws.calls() == {DISCOVER: 1}
