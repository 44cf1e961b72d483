"""A process with connections, a loop and answers is forked; parent and child both go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.standin.stand_in import StandIn

IN_A_CHILD = """
import os
def lookup_in_a_child(service):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, json.dumps([lookup("users"), lookup(service)]).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        from_child = json.load(answers)
    os.waitpid(child, 0)
    return from_child
"""


def test_both_sides_of_a_fork_look_up_and_what_was_held_stays_held(aws: StandIn, transport: str) -> None:
    for service in ("users", "orders", "payments"):
        aws.seed_instance(
            "services", service, "1", {"endpoint": f"https://{service}.test", "stage": "Production"}
        )
    with Sandbox({**aws.environment(), "DISCOVERY_TRANSPORT": transport}, more=IN_A_CHILD) as sandbox:
        sandbox.lookup("users")
        aws.reset_calls()

        held, fetched = sandbox.call("lookup_in_a_child", service="orders")
        in_parent = sandbox.lookup("payments")
        again = sandbox.call("lookup_in_a_child", service="orders")
        after = sandbox.lookup("orders")

        assert held["endpoint"] == "https://users.test"
        assert fetched["endpoint"] == "https://orders.test"
        assert in_parent["endpoint"] == "https://payments.test"
        assert again[1]["endpoint"] == "https://orders.test"
        assert after["endpoint"] == "https://orders.test"
        # Two in children, which share nothing with each other, and two in the parent; none for what was held.
        assert aws.calls() == {"servicediscovery:DiscoverInstances": 4}


REGISTERING = """
import os, signal, threading
def register_in_a_child():
    thread = threading.Thread(target=sync.register, args=("users", "https://a.test"), kwargs={"stage": "Production"})
    thread.start()
    time.sleep(1.5)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        sync.register("users", "https://b.test", stage="Production", variant="b", timeout_seconds=10)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    thread.join()
    return status
"""


def test_a_child_registers_while_the_parent_rewrites_a_mirror(aws: StandIn, transport: str) -> None:
    # The parent is in the middle of its turn at the mirror, which the child must not wait for.
    aws.faults.latency(3.0, "ssm:PutParameter", count=1)
    with Sandbox({**aws.environment(), "DISCOVERY_TRANSPORT": transport}, more=REGISTERING) as sandbox:
        sandbox.call("load")

        status = sandbox.call("register_in_a_child")

        assert status == 0
