"""Writes a folder as a zip that depends on nothing but names and content."""

from __future__ import annotations

import os
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from layer.content import mode
from layer.errors import LayerTooLargeError

MEBIBYTE = 1024 * 1024  # what Lambda calls a megabyte
UNZIPPED_LIMIT_BYTES = 250 * MEBIBYTE
"""The function's own package and all its layers together, unzipped."""
DIRECT_UPLOAD_LIMIT_BYTES = 50 * MEBIBYTE
"""A zip inside the request itself; a larger one goes through S3."""

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say
_UNIX = 3
_LEVEL = 9


@dataclass(frozen=True, slots=True)
class Size:
    """How large a built layer is."""

    zipped_bytes: int
    unzipped_bytes: int
    file_count: int


def write_zip(folder: Path, destination: Path, *, prefix: str) -> Size:
    """Write every file below `folder` to `destination`, under `prefix`, and return the size.

    The same files give the same bytes (with the same zlib): names are sorted, date and modes are fixed. An unfinished zip
    never stands under the final name.
    """
    unfinished = destination.with_name(f".{destination.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(_files(folder), key=str):
                entry = zipfile.ZipInfo(str(PurePosixPath(prefix) / path), date_time=_DATE)
                entry.create_system = _UNIX
                entry.external_attr = (stat.S_IFREG | mode(path)) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                # Not the archive's level: an entry that one makes oneself has the default.
                archive.writestr(entry, (folder / path).read_bytes(), compresslevel=_LEVEL)
        unfinished.replace(destination)
    finally:
        unfinished.unlink(missing_ok=True)
    return read_size(destination)


def read_size(path: Path) -> Size:
    """Read how large a zip is, and what it unpacks to."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    return Size(path.stat().st_size, sum(entry.file_size for entry in entries), len(entries))


def check_unzipped(folder: Path, *, limit_bytes: int = UNZIPPED_LIMIT_BYTES) -> None:
    """Raise `LayerTooLargeError` if Lambda would refuse a layer of this content."""
    unzipped_bytes = sum((folder / path).stat().st_size for path in _files(folder))
    if unzipped_bytes > limit_bytes:
        raise LayerTooLargeError(
            f"The layer unpacks to {megabytes(unzipped_bytes)}, over Lambda's limit of {megabytes(limit_bytes)}"
            " for a function with all its layers. Build it without bytecode (make build BYTECODE=never),"
            " or take packages out of requirements/layer.txt."
        )


def megabytes(size_bytes: int) -> str:
    """Write a size as Lambda counts it: 1 MB is 1,048,576 bytes."""
    return f"{size_bytes / MEBIBYTE:.1f} MB"


def _files(folder: Path) -> list[PurePosixPath]:
    return [
        PurePosixPath(path.relative_to(folder).as_posix()) for path in folder.rglob("*") if path.is_file()
    ]
