"""The router beside nginx and a bare proxy of Starlette and httpx2, in front of the same nginx, under wrk.

    python -m tests.benchmarks.router [--rounds 5] [--seconds 5] [--write]

Needs nginx and wrk: apt-get install nginx-light wrk.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.request import urlopen

from tests.benchmarks.measuring import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENT: Final = ROOT / "docs" / "performance.md"
BEGIN: Final = "<!-- router: what follows is rendered by `make bench-router WRITE=1` -->"
END: Final = "<!-- router: end -->"
CONNECTIONS: Final = (1, 16, 64)
DIRECT: Final = "the service itself (nginx)"
NGINX: Final = "nginx, proxy_pass"
ROUTER: Final = "the router"
BARE: Final = "Starlette and httpx2, bare"
BODY: Final = json.dumps({"id": 42, "name": "Ada Lovelace", "orders": [{"id": n} for n in range(20)]})
_UNITS: Final = {"us": 0.001, "ms": 1.0, "s": 1000.0}

BARE_PROXY: Final = """
import sys
import httpx2, uvicorn
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

client = httpx2.AsyncClient(base_url=sys.argv[1], limits=httpx2.Limits(max_connections=100, max_keepalive_connections=100))

async def proxy(request):
    asked = client.build_request(request.method, request.path_params["path"], headers=request.headers.raw, content=request.stream())
    answer = await client.send(asked, stream=True)
    return StreamingResponse(answer.aiter_raw(), answer.status_code, dict(answer.headers), background=None)

app = Starlette(routes=[Route("/users/{path:path}", proxy, methods=["GET"])])
uvicorn.run(app, port=int(sys.argv[2]), log_level="error", access_log=False, http="h11")
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of wrk: requests a second, and latencies in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(*command: str, folder: Path, url: str) -> Iterator[str]:
    """Run a server until the block ends; it is there when it answers at the URL."""
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:
        try:
            for _ in range(300):
                with contextlib.suppress(OSError), urlopen(url, timeout=1):  # noqa: S310 -- ours
                    break
                time.sleep(0.1)
            else:
                raise TimeoutError(f"nothing answers at {url}")
            yield url
        finally:
            process.terminate()
            process.wait(10)


def nginx(folder: Path, name: str, port: int, location: str, upstream: str = "") -> tuple[str, ...]:
    """Return the command of an nginx with one worker."""
    path = folder / f"{name}.conf"
    path.write_text(
        f"""worker_processes 1; daemon off; pid {folder}/{name}.pid; error_log {folder}/{name}.log;
events {{ worker_connections 1024; }}
http {{ access_log off; default_type application/json; keepalive_requests 1000000000;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  {upstream}
  server {{ listen 127.0.0.1:{port}; location / {{ {location} }} }} }}"""
    )
    return (shutil.which("nginx") or "nginx", "-p", str(folder), "-c", str(path))


@contextlib.contextmanager
def proxies(folder: Path) -> Iterator[dict[str, str]]:
    """Start the service and what stands before it, and yield the URL of each."""
    ports = [free_port() for _ in range(4)]
    origin = f"http://127.0.0.1:{ports[0]}"
    record = {
        "service": "users",
        "stage": "Production",
        "id": "Production-1",
        "endpoint": origin,
        "attributes": {"public": "true"},
    }
    moment = "2026-01-01T00:00:00Z"
    snapshot = {
        "format": 1,
        "namespace": "services",
        "generated_at": moment,
        "checked_at": moment,
        "instances": [record],
    }
    (folder / "registry.json").write_text(json.dumps(snapshot))
    serve = (
        sys.executable,
        "-m",
        "cloudmap_discovery.cli",
        "serve",
        "--file",
        "registry.json",
        "--surface",
        "router",
    )
    options = ("--stage", "Production", "--allow-network", "127.0.0.0/8", "--port", str(ports[2]))
    kept = f"upstream users {{ server 127.0.0.1:{ports[0]}; keepalive 100; keepalive_requests 1000000000; }}"
    passed = 'proxy_pass http://users/; proxy_http_version 1.1; proxy_set_header Connection "";'
    commands = {
        DIRECT: (nginx(folder, "service", ports[0], f"return 200 '{BODY}';"), f"{origin}/7"),
        NGINX: (nginx(folder, "proxy", ports[1], passed, kept), f"http://127.0.0.1:{ports[1]}/users/7"),
        ROUTER: ((*serve, *options), f"http://127.0.0.1:{ports[2]}/users/7"),
        BARE: (
            (sys.executable, "-c", BARE_PROXY, origin, str(ports[3])),
            f"http://127.0.0.1:{ports[3]}/users/7",
        ),
    }
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(running(*command, folder=folder, url=url))
            for name, (command, url) in commands.items()
        }


def wrk(url: str, connections: int, seconds: int) -> Measured:
    """Load the URL from one thread of another process."""
    command = ("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency", url)
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    return Measured(
        float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]),  # type: ignore[index]  # it is there
        _milliseconds(said, "50%"),
        _milliseconds(said, "99%"),
    )


def _milliseconds(said: str, share: str) -> float:
    found = re.search(rf"{share}\s+([\d.]+)(us|ms|s)\b", said)
    assert found is not None, said
    return float(found[1]) * _UNITS[found[2]]


def measure(urls: dict[str, str], *, rounds: int, seconds: int) -> dict[tuple[str, int], Measured]:
    """Return the medians of each, which take turns; what comes first warms them."""
    runs: dict[tuple[str, int], list[Measured]] = {}
    for name, url in urls.items():
        wrk(url, CONNECTIONS[-1], 2)
        print(f"warm: {name}", file=sys.stderr)
    for number in range(rounds):
        for connections in CONNECTIONS:
            for name, url in urls.items():
                runs.setdefault((name, connections), []).append(wrk(url, connections, seconds))
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return {
        key: Measured(
            statistics.median(run.per_second for run in some),
            statistics.median(run.p50_ms for run in some),
            statistics.median(run.p99_ms for run in some),
        )
        for key, some in runs.items()
    }


def rendered(found: dict[tuple[str, int], Measured], names: Sequence[str]) -> str:
    """Return the table: what each adds to the service itself one by one, and what it lets through."""
    alone = found[DIRECT, 1]
    rows = []
    for name in names:
        one = found[name, 1]
        added = (
            ("", "")
            if name == DIRECT
            else (f"+{one.p50_ms - alone.p50_ms:.2f} ms", f"+{one.p99_ms - alone.p99_ms:.2f} ms")
        )
        many = [
            f"{found[name, connections].per_second:,.0f} ({found[name, connections].per_second / found[BARE, connections].per_second:.2f})"
            for connections in CONNECTIONS[1:]
        ]
        p99 = f"{found[name, CONNECTIONS[-1]].p99_ms:.1f} ms"
        rows.append([name, f"{one.p50_ms:.2f} ms", *added, *many, p99])
    head = [
        "",
        "p50, one at a time",
        "added p50",
        "added p99",
        *(f"requests/s, {n} at once" for n in CONNECTIONS[1:]),
        f"p99, {CONNECTIONS[-1]} at once",
    ]
    return table(head, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measure the router beside its peers.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="renew the table of docs/performance.md")
    options = parser.parse_args(arguments)
    missing = [name for name in ("nginx", "wrk") if shutil.which(name) is None]
    if missing:
        print(
            f"error: {' and '.join(missing)} is not there: apt-get install nginx-light wrk", file=sys.stderr
        )
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="cloudmap-discovery-router-") as folder,
        proxies(Path(folder)) as urls,
    ):
        found = measure(urls, rounds=options.rounds, seconds=options.seconds)
        text = rendered(found, list(urls))
    print(text)
    if options.write:
        before, _, rest = DOCUMENT.read_text().partition(BEGIN)
        DOCUMENT.write_text(f"{before}{BEGIN}\n{text}\n{rest[rest.index(END) :]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
