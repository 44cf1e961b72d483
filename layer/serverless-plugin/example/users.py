"""The service `users`: one function behind an HTTP API, one that others invoke."""

from __future__ import annotations

import json
from typing import Any


def show(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer `GET /users/{id}`."""
    user = {"id": event["pathParameters"]["id"], "name": "Ada"}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(user)}


def create(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Create the user that the caller describes."""
    return {"id": "42", "name": event["name"]}
