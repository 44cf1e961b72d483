"""What `invoke` is given becomes a call, or an error that says which argument is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.calls.calling import Where
from cloudmap_discovery.calls.invoking import call_of, invoked
from cloudmap_discovery.calls.messages import Call
from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.server.paths import read_path
from tests.unit.calling_bed import calling_bed

ENCODED = (
    "%2e",
    "%2E",
    ".",
    "%2f",
    "/",
    "%5c",
    "\\",
    "%0d",
    "%7f",
    "%00",
    "%252e",
    "a",
    "%20",
    "%C2%80",
    "%",
)


def call(payload: Any = None, **arguments: Any) -> Call:
    nothing = dict.fromkeys(("method", "path", "query", "headers"))
    return call_of(payload, **{**nothing, **arguments})


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"headers": [("a", "b")]}, "headers"),
        ({"headers": "a: b"}, "headers"),
        ({"headers": {7: "b"}}, "headers"),
        ({"headers": {"a": "b\x0cc"}}, "headers['a']"),
        ({"path": "/..;/admin"}, "path"),
        ({"method": 5}, "method"),
        ({"method": 0}, "method"),
        ({"path": 0}, "path"),
        ({"query": 5}, "query"),
        ({"query": [("a", "b")]}, "query"),
        ({"query": {7: "b"}}, "query"),
        ({"query": {"a": None}}, "query['a']"),
        ({"query": {"a": 1}}, "query['a']"),
        ({"query": {"a": b"1"}}, "query['a']"),
        ({"query": {"a": {"b": "c"}}}, "query['a']"),
        ({"query": {"a": ["b", None]}}, "query['a']"),
        ({"query": {"a": "\ud800"}}, "query['a']"),
        ({"query": "\ud800"}, "query"),
    ],
)
def test_an_argument_of_another_type_is_an_invalid_value(arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        call(**arguments)

    assert raised.value.field == field


@pytest.mark.parametrize("seconds", ["3", None, True, float("nan"), 3j, [3]])
async def test_a_timeout_that_is_no_number_is_an_invalid_value(seconds: Any) -> None:
    with calling_bed() as bed, pytest.raises(InvalidValueError) as raised:
        await invoked(bed.calling, Where("users"), Call(), seconds)

    assert raised.value.field == "timeout_seconds"


@pytest.mark.parametrize(
    "path",
    [
        "/%2e%2e/x",
        "/%2E%2e",
        "/a/.%2e/b",
        "/%2e/x",
        "/..%2fx",
        "/..\\x",
        "/..%5Cx",
        "/a%0d%0ab",
        "/a%00",
        "/a%7f",
    ],
)
def test_a_path_that_means_another_one_is_refused_encoded_or_not(path: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        call(path=path)

    assert raised.value.field == "path"


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/a%20b", "/a%20b"),
        ("/a b/ü", "/a%20b/%C3%BC"),
        ("/a..b/...", "/a..b/..."),
        ("/%2e%2ex", "/%2e%2ex"),
        ("", ""),
    ],
)
def test_other_paths_are_sent_as_they_are_with_their_signs_encoded(path: str, sent: str) -> None:
    assert call(path=path).path == sent


@given(st.lists(st.sampled_from(ENCODED)).map(lambda parts: "/" + "".join(parts)))
def test_the_router_takes_every_path_that_is_sent(path: str) -> None:
    try:
        sent = call(path=path).path
    except InvalidValueError:
        return  # it is not sent

    assert read_path(f"/users{sent}").path == sent


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        (None, ""),
        ("?a=1&b", "a=1&b"),
        ({}, ""),
        ({"a": ["1", "2"], "b": "x y", "c": ()}, "a=1&a=2&b=x+y"),
        ({"a": "ü&="}, "a=%C3%BC%26%3D"),
    ],
)
def test_a_query_is_text_or_texts_by_name(query: Any, sent: str) -> None:
    assert call(query=query).query == sent
