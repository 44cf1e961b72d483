"""One run of the program: what its command works with."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cloudmap_discovery import wiring
from cloudmap_discovery.cli import machine
from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.events import LOGGER, StaleServed, StoreFailed
from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.notices import Notices
from cloudmap_discovery.settings import definitions

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping

    from cloudmap_discovery.assembly import Core
    from cloudmap_discovery.cli.screen import Screen
    from cloudmap_discovery.events import Event
    from cloudmap_discovery.registrar.parts import Parts
    from cloudmap_discovery.settings import Settings

    CoreFactory = Callable[[Mapping[str, str], EventHub], Core]
    RegistrarFactory = Callable[[Mapping[str, str], EventHub], Parts]

T = TypeVar("T")

_SETTINGS: Final = {setting.name: setting for setting in definitions()}


def wired(environment: Mapping[str, str], events: EventHub) -> Core:
    """Return a core that speaks to AWS, as the environment says."""
    settings = wiring.read_settings(environment)
    return wiring.build(settings, environment, io=IOThread(), clock=SystemClock(), events=events)


def wired_registrar(environment: Mapping[str, str], events: EventHub) -> Parts:
    """Return a registrar of the account that the credentials are of; asks AWS which one that is."""
    from cloudmap_discovery.cli.home import find_home  # noqa: PLC0415 -- for one command alone
    from cloudmap_discovery.registrar.parts import Parts  # noqa: PLC0415 -- the same

    settings = wiring.read_settings(environment)
    io, clock = IOThread(), SystemClock()
    transport = wiring.make_transport(settings, environment, clock)
    try:
        home = io.run(lambda: find_home(transport, settings, environment))
    except BaseException:  # Ctrl-C too: whatever ends it, no connection stays open
        io.run(transport.aclose)
        raise
    return Parts(settings, environment, home=home, io=io, clock=clock, events=events, transport=transport)


class Session:
    """What a command works with: a core, made when it is first needed, and a screen.

    `as_json`: the command is to print for machines. `overridden` has the settings that options gave; `hints` is what
    is told after the error that the command ends in; `told` has what the result says of failures.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        core_factory: CoreFactory,
        screen: Screen,
        as_json: bool,
        registrar_factory: RegistrarFactory = wired_registrar,
    ) -> None:
        self.screen = screen
        self.as_json = as_json
        self.environment = dict(environment)
        self._core_factory = core_factory
        self._registrar_factory = registrar_factory
        self.overridden: dict[str, str] = {}
        self.hints: tuple[str, ...] = ()
        self.told: list[str] = []
        self._is_quiet = False
        self._core: Core | None = None
        self._registrar: Parts | None = None
        self._notices = Notices(SystemClock())
        self._failures: list[StoreFailed] = []
        self._events = EventHub(self._notice)

    @property
    def core(self) -> Core:
        """The core; making it reads the settings and loads the SDK."""
        if self._core is None:
            self._core = self._core_factory(self.environment, self._events)
        return self._core

    @property
    def registrar(self) -> Parts:
        """The registrar, whose core is the session's from then on; making it asks AWS whose credentials these are."""
        if self._registrar is None:
            self._registrar = self._registrar_factory(self.environment, self._events)
            self._core = self._registrar.core
        return self._registrar

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.core.settings

    def override(self, **texts: str | None) -> None:
        """Let these settings hold instead of the environment's; None leaves the environment's."""
        for name, text in texts.items():
            if text is None:
                continue
            setting = _SETTINGS[name]
            try:
                setting.parse(text.strip())
            except ValueError as error:
                option = f"--{name.replace('_', '-')}"
                raise InvalidValueError(option, text, setting.allowed) from error
            self.environment[setting.variable] = self.overridden[name] = text

    def run(
        self,
        work: Callable[[Core], Coroutine[Any, Any, T]],
        doing: str,
        then: Mapping[type[Event], str] | None = None,
    ) -> T:
        """Run the work to its end; `doing` says meanwhile what it is, and `then` what it is after an event."""
        with self.screen.working(doing) as now_doing:

            def changed(event: Event) -> None:
                if then and type(event) in then:
                    now_doing(then[type(event)])

            unsubscribe = self._events.subscribe(changed)
            try:
                core = self.core
                return core.io.run(lambda: work(core))
            finally:
                unsubscribe()

    def run_registrar(
        self,
        work: Callable[[Parts], Coroutine[Any, Any, T]],
        doing: str,
        then: Callable[[Event], str | None],
    ) -> T:
        """Run the registrar's work to its end; `doing` says meanwhile what it is, and `then` what it is after an event."""
        with self.screen.working(doing) as now_doing:

            def changed(event: Event) -> None:
                words = then(event)
                if words is not None:
                    now_doing(words)

            unsubscribe = self._events.subscribe(changed)
            try:
                registrar = self.registrar
                return registrar.core.io.run(lambda: work(registrar))
            finally:
                unsubscribe()

    def run_counted(
        self, work: Callable[[Core, Callable[[str, int, int], None]], Coroutine[Any, Any, T]], doing: str
    ) -> T:
        """Run long work to its end; it is given what to tell how far it has come."""
        with self.screen.counting(doing) as report:
            core = self.core
            return core.io.run(lambda: work(core, report))

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call the listener with every event, until what this returns is called."""
        return self._events.subscribe(listener)

    def note(self, text: str) -> None:
        """Tell a person something beside the result."""
        if not self.as_json:
            self.screen.note(text)

    def warn(self, text: str) -> None:
        """Tell people and machines of something that may be wrong."""
        if self.as_json:
            self.screen.trouble(machine.line({"warning": text}))
        else:
            self.screen.warning(text)

    @contextmanager
    def without_notices(self) -> Iterator[None]:
        """Tell nothing of what happens meanwhile: it is beside what was asked for."""
        self._is_quiet = True
        try:
            yield
        finally:
            self._is_quiet = False

    @contextmanager
    def warnings_shown(self) -> Iterator[None]:
        """Show the package's warnings; at the end, unless an error or the result says it, also which stores failed."""
        handler = _Warnings(self.warn)
        LOGGER.addHandler(handler)
        try:
            yield
            for failure in self._failures:
                if not any(failure.message in text for text in (*handler.told, *self.told)):
                    self._notices(failure)
        finally:
            LOGGER.removeHandler(handler)

    def close(self) -> None:
        """Close the connections."""
        if self._core is not None:
            self._core.io.run(self._core.transport.aclose)

    def _notice(self, event: Event) -> None:
        if self._is_quiet:
            return
        match event:
            case StoreFailed():
                self._failures.append(event)
            case StaleServed():
                pass  # a process that has just begun holds nothing old: it is a fallback's answer, told as such
            case _:
                self._notices(event)


class _Warnings(logging.Handler):
    """Hands the messages of warnings and worse to a function."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(record.getMessage())
        self._tell(record.getMessage())
