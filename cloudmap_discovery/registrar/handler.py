"""The Lambda handler of the registrar: answers CloudFormation, and reconciles after events and on a schedule."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from cloudmap_discovery import wiring
from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.errors import DiscoveryError, InvalidValueError
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.events import LOGGER
from cloudmap_discovery.handler import async_handler
from cloudmap_discovery.io_thread import DaemonPool, IOThread
from cloudmap_discovery.notices import Notices
from cloudmap_discovery.registrar.answering import Answerer, AnswerNotSentError
from cloudmap_discovery.registrar.hints import Hints, read_hints
from cloudmap_discovery.registrar.parts import Parts
from cloudmap_discovery.registrar.permits import Home
from cloudmap_discovery.registrar.report import as_plan, as_summary, line
from cloudmap_discovery.registrar.requests import failure, is_request, read_request, success

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.registrar.requests import Request

# What remains of the function's time when work is given up: enough to answer, and for the answer to be tried again.
_ANSWERING_SECONDS: Final = 20.0
_ANSWERING_SHARE: Final = 0.2
_ANSWERING_THREADS: Final = 4
# How long CloudFormation waits unless ServiceTimeout says otherwise.
_WAITED_SECONDS: Final = 3600.0
_BY_HAND: Final = "reconcile"
_SWITCHES: Final = frozenset({"force", "dry_run", "scheduled"})


class Context(Protocol):
    """What Lambda says of an invocation."""

    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int:
        """Return how much of the function's time is left."""
        ...


class UnfinishedError(DiscoveryError):
    """A run left something that another one may do: so that Lambda, or the queue, tries again."""


class Entrance:
    """One registrar for all invocations of a process."""

    def __init__(
        self,
        variables: Mapping[str, str],
        *,
        clock: Clock | None = None,
        answerer: Answerer | None = None,
        make_parts: Callable[[Home], Parts] | None = None,
        write: Callable[[str], object] = sys.stdout.write,
    ) -> None:
        self._variables = variables
        self._clock: Clock = clock or SystemClock()
        self._io = IOThread()
        self._answering = DaemonPool(_ANSWERING_THREADS)
        self._events = EventHub(Notices(self._clock))
        self._make_parts = make_parts or self._made
        self._answerer = answerer
        self._write = write
        self._parts: dict[Home, Parts] = {}

    async def handle(self, event: Mapping[str, Any], context: Context) -> dict[str, Any] | None:
        """Do what the event asks for.

        A request of CloudFormation is always answered, or an `AnswerNotSentError` makes Lambda try it all again. A
        run that leaves something undone ends in an `UnfinishedError`, so that its events come again.
        """
        home = _home(context)
        if is_request(event):
            await self._answer(event, home, context)
            return None
        if _BY_HAND in event:
            return await self._by_hand(event[_BY_HAND], home, context)
        return await self._reconcile(read_hints(event, home), home, context, forced=False)

    async def _answer(self, event: Mapping[str, Any], home: Home, context: Context) -> None:
        request = read_request(event)
        waited_for = _WAITED_SECONDS if request.seconds_given is None else request.seconds_given
        age = 0.0 if request.asked_at is None else max(self._clock.wall() - request.asked_at, 0.0)
        if age >= waited_for:
            # It has given up, and gone on: what it asked for may be the opposite of what it wants by now.
            LOGGER.error(
                "%s of %s came too late, after %d s: nothing was done", request.kind, request.owner, age
            )
            return
        remaining = min(context.get_remaining_time_in_millis() / 1000, waited_for - age)
        reserve = min(_ANSWERING_SECONDS, remaining * _ANSWERING_SHARE)
        ends = self._clock.monotonic() + remaining - reserve
        body = await self._body(request, home, lambda: max(ends - self._clock.monotonic(), 0.0))
        left = context.get_remaining_time_in_millis() / 1000
        answerer = self._answerer or Answerer(allows_plain=self._has_own_endpoint)
        try:
            # A thread of its own: those of the pool may all be waiting for AWS.
            sent = self._answering.submit(
                answerer.send, request.response_url, body, left * (1 - _ANSWERING_SHARE)
            )
            # Who answers drop by drop is left; with less time than a moment, it is Lambda that ends it.
            async with asyncio.timeout(max(left * (1 - _ANSWERING_SHARE / 2), 1.0)):
                await asyncio.wrap_future(sent)
        except TimeoutError as error:
            LOGGER.error("the answer was: %s", body.decode())
            raise AnswerNotSentError("CloudFormation did not take the answer in time") from error
        except AnswerNotSentError as error:
            if error.is_refused:
                # Done again, it would be refused again; and by then something else may be wanted.
                LOGGER.error("CloudFormation takes no answer any more: %s", error)
                return
            LOGGER.error("the answer was: %s", body.decode())
            raise

    async def _body(self, request: Request, home: Home, seconds_left: Callable[[], float]) -> bytes:
        what = f"{request.kind} of {request.logical_id} in {request.owner}"
        try:
            async with asyncio.timeout(seconds_left()):
                outcome = await self._io.submit(
                    lambda: self._parts_of(home).resource.handle(request, seconds_left)
                )
        except TimeoutError:
            reason = "it did not end within the function's time; whether it was done is not known"
        except DiscoveryError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 -- a stack must not hang for a bug of ours: it fails, and says so
            LOGGER.exception("%s ended in a bug of cloudmap_discovery", what)
            reason = f"a bug in cloudmap_discovery: {type(error).__name__}: {error}; see the log of {home.account}'s registrar"
        else:
            LOGGER.info(
                "%s: done, %s%s", what, outcome.physical_id, f" ({outcome.note})" if outcome.note else ""
            )
            return success(request, outcome)
        LOGGER.warning("%s failed: %s", what, reason)
        return failure(request, reason)

    async def _by_hand(self, asked: Any, home: Home, context: Context) -> dict[str, Any]:
        switches = asked if isinstance(asked, Mapping) else None
        wrong = switches is None or not switches.keys() <= _SWITCHES
        if switches is None or wrong or not all(isinstance(one, bool) for one in switches.values()):
            allowed = ", ".join(sorted(_SWITCHES))
            raise InvalidValueError(
                _BY_HAND, asked, f"must be an object with nothing but {allowed}, each true or false"
            )
        forced = switches.get("force", False)
        if switches.get("dry_run", False):
            seconds = _working_seconds(context)

            async def read() -> dict[str, Any]:
                parts = self._parts_of(home)
                return as_plan(
                    (await parts.runs.read(parts.core.registry.deadline(seconds), forced=forced)).plan
                )

            return await self._io.submit(read)
        hints = Hints(scheduled=switches.get("scheduled", False), triggers=("by hand",))
        return await self._reconcile(hints, home, context, forced=forced)

    async def _reconcile(self, hints: Hints, home: Home, context: Context, *, forced: bool) -> dict[str, Any]:
        seconds = _working_seconds(context)
        begun = self._clock.monotonic()

        async def run() -> tuple[dict[str, Any], bool]:
            parts = self._parts_of(home)
            summary = await parts.runs.run(hints, parts.core.registry.deadline(seconds), forced=forced)
            took = self._clock.monotonic() - begun
            namespace = parts.settings.namespace
            self._write(
                f"{line(summary, hints, namespace=namespace, wall=self._clock.wall(), took_seconds=took)}\n"
            )
            return as_summary(summary), summary.is_clean

        told, is_clean = await self._io.submit(run)
        if not is_clean:
            raise UnfinishedError(
                f"{told['counts']['RecordsFailed']} records are not as their functions want them, or not all functions "
                "could be listed, or the mirrors differ; the log line before this says which, and the next run goes on"
            )
        return told

    def _parts_of(self, home: Home) -> Parts:
        if home not in self._parts:
            self._parts[home] = self._make_parts(home)
        return self._parts[home]

    def _made(self, home: Home) -> Parts:
        settings = wiring.read_settings(self._variables)
        return Parts(
            settings, self._variables, home=home, io=self._io, clock=self._clock, events=self._events
        )

    @property
    def _has_own_endpoint(self) -> bool:
        return any(name.endswith("ENDPOINT_URL") for name, text in self._variables.items() if text)


def _home(context: Context) -> Home:
    partition, _, region, account = context.invoked_function_arn.split(":")[1:5]
    return Home(account, region, partition)


def _working_seconds(context: Context) -> float:
    """Return how long a run may take, so that its line is still written."""
    return max(context.get_remaining_time_in_millis() / 1000 * 0.95 - 2.0, 1.0)


_entrance: Final = Entrance(wiring.environment())


@async_handler
async def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any] | None:
    """Answer CloudFormation, or reconcile the registry with the tags of functions."""
    if LOGGER.level == logging.NOTSET:
        LOGGER.setLevel(logging.INFO)  # Lambda's own is WARNING: how requests end would not be told
    return await _entrance.handle(event, context)
