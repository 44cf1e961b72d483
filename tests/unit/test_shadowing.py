"""A package that stands in the way of the one needed is named, with its place, its version and what it hides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.shadowing import shadowing

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def task(tmp_path: Path) -> Path:
    return tmp_path / "task"


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    return tmp_path / "layer"


def install(folder: Path, name: str, version: str, *, package: str | None = None) -> Path:
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").touch()
    distribution = package or name
    notes = folder / f"{distribution}-{version}.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    return folder / name


def test_an_older_package_before_the_layers_is_named_with_both_places_and_versions(
    task: Path, layer: Path
) -> None:
    old, new = install(task, "botocore", "1.34.69"), install(layer, "botocore", "1.43.117")

    said = shadowing(["aiobotocore", "botocore"], path=[str(task), str(layer)], home=layer)

    assert said == f"botocore is imported from {old} (1.34.69), which comes before {new} (1.43.117)"


def test_a_module_that_only_has_the_name_is_named_without_a_version(task: Path, layer: Path) -> None:
    task.mkdir()
    (task / "tenacity.py").touch()
    new = install(layer, "tenacity", "9.2.1")

    said = shadowing(["tenacity"], path=[str(task), str(layer)], home=layer)

    assert said is not None
    assert f"{task / 'tenacity.py'} (of no known version), which comes before {new} (9.2.1)" in said


def test_a_package_that_is_too_old_is_named_with_what_is_needed(task: Path, layer: Path) -> None:
    old = install(task, "aiobotocore", "2.12.3")

    said = shadowing(["aiobotocore"], path=[str(task), str(layer)], home=layer)

    assert said == (
        f"aiobotocore is imported from {old} (2.12.3); cloudmap-discovery needs aiobotocore>=2.24.2"
    )


@pytest.mark.parametrize("version", ["2.24.2", "2.24.10", "3.0"])
def test_nothing_is_said_of_a_package_from_elsewhere_that_hides_nothing_and_is_new_enough(
    task: Path, layer: Path, version: str
) -> None:
    install(task, "aiobotocore", version)

    assert shadowing(["aiobotocore"], path=[str(task), str(layer)], home=layer) is None


def test_a_package_whose_name_is_not_its_modules_is_found_by_its_own(task: Path, layer: Path) -> None:
    old = install(task, "nodesemver", "0.8.9", package="node_semver")
    new = install(layer, "nodesemver", "0.9.1", package="node_semver")

    said = shadowing(["nodesemver"], path=[str(task), str(layer)], home=layer)

    assert said == (
        f"nodesemver is imported from {old} (0.8.9), which comes before {new} (0.9.1); "
        "cloudmap-discovery needs node-semver>=0.9"
    )


def test_every_package_that_is_in_the_way_is_named(task: Path, layer: Path) -> None:
    for name in ("botocore", "yarl"):
        install(task, name, "1.0")
        install(layer, name, "2.0")

    said = shadowing(["botocore", "yarl"], path=[str(task), str(layer)], home=layer)

    assert said is not None
    assert [part.partition(" ")[0] for part in said.split("; ")] == ["botocore", "yarl"]


@pytest.mark.parametrize("has_older_behind", [False, True])
def test_nothing_is_said_where_packages_lie_beside_this_one(
    task: Path, layer: Path, *, has_older_behind: bool
) -> None:
    install(layer, "tenacity", "9.2.1")
    if has_older_behind:
        install(task, "tenacity", "8.0.1")

    assert shadowing(["tenacity"], path=[str(layer), str(task)], home=layer) is None


def test_nothing_is_said_of_a_package_that_is_not_there(layer: Path) -> None:
    assert shadowing(["tenacity"], path=[str(layer), "/nowhere"], home=layer) is None


def test_by_itself_it_looks_where_imports_are_looked_for() -> None:
    assert shadowing(["tenacity", "aiobotocore", "cloudmap_discovery"]) is None
