"""async_handler makes a coroutine function a handler: one event loop for all invocations."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from typing import Any

import pytest

from cloudmap_discovery.handler import _Loops, async_handler
from tests.unit.bed import STAGE, RunningClock, make_bed, users
from tests.unit.programs import output_of


@async_handler
async def echo(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Return the event and the context."""
    await asyncio.sleep(0)
    return {"event": event, "context": context}


@async_handler
async def loop_of(_event: object, _context: object) -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def test_a_handler_is_called_as_the_runtime_calls_it() -> None:
    context = object()

    assert echo({"a": 1}, context) == {"event": {"a": 1}, "context": context}


def test_a_handler_is_a_plain_function_that_keeps_its_name_and_text() -> None:
    assert not inspect.iscoroutinefunction(echo)
    assert (echo.__name__, echo.__doc__) == ("echo", "Return the event and the context.")
    assert echo.__module__ == __name__


def test_all_invocations_run_on_one_event_loop() -> None:
    first, second = loop_of(None, None), loop_of(None, None)

    assert first is second
    assert not first.is_closed()


def test_what_is_kept_across_invocations_stays_usable() -> None:
    kept: dict[str, Any] = {}

    @async_handler
    async def keeps(event: str, _context: None) -> str:
        if not kept:
            kept["lock"] = asyncio.Lock()
            kept["future"] = asyncio.get_running_loop().create_future()
            kept["task"] = asyncio.create_task(asyncio.sleep(0.01, "done"))
        async with kept["lock"]:
            if event == "last":
                kept["future"].set_result("set")
                return f"{await kept['future']}, {await kept['task']}"
            return "kept"

    assert [keeps("first", None), keeps("second", None), keeps("last", None)] == ["kept", "kept", "set, done"]


def test_an_invocation_sees_the_context_of_its_caller_and_not_of_the_one_before() -> None:
    request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="none")

    @async_handler
    async def remembers(event: str, _context: None) -> str:
        seen = request.get()
        request.set(event)
        await asyncio.sleep(0)
        return seen

    first, second = remembers("first", None), remembers("second", None)
    token = request.set("caller's")
    third = remembers("third", None)
    request.reset(token)

    assert [first, second, third] == ["none", "none", "caller's"]
    assert request.get() == "none"


def test_two_handlers_of_one_process_share_the_loop() -> None:
    @async_handler
    async def other(_event: None, _context: None) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    assert other(None, None) is loop_of(None, None)


def test_an_exception_reaches_the_runtime_and_the_next_invocation_works() -> None:
    @async_handler
    async def fails(event: str, _context: None) -> str:
        if event == "bad":
            raise KeyError(event)
        return event

    with pytest.raises(KeyError, match="bad"):
        fails("bad", None)
    assert fails("good", None) == "good"


def test_a_nested_exception_keeps_its_cause() -> None:
    @async_handler
    async def fails(_event: None, _context: None) -> None:
        try:
            await asyncio.wait_for(asyncio.sleep(60), 0.001)
        except TimeoutError as error:
            raise ValueError("too slow") from error

    with pytest.raises(ValueError, match="too slow") as caught:
        fails(None, None)
    assert isinstance(caught.value.__cause__, TimeoutError)


def test_a_group_of_exceptions_is_raised_whole() -> None:
    async def fail(number: int) -> None:
        raise ZeroDivisionError(number)

    @async_handler
    async def fails(_event: None, _context: None) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail(1))
            group.create_task(fail(2))

    with pytest.raises(ExceptionGroup) as caught:
        fails(None, None)
    assert len(caught.value.exceptions) == 2


async def test_where_an_event_loop_already_runs_the_error_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match=r"await handler\.__wrapped__\(event, context\)"):
        echo({}, None)


async def test_the_wrapped_coroutine_function_can_be_awaited() -> None:
    wrapped = echo.__wrapped__  # type: ignore[attr-defined]  # functools.wraps adds it

    assert inspect.iscoroutinefunction(wrapped)
    assert (await wrapped({"a": 1}, None))["event"] == {"a": 1}


def test_a_handler_called_inside_a_handler_is_refused() -> None:
    @async_handler
    async def outer(event: dict[str, Any], context: None) -> Any:
        return echo(event, context)

    with pytest.raises(RuntimeError, match="already runs"):
        outer({}, None)
    assert echo({}, None)["event"] == {}


def test_each_thread_has_a_loop_of_its_own() -> None:
    loops, of_threads = _Loops(), list[set[asyncio.AbstractEventLoop]]()

    def work() -> None:
        of_threads.append({loops.run(_running_loop()) for _ in range(3)})
        loops.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [len(of_thread) for of_thread in of_threads] == [1, 1]
    assert of_threads[0] != of_threads[1]
    assert all(loop.is_closed() for of_thread in of_threads for loop in of_thread)


async def _running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def test_closing_twice_or_unused_does_nothing() -> None:
    loops = _Loops()

    loops.close()
    loops.run(_running_loop())
    loops.close()
    loops.close()

    assert loops.runner is None


def test_the_child_of_a_fork_gets_a_loop_of_its_own() -> None:
    loops = _Loops()
    loops.after_fork_in_child()
    before = loops.run(_running_loop())
    inherited = loops.runner

    loops.after_fork_in_child()
    after = loops.run(_running_loop())

    assert after is not before
    assert not before.is_closed()
    loops.close()
    assert inherited is not None
    inherited.close()


def test_lookups_in_a_handler_are_held_across_invocations() -> None:
    bed = make_bed(clock=RunningClock())
    bed.cloud_map.put(users())

    @async_handler
    async def handler(_event: None, _context: None) -> str:
        return (await bed.discovery.discover("users", stage=STAGE)).url

    assert [handler(None, None) for _ in range(3)] == ["https://users.test"] * 3
    assert bed.asked == ["cloudmap"]


@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)"])
@pytest.mark.parametrize("in_child", ["pass", "print('child', handler(2, None), flush=True)"])
def test_after_a_fork_both_sides_go_on_and_wake_up_in_time(in_child: str, end: str) -> None:
    printed = output_of(f"""
        from cloudmap_discovery.handler import async_handler
        @async_handler
        async def handler(event, context):
            # Only a loop that other threads can wake is done before the timeout.
            began = time.monotonic()
            result = await asyncio.wait_for(asyncio.to_thread(lambda: (time.sleep(0.05), event)[1]), 20)
            return result, time.monotonic() - began < 10
        print("parent", handler(1, None), flush=True)
        child = os.fork()
        if child == 0:
            {in_child}
            {end}
        print("child ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        print("parent", handler(3, None), flush=True)
    """)

    of_child = [] if in_child == "pass" else ["child (2, True)"]
    assert printed.splitlines() == ["parent (1, True)", *of_child, "child ended 0", "parent (3, True)"]
