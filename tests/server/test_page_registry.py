"""The page of the whole registry: services by stage, what is missing, stale or overridden, and what the filter leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.testing import FakeClock
from tests.server.bed import asking, make_parts, variables_for
from tests.server.page_bed import DAY, OVERRIDES, PRODUCTION, STAGING, needs, put, record, seed
from tests.server.page_reading import Page

if TYPE_CHECKING:
    from httpx2 import Response

    from tests.standin.stand_in import StandIn


async def got(aws: StandIn, path: str = "/", **settings: str) -> Response:
    async with asking(make_parts(variables_for(aws, surfaces="page", **settings))) as client:
        return await client.get(path)


async def shown(aws: StandIn, path: str = "/", **settings: str) -> Page:
    return Page((await got(aws, path, **settings)).text)


async def test_services_stand_by_stage_with_their_versions_and_how_long_ago_each_was_registered(
    aws: StandIn,
) -> None:
    seed(aws)

    page = await shown(aws)

    assert [cell.split(" ")[0] for cell in page.tables[0][0]] == [
        "Service",
        PRODUCTION,
        STAGING,
        "pr-123",
        "no",
    ]
    rows = {row[0]: row[1:] for row in page.tables[0]}
    assert rows["catalog"] == [
        "catalog, Production: 3.8.0 6 d ago",
        "catalog, Staging: 3.9.0 21 h ago",
        "missing",
        "missing",
    ]
    assert rows["audit-log"][-1] == "audit-log, no stage: no version 13 mo ago"
    assert "12 services · 4 stages · 29 records" in page.text


async def test_a_cell_says_how_many_records_a_version_has_which_are_drained_and_which_are_of_tenants(
    aws: StandIn,
) -> None:
    seed(aws)

    page = await shown(aws, "/?stage=Production")

    rows = dict(page.tables[0])
    assert (
        rows["users"]
        == "users, Production: 1.4.2 \N{MULTIPLICATION SIGN}2 26 h ago 1.3.9 64 d ago + 1 tenant record"
    )
    assert rows["orders"] == "orders, Production: 2.14.0 9 d ago 2.13.3 drained 31 d ago"
    assert rows["shipping"] == "shipping, Production: 1 tenant record"


async def test_of_many_versions_the_highest_three_are_shown_and_the_others_counted(aws: StandIn) -> None:
    put(aws, *(record("users", version=f"1.{minor}.0") for minor in range(5)))

    page = await shown(aws)

    assert page.tables[0][1][1] == (
        "users, Production: 1.4.0 3 d ago 1.3.0 3 d ago 1.2.0 3 d ago and 2 older versions"
    )


async def test_what_is_missing_says_how_many_services_of_the_stage_need_it(aws: StandIn) -> None:
    put(aws, record("orders", **needs("mail,users")), record("invoices", **needs("mail@^1")))
    put(aws, record("users", STAGING))

    page = await shown(aws)

    rows = {row[0]: row[1:] for row in page.tables[0]}
    assert rows["mail no record"] == ["missing, needed by 2", "missing"]
    assert rows["users"] == ["missing, needed by 1", "users, Staging: no version 3 d ago"]
    assert rows["invoices"][1] == "missing"


@pytest.mark.parametrize(
    ("query", "services"),
    [
        ("q=PAY", ["payments"]),
        ("q=function:mail", ["mail"]),
        ("q=cfn:123456789012:eu-central-1:users", ["users"]),
        ("q=globex", ["payments"]),
        ("q=localhost", ["search"]),
        ("q=++mail++", ["mail"]),
    ],
)
async def test_a_text_finds_services_by_name_address_tenant_or_owner_whatever_its_case(
    aws: StandIn, query: str, services: list[str]
) -> None:
    seed(aws)

    page = await shown(aws, f"/?{query}", overrides=OVERRIDES)

    assert [row[0].split(" ")[0] for row in page.tables[0][1:]] == services


async def test_the_filter_by_stage_leaves_these_columns_and_every_service(aws: StandIn) -> None:
    seed(aws)

    page = await shown(aws, "/?stage=Staging&stage=pr-123&stage=no-such-stage")

    assert page.tables[0][0] == ["Service", "Staging 9 of 12", "pr-123 2 of 12"]
    assert len(page.tables[0]) == 13
    checked = [
        attributes["value"] for tag, attributes in page.tags if tag == "input" and "checked" in attributes
    ]
    assert checked == ["Staging", "pr-123"]


async def test_a_filter_that_leaves_nothing_says_so_and_leads_back(aws: StandIn) -> None:
    put(aws, record("users"))

    page = await shown(aws, "/?q=%3Cb%3Enothing")

    assert "No service has “<b>nothing” in its name or records" in page.text
    assert page.tables == []
    assert "./" in page.links


async def test_an_overridden_service_is_marked_registered_or_not(aws: StandIn) -> None:
    put(aws, record("users"))

    page = await shown(aws, overrides='{"users": "http://localhost:1", "mail": "http://localhost:2"}')

    assert [row[0] for row in page.tables[0][1:]] == [
        "mail no record overridden: answered by http://localhost:2",
        "users overridden: answered by http://localhost:1",
    ]


async def test_an_empty_registry_says_how_something_gets_into_it(aws: StandIn) -> None:
    aws.seed_namespace("services")

    answer = await got(aws)

    assert answer.status_code == 200
    assert "Nothing is registered here yet" in answer.text
    assert "cloudmap-discovery register users" in answer.text


@pytest.mark.parametrize("path", ["/", "/ui/users"])
@pytest.mark.parametrize("overrides", ["{}", OVERRIDES])
async def test_a_namespace_that_is_not_there_is_named_with_what_to_do(
    aws: StandIn, path: str, overrides: str
) -> None:
    put(aws, record("users"))

    there = await shown(aws, path, overrides=overrides)
    page = await shown(aws, path, overrides=overrides, namespace="nowhere")

    notice = "Namespace nowhere in us-east-1: there is no such namespace"
    assert notice in page.text
    assert "check DISCOVERY_NAMESPACE" in page.text
    assert "the first registration creates it" in page.text
    assert "Nothing is registered here yet" not in page.text
    assert "Namespace services in us-east-1:" not in there.text


async def test_stages_of_most_services_come_first_and_of_equally_many_those_with_a_number_last(
    aws: StandIn,
) -> None:
    stages = ("pr-10", "-", "Staging", "pr-2", "development", "PR-1", "Production")
    put(aws, *(record("users", stage) for stage in stages), record("orders", "pr-10"))

    page = await shown(aws)

    order = [cell.rpartition(" 1 of")[0] or cell for cell in page.tables[0][0]]
    assert order == [
        "Service",
        "pr-10 2 of 2",
        "development",
        "Production",
        "Staging",
        "PR-1",
        "pr-2",
        "no stage",
    ]


async def test_the_listing_says_where_it_is_from_and_that_it_is_stale_once_it_cannot_be_read_again(
    aws: StandIn,
) -> None:
    put(aws, record("users"))
    clock = FakeClock()
    async with asking(make_parts(variables_for(aws, surfaces="page"), clock=clock)) as client:
        fresh = Page((await client.get("/")).text)
        aws.faults.access_denied("servicediscovery")
        clock.advance(300)
        stale = await client.get("/")

    assert "Read from Cloud Map, 0 s old" in fresh.text
    page = Page(stale.text)
    assert stale.status_code == 200
    assert "Stale: from Cloud Map, 5 min old" in page.text
    assert "This is what was registered 5 min ago." in page.text
    assert "is not allowed (AccessDeniedException" in page.text
    assert page.tables[0][1][0] == "users"


async def test_an_outage_with_nothing_held_is_a_page_that_says_what_failed_and_when_to_come_back(
    aws: StandIn,
) -> None:
    aws.faults.access_denied("servicediscovery")

    answer = await got(aws)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "The registry does not answer" in answer.text
    assert "ListNamespaces is not allowed" in Page(answer.text).text


async def test_records_without_a_moment_or_of_the_future_have_no_or_no_age(aws: StandIn) -> None:
    aws.seed_instance("services", "legacy", "1", {"endpoint": "https://legacy.test", "stage": PRODUCTION})
    put(aws, record("users", age=-2 * DAY))

    page = await shown(aws)

    assert page.tables[0][1][1] == "legacy, Production: no version"
    assert page.tables[0][2][1] == "users, Production: no version 0 s ago"


@pytest.mark.parametrize("path", ["/", "/?q=x&stage=Production", "/ui/users?stage=Production", "/ui/user"])
async def test_every_page_loads_nothing_runs_nothing_and_is_kept_by_nobody(aws: StandIn, path: str) -> None:
    seed(aws)

    answer = await got(aws, path)

    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "private, no-store"
    tags: list[tuple[str, dict[str, Any]]] = Page(answer.text).tags
    assert {tag for tag, _ in tags} & {"script", "style", "iframe", "object", "base"} == set()
    assert [name for _, attributes in tags for name in attributes if name.startswith("on")] == []
    assert [attributes for _, attributes in tags if "style" in attributes] == []


@pytest.mark.parametrize("path", ["/", "/ui/users?stage=Production", "/ui/user"])
async def test_a_page_works_below_any_path_since_it_names_its_own_by_where_it_is(
    aws: StandIn, path: str
) -> None:
    seed(aws)

    page = await shown(aws, path)

    own = [
        attributes[name]
        for _, attributes in page.tags
        for name in ("href", "src", "action")
        if not attributes.get(name, "https://").startswith("https://")
    ]
    assert own
    assert [address for address in own if address.startswith("/")] == []


@pytest.mark.parametrize(("name", "kind"), [("style.css", "text/css"), ("icon.svg", "image/svg+xml")])
async def test_style_and_icon_are_sent_once(aws: StandIn, name: str, kind: str) -> None:
    async with asking(make_parts(variables_for(aws, surfaces="page"))) as client:
        first = await client.get(f"/ui/-/{name}")
        again = await client.get(f"/ui/-/{name}", headers={"if-none-match": f"W/{first.headers['etag']}"})
        other = await client.get(f"/ui/-/{name}", headers={"if-none-match": '"another"'})

    assert first.headers["content-type"].partition(";")[0] == kind
    assert first.headers["x-content-type-options"] == "nosniff"
    assert (again.status_code, again.content) == (304, b"")
    assert other.content == first.content
    assert aws.calls() == {}


async def test_the_folder_of_services_leads_to_all_of_them(aws: StandIn) -> None:
    answer = await got(aws, "/ui/")

    assert (answer.status_code, answer.headers["location"]) == (307, "../")


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ("service=users&stage=Production", "./users?stage=Production"),
        ("service=+a%2F..%3A%0D%0Ab+&stage=a%26b%3Ec", "./a%2F..%3A%0D%0Ab?stage=a%26b%3Ec"),
        ("service=//evil.test", "./%2F%2Fevil.test?stage="),
        ("service=+&stage=Production", "../"),
    ],
)
async def test_the_folder_leads_to_a_service_that_a_form_names_and_nowhere_else(
    aws: StandIn, query: str, location: str
) -> None:
    answer = await got(aws, f"/ui/?{query}")

    assert (answer.status_code, answer.headers["location"]) == (307, location)


async def test_a_stage_that_is_not_there_is_said_not_to_be(aws: StandIn) -> None:
    seed(aws)

    gone, there = await got(aws, "/?stage=Gone&stage=Production"), await got(aws, "/?stage=Production")

    assert "Nothing is registered in <bdi>Gone</bdi>." in gone.text
    assert "Nothing is registered in" not in there.text
