"""The ladder of stores, rule by rule, with words put into the stores' mouths."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.clock import Instant
from cloudmap_discovery.errors import AccessDeniedError, StoreError, StoreTimeoutError
from cloudmap_discovery.freshness import HeldAnswer, Standing
from cloudmap_discovery.ladder import (
    Answered,
    Climbed,
    Failed,
    Ladder,
    Missed,
    Said,
    Unavailable,
    passed_over,
)
from cloudmap_discovery.model import PassedOver
from cloudmap_discovery.stores.port import Absent, Found
from cloudmap_discovery.testing import FakeStore
from tests.unit.bed import users

if TYPE_CHECKING:
    from cloudmap_discovery.stores.port import Store

SENT = Instant(0.0, 0.0)
FOUND = Found((users(),), SENT)
MIRRORED = Found((users(),), SENT, mirrored=True)
ABSENT = Absent()
DENIED = Failed(AccessDeniedError("denied", store="denied"))
SLOW = Failed(StoreTimeoutError("too slow", store="slow"))
OF_AUTHORITY = HeldAnswer((users(),), "cloudmap", SENT, 60.0)
BY_HAND = HeldAnswer((users(),), "ssm", SENT, 60.0, Standing.BY_HAND)
PROVISIONAL = HeldAnswer((users(),), "ssm", SENT, 60.0, Standing.PROVISIONAL)


@dataclass
class Climb:
    """One climb over the stores, each of which says what it is told to."""

    says: dict[str, Said]
    authority: str = "cloudmap"
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def ask(self, store: Store, others: int) -> Said:
        self.asked.append((store.name, others))
        return self.says[store.name]

    async def climb(self, held: HeldAnswer | None = None, *, authority_first: bool = False) -> Climbed:
        ladder = Ladder([FakeStore(name) for name in self.says], authority=self.authority)
        return await ladder.climb(self.ask, held, authority_first=authority_first)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.asked]


def causes(*said: Said) -> tuple[StoreError, ...]:
    return tuple(word.error for word in said if isinstance(word, Failed))


async def test_what_the_authority_finds_is_the_answer() -> None:
    climb = Climb({"cloudmap": FOUND, "ssm": FOUND})

    assert await climb.climb() == Answered(FOUND, "cloudmap", Standing.AUTHORITY)
    assert climb.names == ["cloudmap"]


async def test_a_store_before_the_authority_that_finds_it_ends_the_climb() -> None:
    climb = Climb({"ssm": MIRRORED, "cloudmap": FOUND})

    assert await climb.climb() == Answered(MIRRORED, "ssm", Standing.AUTHORITY)
    assert climb.names == ["ssm"]


@pytest.mark.parametrize("said", [ABSENT, DENIED])
async def test_a_store_before_the_authority_that_has_or_says_nothing_passes_it_on(said: Said) -> None:
    climb = Climb({"ssm": said, "cloudmap": FOUND})

    assert await climb.climb() == Answered(FOUND, "cloudmap", Standing.AUTHORITY)


async def test_stores_before_the_authority_are_asked_in_order() -> None:
    climb = Climb({"file": ABSENT, "s3": DENIED, "cloudmap": ABSENT, "ssm": ABSENT})

    await climb.climb()

    assert climb.asked == [("file", 3), ("s3", 2), ("cloudmap", 1), ("ssm", 0)]


async def test_a_refresh_after_a_report_or_a_mismatch_skips_the_stores_before_the_authority() -> None:
    climb = Climb({"s3": FOUND, "cloudmap": ABSENT, "ssm": ABSENT})

    climbed = await climb.climb(OF_AUTHORITY, authority_first=True)

    assert climbed == Missed(("cloudmap", "ssm"), "", ())
    assert climb.names == ["cloudmap", "ssm"]


async def test_where_the_authority_says_absent_what_people_put_into_a_fallback_is_the_answer() -> None:
    climb = Climb({"cloudmap": ABSENT, "ssm": FOUND})

    assert await climb.climb(OF_AUTHORITY) == Answered(FOUND, "ssm", Standing.BY_HAND)


async def test_where_the_authority_says_absent_mirrored_values_do_not_count() -> None:
    climb = Climb({"cloudmap": ABSENT, "ssm": MIRRORED, "file": FOUND})

    assert await climb.climb() == Answered(FOUND, "file", Standing.BY_HAND)
    assert climb.names == ["cloudmap", "ssm", "file"]


@pytest.mark.parametrize("ssm", [ABSENT, MIRRORED])
async def test_nothing_by_hand_either_is_a_miss_that_names_the_stores_and_the_detail(ssm: Said) -> None:
    climb = Climb({"s3": ABSENT, "cloudmap": Absent(detail="there is no namespace"), "ssm": ssm})

    assert await climb.climb() == Missed(("s3", "cloudmap", "ssm"), "there is no namespace", ())


@pytest.mark.parametrize("held", [None, OF_AUTHORITY, PROVISIONAL])
async def test_a_fallback_that_fails_after_absence_adds_its_cause_and_changes_nothing(
    held: HeldAnswer | None,
) -> None:
    climb = Climb({"cloudmap": ABSENT, "ssm": SLOW})

    assert await climb.climb(held) == Missed(("cloudmap", "ssm"), "", causes(SLOW))


async def test_a_store_before_the_authority_that_failed_adds_its_cause_to_a_miss() -> None:
    climb = Climb({"s3": SLOW, "cloudmap": ABSENT, "ssm": DENIED})

    assert await climb.climb() == Missed(("s3", "cloudmap", "ssm"), "", causes(SLOW, DENIED))


async def test_a_fallback_that_fails_does_not_take_away_what_it_told_earlier() -> None:
    climb = Climb({"cloudmap": ABSENT, "ssm": SLOW, "file": ABSENT})

    assert await climb.climb(BY_HAND) == Unavailable(causes(SLOW))


async def test_where_the_authority_fails_and_its_answer_is_held_no_fallback_is_asked() -> None:
    climb = Climb({"cloudmap": DENIED, "ssm": FOUND})

    assert await climb.climb(OF_AUTHORITY) == Unavailable(causes(DENIED))
    assert climb.names == ["cloudmap"]


@pytest.mark.parametrize("held", [None, PROVISIONAL])
@pytest.mark.parametrize("said", [FOUND, MIRRORED])
async def test_where_the_authority_fails_and_nothing_of_it_is_held_fallbacks_answer_mirrors_included(
    held: HeldAnswer | None, said: Found
) -> None:
    climb = Climb({"cloudmap": DENIED, "ssm": said})

    assert await climb.climb(held) == Answered(said, "ssm", Standing.PROVISIONAL, causes(DENIED))


async def test_where_the_authority_fails_fallbacks_are_asked_in_order_until_one_has_it() -> None:
    climb = Climb({"cloudmap": DENIED, "ssm": SLOW, "s3": ABSENT, "file": FOUND})

    climbed = await climb.climb()

    assert climbed == Answered(FOUND, "file", Standing.PROVISIONAL, causes(DENIED, SLOW))
    assert climb.asked == [("cloudmap", 3), ("ssm", 2), ("s3", 1), ("file", 0)]


async def test_where_no_store_has_it_and_the_authority_failed_every_cause_is_told() -> None:
    climb = Climb({"s3": DENIED, "cloudmap": SLOW, "ssm": DENIED})

    assert await climb.climb() == Unavailable(causes(DENIED, SLOW, DENIED))


async def test_a_failing_authority_is_unavailable_where_fallbacks_do_not_have_the_key() -> None:
    climb = Climb({"cloudmap": SLOW, "ssm": ABSENT})

    assert await climb.climb() == Unavailable(causes(SLOW))


async def test_parameter_store_alone_is_the_authority_and_its_mirrored_values_count() -> None:
    found = Climb({"ssm": MIRRORED}, authority="ssm")
    absent = Climb({"ssm": ABSENT}, authority="ssm")

    assert await found.climb() == Answered(MIRRORED, "ssm", Standing.AUTHORITY)
    assert await absent.climb() == Missed(("ssm",), "", ())


def test_an_authority_that_is_none_of_the_stores_is_refused() -> None:
    with pytest.raises(ValueError, match="'cloudmap' is none of the stores"):
        Ladder([FakeStore("ssm")], authority="cloudmap")


def test_records_passed_over_are_told_whatever_the_store_said() -> None:
    skipped = (PassedOver("/a", "no address"),)
    failure = StoreTimeoutError("odd")

    assert passed_over(Found((), SENT, skipped)) == skipped
    assert passed_over(Absent(skipped)) == skipped
    assert passed_over(Failed(failure)) == ()
