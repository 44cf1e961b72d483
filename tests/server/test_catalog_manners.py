"""Every path of the catalog: its methods, HEAD, and what pages of other origins may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.server.bed import asking, make_parts, variables_for

if TYPE_CHECKING:
    from cloudmap_discovery.server.parts import Parts
    from tests.standin.stand_in import StandIn

METHODS: Final = {
    "/v1/services": {"GET"},
    "/v1/services/users": {"GET"},
    "/v1/services/users/explain": {"GET"},
    "/catalog/service?ServiceName=users": {"GET", "POST"},
    "/catalog/service/users:blue": {"GET", "DELETE"},
    "/openapi.json": {"GET"},
}
APP: Final = "https://app.example.com"


def parts_for(aws: StandIn, **settings: str) -> Parts:
    aws.seed_instance("services", "users", "blue", {"endpoint": "https://blue.test"})
    return make_parts(variables_for(aws, surfaces="catalog", **settings))


@pytest.mark.parametrize("path", METHODS)
async def test_head_is_get_without_the_body(aws: StandIn, path: str) -> None:
    async with asking(parts_for(aws)) as client:
        got = await client.get(path)
        head = await client.head(path)

    assert head.status_code == got.status_code == 200
    assert head.content == b""
    assert int(head.headers["content-length"]) > 0
    assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize("path", METHODS)
async def test_a_method_that_a_path_does_not_have_is_405_with_those_that_it_has(
    aws: StandIn, path: str
) -> None:
    async with asking(parts_for(aws)) as client:
        for method in {"PUT", "PATCH", "TRACE", "POST", "DELETE", "BREW"} - METHODS[path]:
            response = await client.request(method, path)

            assert response.status_code == 405
            assert set(response.headers["allow"].split(", ")) == METHODS[path] | {"HEAD", "OPTIONS"}
            assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", METHODS)
async def test_without_origins_no_other_page_may_read_anything(aws: StandIn, path: str) -> None:
    async with asking(parts_for(aws)) as client:
        response = await client.get(path, headers={"origin": APP})
        preflight = await client.options(
            path, headers={"origin": APP, "access-control-request-method": "GET"}
        )

    assert preflight.status_code == 204
    assert set(preflight.headers["allow"].split(", ")) == METHODS[path] | {"HEAD", "OPTIONS"}
    for each in (response, preflight):
        assert not [name for name in each.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", METHODS)
async def test_pages_of_an_origin_that_is_set_may_read_answers_and_errors(aws: StandIn, path: str) -> None:
    async with asking(parts_for(aws, cors_origins=APP)) as client:
        for response in (
            await client.get(path, headers={"origin": APP}),
            await client.put(path, headers={"origin": APP}),
        ):
            assert response.headers["access-control-allow-origin"] == APP
            assert response.headers["vary"] == "origin"
        other = await client.get(path, headers={"origin": "https://evil.example.com"})

    assert "access-control-allow-origin" not in other.headers
    assert other.headers["vary"] == "origin"


async def test_errors_of_the_registry_can_be_read_there_too(aws: StandIn) -> None:
    async with asking(parts_for(aws, cors_origins=APP)) as client:
        missing = await client.get("/v1/services/nobody", headers={"origin": APP})
        aws.down()
        outage = await client.get("/catalog/service/users:blue", headers={"origin": APP})
        not_modified = await client.get("/openapi.json", headers={"origin": APP, "if-none-match": "*"})

    assert [each.status_code for each in (missing, outage, not_modified)] == [404, 503, 304]
    for response in (missing, outage, not_modified):
        assert response.headers["access-control-allow-origin"] == APP


@pytest.mark.parametrize(
    ("path", "method"), [("/catalog/service", "POST"), ("/catalog/service/users:blue", "DELETE")]
)
async def test_any_origin_may_read_where_that_is_set_but_none_may_write(
    aws: StandIn, path: str, method: str
) -> None:
    async with asking(parts_for(aws, cors_origins="*", allow_writes="1")) as client:
        reading, writing = [
            await client.options(path, headers={"origin": APP, "access-control-request-method": asked})
            for asked in ("GET", method)
        ]
        write = await client.request(method, path, headers={"origin": APP})

    assert reading.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in writing.headers
    assert "access-control-allow-origin" not in write.headers


@pytest.mark.parametrize(
    ("path", "method"), [("/catalog/service", "POST"), ("/catalog/service/users:blue", "DELETE")]
)
async def test_pages_of_an_origin_that_is_set_may_write(aws: StandIn, path: str, method: str) -> None:
    async with asking(parts_for(aws, cors_origins=APP, allow_writes="1")) as client:
        preflight = await client.options(
            path,
            headers={
                "origin": APP,
                "access-control-request-method": method,
                "access-control-request-headers": "content-type",
            },
        )

    assert preflight.headers["access-control-allow-origin"] == APP
    assert method in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-headers"] == "content-type"
