"""What the program's exit code says, and the words for what went wrong."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.errors import (
    ConfigurationError,
    DiscoveryError,
    DiscoveryUnavailableError,
    InvalidValueError,
    OwnershipError,
    RegistrationError,
    ServiceNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DONE: Final = 0
"""Found, or done."""

NOT_FOUND: Final = 1
"""The registry answered, and does not have it."""

WRONG_USE: Final = 2
"""The command or the configuration has to change; trying again changes nothing."""

UNAVAILABLE: Final = 3
"""AWS failed, refused, or took too long; trying again may help."""

BUG: Final = 70
"""The program itself is wrong (EX_SOFTWARE of sysexits.h)."""

INTERRUPTED: Final = 130
"""Ctrl-C, as shells count it."""

BROKEN_PIPE: Final = 141
"""Whoever read the output has gone (`| head`), as shells count it."""

# How the library names what is an option here: as a field, and in what it advises.
_OPTIONS: Final[Mapping[str, str]] = {
    "timeout_seconds": "--timeout",
    "owner_ref": "--owner-ref",
    "attributes": "--attribute",
}
_ADVICE: Final[Mapping[str, str]] = {
    "pass adopt=True": "pass --adopt",
    "pass a larger timeout_seconds": "pass a larger --timeout",
    "pass force=True": "say so with --force",
}


class NamespaceNotFoundError(DiscoveryError):
    """There is no such namespace: `namespace`."""

    def __init__(self, namespace: str) -> None:
        super().__init__(
            f"there is no namespace {namespace!r} in this account and region; --namespace or DISCOVERY_NAMESPACE names"
            " another, --region another region, and register creates it"
        )
        self.namespace = namespace


def exit_code(error: DiscoveryError) -> int:
    """Return the exit code of a command that ended in this error."""
    match error:
        case ServiceNotFoundError() | NamespaceNotFoundError():
            return NOT_FOUND
        case ConfigurationError() | InvalidValueError() | OwnershipError():
            return WRONG_USE
        case RegistrationError(code="WouldLoseMost" | "LeftAlone"):
            return WRONG_USE
        case _:
            return UNAVAILABLE


def message(error: DiscoveryError) -> str:
    """Return what the error says, in the words of the command line."""
    text = str(error)
    match error:
        case InvalidValueError(field="stage", value=None):
            return (
                "a record is written to one stage: say --stage, or set DISCOVERY_STAGE; --stage - is no stage"
            )
        case InvalidValueError(field=field):
            named = next((name for name in _OPTIONS if field.startswith(name)), "")
            return _OPTIONS.get(named, "") + text.removeprefix(named)
        case RegistrationError():
            for words, ours in _ADVICE.items():
                text = text.replace(words, ours)
            if isinstance(error, OwnershipError):
                text = text.replace("pass its owner (and owner_ref)", f"pass {_claim(error)}")
            return text
        case _:
            return text


def as_json(error: DiscoveryError, hints: Sequence[str] = ()) -> dict[str, Any]:
    """Return the error for machines."""
    causes = error.causes if isinstance(error, (ServiceNotFoundError, DiscoveryUnavailableError)) else ()
    return {
        "type": type(error).__name__,
        "message": message(error),
        "exit_code": exit_code(error),
        "causes": [
            {"store": cause.store, "type": type(cause).__name__, "message": str(cause)} for cause in causes
        ],
        "hints": list(hints),
    }


def _claim(error: OwnershipError) -> str:
    """Return the options that act as the record's owner."""
    options = ["--owner", error.owner]
    if error.owner_ref is not None:
        options += ["--owner-ref", error.owner_ref]
    return shlex.join(options)
