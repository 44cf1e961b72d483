"""The canary: the built layer, attached to a function under AWS's own runtime emulator, on every Python of this machine."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from layer.targets import architecture_of_machine, find_target
from tests.layer.test_packages import pins
from tests.runtime.emulator import RuntimeEmulator
from tests.runtime.tools import emulated_interpreters, runtime_tools

if TYPE_CHECKING:
    from collections.abc import Iterator

    from layer.interpreters import Interpreter
    from tests.layer.conftest import Layers
    from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

INTERPRETERS = emulated_interpreters()
EVENT = {"service": "users", "stage": "Production"}


@pytest.fixture(params=INTERPRETERS, ids=lambda interpreter: interpreter.version)
def interpreter(request: pytest.FixtureRequest) -> Interpreter:
    found: Interpreter = request.param
    return found


@pytest.fixture
def opt(layers: Layers, interpreter: Interpreter) -> Path:
    return layers.unpacked(find_target(interpreter.version, architecture_of_machine(platform.machine())))


@pytest.fixture
def function(interpreter: Interpreter, opt: Path, aws: StandIn, tmp_path: Path) -> Iterator[RuntimeEmulator]:
    shutil.copyfile(Path(__file__).with_name("canary_handler.py"), tmp_path / "app.py")
    with RuntimeEmulator(
        runtime_tools(interpreter),
        handler="app.handler",
        task_root=tmp_path,
        layer=opt,
        environment=aws.environment(),
    ) as emulator:
        yield emulator


def content_of(folder: Path) -> list[tuple[str, int, int]]:
    return sorted((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*"))


def test_every_emulated_python_of_this_machine_is_under_test() -> None:
    assert INTERPRETERS, "none of Python 3.11, 3.12, 3.13 was found: put one on PATH, or into pyenv"


def test_a_function_with_the_layer_discovers_and_then_answers_from_memory(
    function: RuntimeEmulator, opt: Path, interpreter: Interpreter, aws: StandIn
) -> None:
    aws.seed_instance(
        "services", "users", "Production-1", {"endpoint": "https://users", "stage": "Production"}
    )
    before = content_of(opt)

    first = function.invoke(EVENT)
    calls_of_first = aws.calls()
    second = function.invoke(EVENT)

    assert first.error_type is None, f"{first.payload}\n{first.log}"
    assert first.payload["url"] == second.payload["url"] == "https://users"
    assert calls_of_first == {"servicediscovery:DiscoverInstances": 1}
    assert aws.calls() == calls_of_first
    assert first.payload["python"] == interpreter.version
    assert all(file.startswith(f"{opt}/python/") for file in first.payload["files"].values())
    pinned = pins("layer.txt")
    assert {name: pinned.get(name) for name in ("aiobotocore", "boto3", "botocore")}.items() <= first.payload[
        "versions"
    ].items()
    assert first.payload["tables"] == ["BatchExecuteStatement"]
    assert first.log == second.log == ""
    assert content_of(opt) == before
