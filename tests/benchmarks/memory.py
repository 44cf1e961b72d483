"""The memory of 1,000 cached services with 5 instances each, over what the process needs anyway."""

from __future__ import annotations

from typing import Final

from tests.benchmarks.measuring import in_fresh_process, print_table

SERVICES: Final = 1_000
INSTANCES: Final = 5

SCRIPT: Final = f"""
import asyncio, gc, tracemalloc
from cloudmap_discovery import assembly
from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.model import Instance
from cloudmap_discovery.settings import Settings
from cloudmap_discovery.store_health import StoreHealth
from cloudmap_discovery.testing import FakeStore

clock, half = SystemClock(), lambda: 0.5
class Records(FakeStore):
    async def fetch(self, key, *, timeout_seconds, since=None):
        from cloudmap_discovery.encoding import decode_attributes
        from cloudmap_discovery.stores.port import Found
        # Decoded anew from text, as from the network: nothing is shared with a fixture.
        records = [
            decode_attributes(key.service, f"Production-{{n:020x}}", {{
                "endpoint": f"https://{{n}}.{{key.service}}.execute-api.eu-central-1.amazonaws.com/prod",
                "stage": "Production", "version": f"1.{{n}}.0", "weight": "100", "owner": "manual",
                "registered-at": "2026-01-01T00:00:00+00:00",
            }})
            for n in range({INSTANCES})
        ]
        return Found(tuple(records), clock.now())
async def discard(): ...
discovery = assembly.make_discovery(
    Settings(), [Records("cloudmap")], io=IOThread(), events=EventHub(), clock=clock,
    health=StoreHealth(half, probe_seconds=2), discard=discard, stale_wait_seconds=0, draw=half, jitter=half,
)
async def main(first, last):
    for n in range(first, last):
        await discovery.discover(f"service-{{n}}", stage="Production")
asyncio.run(main(0, 1)); gc.collect()
tracemalloc.start()
asyncio.run(main(1, {SERVICES} + 1)); gc.collect()
print(tracemalloc.get_traced_memory()[0])
"""

if __name__ == "__main__":
    total = int(in_fresh_process(SCRIPT, {}))
    print_table(
        f"Memory of {SERVICES} cached services with {INSTANCES} instances each",
        ("in all", "a service", "an instance"),
        [
            (
                f"{total / 1e6:.1f} MB",
                f"{total / SERVICES / 1e3:.1f} kB",
                f"{total / SERVICES / INSTANCES:.0f} bytes",
            )
        ],
    )
