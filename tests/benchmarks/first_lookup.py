"""The first lookup of a fresh process, against plain boto3 and plain aiobotocore."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tests.benchmarks.measuring import in_fresh_process, medians, print_table
from tests.standin.client import StandInProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

ROUNDS: Final = 9

_PARAMS: Final = """dict(
    NamespaceName="services", ServiceName="users", MaxResults=1000,
    HealthStatus="HEALTHY_OR_ELSE_ALL", QueryParameters={"stage": "Production"},
)"""

SCRIPTS: Final = {
    "cloudmap_discovery": """
import asyncio
from cloudmap_discovery import discover
imported = time.perf_counter()
asyncio.run(discover("users", stage="Production"))
""",
    "boto3": f"""
import boto3
imported = time.perf_counter()
boto3.client("servicediscovery").discover_instances(**{_PARAMS})
""",
    "aiobotocore": f"""
import asyncio
from aiobotocore.session import get_session
imported = time.perf_counter()
async def main():
    async with get_session().create_client("servicediscovery") as client:
        await client.discover_instances(**{_PARAMS})
asyncio.run(main())
""",
}

_REPORT: Final = """
import json, resource
done = time.perf_counter()
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([imported - started, done - started, memory]))
"""


def main() -> None:
    """Print the table."""
    with StandInProcess() as stand_in:
        record = {"endpoint": "https://users.example.com", "stage": "Production"}
        stand_in.seed_instance("services", "users", "1", record)
        # One round more than is counted: the first fills the file system's cache.
        rounds = [
            {name: _run(script, stand_in.environment()) for name, script in SCRIPTS.items()}
            for _ in range(ROUNDS + 1)
        ]
    columns = [
        medians([{name: one[name][index] for name in one} for one in rounds[1:]]) for index in range(3)
    ]
    imports, totals, memory = columns
    print_table(
        f"First lookup in a fresh process, medians of {ROUNDS} interleaved rounds",
        ("what", "import", "first answer", "of boto3", "peak memory"),
        [
            (
                name,
                f"{imports[name] * 1e3:.0f} ms",
                f"{totals[name] * 1e3:.0f} ms",
                f"{totals[name] / totals['boto3']:.2f}",
                f"{memory[name]:.0f} MB",
            )
            for name in SCRIPTS
        ],
    )


def _run(script: str, environment: Mapping[str, str]) -> list[float]:
    timed = f"import time\nstarted = time.perf_counter()\n{script}{_REPORT}"
    seconds: list[float] = json.loads(in_fresh_process(timed, environment))
    return seconds


if __name__ == "__main__":
    main()
