"""A folder in which the processes of one environment share what they read; whoever else may write there is not believed."""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.clock import Instant
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudmap_discovery.clock import Clock

FORMAT: Final = 1
MAX_ENTRY_BYTES: Final = 8 * 1024 * 1024
MAX_ENTRIES: Final = 512
MAX_TOTAL_BYTES: Final = 64 * 1024 * 1024

_OWNER_ONLY: Final = 0o077
_MAX_HEADER_BYTES: Final = 4096
_SUFFIX: Final = ".shared"
# What a process leaves behind that was killed while it wrote.
_ABANDONED_SECONDS: Final = 60.0


@value
class SharedEntry:
    """Something that was read: when it was asked for, a tag that tells versions apart, and its bytes."""

    sent: Instant
    tag: str
    body: bytes


class SharedFolder:
    """Keeps entries by name, for processes that agree in `about`, in a folder of `parent` that only this user may open.

    Nothing here raises: what cannot be read or written is not shared, and what is not as it should be (a link,
    another owner, half a file, a time that is still to come) is not believed. Times are those of the wall clock, which
    all processes of a machine have in common. Methods block.
    """

    def __init__(self, parent: str, *, about: Sequence[str | None], clock: Clock) -> None:
        self._about = json.dumps(about)
        self._clock = clock
        self._user = os.geteuid() if hasattr(os, "geteuid") else None
        self._folder = os.path.join(parent, f"cloudmap-discovery-{self._user}")  # noqa: PTH118 -- see below

    def read(self, name: str, since: Instant | None = None) -> SharedEntry | None:
        """Return the entry, or None where there is none of after `since` that can be believed."""
        if not self._is_ours():
            return None
        try:
            content = self._content(self._path(name))
            header, _, body = content.partition(b"\n")
            about = json.loads(header[:_MAX_HEADER_BYTES])
            entry = self._entry(about, name, body)
        except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None
        is_newer = since is None or (entry is not None and entry.sent.wall > since.wall)
        return entry if is_newer else None

    def write(self, name: str, sent: Instant, tag: str, body: bytes | None = None) -> None:
        """Keep the entry; without a body, the one that is there with this tag is of `sent` from now on."""
        present = self.read(name)
        if present is not None and present.sent.wall > sent.wall:
            return  # another process has asked later
        if body is None:
            if present is None or present.tag != tag:
                return
            body = present.body
        if self._user is None or len(body) > MAX_ENTRY_BYTES:
            return
        header = {
            "format": FORMAT,
            "about": self._about,
            "name": name,
            "sent": sent.wall,
            "tag": tag,
            "check": zlib.crc32(body),
        }
        with suppress(OSError, ValueError):
            with suppress(FileExistsError):
                os.mkdir(self._folder, 0o700)  # noqa: PTH102 -- pathlib takes milliseconds to import
            if self._is_ours():
                self._replace(self._path(name), json.dumps(header).encode() + b"\n" + body)
                self._tidy()

    def _entry(self, about: Any, name: str, body: bytes) -> SharedEntry | None:
        expected = {"format": FORMAT, "about": self._about, "name": name, "check": zlib.crc32(body)}
        if any(about[field] != wanted for field, wanted in expected.items()):
            return None
        sent, tag, now = about["sent"], about["tag"], self._clock.now()
        if isinstance(sent, bool) or not isinstance(sent, (int, float)) or not isinstance(tag, str):
            return None
        age = now.wall - sent
        if not 0 <= age < math.inf:  # also where it is no number
            return None
        return SharedEntry(Instant(sent, now.monotonic - age), tag, body)

    def _path(self, name: str) -> str:
        digest = hashlib.sha256(f"{self._about}{name}".encode()).hexdigest()
        return os.path.join(self._folder, digest[:40] + _SUFFIX)  # noqa: PTH118 -- pathlib takes milliseconds to import

    def _is_ours(self) -> bool:
        if self._user is None:
            return False
        try:
            found = os.lstat(self._folder)
        except OSError:
            return False
        return stat.S_ISDIR(found.st_mode) and self._is_private(found)

    def _is_private(self, found: os.stat_result) -> bool:
        return found.st_uid == self._user and not found.st_mode & _OWNER_ONLY

    def _content(self, path: str) -> bytes:
        with open(path, "rb", opener=_opened) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or not self._is_private(found):
                raise ValueError(path)
            content = file.read(MAX_ENTRY_BYTES + _MAX_HEADER_BYTES + 1)
        if len(content) > MAX_ENTRY_BYTES + _MAX_HEADER_BYTES:
            raise ValueError(path)
        return content

    @staticmethod
    def _replace(path: str, content: bytes) -> None:
        made = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
        handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with open(handle, "wb") as file:  # noqa: PTH123 -- pathlib takes milliseconds to import
                file.write(content)
            os.replace(made, path)  # noqa: PTH105 -- the same
        except OSError:
            with suppress(OSError):
                os.unlink(made)  # noqa: PTH108 -- the same
            raise

    def _tidy(self) -> None:
        """Remove what was left behind, and the oldest of what is too much."""
        entries = []
        with os.scandir(self._folder) as found:
            for entry in found:
                with suppress(OSError):
                    about = entry.stat(follow_symlinks=False)
                    age = self._clock.wall() - about.st_mtime
                    if entry.name.endswith(_SUFFIX):
                        entries.append((about.st_mtime, about.st_size, entry.path))
                    elif age > _ABANDONED_SECONDS:
                        os.unlink(entry.path)  # noqa: PTH108 -- pathlib takes milliseconds to import
        entries.sort(reverse=True)
        total = 0
        for number, (_, size, path) in enumerate(entries, 1):
            total += size
            if number > MAX_ENTRIES or total > MAX_TOTAL_BYTES:
                with suppress(OSError):
                    os.unlink(path)  # noqa: PTH108 -- the same


def _opened(path: str, flags: int) -> int:
    # Neither follow a link nor wait for who writes into a pipe.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
