"""This project, as its users write it; DISCOVERY_TRANSPORT says which of its transports."""

import asyncio

from cloudmap_discovery import discover


def ask() -> str:
    return str(asyncio.run(discover("users", stage="Production")))
