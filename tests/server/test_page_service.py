"""The page of one service: its records, who depends on whom, and how a lookup of it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.server.page_text import age, link_of
from tests.server.bed import asking, make_parts, variables_for
from tests.server.page_bed import OVERRIDES, STAGING, needs, put, record, seed
from tests.server.page_reading import Page

if TYPE_CHECKING:
    from httpx2 import Response

    from tests.standin.stand_in import StandIn


async def got(aws: StandIn, path: str, **settings: str) -> Response:
    async with asking(make_parts(variables_for(aws, surfaces="page", **settings))) as client:
        return await client.get(path)


async def shown(aws: StandIn, path: str, **settings: str) -> Page:
    return Page((await got(aws, path, **settings)).text)


async def test_every_record_is_shown_with_all_that_it_says(aws: StandIn) -> None:
    attributes = {"color": "blue", "empty": "", "depends-on": "mail"}
    one = record("users", version="1.4.2", variant="blue", tenant="acme", weight=20, attributes=attributes)
    put(aws, one)

    page = await shown(aws, "/ui/users")

    assert one.registered_at is not None
    for said in (
        one.endpoint,
        "version 1.4.2",
        "variant blue",
        "tenant acme",
        "weight 20",
        f"registered {one.registered_at:%Y-%m-%d %H:%M} UTC 3 d ago",
        f"id {one.id}",
        f"owner {one.owner}",
        "owner ref Endpoint",
        "color blue",
        "depends-on mail",
    ):
        assert said in page.text
    moments = [attributes["datetime"] for tag, attributes in page.tags if tag == "time"]
    assert moments == [one.registered_at.isoformat()]


async def test_records_stand_by_stage_in_the_order_in_which_a_lookup_prefers_them(aws: StandIn) -> None:
    seed(aws)

    page = await shown(aws, "/ui/users")

    order = ["f6g7h8i9j0", "a1b2c3d4e5", "users:live", "users.acme", "users.staging"]
    positions = [page.text.index(address) for address in order]
    assert positions == sorted(positions)
    assert "2 stages · 5 records" in page.text


async def test_only_addresses_of_the_web_are_links_and_these_tell_nothing_of_the_page(aws: StandIn) -> None:
    put(aws, record("users"), record("users", STAGING, address="javascript:alert(1)"))

    page = await shown(aws, "/ui/users")

    outward = [item for tag, item in page.tags if tag == "a" and "users.example.com" in item["href"]]
    assert outward == [{"href": "https://users.example.com", "rel": "noopener noreferrer"}]
    assert [link for link in page.links if "javascript" in link] == []
    assert "javascript:alert(1)" in page.text


@pytest.mark.parametrize(
    "endpoint",
    ["https://users.test", "http://127.0.0.1:8080/a?b=c#d", "https://[::1]:8443/x", "HTTPS://A-b_c.test"],
)
def test_an_address_of_the_web_is_a_link(endpoint: str) -> None:
    assert link_of(endpoint) == endpoint


@pytest.mark.parametrize(
    "endpoint",
    [
        "javascript:alert(1)",
        "JaVaScRiPt://users.test/%0aalert(1)",
        "data:text/html,x",
        "ftp://users.test",
        "//users.test",
        "users.test",
        "arn:aws:lambda:eu-central-1:123456789012:function:users",
        "https://",
        "https://user:secret@users.test",
        "https://users.test@evil.test",
        "https://users.test\\@evil.test",
        "https://us\u202eers.test",
        "https://us\u0435rs.test",
        "https://users.test/\x00",
        "https://users.test:port",
        "https://[users.test",
        " https://users.test",
    ],
)
def test_any_other_address_is_text(endpoint: str) -> None:
    assert link_of(endpoint) is None


async def test_the_table_of_dependencies_says_in_each_stage_what_is_met_not_met_and_missing(
    aws: StandIn,
) -> None:
    put(aws, record("orders", **needs("users@^1,mail,payments@2.x,search")), record("search"))
    put(aws, record("users", version="1.4.2"), record("payments", version="1.9.0"))
    put(aws, record("orders", STAGING, **needs("users@^1,mail")), record("mail", STAGING, version="0.1.0"))

    page = await shown(aws, "/ui/orders", overrides=OVERRIDES)
    above = await shown(aws, "/ui/users")

    assert page.tables[0] == [
        ["Service", "Production", "Staging"],
        ["mail", "missing", "met 0.1.0"],
        ["payments 2.x", "not met 1.9.0", "no"],
        ["search", "overridden", "no"],
        ["users ^1", "met 1.4.2", "missing"],
    ]
    assert page.tables[1] == [["No record says that it depends on this."]]
    assert above.tables[0] == [["No record says what it depends on."]]
    assert above.tables[1] == [["Service", "Production", "Staging"], ["orders ^1", "met 1.4.2", "missing"]]


async def test_with_a_ladder_dependencies_stand_as_a_lookup_in_it_finds_them(aws: StandIn) -> None:
    put(aws, record("orders", "pr-1", **needs("users@^1,mail")), record("users", version="1.4.2"))
    put(aws, record("orders", **needs("users@^9")))

    page = await shown(aws, "/ui/orders?stage=pr-1%3EProduction")

    assert page.tables[0] == [
        ["Service", "pr-1 > Production"],
        ["mail", "missing"],
        ["users ^1", "met 1.4.2"],
    ]
    assert "Stage pr-1: has it" in page.text
    assert "Stage Production: not needed" in page.text


async def test_without_a_stage_no_store_is_asked(aws: StandIn) -> None:
    seed(aws)

    page = await shown(aws, "/ui/users?stage=&version=&tenant=")

    assert "How it is looked up" in page.text
    assert "In words" not in page.text
    assert "servicediscovery:DiscoverInstances" not in aws.calls()


async def test_a_stage_explains_what_discover_answers_and_why_not_the_others(aws: StandIn) -> None:
    seed(aws)

    page = await shown(aws, "/ui/users?stage=Production")

    assert "Cloud Map: found, 4 records" in page.text
    assert "From Cloud Map, one of these by weight" in page.text
    assert "80% https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com 1.4.2 · blue" in page.text
    assert "https://users.acme.example.com (1.4.2 · tenant acme) belongs to tenant acme" in page.text
    assert "function:users:live (1.3.9) there is a higher version" in page.text


async def test_version_and_tenant_are_asked_for_and_stay_in_the_form(aws: StandIn) -> None:
    seed(aws)

    page = await shown(aws, "/ui/users?stage=Production&version=1.3.x&tenant=acme")

    assert "arn:aws:lambda:eu-central-1:123456789012:function:users:live 1.3.9" in page.text
    given = {item["name"]: item["value"] for tag, item in page.tags if tag == "input"}
    assert given == {"stage": "Production", "version": "1.3.x", "tenant": "acme"}


async def test_an_override_answers_before_any_store(aws: StandIn) -> None:
    seed(aws)

    page = await shown(aws, "/ui/search?stage=Production", overrides=OVERRIDES)

    assert "this server answers lookups of it with http://localhost:3001 in every stage" in page.text
    assert "From an override http://localhost:3001" in page.text


async def test_an_unknown_service_is_a_page_with_names_spelled_alike(aws: StandIn) -> None:
    seed(aws)

    answer = await got(aws, "/ui/paymets")
    nothing = await got(aws, "/ui/zzzzzzzz")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "../ui/payments" in Page(answer.text).links
    assert nothing.status_code == 404
    assert "No name is spelled alike" in nothing.text


async def test_a_service_that_only_a_person_put_into_parameter_store_is_found_by_a_lookup(
    aws: StandIn,
) -> None:
    aws.seed_namespace("services")
    aws.seed_parameter("/services/Production/mail", "https://mail.example.com")

    unasked = await got(aws, "/ui/mail")
    asked = await got(aws, "/ui/mail?stage=Production")

    assert (unasked.status_code, asked.status_code) == (404, 200)
    assert "From Parameter Store https://mail.example.com" in Page(asked.text).text


async def test_a_service_that_others_need_has_a_page_although_nobody_registered_it(aws: StandIn) -> None:
    put(aws, record("orders", **needs("mail")))

    answer = await got(aws, "/ui/mail")

    assert answer.status_code == 200
    page = Page(answer.text)
    assert "There is no record of it." in page.text
    assert page.tables[1][1] == ["orders", "missing"]


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("stage=a+b", "stage", "a stage is 1 to 40 of the characters"),
        ("stage=Production&version=%3C%3C", "version", "version is '<<'"),
        ("stage=%3E", "stage", "a ladder is several with > between them"),
        ("stage=Production&tenant=%C3%A9", "tenant", "must be printable ASCII"),
    ],
)
async def test_a_wrong_value_is_said_beside_its_field(
    aws: StandIn, query: str, field: str, said: str
) -> None:
    seed(aws)

    answer = await got(aws, f"/ui/users?{query}")

    page = Page(answer.text)
    assert answer.status_code == 400
    assert said in page.text
    assert [attributes["name"] for _, attributes in page.tags if "aria-invalid" in attributes] == [field]
    assert "Production-45043332a07b68c54791" in answer.text


@pytest.mark.parametrize(
    ("path", "home"),
    [
        ("/ui/users", "../"),
        ("/ui/a%2Fb", "../"),
        ("/ui/a/b", "../../"),
        ("/ui/-/no-such-file.css", "../../"),
        ("/ui//", "../../"),
        ("/ui/a//b%2fc/d?q=/ui/x", "../../../../"),
    ],
)
async def test_the_style_and_every_link_lead_up_by_as_many_folders_as_the_path_has(
    aws: StandIn, path: str, home: str
) -> None:
    put(aws, record("users"))

    page = await shown(aws, path)

    [style] = [
        attributes["href"] for tag, attributes in page.tags if attributes.get("rel") == "stylesheet" and tag
    ]
    assert style.partition("ui/")[0] == home
    assert home in page.links


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/ui/users/", "../users"),
        ("/ui/users///?stage=a%3Eb&version=1", "../../../users?stage=a%3Eb&version=1"),
        ("/ui/a/b%2Fc:d/", "../b%2Fc:d"),
    ],
)
async def test_a_slash_at_the_end_leads_to_the_page_without_it(
    aws: StandIn, path: str, location: str
) -> None:
    answer = await got(aws, path)

    assert (answer.status_code, answer.headers["location"]) == (307, location)


async def test_in_an_outage_the_page_says_so_and_still_explains(aws: StandIn) -> None:
    aws.faults.access_denied("servicediscovery")
    aws.seed_parameter("/services/Production/users", "https://users.example.com")

    answer = await got(aws, "/ui/users?stage=Production")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    page = Page(answer.text)
    assert "The registry cannot be listed" in page.text
    assert "Cloud Map: failed" in page.text
    assert "From Parameter Store stale https://users.example.com" in page.text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 s"),
        (119.9, "119 s"),
        (120, "2 min"),
        (7200, "2 h"),
        (172_800, "2 d"),
        (90 * 86_400, "3 mo"),
        (800 * 86_400, "2 y"),
    ],
)
def test_an_age_is_one_number_with_its_unit(seconds: float, said: str) -> None:
    assert age(seconds) == said
