"""The slim layer: pure Python and small, one zip that works from its bytecode on every Python of this machine."""

from __future__ import annotations

import re
import subprocess
import zipfile
from importlib.metadata import distributions
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from layer.build import ROOT, build_layer
from layer.bytecode import NOT_COMPILED_FOR_FOUR, NOT_COMPILED_IF_LEAN
from layer.targets import PROJECT, PYTHON_RUNTIMES, SLIM
from tests.runtime.tools import built_for_interpreters

if TYPE_CHECKING:
    from layer.interpreters import Interpreter
    from tests.layer.conftest import Layers
    from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

LIMIT_BYTES = 1_000_000
INTERPRETERS = built_for_interpreters()
IN_LAMBDA = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}
_LOOK_UP = """
from cloudmap_discovery import DiscoveryError, sync
from cloudmap_discovery.ranges import parse_range
print(sync.discover("users", stage="Production"))
print(sync.discover("by-hand", stage="Production"))
print(parse_range("^1.2").matches("1.3.0"))
try:
    sync.discover("nobody", stage="Production")
except DiscoveryError as error:
    print(type(error).__name__)
"""
_REGISTER = """
from cloudmap_discovery import sync
sync.register("orders", "https://orders", stage="Production")
print(sync.discover("orders", stage="Production"), sync.services(stage="Production"))
print(sync.deregister("orders", stage="Production"))
"""


@pytest.fixture(params=INTERPRETERS, ids=lambda interpreter: interpreter.version)
def interpreter(request: pytest.FixtureRequest) -> Interpreter:
    found: Interpreter = request.param
    return found


@pytest.fixture
def bytecode_alone(layers: Layers, tmp_path: Path) -> Path:
    """Return the layer's packages with sources that nobody can import: only bytecode can be."""
    packages = tmp_path / "python"
    with zipfile.ZipFile(layers.zip(SLIM)) as archive:
        archive.extractall(tmp_path)
    for source in packages.rglob("*.py"):
        source.write_text(f"raise ImportError({f'{source.relative_to(packages)} was compiled'!r})\n")
    return packages


def entries(layer: Path) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(layer) as archive:
        return archive.infolist()


def run(interpreter: Interpreter, script: str, *, packages: Path, **environment: str) -> str:
    """Run a script that finds the packages and the standard library; returns what it prints."""
    done = subprocess.run(
        [interpreter.path, "-P", "-S", "-s", "-W", "error", "-c", script],
        env={"PYTHONPATH": str(packages), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_holds_this_library_what_that_requires_and_nothing_made_for_one_machine(layers: Layers) -> None:
    names = [entry.filename for entry in entries(layers.zip(SLIM))]

    tops = {re.sub(r"-[0-9.]+\.dist-info$", ".dist-info", name.split("/")[1]) for name in names}
    assert tops == {
        "cloudmap_discovery",
        "cloudmap_discovery.dist-info",
        "nodesemver",
        "node_semver.dist-info",
        "tenacity",
        "tenacity.dist-info",
    }
    assert {PurePosixPath(name).suffix for name in names} <= {".py", ".pyc", ".typed", ".txt", ""}


def size_for_each_python(layer: Path, *patterns: str) -> list[int]:
    """Return what the bytecode of each Python takes in the zip, without that of sources that match the patterns."""
    return [
        sum(
            # What a file takes in a zip besides its content: two headers, with its name in both.
            entry.compress_size + 30 + 46 + 2 * len(entry.filename)
            for entry in entries(layer)
            if entry.filename.endswith(runtime.bytecode_suffix)
            and not any(source_of(entry.filename).match(pattern) for pattern in patterns)
        )
        for runtime in PYTHON_RUNTIMES
    ]


def source_of(bytecode: str) -> PurePosixPath:
    path = PurePosixPath(bytecode)
    return path.parents[1] / f"{path.name.partition('.')[0]}.py"


def test_it_is_at_most_a_megabyte_with_bytecode_for_every_runtime(layers: Layers) -> None:
    layer = layers.zip(SLIM)
    everything, sizes = size_for_each_python(layer), size_for_each_python(layer, *NOT_COMPILED_FOR_FOUR)

    assert layer.stat().st_size <= LIMIT_BYTES
    # A Python that is not on this machine would add about what the others do.
    of_all = layer.stat().st_size - sum(everything) + sum(sizes) + sizes.count(0) * max(sizes)
    assert of_all <= LIMIT_BYTES


def test_bytecode_for_four_pythons_leaves_out_what_few_lookups_import(tmp_path: Path) -> None:
    four = [*INTERPRETERS, *INTERPRETERS * 4][:4]

    built = build_layer(SLIM, root=ROOT, dist=tmp_path, interpreters=four)

    compiled = [source_of(entry.filename) for entry in entries(built.path) if entry.filename.endswith(".pyc")]
    assert compiled
    assert not [path for path in compiled for pattern in NOT_COMPILED_FOR_FOUR if path.match(pattern)]
    assert {path.parts[1] for path in compiled} == {"cloudmap_discovery"}


def test_there_is_bytecode_for_every_python_of_this_machine_and_all_that_a_lookup_needs(
    layers: Layers,
) -> None:
    names = {entry.filename for entry in entries(layers.zip(SLIM))}

    expected = {
        f"{path.parent}/__pycache__/{path.stem}.cpython-{interpreter.version.replace('.', '')}.pyc"
        for path in (PurePosixPath(name) for name in names if name.endswith(".py"))
        for interpreter in INTERPRETERS
        if not any(path.match(pattern) for pattern in NOT_COMPILED_IF_LEAN)
    }
    assert {name for name in names if name.endswith(".pyc")} == expected
    assert len(expected) > 30 * len(INTERPRETERS)


@pytest.mark.parametrize("pattern", NOT_COMPILED_IF_LEAN)
def test_what_is_left_without_bytecode_is_there(pattern: str, layers: Layers) -> None:
    paths = [PurePosixPath(entry.filename) for entry in entries(layers.zip(SLIM))]

    assert [path for path in paths if path.match(f"python/{pattern}")]


def test_every_python_of_this_machine_imports_it_from_bytecode(
    interpreter: Interpreter, bytecode_alone: Path
) -> None:
    script = """
import cloudmap_discovery, nodesemver, tenacity
for module in (cloudmap_discovery, nodesemver, tenacity):
    print(module.__file__)
"""

    files = run(interpreter, script, packages=bytecode_alone).split()

    assert [Path(file).parent.parent for file in files] == [bytecode_alone] * 3


def test_every_licence_is_there(layers: Layers) -> None:
    names = {entry.filename for entry in entries(layers.zip(SLIM))}

    packages = {name.split("/")[1] for name in names if name.split("/")[1].endswith(".dist-info")}
    assert packages
    assert [package for package in packages if f"python/{package}/licenses/LICENSE" not in names] == []


def test_metadata_say_what_is_required_and_the_readme_is_left_out(layers: Layers) -> None:
    (distribution,) = distributions(name=PROJECT, path=[str(layers.unpacked(SLIM) / "python")])

    assert distribution.metadata["License-Expression"] == "Apache-2.0"
    assert [one for one in distribution.requires or () if "extra" not in one] == [
        "node-semver>=0.9",
        "tenacity>=9.0",
    ]
    assert "# cloudmap-discovery" not in (distribution.read_text("METADATA") or "")


def test_every_python_of_this_machine_looks_up_from_bytecode_alone(
    interpreter: Interpreter, bytecode_alone: Path, aws: StandIn
) -> None:
    aws.seed_instance(
        "services", "users", "Production-1", {"endpoint": "https://users", "stage": "Production"}
    )
    aws.seed_parameter("/services/Production/by-hand", "https://by-hand")
    # The first attempt is not the last: what retries is imported, too.
    aws.faults.error("RequestLimitExceeded", "servicediscovery:DiscoverInstances", count=1)

    said = run(interpreter, _LOOK_UP, packages=bytecode_alone, **aws.environment(), **IN_LAMBDA)

    assert said.splitlines() == ["https://users", "https://by-hand", "True", "ServiceNotFoundError"]
    assert aws.calls()["servicediscovery:DiscoverInstances"] == 4


def test_every_python_of_this_machine_registers_with_it(
    interpreter: Interpreter, layers: Layers, aws: StandIn
) -> None:
    packages = layers.unpacked(SLIM) / "python"

    said = run(interpreter, _REGISTER, packages=packages, **aws.environment(), **IN_LAMBDA)

    assert said.splitlines() == ["https://orders ['orders']", "True"]
    assert aws.calls()["ssm:PutParameter"] == 1
