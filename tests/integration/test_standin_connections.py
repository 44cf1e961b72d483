"""The stand-in keeps connections alive, serves many at once, and cuts them when told."""

import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import aiobotocore.config
import aiobotocore.session
import pytest
from botocore.exceptions import ConnectionClosedError

from tests.standin.raw import RawClient
from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

Sdk = Callable[..., Any]
GET = "ssm:GetParameters"


def test_a_connection_is_used_again(aws: StandIn, sdk: Sdk) -> None:
    ssm = sdk("ssm")

    for _ in range(5):
        ssm.get_parameters(Names=["/a"])

    assert aws.open_connections == 1


def test_answers_speak_http_1_1_and_keep_the_connection(aws: StandIn) -> None:
    with RawClient(aws.url) as raw:
        raw.call(GET, '{"Names": ["/a"]}')
        port = raw.connection.sock.getsockname()[1]
        raw.call("servicediscovery:ListServices")

        assert raw.connection.sock.getsockname()[1] == port
        assert raw.connection._http_vsn == 11  # type: ignore[attr-defined]  # the stubs leave it out


def test_a_client_that_asks_for_it_gets_its_connection_closed(aws: StandIn) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(aws.url).port or 0), timeout=10) as client:
        client.sendall(b"GET /_standin/calls HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b""
        while chunk := client.recv(4096):
            received += chunk

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nConnection: close\r\n" in received


def test_dropped_connections_are_reset_under_an_idle_client(aws: StandIn) -> None:
    with RawClient(aws.url) as raw:
        raw.call(GET, '{"Names": ["/a"]}')

        dropped = aws.drop_connections()

        assert (dropped, aws.open_connections) == (1, 0)
        with pytest.raises(ConnectionResetError):
            raw.connection.sock.recv(1)


def test_an_sdk_notices_that_its_idle_connection_died(aws: StandIn, sdk: Sdk) -> None:
    ssm = sdk("ssm")
    ssm.get_parameters(Names=["/a"])

    aws.drop_connections()

    ssm.get_parameters(Names=["/a"])  # urllib3 looks before it writes
    assert aws.calls() == {GET: 2}


def test_dropped_connections_are_reset_under_a_waiting_client(aws: StandIn, sdk: Sdk) -> None:
    ssm = sdk("ssm")
    held = aws.faults.hold(GET)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ssm.get_parameters, Names=["/a"])
        held.wait_until_met()

        aws.drop_connections()

        with pytest.raises(ConnectionClosedError):
            waiting.result(timeout=10)


def test_dropping_interrupts_latency_and_dripping(aws: StandIn) -> None:
    with RawClient(aws.url) as sleeping, RawClient(aws.url) as dripping, ThreadPoolExecutor(2) as pool:
        late = aws.faults.latency(60, GET)
        slow = aws.faults.drip(1, "ssm:DescribeParameters")
        waiting = [pool.submit(sleeping.call, GET), pool.submit(dripping.call, "ssm:DescribeParameters")]
        late.wait_until_met()
        slow.wait_until_met()

        aws.drop_connections()

        for call in waiting:
            with pytest.raises(ConnectionResetError):
                call.result(timeout=10)


def test_a_client_that_goes_away_meanwhile_does_no_harm(aws: StandIn, sdk: Sdk) -> None:
    held = aws.faults.hold(GET, count=1)
    with RawClient(aws.url) as raw, ThreadPoolExecutor(1) as pool:
        call = pool.submit(raw.call, GET, '{"Names": ["/a"]}')
        held.wait_until_met()
        raw.connection.sock.shutdown(socket.SHUT_RDWR)
        with pytest.raises(ConnectionError):
            call.result(timeout=10)

    held.clear()

    assert sdk("ssm").get_parameters(Names=["/a"])["InvalidParameters"] == ["/a"]


def test_two_hundred_connections_are_served_at_once(aws: StandIn) -> None:
    held = aws.faults.hold("servicediscovery:ListServices")
    answers = []
    with ExitStack() as stack:
        clients = [stack.enter_context(RawClient(aws.url)) for _ in range(200)]
        threads = [
            threading.Thread(
                target=lambda c=client: answers.append(c.call("servicediscovery:ListServices").status)
            )
            for client in clients
        ]
        for thread in threads:
            thread.start()
        held.wait_until_met(200, timeout_seconds=60)

        held.clear()
        for thread in threads:
            thread.join(60)

    assert answers == [200] * 200


async def test_aiobotocore_works_and_reuses_its_connection(aws: StandIn) -> None:
    aws.seed_instance("services", "users", "a", {"endpoint": "https://users"})
    client = aiobotocore.session.get_session().create_client(
        "servicediscovery",
        endpoint_url=aws.url,
        region_name=aws.region,
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="secret",
        config=aiobotocore.config.AioConfig(inject_host_prefix=False),
    )

    async with client as cloud_map:
        answers = [
            await cloud_map.discover_instances(NamespaceName="services", ServiceName="users")
            for _ in range(3)
        ]
        connections = aws.open_connections

    assert {answer["Instances"][0]["Attributes"]["endpoint"] for answer in answers} == {"https://users"}
    assert connections == 1


def test_connections_can_be_dropped_although_a_forked_child_lives_on(aws: StandIn) -> None:
    with RawClient(aws.url) as raw:
        raw.call(GET, '{"Names": ["/a"]}')
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(writer)
            os.read(reader, 1)  # until the parent closes its end
            os._exit(0)
        os.close(reader)

        aws.drop_connections()

        raw.connection.sock.settimeout(5)
        with pytest.raises(ConnectionResetError):
            raw.connection.sock.recv(1)
        os.close(writer)
        assert os.waitpid(child, 0)[1] == 0


def test_stopping_frees_the_port_and_leaves_no_thread(sdk: Sdk) -> None:
    before = threading.active_count()
    with StandIn() as other:
        client = sdk("ssm", other)
        client.get_parameters(Names=["/a"])
        port = urlsplit(other.url).port or 0
        held = other.faults.hold(GET)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(client.get_parameters, Names=["/a"])
            held.wait_until_met()
            other.stop()
            with pytest.raises(ConnectionClosedError):
                waiting.result(timeout=10)

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    assert threading.active_count() == before
