"""Declared dependencies: what a function says that it looks up."""

from __future__ import annotations

import os.path
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn

from cloudmap_discovery.errors import ConfigurationError, InvalidValueError
from cloudmap_discovery.limits import check_ladder, check_service, check_tenant
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

VARIABLE: Final = "DISCOVERY_DEPENDENCIES"
TABLE: Final = ("tool", "cloudmap-discovery", "dependencies")
"""The keys under which a TOML file declares dependencies."""

_EXAMPLE: Final = '{"users": "^1.2"}'
_MUST_BE: Final = "must be "
_BARE_KEY: Final = r"[A-Za-z0-9_-]+"


@value
class Dependency:
    """A service that is looked up: in a range of versions, for a tenant, in a stage or ladder; None means any.

    `version` and `stage` are text that `parse_range` and `check_ladder` understand.
    """

    service: str
    version: str | None = None
    tenant: str | None = None
    stage: str | None = None


def of_setting(text: str, folder: str | Path) -> tuple[Dependency, ...]:
    """Return what a JSON object declares, or the .json or .toml file of this path, relative to `folder`.

    Raises a `ConfigurationError` for what cannot be read or is not allowed.
    """
    if text.startswith("{"):
        return parse_dependencies(_from_json(text, VARIABLE), VARIABLE)
    return _named(text, folder)


def of_file(raw: bytes, name: str) -> tuple[Dependency, ...] | None:
    """Return what the content of the file of this name declares, or None for TOML without our table.

    Raises a `ConfigurationError` for what cannot be read or is not allowed.
    """
    if not name.lower().endswith(".toml"):
        return parse_dependencies(_from_json(raw, name), name)
    document: Any = _from_toml(raw, name)
    for depth, key in enumerate(TABLE[:2], start=1):
        document = document.get(key)
        if document is None:
            return None
        if not isinstance(document, dict):
            raise ConfigurationError(_key(name, *TABLE[:depth]), _as_text(document), "a table")
    for key in document:
        if key != TABLE[2]:
            allowed = f"called {TABLE[2]}, the one key of this table"
            raise ConfigurationError(_key(name, *TABLE[:2], key), _as_text(document[key]), allowed)
    return parse_dependencies(document[TABLE[2]], name, *TABLE) if document else None


def parse_dependencies(document: object, place: str, *within: str) -> tuple[Dependency, ...]:
    """Return the dependencies that a document declares: names to ranges, or to tables of version, tenant and stage.

    It stands in `place`, under the keys `within`. Raises a `ConfigurationError` whose `variable` names place and key.
    """
    if not isinstance(document, dict):
        raise ConfigurationError(_key(place, *within), _as_text(document), "a table of ranges by service")
    return tuple(_dependency(name, given, place, *within, name) for name, given in document.items())


def _dependency(name: str, given: object, *where: str) -> Dependency:
    service = _checked(check_service, name, "named as a service can be", *where)
    if not isinstance(given, dict):
        return Dependency(service, _checked(_version, given, "a range of versions, such as ^1.2", *where))
    for key in given:
        if key not in _FIELDS:
            allowed = f"called {_listed(_FIELDS)}{_near_miss(key, _FIELDS)}"
            raise ConfigurationError(_key(*where, key), _as_text(given[key]), allowed)
    return Dependency(
        service,
        **{
            key: _checked(check, given[key], what, *where, key)
            for key, (check, what) in _FIELDS.items()
            if key in given
        },
    )


def _version(given: Any) -> str:
    from cloudmap_discovery.ranges import parse_range  # noqa: PLC0415 -- only where dependencies are declared

    if not isinstance(given, str):
        raise InvalidValueError("version", given, f"must be text in quotes, not {type(given).__name__}")
    parse_range(given)
    return given


def _stage(given: Any) -> str:
    check_ladder(given)
    return str(given)


_FIELDS: Final[dict[str, tuple[Callable[[Any], str], str]]] = {
    "version": (_version, "a range of versions, such as ^1.2"),
    "tenant": (check_tenant, "the name of a tenant"),
    "stage": (_stage, "a stage, or several with > between them"),
}


def _checked(check: Callable[[Any], str], given: object, what: str, *where: str) -> str:
    try:
        return check(given)
    except InvalidValueError as error:
        allowed = error.limit.removeprefix(_MUST_BE)
        allowed = allowed if error.limit.startswith(_MUST_BE) else f"{what}: {allowed}"
        raise ConfigurationError(_key(*where), _as_text(given), allowed) from error


def _named(name: str, folder: str | Path) -> tuple[Dependency, ...]:
    """Return what the file declares that the variable names."""
    try:
        with open(os.path.join(folder, name), "rb") as file:  # noqa: PTH118, PTH123 -- pathlib takes long to import
            raw = file.read()
    except (OSError, ValueError) as error:  # the latter for a path with a null character
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(VARIABLE, name, f"the path of a file that can be read: {reason}") from error
    found = of_file(raw, name)
    if found is None:
        raise ConfigurationError(VARIABLE, name, f"a file with a table [{'.'.join(TABLE)}]")
    return found


def _from_json(text: str | bytes, place: str) -> object:
    import json  # noqa: PLC0415 -- only where dependencies are declared

    try:
        return json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        _refuse(text, place, f"a JSON object, such as {_EXAMPLE}", error)


def _from_toml(raw: bytes, place: str) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 -- only where dependencies are declared

    try:
        return tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        _refuse(raw, place, "TOML", error)


def _refuse(text: str | bytes, place: str, what: str, error: Exception) -> NoReturn:
    """Raise an error that shows the line that the parser's error names, or all of the text."""
    shown = text if isinstance(text, str) else text.decode(errors="replace")
    named = re.search(r"\bline ([0-9]+)", str(error))
    lines = shown.splitlines()
    if named and int(named[1]) <= len(lines):
        shown = lines[int(named[1]) - 1].strip()
    raise ConfigurationError(place, shown, f"{what}: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, given in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} is there twice")
        found[key] = given
    return found


def _key(place: str, *keys: str) -> str:
    """Return where something stands, as in `pyproject.toml: tool.cloudmap-discovery.dependencies.users`."""
    named = (key if re.fullmatch(_BARE_KEY, key) else f'"{key}"' for key in keys)
    return f"{place}: {'.'.join(named)}" if keys else place


def _as_text(given: object) -> str:
    return given if isinstance(given, str) else repr(given)


def _listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}"


def _near_miss(key: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 -- only where a name is wrong

    near = difflib.get_close_matches(key, tuple(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
