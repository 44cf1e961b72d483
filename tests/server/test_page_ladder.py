"""An explanation becomes steps, and these a picture: which step answers, which are not needed, and where each stands."""

from __future__ import annotations

from typing import Any, Final

import pytest

from cloudmap_discovery.model import Explanation, HeldReport, Instance, PassedOver, StoreReport
from cloudmap_discovery.server.page_ladder import Ladder, comes_from_memory, ladder
from cloudmap_discovery.server.page_picture import WIDTH, Picture, picture

USERS: Final = Instance("users", "https://users.test", stage="Production", version="1.4.2")
OLD: Final = Instance("users", "https://old.test", stage="Production", version="1.3.0")
NOTHING: Final = HeldReport("nothing")
FOUND: Final = StoreReport("cloudmap", "found", 0.021, (USERS, OLD))
ABSENT: Final = StoreReport("cloudmap", "absent", 0.021)
FAILED: Final = StoreReport("cloudmap", "failed", 0.021, error="no answer")
NO_PARAMETER: Final = StoreReport("ssm", "absent", 0.012)
PARAMETER: Final = StoreReport("ssm", "found", 0.012, (USERS,))


def explained(*stores: StoreReport, held: HeldReport = NOTHING, **more: Any) -> Explanation:
    given = {"candidates": (USERS,), "source": "cloudmap", "stage": "Production", **more}
    return Explanation("users", namespace="services", held=held, stores=stores, **given)


def held(state: str, **more: Any) -> HeldReport:
    return HeldReport(state, source="cloudmap", age_seconds=190.0, instances=(USERS,), **more)


def roles(shown: Ladder) -> list[list[str]]:
    """Return what each step is to the lookup, stage by stage; those that are not needed in brackets."""
    return [
        [f"{step.name}: {step.role}" if step.is_needed else f"({step.name})" for step in rung.steps]
        for rung in shown.rungs
    ]


def test_the_authority_answers_and_what_is_behind_it_is_not_needed() -> None:
    shown = ladder(explained(FOUND, PARAMETER))

    assert roles(shown) == [["Held in memory: ", "Cloud Map: answers", "(Parameter Store)"]]
    assert shown.rungs[0].steps[1].facts == ("2 records", "21 ms")
    assert shown.summary == "discover answers https://users.test, from Cloud Map"


@pytest.mark.parametrize("authority", [ABSENT, FAILED])
def test_a_fallback_answers_after_the_authority(authority: StoreReport) -> None:
    shown = ladder(explained(authority, PARAMETER, source="ssm", stale=authority is FAILED))

    assert roles(shown) == [["Held in memory: ", "Cloud Map: ", "Parameter Store: answers"]]
    assert shown.rungs[0].steps[1].error == authority.error
    assert shown.marks == (("stale",) if authority is FAILED else ())


@pytest.mark.parametrize(
    ("explanation", "outcome", "sign"),
    [
        (explained(FOUND, candidates=(), error="no instance has version 2.x"), "unfit", "unequal"),
        (explained(ABSENT, PARAMETER, source=None, candidates=(), error="no"), "unused", "check"),
        (explained(FOUND), "found", "check"),
    ],
)
def test_what_does_not_answer_has_no_sign_of_success(
    explanation: Explanation, outcome: str, sign: str
) -> None:
    shown = ladder(explanation)

    stop = picture(shown).stops[-1]
    assert (shown.rungs[0].steps[-1].outcome, stop.kind, stop.sign) == (outcome, outcome, sign)


def test_a_mirror_s_word_does_not_count_where_the_authority_says_absent() -> None:
    shown = ladder(explained(ABSENT, PARAMETER, source=None, candidates=(), error="not in cloudmap, ssm"))

    assert roles(shown) == [["Held in memory: ", "Cloud Map: ", "Parameter Store: not used"]]
    assert shown.summary == "discover fails: not in cloudmap, ssm"


@pytest.mark.parametrize(
    ("report", "stale", "store", "is_held"),
    [
        (held("fresh"), False, FOUND, True),
        (held("stale"), True, FOUND, True),
        (held("stale"), False, FOUND, False),
        (held("expired"), True, FAILED, True),
        (held("expired"), False, FOUND, False),
        (NOTHING, False, FOUND, False),
        (NOTHING, True, FOUND, False),
    ],
)
def test_memory_answers_where_its_answer_may_be_used_or_none_can_be_had(
    report: HeldReport, *, stale: bool, store: StoreReport, is_held: bool
) -> None:
    explanation = explained(store, NO_PARAMETER, held=report, stale=stale)

    assert comes_from_memory(explanation) is is_held
    assert (ladder(explanation).source == "memory, which has it from Cloud Map") is is_held


def test_a_fresh_answer_needs_no_store_and_an_expired_one_is_taken_after_the_authority_failed() -> None:
    fresh = ladder(explained(FOUND, NO_PARAMETER, held=held("fresh")))
    expired = ladder(explained(FAILED, NO_PARAMETER, held=held("expired"), stale=True))

    assert roles(fresh) == [["Held in memory: answers", "(Cloud Map)", "(Parameter Store)"]]
    assert fresh.rungs[0].steps[0].facts == ("1 record from Cloud Map", "3 min old")
    assert roles(expired) == [["Held in memory: answers", "Cloud Map: ", "(Parameter Store)"]]


def test_what_is_remembered_of_a_failure_is_told() -> None:
    report = HeldReport("failing", back_off_seconds=2.5, detail="throttled")

    step = ladder(explained(FOUND, held=report)).rungs[0].steps[0]

    assert (step.outcome, step.says, step.facts, step.error) == (
        "failed",
        "a failure is remembered",
        ("next attempt in 2.5 s",),
        "throttled",
    )


def test_an_override_comes_first_and_nothing_else_is_needed() -> None:
    override = Instance("users", "http://localhost:1", stage="Production", id="override")
    one = ladder(explained(FOUND, candidates=(override,), source="override"))
    rungs = (explained(ABSENT, stage="pr-1"), explained(FOUND))
    several = ladder(explained(ABSENT, stage="pr-1", candidates=(override,), source="override", rungs=rungs))

    assert roles(one) == [["Override: answers", "(Held in memory)", "(Cloud Map)"]]
    assert roles(several) == [
        ["Override: answers"],
        ["(Held in memory)", "(Cloud Map)"],
        ["(Held in memory)", "(Cloud Map)"],
    ]
    assert one.source == "an override"


def test_of_a_ladder_the_stages_above_do_not_have_it_and_those_below_are_not_needed() -> None:
    above = explained(ABSENT, NO_PARAMETER, stage="pr-1", source=None, candidates=(), error="not in cloudmap")
    whole = (above, explained(FOUND, NO_PARAMETER), explained(FOUND, NO_PARAMETER, stage="-"))

    shown = ladder(explained(FOUND, NO_PARAMETER, rungs=whole))

    assert shown.stage == "pr-1 > Production > no stage"
    assert [(rung.stage, rung.role, rung.decides) for rung in shown.rungs] == [
        ("pr-1", "does not have it", False),
        ("Production", "has it", True),
        ("no stage", "not needed", False),
    ]
    assert roles(shown) == [
        ["Held in memory: ", "Cloud Map: ", "Parameter Store: "],
        ["Held in memory: ", "Cloud Map: answers", "(Parameter Store)"],
        ["(Held in memory)", "(Cloud Map)", "(Parameter Store)"],
    ]


@pytest.mark.parametrize(
    ("store", "source", "role"),
    [
        (FOUND, "cloudmap", "has it, but nothing that matches"),
        (FAILED, None, "could not be asked"),
        (ABSENT, None, "does not have it, either"),
    ],
)
def test_a_stage_that_ends_its_ladder_without_an_answer_says_why(
    store: StoreReport, source: str | None, role: str
) -> None:
    rung = explained(store, source=source, candidates=(), error="no")
    above = explained(ABSENT, stage="pr-1", source=None, candidates=(), error="no")

    shown = ladder(explained(store, source=source, candidates=(), error="no", rungs=(above, rung)))

    assert shown.rungs[1].role == role
    assert not shown.found


def test_candidates_have_their_shares_and_the_others_their_reasons() -> None:
    many = tuple(
        Instance("users", f"https://{n}.test", stage="Production", variant=str(n), weight=10 + 10 * (n == 0))
        for n in range(9)
    )
    unusable = StoreReport("cloudmap", "found", 0.0, (*many, OLD), (PassedOver("legacy-7", "no address"),))
    shown = ladder(
        explained(unusable, candidates=many, passed_over=(PassedOver(OLD.id, "there is a higher version"),))
    )

    assert [candidate.share for candidate in shown.candidates] == ["20%", *["10%"] * 7]
    assert shown.more == 1
    assert shown.summary == "discover answers one of 9 endpoints by weight, from Cloud Map"
    assert [(item.record, item.reason) for item in shown.passed_over] == [
        ("https://old.test (1.3.0)", "there is a higher version"),
        ("legacy-7 in Cloud Map", "no address"),
    ]
    assert shown.rungs[0].steps[1].facts == ("10 records", "1 unusable", "0 ms")


def test_a_drained_answer_is_marked() -> None:
    drained = Instance("users", "https://users.test", stage="Production", weight=0)

    assert ladder(explained(FOUND, candidates=(drained,))).marks == ("drained",)


def pictures() -> list[Picture]:
    long = Instance("users", f"https://{'a' * 1000}.test", stage="Production")
    failed = StoreReport("cloudmap", "failed", 1.0, error="x" * 900 + " " + "word " * 300)
    none = explained(failed, source=None, candidates=(), error="y " * 999, stage="s" * 40)
    return [
        picture(ladder(one))
        for one in (
            explained(FOUND, NO_PARAMETER),
            explained(FOUND, candidates=(long,)),
            explained(FOUND, candidates=tuple([long] * 12)),
            none,
            explained(
                failed, source=None, candidates=(), error="no", rungs=tuple([none] * 9 + [explained(failed)])
            ),
        )
    ]


def test_everything_in_a_picture_stands_within_it_and_below_what_comes_before() -> None:
    for drawn in pictures():
        texts = [line for stop in drawn.stops for line in stop.lines]
        texts += [line for panel in drawn.panels for line in panel.head]

        assert drawn.width == WIDTH
        assert max(line.y for line in texts) < drawn.height
        assert max(len(line.text) for line in texts) <= 47
        assert all(panel.y + panel.height <= drawn.height for panel in drawn.panels)
        assert [stop.y for stop in drawn.stops] == sorted({stop.y for stop in drawn.stops})
        for stop, following in zip(drawn.stops, drawn.stops[1:], strict=False):
            assert max(line.y for line in stop.lines) < following.y


def test_the_way_to_the_answer_begins_at_the_last_step_that_is_needed() -> None:
    drawn = picture(ladder(explained(FOUND, NO_PARAMETER)))
    failing = picture(ladder(explained(FAILED, NO_PARAMETER, source=None, candidates=(), error="no answer")))

    assert drawn.way.startswith(f"M380 {drawn.stops[1].y} ")
    assert failing.way.startswith(f"M380 {failing.stops[2].y} ")
    assert (drawn.way_kind, failing.way_kind) == ("good", "bad")
    assert [line.is_taken for line in drawn.rail] == [True, False]


def test_a_long_address_goes_on_in_a_second_line_and_ends_in_an_ellipsis() -> None:
    address = f"https://{'a' * 100}.test"
    answer = Instance("users", address, stage="Production")

    lines = [
        line.text
        for line in picture(ladder(explained(FOUND, candidates=(answer,)))).panels[-1].head
        if line.kind == "address"
    ]

    assert lines[0] == address[:43]
    assert lines[1].endswith("\N{HORIZONTAL ELLIPSIS}")
    assert len(lines) == 2
