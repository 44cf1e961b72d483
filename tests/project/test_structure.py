"""The imports of the package point one way, and importing it loads nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import cloudmap_discovery

PACKAGE: Final = Path(cloudmap_discovery.__file__).parent

# From the bottom up. A module may import what stands in a line above its own, and its own line's modules only where
# the line says so.
LAYERS: Final[tuple[tuple[str, ...], ...]] = (
    ("errors", "clock", "endpoints", "semver", "lifecycle"),
    ("model",),
    ("limits",),
    ("encoding",),
    ("settings", "selection", "freshness", "documents", "deadline", "events", "plans"),
    ("event_hub",),
    ("registration",),
    ("stores.port", "stores.mirror_port", "transport.port", "settings_pydantic", "notices", "emf"),
    ("stores.*", "transport.*", "cache", "io_thread", "store_health", "ready", "set_aside"),
    ("ladder", "flights"),
    ("refresh", "explaining", "mirrors", "listing", "spreading"),
    ("serving",),
    ("discovery", "registry"),
    ("wiring",),
    ("api",),
    ("sync", "handler", "testing"),
    ("__init__",),
    ("cli", "cli.*"),
)
PEERS_MAY_IMPORT_EACH_OTHER: Final = {"stores.*", "transport.*", "cli.*"}
HEAVY: Final = (
    "aiobotocore",
    "aiohttp",
    "boto3",
    "botocore",
    "click",
    "pydantic",
    "pydantic_settings",
    "rich",
    "tenacity",
)


def modules() -> list[str]:
    paths = (path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))
    names = (".".join(path.parts).removesuffix(".__init__") for path in paths)
    return sorted(names)


def layer_of(module: str) -> int:
    folder = f"{module.partition('.')[0]}.*"
    for number, names in enumerate(LAYERS):
        if module in names:
            return number
    for number, names in enumerate(LAYERS):
        if folder in names:
            return number
    raise AssertionError(f"{module} stands in no layer: say in LAYERS who may import it")


def imported_by(module: str) -> set[str]:
    """Return the modules of the package that a module imports when it runs; for types alone does not count."""
    path = PACKAGE.joinpath(*module.split("."))
    tree = ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cloudmap_discovery"):
            base = (node.module or "").removeprefix("cloudmap_discovery").lstrip(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}".lstrip(".")
                found.add(inner if inner in modules() else base or "__init__")
    return found


@pytest.mark.parametrize("module", [name for name in modules() if name not in {"stores", "transport"}])
def test_a_module_imports_only_from_the_layers_below_its_own(module: str) -> None:
    layer = layer_of(module)

    wrong = {
        other
        for other in imported_by(module)
        if layer_of(other) > layer
        or (layer_of(other) == layer and not set(LAYERS[layer]) & PEERS_MAY_IMPORT_EACH_OTHER)
    }

    assert not wrong


def test_importing_the_package_loads_no_sdk_no_pydantic_and_no_command_line() -> None:
    script = f"import sys, cloudmap_discovery; print([name for name in {HEAVY!r} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_all_is_exactly_the_public_names() -> None:
    public = {
        name
        for name, value in vars(cloudmap_discovery).items()
        if not name.startswith("_")
        and not (PACKAGE / name).with_suffix(".py").exists()
        and not (PACKAGE / name).is_dir()
    }

    # Functions and submodules may share a name; sync is a module that is public.
    assert public | {"sync", "__version__"} == set(cloudmap_discovery.__all__)


def test_the_blocking_functions_have_the_signatures_of_the_awaited_ones() -> None:
    import inspect  # noqa: PLC0415 -- used here only

    from cloudmap_discovery import api, sync  # noqa: PLC0415 -- used here only

    for name, function in inspect.getmembers(sync, inspect.isfunction):
        assert inspect.signature(function) == inspect.signature(getattr(api, name)), name
    blocking = {name for name, _ in inspect.getmembers(sync, inspect.isfunction)}
    awaited = {name for name, value in vars(api).items() if inspect.iscoroutinefunction(value)}
    assert blocking == awaited
