"""Which transport carries calls: by the setting and the place, never by what happens to be imported."""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import aiobotocore  # noqa: F401 -- imported, which must not count
import pytest

from cloudmap_discovery import wiring
from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.settings import Settings
from cloudmap_discovery.transport.failover import FailoverTransport
from cloudmap_discovery.transport.retry import RetryingTransport
from cloudmap_discovery.transport.sdk import SdkTransport
from tests.sandbox.scripts import IN_LAMBDA, KEYS, lines_of, run_script
from tests.unit.direct_peers import Peer, always

if TYPE_CHECKING:
    from pathlib import Path

PLACES = {"elsewhere": KEYS, "in lambda": {**KEYS, **IN_LAMBDA}}
CHOICES = [
    ("auto", "elsewhere", SdkTransport),
    ("auto", "in lambda", FailoverTransport),
    ("direct", "elsewhere", FailoverTransport),
    ("direct", "in lambda", FailoverTransport),
    ("sdk", "elsewhere", SdkTransport),
    ("sdk", "in lambda", SdkTransport),
]
INSTANCES = json.dumps({"Instances": [{"InstanceId": "1", "Attributes": {"endpoint": "https://users.test"}}]})
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n"
FOUND = f"{HEAD}Content-Length: {len(INSTANCES)}\r\n\r\n{INSTANCES}".encode()

LOOKUP = """
import cloudmap_discovery, sys
try:
    print(cloudmap_discovery.sync.discover("users"))
except cloudmap_discovery.DiscoveryError as error:
    print(type(error).__name__, error)
print("aiobotocore.session" in sys.modules)
"""


@pytest.mark.parametrize(("chosen", "place", "kind"), CHOICES)
def test_the_setting_chooses_and_otherwise_the_place(chosen: str, place: str, kind: type) -> None:
    transport = wiring.make_transport(Settings(transport=chosen), PLACES[place], SystemClock())

    assert "aiobotocore" in sys.modules
    assert isinstance(transport, RetryingTransport)
    assert isinstance(transport._inner, kind)
    assert wiring.goes_direct(chosen, PLACES[place]) is (kind is FailoverTransport)


@pytest.mark.parametrize(("chosen", "place", "kind"), CHOICES)
def test_the_choice_is_the_same_where_nothing_is_imported(chosen: str, place: str, kind: type) -> None:
    environment = {**PLACES[place], "DISCOVERY_TRANSPORT": chosen, "DISCOVERY_SOURCES": "cloudmap"}
    with Peer(always(FOUND)) as peer:
        lines = lines_of(LOOKUP, {**environment, "AWS_ENDPOINT_URL": peer.url})

    assert lines == ["https://users.test", str(kind is SdkTransport)]


def test_what_stands_among_the_imported_modules_alone_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "somebodys_stub", ModuleType("somebodys_stub"))
    monkeypatch.setitem(sys.modules, "aiobotocore", ModuleType("aiobotocore"))

    assert not wiring._is_installed("somebodys_stub")
    assert wiring._is_installed("aiobotocore")


def test_credentials_of_a_profile_are_left_to_the_sdk(tmp_path: Path) -> None:
    profiles = tmp_path / "credentials"
    profiles.write_text("[work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = secret\n")
    environment = {
        "AWS_PROFILE": "work",
        "AWS_REGION": "eu-central-1",
        "AWS_SHARED_CREDENTIALS_FILE": str(profiles),
        "DISCOVERY_SOURCES": "cloudmap",
        "DISCOVERY_TRANSPORT": "direct",
    }
    with Peer(always(FOUND)) as peer:
        lines = lines_of(LOOKUP, {**environment, "AWS_ENDPOINT_URL": peer.url})

    assert lines == ["https://users.test", "True"]
    assert "Credential=AKIDWORK/" in peer.asked[0].headers["authorization"]


@pytest.mark.parametrize("chosen", ["sdk", "auto"])
def test_an_sdk_that_something_older_hides_is_named_with_where_that_is(tmp_path: Path, chosen: str) -> None:
    package, notes = tmp_path / "aiobotocore", tmp_path / "aiobotocore-2.1.0.dist-info"
    for folder in (package, notes):
        folder.mkdir()
    (package / "__init__.py").touch()
    (notes / "METADATA").write_text("Metadata-Version: 2.1\nName: aiobotocore\nVersion: 2.1.0\n")
    environment = {**KEYS, "DISCOVERY_TRANSPORT": chosen}

    said, _ = lines_of(f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n{LOOKUP}", environment)

    assert said.startswith("ConfigurationError DISCOVERY_TRANSPORT is 'sdk'; it must be direct as long as")
    assert f"aiobotocore is imported from {package} (2.1.0)" in said


def test_an_sdk_that_breaks_with_nothing_in_its_place_breaks_as_itself(tmp_path: Path) -> None:
    (tmp_path / "aiohttp.py").write_text("raise ImportError('a broken installation')\n")
    environment = {**KEYS, "DISCOVERY_TRANSPORT": "sdk"}
    script = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n{LOOKUP}"

    ended = run_script(script, environment)

    assert ended.returncode == 1
    assert ended.stderr.endswith("ImportError: a broken installation\n")
