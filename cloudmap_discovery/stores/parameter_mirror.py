"""Parameter Store as a mirror: writes the parameter that repeats what Cloud Map has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.copies import Copy
from cloudmap_discovery.documents import (
    not_ours,
    parameter_name,
    read_parameter,
    record_fields,
    write_mirror,
)
from cloudmap_discovery.errors import MalformedRecordError, RemoteError, StoreError
from cloudmap_discovery.stores.mirror_port import Written

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cloudmap_discovery.copies import Records
    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.model import Instance, Place
    from cloudmap_discovery.transport.port import Transport

# Somebody else wrote at the same time: look again.
_CONFLICTS: Final = frozenset({"ParameterAlreadyExists", "ParameterNotFound", "TooManyUpdates"})
_MAX_ATTEMPTS: Final = 5
_DESCRIPTION: Final = "Repeats what Cloud Map has; written by cloudmap-discovery, which overwrites changes."
_OVERFLOW: Final = {"": {"overflow": True}}


class ParameterMirror:
    """Writes parameters `<prefix>/<stage>/<service>`, and never touches one that somebody else wrote.

    That is a person, or the mirror of another namespace.
    """

    name: Final = "ssm"
    places_at_once: Final = 1

    def __init__(self, transport: Transport, *, namespace: str, prefix: str = "/services") -> None:
        self._transport = transport
        self._namespace = namespace
        self._prefix = prefix

    async def write(
        self,
        places: Mapping[Place, Sequence[Instance]],
        deadline: Deadline,
        *,
        checked: bool = False,
        force: bool = False,
    ) -> Written:
        """Make these the records of each place's parameter, or delete it if there are none; see `Mirror`."""
        del checked, force  # a parameter does not say when, and what another wrote is not ours to replace
        changed, refusals = False, []
        for (service, stage), instances in places.items():
            written = await self._written(parameter_name(self._prefix, stage, service), instances, deadline)
            changed = changed or written.changed
            if written.refusal is not None:
                refusals.append(written.refusal)
        return Written(changed=changed, refusal="; ".join(refusals) or None)

    async def create(self, places: Mapping[Place, Sequence[Instance]], deadline: Deadline) -> None:
        """Do nothing: each parameter is made when it is written; see `Mirror`."""

    async def copy(self, deadline: Deadline) -> Copy:
        """Return all that the parameters of the prefix hold; see `Mirror`."""
        places: dict[Place, Records] = {}
        left_alone: dict[Place, str] = {}
        for name, value in await self._everything(deadline):
            stage, _, service = name.removeprefix(f"{self._prefix}/").partition("/")
            if not service or "/" in service:
                continue  # somebody keeps something else there
            whose = not_ours(value, self._namespace)
            if whose is None:
                places[service, stage] = self._read(value, name, service, stage)
            else:
                left_alone[service, stage] = f"{name} was written by {whose}"
        return Copy(places, left_alone)

    def records(self, instances: Iterable[Instance]) -> Records:
        """Return what a parameter would hold of these records; see `Mirror`."""
        listed = tuple(instances)
        if write_mirror(listed, self._namespace).overflow:
            return _OVERFLOW
        return {instance.id: record_fields(instance) for instance in listed}

    @staticmethod
    def _read(value: str, name: str, service: str, stage: str) -> Records:
        try:
            content = read_parameter(value, parameter=name, service=service, stage=stage)
        except MalformedRecordError as error:
            return {"": {"unusable": error.reason}}
        if content.overflow:
            return _OVERFLOW
        unusable = {record.record: {"unusable": record.reason} for record in content.passed_over}
        return {**{instance.id: record_fields(instance) for instance in content.instances}, **unusable}

    async def _everything(self, deadline: Deadline) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        token: str | None = None
        while True:
            params = {"Path": self._prefix, "Recursive": True, "WithDecryption": True}
            page = await self._call(
                "GetParametersByPath", params | ({"NextToken": token} if token else {}), deadline
            )
            found.extend((one["Name"], one.get("Value") or "") for one in page.get("Parameters") or ())
            token = page.get("NextToken")
            if not token:
                return found

    async def _written(self, name: str, instances: Sequence[Instance], deadline: Deadline) -> Written:
        pauses, conflicts = deadline.pauses("PutParameter"), 0
        while True:
            try:
                return await self._write(name, instances, deadline)
            except RemoteError as error:
                conflicts += 1
                if error.code not in _CONFLICTS or conflicts == _MAX_ATTEMPTS:
                    raise
            await pauses.next(f"{name} is written by others")

    async def _write(self, name: str, instances: Sequence[Instance], deadline: Deadline) -> Written:
        present = await self._present(name, deadline)
        whose = None if present is None else not_ours(present, self._namespace)
        if whose is not None:
            return Written(refusal=f"{name} was written by {whose} and is left as it is")
        if not instances:
            if present is None:
                return Written()
            await self._call("DeleteParameter", {"Name": name}, deadline)
            return Written(changed=True)
        content = write_mirror(instances, self._namespace)
        if content.text == present:
            return Written()
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
        return Written(changed=True)

    async def _present(self, name: str, deadline: Deadline) -> str | None:
        result = await self._call("GetParameters", {"Names": [name], "WithDecryption": True}, deadline)
        parameters = result.get("Parameters") or ()
        return parameters[0].get("Value") or "" if parameters else None

    async def _call(self, operation: str, params: Mapping[str, Any], deadline: Deadline) -> Mapping[str, Any]:
        try:
            return await self._transport.call(
                "ssm", operation, params, timeout_seconds=deadline.call_seconds(operation)
            )
        except StoreError as error:
            raise error.at(self.name) from error.__cause__
