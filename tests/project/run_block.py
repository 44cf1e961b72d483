"""Runs one Python block of a document as a script, or, if it defines a handler, as a Lambda function invoked twice.

python run_block.py FILE
"""

import ast
import asyncio
import inspect
import json
import sys
from pathlib import Path
from typing import Any

EVENT = {"pathParameters": {"id": "42"}}


def main(path: str) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    code = compile(Path(path).read_text(), path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(code, names))  # noqa: S307 -- the project's own documents
    else:
        exec(code, names)  # noqa: S102 -- the project's own documents
    if "handler" in names:
        for _ in range(2):
            print(json.dumps(names["handler"](EVENT, None)))  # noqa: T201 -- the answer is what is wanted


if __name__ == "__main__":
    main(sys.argv[1])
