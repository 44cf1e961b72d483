"""Snapshots in files: compared with what is to replace them, and written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cloudmap_discovery.copies import Copy, differences, loses_most
from cloudmap_discovery.errors import InvalidValueError, MalformedRecordError
from cloudmap_discovery.snapshot_writing import copied, packed, snapshot_text
from cloudmap_discovery.snapshots import read_snapshot
from cloudmap_discovery.syncing import Synced, would_lose_most

if TYPE_CHECKING:
    from cloudmap_discovery.snapshots import Snapshot


def compared(snapshot: Snapshot, path: str, *, force: bool) -> Synced:
    """Return in what the file differs from the snapshot.

    Unless `force` is given, raises a `RegistrationError` where most of its records would go, and an
    `InvalidValueError` where it is something else than a snapshot of this namespace, or cannot be read.
    """
    try:
        body = Path(path).read_bytes()
    except FileNotFoundError:
        copy = Copy({}, exists=False)
    except OSError as error:
        raise InvalidValueError("--out", path, f"it cannot be read: {error.strerror}") from error
    else:
        try:
            copy = Copy(copied(read_snapshot(body, name=path, namespace=snapshot.namespace)))
        except MalformedRecordError as error:
            if not force:
                raise InvalidValueError(
                    "--out", path, f"{error.reason}; --force writes over it all the same"
                ) from error
            copy = Copy({}, exists=False)
    found = differences(copy, copied(snapshot))
    lost = loses_most(copy, found)
    if lost is not None and not force:
        raise would_lose_most(path, lost)
    return Synced(path, found, created=not copy.exists)


def write_file(snapshot: Snapshot, path: str) -> int:
    """Write the snapshot to a file, compressed if its name ends in .gz, and return its size in bytes."""
    text = snapshot_text(snapshot)
    body = packed(text) if path.endswith(".gz") else text.encode()
    target = Path(path)
    try:
        handle, made = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
            Path(made).chmod(0o644)  # a function's package needs to be readable
            Path(made).replace(target)
        except OSError:
            Path(made).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InvalidValueError("--out", path, f"it cannot be written: {error.strerror}") from error
    return len(body)
