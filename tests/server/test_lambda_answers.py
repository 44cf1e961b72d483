"""What Lambda cannot carry as it is becomes something that it can, or a problem that says so."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.server.lambda_answers import LIMIT_BYTES, InOnePiece, is_carried

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Message, Receive, Scope, Send

LIMIT = 1000


class Answering:
    """An application that sends these messages, and raises then if it is to."""

    def __init__(self, *messages: Message, raises: Exception | None = None) -> None:
        self._messages = messages
        self._raises = raises

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        for message in self._messages:
            await send(message)
        if self._raises is not None:
            raise self._raises


def start(status: int = 200, headers: Sequence[tuple[bytes, bytes]] = ()) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


def piece(body: bytes, *, is_last: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": not is_last}


async def answered(app: Any, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body; the application's own error does not count."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    wrapped = InOnePiece(app, limit_bytes=LIMIT)
    with contextlib.suppress(OSError):
        await wrapped({"type": "http", "method": method, "headers": []}, receive, send)
    begin, *rest = sent
    headers = {name.decode(): text.decode() for name, text in begin["headers"]}
    assert [message["type"] for message in rest] == ["http.response.body"]
    return begin["status"], headers, rest[0]["body"]


async def test_pieces_are_put_together() -> None:
    headers = [(b"content-type", b"text/plain"), (b"x-a", b"1")]

    answer = await answered(
        Answering(start(201, headers), piece(b"a"), piece(b"b"), piece(b"", is_last=True))
    )

    assert answer == (201, {"content-type": "text/plain", "x-a": "1"}, b"ab")


async def test_an_answer_that_grows_over_the_limit_is_a_problem_as_soon_as_it_does() -> None:
    pieces = [piece(b"x" * 400) for _ in range(10)]
    taken: list[Message] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(start())
        for one in pieces:
            taken.append(one)
            await send(one)

    status, headers, body = await answered(app)

    assert (status, headers["content-type"]) == (502, "application/problem+json")
    assert json.loads(body)["type"].endswith(":response-too-large")
    assert len(taken) == 3


@pytest.mark.parametrize("raises", [None, OSError("reset")])
async def test_an_answer_that_breaks_off_is_a_problem_and_not_its_beginning(raises: OSError | None) -> None:
    status, _, body = await answered(Answering(start(), piece(b"half of"), raises=raises))

    assert status == 502
    assert json.loads(body)["type"].endswith(":response-broken-off")


async def test_an_answer_that_is_complete_is_sent_whatever_comes_after_it() -> None:
    app = Answering(start(500), piece(b"a bug", is_last=True), raises=OSError("logged by whoever runs it"))

    assert (await answered(app))[2] == b"a bug"


async def test_an_application_that_raises_before_it_answers_is_left_to_whoever_runs_it() -> None:
    app = InOnePiece(Answering(raises=KeyError("x")))
    sent: list[Message] = []

    with pytest.raises(KeyError):
        await app({"type": "http", "method": "GET"}, None, sent.append)  # type: ignore[arg-type]  # neither is called

    assert sent == []


async def test_the_answer_to_head_has_no_body() -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"4")]

    answer = await answered(Answering(start(200, headers), piece(b"text", is_last=True)), "HEAD")

    assert answer == (200, {"content-type": "text/plain", "content-length": "4"}, b"")


async def test_a_body_of_unknown_type_is_not_said_to_be_json() -> None:
    _, with_body, _ = await answered(Answering(start(), piece(b"?", is_last=True)))
    _, without, _ = await answered(Answering(start(204), piece(b"", is_last=True)))

    assert with_body == {"content-type": "application/octet-stream"}
    assert without == {}


async def test_a_header_in_latin_1_is_carried_as_utf_8() -> None:
    headers = [(b"x-old", b"caf\xe9"), (b"x-new", "café".encode()), (b"Content-Type", b"text/plain")]

    _, found, _ = await answered(Answering(start(200, headers), piece(b"x", is_last=True)))

    assert found == {"x-old": "café", "x-new": "café", "Content-Type": "text/plain"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x" * (LIMIT_BYTES - 100), True),
        ("x" * LIMIT_BYTES, False),
        ('"' * (LIMIT_BYTES // 2), False),
        ("", True),
        (None, True),
    ],
    ids=["just", "over", "escaped", "empty", "none"],
)
def test_what_counts_is_the_size_as_json(body: str | None, *, expected: bool) -> None:
    assert is_carried({"statusCode": 200, "body": body}) is expected
