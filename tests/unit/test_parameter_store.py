"""Parameter Store as a store: which parameter is read, and what its value means."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.documents import write_mirror
from cloudmap_discovery.errors import AccessDeniedError, MalformedRecordError, ThrottledError
from cloudmap_discovery.model import Instance, Key
from cloudmap_discovery.stores.parameter_store import ParameterStore
from cloudmap_discovery.stores.port import Absent, Found
from cloudmap_discovery.testing import FakeClock
from tests.unit.bed import NAMESPACE
from tests.unit.fake_transport import FakeTransport

if TYPE_CHECKING:
    from cloudmap_discovery.errors import StoreError

KEY = Key("services", "users", "Production")
NAME = "/services/Production/users"


def holding(value: str, kind: str = "String") -> FakeTransport:
    transport = FakeTransport()
    transport.answer(
        "GetParameters",
        {"Parameters": [{"Name": NAME, "Type": kind, "Value": value, "Version": 1}]},
    )
    return transport


async def fetch(transport: FakeTransport, **options: Any) -> Found | Absent:
    return await ParameterStore(transport, clock=FakeClock(), **options).fetch(KEY, timeout_seconds=0.7)


async def found(transport: FakeTransport, **options: Any) -> Found:
    outcome = await fetch(transport, **options)
    assert isinstance(outcome, Found)
    return outcome


async def test_one_parameter_is_read_by_its_path_and_decrypted() -> None:
    transport = holding("https://users.test")

    answer = await found(transport)

    (call,) = transport.calls
    assert (call.service, call.operation, call.timeout_seconds) == ("ssm", "GetParameters", 0.7)
    assert call.params == {"Names": [NAME], "WithDecryption": True}
    assert answer.instances == (Instance("users", "https://users.test", "Production"),)
    assert not answer.mirrored


async def test_the_prefix_is_a_setting() -> None:
    transport = holding("https://users.test")

    await fetch(transport, prefix="/team/registry")

    assert transport.calls[0].params["Names"] == ["/team/registry/Production/users"]


async def test_a_parameter_that_is_not_there_is_absent() -> None:
    transport = FakeTransport()
    transport.answer("GetParameters", {"Parameters": [], "InvalidParameters": [NAME]})

    assert await fetch(transport) == Absent()


async def test_an_answer_that_says_nothing_of_the_parameter_is_a_failure_and_not_an_absence() -> None:
    transport = FakeTransport()
    transport.answer("GetParameters", {})

    with pytest.raises(MalformedRecordError, match="neither has it nor says"):
        await fetch(transport)


async def test_a_list_without_records_is_absent() -> None:
    assert await fetch(holding("[]")) == Absent()


async def test_a_mirror_is_marked_as_one() -> None:
    record = Instance("users", "https://users.test", "Production", version="1.0.0")

    answer = await found(holding(write_mirror([record], NAMESPACE).text))

    assert answer.instances == (record,)
    assert answer.mirrored


async def test_an_overflowing_mirror_is_a_failure() -> None:
    overflow = '{"format": 1, "mirrored": true, "overflow": true}'

    with pytest.raises(MalformedRecordError, match="more records than a parameter holds") as caught:
        await fetch(holding(overflow))

    assert (caught.value.store, caught.value.record) == ("ssm", NAME)


async def test_records_come_by_id() -> None:
    records = [{"endpoint": f"https://{name}.test", "id": name} for name in "cab"]

    answer = await found(holding(json.dumps(records)))

    assert [instance.id for instance in answer.instances] == ["a", "b", "c"]


async def test_a_malformed_record_is_passed_over_and_the_others_are_found() -> None:
    answer = await found(
        holding(json.dumps([{"endpoint": "https://good.test"}, {"url": "https://bad.test"}]))
    )

    assert [instance.endpoint for instance in answer.instances] == ["https://good.test"]
    assert [unusable.record for unusable in answer.passed_over] == [f"{NAME}[1]"]


async def test_a_record_that_is_not_allowed_is_passed_over() -> None:
    value = json.dumps([{"endpoint": "https://api.good.test"}, {"endpoint": "https://evil.test"}])

    answer = await found(holding(value), allowed_endpoints=["*.good.test"])

    assert [instance.endpoint for instance in answer.instances] == ["https://api.good.test"]
    assert len(answer.passed_over) == 1


@pytest.mark.parametrize("value", ["see the wiki", "{", '{"format": 9, "instances": []}', '[{"url": "x"}]'])
async def test_a_value_without_any_usable_record_is_a_failure(value: str) -> None:
    with pytest.raises(MalformedRecordError) as caught:
        await fetch(holding(value))

    assert (caught.value.store, caught.value.record) == ("ssm", NAME)


async def test_a_list_of_strings_is_not_taken_for_one_endpoint() -> None:
    with pytest.raises(MalformedRecordError, match="StringList of several values"):
        await fetch(holding("https://a.test,https://b.test", "StringList"))


async def test_a_list_of_one_string_is_an_endpoint() -> None:
    answer = await found(holding("https://a.test", "StringList"))

    assert [instance.endpoint for instance in answer.instances] == ["https://a.test"]


async def test_a_comma_in_a_plain_string_is_part_of_the_endpoint() -> None:
    answer = await found(holding("https://a.test/?x=1,2"))

    assert [instance.endpoint for instance in answer.instances] == ["https://a.test/?x=1,2"]


@pytest.mark.parametrize(
    "error", [ThrottledError("slow down"), AccessDeniedError("no", action="ssm:GetParameters")]
)
async def test_errors_are_passed_on_as_those_of_parameter_store(error: StoreError) -> None:
    transport = FakeTransport()
    transport.answer("GetParameters", error)

    with pytest.raises(type(error)) as caught:
        await fetch(transport)

    assert caught.value.store == "ssm"
