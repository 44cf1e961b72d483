"""The attributes of a record that say which services its own one depends on.

`depends-on` is text like `users,payments@^1.2`: names, each with its range of versions if it has one, separated by
commas. What does not fit into it goes on in `depends-on-2`, `depends-on-3` and so on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.dependencies import Dependency
from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.limits import MAX_ATTRIBUTE_VALUE, check_service
from cloudmap_discovery.ranges import parse_range

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ATTRIBUTE: Final = "depends-on"

_ATTRIBUTES: Final = rf"{ATTRIBUTE}(?:-([1-9][0-9]{{0,2}}))?"


def is_depends_on(attribute: str) -> bool:
    """Return whether the attribute with this name says what a service depends on."""
    return re.fullmatch(_ATTRIBUTES, attribute) is not None


def parse_entry(text: str) -> Dependency:
    """Return the dependency that `users` or `users@^1.2` says, or raise an `InvalidValueError`."""
    name, separator, version = (part.strip() for part in text.partition("@"))
    service = check_service(name)
    if "," in version:
        raise InvalidValueError("version", version, "a comma would end it; alternatives have || between them")
    if separator and not version:
        raise InvalidValueError("version", version, "a range follows the @; without one, leave the @ out")
    if separator:
        parse_range(version)
    return Dependency(service, version if separator else None)


def encode_depends_on(dependencies: Iterable[Dependency]) -> dict[str, str]:
    """Return the attributes that say this, as few as hold it: 1,024 characters each (RegisterInstance, AttrValue).

    Whether a record takes them all is for `check_all_attributes` to say.
    """
    values: list[str] = []
    for dependency in dependencies:
        entry = (
            dependency.service if dependency.version is None else f"{dependency.service}@{dependency.version}"
        )
        if values and len(values[-1]) + 1 + len(entry) <= MAX_ATTRIBUTE_VALUE:
            values[-1] += f",{entry}"
        else:
            values.append(entry)
    return {_attribute(number): value for number, value in enumerate(values, start=1)}


def decode_depends_on(attributes: Mapping[str, str]) -> tuple[Dependency, ...]:
    """Return what anybody's attributes say, each dependency once; what cannot be read is passed over.

    Where only the range of an entry cannot be read, its name still counts.
    """
    numbered = sorted(
        (int(match[1] or 1), value)
        for key, value in attributes.items()
        if (match := re.fullmatch(_ATTRIBUTES, key)) is not None
    )
    found = (_lenient(entry) for _, value in numbered for entry in value.split(","))
    return tuple(dict.fromkeys(dependency for dependency in found if dependency is not None))


def _lenient(entry: str) -> Dependency | None:
    for text in (entry, entry.partition("@")[0]):
        try:
            return parse_entry(text)
        except InvalidValueError:
            continue
    return None


def _attribute(number: int) -> str:
    return ATTRIBUTE if number == 1 else f"{ATTRIBUTE}-{number}"
