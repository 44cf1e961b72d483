"""A sandbox is frozen between invocations, or in the middle of a request, and thawed much later."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.scripts import IN_LAMBDA

if TYPE_CHECKING:
    from tests.standin.stand_in import StandIn


def seed(aws: StandIn, service: str = "users", endpoint: str = "https://users.test") -> None:
    aws.seed_instance("services", service, "1", {"endpoint": endpoint, "stage": "Production"})


def environment(aws: StandIn, transport: str, **settings: str) -> dict[str, str]:
    return {**aws.environment(), **IN_LAMBDA, "DISCOVERY_TRANSPORT": transport, **settings}


def test_a_lookup_after_a_freeze_that_cut_the_connections_is_fresh(aws: StandIn, transport: str) -> None:
    seed(aws)
    with Sandbox(
        environment(aws, transport, DISCOVERY_TTL="0.2", DISCOVERY_STALE_WHILE_REVALIDATE="0")
    ) as sandbox:
        sandbox.lookup("users")
        sandbox.freeze()
        aws.drop_connections()
        seed(aws, endpoint="https://moved.test")
        time.sleep(0.5)
        sandbox.thaw()

        answer = sandbox.lookup("users")

        assert answer["endpoint"] == "https://moved.test"
        assert not answer["stale"]


def test_an_answer_that_arrives_after_the_budget_of_a_frozen_request_is_discarded(
    aws: StandIn, transport: str
) -> None:
    seed(aws)
    with Sandbox(environment(aws, transport, DISCOVERY_TIMEOUT="1", DISCOVERY_SOURCES="cloudmap")) as sandbox:
        with aws.faults.hold("servicediscovery:DiscoverInstances") as held:
            sandbox.tell("lookup", service="users")
            held.wait_until_met(1)
            sandbox.freeze()
        # The answer, two seconds old by then, waits in the socket of the frozen process.
        time.sleep(2)
        aws.seed_instance("services", "users", "1", {"endpoint": "https://moved.test", "stage": "Production"})
        sandbox.thaw()

        late = sandbox.hear()
        aws.reset_calls()
        after = sandbox.lookup("users")

        assert late["error"] == "DiscoveryUnavailableError"
        assert after["endpoint"] == "https://moved.test"
        assert aws.calls() == {"servicediscovery:DiscoverInstances": 1}


TWO_AT_ONCE = """
def lookup_two(first, second):
    async def both():
        found = await asyncio.gather(
            discover(first, stage="Production"), discover(second, stage="Production"), return_exceptions=True)
        return [type(one).__name__ for one in found]
    return asyncio.run(both())
"""


def test_late_answers_of_several_requests_are_all_discarded_and_later_ones_are_good(
    aws: StandIn, transport: str
) -> None:
    seed(aws, "users")
    seed(aws, "orders", "https://orders.test")
    settings = {"DISCOVERY_TIMEOUT": "1", "DISCOVERY_SOURCES": "cloudmap"}
    with Sandbox(environment(aws, transport, **settings), more=TWO_AT_ONCE) as sandbox:
        with aws.faults.hold("servicediscovery:DiscoverInstances") as held:
            sandbox.tell("lookup_two", first="users", second="orders")
            held.wait_until_met(2)
            sandbox.freeze()
        time.sleep(2)
        sandbox.thaw()

        late = sandbox.hear()
        after = sandbox.call("lookup_two", first="users", second="orders")

        assert late == ["DiscoveryUnavailableError"] * 2
        assert after == ["Instance"] * 2


def test_a_refresh_that_was_frozen_half_way_does_not_stop_later_ones(aws: StandIn, transport: str) -> None:
    seed(aws)
    settings = {"DISCOVERY_TTL": "0.2", "DISCOVERY_STALE_WAIT": "0.05", "DISCOVERY_TIMEOUT": "0.6"}
    with Sandbox(environment(aws, transport, **settings)) as sandbox:
        sandbox.lookup("users")
        time.sleep(0.3)
        with aws.faults.hang("servicediscovery"):
            stale = sandbox.lookup("users")
            sandbox.freeze()
            time.sleep(2)
        seed(aws, endpoint="https://moved.test")
        sandbox.thaw()

        answer = sandbox.lookup("users")

        assert stale["stale"]
        assert answer["endpoint"] == "https://moved.test"


def test_every_invocation_may_have_an_event_loop_of_its_own(aws: StandIn, transport: str) -> None:
    seed(aws)
    settings = {"DISCOVERY_TTL": "0.1", "DISCOVERY_STALE_WHILE_REVALIDATE": "0", "DISCOVERY_TIMEOUT": "30"}
    with Sandbox(environment(aws, transport, **settings)) as sandbox:
        answers = []
        for loop in ("run", "run", "runner", "runner", "none", "run"):
            time.sleep(0.15)
            answers.append(sandbox.lookup("users", loop=loop))

        assert {answer["endpoint"] for answer in answers} == {"https://users.test"}
        assert aws.calls() == {"servicediscovery:DiscoverInstances": 6}
        assert aws.open_connections == 1
