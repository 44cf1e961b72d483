"""A function that uses the layer, as its users would write one; says besides where it got its packages from."""

from __future__ import annotations

import importlib.metadata
import sys
from typing import Any

import aiobotocore
import boto3
import botocore

import cloudmap_discovery
from cloudmap_discovery import async_handler, discover

PACKAGES = (aiobotocore, boto3, botocore, cloudmap_discovery)


@async_handler
async def handler(event: dict[str, str], _context: object) -> dict[str, Any]:
    instance = await discover(event["service"], stage=event["stage"])
    return {
        "url": instance.url,
        "files": {package.__name__: package.__file__ for package in PACKAGES},
        "versions": {
            name: importlib.metadata.version(name)
            for name in ("aiobotocore", "boto3", "botocore", "cloudmap-discovery")
        },
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "tables": sorted(boto3.client("dynamodb").meta.service_model.operation_names)[:1],
    }
