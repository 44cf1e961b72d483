"""Inside Lambda, importing the package does what takes time, while the function has a whole processor."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.sandbox.scripts import IN_LAMBDA, KEYS, lines_of, run_script
from tests.unit.container_server import container_server, good
from tests.unit.direct_authority import Authority
from tests.unit.direct_peers import Peer, always

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standin.stand_in import StandIn

INSTANCES = json.dumps({"Instances": [{"InstanceId": "1", "Attributes": {"endpoint": "https://users.test"}}]})
FOUND = f"HTTP/1.1 200 OK\r\nContent-Length: {len(INSTANCES)}\r\n\r\n{INSTANCES}".encode()

# What a function has at its top, and what its first invocation imports then.
FUNCTION = """
import sys
from cloudmap_discovery import ServiceNotFoundError, async_handler, discover, sync
@async_handler
async def awaiting(service, _):
    return await discover(service)
def blocking(service, _):
    return sync.discover(service)
before = set(sys.modules)
def invoke(handler, service):
    try:
        print(handler(service, None))
    except ServiceNotFoundError:
        print("not found")
    print(sorted(set(sys.modules) - before))
"""
STEPS = ["assembly", "settings_plain", "stores.cloud_map", "transport.direct", "transport.retry"]
PRINT_STEPS = f"""
import sys
print([name for name in {STEPS!r} if "cloudmap_discovery." + name in sys.modules])
"""
NO_NETWORK = """
import socket
def no_network(*_):
    raise AssertionError("the network is used")
socket.getaddrinfo = socket.socket.connect = socket.socket.connect_ex = no_network
"""


def environment_of(aws: StandIn, **variables: str) -> dict[str, str]:
    return {**aws.environment(), **IN_LAMBDA, **variables}


# What is loaded


@pytest.mark.parametrize("handler", ["awaiting", "blocking"])
@pytest.mark.parametrize("service", ["users", "by-hand", "nobody"])
def test_a_first_lookup_imports_nothing_more(aws: StandIn, handler: str, service: str) -> None:
    aws.seed_instance("services", "users", "1", {"endpoint": "https://users.test"})
    aws.seed_parameter("/services/-/by-hand", "https://by-hand.test")
    found = {"users": "https://users.test", "by-hand": "https://by-hand.test", "nobody": "not found"}

    lines = lines_of(f"{FUNCTION}\ninvoke({handler}, {service!r})", environment_of(aws))

    assert lines == [found[service], "[]"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_first_lookup_over_tls_imports_nothing_more_and_reads_no_certificate(
    tmp_path: Path, host: str
) -> None:
    authority = Authority(tmp_path, host)
    with Peer(always(FOUND), tls=authority.tls) as peer:
        environment = {
            **IN_LAMBDA,
            **KEYS,
            **authority.environment,
            "AWS_ENDPOINT_URL": f"https://{host}:{peer.port}",
        }
        script = f"""{FUNCTION}
import os
os.unlink({str(authority.bundle)!r})
invoke(blocking, "users")
"""

        lines = lines_of(script, environment)

    assert lines == ["https://users.test", "[]"]


def test_a_first_lookup_with_fetched_credentials_imports_nothing() -> None:
    with container_server() as container, Peer(always(FOUND)) as peer:
        container.answers = [good(1, time.time() + 6 * 3600)]
        environment = {
            **IN_LAMBDA,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": container.url,
            "AWS_ENDPOINT_URL": peer.url,
            "AWS_REGION": "eu-central-1",
        }

        found, further = lines_of(f"{FUNCTION}\ninvoke(blocking, 'users')", environment)

    assert (found, further) == ("https://users.test", "[]")


def test_the_import_asks_nobody_and_starts_no_thread() -> None:
    script = f"""{NO_NETWORK}
import cloudmap_discovery, threading
from cloudmap_discovery.transport.direct_tls import _contexts
print(len(_contexts), threading.active_count())
"""

    assert lines_of(script, {**IN_LAMBDA, **KEYS}) == ["1 1"]


def test_only_what_a_lookup_needs_is_loaded() -> None:
    unwanted = ["aiobotocore", "botocore", "pydantic", "tenacity", "cloudmap_discovery.registry"]
    script = f"import cloudmap_discovery, sys\nprint([name for name in {unwanted!r} if name in sys.modules])"

    assert lines_of(f"{script}\n{PRINT_STEPS}", {**IN_LAMBDA, **KEYS}) == ["[]", repr(STEPS)]


def test_with_the_transport_over_the_sdk_the_sdk_is_loaded() -> None:
    script = f"{NO_NETWORK}\nimport cloudmap_discovery, sys\nprint('aiobotocore.session' in sys.modules)"

    assert lines_of(script, {**IN_LAMBDA, **KEYS, "DISCOVERY_TRANSPORT": "sdk"}) == ["True"]


@pytest.mark.parametrize(
    "line", ["import cloudmap_discovery.sync", "from cloudmap_discovery.model import Instance"]
)
def test_importing_a_module_of_the_package_counts(line: str) -> None:
    assert lines_of(f"{line}\n{PRINT_STEPS}", {**IN_LAMBDA, **KEYS}) == [repr(STEPS)]


# Where nothing is


@pytest.mark.parametrize(
    "environment",
    [
        KEYS,
        {**KEYS, "AWS_LAMBDA_RUNTIME_API": ""},
        {**KEYS, **IN_LAMBDA, "DISCOVERY_PRELOAD": "0"},
        {**KEYS, **IN_LAMBDA, "DISCOVERY_PRELOAD": " False "},
    ],
    ids=str,
)
def test_outside_lambda_and_with_the_switch_off_nothing_is_loaded(environment: dict[str, str]) -> None:
    assert lines_of(f"import cloudmap_discovery\n{PRINT_STEPS}", environment) == ["[]"]


@pytest.mark.parametrize("text", ["", "1", "true"])
def test_the_switch_is_on_unless_it_is_off(text: str) -> None:
    environment = {**KEYS, **IN_LAMBDA, "DISCOVERY_PRELOAD": text}

    assert lines_of(f"import cloudmap_discovery\n{PRINT_STEPS}", environment) == [repr(STEPS)]


def test_a_process_of_ones_own_loads_nothing_before_it_is_used() -> None:
    script = f"""
from cloudmap_discovery.api import Process
Process({IN_LAMBDA | KEYS!r})
{PRINT_STEPS}
"""

    assert lines_of(script, KEYS) == ["[]"]


def test_with_the_switch_off_settings_are_read_at_the_first_use(aws: StandIn) -> None:
    aws.seed_instance("services", "users", "1", {"endpoint": "https://users.test", "stage": "Staging"})
    script = f"""{FUNCTION}
import os
os.environ["DISCOVERY_STAGE"] = "Staging"
invoke(blocking, "users")
"""

    off = lines_of(script, environment_of(aws, DISCOVERY_PRELOAD="0"))
    on = lines_of(script, environment_of(aws))

    assert (off[0], on[0]) == ("https://users.test", "not found")


# What goes wrong

FAILING = """
import cloudmap_discovery
for _ in range(2):
    try:
        cloudmap_discovery.sync.discover("users")
    except Exception as error:
        print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("DISCOVERY_TTL", "soon"),
        ("DISCOVERY_TRANSPORT", "pigeon"),
        ("AWS_CA_BUNDLE", "/nowhere.pem"),
        ("AWS_ENDPOINT_URL", "nonsense"),
        ("AWS_PROFILE", "nobody"),
    ],
)
def test_a_wrong_setting_is_logged_by_the_import_and_raised_by_every_use(variable: str, text: str) -> None:
    environment = {**IN_LAMBDA, **KEYS, variable: text}
    if variable == "AWS_PROFILE":
        environment["DISCOVERY_TRANSPORT"] = "sdk"

    ended = run_script(FAILING, environment)

    first, second = ended.stdout.splitlines()
    assert first == second
    assert first.startswith(f"ConfigurationError {variable} is {text!r}")
    (logged,) = ended.stderr.splitlines()
    assert logged == f"preload failed: {first.removeprefix('ConfigurationError ')}"
    assert ended.returncode == 0


def test_a_wrong_switch_is_logged_and_told_at_the_first_use() -> None:
    ended = run_script(FAILING, {**IN_LAMBDA, **KEYS, "DISCOVERY_PRELOAD": "never"})

    said = "DISCOVERY_PRELOAD is 'never'; it must be 1 or 0, true or false"
    assert ended.stdout.splitlines() == [f"ConfigurationError {said}"] * 2
    assert ended.stderr.splitlines() == [f"preload failed: {said}"]


def test_not_even_a_broken_installation_keeps_a_function_from_starting(tmp_path: Path) -> None:
    (tmp_path / "hmac.py").write_text("raise RuntimeError('not the hmac you meant')")
    script = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n{FAILING}"

    ended = run_script(script, {**IN_LAMBDA, **KEYS})

    assert ended.stdout.splitlines() == ["RuntimeError not the hmac you meant"] * 2
    assert ended.stderr == "preload failed: not the hmac you meant\n"
