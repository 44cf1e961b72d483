"""Addresses that answer in place of the registry: from the settings, and in a context for tests and local work."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from cloudmap_discovery import lifecycle
from cloudmap_discovery.limits import check_overrides
from cloudmap_discovery.model import Instance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

OVERRIDE: Final = "override"
"""The source of an answer that an override gave, and the id of its instance."""


class Overrides:
    """Which services are overridden, with what: those of the innermost context first, for all threads and event loops.

    Replaced whole, so that reading takes no lock. `on_change` is called after each change.
    """

    def __init__(self, settled: Mapping[str, str], *, on_change: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._layers: tuple[Mapping[str, str], ...] = (settled,)
        self._on_change = on_change
        self.current: Mapping[str, str] = dict(settled)
        lifecycle.join(self)

    def instance(self, service: str, stage: str) -> Instance | None:
        """Return what stands in for every record of the service in the stage, or None."""
        endpoint = self.current.get(service)
        return None if endpoint is None else Instance(service, endpoint, stage=stage, id=OVERRIDE)

    @contextmanager
    def added(self, given: Mapping[str, str]) -> Iterator[None]:
        """Override these services, too, until the block ends; contexts may end in any order."""
        layer = dict(check_overrides(given))
        self._change(lambda layers: (*layers, layer))
        try:
            yield
        finally:
            self._change(lambda layers: tuple(one for one in layers if one is not layer))

    def after_fork_in_child(self) -> None:
        """Take a new lock: the old one may have been held by a thread that is not there any more."""
        self._lock = threading.Lock()

    def _change(
        self, change: Callable[[tuple[Mapping[str, str], ...]], tuple[Mapping[str, str], ...]]
    ) -> None:
        with self._lock:
            self._layers = change(self._layers)
            self.current = {name: text for layer in self._layers for name, text in layer.items()}
        self._on_change()
