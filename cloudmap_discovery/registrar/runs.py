"""One run of the registrar: reads what there is, makes a plan, carries it out, and mends what depends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudmap_discovery.errors import RegistrationError, RemoteError, StoreError
from cloudmap_discovery.registrar.carrying_out import FEW, Done
from cloudmap_discovery.registrar.permits import tagged_function
from cloudmap_discovery.registrar.reconcile import Plan, make_plan
from cloudmap_discovery.registrar.sweeping import Swept
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.model import Instance
    from cloudmap_discovery.registrar.carrying_out import CarryingOut
    from cloudmap_discovery.registrar.functions import Functions
    from cloudmap_discovery.registrar.hints import Hints
    from cloudmap_discovery.registrar.looking import Looking
    from cloudmap_discovery.registrar.permits import Home, Permits
    from cloudmap_discovery.registrar.sweeping import Sweeper
    from cloudmap_discovery.registry import Registry
    from cloudmap_discovery.syncing import Synced, Syncer

# What mending takes of the time: the mirrors must be compared even where carrying out took long.
_SHARE_OF_MENDING: Final = 0.3
_SHARE_OF_READING: Final = 0.6
_SHARE_OF_LOOKING: Final = 0.5


@value
class Summary:
    """What a run saw, did and left: `gone` are records of others whose function does not exist any more.

    `sync_error` is why the mirrors could not be compared with Cloud Map; of one that failed alone, `synced` tells.
    """

    plan: Plan
    done: Done
    gone: tuple[Instance, ...] = ()
    swept: Swept = Swept()
    synced: tuple[Synced, ...] = ()
    sync_error: str | None = None

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left that another run right after it could do."""
        left = self.done.failed or self.done.unfinished or self.plan.unread or self.plan.incomplete
        return not (left or self.sync_error)


@value
class Read:
    """What a run read: the records by service, and the plan that follows."""

    records: Mapping[str, tuple[Instance, ...]]
    plan: Plan


class Runs:
    """Reconciles the records of one namespace with the functions of one account and region."""

    def __init__(
        self,
        registry: Registry,
        syncer: Syncer,
        functions: Functions,
        looking: Looking,
        carrying_out: CarryingOut,
        sweeper: Sweeper,
        *,
        home: Home,
        permits: Permits,
    ) -> None:
        self._registry = registry
        self._syncer = syncer
        self._functions = functions
        self._looking = looking
        self._carrying_out = carrying_out
        self._sweeper = sweeper
        self._home = home
        self._permits = permits

    async def read(self, deadline: Deadline, *, hinted: Iterable[str] = (), forced: bool = False) -> Read:
        """Read functions and records, and plan what makes them agree; writes nothing.

        Raises a `StoreError` where the registry cannot be listed: nothing can be planned then.
        """
        listed = await self._functions.tagged()
        # Listed after the functions: what is registered meanwhile belongs to a function that is then asked for itself.
        records = await self._registry.records(timeout_seconds=max(deadline.seconds_left, 0.1))
        registered = [one for each in records.values() for one in each]
        owners = {tagged_function(one.owner) for one in registered}
        named = {*listed.functions, *hinted, *(owner for owner in owners if owner is not None)}
        here = (one for one in named if self._home.function(one) == one)
        seen = await self._looking.seen(here, self._part(deadline, _SHARE_OF_READING))
        return Read(
            records,
            make_plan(
                seen,
                registered,
                home=self._home,
                permits=self._permits,
                incomplete=None if listed.error is None else str(listed.error),
                forced=forced,
            ),
        )

    async def run(self, hints: Hints, deadline: Deadline, *, forced: bool = False) -> Summary:
        """Read, plan and carry out; where it is scheduled, mend mirrors and services, too.

        Raises a `StoreError` where the registry cannot be listed; whatever else fails is in the summary.
        """
        read = await self.read(deadline, hinted=hints.functions, forced=forced)
        plan = read.plan
        steps = len(plan.changes) + (0 if plan.stopped else len(plan.removals))
        is_mended = hints.scheduled or steps > FEW
        done = await self._carrying_out.carry_out(
            plan,
            self._part(deadline, 1 - _SHARE_OF_MENDING) if is_mended else deadline,
            mirrored=not is_mended,
        )
        synced: tuple[Synced, ...] = ()
        sync_error = None
        if is_mended and self._syncer.names:
            try:
                synced = await self._syncer.sync(self._part(deadline), force=forced)
            except (StoreError, RegistrationError) as error:
                is_new = isinstance(error, RemoteError) and error.code == "NamespaceNotFound"
                sync_error = None if is_new and not read.records else str(error)
        gone: tuple[Instance, ...] = ()
        swept = Swept()
        if hints.scheduled:
            gone = await self._gone(read.records, self._part(deadline, _SHARE_OF_LOOKING))
            written = {one.service for one in (*done.registered, *done.updated)}
            removed = {one.id for one in done.removed}
            empty = (
                name
                for name, records in read.records.items()
                if name not in written and all(one.id in removed for one in records)
            )
            swept = await self._sweeper.sweep(empty, self._part(deadline))
        return Summary(plan, done, gone, swept, synced, sync_error)

    async def _gone(
        self, records: Mapping[str, tuple[Instance, ...]], deadline: Deadline
    ) -> tuple[Instance, ...]:
        """Return the records that are not ours to remove, and whose function here does not exist.

        Those of others whose endpoint it is, and those of tags that the permits do not cover any more. As far as time
        is left.
        """
        gone = []
        for one in (one for each in records.values() for one in each):
            function = self._asked_for(one)
            if function is None:
                continue
            if deadline.seconds_left <= 0:
                break
            try:
                if not await self._functions.exists(function):
                    gone.append(one)
            except StoreError:
                continue  # no proof: the next run asks again
        return tuple(gone)

    def _asked_for(self, record: Instance) -> str | None:
        """Return the function here that a record which is not ours to remove stands and falls with, or None."""
        tagged = tagged_function(record.owner)
        if tagged is None:
            return record.endpoint if self._home.is_function(record.endpoint) else None
        is_ours = self._permits.refusal(record.service, record.stage) is None
        return tagged if self._home.function(tagged) == tagged and not is_ours else None

    def _part(self, deadline: Deadline, share: float = 1.0) -> Deadline:
        """Return the end of a part of what time is left."""
        return self._registry.deadline(max(deadline.seconds_left * share, 0.1))
