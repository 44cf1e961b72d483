"""Makes a coroutine function a Lambda handler."""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import functools
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from cloudmap_discovery import lifecycle

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

E = TypeVar("E")
C = TypeVar("C")
R = TypeVar("R")


def async_handler(function: Callable[[E, C], Coroutine[Any, Any, R]]) -> Callable[[E, C], R]:
    """Make `async def handler(event, context)` a handler that the Lambda runtime can call.

    All invocations run on one event loop, which lives as long as the process (more exactly: one for each thread that
    calls handlers, and the runtime has one). So clients, locks and tasks that are kept across invocations stay
    usable. Where an event loop already runs, await the function itself: `handler.__wrapped__(event, context)`.
    """

    @functools.wraps(function)
    def handler(event: E, context: C) -> R:
        coroutine = function(event, context)
        if not asyncio.iscoroutine(coroutine):
            raise TypeError(_not_async(function, coroutine))
        return _loops.run(coroutine)

    return handler


def _not_async(function: object, returned: object) -> str:
    name = getattr(function, "__qualname__", repr(function))
    return (
        f"{name} is not an async def: it returned {type(returned).__name__}; a plain handler needs no async_handler, "
        "and uses cloudmap_discovery.sync"
    )


class _Loops(threading.local):
    """One event loop for each thread that calls handlers."""

    def __init__(self) -> None:
        self.runner: asyncio.Runner | None = None

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            coroutine.close()
            raise RuntimeError(
                "this handler was called where an event loop already runs; await handler.__wrapped__(event, context)"
            )
        if self.runner is None:
            self.runner = asyncio.Runner()
        # In a copy of the caller's context: a runner keeps the one that it first ran in.
        return self.runner.run(coroutine, context=contextvars.copy_context())

    def close(self) -> None:
        if self.runner is not None:
            # From Python 3.12 on no thread starts at exit, not even the one that waits for the loop's executor; the
            # loop is closed all the same.
            with suppress(RuntimeError):
                self.runner.close()
            self.runner = None

    def after_fork_in_child(self) -> None:
        if self.runner is not None:
            _keep_for_ever(self.runner)
            self.runner = None


def _keep_for_ever(runner: asyncio.Runner) -> None:
    # It shares the parent's epoll. Its finalizer, which runs at the child's exit, would close it, and the parent's
    # loop would not be woken any more; so that one reference too many keeps it from being finalized.
    import ctypes  # noqa: PLC0415 -- in the child of a fork only

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(runner))


_loops: Final = _Loops()
lifecycle.join(_loops)
atexit.register(_loops.close)
