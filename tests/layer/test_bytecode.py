"""The bytecode in the layer is trusted without a look at its source, and does what the source does."""

from __future__ import annotations

import json
import marshal
import subprocess
import sys
import zipfile
from types import CodeType
from typing import TYPE_CHECKING

import pytest

from layer.build import ROOT
from layer.bytecode import NOT_COMPILED_IF_LEAN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from layer.targets import Target
    from tests.layer.conftest import Layers

_BYTECODE_HEADER_BYTES = 16
_UNCHECKED_HASH = 0b01
_SCRIPT = ROOT / "layer" / "compile_tree.py"
_DOCUMENTED = '''\
"""What the module is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nowhere import Nothing
else:
    otherwise = "taken"


class Empty:
    """Nothing but a docstring."""


@dataclass
class Value:
    """Has a field."""

    number: int = 1


def explained(number: int, *rest: str) -> int:
    """Only this."""


async def fails(number: int) -> None:
    """Fail in line 31."""
    assert number == 2, number
'''
_USE = """
import asyncio, json, marshal, traceback
import documented
def documented_code():
    with open(documented.__cached__, "rb") as file:
        return marshal.loads(file.read()[16:])
try:
    asyncio.run(documented.fails(1))
except AssertionError as error:
    line = traceback.extract_tb(error.__traceback__)[-1].lineno
print(json.dumps({
    "docs": [each.__doc__ for each in (documented, documented.Empty, documented.explained, documented.fails)],
    "annotations": [documented.explained.__annotations__, documented.fails.__annotations__],
    "fields": list(documented.Value.__dataclass_fields__),
    "value": documented.Value(3).number,
    "returned": documented.explained(1, "a"),
    "line": line,
    "otherwise": documented.otherwise,
    "imports nowhere": "nowhere" in documented_code().co_names,
}))
"""


def compile_tree(folder: Path, *options: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", _SCRIPT, folder, "/opt/python", *options],
        capture_output=True,
        text=True,
        check=True,
    )
    said: dict[str, object] = json.loads(done.stdout)
    return said


def run(script: str, *, folder: Path) -> str:
    return subprocess.run(
        [sys.executable, "-B", "-c", script], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def code_objects(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from code_objects(constant)


@pytest.mark.parametrize(("target", "at_least"), [("slim", 40), ("full", 500)], indirect=["target"])
def test_sources_have_unchecked_bytecode_that_names_their_place_in_lambda(
    layers: Layers, target: Target, at_least: int
) -> None:
    tag = f"cpython-{sys.version_info.major}{sys.version_info.minor}"
    with zipfile.ZipFile(layers.zip(target)) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}

    compiled = {name for name in content if name.endswith(f".{tag}.pyc")}
    for name in compiled:
        bytecode = content[name]
        source = name.replace("__pycache__/", "").replace(f".{tag}.pyc", ".py")
        assert source in content
        assert int.from_bytes(bytecode[4:8], "little") == _UNCHECKED_HASH
        code = marshal.loads(bytecode[_BYTECODE_HEADER_BYTES:])  # noqa: S302 - compiled a moment ago, by this test run
        assert {inner.co_filename for inner in code_objects(code)} == {f"/opt/{source}"}
    assert len(compiled) > at_least


def test_in_the_full_layer_every_source_is_compiled(layers: Layers, native: Target) -> None:
    with zipfile.ZipFile(layers.zip(native)) as archive:
        names = archive.namelist()

    sources = [name for name in names if name.endswith(".py")]
    assert len([name for name in names if name.endswith(".pyc")]) == len(sources)


def test_a_source_that_its_python_cannot_compile_is_reported_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("answer = 42\n")
    (tmp_path / "template.py").write_text("def {{ name }}(): ...\n")
    (tmp_path / "latin.py").write_bytes(b"name = '\xe4'\n")

    said = compile_tree(tmp_path)

    assert said == {"compiled": 1, "refused": ["latin.py", "template.py"]}
    assert [path.name.split(".")[0] for path in (tmp_path / "__pycache__").iterdir()] == ["good"]


def test_bytecode_is_used_whatever_the_sources_date_and_content(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("answer = 42\n")
    compile_tree(tmp_path)
    source.write_text("answer = 0  # what a loader that looks at the source would compile\n")

    said = run("import module; print(module.answer)", folder=tmp_path)

    assert said == "42\n"


@pytest.mark.parametrize("is_lean", [True, False], ids=["lean", "whole"])
def test_lean_bytecode_lacks_only_what_people_and_tools_read(tmp_path: Path, *, is_lean: bool) -> None:
    (tmp_path / "documented.py").write_text(_DOCUMENTED)
    compile_tree(tmp_path, *(["--lean"] if is_lean else []))
    (tmp_path / "documented.py").write_text("raise ImportError\n")

    said = json.loads(run(_USE, folder=tmp_path))

    docs, annotations = said.pop("docs"), said.pop("annotations")
    assert said == {
        "fields": ["number"],
        "value": 3,
        "returned": None,
        "line": 31,
        "otherwise": "taken",
        "imports nowhere": not is_lean,
    }
    assert [doc is None for doc in docs] == [is_lean] * 4
    assert [annotation == {} for annotation in annotations] == [is_lean] * 2


def test_what_is_to_be_left_out_is_not_compiled(tmp_path: Path) -> None:
    for name in ("used.py", "sdk.py", "transport/sdk.py", "transport/sdk_answers.py", "transport/direct.py"):
        path = tmp_path / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")

    said = compile_tree(tmp_path, "--leave-out", "package/transport/sdk*.py")

    compiled = {path.name.split(".")[0] for path in tmp_path.rglob("*.pyc")}
    assert said == {"compiled": 3, "refused": []}
    assert compiled == {"used", "sdk", "direct"}
    assert all("/" in pattern for pattern in NOT_COMPILED_IF_LEAN)
