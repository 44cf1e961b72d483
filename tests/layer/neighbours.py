"""Packages of others around our layer: in the function's own package, in another layer, in the runtime."""

from __future__ import annotations

import shutil
import zipfile
from typing import TYPE_CHECKING, Final

from tests.runtime.tools import packages

if TYPE_CHECKING:
    from pathlib import Path

    from layer.interpreters import Interpreter

_WITH_BOTO3: Final = (
    *("jmespath==1.1.0", "python-dateutil==2.9.0.post0", "s3transfer==0.10.4"),
    *("six==1.17.0", "urllib3==2.8.0"),
)
OLD_BOTO3: Final = ("boto3==1.34.69", "botocore==1.34.69", *_WITH_BOTO3)
"""An SDK of 2024, complete: what a runtime has that was not renewed, or a function that brings its own."""
OLD_AIOBOTOCORE: Final = ("aiobotocore==2.12.3", *OLD_BOTO3)
OLD_AIOBOTOCORE_ALONE: Final = ("aiobotocore==2.12.3",)
"""As a function brings it whose author left botocore to the runtime."""
OLD_PYDANTIC: Final = ("pydantic==1.10.27", "typing-extensions==4.12.2")
OLD_PYDANTIC_SETTINGS: Final = ("pydantic-settings==2.6.1",)
UNUSABLE_TENACITY: Final = ("tenacity==5.1.5", "six==1.17.0")
"""Of before Python 3.11: it cannot even be imported there."""
OLD_TENACITIES: Final = (("tenacity==6.3.1", "six==1.17.0"), ("tenacity==8.0.1",))

# As AWS's layer of Powertools has it: with its extras, pydantic among them. All of it is pinned for the tests anyway.
_POWERTOOLS: Final = (
    *("aws-lambda-powertools", "aws-xray-sdk", "jmespath", "typing-extensions", "wrapt"),
    *(
        "annotated-types",
        "pydantic",
        "pydantic-core",
        "pydantic-settings",
        "python-dotenv",
        "typing-inspection",
    ),
)


def old_packages(pins: tuple[str, ...], interpreter: Interpreter) -> Path:
    """Return a folder that holds these pins of `requirements/neighbours.txt`, installed once for all test runs."""
    return packages(pins, "neighbours", interpreter)


def powertools(interpreter: Interpreter) -> Path:
    """Return a folder that holds what AWS's layer of Powertools does, installed once for all test runs."""
    return packages(_POWERTOOLS, "dev", interpreter)


def bring(installed: Path, task_root: Path) -> None:
    """Put installed packages into a function's own package."""
    for entry in installed.iterdir():
        (task_root / entry.name).symlink_to(entry)


def merge_layers(layers: list[Path], opt: Path) -> None:
    """Unpack layers over each other as Lambda does, the later ones over the earlier; each is a zip or an installed folder."""
    for layer in layers:
        if layer.is_dir():
            shutil.copytree(layer, opt / "python", dirs_exist_ok=True)
        else:
            with zipfile.ZipFile(layer) as archive:
                archive.extractall(opt)
