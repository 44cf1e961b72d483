"""Records become attributes within Cloud Map's limits; whatever attributes there are become records, or a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings

from cloudmap_discovery.encoding import (
    decode_attributes,
    decode_time,
    encode_attributes,
    encode_time,
    is_written,
)
from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.model import Instance, PassedOver
from tests.unit.records import foreign_attributes, instances

FULL = Instance(
    "users",
    "https://users.test",
    "Production",
    version="1.2.0",
    tenant="acme",
    variant="blue",
    weight=30,
    attributes={"color": "blue"},
    owner="cfn:1:eu:stack",
    owner_ref="Endpoint",
    registered_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
)


def decoded(attributes: dict[str, str], instance_id: str = "i-1") -> Instance:
    record = decode_attributes("users", instance_id, attributes)
    assert isinstance(record, Instance), record
    return record


def refused(attributes: Any, instance_id: Any = "i-1") -> PassedOver:
    record = decode_attributes("users", instance_id, attributes)
    assert isinstance(record, PassedOver), record
    return record


def test_a_record_is_written_with_every_field_under_its_name() -> None:
    assert encode_attributes(FULL) == {
        "endpoint": "https://users.test",
        "stage": "Production",
        "version": "1.2.0",
        "tenant": "acme",
        "variant": "blue",
        "weight": "30",
        "owner": "cfn:1:eu:stack",
        "owner-ref": "Endpoint",
        "registered-at": "2026-01-02T03:04:05Z",
        "color": "blue",
    }


def test_stage_and_weight_are_written_even_where_there_is_nothing_to_say() -> None:
    assert encode_attributes(Instance("users", "https://users.test")) == {
        "endpoint": "https://users.test",
        "stage": "-",
        "weight": "100",
    }


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"service": "a b"}, "service"),
        ({"endpoint": "a b"}, "endpoint"),
        ({"stage": "a>b"}, "stage"),
        ({"version": "v1"}, "version"),
        ({"tenant": ""}, "tenant"),
        ({"tenant": "ü"}, "tenant"),
        ({"variant": " x"}, "variant"),
        ({"weight": -1}, "weight"),
        ({"owner": ""}, "owner"),
        ({"owner_ref": "x" * 1025}, "owner_ref"),
        ({"registered_at": datetime(2026, 1, 1)}, "registered_at"),  # noqa: DTZ001 -- the fault that is meant
        ({"attributes": {"stage": "x"}}, "attributes"),
        ({"attributes": {f"k{n}": "" for n in range(28)}}, "attributes"),
        ({"attributes": {f"k{n}": "v" * 1000 for n in range(5)}}, "attributes"),
        ({"id": "a b"}, "id"),
    ],
)
def test_what_cloud_map_would_refuse_is_refused_before_it_is_asked(
    fields: dict[str, Any], field: str
) -> None:
    instance = Instance(**{"service": "users", "endpoint": "https://users.test", **fields})

    with pytest.raises(InvalidValueError) as caught:
        encode_attributes(instance)

    assert caught.value.field == field


@settings(deadline=None)
@given(instances())
def test_what_is_written_reads_as_what_it_was(instance: Instance) -> None:
    assert decode_attributes(instance.service, instance.id, encode_attributes(instance)) == instance


@settings(deadline=None)
@given(instances())
def test_what_is_written_is_within_the_limits(instance: Instance) -> None:
    attributes = encode_attributes(instance)

    assert len(attributes) <= 30
    assert sum(len(key) + len(value) for key, value in attributes.items()) <= 5000


@pytest.mark.parametrize(
    ("attributes", "endpoint"),
    [
        ({"endpoint": "https://a.test", "url": "https://b.test"}, "https://a.test"),
        ({"endpoint": "", "url": "https://b.test"}, "https://b.test"),
        ({"url": "https://b.test", "arn": "arn:aws:x:y:z:w"}, "https://b.test"),
        ({"arn": "arn:aws:x:y:z:w", "AWS_INSTANCE_CNAME": "c.test"}, "arn:aws:x:y:z:w"),
        ({"AWS_INSTANCE_CNAME": "c.test", "AWS_INSTANCE_IPV4": "10.0.0.1"}, "c.test"),
        ({"AWS_INSTANCE_IPV4": "10.0.0.1"}, "http://10.0.0.1"),
        ({"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "8080"}, "http://10.0.0.1:8080"),
        ({"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_IPV6": "2001:db8::1"}, "http://10.0.0.1"),
        ({"AWS_INSTANCE_IPV6": "2001:db8::1", "AWS_INSTANCE_PORT": "80"}, "http://[2001:db8::1]:80"),
    ],
)
def test_the_address_of_a_record_of_others_is_taken_from_where_it_stands(
    attributes: dict[str, str], endpoint: str
) -> None:
    assert decoded(attributes).endpoint == endpoint


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({}, "no address"),
        ({"endpoint": ""}, "no address"),
        ({"hostname": "a.test"}, "no address"),
        ({"AWS_INSTANCE_IPV4": "not an address"}, "no address"),
        ({"AWS_INSTANCE_IPV6": "::1]@evil.test"}, "no address"),
        ({"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "http"}, "AWS_INSTANCE_PORT"),
        ({"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "0"}, "AWS_INSTANCE_PORT"),
        ({"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "65536"}, "AWS_INSTANCE_PORT"),
        ({"endpoint": "see the wiki"}, "white space"),
        ({"endpoint": "https://a.test\n"}, "white space"),
        ({"endpoint": "https://a.test\x00"}, "cannot be printed"),
        ({"endpoint": 1}, "not text"),
        ({1: "x"}, "not text"),
        (None, "no attributes"),
        ([], "no attributes"),
    ],
)
def test_a_record_without_an_address_is_passed_over_with_the_reason(attributes: Any, reason: str) -> None:
    record = refused(attributes)

    assert record.record == "i-1"
    assert reason in record.reason


@pytest.mark.parametrize("instance_id", ["", None, 7])
def test_a_record_without_an_id_is_passed_over(instance_id: Any) -> None:
    assert "id" in refused({"endpoint": "https://a.test"}, instance_id).reason


def test_a_record_of_others_has_defaults_where_it_says_nothing() -> None:
    assert decoded({"url": "https://a.test"}) == Instance(
        "users", "https://a.test", "-", attributes={"url": "https://a.test"}, id="i-1"
    )


@pytest.mark.parametrize("weight", ["heavy", "", "-1", "1.5", " 7", "1e3", "٣", "1000001", "99999999", "1_0"])
def test_a_weight_that_is_none_of_ours_is_the_default_and_stays_an_attribute(weight: str) -> None:
    record = decoded({"endpoint": "https://a.test", "weight": weight})

    assert record.weight == 100
    assert record.attributes == {"weight": weight}


@pytest.mark.parametrize("version", ["v1", "1.0", "latest", "9" * 9999 + ".0.0"])
def test_a_version_that_is_not_semantic_stays_as_it_is(version: str) -> None:
    record = decoded({"endpoint": "https://a.test", "version": version})

    assert record.version == version
    assert record.attributes == {}


@pytest.mark.parametrize("moment", ["yesterday", "", "2026-13-01", "0001-01-01T00:00:00+23:59"])
def test_a_date_that_is_none_stays_an_attribute(moment: str) -> None:
    record = decoded({"endpoint": "https://a.test", "registered-at": moment})

    assert record.registered_at is None
    assert record.attributes == {"registered-at": moment}


def test_empty_texts_say_nothing() -> None:
    record = decoded({"endpoint": "https://a.test", "stage": "", "tenant": "", "variant": "", "owner": ""})

    assert record == Instance("users", "https://a.test", "-", id="i-1")


@settings(deadline=None)
@given(foreign_attributes)
def test_no_attributes_whatever_raise(attributes: dict[Any, Any]) -> None:
    record = decode_attributes("users", "i-1", attributes)

    match record:
        case PassedOver(place, reason):
            assert place == "i-1"
            assert reason
        case Instance():
            assert record.endpoint
            assert not any(map(str.isspace, record.endpoint))
            assert 0 <= record.weight <= 1_000_000
            assert record.id == "i-1"


def test_attributes_of_aws_beside_ours_do_not_make_a_record_another_one() -> None:
    written = encode_attributes(FULL)

    assert is_written(written, written)
    assert is_written({**written, "AWS_INIT_HEALTH_STATUS": "HEALTHY"}, written)
    assert not is_written({**written, "color": "red"}, written)
    assert not is_written({**written, "more": ""}, written)
    assert not is_written({key: written[key] for key in list(written)[1:]}, written)


def test_moments_are_in_utc_however_they_are_written() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)

    assert decode_time("2026-01-01T12:00:00Z") == noon
    assert decode_time("2026-01-01T14:00:00+02:00") == noon
    assert decode_time("2026-01-01T12:00:00") == noon
    assert encode_time(noon.astimezone(timezone(timedelta(hours=2)))) == "2026-01-01T12:00:00Z"
