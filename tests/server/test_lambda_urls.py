"""Whatever front made the event, a path is the one that somebody asked for, decoded once."""

from __future__ import annotations

from typing import Any

import pytest

from cloudmap_discovery.server.lambda_urls import path_of
from tests.server.lambda_events import function_url, http_api, rest_api

OWN_DOMAIN = "api.example.com"


def of_load_balancer(path: str) -> dict[str, Any]:
    return {"requestContext": {"elb": {}}, "path": path, "httpMethod": "GET", "headers": {}}


@pytest.mark.parametrize("front", [function_url, rest_api, of_load_balancer])
@pytest.mark.parametrize(
    ("asked", "decoded"),
    [
        ("/manifest/Production", "/manifest/Production"),
        ("/users/a%2Fb", "/users/a/b"),
        ("/users/a%252Fb", "/users/a%2Fb"),
        ("/users//b/", "/users//b/"),
        ("/users/%C3%A4?", "/users/ä?"),
        ("/pr-1%3EStaging:users/7", "/pr-1>Staging:users/7"),
        ("", "/"),
    ],
)
def test_a_front_that_tells_the_path_as_it_was_sent_is_taken_at_its_word(
    front: Any, asked: str, decoded: str
) -> None:
    path = path_of(front(asked))

    assert path.decoded == decoded
    assert path.encoded.decode() == (asked.replace("?", "%3F") or "/")


@pytest.mark.parametrize(
    ("asked", "decoded", "encoded"),
    [
        ("/users/a%2Fb", "/users/a/b", "/users/a/b"),
        ("/users/a%252Fb", "/users/a%2Fb", "/users/a%252Fb"),
        ("/users/%2e%2e/x", "/users/../x", "/users/../x"),
        ("/users/%C3%A4%3F%23%20", "/users/ä?# ", "/users/%C3%A4%3F%23%20"),
        ("/users/$@:;,=+'()!*&~", "/users/$@:;,=+'()!*&~", "/users/$@:;,=+'()!*&~"),
    ],
)
def test_what_an_http_api_has_decoded_is_not_decoded_again(asked: str, decoded: str, encoded: str) -> None:
    second = path_of(http_api(asked))
    first = path_of({**rest_api(decoded), "version": "1.0"})

    assert (second.decoded, second.encoded.decode()) == (decoded, encoded)
    assert second == first


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (http_api("/v1/services", stage="prod"), "/v1/services"),
        (http_api("/", stage="prod"), "/"),
        (http_api("", stage="prod"), "/"),
        (http_api("/prod/x", stage="prod"), "/prod/x"),
        (http_api("/products", stage="prod", domain=OWN_DOMAIN), "/products"),
        (http_api("/prod/x", stage="prod", domain=OWN_DOMAIN), "/prod/x"),
        (http_api("/manifest/x"), "/manifest/x"),
    ],
)
def test_the_stage_of_an_http_api_is_no_part_of_the_path(event: dict[str, Any], expected: str) -> None:
    path = path_of(event)

    assert (path.decoded, path.encoded.decode()) == (expected, expected)
