"""The stand-in goes wrong on demand: each fault, for whom it is meant, for as long as it is meant to."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from tests.standin.faults import Drip
from tests.standin.fixtures import refusal, refusal_code
from tests.standin.raw import RawClient
from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

Sdk = Callable[..., Any]
GET = "ssm:GetParameters"


@pytest.fixture
def ssm(aws: StandIn, sdk: Sdk) -> Any:
    aws.seed_parameter("/a", "https://a")
    return sdk("ssm")


@pytest.fixture
def raw(aws: StandIn) -> Iterator[RawClient]:
    with RawClient(aws.url) as client:
        yield client


def read(ssm: Any) -> str:
    return str(ssm.get_parameters(Names=["/a"])["Parameters"][0]["Value"])


def test_an_error_is_answered_with_its_code_message_and_status(aws: StandIn, ssm: Any) -> None:
    aws.faults.error("InternalServerError", GET, message="Oh.", status=500)

    error = refusal(ssm.get_parameters, Names=["/a"])

    assert error["Error"] == {"Code": "InternalServerError", "Message": "Oh."}
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 500


def test_a_fault_with_a_count_ends_by_itself(aws: StandIn, ssm: Any) -> None:
    fault = aws.faults.error("ThrottlingException", GET, count=2)

    codes = [refusal_code(ssm.get_parameters, Names=["/a"]) for _ in range(2)]

    assert codes == ["ThrottlingException"] * 2
    assert read(ssm) == "https://a"
    assert fault.met == 2


def test_one_shot_faults_queue_up(aws: StandIn, ssm: Any) -> None:
    aws.faults.error("First", GET, count=1)
    aws.faults.error("Second", GET, count=1)

    assert [refusal_code(ssm.get_parameters, Names=["/a"]) for _ in range(2)] == ["First", "Second"]
    assert read(ssm) == "https://a"


def test_a_fault_meets_only_its_target(aws: StandIn, sdk: Sdk, ssm: Any) -> None:
    aws.faults.error("Broken", "ssm:GetParameter")
    aws.faults.error("ServiceUnavailable", "servicediscovery", status=503)

    assert read(ssm) == "https://a"
    assert refusal_code(ssm.get_parameter, Name="/a") == "Broken"
    assert refusal_code(sdk("servicediscovery").list_services) == "ServiceUnavailable"


def test_clearing_a_target_leaves_the_others(aws: StandIn, ssm: Any) -> None:
    aws.faults.error("One", GET)
    aws.faults.error("Other", "ssm:GetParameter")

    aws.faults.clear(GET)

    assert read(ssm) == "https://a"
    assert refusal_code(ssm.get_parameter, Name="/a") == "Other"


def test_a_fault_used_as_context_ends_with_it(aws: StandIn, ssm: Any) -> None:
    with aws.faults.error("Broken", "ssm"):
        assert refusal_code(ssm.get_parameters, Names=["/a"]) == "Broken"

    assert read(ssm) == "https://a"


@pytest.mark.parametrize(
    ("service", "method", "parameters", "code", "status"),
    [
        ("ssm", "get_parameters", {"Names": ["/a"]}, "AccessDeniedException", 400),
        ("servicediscovery", "list_services", {}, "AccessDeniedException", 400),
        ("lambda", "list_layers", {}, "AccessDeniedException", 403),
        ("s3", "list_buckets", {}, "AccessDenied", 403),
        ("sts", "get_caller_identity", {}, "AccessDenied", 403),
    ],
)
def test_access_is_denied_in_the_words_of_the_service(
    aws: StandIn, sdk: Sdk, service: str, method: str, parameters: dict[str, Any], code: str, status: int
) -> None:
    aws.faults.access_denied(service)

    error = refusal(getattr(sdk(service), method), **parameters)

    assert error["Error"]["Code"] == code
    assert error["ResponseMetadata"]["HTTPStatusCode"] == status
    assert service in error["Error"]["Message"]


def test_latency_delays_the_answer(aws: StandIn, ssm: Any) -> None:
    aws.faults.latency(0.3, GET, count=1)

    began = time.monotonic()
    value = read(ssm)

    assert value == "https://a"
    assert time.monotonic() - began >= 0.3


def test_latency_and_another_fault_combine(aws: StandIn, ssm: Any) -> None:
    aws.faults.error("Late", GET)
    aws.faults.latency(0.2, GET)

    began = time.monotonic()
    code = refusal_code(ssm.get_parameters, Names=["/a"])

    assert code == "Late"
    assert time.monotonic() - began >= 0.2


def test_a_reset_comes_instead_of_the_answer(aws: StandIn, ssm: Any) -> None:
    aws.faults.reset("ssm:PutParameter", count=1)

    with pytest.raises(ConnectionClosedError):
        ssm.put_parameter(Name="/b", Value="https://b", Type="String")

    assert ssm.get_parameters(Names=["/b"])["InvalidParameters"] == ["/b"]


def test_a_reset_after_processing_loses_only_the_answer(aws: StandIn, ssm: Any) -> None:
    aws.faults.reset("ssm:PutParameter", after_processing=True, count=1)

    with pytest.raises(ConnectionClosedError):
        ssm.put_parameter(Name="/b", Value="https://b", Type="String")

    assert ssm.get_parameters(Names=["/b"])["InvalidParameters"] == []


def test_a_hanging_request_is_never_answered(aws: StandIn, sdk: Sdk, ssm: Any) -> None:
    fault = aws.faults.hang(GET)

    with pytest.raises(ReadTimeoutError):
        read(sdk("ssm", read_timeout=0.3))

    assert fault.met == 1
    aws.faults.clear()
    assert read(ssm) == "https://a"


def test_clearing_a_hang_resets_its_connections(aws: StandIn, ssm: Any) -> None:
    fault = aws.faults.hang(GET)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read, ssm)
        fault.wait_until_met()

        fault.clear()

        with pytest.raises(ConnectionClosedError):
            reading.result(timeout=10)


def test_held_requests_wait_and_are_then_answered(aws: StandIn, ssm: Any) -> None:
    held = aws.faults.hold(GET)
    with ThreadPoolExecutor(5) as pool:
        readings = [pool.submit(read, ssm) for _ in range(5)]
        held.wait_until_met(5)

        done_while_held = [reading.done() for reading in readings]
        held.clear()

        assert done_while_held == [False] * 5
        assert [reading.result(timeout=10) for reading in readings] == ["https://a"] * 5


def test_a_count_on_a_hold_lets_later_requests_pass(aws: StandIn, ssm: Any) -> None:
    held = aws.faults.hold(GET, count=1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(read, ssm)
        held.wait_until_met()

        assert read(ssm) == "https://a"
        assert not first.done()
        held.clear()
        assert first.result(timeout=10) == "https://a"


def test_waiting_for_requests_that_do_not_come_times_out(aws: StandIn) -> None:
    held = aws.faults.hold(GET)

    with pytest.raises(TimeoutError, match="ssm:GetParameters"):
        held.wait_until_met(timeout_seconds=0.01)


def test_garbage_is_what_it_is(aws: StandIn, raw: RawClient) -> None:
    aws.faults.garbage(GET, body=b"\xff nonsense")

    answer = raw.call(GET)

    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (
        200,
        b"\xff nonsense",
        "text/html",
    )


@pytest.mark.usefixtures("ssm")
def test_a_truncated_answer_announces_more_than_it_has(aws: StandIn, raw: RawClient) -> None:
    whole = len(raw.call(GET, '{"Names": ["/a"]}').body)
    aws.faults.truncated(GET)

    with pytest.raises(IncompleteRead) as broken:
        raw.call(GET, '{"Names": ["/a"]}')

    assert len(broken.value.partial) == whole // 2
    assert broken.value.expected == whole - whole // 2


def test_a_dripping_answer_arrives_whole_if_one_waits(aws: StandIn, ssm: Any) -> None:
    aws.faults.drip(0.001, GET)

    assert read(ssm) == "https://a"


def test_a_dripping_answer_outlives_any_timeout_per_read(aws: StandIn, sdk: Sdk) -> None:
    aws.seed_parameter("/a", "https://a")
    impatient = sdk("ssm", read_timeout=0.2)
    aws.faults.add(Drip(0.002), GET)

    began = time.monotonic()
    value = read(impatient)

    assert value == "https://a"
    assert time.monotonic() - began > 0.2


@pytest.mark.parametrize("bad", [0, -1])
def test_a_count_below_one_is_an_error(aws: StandIn, bad: int) -> None:
    with pytest.raises(ValueError, match=f"count={bad}"):
        aws.faults.reset(count=bad)


def test_faults_can_be_switched_while_requests_are_under_way(aws: StandIn, ssm: Any) -> None:
    stop = threading.Event()

    def switch() -> None:
        while not stop.is_set():
            with aws.faults.latency(0.001, GET):
                time.sleep(0.002)

    switching = threading.Thread(target=switch)
    switching.start()
    with ThreadPoolExecutor(4) as pool:
        values = [reading.result() for reading in [pool.submit(read, ssm) for _ in range(40)]]
    stop.set()
    switching.join()

    assert values == ["https://a"] * 40
