"""Runs a handler in a Lambda execution environment: AWS's runtime emulator with AWS's runtime client.

    with RuntimeEmulator(runtime_tools(interpreter), handler="app.handler", task_root=folder, layer=opt) as function:
        first = function.invoke({"name": "users"})
        assert first.error_type is None, first.log

`layer` is a folder as /opt is one, with `python/` in it. Imports are looked for as in Lambda: in the function's folder, then the
layer, then the runtime, which has no SDK here unless `runtime_packages` is a folder that holds one. Nothing of the machine's own
site-packages is importable, and no variable of the caller's environment is seen.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.runtime.tools import RuntimeTools

_START_TRIES = 5  # a free port may be taken by somebody else before the emulator binds it
_START_SECONDS = 20.0
_LOG_SECONDS = 5.0
_STOP_SECONDS = 10.0
_INVOKE_PATH = "/2015-03-31/functions/function/invocations"

_EMULATOR_LINE = re.compile(r"\d{2} \w{3} \d{4} [\d:,]+ \[\w+\] \(rapid\) |(?:START|END|REPORT) RequestId: ")
_INIT_TIME = re.compile(r"\(rapid\) INIT REPORT\(durationMs: ([\d.]+)\)")
_INVOKE_TIME = re.compile(r"\(rapid\) INVOKE RTDONE\(.*duration: ([\d.]+)ms\)")
_REPORT_TIME = re.compile(r"REPORT RequestId: .*\tDuration: ([\d.]+) ms")
_LAST_LINE = re.compile(r"REPORT RequestId: |.*\(rapid\) Waiting for runtime domain processes termination")


class EmulatorError(Exception):
    """The emulator did not start or did not answer; the message ends with its log."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an invocation took, read from the emulator's own events.

    Its REPORT line is not used where there is something better: it adds the init to the duration of the first invocation, and gives as
    "Init Duration" only its own preparation.
    """

    init_duration_ms: float | None
    """None unless a new process was started for this invocation."""
    duration_ms: float | None
    """None if the process died meanwhile."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """What one invocation gave."""

    payload: Any
    """The handler's answer, decoded; the emulator's own text where that is not JSON."""
    error_type: str | None
    """The exception's name, `Runtime.ExitError` or `Sandbox.Timedout`; None if the handler returned."""
    log: str
    """What function and runtime client printed, without the emulator's own lines."""
    report: Report


class RuntimeEmulator:
    """One execution environment, from `start` (or `with`) to `stop`; invocations come one after another, as in Lambda."""

    def __init__(
        self,
        tools: RuntimeTools,
        *,
        handler: str,
        task_root: Path,
        layer: Path | None = None,
        runtime_packages: Path | None = None,
        environment: Mapping[str, str] | None = None,
        timeout_seconds: int = 30,
        memory_mb: int = 1769,
        function_name: str = "function",
        region: str = "eu-west-1",
    ) -> None:
        self._tools = tools
        self._handler = handler
        self._task_root = task_root
        self._timeout_seconds = timeout_seconds
        import_folders = [task_root, *_layer_folders(layer, tools.version)]
        if runtime_packages is not None:
            import_folders.append(runtime_packages)
        self._environment = {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_DEFAULT_REGION": region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{tools.version}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
            "AWS_LAMBDA_FUNCTION_NAME": function_name,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_seconds),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_REGION": region,
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_SESSION_TOKEN": "testing",
            "LAMBDA_RUNTIME_DIR": str(tools.python.parent),
            "LAMBDA_TASK_ROOT": str(task_root),
            "LANG": "C.UTF-8",
            "LD_LIBRARY_PATH": _joined([task_root, task_root / "lib", *([layer / "lib"] if layer else [])]),
            "PATH": _joined(["/usr/local/bin", "/usr/bin", "/bin", *([layer / "bin"] if layer else [])]),
            "PYTHONPATH": _joined(import_folders),
            "TZ": ":UTC",
            **(environment or {}),
        }
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._port = 0
        self._lines: list[str] = []
        self._grown = threading.Condition()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def whole_log(self) -> str:
        """Everything printed so far, the emulator's own lines included."""
        with self._grown:
            return "\n".join(self._lines)

    def start(self) -> None:
        """Start the emulator; the function's own process starts with the first invocation."""
        for _ in range(_START_TRIES):
            self._port, runtime_api_port = _free_ports(2)
            self._spawn(runtime_api_port)
            if self._is_listening():
                return
            self.stop()
        raise EmulatorError(
            f"The runtime emulator did not start in {_START_TRIES} tries. Its log:\n{self.whole_log}"
        )

    def invoke(self, event: object) -> Invocation:
        """Invoke the function and wait for its answer and its log."""
        with self._grown:
            first_line = len(self._lines)
        # A new process may need ten seconds for its init on top of the function's own time.
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._timeout_seconds + 30)
        try:
            connection.request("POST", _INVOKE_PATH, body=json.dumps(event).encode())
            body = connection.getresponse().read().decode()
        except OSError as error:
            raise EmulatorError(
                f"The runtime emulator did not answer: {error!r}. Its log:\n{self.whole_log}"
            ) from error
        finally:
            connection.close()
        payload, error_type = _decode(body)
        lines = self._lines_of_invocation(first_line)
        log = "\n".join(line for line in lines if not _EMULATOR_LINE.match(line))
        return Invocation(payload, error_type, log, _read_report(lines))

    def process_ids(self) -> list[int]:
        """Return the ids of the function's processes (not the emulator's own), for a test that freezes or kills them."""
        process = self._process
        return [] if process is None else [pid for pid in _session_members(process.pid) if pid != process.pid]

    def stop(self) -> None:
        """End the emulator and every process of the function; return when none is left."""
        process, self._process = self._process, None
        if process is None:
            return
        # The emulator gives the function a process group of its own, but not a session.
        deadline = time.monotonic() + _STOP_SECONDS
        while members := _session_members(process.pid):
            if time.monotonic() > deadline:
                raise EmulatorError(f"Processes {members} outlived SIGKILL for {_STOP_SECONDS:g} s.")
            for pid in members:
                _kill(pid)
            time.sleep(0.005)
        process.wait()
        if self._reader is not None:
            self._reader.join(_STOP_SECONDS)
            if self._reader.is_alive():
                raise EmulatorError(
                    "A process that left the function's session still holds its output open: it is not stopped."
                )
            self._reader = None
        if process.stdout is not None:
            process.stdout.close()

    def _spawn(self, runtime_api_port: int) -> None:
        command = [
            *(str(self._tools.emulator), "--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"),
            *("--runtime-api-address", f"127.0.0.1:{runtime_api_port}"),
            *(str(self._tools.python), "-m", "awslambdaric", self._handler),
        ]
        self._process = subprocess.Popen(
            command,
            cwd=self._task_root,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(
            target=self._read, args=(self._process,), name="emulator-log", daemon=True
        )
        self._reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        if process.stdout is None:
            return
        for line in process.stdout:
            with self._grown:
                self._lines.append(line.rstrip("\n"))
                self._grown.notify_all()

    def _is_listening(self) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:  # not yet
                time.sleep(0.01)
            else:
                return self._process.poll() is None
        return False

    def _lines_of_invocation(self, first_line: int) -> Sequence[str]:
        """Wait for the line that ends the invocation's log: it is written after the answer was sent."""

        def is_complete() -> bool:
            return any(_LAST_LINE.match(line) for line in self._lines[first_line:])

        with self._grown:
            self._grown.wait_for(is_complete, timeout=_LOG_SECONDS)
            return self._lines[first_line:]


def _layer_folders(layer: Path | None, version: str) -> list[Path]:
    if layer is None:
        return []
    return [layer / "python" / "lib" / f"python{version}" / "site-packages", layer / "python"]


def _joined(folders: Sequence[Path | str]) -> str:
    return os.pathsep.join(str(folder) for folder in folders)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


def _decode(body: str) -> tuple[Any, str | None]:
    try:
        payload = json.loads(body)
    except ValueError as error:
        if "Task timed out" not in body:
            raise EmulatorError(
                f"The runtime emulator answered neither JSON nor that the time was up: {body!r}"
            ) from error
        return body, "Sandbox.Timedout"
    is_error = isinstance(payload, dict) and {"errorType", "errorMessage"} <= payload.keys()
    return payload, str(payload["errorType"]) if is_error else None


def _read_report(lines: Sequence[str]) -> Report:
    def first(pattern: re.Pattern[str]) -> float | None:
        return next((float(found[1]) for line in lines if (found := pattern.search(line))), None)

    invoke_time = first(_INVOKE_TIME)
    return Report(first(_INIT_TIME), first(_REPORT_TIME) if invoke_time is None else invoke_time)


def _session_members(session: int) -> list[int]:
    """Return the living processes of a session; zombies, which only wait to be reaped, are not among them."""
    members = []
    for process in Path("/proc").iterdir():  # not globbed: what ends meanwhile would break that off
        if not process.name.isdecimal():
            continue
        try:
            fields = (process / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
        if int(fields[3]) == session and fields[0] not in {"Z", "X"}:
            members.append(int(process.name))
    return members


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:  # it ended meanwhile
        return
