"""In a real browser, what the pages show can be seen: whatever the width, however many stages, wherever the focus is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
import pytest_asyncio

from tests.server.bed import make_parts, serving, variables_for
from tests.server.browser import a_browser
from tests.server.page_bed import OVERRIDES, PATHS, needs, put, record, seed
from tests.server.page_judging import barriers_in_light_and_dark

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Locator, Page

    from tests.standin.stand_in import StandIn

DASH: Final = "\N{EN DASH}"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with a_browser() as started:
        yield started


async def opened(browser: Browser, width: int, **context: Any) -> Page:
    """Return a page of its own context; all of them end with the browser."""
    made = await browser.new_context(
        reduced_motion="reduce", viewport={"width": width, "height": 800}, **context
    )
    return await made.new_page()


def many(aws: StandIn) -> None:
    """Register 30 services in 12 stages, in two of three cells."""
    put(
        aws,
        *(
            record(f"service-{n:02}", f"pr-{s}", version=f"1.{n}.{s}")
            for n in range(30)
            for s in range(12)
            if (n + s) % 3
        ),
    )


def six_stages(aws: StandIn) -> None:
    """Register two services with long names in six stages, one of which needs the other."""
    for stage in ("Production", "Staging", "Development", "Integration", "pr-123", "pr-124"):
        put(aws, record("user-management-service", stage, version="1.4.2"))
        wanted = needs("user-management-service@^1.2")
        put(aws, record("order-fulfilment-orchestrator", stage, version="2.0.0-rc.12", **wanted))


VISIBLE = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {
    const link = document.activeElement;
    let seen = 0, all = 0;
    for (const box of link.getClientRects())
        for (let i = 1; i < 10; i++)
            for (let j = 1; j < 6; j++, all++)
                seen += link.contains(document.elementFromPoint(
                    box.left + box.width * i / 10, box.top + box.height * j / 6));
    done([link.textContent.trim().split(/\\s+/).join(' '), seen / all]);
})))"""


@pytest.mark.parametrize("width", [1280, 390, 320])
async def test_what_has_the_focus_is_not_below_the_head_or_the_column_that_stay_in_sight(
    aws: StandIn, browser: Browser, width: int
) -> None:
    many(aws)
    page = await opened(browser, width)
    covered = []
    with serving(make_parts(variables_for(aws, surfaces="page"))) as url:
        await page.goto(url)
        for start, key in ((0, "Tab"), (200, "Shift+Tab")):
            await page.locator(".matrix a").nth(start).focus()
            for _ in range(60):
                await page.keyboard.press(key)
                text, seen = await page.evaluate(VISIBLE)
                assert "service-" in text
                if seen < 0.9:
                    covered.append((key, text, seen))

    assert covered == []


BROKEN = """() => [...document.querySelectorAll('th bdi')].filter(name => {
    const [text] = name.childNodes;
    const lines = {};
    return [...text.data.matchAll(/[A-Za-z0-9]+/g)].some(word => {
        const range = document.createRange();
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        return range.getClientRects().length > 1;
    });
}).map(name => name.textContent)"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", ["", "ui/user-management-service", "ui/order-fulfilment-orchestrator"])
async def test_no_word_is_broken_in_the_heads_of_tables(
    aws: StandIn, browser: Browser, width: int, path: str
) -> None:
    six_stages(aws)
    page = await opened(browser, width)
    with serving(make_parts(variables_for(aws, surfaces="page"))) as url:
        await page.goto(f"{url}/{path}")
        broken = await page.evaluate(BROKEN)
        wide = await page.evaluate("document.documentElement.scrollWidth")

    assert broken == []
    assert wide <= width


async def test_six_stages_of_dependencies_stand_beside_each_other_on_a_desk(
    aws: StandIn, browser: Browser
) -> None:
    six_stages(aws)
    page = await opened(browser, 1280)
    with serving(make_parts(variables_for(aws, surfaces="page"))) as url:
        await page.goto(f"{url}/ui/user-management-service")
        box = page.get_by_role("region", name="Needed by")
        hidden = await box.evaluate("box => box.scrollWidth - box.clientWidth")

    assert hidden == 0


async def shade(box: Locator) -> str:
    shown: str = await box.evaluate(
        "box => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() =>"
        " done(getComputedStyle(box).boxShadow))))"
    )
    return shown


async def test_a_table_has_a_shade_as_long_as_there_is_more_of_it_to_the_right(
    aws: StandIn, browser: Browser
) -> None:
    six_stages(aws)
    page = await opened(browser, 390)
    with serving(make_parts(variables_for(aws, surfaces="page"))) as url:
        await page.goto(f"{url}/ui/user-management-service")
        box = page.get_by_role("region", name="Needed by")
        before = await shade(box)
        await box.evaluate("box => box.scrollTo(9999, 0)")
        after = await shade(box)
        whole = await shade(page.get_by_role("region", name="Depends on"))

    assert "-17.6px 0px 14.4px -14.4px inset" in before
    assert "-17.6px" not in after
    assert "inset" not in whole


async def test_of_one_stage_the_names_do_not_take_the_width(aws: StandIn, browser: Browser) -> None:
    seed(aws)
    page = await opened(browser, 1280)
    with serving(make_parts(variables_for(aws, surfaces="page"))) as url:
        await page.goto(f"{url}/?stage=Production")
        name = await page.get_by_role("columnheader", name="Service").bounding_box()
        stage = await page.get_by_role("columnheader", name="Production").bounding_box()
        version = (
            await page.get_by_role("link", name="catalog, Production").locator(".version").bounding_box()
        )

    assert name is not None
    assert stage is not None
    assert version is not None
    assert name["width"] / (name["width"] + stage["width"]) < 0.3
    assert version["width"] <= 240


async def test_on_a_narrow_screen_two_stages_fit_with_their_ages(aws: StandIn, browser: Browser) -> None:
    seed(aws)
    page = await opened(browser, 320)
    with serving(make_parts(variables_for(aws, surfaces="page"))) as url:
        await page.goto(url)
        cell = page.get_by_role("link", name="catalog, Staging")
        age = await cell.locator(".age").bounding_box()
        box = await page.get_by_role("region").bounding_box()

    assert age is not None
    assert box is not None
    assert age["x"] + age["width"] < box["x"] + box["width"]


@pytest.mark.parametrize("width", [1280, 390])
async def test_a_version_stands_on_the_line_of_its_service_and_says_that_it_is_a_link(
    aws: StandIn, browser: Browser, width: int
) -> None:
    many(aws)
    page = await opened(browser, width)
    with serving(make_parts(variables_for(aws, surfaces="page"))) as url:
        await page.goto(url)
        name = page.get_by_role("link", name="service-01", exact=True).locator("bdi")
        version = page.get_by_role("link", name="service-01, pr-0:").locator("bdi")
        tops = [await item.evaluate("e => e.getBoundingClientRect().top") for item in (name, version)]
        lines = [
            await item.evaluate("e => getComputedStyle(e.closest('a, .number > *')).textDecorationLine")
            for item in (name, version)
        ]

    assert abs(tops[0] - tops[1]) <= 0.5
    assert lines == ["underline", "underline"]


async def test_what_nobody_needs_is_a_quiet_dash_and_what_is_needed_has_the_colour_of_what_is_missing(
    aws: StandIn, browser: Browser
) -> None:
    put(aws, record("orders", **needs("mail")), record("users", "Staging"))
    put(aws, record("orders", "Staging", **needs("mail@^2")))
    page = await opened(browser, 1280)
    with serving(make_parts(variables_for(aws, surfaces="page"))) as url:
        await page.goto(url)
        quiet = page.get_by_role("row", name="users").get_by_role("cell").last
        needed = page.get_by_role("row", name="mail").get_by_role("cell").last
        said = [await quiet.text_content(), await needed.text_content()]
        signs = [await quiet.evaluate(BEFORE)]
        words = await quiet.locator("span").bounding_box()
        colours = [await one.evaluate("cell => getComputedStyle(cell).color") for one in (quiet, needed)]
        await page.goto(f"{url}/ui/mail")
        missing, unasked = (
            page.locator(".state.missing").first,
            page.get_by_role("cell", name="no", exact=True),
        )
        colours.append(await missing.evaluate("e => getComputedStyle(e).color"))
        signs.append(await unasked.first.evaluate(BEFORE))

    assert said == ["missing", "missing, needed by 1"]
    assert [sign.split(" ")[0] for sign in signs] == [f'"{DASH}"'] * 2
    assert words is not None
    assert words["width"] <= 1
    assert colours[1] == colours[2] != colours[0]


BEFORE = "cell => getComputedStyle(cell, '::before').content"
SMALLEST = """() => Math.min(...[...document.querySelectorAll('svg.picture text')].map(
    text => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a))"""


@pytest.mark.parametrize("width", [1280, 500, 390, 320])
async def test_the_picture_of_a_lookup_can_be_read_or_the_words_have_its_signs(
    aws: StandIn, browser: Browser, width: int
) -> None:
    seed(aws)
    page = await opened(browser, width)
    with serving(make_parts(variables_for(aws, surfaces="page"))) as url:
        await page.goto(f"{url}{PATHS['ladder']}")
        is_there = await page.locator("svg.picture").is_visible()
        smallest = await page.evaluate(SMALLEST) if is_there else 0
        signs = await page.locator(".steps li").evaluate_all(
            "steps => steps.map(step => getComputedStyle(step, '::before').content.split(' ')[0])"
        )

    if width >= 500:
        assert is_there
        assert smallest >= 12
    else:
        assert not is_there
        assert signs == [f'"{sign}"' for sign in (*[DASH] * 4, "≠", *[DASH] * 2, "✓", DASH)]


async def test_a_page_below_a_folder_has_its_style(aws: StandIn, browser: Browser) -> None:
    seed(aws)
    page = await opened(browser, 1280)
    with serving(make_parts(variables_for(aws, surfaces="page"))) as url:
        for path in ("/ui/a/b", "/ui/a%2Fb"):
            await page.goto(f"{url}{path}")
            assert await page.evaluate("document.styleSheets[0].cssRules.length") > 9, path
            await page.get_by_role("link", name="All services").click()
            assert page.url == f"{url}/"
        await page.goto(f"{url}/ui/users/?stage=Staging")

    assert page.url == f"{url}/ui/users?stage=Staging"


async def test_in_an_outage_a_form_leads_to_the_lookup_of_one_service(aws: StandIn, browser: Browser) -> None:
    aws.faults.access_denied("servicediscovery")
    aws.seed_parameter("/services/Production/users", "https://users.example.com")
    page = await opened(browser, 390, java_script_enabled=False)
    with serving(make_parts(variables_for(aws, surfaces="page"))) as url:
        await page.goto(url)
        await page.get_by_role("textbox", name="Service").fill("users")
        await page.get_by_role("textbox", name="Stage").fill("Production")
        await page.get_by_role("button", name="Explain").click()

        assert page.url == f"{url}/ui/users?stage=Production"
        assert "From Parameter Store" in await page.inner_text("main")


async def test_nothing_on_a_narrow_page_keeps_anybody_out(aws: StandIn, browser: Browser) -> None:
    seed(aws)
    page = await opened(browser, 320, bypass_csp=True)
    found: dict[str, list[str]] = {}

    parts = make_parts(variables_for(aws, surfaces="page", overrides=OVERRIDES))
    nowhere = make_parts(variables_for(aws, surfaces="page", namespace="nowhere"))
    with serving(parts) as url, serving(nowhere) as empty:
        for address in (url, f"{url}{PATHS['ladder']}", f"{url}{PATHS['service']}", empty):
            found |= await barriers_in_light_and_dark(page, address)

    assert found == {}
