"""A folder that processes share: what one writes another reads, within bounds, and nothing that goes wrong is raised."""

from __future__ import annotations

import os
import resource
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.clock import Instant
from cloudmap_discovery.stores import shared_folder
from cloudmap_discovery.stores.shared_folder import MAX_ENTRY_BYTES, SharedFolder
from cloudmap_discovery.testing import FakeClock
from tests.unit.programs import output_of

if TYPE_CHECKING:
    from collections.abc import Sequence

ABOUT = ("services", "eu-central-1", None)


class Bed:
    """A folder, and entries of the one name `users` in it."""

    def __init__(self, parent: Path) -> None:
        self.parent = parent
        self.clock = FakeClock()
        self.folder = self.another()

    def another(self, clock: FakeClock | None = None, about: Sequence[str | None] = ABOUT) -> SharedFolder:
        """Return the folder as another process sees it."""
        return SharedFolder(str(self.parent), about=about, clock=clock or self.clock)

    @property
    def path(self) -> Path:
        return Path(self.folder._folder)

    def entry(self, name: str = "users") -> Path:
        return Path(self.folder._path(name))

    def write(
        self, body: bytes | None = b"body", *, name: str = "users", tag: str = "one", ago: float = 0
    ) -> None:
        now = self.clock.now()
        self.folder.write(name, Instant(now.wall - ago, now.monotonic - ago), tag, body)

    def body(self, name: str = "users") -> bytes | None:
        entry = self.another().read(name)
        return None if entry is None else entry.body

    def names(self) -> set[str]:
        return {found.name for found in self.path.iterdir()}


@pytest.fixture
def bed(tmp_path: Path) -> Bed:
    return Bed(tmp_path)


@pytest.mark.parametrize("body", [b"", b"body", b"\n\n\x00\xff{}\n", bytes(100_000)])
def test_what_one_wrote_another_reads_as_old_as_it_is_on_his_clocks(bed: Bed, body: bytes) -> None:
    bed.write(body, ago=7)
    bed.clock.advance(3)
    clock = FakeClock(bed.clock.wall(), monotonic=99)

    entry = bed.another(clock).read("users")

    assert entry == shared_folder.SharedEntry(Instant(clock.wall() - 10, 89), "one", body)
    assert clock.now().seconds_since(entry.sent) == 10


def test_what_was_not_written_is_not_there(bed: Bed) -> None:
    assert bed.folder.read("users") is None
    bed.write()

    assert bed.folder.read("orders") is None


def test_what_is_written_again_is_replaced(bed: Bed) -> None:
    bed.write(b"a longer one")
    bed.write(b"new", tag="two")

    entry = bed.another().read("users")

    assert entry is not None
    assert (entry.tag, entry.body) == ("two", b"new")
    assert len(bed.names()) == 1


@pytest.mark.parametrize(
    "about",
    [("services", "eu-central-1", "None"), ("services", "eu-central-1"), ("others", "eu-central-1", None)],
)
def test_those_who_do_not_agree_in_what_it_is_about_share_nothing(
    bed: Bed, about: Sequence[str | None]
) -> None:
    bed.write()
    another = bed.another(about=about)

    assert another.read("users") is None
    another.write("users", bed.clock.now(), "", b"other")
    assert bed.body() == b"body"


def test_the_folder_and_its_files_are_for_nobody_else_whatever_the_umask(bed: Bed) -> None:
    before = os.umask(0)
    try:
        bed.write()
    finally:
        os.umask(before)

    assert stat.S_IMODE(bed.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(bed.entry().stat().st_mode) == 0o600


@pytest.mark.parametrize(("later", "is_there"), [(-1, True), (0, False), (1, False)])
def test_only_what_was_sent_for_after_a_moment_is_read_if_so_asked(
    bed: Bed, later: float, *, is_there: bool
) -> None:
    bed.write(ago=10)
    now = bed.clock.now()

    entry = bed.folder.read("users", Instant(now.wall - 10 + later, now.monotonic - 10 + later))

    assert (entry is not None) == is_there


def test_what_has_not_changed_is_renewed_without_being_written_again(bed: Bed) -> None:
    bed.write(ago=50)
    bed.write(None, ago=2)

    entry = bed.another().read("users")

    assert entry is not None
    assert (entry.tag, entry.body) == ("one", b"body")
    assert bed.clock.now().seconds_since(entry.sent) == 2


def test_what_another_has_changed_meanwhile_is_not_renewed(bed: Bed) -> None:
    bed.write(ago=50)
    before = bed.entry().read_bytes()

    bed.write(None, tag="two")

    assert bed.entry().read_bytes() == before


def test_what_is_not_there_is_not_renewed(bed: Bed) -> None:
    bed.write(None)
    assert bed.body() is None
    bed.write(name="orders")
    bed.write(None)

    assert bed.names() == {bed.entry("orders").name}


def test_a_large_entry_is_shared_and_one_that_is_too_large_is_not(bed: Bed) -> None:
    bed.write(bytes(MAX_ENTRY_BYTES))
    bed.write(b"x" * (MAX_ENTRY_BYTES + 1))

    assert bed.body() == bytes(MAX_ENTRY_BYTES)


def test_what_was_asked_for_earlier_does_not_replace_what_was_asked_for_later(bed: Bed) -> None:
    bed.write(b"later", name="it")
    earlier = Instant(bed.clock.wall() - 10, bed.clock.monotonic() - 10)

    bed.folder.write("it", earlier, "", b"earlier")

    entry = bed.folder.read("it")
    assert entry is not None
    assert entry.body == b"later"


def test_the_oldest_go_where_there_are_too_many(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_folder, "MAX_ENTRIES", 3)
    for age, name in enumerate(["new", "older", "oldest"]):
        bed.write(name=name)
        os.utime(bed.entry(name), (1000 - age, 1000 - age))
    assert len(bed.names()) == 3

    bed.write(name="newest")

    assert bed.names() == {bed.entry(name).name for name in ("newest", "new", "older")}


def test_the_oldest_go_where_they_are_too_large_together(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    for age, name in enumerate("cba"):
        bed.write(bytes(1000), name=name)
        os.utime(bed.entry(name), (1000 - age, 1000 - age))
    monkeypatch.setattr(shared_folder, "MAX_TOTAL_BYTES", 3 * bed.entry("a").stat().st_size)

    bed.write(bytes(1000), name="d")

    assert bed.names() == {bed.entry(name).name for name in "bcd"}


def test_what_a_process_left_behind_that_was_killed_goes_after_a_minute(bed: Bed) -> None:
    bed.write()
    for seconds in (59, 61):
        made = bed.path / f"{bed.entry().name}.{seconds}.abcd"
        made.write_bytes(b"half")
        os.utime(made, (bed.clock.wall() - seconds,) * 2)
    (bed.path / "folder").mkdir()
    os.utime(bed.path / "folder", (0, 0))

    bed.write()

    assert bed.names() == {bed.entry().name, f"{bed.entry().name}.59.abcd", "folder"}


@pytest.mark.parametrize("parent", ["missing", "file", "/proc"])
def test_where_no_folder_can_be_made_nothing_is_shared_and_nothing_raised(
    tmp_path: Path, parent: str
) -> None:
    (tmp_path / "file").write_bytes(b"")
    bed = Bed(tmp_path / parent)

    bed.write()
    bed.write(None)

    assert bed.body() is None
    assert (tmp_path / "file").read_bytes() == b""


def test_where_the_disk_is_full_what_was_there_stays_and_nothing_is_left_behind(bed: Bed) -> None:
    bed.write()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        bed.write(bytes(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    assert bed.body() == b"body"
    assert bed.names() == {bed.entry().name}


def test_a_system_without_users_shares_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "geteuid")
    bed = Bed(tmp_path)

    bed.write()

    assert bed.body() is None
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_any_length_raises_nothing(bed: Bed) -> None:
    names: list[Any] = ["x" * 10_000, "\ud800", "\x00", "../../x", ""]
    for name in names:
        bed.write(name.encode(errors="replace"), name=name)

    assert [bed.body(name) for name in names] == [None, None, b"\x00", b"../../x", b""]
    assert set(bed.parent.iterdir()) == {bed.path}


def test_processes_that_write_at_once_never_read_half_of_anything(tmp_path: Path) -> None:
    program = f"""
    import hashlib
    from cloudmap_discovery.testing import FakeClock
    from cloudmap_discovery.stores.shared_folder import SharedFolder

    def check(which):
        clock, seen = FakeClock(), set()
        folder = SharedFolder({str(tmp_path)!r}, about=[], clock=clock)
        for number in range(300):
            text = os.urandom(number * 50 + which)
            folder.write("users", clock.now(), str(which), hashlib.sha256(text).digest() + text)
            for _ in range(2):
                entry = folder.read("users")
                assert entry is not None
                assert hashlib.sha256(entry.body[32:]).digest() == entry.body[:32]
                seen.add(entry.tag)
        return seen

    children, (waiting, started) = [], os.pipe()
    for which in range(4):
        child = os.fork()
        if child == 0:
            try:
                os.close(started)
                os.read(waiting, 1)
                seen = check(which)
                print(len(seen), flush=True)
            except BaseException as error:
                print(repr(error), flush=True)
            os._exit(0)
        children.append(child)
    os.close(started)
    for child in children:
        os.waitpid(child, 0)
    """

    said = output_of(program).split("\n")[:-1]

    assert len(said) == 4
    assert all(one.isdigit() for one in said), said
    # They did meet: at least one has read what another wrote.
    assert max(int(one) for one in said) > 1
    assert len(list(next(tmp_path.iterdir()).iterdir())) == 1
