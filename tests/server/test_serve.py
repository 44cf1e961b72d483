"""`serve` answers on this machine, for what is at home there, and says where."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from cloudmap_discovery.server.callers import Local
from cloudmap_discovery.server.local import Address
from tests.cli.cli_bed import CliBed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


SNAPSHOT = {
    "format": 1,
    "namespace": "services",
    "generated_at": "2026-01-01T00:00:00Z",
    "checked_at": "2026-01-01T00:00:00Z",
    "instances": [
        {"service": "users", "stage": "Production", "id": "Production-1", "endpoint": "https://users.test"}
    ],
}


@pytest.fixture
def bed() -> CliBed:
    return CliBed()


@contextlib.contextmanager
def serve(folder: Path, *options: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    (folder / "registry.json").write_text(json.dumps(SNAPSHOT))
    command = [
        sys.executable,
        "-m",
        "cloudmap_discovery.cli",
        "serve",
        "--file",
        "registry.json",
        "--port",
        "0",
        "--json",
        *options,
    ]
    plain = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with subprocess.Popen(
        command, cwd=folder, env=plain, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline()), process
        finally:
            process.kill()


def test_it_serves_a_snapshot_without_aws_until_it_is_interrupted(tmp_path: Path) -> None:
    with serve(tmp_path, "--surface", "router", "--stage", "Production") as (told, process):
        answer = httpx2.get(f"{told['url']}/users/7")
        process.send_signal(signal.SIGINT)
        code = process.wait(20)

    assert told == {"url": told["url"], "namespace": "services", "surfaces": ["router"]}
    assert told["url"].startswith("http://127.0.0.1:")
    assert answer.status_code == 404  # which it answers itself: the record is not public
    assert answer.json()["type"].endswith("service-not-found")
    assert "date" in answer.headers
    assert "server" not in answer.headers
    assert code in {0, 130}


def test_it_answers_only_requests_that_name_it(tmp_path: Path) -> None:
    with serve(tmp_path, "--surface", "router") as (told, _):
        port = told["url"].rpartition(":")[2]
        statuses = {
            host: httpx2.get(f"{told['url']}/users/7", headers={"host": host}).status_code
            for host in (
                f"127.0.0.1:{port}",
                f"localhost:{port}",
                "evil.test",
                f"evil.test:{port}",
                "127.0.0.1.evil.test",
            )
        }

    assert [status == 421 for status in statuses.values()] == [False, False, True, True, True]


def test_a_port_that_is_taken_is_told(tmp_path: Path, bed: CliBed) -> None:
    with serve(tmp_path, "--surface", "router") as (told, _):
        ran = bed.run("serve", "--port", told["url"].rpartition(":")[2], "--surface", "router")

    assert ran.code == 2
    assert "cannot be listened at: Address already in use" in " ".join(ran.err.split())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "it cannot be read (No such file or directory)"),
        ("", "it is no snapshot"),
        (json.dumps({**SNAPSHOT, "namespace": "others"}), "of the namespace 'others', not of 'services'"),
        (json.dumps({**SNAPSHOT, "checked_at": "2100-01-01T00:00:00Z"}), "in the future"),
    ],
)
def test_a_file_that_cannot_be_served_is_told_at_once(
    tmp_path: Path, bed: CliBed, content: str | None, reason: str
) -> None:
    path = tmp_path / "registry.json"
    if content is not None:
        path.write_text(content)

    ran = bed.run("serve", "--file", str(path), "--port", "0", "--json")

    told = json.loads(ran.err or ran.out)["error"]
    assert (ran.code, told["type"]) == (2, "InvalidValueError")
    assert f"the snapshot is '{path}'"[:60] in told["message"]
    assert reason in told["message"]
    assert "`cloudmap-discovery snapshot --out FILE` writes one" in told["message"]


def test_a_wrong_option_is_told(bed: CliBed) -> None:
    network = bed.run("serve", "--allow-network", "here")
    surface = bed.run("serve", "--surface", "all")

    assert (network.code, surface.code) == (2, 2)
    assert "--allowed-networks" in network.err or "--allow-network" in network.err
    assert "'all' is not one of" in " ".join(surface.err.split())


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("127.0.0.2", True),
        ("0.0.0.0", False),  # noqa: S104 -- nothing is bound
        ("10.0.0.7", False),
        ("my-laptop", False),
    ],
)
def test_all_is_offered_at_home_and_the_manifest_elsewhere(host: str, *, is_loopback: bool) -> None:
    address = Address(host, 8080)

    assert address.is_loopback == is_loopback
    assert address.surfaces == (("catalog", "router", "manifest", "page") if is_loopback else ("manifest",))
    assert isinstance(address.trusts(()), Local) == is_loopback


def request(**headers: str) -> Any:
    from starlette.requests import Request  # noqa: PLC0415 -- here alone

    raw = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return Request(
        {
            "type": "http",
            "method": "POST",
            "scheme": "http",
            "path": "/",
            "server": ("127.0.0.1", 8080),
            "headers": raw,
        }
    )


@pytest.mark.parametrize(
    ("headers", "is_trusted"),
    [
        ({"host": "127.0.0.1:8080"}, True),
        (
            {"host": "localhost:8080", "origin": "http://localhost:8080", "sec_fetch_site": "same-origin"},
            False,
        ),
        ({"host": "localhost:8080", "sec_fetch_site": "same-origin"}, False),
        ({"host": "localhost:8080", "origin": "http://localhost:8080"}, False),
        ({"host": "localhost:8080", "sec_fetch_site": "none"}, True),
        ({"host": "localhost:8080", "origin": "https://app.test", "sec_fetch_site": "cross-site"}, True),
        ({"host": "localhost:8080", "origin": "https://evil.test", "sec_fetch_site": "cross-site"}, False),
        ({"host": "localhost:8080", "origin": "http://localhost:3000", "sec_fetch_site": "same-site"}, False),
        ({"host": "localhost:8080", "origin": "null"}, False),
        ({"host": "localhost:8080", "sec_fetch_site": "cross-site"}, False),
        ({"host": "evil.test:8080"}, False),
        (
            {"host": "evil.test:8080", "origin": "http://evil.test:8080", "sec_fetch_site": "same-origin"},
            False,
        ),
        ({"host": "[::1"}, False),
        ({}, False),
    ],
)
def test_programs_and_pages_of_this_machine_are_trusted_and_pages_of_others_are_not(
    headers: dict[str, str], *, is_trusted: bool
) -> None:
    trusts = Local(("localhost", "127.0.0.1"), ("https://app.test", "*"))

    assert trusts(request(**headers)) == is_trusted
