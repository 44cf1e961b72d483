"""Waits until what was written to Cloud Map has spread: it is eventually consistent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudmap_discovery.encoding import is_written
from cloudmap_discovery.errors import RegistrationError, StoreError
from cloudmap_discovery.model import NO_STAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.registration import Target
    from cloudmap_discovery.stores.control_port import Control, Entry

# How long a record that we wrote may stay invisible to GetInstance before we take it for removed by somebody.
_SPREADING_SECONDS: Final = 15.0


class Spreading:
    """What this process wrote to a namespace a moment ago, and whether Cloud Map shows it by now."""

    def __init__(self, control: Control, *, namespace: str, clock: Clock) -> None:
        self._control = control
        self._namespace = namespace
        self._clock = clock
        self._written: dict[tuple[str, str], float] = {}

    def wrote(self, service: str, instance_id: str) -> None:
        """Note that the record was written just now."""
        now = self._clock.monotonic()
        self._written = {key: at for key, at in self._written.items() if now - at <= _SPREADING_SECONDS}
        self._written[service, instance_id] = now

    def removed(self, service: str, instance_id: str) -> None:
        """Note that the record is gone."""
        self._written.pop((service, instance_id), None)

    async def present(self, meant: Target, deadline: Deadline) -> Entry | None:
        """Return the record that is there, waiting for one that we wrote a moment ago."""
        pauses = deadline.pauses("GetInstance")
        while True:
            entry = await self._control.instance(self._namespace, meant.service, meant.instance_id, deadline)
            at = self._written.get((meant.service, meant.instance_id))
            if entry is not None or at is None or self._clock.monotonic() - at > _SPREADING_SECONDS:
                return entry
            await pauses.next("the record's registration has not spread yet")

    async def seen(
        self, meant: Target, attributes: Mapping[str, str] | None, deadline: Deadline
    ) -> StoreError | RegistrationError | None:
        """Wait until lookups see the record with these attributes, or, with None, not at all.

        Returns what prevented that, so that the caller can first do what remains to be done.
        """
        query = {} if meant.stage == NO_STAGE else {"stage": meant.stage}
        operation, status = (
            ("DeregisterInstance", "the record is removed, but lookups still see it")
            if attributes is None
            else ("RegisterInstance", "the record is written, but lookups do not see it yet")
        )
        pauses = deadline.pauses(operation)
        try:
            while not await self._shown(meant, attributes, query, deadline):
                await pauses.next(status)
        except StoreError as error:
            return error
        except RegistrationError:
            return deadline.missed(operation, status)
        return None

    async def _shown(
        self,
        meant: Target,
        attributes: Mapping[str, str] | None,
        query: Mapping[str, str],
        deadline: Deadline,
    ) -> bool:
        try:
            entries = await self._control.discoverable(self._namespace, meant.service, query, deadline)
        except StoreError as error:
            if not error.retryable:
                raise
            return False
        seen = next((entry for entry in entries if entry.id == meant.instance_id), None)
        if seen is None or attributes is None:
            return seen is None and attributes is None
        return is_written(seen.attributes, attributes)
