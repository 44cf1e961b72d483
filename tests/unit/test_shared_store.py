"""A store whose answers are shared: what one process was told, another need not ask for, and what it may not rely on."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmap_discovery.clock import Instant
from cloudmap_discovery.errors import MalformedRecordError, ThrottledError
from cloudmap_discovery.model import Instance, PassedOver
from cloudmap_discovery.stores.port import Absent, Found
from cloudmap_discovery.values import replace
from tests.unit.bed import STAGE, key_of, users
from tests.unit.records import instances, values
from tests.unit.shared_bed import EVIL, KEY, RECORD, Process

if TYPE_CHECKING:
    from cloudmap_discovery.model import Key


async def test_what_one_was_told_another_does_not_ask_for_and_it_is_as_old_as_it_is(tmp_path: Path) -> None:
    first, second = Process(tmp_path, users()), Process(tmp_path)
    told = await first.found()
    second.clock.set(second.clock.wall() + 5, monotonic=7)

    said = await second.found()

    assert said.instances == told.instances == (users(),)
    assert (said.sent.wall, second.clock.now().seconds_since(said.sent)) == (told.sent.wall, 5)
    assert (first.was_asked, second.was_asked) == (True, False)


async def test_one_that_is_started_anew_is_answered_by_what_it_was_told_before(tmp_path: Path) -> None:
    await Process(tmp_path, users()).found()

    assert (await Process(tmp_path).found()).instances == (users(),)


async def test_records_come_by_id(tmp_path: Path) -> None:
    records = [users(f"https://{name}.test", id=name) for name in "cab"]

    told = await Process(tmp_path, *records).found()
    said = await Process(tmp_path).found()

    assert [record.id for record in said.instances] == ["a", "b", "c"]
    assert said.instances == told.instances


ours = instances("users", st.just(STAGE))


@settings(max_examples=30)
@given(
    st.lists(
        ours | st.builds(lambda record, id_: replace(record, id=id_), ours, values),
        min_size=1,
        max_size=4,
        unique_by=lambda record: record.id,
    )
)
async def test_every_field_of_a_record_is_shared(records: list[Instance]) -> None:
    with tempfile.TemporaryDirectory() as parent:
        told = await Process(Path(parent), *records).found()
        second = Process(Path(parent))
        said = await second.found()

    assert said == told
    assert not second.was_asked


async def test_a_whole_record_is_shared(tmp_path: Path) -> None:
    record = users(
        version="1.0.0",
        tenant="acme",
        variant="blue",
        weight=0,
        attributes={"color": "blue"},
        owner="ci",
        owner_ref="users",
        registered_at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
        id="others",
    )
    await Process(tmp_path, record).fetch()

    assert (await Process(tmp_path).found()).instances == (record,)


@pytest.mark.parametrize("mirrored", [True, False])
async def test_a_projection_of_cloud_map_stays_one(tmp_path: Path, *, mirrored: bool) -> None:
    await Process(tmp_path, users(), name="ssm", mirrored=mirrored).fetch()

    assert (await Process(tmp_path, name="ssm").found()).mirrored == mirrored


async def test_it_is_good_for_nine_tenths_of_its_time_and_no_longer(tmp_path: Path) -> None:
    first, second = Process(tmp_path, users()), Process(tmp_path, users("https://new.test"))
    told = await first.found()
    second.clock.advance(54)
    assert (await second.found()).sent == told.sent
    assert not second.was_asked

    second.clock.advance(0.01)
    said = await second.found()

    assert said == Found((users("https://new.test"),), second.clock.now())
    first.clock.advance(55)
    assert (await first.found()).instances == said.instances
    assert len(first.inner.asked) == 1


async def test_a_process_whose_clock_is_behind_asks_for_itself(tmp_path: Path) -> None:
    first, second = Process(tmp_path, users()), Process(tmp_path)
    await first.fetch()
    second.clock.advance(-1)

    assert await second.fetch() == Absent()


@pytest.mark.parametrize(("later", "is_asked"), [(-1, False), (0, True), (1, True)])
async def test_one_who_wants_something_newer_asks_for_it_and_shares_that(
    tmp_path: Path, later: float, *, is_asked: bool
) -> None:
    first, second = Process(tmp_path, users()), Process(tmp_path, users("https://new.test"))
    sent = (await first.found()).sent
    second.clock.advance(3)
    first.clock.advance(4)

    said = await second.found(since=Instant(sent.wall + later, sent.monotonic + later))

    expected = (users("https://new.test"),) if is_asked else (users(),)
    assert (second.was_asked, said.instances) == (is_asked, expected)
    assert (await first.found()).instances == expected


async def test_absences_are_for_everyone_to_see_for_himself(tmp_path: Path) -> None:
    assert await Process(tmp_path).fetch() == Absent()
    second = Process(tmp_path, users())

    assert (await second.found()).instances == (users(),)
    assert second.was_asked


async def test_an_absence_leaves_what_others_share(tmp_path: Path) -> None:
    first, second = Process(tmp_path, users()), Process(tmp_path)
    await first.fetch()

    assert await second.fetch(since=second.clock.now()) == Absent()
    assert isinstance(await second.fetch(), Found)


async def test_failures_are_for_everyone_to_see_for_himself(tmp_path: Path) -> None:
    first, second = Process(tmp_path, users()), Process(tmp_path, users())
    first.inner.failure = ThrottledError("too many requests")

    with pytest.raises(ThrottledError) as caught:
        await first.fetch()

    assert caught.value.store == "cloudmap"
    assert (await second.found()).instances == (users(),)
    assert second.was_asked


async def test_what_was_skipped_is_for_everyone_to_see_for_himself(tmp_path: Path) -> None:
    first, second = Process(tmp_path, users()), Process(tmp_path, users())
    first.inner.passed_over = (PassedOver("bad", "it has no address"),)

    assert (await first.found()).passed_over == first.inner.passed_over

    await second.fetch()
    assert second.was_asked


@pytest.mark.parametrize("other", [key_of("orders"), key_of(stage="Staging"), key_of(stage="-")])
async def test_only_who_asks_for_the_same_shares_it(tmp_path: Path, other: Key) -> None:
    await Process(tmp_path, users()).fetch()
    second = Process(tmp_path)

    assert await second.fetch(other) == Absent()
    assert second.was_asked


async def test_the_answers_of_one_store_are_not_those_of_another(tmp_path: Path) -> None:
    await Process(tmp_path, users()).fetch()
    second = Process(tmp_path, name="ssm")

    assert await second.fetch() == Absent()
    assert second.store.name == "ssm"


async def test_endpoints_that_are_not_allowed_are_passed_over_whoever_shares_them(tmp_path: Path) -> None:
    process = Process(tmp_path, allowed_endpoints=("users.test",))
    process.share({"mirrored": False, "instances": [RECORD, EVIL]})

    said = await process.found()

    assert said.instances == (users(),)
    assert ["evil.test" in one.reason for one in said.passed_over] == [True]


async def test_where_nothing_that_is_shared_is_allowed_the_store_is_asked(tmp_path: Path) -> None:
    process = Process(tmp_path, users(), allowed_endpoints=("users.test",))
    process.share({"mirrored": False, "instances": [EVIL]})

    assert (await process.found()).instances == (users(),)


async def test_where_nothing_can_be_shared_the_store_answers(tmp_path: Path) -> None:
    process = Process(tmp_path / "missing", users())

    assert [(await process.found()).instances for _ in range(2)] == [(users(),)] * 2
    assert len(process.inner.asked) == 2


async def test_a_store_whose_records_are_all_unusable_fails_as_ever(tmp_path: Path) -> None:
    process = Process(tmp_path)
    process.inner.passed_over = (PassedOver("bad", "it has no address"),)

    with pytest.raises(MalformedRecordError, match="it has no address"):
        await process.fetch()


async def test_what_the_inner_store_keeps_is_kept(tmp_path: Path) -> None:
    process = Process(tmp_path, users())
    kept = await process.found()
    process.inner.kept = lambda key: kept if key == KEY else None  # type: ignore[method-assign, assignment]  # a fake keeps nothing

    assert process.store.kept(KEY) is kept
    assert process.store.kept(key_of("orders")) is None
