"""Which installed files are part of the layer."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from layer.content import (
    belongs,
    belongs_to_registrar,
    belongs_to_server,
    mode,
    not_pure,
)


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
        "cloudmap_discovery/transport/direct_s3.py",
        "another/policies.py",
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
        "cloudmap_discovery/policies.py",
        "cloudmap_discovery/registrar/__init__.py",
        "cloudmap_discovery/registrar/handler.py",
        "cloudmap_discovery/stores/cloud_map_services.py",
        "cloudmap_discovery/transport/direct_rest.py",
        "cloudmap_discovery/server/__init__.py",
        "cloudmap_discovery/server/templates/page.html",
        "cloudmap_discovery/as_json.py",
        "cloudmap_discovery/matrix.py",
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
def test_scripts_tests_the_command_line_registrar_server_and_installers_notes_do_not(
    path: str,
) -> None:
    assert not belongs(PurePosixPath(path))


@pytest.mark.parametrize(
    "path",
    [
        "cloudmap_discovery/registrar/handler.py",
        "cloudmap_discovery/stores/cloud_map_services.py",
        "cloudmap_discovery/transport/direct_rest.py",
        "cloudmap_discovery/stores/cloud_map.py",
        "tenacity/__init__.py",
        "tenacity-9.1.0.dist-info/METADATA",
        "another/testing.py",
    ],
)
def test_the_registrar_comes_with_the_library(path: str) -> None:
    assert belongs_to_registrar(PurePosixPath(path))


@pytest.mark.parametrize(
    "path",
    [
        "cloudmap_discovery/testing.py",
        "cloudmap_discovery/cli/program.py",
        "cloudmap_discovery/policies.py",
        "cloudmap_discovery/server/app.py",
        "cloudmap_discovery/matrix.py",
        "cloudmap_discovery/registrar/__pycache__/handler.cpython-313.pyc",
        "bin/cloudmap-discovery",
        "tenacity-9.1.0.dist-info/RECORD",
    ],
)
def test_the_registrar_comes_without_what_it_does_not_use(path: str) -> None:
    assert not belongs_to_registrar(PurePosixPath(path))


@pytest.mark.parametrize(
    "path",
    [
        "cloudmap_discovery/server/handler.py",
        "cloudmap_discovery/server/templates/page.html",
        "cloudmap_discovery/as_json.py",
        "cloudmap_discovery/matrix.py",
        "cloudmap_discovery/dependency_graph.py",
        "cloudmap_discovery/stores/cloud_map.py",
        "starlette/applications.py",
        "jinja2/tests.py",
        "markupsafe/_native.py",
        "markupsafe-3.0.4.dist-info/METADATA",
        "mangum-0.22.0.dist-info/WHEEL",
    ],
)
def test_the_server_comes_with_the_library_and_what_it_requires(path: str) -> None:
    assert belongs_to_server(PurePosixPath(path))


@pytest.mark.parametrize(
    "path",
    [
        "cloudmap_discovery/testing.py",
        "cloudmap_discovery/cli/program.py",
        "cloudmap_discovery/policies.py",
        "cloudmap_discovery/server/local.py",
        "cloudmap_discovery/registrar/handler.py",
        "cloudmap_discovery/transport/direct_rest.py",
        "markupsafe/_speedups.c",
        "markupsafe/_speedups.cpython-311-x86_64-linux-gnu.so",
        "markupsafe/_speedups.pyi",
        "markupsafe-3.0.4.dist-info/WHEEL",
        "starlette-1.10.0.dist-info/RECORD",
    ],
)
def test_the_server_comes_without_what_it_does_not_use_or_only_some_machines_run(path: str) -> None:
    assert not belongs_to_server(PurePosixPath(path))


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


def test_a_wheel_for_one_python_machine_or_system_is_not_pure(tmp_path: Path) -> None:
    tags = {
        "pure-1.0": ["py3-none-any"],
        "old_and_new-2.0": ["py2-none-any", "py3-none-any"],
        "compiled-3.0": ["cp313-cp313-manylinux_2_17_x86_64"],
        "newer-4.0": ["py312-none-any"],
        "of_one_system-5.0": ["py3-none-manylinux_2_17_x86_64"],
    }
    for name, of_wheel in tags.items():
        (tmp_path / f"{name}.dist-info").mkdir()
        (tmp_path / f"{name}.dist-info" / "WHEEL").write_text(
            "Wheel-Version: 1.0\n" + "".join(f"Tag: {tag}\n" for tag in of_wheel)
        )

    assert not_pure(tmp_path) == ["compiled-3.0", "newer-4.0", "of_one_system-5.0"]
