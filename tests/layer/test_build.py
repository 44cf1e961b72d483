"""What comes out of the build, whatever the flavour: reproducible, clean, and readable for Lambda."""

from __future__ import annotations

import hashlib
import platform
import re
import sys
import tempfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from layer.archive import UNZIPPED_LIMIT_BYTES
from layer.build import ROOT, build_layer
from layer.content import REGISTRAR, SERVER, TOOLS, WRITING
from layer.errors import NotPureError, ToolFailedError
from layer.packages import REQUIREMENTS
from layer.targets import SLIM, Target, architecture_of_machine, find_target
from tests.layer.conftest import RUNNING_PYTHON, interpreters_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.layer.conftest import Layers

# The oldest C library and a foreign machine; every further one costs a build.
FOREIGN = find_target("3.11", "x86_64" if architecture_of_machine(platform.machine()) == "arm64" else "arm64")
_GLIBC = re.compile(rb"GLIBC_(\d+)\.(\d+)")


def members(layer: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(layer) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)


def names_in(layer: Path) -> list[str]:
    with zipfile.ZipFile(layer) as archive:
        return archive.namelist()


def test_the_layer_is_byte_identical_when_built_twice(layers: Layers, target: Target, tmp_path: Path) -> None:
    first = layers.zip(target)

    again = build_layer(target, root=ROOT, dist=tmp_path, interpreters=interpreters_of(target))

    assert again.path.name == first.name
    assert (
        hashlib.sha256(again.path.read_bytes()).hexdigest() == hashlib.sha256(first.read_bytes()).hexdigest()
    )


def test_everything_unpacks_below_python_with_modes_that_lambda_can_read(
    layers: Layers, target: Target
) -> None:
    with zipfile.ZipFile(layers.zip(target)) as archive:
        entries = archive.infolist()

    libraries = {entry.filename for entry in entries if entry.filename.endswith(".so")}
    assert {entry.filename.split("/")[0] for entry in entries} == {"python"}
    assert {oct(entry.external_attr >> 16) for entry in entries if entry.filename not in libraries} == {
        "0o100644"
    }
    assert {oct(entry.external_attr >> 16) for entry in entries if entry.filename in libraries} <= {
        "0o100755"
    }
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)


def test_the_library_is_in_it_whole_but_for_its_command_line_registrar_and_server(
    layers: Layers, target: Target
) -> None:
    names = {name for name in names_in(layers.zip(target)) if name.startswith("python/cloudmap_discovery/")}

    package = ROOT / "cloudmap_discovery"
    sources = {path.relative_to(package) for path in package.rglob("*.py")}
    not_in_it = {
        path
        for path in sources
        if any(str(each) in TOOLS | REGISTRAR | SERVER | WRITING for each in (path, *path.parents))
    }
    assert {path.parts[0] for path in not_in_it} >= {
        *("cli", "policies.py", "registrar", "server", "transport")
    }
    assert {name for name in names if name.endswith(".py")} == {
        f"python/cloudmap_discovery/{path.as_posix()}" for path in sources - not_in_it
    }
    assert "python/cloudmap_discovery/py.typed" in names


@pytest.mark.parametrize("name", sorted(TOOLS | REGISTRAR | SERVER))
def test_what_is_left_out_is_there_to_be_left_out(name: str) -> None:
    assert (ROOT / "cloudmap_discovery" / name).exists()


def test_no_tests_scripts_or_installers_notes_are_in_it(layers: Layers, target: Target) -> None:
    names = names_in(layers.zip(target))

    unwanted = re.compile(
        r"/(tests|bin|\.lock|RECORD|INSTALLER|REQUESTED|direct_url\.json|uv_\w+\.json)(/|$)|^python/(pip|uv|click|rich|pytest)/"
    )
    assert [name for name in names if unwanted.search(name)] == []


@pytest.mark.parametrize(("target", "at_least"), [("slim", 2), ("full", 20)], indirect=["target"])
def test_every_package_keeps_its_metadata_and_its_licence(
    layers: Layers, target: Target, at_least: int
) -> None:
    names = names_in(layers.zip(target))

    distributions = {name.split("/")[1] for name in names if ".dist-info/" in name}
    assert len(distributions) >= at_least
    for distribution in distributions:
        files = [
            name.removeprefix(f"python/{distribution}/")
            for name in names
            if name.startswith(f"python/{distribution}/")
        ]
        assert "METADATA" in files
        assert [name for name in files if "LICEN" in name.upper() or "COPYING" in name.upper()], distribution


def test_nothing_in_it_names_a_folder_of_the_machine_that_built_it(layers: Layers, target: Target) -> None:
    folders = {str(ROOT), sys.prefix, tempfile.gettempdir() + "/cloudmap-discovery-layer", "pytest-of-"}

    traces = [
        (name, folder)
        for name, content in members(layers.zip(target))
        for folder in folders
        if folder.encode() in content
    ]

    assert traces == []


@pytest.mark.parametrize(
    "full",
    [FOREIGN, find_target(RUNNING_PYTHON, architecture_of_machine(platform.machine()))],
    ids=lambda target: target.slug,
)
def test_shared_libraries_are_for_the_targets_machine_python_and_c_library(
    layers: Layers, full: Target
) -> None:
    (runtime,), (architecture,) = full.runtimes, full.architectures
    abi = f"cpython-{runtime.version.replace('.', '')}-{architecture.wheel_name}-linux-gnu"

    libraries = {name: content for name, content in members(layers.zip(full)) if name.endswith(".so")}

    assert {name.split("/")[1] for name in libraries} >= {"aiohttp", "pydantic_core", "wrapt", "yarl"}
    for name, content in libraries.items():
        assert abi in name
        assert content[:4] == b"\x7fELF"
        assert int.from_bytes(content[18:20], "little") == architecture.elf_machine
        needed = {(int(major), int(minor)) for major, minor in _GLIBC.findall(content)}
        assert max(needed) <= runtime.glibc, name


def test_the_sizes_are_far_enough_below_lambdas_limits_for_a_function_of_ones_own(
    layers: Layers, native: Target
) -> None:
    with zipfile.ZipFile(layers.zip(native)) as archive:
        unzipped_bytes = sum(entry.file_size for entry in archive.infolist())

    assert unzipped_bytes < UNZIPPED_LIMIT_BYTES / 2


def test_a_wheel_that_is_not_the_pinned_one_ends_the_build(target: Target, tmp_path: Path) -> None:
    root = root_that_requires(f"six==1.17.0 --hash=sha256:{'0' * 64}", target, tmp_path)

    with pytest.raises(
        ToolFailedError, match=rf"packages of {REQUIREMENTS[target.flavor].name} for "
    ) as error:
        build_layer(target, root=root, dist=tmp_path / "dist")

    assert "six" in str(error.value)
    assert not (tmp_path / "dist").exists()


def test_a_slim_layer_that_would_not_fit_everywhere_ends_the_build(tmp_path: Path) -> None:
    pinned = (ROOT / REQUIREMENTS["full"]).read_text()
    found = re.search(r"^wrapt==.*?(?=^\S)", pinned, re.MULTILINE | re.DOTALL)
    assert found is not None
    root = root_that_requires(found[0], SLIM, tmp_path)
    (root / "cloudmap_discovery").symlink_to(ROOT / "cloudmap_discovery")
    for name in ("pyproject.toml", "README.md", "LICENSE", "requirements/layer-build.txt"):
        (root / name).write_bytes((ROOT / name).read_bytes())

    with pytest.raises(NotPureError, match=r"not pure Python is wrapt-.*requirements/layer-slim\.txt"):
        build_layer(SLIM, root=root, dist=tmp_path / "dist")

    assert not (tmp_path / "dist").exists()


def root_that_requires(pins: str, target: Target, folder: Path) -> Path:
    """Make a source tree whose layer of this target is to hold other packages."""
    root = folder / "root"
    (root / "requirements").mkdir(parents=True)
    (root / REQUIREMENTS[target.flavor]).write_text(f"{pins.rstrip()}\n")
    return root
