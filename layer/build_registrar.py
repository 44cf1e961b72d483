"""Builds the package of the registrar, a function of layer/template.yaml: python -m layer.build_registrar [--dist dist]."""

from __future__ import annotations

import sys
from typing import Final

from layer.content import belongs_to_registrar
from layer.function_packages import FunctionPackage
from layer.packages import REQUIREMENTS

REGISTRAR: Final = FunctionPackage("registrar", REQUIREMENTS["slim"], belongs_to_registrar)
"""Without bytecode: nobody waits for the 0.1 s of a whole processor that compiling takes it at a cold start."""


if __name__ == "__main__":
    sys.exit(REGISTRAR.main())
