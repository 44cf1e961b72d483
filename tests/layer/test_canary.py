"""The canary: the built layer, attached to a function under AWS's own runtime emulator, on every Python of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.layer.canary_bed import EVENT, INTERPRETERS, URL
from tests.layer.test_packages import pins

if TYPE_CHECKING:
    from pathlib import Path

    from layer.interpreters import Interpreter
    from tests.layer.canary_bed import Bed

pytest_plugins = ["tests.layer.canary_fixtures"]

IN_SLIM: Final = ("cloudmap_discovery", "nodesemver", "tenacity")
SDK: Final = ("aiobotocore", "boto3", "botocore")
# What a lookup does not import, wherever it is at hand.
HEAVY: Final = {*SDK, "aiohttp", "nodesemver", "pydantic", "pydantic_settings", "tenacity"}


def content_of(folder: Path) -> list[tuple[str, int, int]]:
    return sorted((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*"))


def is_inside(opt: Path, files: list[str]) -> bool:
    return bool(files) and all(file.startswith(f"{opt}/python/") for file in files)


def test_every_emulated_python_of_this_machine_is_under_test() -> None:
    assert INTERPRETERS, "none of Python 3.11, 3.12, 3.13 was found: put one on PATH, or into pyenv"


@pytest.mark.parametrize("flavor", ["slim", "full"])
def test_a_function_with_the_layer_discovers_and_then_answers_from_memory(
    bed: Bed, interpreter: Interpreter, flavor: str
) -> None:
    opt = bed.opt(flavor, interpreter)
    before = content_of(opt)
    function = bed.function(interpreter, opt)
    event: dict[str, Any] = {**EVENT, "import": IN_SLIM if flavor == "slim" else (*IN_SLIM, *SDK)}

    first = function.invoke(event)
    calls_of_first = bed.aws.calls()
    second = function.invoke(event)

    assert first.error_type is None, f"{first.payload}\n{first.log}"
    assert first.payload["url"] == second.payload["url"] == URL
    assert calls_of_first == {"servicediscovery:DiscoverInstances": 1}
    assert bed.aws.calls() == calls_of_first
    assert first.log == second.log == ""
    assert first.payload["python"] == interpreter.version
    assert is_inside(opt, [*first.payload["files"].values(), *first.payload["own_files"]])
    assert set(first.payload["own_bytecode"]) <= {path for path, _, _ in before}
    assert content_of(opt) == before


def test_a_lookup_imports_no_sdk_and_no_pydantic_though_the_layer_has_both(
    bed: Bed, interpreter: Interpreter
) -> None:
    answer = bed.function(interpreter, bed.opt("full", interpreter)).invoke(EVENT)

    assert answer.error_type is None, f"{answer.payload}\n{answer.log}"
    assert HEAVY.isdisjoint(answer.payload["loaded"])


def test_the_full_layer_gives_the_function_its_sdk_and_can_use_it_itself(
    bed: Bed, interpreter: Interpreter
) -> None:
    function = bed.function(
        interpreter, bed.opt("full", interpreter), environment={"DISCOVERY_TRANSPORT": "sdk"}
    )

    answer = function.invoke({**EVENT, "versions": SDK})

    assert answer.error_type is None, f"{answer.payload}\n{answer.log}"
    assert answer.payload["url"] == URL
    assert "aiobotocore" in answer.payload["loaded"]
    pinned = pins("layer.txt")
    assert answer.payload["versions"] == {name: pinned[name] for name in SDK}
    assert answer.log == ""
