"""The stand-in from another process: a client of its control endpoint, and a child process that has one."""

import base64
import json
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ROOT = Path(__file__).resolve().parents[2]
_STOP_SECONDS = 15.0


class StandInError(RuntimeError):
    """The control endpoint refused a command; the message says why."""


class StandInClient:
    """The methods of `StandIn` over HTTP; each call opens and closes a connection of its own."""

    def __init__(self, url: str, *, timeout_seconds: float = 30.0) -> None:
        self.url = url
        self._timeout_seconds = timeout_seconds

    def _command(self, name: str, /, **arguments: Any) -> Any:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=self._timeout_seconds)
        try:
            headers = {"Content-Type": "application/json", "Connection": "close"}
            connection.request("POST", f"/_standin/{name}", json.dumps(arguments), headers)
            response = connection.getresponse()
            document = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise StandInError(f"{name}: {document['error']}")
        return document["result"]

    def describe(self) -> dict[str, Any]:
        """Return url, region, account, environment, settings and the number of open connections."""
        return cast("dict[str, Any]", self._command("describe"))

    def environment(self) -> dict[str, str]:
        return cast("dict[str, str]", self.describe()["environment"])

    def calls(self) -> dict[str, int]:
        return cast("dict[str, int]", self._command("calls"))

    def reset_calls(self) -> None:
        self._command("reset_calls")

    def requests(self, target: str = "*") -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self._command("requests", target=target))

    def reset(self) -> None:
        self._command("reset")

    def configure(self, **changes: Any) -> dict[str, Any]:
        """Change settings; `throttles` is a list of objects with the fields of `Throttle`, or "aws"."""
        return cast("dict[str, Any]", self._command("configure", **changes))

    def fail_next_operations(self, count: int = 1, **details: str) -> None:
        self._command("fail_next_operations", count=count, **details)

    def freeze_clock(self) -> None:
        self._command("freeze_clock")

    def advance_clock(self, seconds: float) -> None:
        self._command("advance_clock", seconds=seconds)

    def thaw_clock(self) -> None:
        self._command("thaw_clock")

    def add_fault(self, kind: str, target: str = "*", *, count: int | None = None, **details: Any) -> int:
        """Put a fault in force; `details` are the fields of the fault's class, `body` is bytes."""
        if "body" in details:
            details["body_base64"] = base64.b64encode(details.pop("body")).decode()
        return cast("int", self._command("add_fault", kind=kind, target=target, count=count, **details))

    def clear_faults(self, target: str | None = None) -> None:
        self._command("clear_faults", target=target)

    def down(self, service: str = "*", *, how: str = "reset") -> None:
        self._command("down", service=service, how=how)

    def up(self, service: str = "*") -> None:
        self._command("up", service=service)

    def drop_connections(self) -> int:
        return cast("int", self._command("drop_connections"))

    def seed_namespace(self, name: str = "services", **owner: str) -> str:
        return cast("str", self._command("seed_namespace", name=name, **owner))

    def seed_service(self, namespace: str, service: str, **owner: str) -> str:
        return cast("str", self._command("seed_service", namespace=namespace, service=service, **owner))

    def seed_instance(
        self, namespace: str, service: str, instance_id: str, attributes: "Mapping[str, str]", **owner: str
    ) -> None:
        self._command(
            "seed_instance",
            namespace=namespace,
            service=service,
            instance_id=instance_id,
            attributes=dict(attributes),
            **owner,
        )

    def seed_parameter(self, name: str, value: str) -> None:
        self._command("seed_parameter", name=name, value=value)

    def seed_bucket(self, name: str) -> None:
        self._command("seed_bucket", name=name)

    def seed_function(
        self,
        name: str,
        tags: "Mapping[str, str]" = MappingProxyType({}),
        *,
        url_auth_type: str | None = None,
        aliases: "Iterable[str]" = (),
    ) -> str:
        return cast(
            "str",
            self._command(
                "seed_function",
                name=name,
                tags=dict(tags),
                url_auth_type=url_auth_type,
                aliases=list(aliases),
            ),
        )

    def unseed_function(self, name: str) -> None:
        self._command("unseed_function", name=name)


class StandInProcess(StandInClient):
    """A stand-in in a child process, which ends with this object, or with this process however that ends."""

    def __init__(self, *, port: int = 0, region: str = "us-east-1") -> None:
        command = [
            sys.executable,
            "-m",
            "tests.standin",
            "--port",
            str(port),
            "--region",
            region,
            "--exit-on-eof",
        ]
        self._process = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None, "stdout is a pipe"
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            raise StandInError(f"the stand-in did not start; it ended with {self._process.returncode}")
        super().__init__(json.loads(line)["url"])

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> int:
        """End the child and return its exit code; one that does not end in time is killed, and that is an error."""
        self._process.terminate()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            return self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
