"""A Lambda function that knows the address already: what starting any function takes."""

from typing import Any


def handler(_event: dict[str, Any], _context: object) -> str:
    return "https://users.example.com"
