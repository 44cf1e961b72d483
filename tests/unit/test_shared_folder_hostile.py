"""Whatever else stands where shared entries stand is neither believed nor waited for, and raises nothing."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.stores.shared_folder import MAX_ENTRY_BYTES, SharedFolder
from cloudmap_discovery.testing import FakeClock
from tests.unit.records import json_values

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD = b"what was there"


class Bed:
    """A folder with an entry `users` in it."""

    def __init__(self, parent: Path) -> None:
        self.clock = FakeClock()
        self.folder = SharedFolder(str(parent), about=["services"], clock=self.clock)
        self.path = Path(self.folder._folder)
        self.entry = Path(self.folder._path("users"))
        self.write(OLD)

    def write(self, body: bytes) -> None:
        self.folder.write("users", self.clock.now(), "one", body)

    def read(self) -> bytes | None:
        entry = self.folder.read("users")
        return None if entry is None else entry.body

    def change(self, **header: Any) -> None:
        """Have the header say something else, or, with None, nothing."""
        first, _, body = self.entry.read_bytes().partition(b"\n")
        made = {**json.loads(first), **header}
        made = {field: value for field, value in made.items() if value is not None}
        self.entry.write_bytes(json.dumps(made).encode() + b"\n" + body)


@pytest.fixture
def bed(tmp_path: Path) -> Bed:
    made = Bed(tmp_path)
    assert made.read() == OLD
    return made


def check_that_a_folder_is_not_ours(bed: Bed) -> None:
    assert bed.read() is None
    before = _tree(bed.path.parent)
    bed.write(b"new")
    bed.folder.write("users", bed.clock.now(), "one")
    assert _tree(bed.path.parent) == before


def _tree(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o1777, 0o710, 0o701, 0o740])
def test_a_folder_that_others_may_open_is_not_ours(bed: Bed, mode: int) -> None:
    bed.path.chmod(mode)

    check_that_a_folder_is_not_ours(bed)


def test_a_link_to_a_folder_is_not_ours(bed: Bed) -> None:
    moved = bed.path.rename(bed.path.with_name("moved"))
    bed.path.symlink_to(moved)

    check_that_a_folder_is_not_ours(bed)


def test_a_link_to_nowhere_is_not_followed(bed: Bed) -> None:
    bed.path.rename(bed.path.with_name("moved"))
    bed.path.symlink_to(bed.path.with_name("nowhere"))

    check_that_a_folder_is_not_ours(bed)


def test_a_file_in_the_place_of_the_folder_is_not_ours(bed: Bed) -> None:
    bed.path.rename(bed.path.with_name("moved"))
    bed.path.write_bytes(b"theirs")
    bed.path.chmod(0o700)

    check_that_a_folder_is_not_ours(bed)


def test_a_folder_of_another_user_is_not_ours(bed: Bed) -> None:
    bed.folder._user = os.geteuid() + 1

    check_that_a_folder_is_not_ours(bed)


def a_link(bed: Bed) -> None:
    bed.entry.symlink_to(bed.path / "moved")


def a_pipe(bed: Bed) -> None:
    os.mkfifo(bed.entry, 0o600)


def a_device(bed: Bed) -> None:
    bed.entry.symlink_to("/dev/zero")


def something_huge(bed: Bed) -> None:
    (bed.path / "moved").rename(bed.entry)
    os.truncate(bed.entry, 100 * MAX_ENTRY_BYTES)


def readable_for_a_group(bed: Bed) -> None:
    (bed.path / "moved").rename(bed.entry)
    bed.entry.chmod(0o640)


def writable_for_all(bed: Bed) -> None:
    (bed.path / "moved").rename(bed.entry)
    bed.entry.chmod(0o602)


def empty(bed: Bed) -> None:
    bed.entry.touch(0o600)


@pytest.mark.parametrize(
    "put", [a_link, a_pipe, a_device, something_huge, readable_for_a_group, writable_for_all, empty]
)
def test_an_entry_that_is_something_else_is_not_read_and_is_replaced(bed: Bed, put: Any) -> None:
    moved = bed.entry.rename(bed.path / "moved")
    put(bed)

    assert bed.read() is None
    bed.write(b"new")
    assert bed.read() == b"new"
    assert bed.entry.stat().st_mode & 0o777 == 0o600
    assert not moved.exists() or OLD in moved.read_bytes()


def test_an_entry_of_another_user_is_not_read(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bed.folder, "_is_ours", lambda: True)
    assert bed.read() == OLD

    bed.folder._user = os.geteuid() + 1

    assert bed.read() is None


def test_a_folder_in_the_place_of_an_entry_is_not_read_and_holds_nothing_open(bed: Bed) -> None:
    bed.entry.unlink()
    bed.entry.mkdir(0o700)
    lowest = next(_descriptors())

    assert [bed.read() for _ in range(5)] == [None] * 5
    assert next(_descriptors()) == lowest
    bed.write(b"new")
    assert list(bed.path.iterdir()) == [bed.entry]


def _descriptors() -> Iterator[int]:
    """Give the lowest file descriptor that is not in use."""
    while True:
        handle = os.open(os.devnull, os.O_RDONLY)
        os.close(handle)
        yield handle


def test_half_an_entry_is_not_read_wherever_it_ends(bed: Bed) -> None:
    content = bed.entry.read_bytes()

    for length in range(len(content)):
        bed.entry.write_bytes(content[:length])
        assert bed.read() is None, length


def test_a_body_that_is_not_what_was_written_is_not_read(bed: Bed) -> None:
    content = bed.entry.read_bytes()

    for position in range(content.index(b"\n") + 1, len(content)):
        bed.entry.write_bytes(content[:position] + b"\x00" + content[position + 1 :])
        assert bed.read() is None, position
    bed.entry.write_bytes(content + b"\x00")
    assert bed.read() is None


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("format", 2),
        ("format", "1"),
        ("about", '["others"]'),
        ("about", ["services"]),
        ("name", "orders"),
        ("check", 0),
        ("check", "0"),
        ("sent", float("nan")),
        ("sent", float("inf")),
        ("sent", float("-inf")),
        ("sent", 10**400),
        ("sent", -(10**400)),
        ("sent", True),
        ("sent", "1700000000"),
        ("sent", [1_700_000_000]),
        ("tag", 7),
        ("tag", ["one"]),
        *((field, None) for field in ("format", "about", "name", "check", "sent", "tag")),
    ],
)
def test_an_entry_whose_header_says_something_else_is_not_read(bed: Bed, field: str, wrong: Any) -> None:
    bed.change()
    assert bed.read() == OLD

    bed.change(**{field: wrong})

    assert bed.read() is None


def test_an_entry_from_the_future_is_not_read_until_then(bed: Bed) -> None:
    bed.change(sent=bed.clock.wall() + 1)
    assert bed.read() is None

    bed.clock.advance(1)

    assert bed.read() == OLD


def test_an_entry_under_the_name_of_another_is_not_read(bed: Bed) -> None:
    bed.entry.rename(bed.folder._path("orders"))

    assert bed.folder.read("orders") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"{}\n",
        b"[]\nbody",
        b"null\n",
        b'"text"\n',
        b"7\n",
        b"\xff\n",
        b"[" * 4096,
        b"9" * 4096,
        b"{" * 9000,
    ],
)
def test_a_file_without_a_header_is_not_read(bed: Bed, content: bytes) -> None:
    bed.entry.write_bytes(content)

    assert bed.read() is None
    bed.folder.write("users", bed.clock.now(), "one")
    assert bed.entry.read_bytes() == content


@given(
    st.dictionaries(
        st.sampled_from(["format", "about", "name", "check", "sent", "tag"]), json_values, max_size=3
    )
    | st.binary(max_size=50)
)
def test_nothing_that_stands_in_a_file_raises_anything(wrong: dict[str, Any] | bytes) -> None:
    with tempfile.TemporaryDirectory() as parent:
        bed = Bed(Path(parent))
        if isinstance(wrong, bytes):
            bed.entry.write_bytes(wrong)
        else:
            bed.change(**wrong)

        entry = bed.folder.read("users")

        assert entry is None or (entry.body == OLD and entry.sent.wall <= bed.clock.wall())
        bed.folder.write("users", bed.clock.now(), "one")
