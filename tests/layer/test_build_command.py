"""`make build` as a person types it: which flavour, for what, and what it says of the result."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from layer.archive import Size
from layer.build import ROOT, BuiltLayer, describe
from layer.bytecode import Bytecode
from layer.interpreters import Interpreter
from layer.targets import ARCHITECTURES, PYTHON_RUNTIMES, SLIM, find_target
from tests.project.makefile import MAKE, would_run

FULL = find_target("3.13", "arm64")


def make_build(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "layer.build", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def suffixes_in(layer: Path) -> set[str]:
    with zipfile.ZipFile(layer) as archive:
        return {PurePosixPath(name).name.partition(".")[2] for name in archive.namelist()}


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
        BuiltLayer(Path("dist/layer.zip"), FULL, Size(zipped_bytes, 64 * 1024 * 1024, 900), (bytecode,))
    )

    assert "full      for Python 3.13 on arm64\n" in text
    assert note in text
    assert "64.0 MB  of 250.0 MB" in text
    assert "553 files  for 3.13, compiled by Python 3.13.0" in text
    assert "not for odd/new_syntax.py: Python 3.13.0 refuses it" in text
    assert "none" not in text


def test_a_person_is_told_which_runtimes_of_the_slim_layer_have_bytecode_and_which_have_none() -> None:
    bytecode = tuple(
        Bytecode(Interpreter(Path("python"), f"{version}.1"), 70, ()) for version in ("3.11", "3.13")
    )

    text = describe(BuiltLayer(Path("dist/layer.zip"), SLIM, Size(1, 1, 1), bytecode))

    assert "slim      for Python 3.11 to 3.14 on x86_64 and arm64\n" in text
    assert re.findall(r"70 files  for ([\d.]+), compiled by Python ([\d.]+)", text) == [
        ("3.11", "3.11.1"),
        ("3.13", "3.13.1"),
    ]
    assert re.findall(
        r"none  for ([\d.]+), where cold starts compile: there is no Python ([\d.]+) on this machine", text
    ) == [("3.12", "3.12"), ("3.14", "3.14")]


def test_a_layer_that_was_to_have_no_bytecode_says_so() -> None:
    text = describe(BuiltLayer(Path("layer.zip"), FULL, Size(1, 1, 1), ()), is_bytecode_wanted=False)

    assert "none  for 3.13, where cold starts compile: turned off by BYTECODE=never" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--flavor", "full", "--python", "3.10"),
            ", ".join(runtime.version for runtime in PYTHON_RUNTIMES),
        ),
        (
            ("--flavor", "full", "--arch", "aarch64"),
            ", ".join(architecture.name for architecture in ARCHITECTURES),
        ),
        (("--flavor", "nonsense"), "FLAVOR: 'nonsense' is no flavour of the layer. Use one of: slim, full."),
        (("--python", "3.13"), "or take the other flavour: FLAVOR=full PYTHON=3.13\n"),
        (("--flavor", "slim", "--arch", "arm64"), "or take the other flavour: FLAVOR=full ARCH=arm64\n"),
        (("--python", "3.13", "--arch", "arm64"), "one zip for every Python version and architecture"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_built_is_one_clear_error(
    arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done = make_build(*arguments, "--dist", str(tmp_path))

    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_the_command_builds_the_slim_layer_unless_told_otherwise(tmp_path: Path) -> None:
    done = make_build("--bytecode", "never", "--dist", str(tmp_path))

    (built,) = tmp_path.iterdir()
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"cloudmap-discovery-[0-9.]+-slim\.zip", built.name)
    assert done.stdout.startswith(str(built))
    assert done.stdout.count("turned off by BYTECODE=never") == len(PYTHON_RUNTIMES)
    assert not any(suffix.endswith("pyc") for suffix in suffixes_in(built))


def test_the_command_builds_the_full_layer_for_any_python_and_machine(tmp_path: Path) -> None:
    done = make_build(
        *("--flavor", "full", "--python", "3.14", "--arch", "arm64"),
        *("--bytecode", "never", "--dist", str(tmp_path)),
    )

    (built,) = tmp_path.iterdir()
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"cloudmap-discovery-[0-9.]+-py3\.14-arm64\.zip", built.name)
    assert done.stdout.startswith(str(built))
    assert re.search(r"unzipped +\d+\.\d MB  of 250\.0 MB", done.stdout)
    assert "cpython-314-aarch64-linux-gnu.so" in suffixes_in(built)
    assert not any(suffix.endswith("pyc") for suffix in suffixes_in(built))


def test_make_hands_on_what_is_to_be_built() -> None:
    command = would_run("build", "FLAVOR=full", "PYTHON=3.12", "ARCH=arm64", "BYTECODE=never")

    assert "-m layer.build --flavor 'full' --python '3.12' --arch 'arm64' --bytecode 'never'" in " ".join(
        command.split()
    )


@pytest.mark.parametrize("target", ["build", "publish"])
def test_the_other_spelling_of_flavor_is_refused_rather_than_ignored(target: str) -> None:
    done = subprocess.run(
        [MAKE, "--dry-run", target, "FLAVOUR=full"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert "use FLAVOR=full" in done.stderr
