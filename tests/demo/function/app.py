"""The function of the demo: what a user would write, and a little bookkeeping for the story."""

from __future__ import annotations

import sys
import time
from typing import Any

from cloudmap_discovery import DiscoveryError, async_handler, discover, discover_all


@async_handler
async def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Look a service up, and say what came of it."""
    started = time.perf_counter()
    try:
        instance = await discover(event["service"], stage=event["stage"])
    except DiscoveryError as error:
        return {"error": type(error).__name__, "message": str(error), "took_ms": _since(started)}
    took_ms = _since(started)
    answer = await discover_all(
        event["service"], stage=event["stage"]
    )  # from memory: for source, age and staleness
    return {
        "endpoint": instance.endpoint,
        "source": answer.source,
        "age_seconds": answer.age_seconds,
        "stale": answer.stale,
        "took_ms": took_ms,
        "sdks": sorted({"aiobotocore", "boto3", "botocore"} & sys.modules.keys()),
    }


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
