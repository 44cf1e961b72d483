"""Which Python versions and architectures there are, and how they are named."""

from __future__ import annotations

import platform

import pytest

from layer.errors import UnknownTargetError
from layer.targets import (
    ARCHITECTURES,
    PYTHON_RUNTIMES,
    Target,
    architecture_of_machine,
    find_target,
    parse_zip_name,
)

ALL_TARGETS = [Target(python, architecture) for python in PYTHON_RUNTIMES for architecture in ARCHITECTURES]


@pytest.mark.parametrize("python", ["3.10", "3.15", "3", "3.13.0", "", "3.1"])
def test_a_wrong_python_version_is_an_error_that_lists_the_right_ones(python: str) -> None:
    with pytest.raises(UnknownTargetError) as error:
        find_target(python, "arm64")

    assert repr(python) in str(error.value)
    assert "3.11, 3.12, 3.13, 3.14" in str(error.value)


@pytest.mark.parametrize("architecture", ["aarch64", "ARM64", "i386", ""])
def test_a_wrong_architecture_is_an_error_that_lists_the_right_ones(architecture: str) -> None:
    with pytest.raises(UnknownTargetError) as error:
        find_target("3.13", architecture)

    assert repr(architecture) in str(error.value)
    assert "x86_64, arm64" in str(error.value)


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ("x86_64", "x86_64"),
        ("AMD64", "x86_64"),
        ("aarch64", "arm64"),
        ("arm64", "arm64"),
        ("riscv64", "riscv64"),
    ],
)
def test_a_machine_is_named_as_lambda_names_it(machine: str, expected: str) -> None:
    name = architecture_of_machine(machine)

    assert name == expected


def test_this_machine_has_a_layer_of_its_own() -> None:
    target = find_target("3.13", architecture_of_machine(platform.machine()))

    assert platform.machine().lower() in target.architecture.machine_names


@pytest.mark.parametrize("target", ALL_TARGETS, ids=lambda target: target.slug)
def test_a_file_name_tells_version_and_target(target: Target) -> None:
    parsed = parse_zip_name(target.zip_name("1.2.0rc1"))

    assert parsed == ("1.2.0rc1", target)


@pytest.mark.parametrize(
    "name",
    [
        "cloudmap-discovery-0.1.0-py3.10-arm64.zip",
        "cloudmap-discovery-0.1.0-py3.13-mips.zip",
        "cloudmap-discovery-py3.13-arm64.zip",
        "other-0.1.0-py3.13-arm64.zip",
        "cloudmap_discovery-0.1.0-py3-none-any.whl",
    ],
)
def test_other_file_names_are_no_layers(name: str) -> None:
    parsed = parse_zip_name(name)

    assert parsed is None


def test_a_target_is_named_the_same_everywhere() -> None:
    target = find_target("3.13", "arm64")

    assert target.zip_name("0.1.0") == "cloudmap-discovery-0.1.0-py3.13-arm64.zip"
    assert target.layer_suffix == "py313-arm64"
    assert target.python.lambda_name == "python3.13"
    assert target.uv_platform == "aarch64-manylinux_2_28"


@pytest.mark.parametrize("runtime", PYTHON_RUNTIMES, ids=lambda runtime: runtime.version)
def test_wheels_are_taken_that_load_on_the_c_library_of_the_runtime(runtime: object) -> None:
    assert isinstance(runtime, type(PYTHON_RUNTIMES[0]))
    major, minor = runtime.manylinux.removeprefix("manylinux_").split("_")

    assert (int(major), int(minor)) <= runtime.glibc
