"""The stand-in as a process of its own: one line to find it by, everything controllable over HTTP, a clean end."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.standin.client import StandInClient, StandInError, StandInProcess
from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

Sdk = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60


@pytest.fixture(scope="module")
def process() -> Iterator[StandInProcess]:
    with StandInProcess() as running:
        yield running


@pytest.fixture
def remote(process: StandInProcess) -> Iterator[StandInClient]:
    yield process
    process.reset()


@pytest.fixture
def control(aws: StandIn) -> StandInClient:
    return StandInClient(aws.url)


def test_its_environment_is_all_that_boto3_needs(
    remote: StandInClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in remote.environment().items():
        monkeypatch.setenv(name, value)
    remote.seed_instance("services", "users", "a", {"endpoint": "https://users"})
    cloud_map = boto3.Session().client("servicediscovery", config=Config(retries={"total_max_attempts": 1}))

    found = cloud_map.discover_instances(NamespaceName="services", ServiceName="users")["Instances"]
    cloud_map.close()

    assert [instance["InstanceId"] for instance in found] == ["a"]
    assert remote.calls() == {"servicediscovery:DiscoverInstances": 1}
    assert remote.requests()[0]["parameters"] == {"NamespaceName": "services", "ServiceName": "users"}


@contextmanager
def started(*arguments: str) -> "Iterator[subprocess.Popen[str]]":
    """Start the command, and leave no process behind however the test ends."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.standin", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def described(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None
    return dict(json.loads(process.stdout.readline()))


def test_it_ends_cleanly_on_sigterm_with_a_request_under_way() -> None:
    with ExitStack() as stack:
        process = stack.enter_context(started("--region", "eu-central-1"))
        said = described(process)
        remote = StandInClient(said["url"])
        remote.add_fault("hang", "ssm")
        waiting = stack.enter_context(closing(HTTPConnection(urlsplit(said["url"]).netloc, timeout=SECONDS)))
        waiting.request("POST", "/", "{}", {"X-Amz-Target": "AmazonSSM.GetParameters"})

        process.send_signal(signal.SIGTERM)

        assert process.wait(SECONDS) == 0
        with pytest.raises(ConnectionError):
            waiting.getresponse()
    assert (said["pid"], said["region"]) == (process.pid, "eu-central-1")
    assert said["environment"]["AWS_DEFAULT_REGION"] == "eu-central-1"


def test_it_ends_when_its_standard_input_ends_if_asked_to() -> None:
    with started("--exit-on-eof") as process:
        described(process)
        assert process.stdin is not None

        process.stdin.close()

        assert process.wait(SECONDS) == 0


def test_it_does_not_outlive_a_parent_that_was_killed() -> None:
    script = (
        "import sys, time; from tests.standin.client import StandInProcess; s = StandInProcess();"
        "print(s.url, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", script]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        url = parent.stdout.readline().strip()

        parent.kill()  # SIGKILL: it gets no chance to clean up
        complaints = (
            parent.stderr.read()
        )  # ends when the last that holds it has ended: first parent, then stand-in

    assert complaints == ""
    with pytest.raises(ConnectionRefusedError):
        StandInClient(url).calls()


def test_faults_are_put_in_force_and_lifted(control: StandInClient, sdk: Sdk) -> None:
    ssm = sdk("ssm")
    control.add_fault("error", "ssm:GetParameters", code="Broken", status=400, count=1)
    control.add_fault("reset", "ssm:GetParameters")

    with pytest.raises(ClientError, match="Broken"):
        ssm.get_parameters(Names=["/a"])
    with pytest.raises(ConnectionClosedError):
        ssm.get_parameters(Names=["/a"])
    control.clear_faults("ssm:GetParameters")
    assert ssm.get_parameters(Names=["/a"])["InvalidParameters"] == ["/a"]


def test_a_body_of_garbage_crosses_as_bytes(aws: StandIn, control: StandInClient) -> None:
    control.add_fault("garbage", "ssm", body=b"\xff\x00")

    connection = HTTPConnection(urlsplit(aws.url).netloc)
    connection.request("POST", "/", "{}", {"X-Amz-Target": "AmazonSSM.GetParameters"})
    body = connection.getresponse().read()
    connection.close()

    assert body == b"\xff\x00"


def test_outages_begin_and_end(control: StandInClient, sdk: Sdk) -> None:
    ssm = sdk("ssm")
    control.down("ssm", how="unavailable")

    with pytest.raises(ClientError, match="ServiceUnavailable"):
        ssm.get_parameters(Names=["/a"])

    control.up("ssm")
    assert ssm.get_parameters(Names=["/a"])["InvalidParameters"] == ["/a"]


def test_settings_clock_and_failures_are_at_hand(control: StandInClient, sdk: Sdk) -> None:
    cloud_map = sdk("servicediscovery")
    control.freeze_clock()
    settings = control.configure(operation_seconds=4, throttles="aws")
    control.fail_next_operations(message="No luck.")
    operation_id = cloud_map.create_http_namespace(Name="services")["OperationId"]

    before = cloud_map.get_operation(OperationId=operation_id)["Operation"]["Status"]
    control.advance_clock(4)
    after = cloud_map.get_operation(OperationId=operation_id)["Operation"]

    assert before == "SUBMITTED"
    assert (after["Status"], after["ErrorMessage"]) == ("FAIL", "No luck.")
    assert settings["throttles"][0]["burst"] == 2000
    control.thaw_clock()


def test_throttles_are_given_by_their_fields(aws: StandIn, control: StandInClient, sdk: Sdk) -> None:
    bucket = {"operations": ["ssm:GetParameters"], "rate_per_second": 0, "burst": 1}

    control.configure(throttles=[bucket])

    sdk("ssm").get_parameters(Names=["/a"])
    with pytest.raises(ClientError, match="ThrottlingException"):
        sdk("ssm").get_parameters(Names=["/a"])
    assert aws.settings.throttles[0].burst == 1


def test_seeds_and_counts_cross_the_process_border(remote: StandInClient) -> None:
    namespace_id = remote.seed_namespace("services")
    service_id = remote.seed_service("services", "users")
    remote.seed_parameter("/a", "https://a")

    assert namespace_id.startswith("ns-")
    assert service_id.startswith("srv-")
    assert remote.calls() == {}
    remote.reset_calls()
    assert remote.describe()["settings"]["operation_seconds"] == 0


def test_dropping_connections_spares_the_one_that_asks(
    aws: StandIn, control: StandInClient, sdk: Sdk
) -> None:
    sdk("ssm").get_parameters(Names=["/a"])

    assert control.drop_connections() == 1
    assert aws.open_connections <= 1


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (lambda control: control.configure(nonsense=1), "nonsense"),
        (lambda control: control.add_fault("nonsense"), "nonsense"),
        (lambda control: control.add_fault("latency", minutes=1), "minutes"),
        (lambda control: control.down("ssm", how="softly"), "softly"),
        (lambda control: control.advance_clock(-1), "ahead"),
        (lambda control: control.seed_instance("services", "users", "a b", {}), "InstanceId"),
        (lambda control: control.seed_service("services", "a b"), "must match"),
        (lambda control: control.seed_parameter("/aws/x", "x"), "/aws/x"),
    ],
)
def test_wrong_commands_are_refused_by_name(
    control: StandInClient, command: Callable[[StandInClient], Any], named: str
) -> None:
    with pytest.raises(StandInError, match=named):
        command(control)


def test_an_unknown_command_lists_those_that_exist(aws: StandIn) -> None:
    connection = HTTPConnection(urlsplit(aws.url).netloc)
    connection.request("POST", "/_standin/nonsense", "{}")
    response = connection.getresponse()
    document = json.loads(response.read())
    connection.close()

    assert response.status == 404
    assert "reset_calls" in document["error"]


def test_control_is_not_counted(aws: StandIn, control: StandInClient) -> None:
    control.describe()

    assert aws.calls() == {}


def test_the_account_of_moto_cannot_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "111111111111")

    with pytest.raises(RuntimeError, match="MOTO_ACCOUNT_ID"):
        StandIn()
