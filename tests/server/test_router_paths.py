"""A path names a service, and what follows goes on as it is unless it means another path to somebody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.server.passed_headers import Front, passes, reply_headers, request_headers
from cloudmap_discovery.server.paths import Routed, read_path, read_query

FRONT = Front("192.0.2.7", "router.test:8080", "https")


@pytest.mark.parametrize(
    ("path", "routed"),
    [
        ("/users", Routed("users", None, "")),
        ("/users/", Routed("users", None, "/")),
        ("/users/7/orders", Routed("users", None, "/7/orders")),
        ("/Staging:users/7", Routed("users", "Staging", "/7")),
        ("/-:users/7", Routed("users", "-", "/7")),
        ("/pr-7%3EStaging:users/7", Routed("users", "pr-7>Staging", "/7")),
        ("/pr-7>Staging%3Ausers/7", Routed("users", "pr-7>Staging", "/7")),
        ("/users/a%2Fb/c%20d", Routed("users", None, "/a%2Fb/c%20d")),
        ("/users//evil.test/x", Routed("users", None, "//evil.test/x")),
        ("/users/http://evil.test/", Routed("users", None, "/http://evil.test/")),
        ("/users/@evil.test", Routed("users", None, "/@evil.test")),
        ("/users/..a/b..", Routed("users", None, "/..a/b..")),
        ("/users/%252e%252e/x", Routed("users", None, "/%252e%252e/x")),
        ("/users/a;b=c", Routed("users", None, "/a;b=c")),
    ],
)
def test_these_are_passed_on_to_the_letter(path: str, routed: Routed) -> None:
    assert read_path(path) == routed


@pytest.mark.parametrize(
    "path",
    [
        "",
        "users",
        "http://evil.test/users",
        "/",
        "//evil.test/users",
        "/:users/7",
        "/Staging:/7",
        "/users/../admin",
        "/users/./x",
        "/users/..",
        "/users/%2e%2e/admin",
        "/users/.%2E/admin",
        "/users/%2e",
        "/users/..%2fadmin",
        "/users/a%2f..%2fadmin",
        "/users/..%5cadmin",
        "/users/..;/admin",
        "/users/..;x=1/admin",
        "/users/%2e%2e;/admin",
        "/users/..%3b/admin",
        "/users/.;/admin",
        "/users/..\\admin",
        "/users/a%00b",
        "/users/a%0d%0aset-cookie:x",
        "/users/a%7f",
        "/users/a b",
        "/users/ä",
        "/users/\r\nx",
    ],
)
def test_these_are_refused(path: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        read_path(path)

    assert raised.value.field == "path"


@given(st.text("ab./%\\25ef:", max_size=30))
def test_no_path_that_is_passed_on_climbs_however_often_it_is_decoded_once(text: str) -> None:
    from urllib.parse import unquote  # noqa: PLC0415 -- as whoever gets it decodes it

    try:
        routed = read_path(f"/users/{text}")
    except InvalidValueError:
        return
    assert ".." not in unquote(routed.path).replace("\\", "/").split("/")
    assert f"/users{routed.path}" == f"/users/{text}"


def passed(*given: tuple[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, text in request_headers(given, FRONT, now_seconds=1_700_000_000):
        found[name] = f"{found[name]}|{text}" if name in found else text
    return found


def test_headers_of_one_connection_stay_here_and_what_they_name() -> None:
    given = (
        ("connection", "keep-alive, X-Secret"),
        ("x-secret", "1"),
        ("te", "trailers"),
        ("upgrade", "h2c"),
    )
    more = (
        ("transfer-encoding", "chunked"),
        ("proxy-authorization", "x"),
        ("keep-alive", "5"),
        ("accept", "a"),
    )

    headers = passed(*given, *more)

    assert set(headers) == {
        "accept",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "via",
        "x-amzn-trace-id",
    }


def test_who_asked_is_told_and_what_the_client_says_of_it_is_not_believed() -> None:
    given = (
        ("host", "evil"),
        ("x-forwarded-host", "evil"),
        ("x-forwarded-proto", "ftp"),
        ("x-forwarded-port", "1"),
    )
    headers = passed(*given, ("forwarded", "for=evil"), ("x-forwarded-for", "10.0.0.1"))

    assert "host" not in headers
    assert headers["x-forwarded-host"] == "router.test:8080"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-for"] == "10.0.0.1, 192.0.2.7"
    assert "forwarded" not in headers
    assert "x-forwarded-port" not in headers


def test_an_address_that_the_front_has_added_is_not_added_twice() -> None:
    assert passed(("x-forwarded-for", "10.0.0.1, 192.0.2.7"))["x-forwarded-for"] == "10.0.0.1, 192.0.2.7"


@pytest.mark.parametrize(
    "algorithm", ["AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", "aws4-ecdsa-p256-sha256"]
)
def test_what_the_request_to_us_was_signed_with_stays_here(algorithm: str) -> None:
    signed = (
        ("authorization", f"{algorithm} Credential=x"),
        ("x-amz-date", "1"),
        ("X-Amz-Security-Token".lower(), "t"),
    )
    headers = passed(*signed, ("x-amz-content-sha256", "e"), ("x-amz-invocation-type", "Event"))

    assert not [name for name in headers if name == "authorization" or name.startswith("x-amz-")]


def test_names_with_an_underscore_which_others_read_as_a_hyphen_stay_here() -> None:
    assert "x_forwarded_for" not in passed(("x_forwarded_for", "10.0.0.1"))


@pytest.mark.parametrize(
    ("query", "passed_on"),
    [
        (b"a=1&b=%20+&c", "a=1&b=%20+&c"),
        ("q=\u00e9 x".encode(), "q=%C3%A9%20x"),
        (b"a=1\r\nb: 2", "a=1%0D%0Ab:%202"),
        (b"X-Amz-Date=1&a=2", "X-Amz-Date=1&a=2"),
        (b"X-Amz-Date=1&a=2&x-amz-SIGNATURE=f", "a=2"),
        (b"X-Amz%2DSignature=1&X-Amz-Security-Token=t&a=2&X-Amz-Credential=c", "a=2"),
        (b"%58-amz-security%2dtoken=t&a=%58&X-Amz-Signature=1", "a=%58"),
        (b"X-Amz-Date=1&a=X-Amz-Signature=f", "X-Amz-Date=1&a=X-Amz-Signature=f"),
    ],
)
def test_a_query_is_passed_on_harmlessly(query: bytes, passed_on: str) -> None:
    assert read_query(query) == passed_on


def test_a_token_of_the_client_goes_on_to_the_service() -> None:
    assert passed(("authorization", "Bearer token"))["authorization"] == "Bearer token"


@pytest.mark.parametrize("trace", [("x-amzn-trace-id", "Root=1-2-3"), ("traceparent", "00-1-2-01")])
def test_a_trace_goes_on(trace: tuple[str, str]) -> None:
    headers = passed(trace)

    assert headers[trace[0]] == trace[1]
    assert len({"x-amzn-trace-id", "traceparent"} & set(headers)) == 1


def test_a_trace_begins_where_there_is_none() -> None:
    assert passed()["x-amzn-trace-id"].startswith("Root=1-6553f100-")


def test_headers_that_come_twice_go_on_twice() -> None:
    assert passed(("accept", "a"), ("accept", "b"))["accept"] == "a|b"


def test_answers_lose_what_is_of_one_connection_and_of_aws() -> None:
    given = (
        ("connection", "x-secret"),
        ("x-secret", "1"),
        ("transfer-encoding", "chunked"),
        ("x-amz-cf-id", "x"),
    )

    assert reply_headers((*given, ("set-cookie", "a"), ("set-cookie", "b"))) == [
        ("set-cookie", "a"),
        ("set-cookie", "b"),
    ]


def test_passes_are_counted() -> None:
    headers = request_headers(request_headers((), FRONT, now_seconds=0), FRONT, now_seconds=0)

    assert passes(headers) == 2
    assert passes((("via", "1.1 varnish"),)) == 0
