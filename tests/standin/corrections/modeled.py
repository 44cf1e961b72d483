"""Answers cut to the service model: what moto says and AWS does not, left out."""

from typing import Any


def as_modeled(shape: Any, value: Any) -> Any:
    """Leave out what the model's shape does not have, and nulls: moto answers both, AWS neither."""
    match shape.type_name:
        case "structure":
            return {
                name: as_modeled(shape.members[name], member)
                for name, member in value.items()
                if name in shape.members and member is not None
            }
        case "list":
            return [as_modeled(shape.member, member) for member in value]
        case "map":
            return {key: as_modeled(shape.value, member) for key, member in value.items()}
        case _:
            return value
