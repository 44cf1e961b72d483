"""Asynchronous operations are polled to their end, which is success, FAIL or the deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import (
    AccessDeniedError,
    RegistrationError,
    RemoteError,
    StoreTimeoutError,
    ThrottledError,
)
from cloudmap_discovery.stores.cloud_map_names import CloudMapNames
from tests.unit.fake_transport import FakeTransport, remote
from tests.unit.timing import WaitingClock

if TYPE_CHECKING:
    from collections.abc import Mapping


def status(name: str, **more: Any) -> dict[str, Any]:
    return {"Operation": {"Id": "op-1", "Status": name, **more}}


async def ended(
    transport: FakeTransport, clock: WaitingClock, timeout_seconds: float = 60
) -> Mapping[str, str]:
    deadline = clock.deadline(timeout_seconds)
    return await CloudMapNames(transport).ended("RegisterInstance", "op-1", deadline)


async def test_an_operation_is_asked_for_until_it_succeeds() -> None:
    transport, clock = FakeTransport(), WaitingClock()
    transport.answer(
        "GetOperation", status("SUBMITTED"), status("PENDING"), status("SUCCESS", Targets={"INSTANCE": "i-1"})
    )

    targets = await ended(transport, clock)

    assert targets == {"INSTANCE": "i-1"}
    assert len(clock.slept) == 2


async def test_a_failed_operation_carries_the_code_and_message_of_aws() -> None:
    transport = FakeTransport()
    transport.answer("GetOperation", status("FAIL", ErrorCode="INTERNAL_FAILURE", ErrorMessage="It broke."))

    with pytest.raises(
        RegistrationError, match="RegisterInstance failed: INTERNAL_FAILURE: It broke"
    ) as caught:
        await ended(transport, WaitingClock())

    assert (caught.value.operation, caught.value.code, caught.value.reason) == (
        "RegisterInstance",
        "INTERNAL_FAILURE",
        "It broke.",
    )


async def test_a_failed_operation_without_reason_is_still_a_failure() -> None:
    transport = FakeTransport()
    transport.answer("GetOperation", status("FAIL"))

    with pytest.raises(RegistrationError) as caught:
        await ended(transport, WaitingClock())

    assert (caught.value.code, caught.value.reason) == ("FAIL", "no message")


async def test_an_operation_without_end_ends_with_the_deadline() -> None:
    transport, clock = FakeTransport(), WaitingClock()
    transport.answer("GetOperation", status("PENDING"))

    with pytest.raises(
        RegistrationError, match="PENDING after 10 s; the operation may still complete"
    ) as caught:
        await ended(transport, clock, timeout_seconds=10)

    assert caught.value.code == "Timeout"
    assert sum(clock.slept) == pytest.approx(10)


@pytest.mark.parametrize("error", [ThrottledError("slow down"), StoreTimeoutError("no answer")])
async def test_what_fails_in_passing_is_asked_again(error: Exception) -> None:
    transport = FakeTransport()
    transport.answer("GetOperation", error, status("SUCCESS"))  # type: ignore[arg-type]  # both are StoreErrors

    assert await ended(transport, WaitingClock()) == {}


async def test_a_new_operation_may_be_unknown_at_first() -> None:
    transport = FakeTransport()
    transport.answer(
        "GetOperation", remote("OperationNotFound"), remote("OperationNotFound"), status("SUCCESS")
    )

    assert await ended(transport, WaitingClock()) == {}


async def test_an_operation_that_stays_unknown_is_an_error() -> None:
    transport, clock = FakeTransport(), WaitingClock()
    transport.answer("GetOperation", remote("OperationNotFound"))

    with pytest.raises(RemoteError) as caught:
        await ended(transport, clock)

    assert caught.value.code == "OperationNotFound"
    assert sum(clock.slept) < 10


async def test_other_errors_end_the_waiting() -> None:
    transport = FakeTransport()
    transport.answer("GetOperation", AccessDeniedError("no", action="servicediscovery:GetOperation"))

    with pytest.raises(AccessDeniedError):
        await ended(transport, WaitingClock())


async def test_an_operation_in_a_shared_namespace_is_asked_for_by_its_owner() -> None:
    transport, clock = FakeTransport(), WaitingClock()
    transport.answer("GetOperation", status("SUCCESS"))

    await CloudMapNames(transport, owner_account="999999999999").ended(
        "RegisterInstance", "op-1", clock.deadline()
    )

    assert transport.params("GetOperation") == [{"OperationId": "op-1", "OwnerAccount": "999999999999"}]
