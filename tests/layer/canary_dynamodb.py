"""A function that uses the runtime's own boto3 for its data, and the layer for its addresses."""

from __future__ import annotations

from typing import Any

import boto3
import botocore

from cloudmap_discovery import async_handler, discover

dynamodb = boto3.client("dynamodb")


@async_handler
async def handler(event: dict[str, str], _context: object) -> dict[str, Any]:
    key = {"id": {"S": event["order"]}}
    dynamodb.put_item(TableName="orders", Item={**key, "state": {"S": "new"}})
    before = dynamodb.get_item(TableName="orders", Key=key)["Item"]
    instance = await discover(event["service"], stage=event["stage"])
    dynamodb.put_item(TableName="orders", Item={**key, "state": {"S": "sent"}, "to": {"S": instance.url}})
    after = dynamodb.get_item(TableName="orders", Key=key)["Item"]
    return {
        "before": before["state"]["S"],
        "after": after["state"]["S"],
        "to": after["to"]["S"],
        "boto3": boto3.__file__,
        "botocore": botocore.__file__,
        "botocore_version": botocore.__version__,
    }
