"""Starts ministack, corrected, on a free port: `python -m tests.deployment.launch`, in ministack's own environment.

It prints its URL and serves until its standard input ends; then it ends, and takes the functions it runs along.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import socket
import sys
import threading
from typing import Any

from tests.deployment.api_endpoints import give_address
from tests.deployment.cloud_map import correct
from tests.deployment.custom_resources import delete_what_failed
from tests.deployment.events import announce_calls, announce_stacks
from tests.deployment.function_urls import let_in_as_aws
from tests.deployment.permissions import know_calls, take_connections_for_secure


def main() -> None:
    """Serve."""
    os.setpgrp()  # functions are child processes, and of the same group
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    port = listener.getsockname()[1]
    # Ministack reads it as it is imported: it is in the URLs that it gives to its functions.
    os.environ["GATEWAY_PORT"] = str(port)
    _make_as_aws()
    app: Any = importlib.import_module("ministack.app").app
    config: Any = importlib.import_module("hypercorn.config").Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.accesslog = None
    serve: Any = importlib.import_module("hypercorn.asyncio").serve
    threading.Thread(target=_end_with_parent, daemon=True).start()
    print(json.dumps({"url": f"http://127.0.0.1:{port}"}), flush=True)  # noqa: T201 - the line that the parent reads
    asyncio.run(serve(app, config))


def _make_as_aws() -> None:
    """Correct ministack before it serves; its modules are of another environment than the one that checks types."""
    services = "ministack.services"
    cloud_map: Any = importlib.import_module(f"{services}.servicediscovery")
    correct(cloud_map)
    know_calls(
        importlib.import_module("ministack.core.iam_actions"),
        importlib.import_module(f"{services}.tagging"),
        cloud_map,
    )
    take_connections_for_secure(importlib.import_module("ministack.app"))
    put_events: Any = importlib.import_module(f"{services}.eventbridge")._put_events
    functions: Any = importlib.import_module(f"{services}.lambda_svc")
    announce_calls(functions, put_events)
    let_in_as_aws(functions, importlib.import_module("ministack.core.iam_evaluator"))
    cloudformation = {
        name: importlib.import_module(f"{services}.cloudformation.{name}")
        for name in ("stacks", "changesets", "handlers", "provisioners", "custom_resource")
    }
    announce_stacks(cloudformation.values(), put_events)
    give_address(importlib.import_module(f"{services}.apigateway"), cloudformation["provisioners"])
    delete_what_failed(cloudformation["provisioners"], cloudformation["custom_resource"])


def _end_with_parent() -> None:
    """End this process and its functions, whatever they are at, when the other end of standard input is closed."""
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
