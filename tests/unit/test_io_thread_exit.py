"""An interpreter exits at once and silently, whatever is under way."""

from __future__ import annotations

import time

import pytest

from tests.unit.programs import run_program

PROGRAMS = {
    "a store that hangs": """
        bed = make_bed(clock=RunningClock(), timeout=60)
        bed.cloud_map.delay_seconds = 50
        threading.Thread(target=lambda: asyncio.run(bed.find()), daemon=True).start()
        while not bed.asked: time.sleep(0.001)
        print("here")
    """,
    "a refresh in the background": """
        bed = make_bed(clock=RunningClock(), timeout=60)
        bed.cloud_map.put(users())
        asyncio.run(bed.find())
        bed.clock.advance(61)
        bed.cloud_map.is_open = False
        asyncio.run(bed.find())
        while len(bed.asked) < 2: time.sleep(0.001)
        print("here")
    """,
    "a thread of the pool that is blocked": """
        io = IOThread()
        begun = threading.Event()
        async def main():
            try:
                async with asyncio.timeout(0.1):
                    await io.in_pool(lambda: (begun.set(), time.sleep(50)))
            except TimeoutError:
                print("here")
        asyncio.run(main())
        begun.wait()
    """,
    "a name that is being resolved": """
        io = IOThread()
        begun = threading.Event()
        async def resolve():
            await asyncio.get_running_loop().run_in_executor(None, lambda: (begun.set(), time.sleep(50)))
        io.spawn(resolve)
        begun.wait()
        print("here")
    """,
    "sys.exit while others wait": """
        bed = make_bed(clock=RunningClock(), timeout=60)
        bed.cloud_map.is_open = False
        async def main():
            waiting = [asyncio.create_task(bed.find()) for _ in range(3)]
            while not bed.asked: await asyncio.sleep(0.001)
            print("here")
            sys.exit(0)
        asyncio.run(main())
    """,
    "Ctrl-C during a blocking call": """
        import signal
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
        io = IOThread()
        def interrupt():
            begun.wait()
            os.kill(os.getpid(), signal.SIGINT)
        begun = threading.Event()
        async def hang():
            begun.set()
            await asyncio.sleep(50)
        threading.Thread(target=interrupt).start()
        try:
            io.run(hang)
        except KeyboardInterrupt:
            print("here")
    """,
    "an async handler with a task of its own": """
        from cloudmap_discovery.handler import async_handler
        @async_handler
        async def handler(event, context):
            asyncio.get_running_loop().create_task(asyncio.sleep(50))
            return "here"
        print(handler({}, None))
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_interpreter_exits_without_waiting_and_without_a_word(name: str) -> None:
    began = time.monotonic()

    done = run_program(PROGRAMS[name])

    assert (done.returncode, done.stdout, done.stderr) == (0, "here\n", "")
    assert time.monotonic() - began < 30
