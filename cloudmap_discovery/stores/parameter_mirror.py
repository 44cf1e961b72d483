"""Parameter Store as a mirror: writes the parameter that repeats what Cloud Map has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.documents import is_mirror, parameter_name, write_mirror
from cloudmap_discovery.errors import RemoteError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.model import Instance
    from cloudmap_discovery.transport.port import Transport

# Somebody else wrote at the same time: look again.
_CONFLICTS: Final = frozenset({"ParameterAlreadyExists", "ParameterNotFound", "TooManyUpdates"})
_MAX_ATTEMPTS: Final = 5
_DESCRIPTION: Final = "Repeats what Cloud Map has; written by cloudmap-discovery, which overwrites changes."


class ParameterMirror:
    """Writes parameters `<prefix>/<stage>/<service>`, and never touches one that a person wrote."""

    name: Final = "ssm"

    def __init__(self, transport: Transport, *, prefix: str = "/services") -> None:
        self._transport = transport
        self._prefix = prefix

    async def write(
        self, service: str, stage: str, instances: Sequence[Instance], deadline: Deadline
    ) -> str | None:
        """Make these the parameter's records, or delete it if there are none; see `Mirror`."""
        name = parameter_name(self._prefix, stage, service)
        pauses, conflicts = deadline.pauses("PutParameter"), 0
        while True:
            try:
                return await self._write(name, instances, deadline)
            except RemoteError as error:
                conflicts += 1
                if error.code not in _CONFLICTS or conflicts == _MAX_ATTEMPTS:
                    raise error.at(self.name) from error.__cause__
            except StoreError as error:
                raise error.at(self.name) from error.__cause__
            await pauses.next(f"{name} is written by others")

    async def _write(self, name: str, instances: Sequence[Instance], deadline: Deadline) -> str | None:
        present = await self._present(name, deadline)
        if present is not None and not is_mirror(present):
            return f"{name} was written by a person and is left as it is"
        if not instances:
            if present is not None:
                await self._call("DeleteParameter", {"Name": name}, deadline)
            return None
        content = write_mirror(instances)
        if content.text == present:
            return None
        params = {
            "Name": name,
            "Value": content.text,
            "Type": "String",
            "Description": _DESCRIPTION,
            "Overwrite": present is not None,
        }
        # Never "Standard": a parameter that once was large cannot go back, and Parameter Store refuses to try.
        large = {"Tier": "Intelligent-Tiering"} if content.is_large else {}
        await self._call("PutParameter", params | large, deadline)
        return None

    async def _present(self, name: str, deadline: Deadline) -> str | None:
        result = await self._call("GetParameters", {"Names": [name], "WithDecryption": True}, deadline)
        parameters = result.get("Parameters") or ()
        return parameters[0].get("Value") or "" if parameters else None

    async def _call(self, operation: str, params: Mapping[str, Any], deadline: Deadline) -> Mapping[str, Any]:
        return await self._transport.call(
            "ssm", operation, params, timeout_seconds=deadline.call_seconds(operation)
        )
