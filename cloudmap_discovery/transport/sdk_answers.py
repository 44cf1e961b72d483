"""The SDK's reader of answers, made to refuse what it would otherwise take for an empty answer."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.transport.sdk_errors import UnreadableAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIRST_REDIRECT: Final = 300


class StrictParserFactory:
    """Makes parsers as the SDK's own factory does; registered with a session in its place."""

    def __init__(self) -> None:
        from aiobotocore.parsers import AioResponseParserFactory

        self._inner = AioResponseParserFactory()

    def create_parser(self, protocol_name: str) -> StrictParser:
        """Return a parser for a protocol such as `json` or `rest-xml`."""
        return StrictParser(self._inner.create_parser(protocol_name), is_json=protocol_name == "json")


class StrictParser:
    """Reads answers as the SDK's parser does, and raises `UnreadableAnswerError` where that would fail or guess.

    The SDK reads a body that is no JSON as an answer without members: a proxy's page would look like "no instances".
    """

    def __init__(self, inner: Any, *, is_json: bool) -> None:
        self._inner = inner
        self._is_json = is_json

    async def parse(self, response: Mapping[str, Any], shape: Any) -> Any:
        """Read one answer, given as the SDK gives it: status, headers and body."""
        from botocore.parsers import ResponseParserError

        if self._is_json and not _is_answer(response, shape):
            raise _unreadable(response)
        try:
            parsed = self._inner.parse(response, shape)
            return await parsed if inspect.isawaitable(parsed) else parsed
        except (ResponseParserError, ValueError, TypeError, AttributeError, LookupError) as error:
            raise _unreadable(response) from error


def _is_answer(response: Mapping[str, Any], shape: Any) -> bool:
    is_success = response["status_code"] < _FIRST_REDIRECT
    if is_success and shape is None:
        return True  # nothing is read out of it
    try:
        document = json.loads(response["body"])
    except ValueError:
        return False
    if not isinstance(document, dict):
        return False
    # Some other server's JSON has members, and none of those that the service's model has.
    return (
        not is_success or not document or not shape.members or not document.keys().isdisjoint(shape.members)
    )


def _unreadable(response: Mapping[str, Any]) -> UnreadableAnswerError:
    body = response["body"]
    return UnreadableAnswerError(response["status_code"], body if isinstance(body, bytes) else b"")
