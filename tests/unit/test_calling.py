"""A service is called at an instance that answers, once if it may have acted, and signed only where that is wanted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.calls.calling import MAX_PAYLOAD_BYTES
from cloudmap_discovery.calls.errors import (
    BadReplyError,
    FunctionFailedError,
    InvocationError,
    NoReplyError,
    NotAuthorizedError,
    NotCallableError,
    TooLargeError,
    UnreachableError,
)
from cloudmap_discovery.calls.messages import Call
from cloudmap_discovery.errors import AccessDeniedError, ServiceNotFoundError
from tests.unit.calling_bed import ARN, CallingBed, calling_bed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ONE, TWO = "https://one.test", "https://two.test"
EVENT = Call(body=b'{"id": 7}', is_event=True)


@pytest.fixture
def bed() -> Iterator[CallingBed]:
    with calling_bed() as made:
        yield made


def refused(*, was_sent: bool = False) -> UnreachableError:
    return UnreachableError("", ONE, "connection refused", was_sent=was_sent)


async def test_a_url_is_asked_and_its_answer_given_as_it_is(bed: CallingBed) -> None:
    bed.put(f"{ONE}/v1")
    bed.wire.answer(ONE, (404, {"x-a": "1"}, b"none"))

    called, body = await bed.call(Call("GET", "/7", "a=1", (("x-b", "2"),)))

    assert (called.incoming.status, called.incoming.headers, body) == (404, (("x-a", "1"),), b"none")
    assert called.instance.endpoint == f"{ONE}/v1"
    assert bed.wire.sent[0].url == f"{ONE}/v1/7?a=1"
    assert bed.wire.headers() == {"x-b": "2"}
    assert bed.keys.asked == 0


async def test_another_instance_is_tried_where_one_cannot_be_reached_and_that_one_is_set_aside(
    bed: CallingBed,
) -> None:
    bed.put(ONE, "one")
    bed.put(TWO, "two")
    bed.wire.answer(ONE, refused())
    bed.wire.answer(TWO, b"fine")

    bodies = [(await bed.call())[1] for _ in range(20)]

    assert bodies == [b"fine"] * 20
    assert bed.wire.hosts.count("one.test") <= 1


async def test_where_none_can_be_reached_each_is_tried_once(bed: CallingBed) -> None:
    bed.put(ONE, "one")
    bed.put(TWO, "two")
    bed.wire.answer(ONE, refused())
    bed.wire.answer(TWO, refused())

    with pytest.raises(
        UnreachableError, match=r"calling 'users' at https://(one|two)\.test: connection refused"
    ):
        await bed.call()

    assert sorted(bed.wire.hosts) == ["one.test", "two.test"]


@pytest.mark.parametrize(
    ("method", "was_sent", "calls"),
    [
        ("POST", False, 2),
        ("POST", True, 1),
        ("PATCH", True, 1),
        ("GET", True, 2),
        ("PUT", True, 2),
        ("DELETE", True, 2),
    ],
)
async def test_what_may_have_been_done_is_repeated_only_where_twice_is_as_once(
    bed: CallingBed, method: str, *, was_sent: bool, calls: int
) -> None:
    bed.put(ONE, "one")
    bed.put(TWO, "two")
    failure = refused(was_sent=was_sent)
    bed.wire.answer(ONE, failure)
    bed.wire.answer(TWO, failure)

    with pytest.raises(UnreachableError):
        await bed.call(Call(method, "/7", body=b"x"))

    assert len(bed.wire.sent) == calls


async def test_a_body_that_is_read_once_is_not_sent_twice(bed: CallingBed) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"part"

    bed.put(ONE, "one")
    bed.put(TWO, "two")
    bed.wire.answer(ONE, refused(was_sent=True))
    bed.wire.answer(TWO, refused(was_sent=True))

    with pytest.raises(UnreachableError):
        await bed.call(Call("PUT", "/7", body=chunks()))

    assert len(bed.wire.sent) == 1


@pytest.mark.parametrize(
    "failure", [NoReplyError("", ONE, "no answer", was_sent=True), BadReplyError("", ONE, "rubbish")]
)
async def test_other_failures_end_the_call_and_set_nothing_aside(
    bed: CallingBed, failure: InvocationError
) -> None:
    bed.put(ONE, "one")
    bed.put(TWO, "two")
    bed.wire.answer(ONE, failure)
    bed.wire.answer(TWO, failure)

    for _ in range(30):
        with pytest.raises(type(failure)) as raised:
            await bed.call()
        assert raised.value.service == "users"

    assert set(bed.wire.hosts) == {"one.test", "two.test"}


async def test_a_service_that_vanishes_amid_the_tries_leaves_the_error_of_the_first(bed: CallingBed) -> None:
    bed.put(ONE, "one")
    bed.wire.answer(ONE, refused())

    with pytest.raises(UnreachableError):
        await bed.call()

    assert len(bed.wire.sent) == 1


async def test_a_service_that_is_not_there_is_not_called(bed: CallingBed) -> None:
    with pytest.raises(ServiceNotFoundError):
        await bed.call()

    assert not bed.wire.sent


async def test_only_records_that_have_the_attributes_are_called(bed: CallingBed) -> None:
    bed.put(ONE, "one", public="true")
    bed.put(TWO, "two")
    bed.wire.answer(ONE, b"fine")

    for _ in range(10):
        await bed.call(where={"public": "true"})

    assert set(bed.wire.hosts) == {"one.test"}


async def test_a_record_that_says_iam_is_signed_and_what_the_caller_signed_with_stays_behind(
    bed: CallingBed,
) -> None:
    bed.put("https://abc.execute-api.eu-west-1.amazonaws.com/prod", auth="iam")
    bed.wire.answer("https://abc", b"fine")
    given = (
        ("authorization", "Bearer me"),
        ("x-amz-security-token", "mine"),
        ("x-amz-date", "1"),
        ("x-b", "2"),
    )

    await bed.call(Call("POST", "/7", "a=b+c", given, b"body"))

    headers = bed.wire.headers()
    assert bed.wire.sent[0].url == "https://abc.execute-api.eu-west-1.amazonaws.com/prod/7?a=b%20c"
    assert headers["authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20231114/eu-west-1/execute-api/"
    )
    assert headers["x-amz-security-token"] == "token"
    assert headers["x-b"] == "2"
    assert "Bearer" not in json.dumps(headers)


@pytest.mark.parametrize("auth", ["none", "", "IAM2"])
async def test_a_record_that_does_not_say_iam_is_not_signed(bed: CallingBed, auth: str) -> None:
    bed.put("https://abc.execute-api.eu-west-1.amazonaws.com/prod", auth=auth)
    bed.wire.answer("https://abc", b"fine")

    await bed.call(Call("GET", "/7", headers=(("authorization", "Bearer me"),)))

    assert bed.wire.headers() == {"authorization": "Bearer me"}
    assert bed.keys.asked == 0


@pytest.mark.parametrize("endpoint", ["https://abc.execute-api.eu-west-1.amazonaws.com/prod", ARN])
async def test_nothing_is_signed_for_those_who_may_not(bed: CallingBed, endpoint: str) -> None:
    bed.put(endpoint, auth="iam")

    with pytest.raises(NotAuthorizedError, match="not one to sign for"):
        await bed.call(may_sign=False)

    assert not bed.wire.sent
    assert bed.keys.asked == 0


@pytest.mark.parametrize(
    ("endpoint", "size", "attributes"),
    [
        (ARN, MAX_PAYLOAD_BYTES + 1, {}),
        (ARN, MAX_PAYLOAD_BYTES - 10, {}),  # with what is around it, it is too large
        ("https://abc.execute-api.eu-west-1.amazonaws.com", 10 * 1024 * 1024 + 1, {"auth": "iam"}),
    ],
)
async def test_a_body_that_aws_does_not_take_is_refused_before_it_is_sent(
    bed: CallingBed, endpoint: str, size: int, attributes: dict[str, str]
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, size, 1024 * 1024):
            yield b"x" * min(1024 * 1024, size - start)

    bed.put(endpoint, **attributes)

    for body in (chunks(), b"x" * size):
        with pytest.raises(TooLargeError, match="larger than the"):
            await bed.call(Call("POST", "/7", headers=(("content-type", "text/plain"),), body=body))

    assert not bed.wire.sent


async def test_an_endpoint_that_is_neither_is_not_called(bed: CallingBed) -> None:
    bed.put("users.test:80")

    with pytest.raises(NotCallableError, match="only http and https URLs and ARNs"):
        await bed.call()


async def test_without_credentials_the_error_is_that(bed: CallingBed) -> None:
    bed.put(ARN)
    bed.keys.failure = AccessDeniedError("no credentials")

    with pytest.raises(AccessDeniedError, match="no credentials"):
        await bed.call()


async def test_all_tries_share_the_time(bed: CallingBed) -> None:
    bed.put(ONE, "one")
    bed.put(TWO, "two")
    bed.wire.answer(ONE, refused())
    bed.wire.answer(TWO, refused())

    with pytest.raises(UnreachableError):
        await bed.call(seconds=5.0)

    assert bed.wire.seconds == sorted(bed.wire.seconds, reverse=True)
    assert all(0 < seconds <= 5.0 for seconds in bed.wire.seconds)


async def test_only_what_nobody_changes_under_way_is_signed(bed: CallingBed) -> None:
    bed.put("https://abc.execute-api.eu-west-1.amazonaws.com", auth="iam")
    bed.wire.answer("https://abc", b"fine")
    given = (
        ("content-type", "text/plain"),
        ("via", "1.1 x"),
        ("x-a", "gr\u00c3\u00bcn"),
        ("x-forwarded-for", "10.0.0.1"),
    )

    await bed.call(Call("POST", "/7", "", given, b"body"))

    headers = bed.wire.headers()
    signed = headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0]
    assert signed == "content-type;host;x-amz-date;x-amz-security-token"
    assert headers["x-a"] == "gr\u00c3\u00bcn"
    assert headers["via"] == "1.1 x"


async def test_a_password_in_an_address_is_not_told(bed: CallingBed) -> None:
    bed.put("https://user:secret@users.test/x")

    with pytest.raises(NotCallableError, match=r"https://\.\.\.@users\.test/x") as raised:
        await bed.call()

    assert "secret" not in str(raised.value)


def test_after_a_restore_credentials_are_found_anew(bed: CallingBed) -> None:
    bed.calling.after_restore()

    assert bed.keys.forgotten == 1


def test_errors_survive_a_copy() -> None:
    import copy  # noqa: PLC0415 -- here alone
    import pickle  # noqa: PLC0415 -- the same

    error: Any = FunctionFailedError("users", ARN, error_type="KeyError", error_message="x", kind="unhandled")

    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301 -- our own
        assert (str(again), again.error_type, again.was_sent) == (str(error), "KeyError", True)
