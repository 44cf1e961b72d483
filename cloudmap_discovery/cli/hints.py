"""What may help whoever asked for a service that is not there: where it is, or what is spelled alike."""

from __future__ import annotations

import difflib
import shlex
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.errors import DiscoveryError
from cloudmap_discovery.model import NO_STAGE
from cloudmap_discovery.settings import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cloudmap_discovery.cli.session import Session
    from cloudmap_discovery.model import Instance

_BUDGET_SECONDS: Final = 2.0
_MOST_STAGES: Final = 8
_MOST_NAMES: Final = 3
_PROGRAM: Final = "cloudmap-discovery"
_STAGE_VARIABLE: Final = f"{PREFIX}STAGE"


def hints_for(session: Session, service: str, stage: str | None) -> tuple[str, ...]:
    """Return hints for a lookup that found nothing, the last one a command; lists the registry, if that is possible.

    `stage` is the option's; None if it was not given.
    """
    environment_stage = session.environment.get(_STAGE_VARIABLE)
    hints = []
    if stage is None and not environment_stage:
        hints.append(f"neither --stage nor {_STAGE_VARIABLE} is set")
    records = _registered(session)
    if records is None:
        return tuple(hints)
    return (*hints, *_from_records(session, records, service, stage or environment_stage or NO_STAGE))


def _registered(session: Session) -> Mapping[str, tuple[Instance, ...]] | None:
    """Return all records by service, or None: a hint is worth neither an error nor a long wait."""
    try:
        with session.without_notices():
            return session.run(
                lambda core: core.registry.records(timeout_seconds=_BUDGET_SECONDS),
                "Looking for what was meant",
            )
    except DiscoveryError:
        return None


def _from_records(
    session: Session, records: Mapping[str, tuple[Instance, ...]], service: str, asked: str
) -> list[str]:
    if not any(records.values()):
        namespace = session.settings.namespace
        return [
            f"nothing is registered in namespace {namespace}; --namespace or {PREFIX}NAMESPACE names another"
        ]
    stages = _stages(records.get(service, ()), asked)
    if stages:
        shown = ", ".join("no stage (-)" if stage == NO_STAGE else stage for stage in stages[:_MOST_STAGES])
        more = f" and {len(stages) - _MOST_STAGES} more" if len(stages) > _MOST_STAGES else ""
        return [
            f"{service!r} is registered in: {shown}{more}",
            command_line(session, "explain", service, "--stage", stages[0]),
        ]
    near = _near([name for name in records if name != service and records[name]], service)
    if not near:
        return [command_line(session, "list")]
    of_nearest = {record.stage for record in records[near[0]]}
    stage = asked if asked in of_nearest else _stages(records[near[0]], asked)[0]
    return [
        f"did you mean {' or '.join(map(repr, near))}?",
        command_line(session, "explain", near[0], "--stage", stage),
    ]


def _near(names: Iterable[str], service: str) -> list[str]:
    """Return the names that are spelled alike, whatever their case, or that have this one in them."""
    by_folded = {name.casefold(): name for name in names}
    folded = service.casefold()
    alike = difflib.get_close_matches(folded, by_folded, n=_MOST_NAMES)
    containing = [name for name in sorted(by_folded) if folded in name or name in folded]
    return [by_folded[name] for name in dict.fromkeys((*alike, *containing))][:_MOST_NAMES]


def _stages(records: Iterable[Instance], asked: str) -> list[str]:
    """Return the stages of the records other than the one asked for: first what differs in case, then what looks alike."""
    stages = sorted({record.stage for record in records} - {asked})
    alike = difflib.get_close_matches(asked.casefold(), [stage.casefold() for stage in stages])
    return sorted(
        stages,
        key=lambda stage: (stage.casefold() != asked.casefold(), stage.casefold() not in alike),
    )


def command_line(session: Session, *words: str) -> str:
    """Return a command that can be pasted, with the options that said where to ask."""
    options = [
        word
        for name, text in session.overridden.items()
        if name not in {"timeout", "stage"}
        for word in _option(name, text)
    ]
    return f"Try: {shlex.join([_PROGRAM, *words, *options])}"


def _option(name: str, text: str) -> tuple[str, str]:
    return f"--{name.replace('_', '-')}", text
