"""What Cloud Map refuses with InvalidInput: the service model's traits, and the rules its documentation adds.

moto checks none of it. The traits (required, min, max, pattern, enum) are read from botocore's copy of the model, so
they cannot differ from it; only what the model does not say is written down here.
"""

import re
from typing import TYPE_CHECKING, Any

from tests.standin.corrections.cloud_map_errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.model import Shape

# RegisterInstance, Attributes: "You can add up to 30 custom attributes."
MAX_CUSTOM_ATTRIBUTES = 30
# The same: "The total size of all provided attributes (sum of all keys and values) must not exceed 5,000 characters."
MAX_ATTRIBUTES_CHARACTERS = 5_000
# The same: "The following are the supported attribute keys." All others of this prefix are AWS's to define.
RESERVED_PREFIX = "AWS_"
SUPPORTED_RESERVED_KEYS = frozenset(
    {
        "AWS_ALIAS_DNS_NAME",
        "AWS_EC2_INSTANCE_ID",
        "AWS_INIT_HEALTH_STATUS",
        "AWS_INSTANCE_CNAME",
        "AWS_INSTANCE_IPV4",
        "AWS_INSTANCE_IPV6",
        "AWS_INSTANCE_PORT",
    }
)
# Service quotas: "Namespaces per Region: 50", "Instances per namespace: 2,000", "Instances per service: 1,000".
MAX_NAMESPACES = 50
MAX_INSTANCES_PER_NAMESPACE = 2_000
MAX_INSTANCES_PER_SERVICE = 1_000
# The documentation of TooManyTagsException: "The maximum number of tags that can be applied to a resource is 50."
MAX_TAGS = 50

_PYTHON_TYPES: dict[str, type | tuple[type, ...]] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "integer": int,
    "long": int,
}


def check_input(shape: "Shape", value: Any) -> None:
    """Raise InvalidInput with every trait of the model that a request breaks."""
    problems = list(_problems(shape, value, ""))
    if problems:
        plural = "errors" if len(problems) > 1 else "error"
        raise InvalidInputError(f"{len(problems)} validation {plural} detected: {'; '.join(problems)}")


def _problems(shape: Any, value: Any, path: str) -> "Iterator[str]":
    expected = _PYTHON_TYPES.get(shape.type_name)
    if expected is not None and (not isinstance(value, expected) or isinstance(value, bool)):
        yield f"'{path}' must be of type {shape.type_name}"
        return
    match shape.type_name:
        case "structure":
            yield from _structure_problems(shape, value, path)
        case "map":
            yield from _outside(shape, len(value), f"the number of entries of '{path}'")
            for key, entry in value.items():
                yield from _problems(shape.key, key, f"{path}.key")
                yield from _problems(shape.value, entry, _join(path, key))
        case "list":
            yield from _outside(shape, len(value), f"the number of entries of '{path}'")
            for position, entry in enumerate(value):
                yield from _problems(shape.member, entry, f"{path}[{position}]")
        case "string":
            yield from _outside(shape, len(value), f"the length of '{path}'")
            yield from _unlike(shape, value, path)
        case "integer" | "long":
            yield from _outside(shape, value, f"'{path}'")


def _structure_problems(shape: Any, value: Any, path: str) -> "Iterator[str]":
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"'{_join(path, name)}' must not be null"
    for name, member in value.items():
        if name in shape.members and member is not None:
            yield from _problems(shape.members[name], member, _join(path, name))


def _outside(shape: Any, size: int, what: str) -> "Iterator[str]":
    minimum, maximum = shape.metadata.get("min"), shape.metadata.get("max")
    if minimum is not None and size < minimum:
        yield f"{what} is {size} and must be at least {minimum}"
    if maximum is not None and size > maximum:
        yield f"{what} is {size} and must be at most {maximum}"


def _unlike(shape: Any, value: str, path: str) -> "Iterator[str]":
    pattern = shape.metadata.get("pattern")
    if pattern is not None and not re.fullmatch(pattern, value):
        yield f"value '{value[:80]}' at '{path}' must match {pattern}"
    if shape.enum and value not in shape.enum:
        yield f"value '{value[:80]}' at '{path}' must be one of {shape.enum}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else str(name)


def check_instance_attributes(attributes: "Mapping[str, str]") -> None:
    """Raise InvalidInput for what the documentation of RegisterInstance rules out beyond the model."""
    custom = [key for key in attributes if not key.startswith(RESERVED_PREFIX)]
    if len(custom) > MAX_CUSTOM_ATTRIBUTES:
        raise InvalidInputError(
            f"{len(custom)} custom attributes given; at most {MAX_CUSTOM_ATTRIBUTES} are allowed"
        )
    characters = sum(len(key) + len(value) for key, value in attributes.items())
    if characters > MAX_ATTRIBUTES_CHARACTERS:
        raise InvalidInputError(
            f"attributes take {characters} characters; at most {MAX_ATTRIBUTES_CHARACTERS} are allowed"
        )
    unsupported = sorted(set(attributes) - set(custom) - SUPPORTED_RESERVED_KEYS)
    if unsupported:
        raise InvalidInputError(
            f"attribute keys {unsupported} start with the reserved prefix {RESERVED_PREFIX}"
        )
    if attributes.get("AWS_INIT_HEALTH_STATUS", "HEALTHY") not in {"HEALTHY", "UNHEALTHY"}:
        raise InvalidInputError("AWS_INIT_HEALTH_STATUS must be HEALTHY or UNHEALTHY")
