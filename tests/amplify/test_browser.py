"""In a real browser, an application reaches an endpoint that moved, without a rebuild, and lives through an outage."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.amplify.project import HERE
from tests.amplify.web import pages, service
from tests.server.bed import make_parts, serving, variables_for
from tests.server.browser import a_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.async_api import Page

    from cloudmap_discovery.server.parts import Parts
    from tests.amplify.project import Project
    from tests.standin.stand_in import StandIn

PAGE = (
    b'<!doctype html><meta charset="utf-8"><title>Users</title><script type="module" src="/app.js"></script>'
)
PATH = "/manifest/Production"
ASKED_IN_PAGE = """async (url) => {
    const response = await fetch(url);
    return [response.status, await response.json()];
}"""


@pytest.fixture(scope="module")
def app(project: Project) -> Iterator[str]:
    shutil.copy(HERE / "page.ts", project.folder)
    bundle = project.bundle("page.ts", "app.js")
    files = {"/": ("text/html", PAGE), "/app.js": ("text/javascript", bundle.read_bytes())}
    with pages(files) as origin:
        yield f"{origin}/"


def register(aws: StandIn, endpoint: str) -> None:
    attributes = {"endpoint": endpoint, "stage": "Production", "public": "true"}
    aws.seed_instance("services", "users", "Production-1", attributes)


def parts_for(aws: StandIn, **settings: str) -> Parts:
    return make_parts(variables_for(aws, surfaces="manifest", **settings))


async def do(page: Page, name: str, *arguments: str) -> Any:
    return await page.evaluate("([name, given]) => app[name](...given)", [name, list(arguments)])


async def opened(page: Page, app: str) -> None:
    await page.goto(app)
    await page.wait_for_function("window.app !== undefined")


async def test_an_endpoint_that_moves_is_reached_after_a_refresh_without_a_rebuild_or_a_reload(
    aws: StandIn, app: str
) -> None:
    parts = parts_for(aws)
    async with a_page() as page:
        with serving(parts) as discovery, service("second") as second:
            with service("first") as first:
                register(aws, f"{first}/prod/")
                await opened(page, app)
                started = await do(page, "start", f"{discovery}{PATH}")
                before = await do(page, "call", "users", "/users/1")
            register(aws, second)
            parts.site.overview.forget()
            with pytest.raises(Exception, match="A network error has occurred"):
                await do(page, "call", "users", "/users/1")

            refreshed = await do(page, "refresh")
            after = await do(page, "call", "users", "/users/1")

            again = await do(page, "refresh")
            config = await do(page, "config")

    assert (started, refreshed, again) == ("network", "network", "not-modified")
    assert before == {"name": "first", "path": "/prod/users/1"}
    assert after == {"name": "second", "path": "/users/1"}
    assert config["Auth"]["Cognito"]["userPoolId"] == "eu-west-1_abc"
    assert config["API"]["REST"] == {"users": {"endpoint": second, "region": aws.region}}


async def test_a_page_that_is_opened_while_the_server_is_down_has_what_the_last_one_had(
    aws: StandIn, app: str
) -> None:
    async with a_page() as page:
        with service("users") as users:
            register(aws, users)
            with serving(parts_for(aws)) as discovery:
                url = f"{discovery}{PATH}"
                await opened(page, app)
                first = await do(page, "start", url)
            await opened(page, app)

            second = await do(page, "start", url)
            called = await do(page, "call", "users", "/")

    assert (first, second) == ("network", "storage")
    assert called == {"name": "users", "path": "/"}


async def test_a_page_that_was_never_opened_before_is_told_why_there_is_nothing(
    aws: StandIn, app: str
) -> None:
    register(aws, "https://users.example.com")
    aws.down("servicediscovery", how="unavailable")
    async with a_page() as page:
        await opened(page, app)
        with serving(parts_for(aws)) as discovery:
            url = f"{discovery}{PATH}"
            status, problem = await page.evaluate(ASKED_IN_PAGE, url)
            with pytest.raises(Exception, match=f"no manifest comes from {url}, .*: the answer is 503"):
                await do(page, "start", url)
        with pytest.raises(Exception, match=f"no manifest comes from {url}, .*: Failed to fetch"):
            await do(page, "start", url)

    assert (status, problem["title"]) == (503, "The registry does not answer")


async def test_where_origins_are_named_pages_of_others_cannot_read_it(aws: StandIn, app: str) -> None:
    register(aws, "https://users.example.com")
    named = parts_for(aws, cors_origins=app.rstrip("/"))
    other = parts_for(aws, cors_origins="https://app.example.com")
    async with a_page() as page:
        with serving(named) as ours, serving(other) as others:
            await opened(page, app)
            first = await do(page, "start", f"{ours}{PATH}")
            second = await do(page, "refresh")  # asked with a preflight
            with pytest.raises(Exception, match="none is kept: TypeError: Failed to fetch"):
                await do(page, "start", f"{others}{PATH}")

    assert (first, second) == ("network", "not-modified")
