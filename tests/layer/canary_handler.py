"""A function that uses the layer, as its users would write one; says besides what was imported, and from where."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from typing import Any

from cloudmap_discovery import async_handler, discover


@async_handler
async def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    instance = await discover(event["service"], stage=event["stage"], version=event.get("version"))
    loaded = dict(sys.modules)
    own = [module for name, module in loaded.items() if name.partition(".")[0] == "cloudmap_discovery"]
    return {
        "url": instance.url,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "loaded": sorted({name.partition(".")[0] for name in loaded}),
        "own_files": [module.__file__ for module in own],
        "own_bytecode": [module.__spec__ and module.__spec__.cached for module in own],
        "files": {name: importlib.import_module(name).__file__ for name in event.get("import", [])},
        "versions": {name: importlib.metadata.version(name) for name in event.get("versions", [])},
    }
