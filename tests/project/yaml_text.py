"""Reads YAML, CloudFormation's short functions included."""

from __future__ import annotations

from typing import Any

import yaml  # type: ignore[import-untyped]  # PyYAML ships no types


class _CloudFormation(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML ships no types
    """Reads `!Ref x` as `{"Ref": "x"}`."""


def _short_function(loader: Any, node: Any) -> dict[str, Any]:
    return {node.tag.removeprefix("!"): loader.construct_scalar(node)}


for _tag in ("!ImportValue", "!Ref", "!Sub"):
    _CloudFormation.add_constructor(_tag, _short_function)


def read_yaml(text: str) -> Any:
    return yaml.load(text, _CloudFormation)  # noqa: S506 -- a SafeLoader
