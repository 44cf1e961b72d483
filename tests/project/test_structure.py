"""The imports of the package point one way, and importing it loads nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

import pytest

import cloudmap_discovery

PACKAGE: Final = Path(cloudmap_discovery.__file__).parent

# From the bottom up. A module may import what stands in a line above its own, and its own line's modules only where
# the line says so.
LAYERS: Final[tuple[tuple[str, ...], ...]] = (
    ("values", "version", "shadowing", "shown"),
    ("errors", "clock", "endpoints", "semver", "lifecycle", "allow_list"),
    ("model",),
    ("limits",),
    ("encoding", "ranges", "setting_text", "overriding", "pacing"),
    (
        "settings",
        "selection",
        "freshness",
        "documents",
        "deadline",
        "events",
        "plans",
        "dependencies",
        "copies",
    ),
    ("snapshots", "declarations"),
    ("snapshot_writing", "event_hub", "depends_on", "query"),
    ("registration", "dependency_graph", "dependency_drawing", "policies", "as_json", "matrix"),
    (
        "stores.port",
        "stores.mirror_port",
        "transport.port",
        "settings_plain",
        "settings_pydantic",
        "notices",
        "emf",
    ),
    ("stores.*", "transport.*"),
    ("cache", "io_thread", "store_health", "ready", "set_aside"),
    ("ladder", "flights"),
    ("refresh", "explaining", "listing", "spreading"),
    ("mirrors", "syncing"),
    ("serving",),
    ("stages",),
    ("held",),
    ("discovery", "registry"),
    # Calling what was found, from the bottom up.
    ("calls", "calls.errors"),
    ("calls.messages", "calls.targets"),
    ("calls.gateway", "calls.signing", "calls.keys", "calls.plain_wire"),
    ("calls.calling",),
    ("calls.invoking",),
    ("assembly",),
    ("wiring",),
    ("api",),
    ("sync", "handler", "testing"),
    ("__init__",),
    # The registrar, from the bottom up: what is decided, what is read and written, and what holds it together.
    ("registrar", "registrar.permits", "registrar.adopting", "registrar.patience"),
    ("registrar.properties", "registrar.requests"),
    ("registrar.tags", "registrar.hints"),
    ("registrar.functions", "registrar.reconcile", "registrar.answering"),
    ("registrar.looking", "registrar.sweeping", "registrar.targets", "registrar.withdrawing"),
    ("registrar.carrying_out", "registrar.resource"),
    ("registrar.runs",),
    ("registrar.report", "registrar.parts"),
    ("registrar.handler",),
    # The server, from the bottom up: what its surfaces share, each of them, and what holds them together.
    ("server", "server.callers", "server.problems", "server.documents", "server.cors", "server.overview"),
    ("server.readers", "server.site"),
    ("server.*",),
    ("server.app",),
    ("server.parts",),
    ("server.handler",),
    ("cli", "cli.*"),
)
# In these folders, the modules of one family import each other and what belongs to none, never another family's. A
# family is told by how the names of its modules begin.
FAMILIES: Final[dict[str, tuple[str | tuple[str, ...], ...]]] = {
    "stores": ("cloud_map", "parameter", "s3", "shared"),
    "transport": ("sdk", "retry", ("direct", "credentials", "container_endpoint")),
    "cli": (),
    "server": (),
}
READS_THE_ENVIRONMENT: Final = "wiring"
HEAVY: Final = (
    "aiobotocore",
    "aiohttp",
    "boto3",
    "botocore",
    "click",
    "httpcore2",
    "jinja2",
    "mangum",
    "nodesemver",
    "pydantic",
    "pydantic_settings",
    "rich",
    "starlette",
    "tenacity",
    "uvicorn",
)


@cache
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


def family_of(module: str) -> str | tuple[str, ...] | None:
    folder, _, name = module.partition(".")
    return next((family for family in FAMILIES[folder] if name.startswith(family)), None)


def tree_of(module: str) -> ast.Module:
    path = PACKAGE.joinpath(*module.split("."))
    return ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text())


def imported_by(tree: ast.Module) -> set[str]:
    """Return the modules of the package that a module imports when it runs; for types alone does not count."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, inner = name.partition(".")
            if package == "cloudmap_discovery":
                module = inner if inner in modules() else inner.rpartition(".")[0]
                found.add(module or "__init__")
    return found


def is_wrong(module: str, other: str) -> bool:
    if layer_of(other) != layer_of(module):
        return layer_of(other) > layer_of(module)
    folder = module.partition(".")[0]
    if folder not in FAMILIES or folder != other.partition(".")[0]:
        return True
    return family_of(other) is not None and family_of(other) != family_of(module)


@pytest.mark.parametrize("module", [name for name in modules() if name not in {"stores", "transport"}])
def test_a_module_imports_only_from_the_layers_below_its_own(module: str) -> None:
    assert not {other for other in imported_by(tree_of(module)) if is_wrong(module, other)}


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("model", "import cloudmap_discovery.wiring"),
        ("cache", "from cloudmap_discovery.ready import ReadyTable"),
        ("stores.cloud_map", "from cloudmap_discovery.stores.parameter_store import ParameterStore"),
        ("transport.credentials", "from cloudmap_discovery.transport.sdk_errors import translated"),
        ("transport.direct", "from cloudmap_discovery.transport.retry import RetryingTransport"),
        ("stores.outcome", "from cloudmap_discovery.stores.cloud_map import CloudMapStore"),
        ("ladder", "from cloudmap_discovery import discovery"),
    ],
)
def test_an_import_in_the_wrong_direction_is_noticed(module: str, line: str) -> None:
    assert [other for other in imported_by(ast.parse(line)) if is_wrong(module, other)]


@pytest.mark.parametrize("module", modules())
def test_only_the_composition_root_reads_the_environment(module: str) -> None:
    reads = [
        node
        for node in ast.walk(tree_of(module))
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"})
        or (isinstance(node, ast.ImportFrom) and node.module == "os")
    ]

    assert module == READS_THE_ENVIRONMENT or not reads


def test_importing_the_package_loads_no_sdk_no_pydantic_and_no_command_line() -> None:
    script = f"import sys, cloudmap_discovery; print([name for name in {HEAVY!r} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_all_is_exactly_the_public_names() -> None:
    public = {
        name
        for name in vars(cloudmap_discovery)
        if not name.startswith("_")
        and name != "TYPE_CHECKING"
        and not (PACKAGE / name).with_suffix(".py").exists()
        and not (PACKAGE / name).is_dir()
    }
    imported_later = set(vars(cloudmap_discovery)["_LATER"])

    # Functions and submodules may share a name; sync is a module that is public.
    assert public | imported_later | {"sync", "__version__"} == set(cloudmap_discovery.__all__)
    assert all(hasattr(cloudmap_discovery, name) for name in cloudmap_discovery.__all__)


def test_the_blocking_functions_have_the_signatures_of_the_awaited_ones() -> None:
    import inspect  # noqa: PLC0415 -- used here only

    from cloudmap_discovery import api, sync  # noqa: PLC0415 -- used here only

    for name, function in inspect.getmembers(sync, inspect.isfunction):
        assert inspect.signature(function) == inspect.signature(getattr(api, name)), name
    blocking = {name for name, _ in inspect.getmembers(sync, inspect.isfunction)}
    awaited = {name for name, value in vars(api).items() if inspect.iscoroutinefunction(value)}
    assert blocking == awaited


def test_the_package_generates_no_code_for_its_values_at_import() -> None:
    script = """
import dataclasses
made = []
original = dataclasses._process_class
dataclasses._process_class = lambda cls, *rest, **more: made.append(cls.__module__) or original(cls, *rest, **more)
import cloudmap_discovery
print([name for name in made if name.startswith("cloudmap_discovery")])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
