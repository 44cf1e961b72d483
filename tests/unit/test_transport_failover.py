"""What the direct transport cannot do is done by the SDK where there is one, and told where there is none."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import (
    AccessDeniedError,
    ConfigurationError,
    DiscoveryError,
    StoreTimeoutError,
)
from cloudmap_discovery.transport.failover import FailoverTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PLENTY_SECONDS = 20.0


class FakeSdk:
    """Answers with its name, and keeps what it was asked and what happened to it."""

    name = "sdk"

    def __init__(self) -> None:
        self.told: list[str] = []
        self.seconds: list[float] = []

    async def call(
        self, service: str, operation: str, params: Mapping[str, Any], *, timeout_seconds: float
    ) -> Mapping[str, Any]:
        del params
        self.told.append(f"{service}:{operation}")
        self.seconds.append(timeout_seconds)
        return {"by": self.name}

    async def aclose(self) -> None:
        self.told.append("aclose")

    def forget(self) -> None:
        self.told.append("forget")


class FakeDirect(FakeSdk):
    """Can Cloud Map, and lacks what a test says."""

    name = "direct"

    def __init__(self, lacks: Callable[[], DiscoveryError | None] = lambda: None) -> None:
        super().__init__()
        self.lacks = lacks

    def load(self) -> None:
        self.told.append("load")

    def can(self, service: str, operation: str) -> bool:
        del operation
        return service == "servicediscovery"

    def missing(self) -> DiscoveryError | None:
        return self.lacks()

    async def call(
        self, service: str, operation: str, params: Mapping[str, Any], *, timeout_seconds: float
    ) -> Mapping[str, Any]:
        if not self.can(service, operation):
            raise ValueError(f"{service}:{operation}")
        if (missing := self.lacks()) is not None:
            raise missing
        return await super().call(service, operation, params, timeout_seconds=timeout_seconds)


class Maker:
    """Makes an SDK's transport, or says that there is none; counts how often, and on which threads."""

    def __init__(self, sdk: FakeSdk | None) -> None:
        self.sdk = sdk
        self.threads: list[threading.Thread] = []
        self.errors: list[Exception] = []
        self.may_end = threading.Event()
        self.may_end.set()

    def __call__(self) -> FakeSdk | None:
        self.threads.append(threading.current_thread())
        self.may_end.wait()
        if self.errors:
            raise self.errors.pop()
        return self.sdk


def no_credentials() -> DiscoveryError:
    return AccessDeniedError("no credentials; pip install")


async def discover(transport: FailoverTransport, timeout_seconds: float = PLENTY_SECONDS) -> Any:
    answer = await transport.call(
        "servicediscovery", "DiscoverInstances", {}, timeout_seconds=timeout_seconds
    )
    return answer["by"]


async def test_what_direct_can_do_is_done_direct_and_no_sdk_is_made() -> None:
    direct, maker = FakeDirect(), Maker(FakeSdk())
    transport = FailoverTransport(direct, maker)
    transport.load()

    assert await discover(transport) == "direct"
    assert direct.told == ["load", "servicediscovery:DiscoverInstances"]
    assert maker.threads == []


async def test_without_what_direct_needs_the_sdk_calls_and_is_made_once() -> None:
    direct, maker = FakeDirect(no_credentials), Maker(FakeSdk())
    transport = FailoverTransport(direct, maker)

    assert {await discover(transport) for _ in range(3)} == {"sdk"}
    assert direct.told == []
    assert len(maker.threads) == 1


async def test_calls_at_once_share_one_sdk() -> None:
    maker = Maker(FakeSdk())
    transport = FailoverTransport(FakeDirect(no_credentials), maker)

    answers = await asyncio.gather(*(discover(transport) for _ in range(10)))

    assert answers == ["sdk"] * 10
    assert len(maker.threads) == 1


async def test_the_sdk_is_not_made_on_the_event_loop() -> None:
    maker = Maker(FakeSdk())

    await discover(FailoverTransport(FakeDirect(no_credentials), maker))

    assert maker.threads != [threading.current_thread()]


async def test_an_operation_that_direct_does_not_know_goes_to_the_sdk() -> None:
    sdk = FakeSdk()
    transport = FailoverTransport(FakeDirect(), Maker(sdk))

    answer = await transport.call("s3", "GetObject", {}, timeout_seconds=PLENTY_SECONDS)

    assert answer == {"by": "sdk"}
    assert await discover(transport) == "direct"
    assert sdk.told == ["s3:GetObject"]


async def test_without_an_sdk_every_call_ends_with_what_is_missing_as_an_error_of_its_own() -> None:
    transport = FailoverTransport(FakeDirect(no_credentials), Maker(None))
    transport.load()
    errors = []

    for _ in range(2):
        with pytest.raises(AccessDeniedError, match="pip install") as caught:
            await discover(transport)
        errors.append(caught.value)

    assert errors[0] is not errors[1]


async def test_without_an_sdk_an_operation_that_direct_does_not_know_is_its_bug_to_tell() -> None:
    transport = FailoverTransport(FakeDirect(), Maker(None))

    with pytest.raises(ValueError, match="s3:GetObject"):
        await transport.call("s3", "GetObject", {}, timeout_seconds=PLENTY_SECONDS)


async def test_which_one_calls_is_decided_with_each_call() -> None:
    direct = FakeDirect()
    transport = FailoverTransport(direct, Maker(FakeSdk()))
    callers = []

    for lacks in (lambda: None, no_credentials, lambda: None):
        direct.lacks = lacks
        callers.append(await discover(transport))

    assert callers == ["direct", "sdk", "direct"]


def test_loading_loads_the_sdk_where_calls_will_go_through_it() -> None:
    direct, maker = FakeDirect(no_credentials), Maker(FakeSdk())

    FailoverTransport(direct, maker).load()

    assert len(maker.threads) == 1
    assert direct.told == []


def test_loading_loads_direct_where_nothing_else_is_there() -> None:
    direct = FakeDirect(no_credentials)

    FailoverTransport(direct, Maker(None)).load()

    assert direct.told == ["load"]


async def test_a_wrong_configuration_of_the_sdk_stays_what_it_is_until_it_is_right() -> None:
    maker = Maker(FakeSdk())
    maker.errors = [ConfigurationError("AWS_PROFILE", "nobody", "a profile")]
    transport = FailoverTransport(FakeDirect(no_credentials), maker)

    with pytest.raises(ConfigurationError, match="AWS_PROFILE is 'nobody'"):
        await discover(transport)

    assert await discover(transport) == "sdk"


async def test_an_sdk_that_takes_too_long_to_load_is_there_for_a_later_call() -> None:
    maker = Maker(FakeSdk())
    maker.may_end.clear()
    transport = FailoverTransport(FakeDirect(no_credentials), maker)

    with pytest.raises(StoreTimeoutError, match=r"within 0\.05 s: the AWS SDK was still being loaded"):
        await discover(transport, 0.05)
    maker.may_end.set()

    assert await discover(transport) == "sdk"
    assert len(maker.threads) == 1


async def test_the_time_that_loading_took_is_taken_from_the_call() -> None:
    maker = Maker(sdk := FakeSdk())
    maker.may_end.clear()
    transport = FailoverTransport(FakeDirect(no_credentials), maker)
    asyncio.get_running_loop().call_later(0.2, maker.may_end.set)

    await discover(transport, PLENTY_SECONDS)

    assert 0 < sdk.seconds[0] < PLENTY_SECONDS - 0.1


async def test_closing_and_forgetting_reach_both() -> None:
    direct, sdk = FakeDirect(), FakeSdk()
    transport = FailoverTransport(direct, Maker(sdk))
    await transport.call("s3", "GetObject", {}, timeout_seconds=PLENTY_SECONDS)

    await transport.aclose()
    transport.forget()

    assert direct.told == ["aclose", "forget"]
    assert sdk.told == ["s3:GetObject", "aclose", "forget"]


async def test_closing_and_forgetting_make_no_sdk() -> None:
    direct, maker = FakeDirect(), Maker(FakeSdk())
    transport = FailoverTransport(direct, maker)

    await transport.aclose()
    transport.forget()

    assert direct.told == ["aclose", "forget"]
    assert maker.threads == []


async def test_after_forgetting_a_lock_that_another_thread_holds_for_ever_is_not_waited_for() -> None:
    maker = Maker(FakeSdk())
    transport = FailoverTransport(FakeDirect(no_credentials), maker)

    with transport._lock:
        transport.forget()  # as in the child of a fork
        answer = await discover(transport)

    assert answer == "sdk"
