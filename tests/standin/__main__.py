"""The stand-in as a process of its own: `python -m tests.standin --port 0`."""

import argparse
import json
import os
import select
import signal
import sys

from tests.standin.stand_in import DEFAULT_REGION, StandIn


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.standin", description=__doc__)
    parser.add_argument(
        "--port", type=int, default=0, help="port on 127.0.0.1; 0, the default, takes a free one"
    )
    parser.add_argument(
        "--region", default=DEFAULT_REGION, help="region of seeds and of the environment it prints"
    )
    parser.add_argument("--exit-on-eof", action="store_true", help="end when standard input ends")
    arguments = parser.parse_args()

    # A Python handler that falls due between the last byte code and select() runs only when select() returns. The
    # wake-up descriptor is written to at once, so select() sees every signal.
    ending, end = os.pipe()
    os.set_blocking(end, False)
    signal.set_wakeup_fd(end)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    with StandIn(port=arguments.port, region=arguments.region) as stand_in:
        described = {
            "url": stand_in.url,
            "pid": os.getpid(),
            "region": stand_in.region,
            "account_id": stand_in.account_id,
            "environment": stand_in.environment(),
        }
        print(json.dumps(described), flush=True)  # noqa: T201 - the one line that the parent reads
        _wait(ending, sys.stdin.fileno() if arguments.exit_on_eof else None)


def _wait(ending: int, parent: int | None) -> None:
    """Return when `ending` can be read, or the parent's end of the other pipe is closed."""
    watched = [ending] if parent is None else [ending, parent]
    while True:
        readable, _, _ = select.select(watched, [], [])
        if ending in readable or not os.read(watched[-1], 4096):
            return


if __name__ == "__main__":
    main()
