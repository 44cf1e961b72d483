"""Cold starts of functions under AWS's own runtime emulator: with each layer, and with the runtime's boto3."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from layer.build import ROOT, build_layer
from layer.interpreters import find_interpreters
from layer.targets import SLIM, architecture_of_machine, find_target
from tests.benchmarks.cold_processes import ENDPOINT, PEERS, MeasurementError
from tests.benchmarks.measuring import Spread, table
from tests.runtime.emulator import RuntimeEmulator
from tests.runtime.tools import packages, runtime_tools

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from layer.build import BuiltLayer
    from layer.targets import Target
    from tests.benchmarks.cold_bed import Bed
    from tests.runtime.tools import RuntimeTools

_BOTO3: Final = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")


@dataclass(frozen=True, slots=True)
class _Function:
    module: str
    layer: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EmulatedStarts:
    """The table, and what else became known."""

    times: str
    slim_zip_bytes: int


def emulated_starts(bed: Bed, rounds: int) -> EmulatedStarts:
    """Build both layers, and start each function so many times, over TLS, on the version of the Python that runs this."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    (interpreter,) = find_interpreters([version], os.environ)
    tools = runtime_tools(interpreter)
    full_target = find_target(version, architecture_of_machine(platform.machine()))
    slim, full = (_built(target, bed.folder) for target in (SLIM, full_target))
    slim_opt, full_opt = (_unpacked(built) for built in (slim, full))
    # A copy, since its first user writes bytecode into it. Every function finds it, as every function has AWS's.
    runtime_packages = bed.folder / "runtime"
    shutil.copytree(packages(_BOTO3, "dev", interpreter), runtime_packages)
    functions = {
        "one that asks nobody": _Function("function_nothing"),
        "slim layer": _Function("function_discovery", slim_opt),
        "slim layer, `DISCOVERY_PRELOAD=0`": _Function(
            "function_discovery", slim_opt, {"DISCOVERY_PRELOAD": "0"}
        ),
        "full layer": _Function("function_discovery", full_opt),
        "plain boto3, the runtime's own": _Function("function_boto3"),
    }
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in functions}
    for number in range(rounds + 1):
        for name, function in functions.items():
            sample = _started(function, bed, tools, runtime_packages)
            if number:
                measured[name].append(sample)
    rows = []
    for name, samples in measured.items():
        init, invocation = (Spread.of(side) for side in zip(*samples, strict=True))
        both = Spread.of(sum(one) for one in samples)
        rows.append((name, *(one.shown("ms") for one in (init, invocation, both))))
    heads = ("function", "Init Duration", "first invocation", "together")
    return EmulatedStarts(table(heads, rows), slim.size.zipped_bytes)


def _built(target: Target, folder: Path) -> BuiltLayer:
    interpreters = find_interpreters((runtime.version for runtime in target.runtimes), os.environ)
    return build_layer(target, root=ROOT, dist=folder / target.flavor, interpreters=interpreters)


def _unpacked(built: BuiltLayer) -> Path:
    opt = built.path.with_name("opt")
    with zipfile.ZipFile(built.path) as archive:
        archive.extractall(opt)
    return opt


def _started(
    function: _Function, bed: Bed, tools: RuntimeTools, runtime_packages: Path
) -> tuple[float, float]:
    task_root = bed.folder / f"task-{function.module}"
    if not task_root.exists():
        task_root.mkdir()
        shutil.copy(PEERS / f"{function.module}.py", task_root)
    with RuntimeEmulator(
        tools,
        handler=f"{function.module}.handler",
        task_root=task_root,
        layer=function.layer,
        runtime_packages=runtime_packages,
        environment={**bed.tls, **function.environment},
    ) as emulator:
        first = emulator.invoke({})
    report = first.report
    if first.payload != ENDPOINT or report.init_duration_ms is None or report.duration_ms is None:
        raise MeasurementError(f"{function.module} answered {first.payload!r}\n{first.log}")
    return report.init_duration_ms, report.duration_ms
