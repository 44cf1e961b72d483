"""Wrong arguments are refused before any I/O, and name field, value and limit."""

from __future__ import annotations

import enum
from typing import Any

import pytest

from cloudmap_discovery.errors import InvalidValueError
from tests.unit.bed import STAGE, Bed, make_bed, users


@pytest.fixture
def bed() -> Bed:
    return make_bed()


WRONG = [
    ("service", {"service": ""}),
    ("service", {"service": "with space"}),
    ("service", {"service": "-users"}),
    ("service", {"service": "u" * 128}),
    ("service", {"service": None}),
    ("service", {"service": 7}),
    ("service", {"service": ["users"]}),
    ("stage", {"stage": ""}),
    ("stage", {"stage": "s" * 41}),
    ("stage", {"stage": "a>"}),
    ("stage", {"stage": "a>b c"}),
    ("stage", {"stage": "a>b>a"}),
    ("stage", {"stage": ">".join("abcdefghijk")}),
    ("stage", {"stage": 7}),
    ("stage", {"stage": {"a": "b"}}),
    ("where", {"where": "color=blue"}),
    ("where", {"where": 7}),
    ("where", {"where": ["color"]}),
    ("where", {"where": {"color": 7}}),
    ("where", {"where": {7: "blue"}}),
    ("where", {"where": {"color": None}}),
]


@pytest.mark.parametrize(("field", "wrong"), WRONG, ids=lambda value: repr(value)[:40])
async def test_a_wrong_argument_is_refused_before_any_io(bed: Bed, field: str, wrong: dict[str, Any]) -> None:
    arguments = {"service": "users", "stage": STAGE, "where": None, **wrong}
    service, by_name = arguments["service"], {name: arguments[name] for name in ("stage", "where")}

    for call in (bed.discovery.discover, bed.discovery.discover_all, bed.discovery.explain):
        with pytest.raises(InvalidValueError) as caught:
            await call(service, **by_name)
        assert isinstance(caught.value, ValueError)
        assert caught.value.field == field
        assert repr(caught.value.value)[:100] in str(caught.value)
    for held in (bed.discovery.held, bed.discovery.held_all):
        with pytest.raises(InvalidValueError):
            held(service, **by_name)
    assert bed.asked == []


async def test_no_stage_argument_means_the_default_stage() -> None:
    bed = make_bed(stage="Staging")
    bed.cloud_map.put(users("https://staging.test", stage="Staging"), users("https://production.test"))

    by_default = await bed.discovery.discover("users")
    by_name = await bed.discovery.discover("users", stage="Staging")

    assert by_default.endpoint == by_name.endpoint == "https://staging.test"
    assert (await bed.discovery.discover_all("users")).stage == "Staging"
    assert bed.asked == ["cloudmap"]


async def test_without_a_default_stage_no_stage_argument_means_no_stage(bed: Bed) -> None:
    bed.cloud_map.put(users("https://none.test", stage="-"), users("https://production.test"))

    assert (await bed.discovery.discover("users")).endpoint == "https://none.test"
    assert (await bed.discovery.discover("users", stage="-")).endpoint == "https://none.test"
    assert bed.asked == ["cloudmap"]


async def test_matching_is_case_sensitive(bed: Bed) -> None:
    bed.cloud_map.put(users("https://lower.test", stage="production"), users("https://upper.test"))

    assert (await bed.find()).endpoint == "https://upper.test"
    assert (await bed.find(stage="production")).endpoint == "https://lower.test"


async def test_a_dash_as_a_stage_means_none_even_where_there_is_a_default() -> None:
    bed = make_bed(stage="Staging")
    bed.cloud_map.put(users("https://none.test", stage="-"))

    assert (await bed.discovery.discover("users", stage="-")).endpoint == "https://none.test"


class Stage(str, enum.Enum):  # noqa: UP042 -- users write it so, and its str() is not its text
    PRODUCTION = "Production"


async def test_a_member_of_an_enum_of_text_counts_as_its_text(bed: Bed) -> None:
    bed.cloud_map.put(users())

    found = [await bed.discovery.discover("users", stage=stage) for stage in (Stage.PRODUCTION, "Production")]
    again = bed.discovery.held("users", Stage.PRODUCTION)

    assert found == [users(), users()]
    assert again == users()
    assert (await bed.find_all(stage=Stage.PRODUCTION)).stage == "Production"
    assert type((await bed.find_all(stage=Stage.PRODUCTION)).stage) is str
    assert bed.asked == ["cloudmap"]


@pytest.mark.parametrize("instance", ["users", None, 7])
async def test_reporting_something_that_is_no_instance_is_refused(bed: Bed, instance: Any) -> None:
    with pytest.raises(InvalidValueError, match="must be an Instance"):
        await bed.discovery.report_failure(instance)
