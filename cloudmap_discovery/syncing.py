"""Makes whole mirrors equal to Cloud Map, whatever was changed behind their backs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudmap_discovery.copies import Copy, differences, loses_most
from cloudmap_discovery.errors import MalformedRecordError, RegistrationError, RemoteError, StoreError
from cloudmap_discovery.listing import by_place
from cloudmap_discovery.snapshot_writing import empty_snapshot, rewritten
from cloudmap_discovery.values import replace, value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.copies import Difference
    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.listing import Listing
    from cloudmap_discovery.model import Instance, Place
    from cloudmap_discovery.snapshots import Snapshot
    from cloudmap_discovery.stores.control_port import Control
    from cloudmap_discovery.stores.mirror_port import Mirror

    Report = Callable[[str, int, int], None]

# Write, look and list again until both agree; each round takes in what was changed during the one before.
_MAX_ROUNDS: Final = 5


@value
class Synced:
    """What was different in a mirror, and is no more; or, before it is written, what is to be.

    `left_alone` says which places are not the mirror's own; `created` that there was no mirror before; `error` why it
    does not agree with Cloud Map after all.
    """

    mirror: str
    differences: tuple[Difference, ...]
    left_alone: tuple[str, ...] = ()
    created: bool = False
    error: StoreError | RegistrationError | None = None


def would_lose_most(where: str, lost: tuple[int, int]) -> RegistrationError:
    """Return the error that says that so many of so many records would go."""
    reason = f"{lost[0]} of the {lost[1]} records in {where} would go"
    return RegistrationError(
        f"it was left as it is: {reason}. If Cloud Map really has lost them, pass force=True; if not, check the "
        "namespace, the region and the account",
        operation="sync",
        code="WouldLoseMost",
        reason=reason,
    )


class Syncer:
    """Compares the mirrors of a namespace with what Cloud Map lists, and rewrites what differs."""

    def __init__(
        self,
        control: Control,
        listing: Listing,
        mirrors: Sequence[Mirror],
        *,
        namespace: str,
        clock: Clock,
    ) -> None:
        self._control = control
        self._listing = listing
        self._mirrors = tuple(mirrors)
        self._namespace = namespace
        self._clock = clock

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the mirrors."""
        return tuple(mirror.name for mirror in self._mirrors)

    async def listed(
        self, stage: str | None, deadline: Deadline, report: Report
    ) -> dict[Place, list[Instance]]:
        """Return all that Cloud Map lists, of one stage or of all; raise where there is no such namespace."""
        if not await self._control.has_namespace(self._namespace, deadline):
            raise RemoteError(
                f"there is no namespace {self._namespace!r} in this account and region",
                code="NamespaceNotFound",
                store="cloudmap",
                service="servicediscovery",
                operation="ListNamespaces",
            )
        records = await self._listing.records(
            stage, deadline, progress=lambda done, of: report("Listing Cloud Map", done, of)
        )
        return by_place(records)

    async def snapshot(
        self, stage: str | None, deadline: Deadline, *, report: Report = lambda *_: None
    ) -> Snapshot:
        """Return all that Cloud Map lists, of one stage or, with None, of all stages, as one document."""
        wall = self._clock.wall()
        listed = await self.listed(stage, deadline, report)
        empty = empty_snapshot("the snapshot", self._namespace, wall)
        return rewritten(empty, listed, wall=wall, checked=True)

    async def sync(
        self,
        deadline: Deadline,
        *,
        stage: str | None = None,
        dry_run: bool = False,
        force: bool = False,
        report: Report = lambda *_: None,
    ) -> tuple[Synced, ...]:
        """Make the mirrors hold what Cloud Map lists, in one stage or, with None, in all.

        `dry_run` writes nothing. `report` is told what is done, and how much of how much of it. A mirror that fails
        has its `error`, and keeps no other from being synced; where all fail, the first error is raised. That is a
        `StoreError`, or a `RegistrationError`: with the code `WouldLoseMost` before most of a mirror's records would
        go, unless `force` is given, which also replaces what cannot be read.
        """
        wanted: dict[Place, list[Instance]] | None = None
        done = []
        for mirror in self._mirrors:
            run = _Run(self, mirror, deadline, stage, report, dry_run=dry_run, force=force)
            try:
                wanted = await run.against(wanted)
            except (StoreError, RegistrationError) as error:
                run.synced = replace(run.synced, error=error)
            done.append(run.synced)
        errors = [one.error for one in done if one.error is not None]
        if errors and len(errors) == len(done):
            raise errors[0]
        return tuple(done)

    async def relisted(
        self,
        wanted: Mapping[Place, list[Instance]],
        services: Iterable[str],
        stage: str | None,
        deadline: Deadline,
    ) -> dict[Place, list[Instance]]:
        """Return what is listed, these services listed once more."""
        again = set(services)
        records = await self._listing.records(stage, deadline, services=sorted(again))
        kept = {place: instances for place, instances in wanted.items() if place[0] not in again}
        return kept | by_place(records)


class _Run:
    """One mirror, until it agrees with what is listed."""

    def __init__(
        self,
        syncer: Syncer,
        mirror: Mirror,
        deadline: Deadline,
        stage: str | None,
        report: Report,
        *,
        dry_run: bool,
        force: bool,
    ) -> None:
        self._syncer = syncer
        self._mirror = mirror
        self._deadline = deadline
        self._stage = stage
        self._report = report
        self._dry_run = dry_run
        self._force = force
        self._is_checked = stage is None  # then all of it was compared
        self._made: dict[tuple[str, str, str], Difference] = {}
        self.synced = Synced(mirror.name, ())

    async def against(self, wanted: dict[Place, list[Instance]] | None) -> dict[Place, list[Instance]]:
        """Bring the mirror in line; returns what is listed, by then."""
        has_checked = False
        for _ in range(_MAX_ROUNDS):
            copy = await self._copy()
            # Whatever was written to the mirror before this, Cloud Map was told before that.
            if wanted is None:
                wanted = await self._syncer.listed(self._stage, self._deadline, self._report)
            else:
                differing = {one.service for one in self._differences(copy, wanted)}
                if differing:
                    wanted = await self._syncer.relisted(wanted, differing, self._stage, self._deadline)
            found = self._differences(copy, wanted)
            self._note(copy, found)
            if self._dry_run or (not found and (has_checked or not self._is_checked)):
                return wanted
            await self._write(found, wanted)
            has_checked = True
            if not found:
                return wanted
        raise RegistrationError(
            f"{self._mirror.name} still differs from Cloud Map after {_MAX_ROUNDS} rounds: others write it, or a listing"
            " lags far behind. Run it again",
            operation="sync",
            code="StillChanging",
            reason=f"after {_MAX_ROUNDS} rounds",
        )

    async def _copy(self) -> Copy:
        self._report(f"Reading {self._mirror.name}", 0, 0)
        try:
            return await self._mirror.copy(self._deadline)
        except MalformedRecordError:
            if not self._force:
                raise
            return Copy({}, exists=False)

    def _differences(self, copy: Copy, wanted: Mapping[Place, list[Instance]]) -> tuple[Difference, ...]:
        records = {place: self._mirror.records(instances) for place, instances in wanted.items()}
        return differences(copy, records, stage=self._stage)

    def _note(self, copy: Copy, found: Sequence[Difference]) -> None:
        lost = loses_most(copy, found, stage=self._stage)
        if lost is not None and not self._force:
            raise would_lose_most(self._mirror.name, lost)
        for one in found:
            self._made.setdefault((one.service, one.stage, one.id), one)
        self.synced = Synced(
            self._mirror.name,
            tuple(self._made[which] for which in sorted(self._made)),
            tuple(copy.left_alone[place] for place in sorted(copy.left_alone)),
            created=self.synced.created or not copy.exists,
        )

    async def _write(self, found: Sequence[Difference], wanted: Mapping[Place, list[Instance]]) -> None:
        places = list(dict.fromkeys((one.service, one.stage) for one in found))
        size = self._mirror.places_at_once
        for start in range(0, max(len(places), 1), size):
            self._report(f"Writing {self._mirror.name}", start, len(places))
            written = await self._mirror.write(
                {place: wanted.get(place, []) for place in places[start : start + size]},
                self._deadline,
                checked=self._is_checked,
                force=self._force,
            )
            if written.refusal is not None or written.lacks_all:
                reason = (
                    written.refusal
                    or "there is no snapshot yet, and one of a single stage would not be whole"
                )
                raise RegistrationError(reason, operation="sync", code="LeftAlone", reason=reason)
        self._report(f"Writing {self._mirror.name}", len(places), len(places))
