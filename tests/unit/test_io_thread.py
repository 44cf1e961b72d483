"""One event loop in a daemon thread serves every thread and loop; what blocks runs on a bounded pool."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from cloudmap_discovery.io_thread import POOL_THREADS, DaemonPool, IOThread
from tests.unit.bed import IO


async def where_it_runs() -> threading.Thread:
    return threading.current_thread()


def test_nothing_is_started_before_it_is_used() -> None:
    io = IOThread()

    assert io._thread is None
    assert not io.is_current()


def test_run_blocks_a_plain_thread_until_the_coroutine_is_done() -> None:
    thread = IO.run(where_it_runs)

    assert thread.name == "cloudmap-discovery-io"
    assert thread.daemon
    assert thread is not threading.current_thread()


def test_every_thread_is_served_by_the_same_loop() -> None:
    with ThreadPoolExecutor(8) as pool:
        threads = [future.result() for future in [pool.submit(IO.run, where_it_runs) for _ in range(16)]]

    assert len(set(threads)) == 1


def test_threads_that_come_at_once_start_one_thread() -> None:
    io = IOThread()
    barrier = threading.Barrier(8)

    def use() -> threading.Thread:
        barrier.wait()
        return io.run(where_it_runs)

    with ThreadPoolExecutor(8) as pool:
        threads = {future.result() for future in [pool.submit(use) for _ in range(8)]}

    assert len(threads) == 1


async def test_run_works_where_an_event_loop_runs_and_holds_it_up() -> None:
    assert IO.run(where_it_runs) is await IO.submit(where_it_runs)


def test_run_raises_what_the_coroutine_raises() -> None:
    async def fail() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        IO.run(fail)


async def test_submit_raises_what_the_coroutine_raises() -> None:
    async def fail() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        await IO.submit(fail)


def test_run_on_the_io_thread_raises_instead_of_waiting_for_ever() -> None:
    async def call_back() -> None:
        IO.run(where_it_runs)

    with pytest.raises(RuntimeError, match="on the thread that would have to answer it"):
        IO.run(call_back)


def test_submit_on_the_io_thread_awaits_the_coroutine_itself() -> None:
    async def nested() -> bool:
        return await IO.submit(where_it_runs) is threading.current_thread()

    assert IO.run(nested)


async def test_cancelling_the_wait_cancels_the_coroutine() -> None:
    was_cancelled = threading.Event()
    has_begun = threading.Event()

    async def wait_long() -> None:
        has_begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            was_cancelled.set()
            raise

    waiting = asyncio.create_task(IO.submit(wait_long))
    await asyncio.to_thread(has_begun.wait, 10)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.to_thread(was_cancelled.wait, 10)


def test_what_is_spawned_goes_on_by_itself() -> None:
    done = threading.Event()

    async def work() -> None:
        await asyncio.sleep(0.01)
        done.set()

    IO.spawn(work)

    assert done.wait(10)


def test_what_is_spawned_is_kept_from_the_garbage_collector_until_it_is_done() -> None:
    io = IOThread()
    gate = threading.Event()
    begun, done = threading.Event(), threading.Event()

    async def work() -> None:
        begun.set()
        while not gate.is_set():  # noqa: ASYNC110 -- set by another thread
            await asyncio.sleep(0.001)
        done.set()

    io.spawn(work)
    assert begun.wait(10)
    assert len(io._tasks) == 1
    gate.set()
    assert done.wait(10)
    io.run(where_it_runs)

    assert io._tasks == set()


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_what_would_end_a_process_does_not_end_the_loop(
    kind: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    io = IOThread()

    async def leave() -> None:
        raise kind

    before = io.run(where_it_runs)
    io.spawn(leave)

    assert io.run(where_it_runs) is before
    assert "tried to end the process" in caplog.text


async def test_what_blocks_runs_on_the_pool_and_not_on_the_loop() -> None:
    thread = await IO.in_pool(threading.current_thread)

    assert thread.name.startswith("cloudmap-discovery-pool-")
    assert thread.daemon


def test_names_are_resolved_on_the_pool() -> None:
    async def resolve() -> list[object]:
        loop = asyncio.get_running_loop()
        thread = await loop.run_in_executor(None, threading.current_thread)
        addresses = await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
        return [thread.name.rpartition("-")[0], addresses[0][4]]

    assert IO.run(resolve) == ["cloudmap-discovery-pool", ("127.0.0.1", 80)]


def test_an_executor_of_the_callers_own_is_used() -> None:
    with ThreadPoolExecutor(1, thread_name_prefix="mine") as mine:

        async def use_it() -> str:
            loop = asyncio.get_running_loop()
            return (await loop.run_in_executor(mine, threading.current_thread)).name

        assert IO.run(use_it).startswith("mine")


async def test_the_loop_goes_on_while_the_pool_is_blocked() -> None:
    release = threading.Event()
    blocked = [asyncio.create_task(IO.in_pool(release.wait)) for _ in range(POOL_THREADS + 5)]
    await asyncio.sleep(0.01)

    assert (await IO.submit(where_it_runs)).name == "cloudmap-discovery-io"
    release.set()
    assert await asyncio.gather(*blocked) == [True] * (POOL_THREADS + 5)


def test_a_pool_starts_threads_as_they_are_needed_and_no_more_than_its_bound() -> None:
    pool = DaemonPool(3)
    release = threading.Event()

    first = pool.submit(threading.current_thread)
    first.result(10)
    after_one = pool._started
    blocked = [pool.submit(release.wait) for _ in range(10)]
    release.set()

    assert after_one == 1
    assert [future.result(10) for future in blocked] == [True] * 10
    assert pool._started == 3


def test_a_pool_uses_an_idle_thread_again() -> None:
    pool = DaemonPool(8)

    for _ in range(20):
        pool.submit(int).result(10)
        for _ in range(1000):  # the thread is idle a moment after its result
            if pool._busy == 0:
                break
            time.sleep(0.001)

    assert pool._started == 1


def test_a_pool_hands_back_exceptions() -> None:
    pool = DaemonPool(1)

    with pytest.raises(ZeroDivisionError):
        pool.submit(lambda: 1 / 0).result(10)
    assert pool.submit(int).result(10) == 0


def test_a_job_that_is_cancelled_before_its_turn_is_not_run() -> None:
    pool = DaemonPool(1)
    release, ran = threading.Event(), list[int]()
    blocking = pool.submit(release.wait)
    waiting: Future[None] = pool.submit(ran.append, 1)

    was_cancelled = waiting.cancel()
    release.set()
    blocking.result(10)
    pool.submit(int).result(10)

    assert was_cancelled
    assert ran == []


def test_the_child_of_a_fork_starts_a_loop_of_its_own() -> None:
    io = IOThread()
    before = io.run(where_it_runs)
    loop = io._loop
    io._lock.acquire()

    io.after_fork_in_child()
    after = io.run(where_it_runs)

    assert after is not before
    assert loop is not None
    assert loop.is_running()
