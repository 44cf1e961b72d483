"""What happens to a process: it is forked, or restored from a snapshot."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Forkable(Protocol):
    """Something with state that does not survive a fork."""

    def after_fork_in_child(self) -> None:
        """Mend it in the child; no other thread runs yet."""
        ...


_members: Final[weakref.WeakSet[Forkable]] = weakref.WeakSet()


def join(member: Forkable) -> None:
    """Have the member told when it finds itself in the child of a fork, as long as it lives."""
    _members.add(member)


def _after_fork_in_child() -> None:
    for member in list(_members):
        member.after_fork_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork_in_child)


def on_snapshot(
    environment: Mapping[str, str], before_snapshot: Callable[[], None], after_restore: Callable[[], None]
) -> bool:
    """Have the callables called around a SnapStart snapshot; returns whether this function is snapshot at all.

    The hooks come from `snapshot_restore_py`, which the Lambda runtime has.
    """
    if environment.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
        return False
    try:
        from snapshot_restore_py import (  # noqa: PLC0415 -- only the Lambda runtime has it
            register_after_restore,
            register_before_snapshot,
        )
    except ImportError:
        return False
    register_before_snapshot(before_snapshot)
    register_after_restore(after_restore)
    return True
