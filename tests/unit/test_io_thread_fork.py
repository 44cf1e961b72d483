"""After a fork the child looks up on a loop of its own, and the parent goes on."""

from __future__ import annotations

import pytest

from tests.unit.programs import output_of

# Each child ends as most do (os._exit), or with everything that an interpreter does at its end.
ends = pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)"])


@ends
def test_the_child_keeps_what_was_held_and_looks_up_on_a_new_loop(end: str) -> None:
    printed = output_of(f"""
        bed = make_bed(clock=RunningClock(), timeout=20)
        bed.cloud_map.put(users())
        asyncio.run(bed.find())
        child = os.fork()
        if child == 0:
            print("child held", bed.discovery.held("users", STAGE), bed.asked, flush=True)
            bed.clock.advance(200)
            print("child asked", asyncio.run(bed.find()), bed.asked, flush=True)
            {end}
        print("child ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        bed.clock.advance(200)
        print("parent asked", asyncio.run(bed.find()), bed.asked, flush=True)
    """)

    assert printed.splitlines() == [
        "child held https://users.test ['cloudmap']",
        "child asked https://users.test ['cloudmap', 'cloudmap']",
        "child ended 0",
        "parent asked https://users.test ['cloudmap', 'cloudmap']",
    ]


@ends
def test_a_flight_that_was_under_way_goes_on_in_the_parent_and_is_started_anew_in_the_child(end: str) -> None:
    printed = output_of(f"""
        bed = make_bed(clock=RunningClock(), timeout=20)
        bed.cloud_map.put(users())
        asyncio.run(bed.find())
        bed.clock.advance(61)
        bed.cloud_map.is_open = False
        asyncio.run(bed.find())
        while len(bed.asked) < 2: time.sleep(0.001)
        child = os.fork()
        bed.cloud_map.is_open = True
        if child == 0:
            bed.clock.advance(200)
            print("child", asyncio.run(bed.find_all()).stale, len(bed.asked), flush=True)
            {end}
        print("child ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        asyncio.run(bed.landed())
        print("parent", asyncio.run(bed.find_all()).stale, len(bed.asked), flush=True)
    """)

    assert printed.splitlines() == ["child False 3", "child ended 0", "parent False 2"]


@ends
def test_blocking_calls_work_on_both_sides(end: str) -> None:
    printed = output_of(f"""
        from cloudmap_discovery import sync
        from cloudmap_discovery.testing import fake_registry
        with fake_registry({{"users": "https://users.test", "orders": "https://orders.test"}}):
            sync.discover("users")
            child = os.fork()
            if child == 0:
                print("child", sync.discover("users"), sync.discover("orders"), flush=True)
                {end}
            print("child ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            print("parent", sync.discover("users"), sync.discover("orders"), flush=True)
    """)

    both = "https://users.test https://orders.test"
    assert printed.splitlines() == [f"child {both}", "child ended 0", f"parent {both}"]


def test_a_child_of_a_child_works_too() -> None:
    printed = output_of("""
        bed = make_bed(clock=RunningClock(), timeout=20)
        bed.cloud_map.put(users())
        asyncio.run(bed.find())
        for generation in range(3):
            child = os.fork()
            if child:
                os.waitpid(child, 0)
                os._exit(0)
            bed.clock.advance(200)
            print(generation, asyncio.run(bed.find()), flush=True)
    """)

    assert printed.splitlines() == [f"{generation} https://users.test" for generation in range(3)]
