"""What registering or deregistering would do, said without doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from cloudmap_discovery.errors import OwnershipError
    from cloudmap_discovery.model import Instance

Action = Literal["create", "update", "unchanged", "remove", "nothing"]


@value
class Plan:
    """What would be done, and what is there now.

    `action` is what becomes of the record: `unchanged` would write it again as it is, `nothing` finds none to remove.
    `written` is the record as it would be; `present` as it is, if it can be read. `refusal` is the `OwnershipError`
    that would be raised instead. `mirrors` names what would be rewritten.
    """

    action: Action
    namespace: str
    service: str
    stage: str
    instance_id: str
    written: Instance | None = None
    present: Instance | None = None
    creates_namespace: bool = False
    creates_service: bool = False
    refusal: OwnershipError | None = None
    mirrors: tuple[str, ...] = ()

    def steps(self) -> tuple[str, ...]:
        """Return what would be done, one step a line, each to be read after "Would"."""
        if self.refusal is not None:
            return (f"fail: {self.refusal}",)
        record = f"record {self.instance_id} of {self.service!r} ({_in_stage(self.stage)})"
        if self.action == "nothing":
            return (f"do nothing: there is no {record}",)
        steps = []
        if self.creates_namespace:
            steps.append(f"create namespace {self.namespace!r}")
        if self.creates_service:
            steps.append(f"create service {self.service!r} in namespace {self.namespace!r}")
        steps.append(self._change(record))
        steps.extend(f"rewrite mirror {mirror}" for mirror in self.mirrors)
        return tuple(steps)

    def _change(self, record: str) -> str:
        if self.written is None:
            return f"remove {record}"
        endpoint = self.written.endpoint
        if self.action == "create":
            return f"register {endpoint} as {record}"
        if self.action == "unchanged":
            return f"write {record} again as it is: {endpoint}"
        if self.present is not None and self.present.endpoint != endpoint:
            return f"update {record} from {self.present.endpoint} to {endpoint}"
        return f"update {record}: {endpoint}"


def _in_stage(stage: str) -> str:
    return "no stage" if stage == "-" else f"stage {stage}"
