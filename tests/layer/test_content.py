"""Which installed files are part of the layer."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from layer.content import belongs, mode


@pytest.mark.parametrize(
    "path",
    [
        "boto3/session.py",
        "botocore/data/dynamodb/2012-08-10/service-2.json.gz",
        "botocore/cacert.pem",
        "cloudmap_discovery/__init__.py",
        "cloudmap_discovery/py.typed",
        "cloudmap_discovery/testing.py",
        "cloudmap_discovery/stores/cloud_map.py",
        "boto3-1.40.0.dist-info/METADATA",
        "boto3-1.40.0.dist-info/WHEEL",
        "boto3-1.40.0.dist-info/licenses/LICENSE",
        "boto3-1.40.0.dist-info/NOTICE",
        "pytest_plugin-1.0.dist-info/entry_points.txt",
        "six.py",
        "yarl/_quoting_c.cpython-313-aarch64-linux-gnu.so",
        "typing_inspection/cli/__init__.py",
    ],
)
def test_packages_their_data_and_their_licences_belong_into_the_layer(path: str) -> None:
    assert belongs(PurePosixPath(path))


@pytest.mark.parametrize(
    "path",
    [
        ".lock",
        "bin/jp.py",
        "bin/cloudmap-discovery",
        "cloudmap_discovery/cli/__init__.py",
        "cloudmap_discovery/cli/commands/register.py",
        "cloudmap_discovery-0.1.0.dist-info/entry_points.txt",
        "cloudmap_discovery-0.1.0.dist-info/direct_url.json",
        "boto3-1.40.0.dist-info/RECORD",
        "boto3-1.40.0.dist-info/INSTALLER",
        "boto3-1.40.0.dist-info/REQUESTED",
        "aioitertools/tests/helpers.py",
        "boto3/__pycache__/session.cpython-311.pyc",
        "boto3/session.pyc",
    ],
)
def test_scripts_tests_the_command_line_and_installers_notes_do_not(path: str) -> None:
    assert not belongs(PurePosixPath(path))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("boto3/session.py", 0o644),
        ("botocore/cacert.pem", 0o644),
        ("yarl/_quoting_c.so", 0o755),
        ("wheel.libs/libssl.so.3", 0o755),
    ],
)
def test_files_are_readable_by_everyone_and_shared_libraries_executable(path: str, expected: int) -> None:
    assert mode(PurePosixPath(path)) == expected
