"""A file as a store: what a packaged snapshot answers, and what is said where it is none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import MalformedRecordError, StoreError
from cloudmap_discovery.model import Instance, Key
from cloudmap_discovery.snapshots import MAX_BYTES
from cloudmap_discovery.stores.file import FileStore
from cloudmap_discovery.stores.port import Absent, Found
from cloudmap_discovery.testing import FakeClock
from tests.unit.bed import NAMESPACE, STAGE, key_of, users
from tests.unit.snapshot_records import snapshot_of

if TYPE_CHECKING:
    from pathlib import Path

    from cloudmap_discovery.stores.port import Store

ORDERS = Instance("orders", "https://orders.test", "-", version="1.2.0", tenant="acme", owner="ci")
HOUR = 3600.0


class Bed:
    """A store over a file of these records, an hour after it was checked."""

    def __init__(self, folder: Path, *instances: Instance, ago: float = HOUR, **options: Any) -> None:
        self.clock = FakeClock()
        self.path = folder / "snapshot.json"
        self.path.write_bytes(snapshot_of(*instances, checked_at=self.clock.wall() - ago))
        self.options = options

    def store(self) -> FileStore:
        return FileStore(str(self.path), namespace=NAMESPACE, clock=self.clock, **self.options)

    async def failure(self, store: FileStore | None = None, key: Key | None = None) -> StoreError:
        with pytest.raises(MalformedRecordError) as caught:
            await fetch(store or self.store(), key or key_of())
        return caught.value


async def fetch(store: FileStore, key: Key | None = None) -> Found | Absent:
    return await store.fetch(key or key_of(), timeout_seconds=1)


async def found(store: FileStore, key: Key | None = None) -> Found:
    said = await fetch(store, key)
    assert isinstance(said, Found)
    return said


async def test_what_is_found_came_with_the_function_and_is_as_old_as_its_last_check(tmp_path: Path) -> None:
    bed = Bed(tmp_path, users(), ORDERS)

    said = await found(bed.store())
    other = await found(bed.store(), key_of("orders", "-"))

    assert said == Found((users(),), bed.clock.now(), mirrored=True, packaged=True, behind_seconds=HOUR)
    assert other.instances == (ORDERS,)


async def test_it_becomes_older_while_the_process_lives(tmp_path: Path) -> None:
    bed = Bed(tmp_path, users())
    store = bed.store()
    await found(store)
    bed.clock.advance(100)

    said = await found(store)

    assert (said.behind_seconds, said.sent) == (HOUR + 100, bed.clock.now())


async def test_a_file_that_was_checked_a_moment_from_now_is_not_behind(tmp_path: Path) -> None:
    assert (await found(Bed(tmp_path, users(), ago=-200).store())).behind_seconds == 0


@pytest.mark.parametrize(("service", "stage"), [("nobody", STAGE), ("users", "Staging"), ("users", "-")])
async def test_what_the_file_does_not_hold_is_absent(tmp_path: Path, service: str, stage: str) -> None:
    assert await fetch(Bed(tmp_path, users()).store(), key_of(service, stage)) == Absent()


@pytest.mark.parametrize("is_loaded", [True, False])
async def test_the_file_is_read_once(tmp_path: Path, *, is_loaded: bool) -> None:
    bed = Bed(tmp_path, users())
    store = bed.store()
    if is_loaded:
        store.load()
    else:
        await fetch(store)
    bed.path.unlink()
    store.load()

    assert (await found(store)).instances == (users(),)


async def test_several_that_wait_for_the_first_read_are_all_answered(tmp_path: Path) -> None:
    store = Bed(tmp_path, users()).store()

    said = await asyncio.gather(*(found(store) for _ in range(5)))

    assert {one.instances for one in said} == {(users(),)}


async def test_a_plain_file_is_read_as_well(tmp_path: Path) -> None:
    bed = Bed(tmp_path)
    bed.path.write_text(
        '{"format": 1, "namespace": "services", "generated_at": "2023-01-01", "checked_at": "2023-01-01T00:00:00Z",'
        ' "instances": [{"service": "users", "stage": "Production", "endpoint": "https://users.test"}]}'
    )

    assert (await found(bed.store())).instances == (users(),)


async def test_a_missing_file_fails_and_says_where_it_should_be_and_who_says_so(tmp_path: Path) -> None:
    bed = Bed(tmp_path)
    bed.path.unlink()

    error = await bed.failure()

    assert str(error) == (
        f"{bed.path}: it cannot be read (No such file or directory): check DISCOVERY_SNAPSHOT_FILE"
    )
    assert (error.store, error.retryable, error.unhealthy) == ("file", False, False)
    assert isinstance(error.__cause__, FileNotFoundError)


async def test_a_file_that_cannot_be_read_fails(tmp_path: Path) -> None:
    bed = Bed(tmp_path)
    bed.path.unlink()
    bed.path.mkdir()  # for root, modes forbid nothing

    error = await bed.failure()

    assert str(bed.path) in str(error)
    assert "(Is a directory): check DISCOVERY_SNAPSHOT_FILE" in str(error)


async def test_a_file_that_failed_once_fails_for_good(tmp_path: Path) -> None:
    bed = Bed(tmp_path, users())
    good = bed.path.read_bytes()
    bed.path.write_bytes(b"")
    store = bed.store()
    store.load()
    bed.path.write_bytes(good)
    store.load()

    assert "no snapshot" in str(await bed.failure(store))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "it is no snapshot, or only half of one"),
        (b"<html>", "it is no snapshot"),
        (b"[]", "it is JSON, but not a snapshot: it has no format"),
        (b'{"format": 2}', "its format is 2"),
        (b'{"format": 1, "namespace": "others"}', "it is of the namespace 'others', not of 'services'"),
        (b" " * (MAX_BYTES + 2), f"it has more than {MAX_BYTES} bytes"),
    ],
    ids=["empty", "html", "list", "format", "namespace", "huge"],
)
async def test_a_file_that_is_no_snapshot_fails_and_is_named(
    tmp_path: Path, body: bytes, reason: str
) -> None:
    bed = Bed(tmp_path)
    bed.path.write_bytes(body)

    error = await bed.failure()

    assert str(error).startswith(f"{bed.path}: {reason}")
    assert error.store == "file"


async def test_a_file_that_is_too_old_fails_also_where_it_became_so_meanwhile(tmp_path: Path) -> None:
    bed = Bed(tmp_path, users(), max_age_seconds=HOUR + 10)
    store = bed.store()
    bed.clock.advance(10)
    assert (await found(store)).behind_seconds == HOUR + 10
    bed.clock.advance(1)

    error = await bed.failure(store)

    assert str(error).startswith(f"{bed.path}: it was last compared with Cloud Map 1.0 hours ago")
    assert error.store == "file"


async def test_a_file_of_any_age_is_used_where_no_age_is_set(tmp_path: Path) -> None:
    assert (await found(Bed(tmp_path, users(), ago=1e9).store())).behind_seconds == 1e9


async def test_a_file_from_the_future_fails(tmp_path: Path) -> None:
    assert "in the future" in str(await Bed(tmp_path, users(), ago=-301).failure())


async def test_endpoints_that_are_not_allowed_are_passed_over(tmp_path: Path) -> None:
    evil = users("https://evil.test", variant="evil")
    bed = Bed(tmp_path, users(), evil, ORDERS, allowed_endpoints=("users.test",))

    said = await found(bed.store())
    error = await bed.failure(key=key_of("orders", "-"))

    assert said.instances == (users(),)
    assert [one.record for one in said.passed_over] == [evil.id]
    assert f"service 'orders' in {bed.path}: none of its 1 record(s) is usable" in str(error)
    assert error.store == "file"


@pytest.mark.parametrize("kind", ["missing", "malformed", "old", "refused"])
async def test_each_caller_gets_an_error_of_its_own(tmp_path: Path, kind: str) -> None:
    options: dict[str, dict[str, Any]] = {
        "old": {"max_age_seconds": 1.0},
        "refused": {"allowed_endpoints": ("nobody",)},
    }
    bed = Bed(tmp_path, users(), **options.get(kind, {}))
    if kind == "malformed":
        bed.path.write_bytes(b"{")
    elif kind == "missing":
        bed.path.unlink()
    store = bed.store()

    first, second = await bed.failure(store), await bed.failure(store)

    assert first is not second
    assert (type(first), first.args, first.store) == (type(second), second.args, "file")


async def test_a_remembered_failure_does_not_keep_what_was_read(tmp_path: Path) -> None:
    bed = Bed(tmp_path)
    bed.path.write_bytes(b"{")
    store = bed.store()

    await bed.failure(store)

    remembered = store._read
    assert isinstance(remembered, MalformedRecordError)
    assert remembered.__traceback__ is None
    assert remembered.__cause__ is not None
    assert remembered.__cause__.__traceback__ is None


def test_nothing_is_kept_apart(tmp_path: Path) -> None:
    store = Bed(tmp_path, users()).store()
    store.load()
    as_any: Store = store

    assert as_any.kept(key_of()) is None
