"""The layer that comes out of the build: reproducible, clean, for the right machine, with bytecode."""

from __future__ import annotations

import hashlib
import json
import marshal
import os
import platform
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from types import CodeType
from typing import TYPE_CHECKING

import pytest

from layer.archive import UNZIPPED_LIMIT_BYTES, Size
from layer.build import ROOT, BuiltLayer, build_layer, describe
from layer.bytecode import Bytecode
from layer.errors import ToolFailedError
from layer.interpreters import Interpreter, find_interpreter
from layer.targets import ARCHITECTURES, PYTHON_RUNTIMES, Target, architecture_of_machine, find_target
from tests.layer.conftest import RUNNING_PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.layer.conftest import Layers

# The oldest C library and a foreign machine; every further one costs a build.
FOREIGN = find_target("3.11", "x86_64" if architecture_of_machine(platform.machine()) == "arm64" else "arm64")
_GLIBC = re.compile(rb"GLIBC_(\d+)\.(\d+)")
_BYTECODE_HEADER_BYTES = 16
_UNCHECKED_HASH = 0b01


def members(layer: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(layer) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)


def code_objects(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from code_objects(constant)


def make_build(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "layer.build", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_layer_is_byte_identical_when_built_twice(layers: Layers, native: Target, tmp_path: Path) -> None:
    first = layers.zip(native)

    again = build_layer(
        native, root=ROOT, dist=tmp_path, interpreter=find_interpreter(native.python.version, os.environ)
    )

    assert again.path.name == first.name
    assert (
        hashlib.sha256(again.path.read_bytes()).hexdigest() == hashlib.sha256(first.read_bytes()).hexdigest()
    )


def test_everything_unpacks_below_python_with_modes_that_lambda_can_read(
    layers: Layers, native: Target
) -> None:
    with zipfile.ZipFile(layers.zip(native)) as archive:
        entries = archive.infolist()

    assert {entry.filename.split("/")[0] for entry in entries} == {"python"}
    assert {oct(entry.external_attr >> 16) for entry in entries} == {"0o100644", "0o100755"}
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)


def test_the_library_is_in_it_whole_but_not_its_command_line(layers: Layers, native: Target) -> None:
    with zipfile.ZipFile(layers.zip(native)) as archive:
        names = {
            name
            for name in archive.namelist()
            if name.startswith("python/cloudmap_discovery/") and name.endswith(".py")
        }

    package = ROOT / "cloudmap_discovery"
    sources = {
        f"python/cloudmap_discovery/{path.relative_to(package).as_posix()}" for path in package.rglob("*.py")
    }
    assert names == {name for name in sources if not name.startswith("python/cloudmap_discovery/cli/")}
    assert "python/cloudmap_discovery/py.typed" in {name for name, _ in members(layers.zip(native))}


def test_no_tests_scripts_or_installers_notes_are_in_it(layers: Layers, native: Target) -> None:
    with zipfile.ZipFile(layers.zip(native)) as archive:
        names = archive.namelist()

    unwanted = re.compile(
        r"/(tests|bin|\.lock|RECORD|INSTALLER|REQUESTED|direct_url\.json|uv_\w+\.json)(/|$)|^python/(pip|uv|click|rich|pytest)/"
    )
    assert [name for name in names if unwanted.search(name)] == []


def test_every_package_keeps_its_metadata_and_its_licence(layers: Layers, native: Target) -> None:
    with zipfile.ZipFile(layers.zip(native)) as archive:
        names = archive.namelist()

    distributions = {name.split("/")[1] for name in names if ".dist-info/" in name}
    assert len(distributions) > 20
    for distribution in distributions:
        files = [
            name.removeprefix(f"python/{distribution}/")
            for name in names
            if name.startswith(f"python/{distribution}/")
        ]
        assert "METADATA" in files
        assert [name for name in files if "LICEN" in name.upper() or "COPYING" in name.upper()], distribution


def test_nothing_in_it_names_a_folder_of_the_machine_that_built_it(layers: Layers, native: Target) -> None:
    folders = {str(ROOT), sys.prefix, tempfile.gettempdir() + "/cloudmap-discovery-layer", "pytest-of-"}

    traces = [
        (name, folder)
        for name, content in members(layers.zip(native))
        for folder in folders
        if folder.encode() in content
    ]

    assert traces == []


def test_every_source_has_unchecked_bytecode_that_names_its_place_in_lambda(
    layers: Layers, native: Target
) -> None:
    content = dict(members(layers.zip(native)))
    tag = f"cpython-{native.python.version.replace('.', '')}"

    sources = {name for name in content if name.endswith(".py")}
    for source in sources:
        folder, _, name = source.rpartition("/")
        bytecode = content[f"{folder}/__pycache__/{name.removesuffix('.py')}.{tag}.pyc"]
        assert int.from_bytes(bytecode[4:8], "little") == _UNCHECKED_HASH
        code = marshal.loads(bytecode[_BYTECODE_HEADER_BYTES:])  # noqa: S302 - compiled a moment ago, by this test run
        assert {inner.co_filename for inner in code_objects(code)} == {f"/opt/{source}"}
    assert len(sources) > 500
    assert len([name for name in content if name.endswith(".pyc")]) == len(sources)


@pytest.mark.parametrize(
    "target",
    [FOREIGN, find_target(RUNNING_PYTHON, architecture_of_machine(platform.machine()))],
    ids=lambda target: target.slug,
)
def test_shared_libraries_are_for_the_targets_machine_python_and_c_library(
    layers: Layers, target: Target
) -> None:
    abi = f"cpython-{target.python.version.replace('.', '')}-{target.architecture.wheel_name}-linux-gnu"

    libraries = {name: content for name, content in members(layers.zip(target)) if name.endswith(".so")}

    assert {name.split("/")[1] for name in libraries} >= {"aiohttp", "pydantic_core", "wrapt", "yarl"}
    for name, content in libraries.items():
        assert abi in name
        assert content[:4] == b"\x7fELF"
        assert int.from_bytes(content[18:20], "little") == target.architecture.elf_machine
        needed = {(int(major), int(minor)) for major, minor in _GLIBC.findall(content)}
        assert max(needed) <= target.python.glibc, name


def test_the_sizes_are_far_enough_below_lambdas_limits_for_a_function_of_ones_own(
    layers: Layers, native: Target
) -> None:
    with zipfile.ZipFile(layers.zip(native)) as archive:
        unzipped_bytes = sum(entry.file_size for entry in archive.infolist())

    assert unzipped_bytes < UNZIPPED_LIMIT_BYTES / 2


@pytest.mark.parametrize(
    ("zipped_bytes", "note"),
    [
        (50 * 1024 * 1024, "of 50.0 MB that a direct upload takes"),
        (50 * 1024 * 1024 + 1, "publish it with BUCKET="),
    ],
)
def test_a_person_is_told_sizes_limits_and_what_has_no_bytecode(zipped_bytes: int, note: str) -> None:
    bytecode = Bytecode(Interpreter(Path("python3.13"), "3.13.0"), 553, ("odd/new_syntax.py",))

    text = describe(
        BuiltLayer(Path("dist/layer.zip"), FOREIGN, Size(zipped_bytes, 64 * 1024 * 1024, 900), bytecode)
    )

    assert note in text
    assert "64.0 MB  of 250.0 MB" in text
    assert "553 files" in text
    assert "not for odd/new_syntax.py: Python 3.13.0 refuses it" in text


def test_a_layer_without_bytecode_says_why() -> None:
    built = BuiltLayer(Path("dist/layer.zip"), FOREIGN, Size(1, 1, 1), None)

    text = describe(built, without_bytecode="there is no Python 3.13 on this machine to compile with")

    assert "none  cold starts compile: there is no Python 3.13 on this machine to compile with" in text


@pytest.mark.parametrize(
    ("arguments", "right_ones"),
    [
        (("--python", "3.10"), ", ".join(runtime.version for runtime in PYTHON_RUNTIMES)),
        (("--arch", "aarch64"), ", ".join(architecture.name for architecture in ARCHITECTURES)),
    ],
)
def test_a_wrong_target_ends_the_command_with_the_right_ones(
    arguments: tuple[str, str], right_ones: str
) -> None:
    done = make_build(*arguments)

    assert done.returncode == 1
    assert done.stderr.startswith("error: The layer is not built for ")
    assert right_ones in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_the_command_builds_into_the_folder_and_prints_what_it_built(tmp_path: Path) -> None:
    done = make_build("--python", "3.14", "--arch", "arm64", "--bytecode", "never", "--dist", str(tmp_path))

    (built,) = tmp_path.iterdir()
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"cloudmap-discovery-[0-9.]+-py3\.14-arm64\.zip", built.name)
    assert done.stdout.startswith(str(built))
    assert re.search(r"unzipped +\d+\.\d MB  of 250\.0 MB", done.stdout)
    assert "bytecode       none  cold starts compile: turned off by BYTECODE=never\n" in done.stdout
    suffixes = {PurePosixPath(name).name.partition(".")[2] for name, _ in members(built)}
    assert "cpython-314-aarch64-linux-gnu.so" in suffixes
    assert not any(suffix.endswith("pyc") for suffix in suffixes)


def test_a_wheel_that_is_not_the_pinned_one_ends_the_build(native: Target, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "requirements").mkdir(parents=True)
    (root / "requirements" / "layer.txt").write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")

    with pytest.raises(ToolFailedError, match="Cannot install the layer's packages for py") as error:
        build_layer(native, root=root, dist=tmp_path / "dist", interpreter=None)

    assert "six" in str(error.value)
    assert not (tmp_path / "dist").exists()


def test_a_source_that_its_python_cannot_compile_is_reported_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("answer = 42\n")
    (tmp_path / "template.py").write_text("def {{ name }}(): ...\n")
    script = ROOT / "layer" / "compile_tree.py"

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", script, tmp_path, "/opt/python"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout) == {"compiled": 1, "refused": ["template.py"]}
    assert [path.name.split(".")[0] for path in (tmp_path / "__pycache__").iterdir()] == ["good"]


def test_bytecode_is_used_whatever_the_sources_date_and_content(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("answer = 42\n")
    subprocess.run(
        [sys.executable, "-I", "-S", "-B", ROOT / "layer" / "compile_tree.py", tmp_path, "/opt/python"],
        check=True,
        capture_output=True,
    )
    source.write_text("answer = 0  # what a loader that looks at the source would compile\n")

    done = subprocess.run(
        [sys.executable, "-B", "-c", "import module; print(module.answer)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "42\n"
