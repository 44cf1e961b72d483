"""The registrar's package: the library with the registrar, as they stand in the repository, and nothing else."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

import pytest

from layer.build import ROOT
from layer.build_registrar import REGISTRAR
from layer.content import SERVER, TOOLS
from layer.errors import ToolFailedError
from layer.targets import SLIM, parse_zip_name
from tests.project.makefile import would_run
from tests.runtime.tools import built_for_interpreters

if TYPE_CHECKING:
    from pathlib import Path

    from layer.interpreters import Interpreter
    from tests.layer.conftest import Layers

INTERPRETERS: Final = built_for_interpreters()
_IMPORT_THE_HANDLER: Final = """
import sys
sys.path.insert(0, sys.argv[1])
from cloudmap_discovery.registrar.handler import handler
import cloudmap_discovery.transport.direct_rest, cloudmap_discovery.stores.cloud_map_services
import nodesemver, tenacity
foreign = [
    name for name, module in sys.modules.items()
    if (file := getattr(module, "__file__", None)) and "site-packages" in file and not file.startswith(sys.argv[1])
]
print(callable(handler), foreign)
"""


def entries(package: Path) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(package) as archive:
        return archive.infolist()


def tops(names: list[str]) -> set[str]:
    return {re.sub(r"-[0-9.]+\.dist-info$", ".dist-info", name.split("/")[0]) for name in names}


def test_it_holds_what_the_slim_layer_requires_at_the_top_level(layers: Layers) -> None:
    names = [entry.filename for entry in entries(layers.registrar())]
    of_layer = [entry.filename.removeprefix("python/") for entry in entries(layers.zip(SLIM))]

    assert tops(names) == tops(of_layer)
    assert "cloudmap_discovery" in tops(names)


def test_every_source_of_the_library_but_tools_and_server_is_in_it_as_it_stands_in_the_repository(
    layers: Layers,
) -> None:
    package = ROOT / "cloudmap_discovery"
    with zipfile.ZipFile(layers.registrar()) as archive:
        held = {
            name.removeprefix("cloudmap_discovery/"): archive.read(name)
            for name in archive.namelist()
            if name.startswith("cloudmap_discovery/") and name.endswith(".py")
        }

    sources = {path.relative_to(package): path.read_bytes() for path in package.rglob("*.py")}
    assert held == {
        path.as_posix(): content
        for path, content in sources.items()
        if not any(str(each) in {*TOOLS, *SERVER, "testing.py"} for each in (path, *path.parents))
    }
    assert "registrar/handler.py" in held


def test_it_has_no_bytecode_so_that_every_machine_builds_the_same(layers: Layers) -> None:
    suffixes = {PurePosixPath(entry.filename).suffix for entry in entries(layers.registrar())}

    assert suffixes <= {".py", ".typed", ".txt", ""}


def test_it_is_byte_identical_when_built_twice_and_readable_for_lambda(
    layers: Layers, tmp_path: Path
) -> None:
    again = REGISTRAR.build(root=ROOT, dist=tmp_path)

    found = entries(again.path)
    assert again.path.read_bytes() == layers.registrar().read_bytes()
    assert [entry.filename for entry in found] == sorted(entry.filename for entry in found)
    assert {entry.external_attr >> 16 for entry in found} == {stat.S_IFREG | 0o644}
    assert {entry.date_time for entry in found} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("interpreter", INTERPRETERS, ids=lambda interpreter: interpreter.version)
def test_every_python_imports_the_handler_with_the_package_alone(
    interpreter: Interpreter, layers: Layers, tmp_path: Path
) -> None:
    with zipfile.ZipFile(layers.registrar()) as archive:
        archive.extractall(tmp_path)

    done = subprocess.run(
        [interpreter.path, "-I", "-S", "-B", "-W", "error", "-c", _IMPORT_THE_HANDLER, tmp_path],
        env={"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == "True []\n"


def test_publishing_layers_passes_it_over() -> None:
    assert parse_zip_name(REGISTRAR.zip_name) is None


def test_make_build_builds_it_whatever_the_layer() -> None:
    command = would_run("build", "FLAVOR=full")

    assert re.search(r"-m layer\.build_registrar *$", command, re.MULTILINE)


def test_a_wheel_that_is_missing_is_one_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/layer-slim.txt").write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")

    with pytest.raises(ToolFailedError, match=r"packages of layer-slim\.txt for slim"):
        REGISTRAR.build(root=tmp_path, dist=tmp_path / "dist")

    assert not (tmp_path / "dist").exists()


def test_the_command_says_where_the_package_is_and_how_large(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "layer.build_registrar", "--dist", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path / REGISTRAR.zip_name}\n")
    assert re.search(r"zipped +0\.\d MB", done.stdout)
