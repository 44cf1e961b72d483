"""Retries: as often as helps, never outside the time given, the last error told with its attempts."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import AccessDeniedError, RemoteError, StoreTimeoutError, ThrottledError
from cloudmap_discovery.transport.retry import RetryingTransport
from tests.contract.transport_clock import HandClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

NOISE_SECONDS = 10.0


class ScriptedTransport:
    """Does what its script says, one step a call; notes what it was given."""

    def __init__(self, *steps: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
        self._steps = list(steps)
        self.told_seconds: list[float] = []
        self.closed = 0
        self.forgotten = 0

    async def call(
        self, service: str, operation: str, params: Mapping[str, Any], *, timeout_seconds: float
    ) -> Mapping[str, Any]:
        assert (service, operation, params) == ("ssm", "GetParameters", {"Names": ["/a"]})
        self.told_seconds.append(timeout_seconds)
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        return await step()

    async def aclose(self) -> None:
        self.closed += 1

    def forget(self) -> None:
        self.forgotten += 1


def raises(error: Exception) -> Callable[[], Awaitable[Mapping[str, Any]]]:
    async def step() -> Mapping[str, Any]:
        raise error

    return step


async def answers() -> Mapping[str, Any]:
    return {"Parameters": []}


async def hangs() -> Mapping[str, Any]:
    await asyncio.sleep(3600)
    raise AssertionError("unreachable")


def announces(begun: asyncio.Event) -> Callable[[], Awaitable[Mapping[str, Any]]]:
    async def step() -> Mapping[str, Any]:
        begun.set()
        return await hangs()

    return step


async def call(transport: RetryingTransport, timeout_seconds: float = 8.0) -> Mapping[str, Any]:
    return await transport.call("ssm", "GetParameters", {"Names": ["/a"]}, timeout_seconds=timeout_seconds)


def on_hand_clock(
    inner: ScriptedTransport, clock: HandClock, *, attempts: int = 3, random: float = 1.0
) -> RetryingTransport:
    return RetryingTransport(inner, attempts=attempts, clock=clock, random=lambda: random, sleep=clock.sleep)


async def test_a_retryable_error_is_retried_until_an_answer_comes() -> None:
    inner = ScriptedTransport(raises(ThrottledError("slow")), raises(StoreTimeoutError("late")), answers)

    answer = await call(on_hand_clock(inner, HandClock()))

    assert answer == {"Parameters": []}
    assert len(inner.told_seconds) == 3


async def test_an_error_that_is_not_retryable_is_raised_at_once_as_it_is() -> None:
    inner = ScriptedTransport(raises(AccessDeniedError("no", action="ssm:GetParameters")))

    with pytest.raises(AccessDeniedError, match=r"^no$") as caught:
        await call(on_hand_clock(inner, HandClock()))

    assert caught.value.action == "ssm:GetParameters"
    assert len(inner.told_seconds) == 1


async def test_a_bug_surfaces_as_itself() -> None:
    inner = ScriptedTransport(raises(KeyError("bug")))

    with pytest.raises(KeyError, match="bug"):
        await call(on_hand_clock(inner, HandClock()))

    assert len(inner.told_seconds) == 1


async def test_the_last_error_says_how_many_attempts_were_made() -> None:
    cause = OSError("refused")
    error = RemoteError("broken", code="InternalFailure", status=500, retryable=True)
    error.__cause__ = cause
    inner = ScriptedTransport(raises(ThrottledError("slow")), raises(error))

    with pytest.raises(RemoteError, match=r"InternalFailure: broken \(3 attempts\)") as caught:
        await call(on_hand_clock(inner, HandClock()))

    assert (caught.value.code, caught.value.status) == ("InternalFailure", 500)
    assert caught.value.__cause__ is cause
    assert caught.value is not error


async def test_a_remembered_error_is_not_changed_by_being_raised_again() -> None:
    error = ThrottledError("slow")

    with pytest.raises(ThrottledError):
        await call(on_hand_clock(ScriptedTransport(raises(error)), HandClock()))

    assert str(error) == "slow"


@pytest.mark.parametrize(
    ("random", "waits"),
    [
        (1.0, [0.1, 0.2, 0.4, 0.8, 1.6, 2.0]),
        (0.5, [0.05, 0.1, 0.2, 0.4, 0.8, 1.0]),
        (0.0, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
    ],
)
async def test_waits_are_full_jitter_and_double(random: float, waits: list[float]) -> None:
    clock = HandClock()
    seen: list[float] = []

    async def sleep(seconds: float) -> None:
        seen.append(seconds)
        await clock.sleep(seconds)

    inner = ScriptedTransport(raises(ThrottledError("slow")))
    transport = RetryingTransport(inner, attempts=7, clock=clock, random=lambda: random, sleep=sleep)

    with pytest.raises(ThrottledError):
        await call(transport, 60.0)

    assert seen == pytest.approx(waits)


async def test_a_single_attempt_gets_at_most_half_of_the_time() -> None:
    inner = ScriptedTransport(raises(ThrottledError("slow")), answers)

    await call(on_hand_clock(inner, HandClock(), random=0.0), 8.0)

    assert inner.told_seconds == [4.0, 4.0]


async def test_without_retries_the_attempt_gets_the_whole_time_but_a_little() -> None:
    inner = ScriptedTransport(answers)

    await call(on_hand_clock(inner, HandClock(), attempts=1), 8.0)

    assert 7.0 <= inner.told_seconds[0] < 8.0


async def test_a_later_attempt_gets_what_is_left() -> None:
    clock = HandClock()

    async def takes_long() -> Mapping[str, Any]:
        clock.move(wall=6.0, monotonic=6.0)
        raise StoreTimeoutError("late")

    inner = ScriptedTransport(takes_long, answers)

    await call(on_hand_clock(inner, clock, random=0.0), 8.0)

    assert inner.told_seconds[0] == 4.0
    assert 1.8 <= inner.told_seconds[1] <= 2.0


async def test_no_attempt_is_begun_when_the_wait_would_use_up_the_time() -> None:
    clock = HandClock()

    async def takes_almost_all() -> Mapping[str, Any]:
        clock.move(wall=7.95, monotonic=7.95)
        raise ThrottledError("slow")

    inner = ScriptedTransport(takes_almost_all)

    with pytest.raises(ThrottledError, match=r"^slow$"):
        await call(on_hand_clock(inner, clock), 8.0)

    assert len(inner.told_seconds) == 1
    assert clock.monotonic() == 1007.95  # it did not sleep


async def test_a_wait_that_took_longer_than_planned_ends_in_the_error_before_it() -> None:
    inner, clock = ScriptedTransport(raises(ThrottledError("slow down"))), HandClock()

    async def oversleep(_seconds: float) -> None:
        clock.move(wall=60, monotonic=60)

    transport = RetryingTransport(inner, clock=clock, sleep=oversleep)

    with pytest.raises(ThrottledError, match="slow down"):
        await call(transport)

    assert len(inner.told_seconds) == 1


async def test_a_transport_that_ignores_its_time_is_cut_off() -> None:
    inner = ScriptedTransport(hangs)
    transport = RetryingTransport(inner, random=lambda: 0.0)
    started = time.monotonic()

    with pytest.raises(StoreTimeoutError, match=r"ssm:GetParameters was not answered .* \(2 attempts\)"):
        await call(transport, 0.2)

    assert time.monotonic() - started < 0.2 + NOISE_SECONDS


async def test_no_time_at_all_is_a_timeout_too() -> None:
    transport = RetryingTransport(ScriptedTransport(hangs))

    with pytest.raises(StoreTimeoutError):
        await call(transport, 0.0)


async def test_cancellation_passes_through_at_once_and_is_not_retried() -> None:
    begun = asyncio.Event()
    inner = ScriptedTransport(announces(begun))
    task = asyncio.create_task(call(RetryingTransport(inner), 60.0))
    await begun.wait()
    started = time.monotonic()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - started < NOISE_SECONDS
    assert len(inner.told_seconds) == 1


async def test_cancellation_during_a_wait_passes_through_at_once() -> None:
    inner = ScriptedTransport(raises(ThrottledError("slow")))
    waits = asyncio.Event()

    async def sleep(_: float) -> None:
        waits.set()
        await asyncio.sleep(3600)

    task = asyncio.create_task(call(RetryingTransport(inner, sleep=sleep), 60.0))
    await waits.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(inner.told_seconds) == 1


async def test_closing_and_forgetting_reach_the_inner_transport() -> None:
    inner = ScriptedTransport(answers)
    transport = RetryingTransport(inner)

    await transport.aclose()
    transport.forget()

    assert (inner.closed, inner.forgotten) == (1, 1)


# What it imports, and when

_PROGRAM = """
import asyncio, sys, threading
from cloudmap_discovery.errors import ThrottledError
from cloudmap_discovery.transport.retry import RetryingTransport

class Failing:
    def __init__(self, failures):
        self.failures = failures
    async def call(self, service, operation, params, *, timeout_seconds):
        if self.failures:
            self.failures -= 1
            raise ThrottledError("slow")
        return {}

class Watch:
    threads = []
    def find_spec(self, name, *_):
        if name == "tenacity":
            self.threads.append(threading.current_thread() is threading.main_thread())

sys.meta_path.insert(0, Watch())
def call(failures, timeout_seconds=20):
    transport = RetryingTransport(Failing(failures), random=lambda: 0.0)
    return asyncio.run(transport.call("ssm", "GetParameters", {}, timeout_seconds=timeout_seconds))
"""


def run(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM + script], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_a_first_attempt_that_succeeds_imports_no_tenacity() -> None:
    assert run("print(call(0), 'tenacity' in sys.modules)") == "{} False"


def test_a_retry_imports_tenacity_off_the_event_loop_and_works() -> None:
    assert run("print(call(2), Watch.threads)") == "{} [False]"


def test_after_loading_ahead_a_retry_imports_nothing() -> None:
    script = """
transport = RetryingTransport(Failing(2), random=lambda: 0.0)
transport.load()
loaded = set(sys.modules)
asyncio.run(transport.call("ssm", "GetParameters", {}, timeout_seconds=20))
print(sorted(set(sys.modules) - loaded))
"""

    assert run(script) == "[]"


@pytest.mark.parametrize(("retryable", "attempts"), [(True, 1), (False, 3)])
def test_an_error_that_is_not_retried_imports_no_tenacity(*, retryable: bool, attempts: int) -> None:
    script = f"""
class Refusing:
    async def call(self, service, operation, params, *, timeout_seconds):
        raise ThrottledError("slow", retryable={retryable})
async def main():
    try:
        await RetryingTransport(Refusing(), attempts={attempts}).call("ssm", "GetParameters", {{}}, timeout_seconds=20)
    except ThrottledError as error:
        print(error, "tenacity" in sys.modules)
asyncio.run(main())
"""

    assert run(script) == "slow False"


def test_an_import_that_takes_all_of_the_time_ends_in_the_error_before_it() -> None:
    script = """
over = threading.Event()
class Slow:
    def find_spec(self, name, *_):
        if name == "tenacity":
            over.wait()
sys.meta_path.insert(0, Slow())
async def main():
    try:
        await RetryingTransport(Failing(9)).call("ssm", "GetParameters", {}, timeout_seconds=0.2)
    except ThrottledError as error:
        print(error)
    over.set()
asyncio.run(main())
"""

    assert run(script) == "slow"


def test_no_attempts_make_no_transport() -> None:
    with pytest.raises(ValueError, match="attempts=0"):
        RetryingTransport(ScriptedTransport(answers), attempts=0)
