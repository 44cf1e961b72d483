"""Strategies for records, valid ones and any others."""

from __future__ import annotations

import json
import string
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from cloudmap_discovery.limits import MAX_WEIGHT, RESERVED_ATTRIBUTES
from cloudmap_discovery.model import Instance

_NAME = string.ascii_letters + string.digits + "_-"
_VISIBLE = "".join(map(chr, range(33, 127)))

stages = st.text(_NAME + ".", min_size=1, max_size=40)
versions = st.builds(
    lambda numbers, tail: ".".join(map(str, numbers)) + tail,
    st.tuples(*[st.integers(0, 99)] * 3),
    st.sampled_from(["", "-rc.1", "-alpha", "+build.7", "-x.0+y"]),
)
values = st.builds(
    lambda first, rest: first + rest,
    st.text(_VISIBLE, min_size=1, max_size=1),
    st.text(_VISIBLE + " \t", max_size=40),
)
keys = st.text(_VISIBLE, min_size=1, max_size=20).filter(
    lambda key: key not in RESERVED_ATTRIBUTES and not key.upper().startswith("AWS_")
)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- the strategy adds the zone


def instances(service: str = "users", stage: st.SearchStrategy[str] = stages) -> st.SearchStrategy[Instance]:
    """Records as we write them."""
    return st.builds(
        Instance,
        service=st.just(service),
        endpoint=st.text(_VISIBLE, min_size=1, max_size=100),
        stage=stage,
        version=st.none() | versions,
        tenant=st.none() | values,
        variant=st.none() | values,
        weight=st.integers(0, MAX_WEIGHT),
        attributes=st.dictionaries(keys, st.just("") | values, max_size=8),
        owner=st.none() | values,
        owner_ref=st.none() | values,
        registered_at=st.none() | moments,
    )


# Attributes as anybody may register them, with a liking for names that mean something to us.
_meaningful = st.sampled_from(
    [
        *sorted(RESERVED_ATTRIBUTES),
        "url",
        "arn",
        "AWS_INSTANCE_CNAME",
        "AWS_INSTANCE_IPV4",
        "AWS_INSTANCE_IPV6",
        "AWS_INSTANCE_PORT",
    ]
)
foreign_attributes: st.SearchStrategy[dict[Any, Any]] = st.dictionaries(
    _meaningful | st.text(max_size=10),
    st.text(max_size=30)
    | st.sampled_from(
        ["", "0", "-1", "1e9", "10.0.0.1", "::1", "80", "99999", "1.0.0", "0001-01-01T00:00:00+23:59"]
    )
    | st.integers()
    | st.none(),
    max_size=12,
)

# JSON values with a liking for what our documents are made of.
_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["https://one.test", "1.0.0", "users", "Production", 10**400, float("nan")])
)
_fields = st.sampled_from(
    [
        "endpoint",
        "version",
        "tenant",
        "variant",
        "weight",
        "attributes",
        "id",
        "service",
        "stage",
        "owner",
        "owner_ref",
        "registered_at",
        "format",
        "mirrored",
        "instances",
        "overflow",
        "other",
    ]
)
json_values: st.SearchStrategy[Any] = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_fields, inner, max_size=5),
    max_leaves=12,
)


def deepest_readable() -> int:
    """Return how deep JSON may be nested that this Python's reader takes."""
    readable, unreadable = 1, 1_000_000
    while unreadable - readable > 1:
        depth = (readable + unreadable) // 2
        try:
            json.loads("[" * depth + "]" * depth)
            readable = depth
        except RecursionError:
            unreadable = depth
    return readable
