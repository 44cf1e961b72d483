"""A function that uses Powertools' layer beside ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities import parameters

from cloudmap_discovery import async_handler, discover

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="canary")


@logger.inject_lambda_context
@async_handler
async def handler(event: dict[str, str], _context: LambdaContext) -> dict[str, Any]:
    instance = await discover(event["service"], stage=event["stage"])
    greeting = parameters.get_parameter(event["parameter"])
    logger.info("found", extra={"url": instance.url})
    return {"url": instance.url, "greeting": greeting}
