"""The stand-in as a process of its own: `python -m tests.standin --port 0`."""

import argparse
import json
import os
import signal
import sys
import threading

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

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with StandIn(port=arguments.port, region=arguments.region) as stand_in:
        described = {
            "url": stand_in.url,
            "pid": os.getpid(),
            "region": stand_in.region,
            "account_id": stand_in.account_id,
            "environment": stand_in.environment(),
        }
        print(json.dumps(described), flush=True)  # noqa: T201 - the one line that the parent reads
        if arguments.exit_on_eof:
            threading.Thread(target=_set_at_eof, args=(ended,), daemon=True).start()
        ended.wait()


def _set_at_eof(ended: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        continue
    ended.set()


if __name__ == "__main__":
    main()
