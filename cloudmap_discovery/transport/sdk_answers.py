"""The SDK's reader of answers, made to refuse what it would otherwise take for an empty answer."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.transport.sdk_errors import UnreadableAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIRST_REDIRECT: Final = 300
_NOT_MODIFIED: Final = 304
_BY_HEADERS: Final = "rest-xml"
_JSON: Final = "json"
_JSON_BY_PATH: Final = "rest-json"


class StrictParserFactory:
    """Makes parsers as the SDK's own factory does; registered with a session in its place."""

    def __init__(self) -> None:
        from aiobotocore.parsers import AioResponseParserFactory

        self._inner = AioResponseParserFactory()

    def create_parser(self, protocol_name: str) -> StrictParser:
        """Return a parser for a protocol such as `json` or `rest-xml`."""
        return StrictParser(self._inner.create_parser(protocol_name), protocol_name)


class StrictParser:
    """Reads answers as the SDK's parser does, and raises `UnreadableAnswerError` where that would fail or guess.

    The SDK reads a body that is no JSON as an answer without members: a proxy's page would look like "no instances".
    One that is no XML looks to it like an error of S3, by its status: a proxy's refusal like a denied permission.
    """

    def __init__(self, inner: Any, protocol_name: str) -> None:
        self._inner = inner
        self._protocol_name = protocol_name

    async def parse(self, response: Mapping[str, Any], shape: Any) -> Any:
        """Read one answer, given as the SDK gives it: status, headers and body."""
        from botocore.parsers import ResponseParserError

        is_rest = self._protocol_name == _JSON_BY_PATH
        if (is_rest or self._protocol_name == _JSON) and not _is_answer(response, shape, is_rest=is_rest):
            raise _unreadable(response)
        if self._protocol_name == _BY_HEADERS and not _has_headers(response, shape):
            raise _unreadable(response)
        try:
            parsed = self._inner.parse(response, shape)
            said = await parsed if inspect.isawaitable(parsed) else parsed
        except (ResponseParserError, ValueError, TypeError, AttributeError, LookupError) as error:
            raise _unreadable(response) from error
        if self._protocol_name == _BY_HEADERS and not _is_told(response, said):
            raise _unreadable(response)
        return said


async def whole_body(stream: Any) -> bytes:
    """Read a body that the SDK leaves on its connection; raises an error of the SDK's where it breaks off."""
    from aiohttp import ClientPayloadError
    from botocore.exceptions import ResponseStreamingError

    try:
        body: bytes = await stream.read()
    except ClientPayloadError as error:
        raise ResponseStreamingError(error=error) from error
    finally:
        stream.close()  # a connection that was not read to its end is not used again
    return body


def _is_answer(response: Mapping[str, Any], shape: Any, *, is_rest: bool) -> bool:
    is_success = response["status_code"] < _FIRST_REDIRECT
    if is_success and (shape is None or (is_rest and not _has_document(shape))):
        return True  # nothing is read out of it, or something other than a document
    try:
        document = json.loads(response["body"])
    except (ValueError, RecursionError):
        return False
    if not isinstance(document, dict):
        return False
    if not is_success or not document or not shape.members:
        return True
    # Some other server's JSON has members, and none of those that the service's model has.
    return any(member.serialization.get("name", name) in document for name, member in shape.members.items())


def _has_document(shape: Any) -> bool:
    return "payload" not in shape.serialization and any(
        "location" not in member.serialization for member in shape.members.values()
    )


def _has_headers(response: Mapping[str, Any], shape: Any) -> bool:
    is_success = response["status_code"] < _FIRST_REDIRECT
    needs_tag = is_success and shape is not None and "ETag" in shape.members
    return not needs_tag or bool(response["headers"].get("etag"))


def _is_told(response: Mapping[str, Any], said: Any) -> bool:
    """Return whether an error's code was read in the answer, not guessed; to HEAD there is nothing to read."""
    status = response["status_code"]
    is_head = response.get("context", {}).get("operation_name", "").startswith("Head")
    if status < _FIRST_REDIRECT or status == _NOT_MODIFIED or is_head:
        return True
    # Once it has the code, the SDK reads the answer again, for the members of that error alone.
    error = said.get("Error", {"Code": "known"})
    return isinstance(error, dict) and error.get("Code") not in {None, "", str(status)}


def _unreadable(response: Mapping[str, Any]) -> UnreadableAnswerError:
    body = response["body"]
    if isinstance(body, bytes):
        return UnreadableAnswerError(response["status_code"], body)
    if hasattr(body, "close"):
        body.close()  # nobody will read it
    return UnreadableAnswerError(response["status_code"], b"")
