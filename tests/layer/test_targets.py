"""Which Python versions and architectures there are, and how they are named."""

from __future__ import annotations

import platform

import pytest

from layer.errors import UnknownTargetError, WrongOptionError
from layer.targets import (
    ARCHITECTURES,
    FLAVORS,
    PYTHON_RUNTIMES,
    SLIM,
    Target,
    architecture_of_machine,
    choose_target,
    find_flavor,
    find_target,
    parse_zip_name,
)

ALL_TARGETS = [
    SLIM,
    *(
        find_target(python.version, architecture.name)
        for python in PYTHON_RUNTIMES
        for architecture in ARCHITECTURES
    ),
]


def choose(flavor: str, *, python: str | None = None, architecture: str | None = None) -> Target:
    return choose_target(
        flavor, python=python, architecture=architecture, else_python="3.12", else_architecture="x86_64"
    )


@pytest.mark.parametrize("flavor", ["", "Slim", "fat", "slim "])
def test_a_wrong_flavor_is_an_error_that_lists_the_right_ones(flavor: str) -> None:
    with pytest.raises(WrongOptionError) as error:
        find_flavor(flavor)

    assert repr(flavor) in str(error.value)
    assert "slim, full" in str(error.value)


def test_the_first_flavor_is_the_slim_one() -> None:
    assert [find_flavor(name) for name in FLAVORS] == ["slim", "full"]


def test_the_slim_layer_is_for_every_python_and_architecture() -> None:
    target = choose("slim")

    assert target == SLIM
    assert (target.runtimes, target.architectures) == (PYTHON_RUNTIMES, ARCHITECTURES)
    assert str(target) == "Python 3.11 to 3.14 on x86_64 and arm64"


def test_the_full_layer_is_for_what_runs_here_unless_told_otherwise() -> None:
    assert choose("full") == find_target("3.12", "x86_64")
    assert choose("full", python="3.13") == find_target("3.13", "x86_64")
    assert choose("full", architecture="arm64") == find_target("3.12", "arm64")


@pytest.mark.parametrize(
    ("python", "architecture", "asked"),
    [
        ("3.13", None, "PYTHON=3.13"),
        (None, "arm64", "ARCH=arm64"),
        ("3.10", "arm64", "PYTHON=3.10 ARCH=arm64"),
    ],
)
def test_a_slim_layer_for_one_python_or_architecture_is_an_error_that_names_the_other_flavor(
    python: str | None, architecture: str | None, asked: str
) -> None:
    with pytest.raises(WrongOptionError) as error:
        choose("slim", python=python, architecture=architecture)

    assert str(error.value).startswith(f"{asked} and the slim layer do not go together")
    assert str(error.value).endswith(f"FLAVOR=full {asked}")


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

    (architecture,) = target.architectures
    assert platform.machine().lower() in architecture.machine_names


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
        "cloudmap-discovery-slim.zip",
        "cloudmap-discovery-0.1.0-fat.zip",
        "cloudmap-discovery-0.1.0-py3.13.zip",
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
    assert target.layer_name("discovery") == "discovery-py313-arm64"
    assert [runtime.lambda_name for runtime in target.runtimes] == ["python3.13"]
    assert target.uv_platform == "aarch64-manylinux_2_28"
    assert str(target) == "Python 3.13 on arm64"


def test_the_name_of_the_slim_layer_is_the_name_alone() -> None:
    assert SLIM.zip_name("0.1.0") == "cloudmap-discovery-0.1.0-slim.zip"
    assert SLIM.layer_name("discovery") == "discovery"


@pytest.mark.parametrize("runtime", PYTHON_RUNTIMES, ids=lambda runtime: runtime.version)
def test_wheels_are_taken_that_load_on_the_c_library_of_the_runtime(runtime: object) -> None:
    assert isinstance(runtime, type(PYTHON_RUNTIMES[0]))
    major, minor = runtime.manylinux.removeprefix("manylinux_").split("_")

    assert (int(major), int(minor)) <= runtime.glibc
