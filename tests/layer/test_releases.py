"""What built layers are published as, before anything is sent."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layer.errors import NothingToPublishError, WrongOptionError
from layer.releases import Grant, parse_grants, read_releases

if TYPE_CHECKING:
    from pathlib import Path


def layer_zip(dist: Path, name: str, *distributions: str) -> Path:
    dist.mkdir(exist_ok=True)
    path = dist / name
    with zipfile.ZipFile(path, "w") as archive:
        for distribution in distributions:
            archive.writestr(f"python/{distribution}.dist-info/METADATA", "")
    return path


def test_every_target_of_the_full_layer_is_a_layer_of_its_own(tmp_path: Path) -> None:
    layer_zip(tmp_path, "cloudmap-discovery-0.1.0-py3.13-arm64.zip")
    layer_zip(tmp_path, "cloudmap-discovery-0.1.0-py3.11-x86_64.zip")
    (tmp_path / "cloudmap_discovery-0.1.0-py3-none-any.whl").write_bytes(b"")
    (tmp_path / "something-else.zip").write_bytes(b"")

    releases = read_releases(tmp_path, layer_name="discovery")

    assert [release.layer_name for release in releases] == ["discovery-py311-x86_64", "discovery-py313-arm64"]


def test_the_slim_layer_has_the_name_alone_and_stands_beside_the_full_ones(tmp_path: Path) -> None:
    layer_zip(tmp_path, "cloudmap-discovery-0.1.0-slim.zip")
    layer_zip(tmp_path, "cloudmap-discovery-0.1.0-py3.11-x86_64.zip")

    releases = read_releases(tmp_path, layer_name="discovery")

    assert [release.layer_name for release in releases] == ["discovery-py311-x86_64", "discovery"]


@pytest.mark.parametrize(
    ("flavor", "python", "architecture", "names"),
    [
        ("slim", None, None, ["d"]),
        ("full", None, None, ["d-py311-x86_64", "d-py313-arm64"]),
        ("full", "3.13", None, ["d-py313-arm64"]),
        # Who names a Python or an architecture does not mean what fits every one.
        (None, "3.13", None, ["d-py313-arm64"]),
        (None, None, "x86_64", ["d-py311-x86_64"]),
        (None, None, None, ["d-py311-x86_64", "d-py313-arm64", "d"]),
    ],
)
def test_flavor_python_and_architecture_narrow_what_is_published(
    flavor: str | None, python: str | None, architecture: str | None, names: list[str], tmp_path: Path
) -> None:
    for slug in ("slim", "py3.13-arm64", "py3.11-x86_64"):
        layer_zip(tmp_path, f"cloudmap-discovery-0.1.0-{slug}.zip")

    releases = read_releases(
        tmp_path, layer_name="d", flavor=flavor, python=python, architecture=architecture
    )

    assert [release.layer_name for release in releases] == names


def test_runtimes_without_bytecode_are_those_that_no_file_in_the_zip_is_for(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "cloudmap-discovery-0.1.0-slim.zip", "w") as archive:
        for version in ("311", "313"):
            archive.writestr(f"python/package/__pycache__/module.cpython-{version}.pyc", "")
    with zipfile.ZipFile(tmp_path / "cloudmap-discovery-0.1.0-py3.12-arm64.zip", "w") as archive:
        archive.writestr("python/package/library.cpython-312-aarch64-linux-gnu.so", "")

    full, slim = read_releases(tmp_path, layer_name="discovery")

    assert [runtime.version for runtime in slim.without_bytecode] == ["3.12", "3.14"]
    assert [runtime.version for runtime in full.without_bytecode] == ["3.12"]


def test_the_description_of_the_slim_layer_says_flavor_runtimes_and_packages(tmp_path: Path) -> None:
    layer_zip(
        tmp_path,
        "cloudmap-discovery-0.1.0-slim.zip",
        *("cloudmap_discovery-0.1.0", "node_semver-0.9.1", "tenacity-9.2.1"),
    )

    (release,) = read_releases(tmp_path, layer_name="discovery")

    assert release.description == (
        "cloudmap-discovery 0.1.0, slim, for Python 3.11 to 3.14 on x86_64 and arm64, "
        "with node-semver 0.9.1, tenacity 9.2.1"
    )


def test_the_description_says_version_flavor_target_and_sdk(tmp_path: Path) -> None:
    layer_zip(
        tmp_path,
        "cloudmap-discovery-0.1.0-py3.13-arm64.zip",
        *(
            "cloudmap_discovery-0.1.0",
            "boto3-1.43.1",
            "botocore-1.43.1",
            "aiobotocore-3.1.0",
            "python_dateutil-2.9.0.post0",
        ),
    )

    (release,) = read_releases(tmp_path, layer_name="discovery")

    assert release.description == (
        "cloudmap-discovery 0.1.0, full, for Python 3.13 on arm64, with aiobotocore 3.1.0, boto3 1.43.1, botocore 1.43.1"
    )


def test_the_key_in_a_bucket_depends_on_the_content(tmp_path: Path) -> None:
    name = "cloudmap-discovery-0.1.0-py3.13-arm64.zip"
    layer_zip(tmp_path / "one", name)
    layer_zip(tmp_path / "other", name, "boto3-1.43.1")

    (one,) = read_releases(tmp_path / "one", layer_name="discovery")
    (other,) = read_releases(tmp_path / "other", layer_name="discovery")

    assert one.s3_key != other.s3_key
    assert one.s3_key == f"cloudmap-discovery/{one.sha256.hex()}/{name}"


def test_a_folder_without_layers_is_an_error_that_says_how_to_build_one(tmp_path: Path) -> None:
    with pytest.raises(NothingToPublishError, match="make build"):
        read_releases(tmp_path / "dist", layer_name="discovery")


def test_two_versions_of_the_same_layer_are_an_error_that_names_both(tmp_path: Path) -> None:
    layer_zip(tmp_path, "cloudmap-discovery-0.1.0-py3.13-arm64.zip")
    layer_zip(tmp_path, "cloudmap-discovery-0.2.0-py3.13-arm64.zip")

    with pytest.raises(NothingToPublishError) as error:
        read_releases(tmp_path, layer_name="discovery")

    assert "cloudmap-discovery-0.1.0-py3.13-arm64.zip and cloudmap-discovery-0.2.0-py3.13-arm64.zip" in str(
        error.value
    )


@pytest.mark.parametrize("name", ["", "my layer", "läyer", "a.b", "x" * 129])
def test_a_name_that_lambda_refuses_is_an_error_that_says_what_is_allowed(name: str, tmp_path: Path) -> None:
    layer_zip(tmp_path, "cloudmap-discovery-0.1.0-py3.13-arm64.zip")

    with pytest.raises(
        WrongOptionError, match=r"LAYER_NAME: .* Use letters, digits, - and _, at most 128 characters"
    ):
        read_releases(tmp_path, layer_name=name)


def test_a_name_may_be_longer_where_nothing_is_added(tmp_path: Path) -> None:
    layer_zip(tmp_path, "cloudmap-discovery-0.1.0-slim.zip")

    (release,) = read_releases(tmp_path, layer_name="x" * 140)

    assert release.layer_name == "x" * 140
    with pytest.raises(WrongOptionError, match=r"at most 140 characters\.$"):
        read_releases(tmp_path, layer_name="x" * 141)


@given(accounts=st.lists(st.from_regex(r"[0-9]{12}", fullmatch=True), min_size=1, max_size=5))
def test_each_account_is_granted_once(accounts: list[str]) -> None:
    grants = parse_grants(accounts=" , ".join(accounts), public=False)

    assert {grant.principal for grant in grants} == set(accounts)
    assert len({grant.statement_id for grant in grants}) == len(grants) == len(set(accounts))


@pytest.mark.parametrize(
    "accounts",
    [
        "12345678901",
        "1234567890123",
        "123456789012,",
        "abc",
        "123456789012 210987654321",
        "*",
        "\uff11" * 12,
    ],
)
def test_what_is_no_account_id_is_an_error(accounts: str) -> None:
    with pytest.raises(WrongOptionError, match=r"ACCOUNTS: .* is no account id\. Use 12 digits"):
        parse_grants(accounts=accounts, public=False)


def test_public_is_one_grant_for_everyone() -> None:
    assert parse_grants(accounts=None, public=True) == (Grant("everyone", "*"),)


def test_nothing_is_granted_unless_asked_for() -> None:
    assert parse_grants(accounts=None, public=False) == parse_grants(accounts="", public=False) == ()


def test_accounts_and_public_exclude_each_other() -> None:
    with pytest.raises(WrongOptionError, match="exclude each other"):
        parse_grants(accounts="123456789012", public=True)
