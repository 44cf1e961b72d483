"""Fixtures of every test, and an environment without settings of the machine's."""

from __future__ import annotations

import os

from tests.standin.fixtures import aws, stand_in_of_process

for _name in [name for name in os.environ if name.startswith(("AWS_", "DISCOVERY_"))]:
    del os.environ[_name]

__all__ = ["aws", "stand_in_of_process"]
