"""The server's package: the library with the server, as they stand in the repository, pure Python for every runtime."""

from __future__ import annotations

import ast
import re
import stat
import subprocess
import sys
import tomllib
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from layer.build import ROOT
from layer.build_server import SERVER
from layer.content import REGISTRAR, TOOLS
from layer.errors import ToolFailedError
from layer.targets import parse_zip_name
from tests.layer.test_packages import pins, versions_in
from tests.project.makefile import would_run
from tests.runtime.tools import built_for_interpreters

if TYPE_CHECKING:
    from pathlib import Path

    from layer.interpreters import Interpreter
    from tests.layer.conftest import Layers

OWN: Final = "cloudmap_discovery"
INTERPRETERS: Final = built_for_interpreters()
NOT_IN_A_FUNCTION: Final = {"uvicorn", "cloudmap-discovery"}
"""What the extra has for the command `serve` alone."""
_LOAD: Final = """
import sys
sys.path.insert(0, sys.argv[1])
from cloudmap_discovery.server import handler
import httpcore2, jinja2, markupsafe, nodesemver, tenacity, truststore
served = handler._entrance.load()
foreign = [
    name for name, module in sys.modules.items()
    if (file := getattr(module, "__file__", None)) and "site-packages" in file and not file.startswith(sys.argv[1])
]
print(type(served).__name__, foreign, markupsafe.escape("<"), sorted({"uvicorn", "click", "rich"} & sys.modules.keys()))
handler._entrance.close()
"""


@pytest.fixture(scope="module")
def unpacked(layers: Layers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("server")
    with zipfile.ZipFile(layers.server()) as archive:
        archive.extractall(folder)
    return folder


def entries(package: Path) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(package) as archive:
        return archive.infolist()


def test_it_holds_exactly_its_pins_and_this_project(unpacked: Path) -> None:
    versions = versions_in(unpacked)

    assert versions.pop("cloudmap-discovery")
    assert versions == pins(SERVER.requirements.name)


def test_its_pins_are_those_of_the_tests_and_what_the_extra_asks_for() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {canonicalize_name(Requirement(text).name) for text in extras["server"]}
    pinned, in_tests = pins(SERVER.requirements.name), pins("dev.txt")

    assert named - NOT_IN_A_FUNCTION <= pinned.keys()
    assert not {"uvicorn", "click", "rich", "aiobotocore", "pydantic"} & pinned.keys()
    assert {name: version for name, version in pinned.items() if in_tests.get(name) != version} == {}


def test_every_source_that_it_uses_is_in_it_as_it_stands_in_the_repository(unpacked: Path) -> None:
    package = ROOT / OWN
    held = {path.relative_to(unpacked / OWN).as_posix() for path in (unpacked / OWN).rglob("*.py")}
    left_out = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "__pycache__" not in str(path)
    } - held

    assert "server/handler.py" in held
    assert [
        name for name in held if (package / name).read_bytes() != (unpacked / OWN / name).read_bytes()
    ] == []
    of_others = (TOOLS - {"dependency_graph.py"}) | REGISTRAR | {"testing.py"}
    assert left_out == {
        name
        for name in left_out
        if any(str(each) in of_others for each in (PurePosixPath(name), *PurePosixPath(name).parents))
    }


def test_what_the_page_is_made_of_is_in_it(unpacked: Path) -> None:
    templates = ROOT / OWN / "server" / "templates"
    wanted = {path.name for path in templates.iterdir() if path.is_file()}

    assert wanted
    assert {path.name for path in (unpacked / OWN / "server" / "templates").iterdir()} == wanted


def test_nothing_in_it_imports_what_was_left_out(unpacked: Path) -> None:
    missing = {
        name
        for path in (unpacked / OWN).rglob("*.py")
        for name in imported_by(path)
        if not is_there(unpacked, name)
    }

    assert missing == {f"{OWN}.transport.direct_rest"}  # which is taken where it is there


def imported_by(path: Path) -> set[str]:
    """Return the modules of the project that a source imports when it runs, and what it takes from them."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} if node.module != OWN else {f"{OWN}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == OWN}


def is_there(folder: Path, module: str) -> bool:
    path = folder.joinpath(*module.split("."))
    if path.with_suffix(".py").is_file() or path.is_dir():
        return True
    package = path.parent / "__init__.py"  # which may have something of that name
    return package.is_file() and path.name in package.read_text()


def test_it_is_pure_python_without_bytecode_so_that_it_fits_every_runtime(layers: Layers) -> None:
    names = [PurePosixPath(entry.filename) for entry in entries(layers.server())]

    assert {name.suffix for name in names} <= {
        ".py",
        ".typed",
        ".txt",
        ".md",
        ".html",
        ".css",
        ".svg",
        ".js",
        "",
    }
    assert [str(name) for name in names if name.name.startswith("_speedups")] == []


def test_it_is_byte_identical_when_built_twice_and_readable_for_lambda(
    layers: Layers, tmp_path: Path
) -> None:
    again = SERVER.build(root=ROOT, dist=tmp_path)

    found = entries(again.path)
    assert again.path.read_bytes() == layers.server().read_bytes()
    assert [entry.filename for entry in found] == sorted(entry.filename for entry in found)
    assert {entry.external_attr >> 16 for entry in found} == {stat.S_IFREG | 0o644}
    assert {entry.date_time for entry in found} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("interpreter", INTERPRETERS, ids=lambda interpreter: interpreter.version)
def test_every_python_puts_the_whole_server_together_with_the_package_alone(
    interpreter: Interpreter, unpacked: Path
) -> None:
    done = subprocess.run(
        [interpreter.path, "-I", "-S", "-B", "-W", "error", "-c", _LOAD, unpacked],
        env={
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",
            "AWS_REGION": "eu-west-1",
            "DISCOVERY_SURFACES": "catalog,router,manifest,page",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == "Mangum [] &lt; []\n"


def test_publishing_layers_passes_it_over() -> None:
    assert parse_zip_name(SERVER.zip_name) is None


def test_make_build_builds_it_whatever_the_layer() -> None:
    assert re.search(r"-m layer\.build_server *$", would_run("build", "FLAVOR=full"), re.MULTILINE)


def test_a_wheel_that_is_missing_is_one_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / SERVER.requirements).write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")

    with pytest.raises(ToolFailedError, match=r"Cannot install the packages of server\.txt for slim"):
        SERVER.build(root=tmp_path, dist=tmp_path / "dist")

    assert not (tmp_path / "dist").exists()


def test_the_command_says_where_the_package_is_and_how_large(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "layer.build_server", "--dist", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path / SERVER.zip_name}\n")
    assert re.search(r"zipped +\d\.\d MB", done.stdout)
