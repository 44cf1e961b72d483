"""The emulated execution environment behaves as Lambda's, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from layer.interpreters import Interpreter
from tests.runtime.emulator import EmulatorError, RuntimeEmulator
from tests.runtime.tools import RuntimeTools, emulated_interpreters, runtime_tools

if TYPE_CHECKING:
    from collections.abc import Iterator

HANDLER = """
import os, subprocess, sys, time

STARTED = time.time()
invocations = 0
print("the module is loaded")

def handler(event, context):
    global invocations
    invocations += 1
    print("asked for", event["do"])
    match event["do"]:
        case "fail":
            raise LookupError("not here")
        case "exit":
            os._exit(3)
        case "sleep":
            time.sleep(60)
        case "leave a child":
            return subprocess.Popen(["sleep", "60"]).pid
        case "import":
            import where
            return where.FOUND_IN
    return {
        "invocations": invocations,
        "path": sys.path,
        "environment": dict(os.environ),
        "name": context.function_name,
        "memory_mb": context.memory_limit_in_mb,
        "left_ms": context.get_remaining_time_in_millis(),
    }
"""


@pytest.fixture(scope="module")
def tools() -> RuntimeTools:
    return runtime_tools(emulated_interpreters()[0])


@pytest.fixture
def task_root(tmp_path: Path) -> Path:
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "app.py").write_text(HANDLER)
    return folder


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    folder = tmp_path / "opt"
    (folder / "python").mkdir(parents=True)
    return folder


@pytest.fixture
def function(tools: RuntimeTools, task_root: Path, layer: Path) -> Iterator[RuntimeEmulator]:
    with RuntimeEmulator(
        tools,
        handler="app.handler",
        task_root=task_root,
        layer=layer,
        environment={"DISCOVERY_STAGE": "Staging"},
        timeout_seconds=2,
        memory_mb=256,
        function_name="orders",
    ) as emulator:
        yield emulator


def exists(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_module_state_survives_from_one_invocation_to_the_next(function: RuntimeEmulator) -> None:
    first = function.invoke({"do": "report"})
    second = function.invoke({"do": "report"})

    assert (first.payload["invocations"], second.payload["invocations"]) == (1, 2)
    assert first.error_type is None


def test_only_the_first_invocation_has_an_init(function: RuntimeEmulator) -> None:
    first = function.invoke({"do": "report"})
    second = function.invoke({"do": "report"})

    assert first.report.init_duration_ms is not None
    assert first.report.init_duration_ms > 1
    assert second.report.init_duration_ms is None
    assert first.report.duration_ms is not None
    assert second.report.duration_ms is not None


def test_the_log_of_an_invocation_is_what_it_printed(function: RuntimeEmulator) -> None:
    first = function.invoke({"do": "report"})
    second = function.invoke({"do": "report"})

    assert first.log.splitlines() == ["the module is loaded", "asked for report"]
    assert second.log.splitlines() == ["asked for report"]
    assert "INIT REPORT" in function.whole_log


def test_the_function_sees_the_environment_of_lambda_and_none_of_the_callers(
    function: RuntimeEmulator, tools: RuntimeTools, task_root: Path
) -> None:
    payload = function.invoke({"do": "report"}).payload

    environment = payload["environment"]
    assert environment["AWS_EXECUTION_ENV"] == f"AWS_Lambda_python{tools.version}"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert environment["DISCOVERY_STAGE"] == "Staging"
    assert environment["LAMBDA_TASK_ROOT"] == str(task_root)
    assert ":" in environment["AWS_LAMBDA_RUNTIME_API"]
    assert "HOME" not in environment
    assert "PYTEST_CURRENT_TEST" not in environment
    assert (payload["name"], payload["memory_mb"]) == ("orders", "256")
    assert 0 < payload["left_ms"] <= 2000


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (["task", "versioned layer", "layer"], "task"),
        (["versioned layer", "layer"], "versioned layer"),
        (["layer"], "layer"),
    ],
)
def test_imports_are_looked_for_in_the_package_then_the_layer(
    places: list[str],
    expected: str,
    function: RuntimeEmulator,
    tools: RuntimeTools,
    task_root: Path,
    layer: Path,
) -> None:
    folders = {
        "task": task_root,
        "versioned layer": layer / "python" / "lib" / f"python{tools.version}" / "site-packages",
        "layer": layer / "python",
    }
    for place in places:
        folders[place].mkdir(parents=True, exist_ok=True)
        (folders[place] / "where.py").write_text(f"FOUND_IN = {place!r}")

    answer = function.invoke({"do": "import"})

    assert answer.payload == expected


def test_the_layer_comes_before_the_runtimes_own_packages(
    function: RuntimeEmulator, layer: Path, tools: RuntimeTools
) -> None:
    path = function.invoke({"do": "report"}).payload["path"]

    (runtime,) = [
        folder for folder in path if folder.endswith("site-packages") and not folder.startswith(str(layer))
    ]
    assert path.index(str(layer / "python")) < path.index(runtime)
    assert runtime.startswith(str(tools.python.parents[1]))


def test_packages_of_the_runtime_come_after_the_layer_and_before_what_python_itself_has(
    tools: RuntimeTools, task_root: Path, layer: Path, tmp_path: Path
) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir()

    with RuntimeEmulator(
        tools, handler="app.handler", task_root=task_root, layer=layer, runtime_packages=runtime
    ) as function:
        path = function.invoke({"do": "report"}).payload["path"]

    assert path.index(str(layer / "python")) < path.index(str(runtime))
    assert path.index(str(runtime)) < min(
        number for number, folder in enumerate(path) if folder.endswith("lib-dynload")
    )


def test_an_exception_is_an_error_with_its_type(function: RuntimeEmulator) -> None:
    answer = function.invoke({"do": "fail"})

    assert answer.error_type == "LookupError"
    assert answer.payload["errorMessage"] == "not here"
    assert "LookupError: not here" in answer.log


def test_a_process_that_exits_is_an_error_and_the_next_invocation_starts_anew(
    function: RuntimeEmulator,
) -> None:
    died = function.invoke({"do": "exit"})
    after = function.invoke({"do": "report"})

    assert died.error_type == "Runtime.ExitError"
    assert after.payload["invocations"] == 1
    assert after.report.init_duration_ms is not None


def test_a_function_that_takes_too_long_is_ended(function: RuntimeEmulator) -> None:
    answer = function.invoke({"do": "sleep"})

    assert answer.error_type == "Sandbox.Timedout"
    assert "2.00 seconds" in answer.payload


def test_processes_can_be_frozen_and_thawed(function: RuntimeEmulator) -> None:
    function.invoke({"do": "report"})
    (pid,) = function.process_ids()

    os.kill(pid, signal.SIGSTOP)
    time.sleep(0.05)
    os.kill(pid, signal.SIGCONT)
    after = function.invoke({"do": "report"})

    assert after.payload["invocations"] == 2


def test_stopping_leaves_no_process_behind(function: RuntimeEmulator) -> None:
    child = function.invoke({"do": "leave a child"}).payload
    processes = [child, *function.process_ids()]
    assert all(exists(pid) for pid in processes)

    function.stop()

    assert [pid for pid in processes if exists(pid)] == []
    assert function.process_ids() == []


def test_an_emulator_that_does_not_start_says_what_it_said(tools: RuntimeTools, task_root: Path) -> None:
    broken = RuntimeTools(Path("/bin/echo"), tools.python, tools.version)

    with pytest.raises(EmulatorError, match="--runtime-interface-emulator-address"):
        RuntimeEmulator(broken, handler="app.handler", task_root=task_root).start()


def test_an_emulator_that_was_stopped_says_that_it_does_not_answer(function: RuntimeEmulator) -> None:
    function.stop()

    with pytest.raises(EmulatorError, match="did not answer"):
        function.invoke({"do": "report"})


def test_interpreters_of_the_emulated_versions_are_found() -> None:
    found = emulated_interpreters()

    assert all(isinstance(interpreter, Interpreter) for interpreter in found)
    assert {interpreter.version for interpreter in found} <= {"3.11", "3.12", "3.13"}
    assert found
