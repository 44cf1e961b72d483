"""Records are immutable values whose id follows from their identity."""

from __future__ import annotations

import copy
import hashlib
import pickle
from typing import Any

import pytest

from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.model import NO_STAGE, Answer, Attributes, Instance, record_id

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:users"


def test_the_id_is_the_stage_and_twenty_digits_of_the_identity() -> None:
    identity = b'["users","Production","1.0.0",null,"blue"]'
    expected = f"Production-{hashlib.sha256(identity).hexdigest()[:20]}"

    assert record_id("users", "Production", "1.0.0", None, "blue") == expected


def test_the_same_identity_has_the_same_id_whatever_else_differs() -> None:
    first = Instance("users", "https://one.test", "Production", weight=1, attributes={"a": "b"}, owner="x")
    second = Instance("users", "https://two.test", "Production")

    assert first.id == second.id


@pytest.mark.parametrize("field", ["service", "stage", "version", "tenant", "variant"])
def test_every_part_of_the_identity_changes_the_id(field: str) -> None:
    identity: dict[str, Any] = {"service": "users", "stage": "Production"}
    plain = Instance(endpoint="https://one.test", **identity)
    other = Instance(endpoint="https://one.test", **{**identity, field: "9.9.9"})

    assert other.id != plain.id


def test_an_id_of_somebody_else_is_kept() -> None:
    assert Instance("users", "https://one.test", id="i-0abc").id == "i-0abc"


def test_defaults_are_no_stage_and_a_full_weight() -> None:
    instance = Instance("users", "https://one.test")

    assert (instance.stage, instance.weight, dict(instance.attributes)) == (NO_STAGE, 100, {})


def test_the_text_of_an_instance_is_its_endpoint() -> None:
    assert str(Instance("users", "https://one.test")) == "https://one.test"


def test_url_and_arn_are_the_endpoint_or_a_clear_error() -> None:
    by_url, by_arn, plain = (Instance("users", e) for e in ("https://one.test", ARN, "one.test:99"))

    assert by_url.url == "https://one.test"
    assert by_arn.arn == ARN
    with pytest.raises(InvalidValueError, match=r"not registered with a URL; use \.endpoint or \.arn"):
        _ = by_arn.url
    with pytest.raises(InvalidValueError, match=r"not registered with an ARN; use \.endpoint or \.url"):
        _ = plain.arn


def test_instances_are_values() -> None:
    first = Instance("users", "https://one.test", attributes={"b": "2", "a": "1"})
    second = Instance("users", "https://one.test", attributes={"a": "1", "b": "2"})

    assert first == second
    assert hash(first) == hash(second)
    assert pickle.loads(pickle.dumps(first)) == copy.deepcopy(first) == first  # noqa: S301 -- our own bytes


def test_attributes_cannot_be_changed_through_the_mapping_they_were_made_from() -> None:
    source = {"a": "1"}
    instance = Instance("users", "https://one.test", attributes=source)

    source["a"] = "2"

    assert instance.attributes == {"a": "1"}
    assert isinstance(instance.attributes, Attributes)
    assert repr(instance.attributes) == "{'a': '1'}"


def test_an_answer_is_a_sequence_of_instances() -> None:
    instances = tuple(Instance("users", f"https://{n}.test", variant=str(n)) for n in range(3))
    answer = Answer(instances, "users", "-", "cloudmap", 0.0, stale=False)

    assert list(answer) == list(instances)
    assert answer[0] == instances[0]
    assert answer[1:] == instances[1:]
    assert len(answer) == 3
    assert instances[2] in answer
