"""Values of one parameter, as tests of documents read them."""

from __future__ import annotations

import json
from typing import Any

from cloudmap_discovery.documents import ParameterContent, read_parameter
from cloudmap_discovery.model import Instance

NAME = "/services/Production/users"


def read(value: str) -> ParameterContent:
    return read_parameter(value, parameter=NAME, service="users", stage="Production")


def read_json(data: Any) -> ParameterContent:
    return read(json.dumps(data))


def user(endpoint: str = "https://users.test", **fields: Any) -> Instance:
    return Instance("users", endpoint, "Production", **fields)
