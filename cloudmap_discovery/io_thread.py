"""One event loop in a daemon thread, with a bounded pool of daemon threads for what blocks.

Everything that talks to AWS runs here, so that it survives the event loops of the callers, which come and go.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cloudmap_discovery import lifecycle
from cloudmap_discovery.events import LOGGER

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

POOL_THREADS: Final = 8

# After a fork the child must neither close nor finalize these: they share the parent's epoll and sockets.
_inherited: Final[list[object]] = []


class DaemonPool:
    """A bounded pool of threads that never keep the interpreter from exiting; started as they are needed."""

    def __init__(self, max_threads: int) -> None:
        self._max_threads = max_threads
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._started = 0
        self._busy = 0

    def submit(self, function: Callable[..., T], *args: Any) -> Future[T]:
        """Run the function on a thread of the pool, or queue it while all of them are busy."""
        future: Future[T] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = function(*args)
            except BaseException as error:  # noqa: BLE001 -- the future carries it to whoever asked
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._lock:
            if self._busy >= self._started and self._started < self._max_threads:
                name = f"cloudmap-discovery-pool-{self._started + 1}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
                self._started += 1  # not before: starting a thread can fail
            self._busy += 1
        self._jobs.put(job)
        return future

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            job()
            del job
            with self._lock:
                self._busy -= 1


class _Loop(asyncio.SelectorEventLoop):
    """An event loop whose default executor, name resolution included, is a pool of daemon threads."""

    def __init__(self, pool: DaemonPool) -> None:
        super().__init__()
        self.pool = pool

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]  # the stub's TypeVarTuple adds nothing here
        if executor is not None:
            return super().run_in_executor(executor, func, *args)
        return asyncio.wrap_future(self.pool.submit(func, *args), loop=self)


class IOThread:
    """Starts its loop on first use; usable from every thread and loop, and again after a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: _Loop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        lifecycle.join(self)

    def spawn(self, start: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a coroutine on the loop, and let it go."""
        self._started().call_soon_threadsafe(self._spawn, start)

    async def submit(self, start: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the loop and wait for it on the running one; cancelling the wait cancels it."""
        if self.is_current():
            return await start()
        loop = self._started()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(start(), loop))

    def run(self, start: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine on the loop and block this thread until it is done."""
        if self.is_current():
            raise RuntimeError(
                "a blocking call of cloudmap_discovery.sync was made on the thread that would have to answer it "
                "(from an on_event callback, say); it would wait for ever"
            )
        loop = self._started()
        future = asyncio.run_coroutine_threadsafe(start(), loop)
        try:
            return future.result()
        finally:
            future.cancel()  # if the wait was interrupted (Ctrl-C); otherwise it is done anyway

    async def in_pool(self, function: Callable[[], T]) -> T:
        """Run a blocking function on the pool and wait for it on the running loop."""
        return await asyncio.wrap_future(self._started().pool.submit(function))

    @property
    def has_started(self) -> bool:
        """Whether anything ever ran on it."""
        return self._loop is not None

    def is_current(self) -> bool:
        """Return whether the caller is on the thread of the loop."""
        return threading.current_thread() is self._thread

    def after_fork_in_child(self) -> None:
        """Leave the inherited loop alone for ever; the next use starts another."""
        _inherited.append((self._loop, self._thread, self._tasks))
        self._lock = threading.Lock()
        self._loop = None
        self._thread = None
        self._tasks = set()

    def _spawn(self, start: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.get_running_loop().create_task(start())
        self._tasks.add(task)  # the loop itself holds tasks only weakly
        task.add_done_callback(self._tasks.discard)

    def _started(self) -> _Loop:
        loop = self._loop
        if loop is not None:
            return loop
        with self._lock:
            if self._loop is None:
                started = _Loop(DaemonPool(POOL_THREADS))
                thread = threading.Thread(
                    target=self._serve, args=(started,), name="cloudmap-discovery-io", daemon=True
                )
                try:
                    thread.start()
                finally:
                    if thread.ident is None:  # it could not be started
                        started.close()
                self._loop, self._thread = started, thread  # not before: starting a thread can fail
            return self._loop

    @staticmethod
    def _serve(loop: _Loop) -> None:
        asyncio.set_event_loop(loop)
        while True:
            try:
                loop.run_forever()
            except (
                SystemExit,
                KeyboardInterrupt,
            ):  # asyncio lets these through, and every caller waits for this loop
                LOGGER.exception("something on the I/O thread of cloudmap_discovery tried to end the process")
            else:
                return
