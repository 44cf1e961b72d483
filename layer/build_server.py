"""Builds the package of the server, two functions of layer/template.yaml: python -m layer.build_server [--dist dist]."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from layer.content import belongs_to_server
from layer.function_packages import FunctionPackage

SERVER: Final = FunctionPackage("server", Path("requirements/server.txt"), belongs_to_server)


if __name__ == "__main__":
    sys.exit(SERVER.main())
