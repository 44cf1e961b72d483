"""What a built layer is published as: its name, its content and who may use it."""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layer.errors import NothingToPublishError, WrongOptionError
from layer.targets import (
    ARCHITECTURES,
    PROJECT,
    PYTHON_RUNTIMES,
    PythonRuntime,
    Target,
    as_options,
    find_flavor,
    find_target,
    parse_zip_name,
    refuse_narrowing_slim,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

LICENSE = "Apache-2.0"
_NAME_LIMIT = 140  # characters, of Lambda's LayerName
_DESCRIPTION_LIMIT = 256  # characters, of Lambda's Description
_SHOWN_PACKAGES = ("aiobotocore", "boto3", "botocore", "node-semver", "tenacity")
_DIST_INFO = re.compile(r"python/(?P<name>[^/]+)-(?P<version>[^/-]+)\.dist-info/METADATA")


@dataclass(frozen=True, slots=True)
class Release:
    """One built layer, and the layer of the AWS account that it becomes a version of."""

    path: Path
    target: Target
    layer_name: str
    description: str
    size_bytes: int
    sha256: bytes
    without_bytecode: tuple[PythonRuntime, ...]
    """The runtimes that compile it at every cold start."""

    @property
    def code_sha256(self) -> str:
        """The hash of the content as Lambda writes it."""
        return base64.b64encode(self.sha256).decode()

    @property
    def s3_key(self) -> str:
        """Where a content that is too large for a request goes: the same content always goes to the same place."""
        return f"{PROJECT}/{self.sha256.hex()}/{self.path.name}"


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to use a layer version: for one account, or for everyone."""

    statement_id: str
    principal: str

    def __str__(self) -> str:
        return "everyone" if self.principal == "*" else f"account {self.principal}"


def read_releases(
    dist: Path,
    *,
    layer_name: str,
    flavor: str | None = None,
    python: str | None = None,
    architecture: str | None = None,
) -> list[Release]:
    """Read the built layers in a folder, all or those of a flavour, a Python or an architecture, by file name.

    The slim layer is `<layer_name>`; each Python version and architecture of the full one is a layer of its own,
    `<layer_name>-py313-arm64`: a function pins a layer by name and number, and numbers of one name count on over all that is
    published under it.
    """
    built = [
        (path, parsed)
        for path in sorted(dist.glob("*.zip"))
        if (parsed := parse_zip_name(path.name)) is not None
    ]
    if not built:
        raise NothingToPublishError(f"There is no built layer in {dist}/. Run: make build")
    if flavor or python or architecture:
        built = _narrowed(built, dist, flavor=flavor, python=python, architecture=architecture)
    _refuse_two_versions((path, target) for path, (_, target) in built)
    return [_read(path, version, target, layer_name=layer_name) for path, (version, target) in built]


def parse_grants(*, accounts: str | None, public: bool) -> tuple[Grant, ...]:
    """Return who may use the layer, from a comma-separated list of account ids or the wish to make it public."""
    if public and accounts:
        raise WrongOptionError(
            "ACCOUNTS and PUBLIC=1 exclude each other: everyone includes those accounts. Give one of them."
        )
    if public:
        return (Grant("everyone", "*"),)
    if not accounts:
        return ()
    names = dict.fromkeys(name.strip() for name in accounts.split(","))
    for name in names:
        if re.fullmatch(r"[0-9]{12}", name) is None:
            raise WrongOptionError(
                f"ACCOUNTS: {name!r} is no account id. Use 12 digits, several separated by commas: ACCOUNTS=123456789012,210987654321"
            )
    return tuple(Grant(f"account-{name}", name) for name in names)


def _narrowed(
    built: list[tuple[Path, tuple[str, Target]]],
    dist: Path,
    *,
    flavor: str | None,
    python: str | None,
    architecture: str | None,
) -> list[tuple[Path, tuple[str, Target]]]:
    # A Python or an architecture is what full layers differ in: who names one does not mean the slim layer.
    wanted_flavor = find_flavor(flavor) if flavor else "full"
    if wanted_flavor == "slim":
        refuse_narrowing_slim(python, architecture)
    else:  # an unknown name is told as the build tells it
        find_target(python or PYTHON_RUNTIMES[-1].version, architecture or ARCHITECTURES[-1].name)
    wanted = [
        (path, (version, target))
        for path, (version, target) in built
        if target.flavor == wanted_flavor
        and python in {None, "", *(runtime.version for runtime in target.runtimes)}
        and architecture in {None, "", *(known.name for known in target.architectures)}
    ]
    if not wanted:
        asked = " ".join(filter(None, [f"FLAVOR={wanted_flavor}", as_options(python, architecture)]))
        there = ", ".join(dict.fromkeys(target.slug for _, (_, target) in built))
        instead = "; make publish FLAVOR=slim publishes what fits every Python and architecture"
        raise NothingToPublishError(
            f"{dist}/ has no layer for {asked}, only {there}. Run: make build {asked}{instead if 'slim' in there else ''}"
        )
    return wanted


def _refuse_two_versions(built: Iterable[tuple[Path, Target]]) -> None:
    first: dict[str, Path] = {}
    for path, target in built:
        other = first.setdefault(target.slug, path)
        if other != path:
            raise NothingToPublishError(
                f"{path.parent}/ has two layers for {target.slug}: {other.name} and {path.name}. Remove the one that is not to be published."
            )


def _read(path: Path, version: str, target: Target, *, layer_name: str) -> Release:
    full_name, suffix = target.layer_name(layer_name), target.layer_name("")
    if re.fullmatch(r"[A-Za-z0-9_-]+", layer_name) is None or len(full_name) > _NAME_LIMIT:
        added = f" ({suffix} is added)" if suffix else ""
        raise WrongOptionError(
            f"LAYER_NAME: {layer_name!r} is no layer name. Use letters, digits, - and _, at most {_NAME_LIMIT - len(suffix)} characters{added}."
        )
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    without_bytecode = tuple(
        runtime
        for runtime in target.runtimes
        if not any(name.endswith(runtime.bytecode_suffix) for name in names)
    )
    return Release(
        path,
        target,
        full_name,
        _describe(version, target, names),
        len(content),
        hashlib.sha256(content).digest(),
        without_bytecode,
    )


def _describe(version: str, target: Target, names: Sequence[str]) -> str:
    matches = filter(None, map(_DIST_INFO.fullmatch, names))
    found = {match["name"].replace("_", "-"): match["version"] for match in matches}
    packages = [f"{name} {found[name]}" for name in _SHOWN_PACKAGES if name in found]
    kind = f"{PROJECT} {version}, {target.flavor}, for {target}"
    return ", with ".join(filter(None, [kind, ", ".join(packages)]))[:_DESCRIPTION_LIMIT]
