"""Reads layer/template.yaml: its parameters, and the files that it names."""

from __future__ import annotations

import difflib
import shlex
from typing import TYPE_CHECKING, Any, Final

import yaml  # type: ignore[import-untyped]  # PyYAML ships no types

from layer.build import ROOT
from layer.errors import NothingToPublishError, WrongOptionError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TEMPLATE: Final = ROOT / "layer" / "template.yaml"
_NAMES_A_FILE: Final = ("CodeUri", "ContentUri")


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML ships no types
    """Reads CloudFormation's short functions as what they stand for: `!Ref x` as `{"Ref": "x"}`."""


def _function(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        argument = loader.construct_scalar(node)
        return {name: argument.split(".", 1) if suffix == "GetAtt" else argument}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _function)


def read_template(path: Path = TEMPLATE) -> dict[str, Any]:
    """Return the content of a template, short functions written out."""
    content: dict[str, Any] = yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 -- a SafeLoader
    return content


def artifacts(template: Mapping[str, Any], folder: Path) -> list[Path]:
    """Return the files that a template in this folder names, or raise `NothingToPublishError` if one is missing."""
    properties = [resource.get("Properties", {}) for resource in template["Resources"].values()]
    named = {(folder / one[name]).resolve() for one in properties for name in _NAMES_A_FILE if name in one}
    found = sorted(named)
    for path in found:
        if not path.is_file():
            raise NothingToPublishError(f"{path.parent.name}/{path.name} is not there. Run: make build")
    return found


def parse_parameters(text: str | None, template: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters in a text such as `Namespace=shop Schedule="rate(1 hour)"`."""
    known = template["Parameters"]
    found: dict[str, str] = {}
    try:
        words = shlex.split(text or "")
    except ValueError as error:
        raise WrongOptionError(f"PARAMETERS: {text} cannot be read: {error}.") from error
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            raise WrongOptionError(
                f"PARAMETERS: {word!r} has no =. Write PARAMETERS='Namespace=shop Schedule=\"rate(1 hour)\"'."
            )
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
            raise WrongOptionError(f"PARAMETERS: {name!r} is no parameter of the template. {hint}")
        found[name] = value
    return found
