"""In a real browser the pages are of use to everybody: without JavaScript, sight or mouse, and whatever stands in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.server.bed import make_parts, serving, variables_for
from tests.server.browser import a_browser
from tests.server.page_bed import OVERRIDES, PATHS, put, record, seed
from tests.server.page_hostility import IMAGE, LONG, SCRIPT, STYLE, TEMPLATE, paths, variables
from tests.server.page_judging import barriers, barriers_in_light_and_dark

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser, Page

    from tests.standin.stand_in import StandIn

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with a_browser() as started:
        yield started


async def opened(browser: Browser, **context: Any) -> Page:
    """Return a page of its own context; all of them end with the browser."""
    return await (await browser.new_context(reduced_motion="reduce", **context)).new_page()


async def test_nothing_on_a_page_keeps_anybody_out_in_light_and_dark(aws: StandIn, browser: Browser) -> None:
    seed(aws)
    parts = make_parts(variables_for(aws, surfaces="page", overrides=OVERRIDES))
    failing = make_parts(variables_for(aws, surfaces="page"))
    page = await opened(browser, bypass_csp=True)
    found: dict[str, list[str]] = {}

    with serving(parts) as url, serving(failing) as broken:
        addresses = [f"{url}{PATHS[name]}" for name in ("registry", "ladder", "missing")]
        await page.goto(url)
        aws.faults.access_denied()
        for address in [*addresses, broken, f"{broken}/ui/users?stage=Production"]:
            found |= await barriers_in_light_and_dark(page, address)

    assert found == {}


async def test_the_judge_of_barriers_finds_one(browser: Browser) -> None:
    page = await opened(browser)

    await page.set_content("<html lang=en><title>x</title><main><h1>x</h1><input></main>")

    assert [line.partition(":")[0] for line in await barriers(page)] == ["label"]


async def test_the_filter_and_the_form_work_without_javascript(aws: StandIn, browser: Browser) -> None:
    seed(aws)
    page = await opened(browser, java_script_enabled=False)
    with serving(make_parts(variables_for(aws, surfaces="page"))) as url:
        await page.goto(url)
        await page.get_by_label("Find").fill("pay")
        await page.get_by_label("Staging").check()
        await page.get_by_role("button", name="Show").click()

        assert page.url == f"{url}/?q=pay&stage=Staging"
        assert await page.get_by_role("rowheader").all_inner_texts() == ["payments"]
        assert await page.get_by_label("Staging").is_checked()
        await page.get_by_role("link", name="payments, Staging: 2.2.0").click()
        await page.get_by_label("Version range").fill("^2")
        await page.get_by_role("button", name="Explain").click()

        assert page.url == f"{url}/ui/payments?stage=Staging&version=%5E2&tenant=#lookup"
        assert await page.get_by_role("img", name="How payments is looked up in Staging").is_visible()
        await page.get_by_role("link", name="Registry", exact=True).click()
        assert page.url == f"{url}/"


async def test_a_keyboard_gets_everywhere_and_shows_where_it_is(aws: StandIn, browser: Browser) -> None:
    seed(aws)
    page = await opened(browser)
    with serving(make_parts(variables_for(aws, surfaces="page"))) as url:
        await page.goto(url)
        await page.keyboard.press("Tab")
        assert await focused(page) == "Skip to the content"
        box = await page.get_by_text("Skip to the content").bounding_box()
        assert box is not None
        assert box["y"] >= 0
        await page.keyboard.press("Enter")
        order = []
        for _ in range(9):
            await page.keyboard.press("Tab")
            order.append(await focused(page))
            assert await page.evaluate(OUTLINED), order[-1]

    assert order[:6] == ["q", "stage-1", "stage-2", "stage-3", "stage-4", "Show"]
    assert order[6].startswith("Services by stage")  # the region, which scrolls
    assert order[7:] == ["audit-log", "audit-log, no stage: no version 13 mo ago"]


OUTLINED = """() => [document.activeElement, document.activeElement.nextElementSibling].some(
    element => element && getComputedStyle(element).outlineStyle !== 'none')"""


async def focused(page: Page) -> str:
    found: str = await page.evaluate("document.activeElement.textContent || document.activeElement.id")
    return " ".join(found.split())


@pytest.mark.parametrize("width", [1280, 390])
async def test_of_many_stages_and_services_the_heads_stay_in_sight_and_only_the_table_scrolls(
    aws: StandIn, browser: Browser, width: int
) -> None:
    put(aws, *(record(f"service-{n:02}", f"pr-{n}") for n in range(40)))
    page = await opened(browser, viewport={"width": width, "height": 800})
    with serving(make_parts(variables_for(aws, surfaces="page"))) as url:
        await page.goto(url)
        await page.get_by_role("region").evaluate("e => e.scrollTo(900, 600)")
        box = await page.get_by_role("region").bounding_box()
        head = await page.get_by_role("columnheader", name="pr-9 ").bounding_box()
        row = await page.get_by_role("rowheader", name="service-20").bounding_box()
        wide = await page.evaluate("document.documentElement.scrollWidth")

    assert box is not None
    assert head is not None
    assert row is not None
    assert head["y"] - box["y"] <= 1
    assert row["x"] - box["x"] <= 1
    assert wide <= width


@pytest.mark.parametrize(("width", "most"), [(1280, 99), (390, 4)])
async def test_nothing_that_others_wrote_runs_or_loads_and_no_page_is_wider_than_its_window(
    browser: Browser, tmp_path: Path, width: int, most: int
) -> None:
    page = await opened(browser, viewport={"width": width, "height": 800})
    wrong: list[str] = []
    asked: set[str] = set()
    page.on("dialog", lambda dialog: wrong.append(f"dialog {dialog.message}"))
    page.on("pageerror", lambda error: wrong.append(f"error {error}"))
    page.on("console", lambda said: wrong.append(f"console {said.text}"))
    page.on("request", lambda request: asked.add(request.url.partition("?")[0]))
    with serving(make_parts(variables(tmp_path))) as url:
        visited = [f"{url}{path}" for path in paths()[:most]]
        for address in visited:
            await page.goto(address)
            found = await page.evaluate(LOOK)
            if found != {"title": False, "active": 0, "scripts": 0, "images": 1, "wider": 0}:
                wrong.append(f"{address} {found}")

    assert [line for line in wrong if "Failed to load resource: the server responded" not in line] == []
    own = {f"{url}/ui/-/style.css", f"{url}/ui/-/icon.svg"}
    assert asked - own == {address.partition("?")[0] for address in visited}


LOOK = """() => ({
    title: document.title === 'hacked',
    active: document.querySelectorAll('script, style, iframe, [onerror], [onload], [style]').length,
    scripts: [...document.links].filter(link => !/^https?:$/.test(link.protocol)).length,
    images: document.images.length,
    wider: Math.max(document.documentElement.scrollWidth - innerWidth, 0),
})"""


async def test_what_others_wrote_is_read_as_it_is_written(browser: Browser, tmp_path: Path) -> None:
    page = await opened(browser)
    with serving(make_parts(variables(tmp_path))) as url:
        await page.goto(f"{url}/ui/users?stage=Production")
        said = await page.inner_text("main")

    for text in (SCRIPT, IMAGE, STYLE, TEMPLATE, LONG):
        assert text in said
    assert "abc\\u202etxt.exe\\u2066\\u200b" in said
    assert "ab\\x00c\\x1b[31m\\r\\n<!--" in said
