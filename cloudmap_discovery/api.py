"""The process-wide functions: one shared object, whose methods are the functions of the package."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery import lifecycle, wiring
from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.events import LOGGER
from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.model import DEFAULT_WEIGHT
from cloudmap_discovery.notices import Notices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cloudmap_discovery.assembly import Core
    from cloudmap_discovery.calls.calling import Calling
    from cloudmap_discovery.calls.messages import Reply
    from cloudmap_discovery.events import Event
    from cloudmap_discovery.model import Answer, Explanation, Instance
    from cloudmap_discovery.registry import Registry


class Process:
    """What this process looks up, holds and registers; wired from the environment on first use.

    `held` and `held_all` are those of `Discovery`, as soon as there is one.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._core: Core | None = None
        self._calling: tuple[Core, Calling] | None = None
        self.io = IOThread()
        self.clock = SystemClock()
        self.events = EventHub(Notices(self.clock))
        self.held: Callable[..., Instance | None] = _nothing_held
        self.held_all: Callable[..., Answer | None] = _nothing_held
        lifecycle.join(self)
        lifecycle.on_snapshot(environment, self._before_snapshot, self._after_restore)

    async def discover(
        self,
        service: str,
        *,
        stage: str | None = None,
        where: Mapping[str, str] | None = None,
        version: str | None = None,
        tenant: str | None = None,
        sticky: str | None = None,
    ) -> Instance:
        """Return one instance of the service in the stage.

        `stage=None` means `DISCOVERY_STAGE`, and no stage if that is unset; a ladder, `"pr-123>Staging>Production"`, the
        first of these stages that has the service: the instance's `.stage`. `where` are attributes that must be exactly
        so. `version` is an npm-style range (`^1.2`, `2.x`), an exact version, or text that a record has to the letter;
        without it pre-releases are not taken. `tenant` prefers that tenant's records to those of none, which are the
        only ones without it. What is declared for the service fills in what is not given. Of the instances that match,
        the highest version is chosen, by weight where there are several, or, with `sticky`, the one that this key gets
        as long as the instances stay the same.

        From memory while the answer is fresh; otherwise I/O, within `DISCOVERY_TIMEOUT` seconds. Raises
        `ServiceNotFoundError`, `NoMatchingInstanceError` or `DiscoveryUnavailableError`, and before any I/O
        `InvalidValueError` or `ConfigurationError`.
        """
        held = self.held(service, stage, where, version, tenant, sticky)
        if held is not None:
            return held
        return await (await self.core()).discovery.discover(
            service, stage=stage, where=where, version=version, tenant=tenant, sticky=sticky
        )

    async def discover_all(
        self,
        service: str,
        *,
        stage: str | None = None,
        where: Mapping[str, str] | None = None,
        version: str | None = None,
        tenant: str | None = None,
    ) -> Answer:
        """Return every instance that matches, highest version first, then by id.

        The answer is a sequence, and says its `source`, `age_seconds`, `stale` and the `stage` that served. Arguments
        and errors are those of `discover`; pre-releases are among the matches.
        """
        held = self.held_all(service, stage, where, version, tenant)
        if held is not None:
            return held
        return await (await self.core()).discovery.discover_all(
            service, stage=stage, where=where, version=version, tenant=tenant
        )

    async def discover_many(self, names: Sequence[str], *, stage: str | None = None) -> dict[str, Instance]:
        """Return one instance of each service, by name; looked up concurrently.

        Raises `LookupsFailedError` if any lookup fails; it carries what was `found`, and the `failures` by name.
        """
        return await (await self.core()).discovery.discover_many(names, stage=stage)

    async def prefetch(self, *names: str, stage: str | None = None) -> None:
        """Look the services up, so that later lookups are answered from memory; without names, what is declared.

        Takes at most `DISCOVERY_TIMEOUT` seconds. Failures are logged and never raised.
        """
        try:
            core = await self.core()
        except ConfigurationError as error:
            LOGGER.warning("prefetch failed: %s", error)
        else:
            await core.discovery.prefetch(*names, stage=stage)

    async def explain(
        self,
        service: str,
        *,
        stage: str | None = None,
        where: Mapping[str, str] | None = None,
        version: str | None = None,
        tenant: str | None = None,
        sticky: str | None = None,
    ) -> Explanation:
        """Ask every store now, change nothing that is held, and say what `discover` would answer and why."""
        return await (await self.core()).discovery.explain(
            service, stage=stage, where=where, version=version, tenant=tenant, sticky=sticky
        )

    @contextmanager
    def override(self, overrides: Mapping[str, str] | None = None, /, **more: str) -> Iterator[None]:
        """Answer lookups of these services with these addresses, in every stage and version, until the block ends.

        For tests and local work: `with override(users="http://localhost:3001"):`, a mapping for names that Python does
        not have. For all threads and event loops of the process; no store is asked.
        """
        with self._wired().discovery.override(overrides, **more):
            yield

    async def report_failure(self, instance: Instance) -> None:
        """Say that the instance could not be reached.

        It is set aside for 10 seconds if there are others, and the next lookup refreshes what is held of its service
        (at most once in 5 seconds). No I/O.
        """
        await (await self.core()).discovery.report_failure(instance)

    async def invoke(
        self,
        service: str,
        payload: Any = None,
        *,
        method: str | None = None,
        path: str | None = None,
        query: Mapping[str, str | Sequence[str]] | str | None = None,
        headers: Mapping[str, str] | None = None,
        stage: str | None = None,
        where: Mapping[str, str] | None = None,
        version: str | None = None,
        tenant: str | None = None,
        sticky: str | None = None,
        timeout_seconds: float = 30,
    ) -> Reply:
        """Call the service: a Lambda function or an HTTP endpoint, as its record says; return the whole answer.

        `payload` is anything that JSON can say, or bytes. A function gets it as its event, and an HTTP endpoint as the
        body of a POST, or without one a GET. With a `method`, `path`, `query` or `headers`, the call is a request to a
        function too, told to it in API Gateway's format 2.0; the method is then GET where there is no payload. Requests
        are signed for functions, and where the record has the attribute `auth=iam`. Which instance is called is chosen
        as `discover` does; one that cannot be reached is reported, and another one tried if nothing can have been done
        yet, or the method is idempotent. Answers of any status are returned; redirects are not followed.

        I/O: at most `timeout_seconds`, lookups and all tries together. Raises what `discover` raises, `InvalidValueError`
        before any I/O, a `StoreError` where there are no credentials to sign with, and an `InvocationError`:
        `FunctionFailedError` where the function ended in an error, `UnreachableError`, `NoReplyError` and others.
        """
        from cloudmap_discovery.calls.calling import Where  # noqa: PLC0415 -- for those that call
        from cloudmap_discovery.calls.invoking import call_of, invoked  # noqa: PLC0415 -- the same

        call = call_of(payload, method=method, path=path, query=query, headers=headers)
        core = await self.core()
        calling = await self.io.in_pool(lambda: self._calling_of(core))
        wanted = Where(service, stage, where, version, tenant, sticky)
        return await invoked(calling, wanted, call, timeout_seconds)

    async def services(self, *, stage: str | None = None) -> list[str]:
        """Return the names of the services that have an instance in the stage, sorted; never from memory.

        Through Cloud Map's control plane, one call for each service: for tools, not for requests. Raises a
        `StoreError`.
        """
        registry = await self._registry()
        return await self.io.submit(lambda: registry.services(stage=stage))

    async def register(
        self,
        service: str,
        endpoint: str,
        *,
        stage: str | None = None,
        version: str | None = None,
        tenant: str | None = None,
        variant: str | None = None,
        weight: int = DEFAULT_WEIGHT,
        attributes: Mapping[str, str] | None = None,
        owner: str | None = None,
        owner_ref: str | None = None,
        adopt: bool = False,
        wait: bool = True,
        timeout_seconds: float = 60,
    ) -> Instance:
        """Write a record, or replace the one of the same service, stage, version, tenant and variant.

        Creates the namespace and the service where they are missing, waits for Cloud Map's operation and, unless
        `wait` is false, until the record is discoverable; then the mirrors are written. `stage` is needed here, or
        a `DISCOVERY_STAGE`; `"-"` is no stage. `owner` defaults to `manual`; another owner's record is replaced only
        with `adopt`. `attributes` are free, in Cloud Map's limits, which are checked before any call.

        Raises `InvalidValueError`, `OwnershipError`, `RegistrationError` (AWS's code and reason, or its own time-out)
        or a `StoreError`.
        """
        registry = await self._registry()
        return await self.io.submit(
            lambda: registry.register(
                service,
                endpoint,
                stage=stage,
                version=version,
                tenant=tenant,
                variant=variant,
                weight=weight,
                attributes=attributes,
                owner=owner,
                owner_ref=owner_ref,
                adopt=adopt,
                wait=wait,
                timeout_seconds=timeout_seconds,
            )
        )

    async def deregister(
        self,
        service_or_instance: str | Instance,
        *,
        stage: str | None = None,
        version: str | None = None,
        tenant: str | None = None,
        variant: str | None = None,
        owner: str | None = None,
        owner_ref: str | None = None,
        wait: bool = True,
        timeout_seconds: float = 60,
    ) -> bool:
        """Remove the record of exactly this identity, or the given instance by its id.

        Returns False where it is not there. Raises `OwnershipError` where it is another's, otherwise as `register`.
        """
        registry = await self._registry()
        return await self.io.submit(
            lambda: registry.deregister(
                service_or_instance,
                stage=stage,
                version=version,
                tenant=tenant,
                variant=variant,
                owner=owner,
                owner_ref=owner_ref,
                wait=wait,
                timeout_seconds=timeout_seconds,
            )
        )

    def on_event(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Call back with every event from now on, on the thread where it happens; returns what ends it.

        A callback that raises is logged. It must not block: lookups wait for it.
        """
        return self.events.subscribe(callback)

    def preload(self) -> None:
        """Inside Lambda, load what a first lookup needs, unless `DISCOVERY_PRELOAD` is off; no network, no threads.

        Never raises: what goes wrong is logged, and raised by the first call.
        """
        if wiring.preloads(self._environment):
            try:
                self._wired()
            except Exception as error:  # noqa: BLE001 -- the import of a function must not end on what it may never use
                LOGGER.warning("preload failed: %s", error)

    async def core(self) -> Core:
        """Return what the process is wired to; reads the settings and loads the transport the first time."""
        core = self._core
        return core if core is not None else await self.io.in_pool(self._wired)

    async def _registry(self) -> Registry:
        core = await self.core()
        return await self.io.in_pool(lambda: core.registry)  # which imports it, and must not hold lookups up

    def _calling_of(self, core: Core) -> Calling:
        with self._lock:
            if self._calling is None or self._calling[0] is not core:
                self._calling = core, wiring.make_calling(core, self._environment, clock=self.clock)
            return self._calling[1]

    @contextmanager
    def replaced(self, core: Core) -> Iterator[None]:
        """Use another core for a while: for tests."""
        with self._lock:
            before = self._core
            self._use(core)
        try:
            yield
        finally:
            with self._lock:
                self._use(before)

    def after_fork_in_child(self) -> None:
        """Take a new lock: the old one may have been held by a thread that is not there any more."""
        self._lock = threading.Lock()

    def _wired(self) -> Core:
        with self._lock:
            if self._core is None:
                settings = wiring.read_settings(self._environment)
                self._use(
                    wiring.build(
                        settings, self._environment, io=self.io, clock=self.clock, events=self.events
                    )
                )
            assert self._core is not None  # noqa: S101 -- _use has just set it
            return self._core

    def _use(self, core: Core | None) -> None:
        self._core = core
        self.held = core.discovery.held if core else _nothing_held
        self.held_all = core.discovery.held_all if core else _nothing_held

    def _before_snapshot(self) -> None:
        if self._core is not None:
            self._core.before_snapshot()

    def _after_restore(self) -> None:
        if self._core is not None:
            self._core.after_restore()
        if self._calling is not None:
            self._calling[1].after_restore()


def _nothing_held(*_: object) -> None:
    return None


process: Final = Process(wiring.environment())
process.preload()

discover = process.discover
discover_all = process.discover_all
discover_many = process.discover_many
prefetch = process.prefetch
explain = process.explain
override = process.override
report_failure = process.report_failure
invoke = process.invoke
services = process.services
register = process.register
deregister = process.deregister
on_event = process.on_event
