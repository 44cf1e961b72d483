"""What schemathesis cannot know of the catalog's document: texts of its two formats, and one rule that is in words."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import strategies as st

_STAGES = st.from_regex(r"[A-Za-z0-9_.\-]{1,40}", fullmatch=True)
_RANGES = (
    "1.2.0",
    "^1.2",
    "~2",
    "2.x",
    "*",
    ">=1.0.0 <3.0.0",
    "1.x || 2.x",
    "3.x-staging",
    "2024.01.05",
    "latest",
)

schemathesis.openapi.format("stages", st.lists(_STAGES, min_size=1, max_size=10, unique=True).map(">".join))
schemathesis.openapi.format("npm-range", st.sampled_from(_RANGES))


@schemathesis.hook
def filter_query(context: Any, query: dict[str, Any] | None) -> bool:
    """Leave out queries that ask for an attribute twice: "each of them asked for once"."""
    del context
    asked = (query or {}).get("where")
    if not isinstance(asked, list):
        return True
    attributes = [str(each).partition(":")[0] for each in asked]
    return len(attributes) == len(set(attributes))
