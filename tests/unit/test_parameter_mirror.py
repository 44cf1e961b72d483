"""A parameter repeats what Cloud Map has, and what a person wrote is never touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.documents import read_parameter, write_mirror
from cloudmap_discovery.errors import AccessDeniedError, RemoteError
from cloudmap_discovery.model import Instance
from cloudmap_discovery.stores.mirror_port import Written
from cloudmap_discovery.stores.parameter_mirror import ParameterMirror
from tests.unit.bed import NAMESPACE
from tests.unit.fake_transport import FakeTransport, remote
from tests.unit.timing import WaitingClock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudmap_discovery.errors import StoreError

NAME = "/services/Production/users"
PLACE = ("users", "Production")
CHANGED, UNCHANGED = Written(changed=True), Written()
RECORD = Instance("users", "https://users.test", "Production")


class FakeParameters:
    """Parameter Store in memory; `interlopers` happen one before each write, as others' writes would."""

    def __init__(self, **values: str) -> None:
        self.transport = FakeTransport()
        self.values = {NAME: values["value"]} if values else {}
        self.interlopers: list[StoreError | str] = []
        self.transport.answer("GetParameters", self._get)
        self.transport.answer("PutParameter", self._put)
        self.transport.answer("DeleteParameter", self._delete)

    async def write(self, instances: Sequence[Instance], clock: WaitingClock | None = None) -> Written:
        deadline = (clock or WaitingClock()).deadline()
        mirror = ParameterMirror(self.transport, namespace=NAMESPACE)
        return await mirror.write({PLACE: instances}, deadline)

    def _get(self, params: Mapping[str, Any]) -> dict[str, Any]:
        (name,) = params["Names"]
        if name not in self.values:
            return {"InvalidParameters": [name]}
        return {"Parameters": [{"Name": name, "Type": "String", "Value": self.values[name]}]}

    def _put(self, params: Mapping[str, Any]) -> dict[str, Any] | StoreError:
        if self.interlopers:
            interloper = self.interlopers.pop(0)
            if not isinstance(interloper, str):
                return interloper
            self.values[NAME] = interloper
        if params["Name"] in self.values and not params["Overwrite"]:
            return remote("ParameterAlreadyExists")
        self.values[params["Name"]] = params["Value"]
        return {"Version": 1}

    def _delete(self, params: Mapping[str, Any]) -> dict[str, Any] | StoreError:
        if self.interlopers:
            self.interlopers.pop(0)
            self.values.clear()
        return {} if self.values.pop(params["Name"], None) is not None else remote("ParameterNotFound")


async def test_a_missing_parameter_is_created() -> None:
    parameters = FakeParameters()

    assert await parameters.write([RECORD]) == CHANGED

    content = read_parameter(parameters.values[NAME], parameter=NAME, service="users", stage="Production")
    assert content.instances == (RECORD,)
    assert content.mirrored
    (params,) = parameters.transport.params("PutParameter")
    assert (params["Type"], params["Overwrite"]) == ("String", False)
    assert "Tier" not in params


async def test_a_mirror_is_overwritten() -> None:
    parameters = FakeParameters(
        value=write_mirror([Instance("users", "https://old.test", "Production")], NAMESPACE).text
    )

    assert await parameters.write([RECORD]) == CHANGED

    assert parameters.values[NAME] == write_mirror([RECORD], NAMESPACE).text


async def test_a_mirror_that_is_right_is_not_written_again() -> None:
    parameters = FakeParameters(value=write_mirror([RECORD], NAMESPACE).text)

    assert await parameters.write([RECORD]) == UNCHANGED

    assert parameters.transport.operations == ["GetParameters"]


async def test_a_large_mirror_asks_for_a_tier_that_holds_it() -> None:
    parameters = FakeParameters()
    large = [Instance("users", f"https://{'x' * 900}.test", "Production", variant=str(n)) for n in range(6)]

    assert await parameters.write(large) == CHANGED

    assert parameters.transport.params("PutParameter")[0]["Tier"] == "Intelligent-Tiering"


async def test_too_large_a_mirror_says_so_instead_of_listing_some() -> None:
    parameters = FakeParameters()
    huge = [Instance("users", f"https://{'x' * 900}.test", "Production", variant=str(n)) for n in range(20)]

    assert await parameters.write(huge) == CHANGED

    assert parameters.values[NAME] == '{"format":1,"mirrored":true,"namespace":"services","overflow":true}'
    assert "Tier" not in parameters.transport.params("PutParameter")[0]


async def test_no_records_delete_the_mirror() -> None:
    parameters = FakeParameters(value=write_mirror([RECORD], NAMESPACE).text)

    assert await parameters.write([]) == CHANGED

    assert parameters.values == {}


async def test_no_records_and_no_parameter_are_in_order() -> None:
    parameters = FakeParameters()

    assert await parameters.write([]) == UNCHANGED

    assert parameters.transport.operations == ["GetParameters"]


@pytest.mark.parametrize(
    "value", ["https://by-hand.test", '{"endpoint": "https://by-hand.test"}', "any note", "{"]
)
@pytest.mark.parametrize("instances", [[RECORD], []])
async def test_what_a_person_wrote_is_neither_overwritten_nor_deleted(
    value: str, instances: list[Instance]
) -> None:
    parameters = FakeParameters(value=value)

    written = await parameters.write(instances)

    assert written == Written(refusal=f"{NAME} was written by a person and is left as it is")
    assert parameters.values == {NAME: value}


async def test_what_a_person_creates_meanwhile_is_left_alone() -> None:
    parameters, clock = FakeParameters(), WaitingClock()
    parameters.interlopers = ["https://by-hand.test"]

    written = await parameters.write([RECORD], clock)

    assert written.refusal is not None
    assert parameters.values == {NAME: "https://by-hand.test"}


async def test_a_mirror_that_another_process_creates_meanwhile_is_overwritten() -> None:
    parameters = FakeParameters()
    parameters.interlopers = [
        write_mirror([Instance("users", "https://other.test", "Production")], NAMESPACE).text
    ]

    assert await parameters.write([RECORD]) == CHANGED

    assert parameters.values[NAME] == write_mirror([RECORD], NAMESPACE).text


async def test_a_mirror_that_is_deleted_meanwhile_is_deleted() -> None:
    parameters = FakeParameters(value=write_mirror([RECORD], NAMESPACE).text)
    parameters.interlopers = ["gone"]

    assert await parameters.write([]) == UNCHANGED

    assert parameters.values == {}


async def test_concurrent_updates_are_tried_again_after_a_pause() -> None:
    parameters, clock = FakeParameters(), WaitingClock()
    parameters.interlopers = [remote("TooManyUpdates"), remote("TooManyUpdates")]

    assert await parameters.write([RECORD], clock) == CHANGED

    assert parameters.values[NAME] == write_mirror([RECORD], NAMESPACE).text
    assert len(clock.slept) == 2


async def test_updates_that_never_stop_are_an_error_in_the_end() -> None:
    parameters = FakeParameters()
    parameters.interlopers = [remote("TooManyUpdates")] * 10

    with pytest.raises(RemoteError) as caught:
        await parameters.write([RECORD])

    assert (caught.value.code, caught.value.store) == ("TooManyUpdates", "ssm")
    assert len(parameters.interlopers) == 5


@pytest.mark.parametrize(
    "error", [AccessDeniedError("no", action="ssm:PutParameter"), remote("ParameterLimitExceeded")]
)
async def test_other_errors_are_passed_on_as_those_of_parameter_store(error: StoreError) -> None:
    parameters = FakeParameters()
    parameters.interlopers = [error]

    with pytest.raises(type(error)) as caught:
        await parameters.write([RECORD])

    assert caught.value.store == "ssm"


async def test_what_the_mirror_of_another_namespace_wrote_is_left_as_it_is() -> None:
    value = write_mirror([RECORD], "other").text
    parameters = FakeParameters(value=value)

    written = await parameters.write([])

    assert (
        written.refusal == f"{NAME} was written by the mirror of the namespace 'other' and is left as it is"
    )
    assert parameters.values == {NAME: value}


async def test_the_prefix_is_a_setting() -> None:
    transport = FakeTransport()
    transport.answer("GetParameters", {"InvalidParameters": ["/team/registry/-/users"]})
    mirror = ParameterMirror(transport, namespace=NAMESPACE, prefix="/team/registry")

    await mirror.write({("users", "-"): []}, WaitingClock().deadline())

    assert mirror.name == "ssm"
    assert transport.params("GetParameters")[0]["Names"] == ["/team/registry/-/users"]
