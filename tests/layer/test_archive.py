"""The zip depends on names and content alone, and is held against Lambda's limits."""

from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layer.archive import (
    DIRECT_UPLOAD_LIMIT_BYTES,
    UNZIPPED_LIMIT_BYTES,
    check_unzipped,
    megabytes,
    write_zip,
)
from layer.errors import LayerTooLargeError

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"b/second.py": "2", "a.py": "1", "b/lib.so": "elf", "b.py": "between"}


def write(folder: Path, *, names: list[str], date: int, mode: int) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FILES[name])
        path.chmod(mode)
        os.utime(path, (date, date))
    return folder


def test_the_same_content_gives_the_same_bytes_whatever_dates_modes_and_order(tmp_path: Path) -> None:
    one = write(tmp_path / "one", names=sorted(FILES), date=1_000_000_000, mode=0o644)
    other = write(tmp_path / "other", names=sorted(FILES, reverse=True), date=1_700_000_000, mode=0o600)

    write_zip(one, tmp_path / "one.zip", prefix="python")
    write_zip(other, tmp_path / "other.zip", prefix="python")

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()


def test_names_are_sorted_under_the_prefix_with_fixed_date_and_modes(tmp_path: Path) -> None:
    folder = write(tmp_path / "folder", names=list(FILES), date=1_700_000_000, mode=0o600)

    size = write_zip(folder, tmp_path / "layer.zip", prefix="python")

    with zipfile.ZipFile(tmp_path / "layer.zip") as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == [
        "python/a.py",
        "python/b.py",
        "python/b/lib.so",
        "python/b/second.py",
    ]
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert [oct((entry.external_attr >> 16) & 0o777) for entry in entries] == [
        "0o644",
        "0o644",
        "0o755",
        "0o644",
    ]
    assert (size.file_count, size.unzipped_bytes) == (4, 12)
    assert size.zipped_bytes == (tmp_path / "layer.zip").stat().st_size


def test_a_zip_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "layer.zip").write_bytes(b"the old one")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.py").write_text("1")
    (folder / "b\udcff.py").write_text("a name that no zip can hold")

    with pytest.raises(UnicodeEncodeError):
        write_zip(folder, tmp_path / "layer.zip", prefix="python")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "layer.zip"]
    assert (tmp_path / "layer.zip").read_bytes() == b"the old one"


def test_a_layer_over_the_limit_is_an_error_that_names_both_sizes(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(bytes(3 * 1024 * 1024))

    with pytest.raises(LayerTooLargeError, match=r"unpacks to 3\.0 MB, over Lambda's limit of 2\.0 MB"):
        check_unzipped(tmp_path, limit_bytes=2 * 1024 * 1024)


def test_a_layer_of_just_the_limit_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(bytes(1024))
    (tmp_path / "more").write_bytes(bytes(1024))

    check_unzipped(tmp_path, limit_bytes=2048)

    with pytest.raises(LayerTooLargeError):
        check_unzipped(tmp_path, limit_bytes=2047)


def test_the_limits_are_those_of_lambda() -> None:
    assert (UNZIPPED_LIMIT_BYTES, DIRECT_UPLOAD_LIMIT_BYTES) == (262_144_000, 52_428_800)


@given(size_bytes=st.integers(min_value=0, max_value=2**40))
def test_sizes_are_written_in_megabytes_of_1048576_bytes(size_bytes: int) -> None:
    text = megabytes(size_bytes)

    assert text.endswith(" MB")
    assert abs(float(text.removesuffix(" MB")) - size_bytes / 1024 / 1024) <= 0.051
