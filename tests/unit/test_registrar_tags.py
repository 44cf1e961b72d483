"""Tags of a function become what it asks for, or all the reasons why not, at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.encoding import encode_attributes
from cloudmap_discovery.model import Instance
from cloudmap_discovery.registrar.permits import Permits, tag_owner
from cloudmap_discovery.registrar.tags import NotPermitted, Rejected, Wish, is_tagged, read_tags
from cloudmap_discovery.registration import Identity
from tests.unit.fake_functions import arn_of

USERS = arn_of("users")
ALL = Permits()
URLS = Permits(urls=True)
KNOWN = (
    "discovery:service, discovery:stage, discovery:version, discovery:tenant, discovery:variant, discovery:weight, "
    "discovery:endpoint"
)
WEIGHT_LIMIT = "must be a whole number from 0 (drained) to 1000000"
ENDPOINT_LIMIT = (
    "must be arn, function-url, alias:NAME, function-url:NAME (a name is 1 to 128 of the characters A-Z a-z 0-9 _ -) or an http or "
    "https URL"
)


def asked(permits: Permits = ALL, *, default_stage: str | None = None, **tags: str) -> Wish:
    wish = read_tags(USERS, named(tags), permits, default_stage=default_stage)
    assert isinstance(wish, Wish), wish
    return wish


def reasons(permits: Permits = ALL, *, default_stage: str | None = None, **tags: str) -> tuple[str, ...]:
    rejected = read_tags(USERS, named(tags), permits, default_stage=default_stage)
    assert isinstance(rejected, Rejected), rejected
    assert rejected.function == USERS
    return rejected.reasons


def named(tags: dict[str, str]) -> dict[str, str]:
    return {f"discovery:{name}": text for name, text in tags.items()}


def test_a_service_tag_alone_registers_the_functions_arn_without_a_stage() -> None:
    assert asked(service="users") == Wish(USERS, Identity("users", "-", None, None, None), 100, "arn")


def test_every_tag_says_a_field_of_the_record() -> None:
    wish = asked(
        service="team-a.users",
        stage="Production",
        version="1.2.0-rc.1+build.7",
        tenant="acme corp",
        variant="blue",
        weight="20",
        endpoint="function-url",
    )

    assert wish == Wish(
        USERS,
        Identity("team-a.users", "Production", "1.2.0-rc.1+build.7", "acme corp", "blue"),
        20,
        "function-url",
    )


def test_tags_of_others_say_nothing() -> None:
    tags = {
        "discovery:service": "users",
        "Stage": "Production",
        "discovery": "x",
        "aws:cloudformation:stack-name": "s",
    }

    assert read_tags(USERS, tags, ALL, default_stage=None) == asked(service="users")


def test_an_empty_tag_says_that_there_is_none() -> None:
    wish = asked(service="users", stage="", version="", tenant="", variant="", weight="", endpoint="")

    assert wish == asked(service="users")


@pytest.mark.parametrize(("given", "stage"), [("", "Test"), ("-", "-"), ("Production", "Production")])
def test_the_registrars_own_stage_is_that_of_functions_that_name_none(given: str, stage: str) -> None:
    assert asked(default_stage="Test", service="users").identity.stage == "Test"
    assert asked(default_stage="Test", service="users", stage=given).identity.stage == stage


def test_the_registrars_own_stage_must_be_one_stage_where_a_function_names_none() -> None:
    told = (
        "discovery:stage is 'Test>Production': a ladder is for looking up; a record is written to one stage"
    )

    assert reasons(default_stage="Test>Production", service="users") == (told,)
    assert asked(default_stage="Test>Production", service="users", stage="Test").identity.stage == "Test"


@pytest.mark.parametrize("weight", ["0", "1", "100", "007", "1000000", "0000100"])
def test_a_weight_is_a_whole_number(weight: str) -> None:
    assert asked(service="users", weight=weight).weight == int(weight)


@pytest.mark.parametrize("endpoint", ["arn", "function-url", "alias:live", "alias:42", f"alias:{'a' * 128}"])
def test_endpoints_are_handed_on_as_the_tag_has_them(endpoint: str) -> None:
    assert asked(service="users", endpoint=endpoint).endpoint == endpoint


@pytest.mark.parametrize("url", ["https://users.test", "http://10.0.0.1:8080/v1", "https://users.test/a?b=c"])
def test_urls_are_taken_only_where_they_are_switched_on(url: str) -> None:
    (reason,) = reasons(service="users", endpoint=url)

    assert asked(URLS, service="users", endpoint=url).endpoint == url
    assert reason.startswith(f"discovery:endpoint is {url!r}: URLs from tags are switched off")
    assert "DISCOVERY_REGISTRAR_URLS" in reason


@pytest.mark.parametrize(
    ("tag", "text", "limit"),
    [
        ("service", "", "must not be empty"),
        ("service", "-users", "a name is labels"),
        ("service", "my users", "a name is labels"),
        ("service", "a" * 128, "has 128 characters; the limit is 127"),
        ("stage", "Prod uction", "a stage is 1 to 40 of the characters"),
        ("stage", "s" * 41, "a stage is 1 to 40 of the characters"),
        ("stage", "Prod/uction", "a stage is 1 to 40 of the characters"),
        ("version", "1.2", "must be a semantic version such as 1.4.2 or 2.0.0-rc.1"),
        ("version", "latest", "must be a semantic version such as 1.4.2 or 2.0.0-rc.1"),
        ("tenant", " acme", "must be printable ASCII without a space in front"),
        ("tenant", "ácme", "must be printable ASCII without a space in front"),
        ("variant", "blåu", "must be printable ASCII without a space in front"),
        ("weight", "-1", WEIGHT_LIMIT),
        ("weight", "1.5", WEIGHT_LIMIT),
        ("weight", "+1", WEIGHT_LIMIT),
        ("weight", " 1", WEIGHT_LIMIT),
        ("weight", "heavy", WEIGHT_LIMIT),
        ("weight", "1000001", WEIGHT_LIMIT),
        ("weight", "99999999", WEIGHT_LIMIT),
        ("weight", "٣", WEIGHT_LIMIT),  # a digit, and no ASCII
        ("weight", "²", WEIGHT_LIMIT),  # a digit to Python that is no number to it
        ("endpoint", "url", ENDPOINT_LIMIT),
        ("endpoint", "Arn", ENDPOINT_LIMIT),
        ("endpoint", "alias:", ENDPOINT_LIMIT),
        ("endpoint", "alias:my live", ENDPOINT_LIMIT),
        ("endpoint", "alias:live:1", ENDPOINT_LIMIT),
        ("endpoint", f"alias:{'a' * 129}", ENDPOINT_LIMIT),
        ("endpoint", "ftp://users.test", ENDPOINT_LIMIT),
        ("endpoint", "users.test", ENDPOINT_LIMIT),
        ("endpoint", "https://", ENDPOINT_LIMIT),
        ("endpoint", "https://users test", "an address has no white space"),
        ("endpoint", "https://üsers.test", "must be printable ASCII without a space in front"),
    ],
)
def test_a_tag_that_is_wrong_is_told_with_its_value_and_its_limit(tag: str, text: str, limit: str) -> None:
    (reason,) = reasons(URLS, **{"service": "users", tag: text})

    assert reason.startswith(f"discovery:{tag} is {text!r}: {limit}")


def test_all_that_is_wrong_is_told_at_once() -> None:
    told = reasons(
        service="my users",
        stage="A>B",
        version="one",
        tenant=" a",
        variant=" b",
        weight="heavy",
        endpoint="there",
        color="blue",
        stages="Test",
    )

    assert [reason.partition(" is ")[0] for reason in told] == [
        "discovery:color",
        "discovery:stages",
        "discovery:service",
        "discovery:stage",
        "discovery:version",
        "discovery:tenant",
        "discovery:variant",
        "discovery:weight",
        "discovery:endpoint",
    ]


def test_tags_without_a_service_are_rejected_too() -> None:
    assert not is_tagged({"discovery:stage": "Test"})
    assert reasons(stage="Test") == ("discovery:service is None: must be a str, not NoneType",)


@pytest.mark.parametrize("service", ["users", ""])
def test_a_function_is_tagged_where_it_has_the_service_tag(service: str) -> None:
    assert is_tagged({"discovery:service": service, "other": "x"})
    assert not is_tagged({"Discovery:service": service, "service": service})


@pytest.mark.parametrize(
    ("tag", "told"),
    [
        ("stages", "discovery:stages is no tag of the registrar's; did you mean discovery:stage?"),
        ("Stage", "discovery:Stage is no tag of the registrar's; did you mean discovery:stage?"),
        ("wieght", "discovery:wieght is no tag of the registrar's; did you mean discovery:weight?"),
        ("xyz-0123456789", f"discovery:xyz-0123456789 is no tag of the registrar's; known are {KNOWN}"),
    ],
)
def test_a_tag_that_nobody_knows_is_told_with_the_one_that_may_be_meant(tag: str, told: str) -> None:
    wanted = read_tags(USERS, named({"service": "users", tag: "x"}), ALL, default_stage=None)

    assert wanted == Rejected(USERS, (told,))


def refused(permits: Permits, **tags: str) -> str:
    wanted = read_tags(USERS, named(tags), permits, default_stage=None)
    assert isinstance(wanted, NotPermitted)
    assert wanted.function == USERS
    return wanted.reason


def test_what_the_registrar_may_not_write_is_told_apart_from_what_is_wrong() -> None:
    service = refused(Permits(services=("orders",)), service="users")
    stage = refused(Permits(stages=("Test",)), service="users", stage="Production")
    default = refused(Permits(stages=("Test",)), service="users")

    assert service.startswith("this registrar does not register service 'users'")
    assert stage.startswith("this registrar does not register stage 'Production'")
    assert default.startswith("this registrar does not register no stage (-)")


# What the values of tags may hold: letters, digits and spaces of any script, and some signs.
tag_texts = st.text(st.characters(categories=["L", "N", "Zs"]) | st.sampled_from("+-=._:/@"), max_size=256)
tag_values = tag_texts | st.sampled_from(
    ["", "users", "Production", "-", "1.2.0", "0", "100", "arn", "function-url", "alias:live", "alias:a b"]
)
tag_values |= tag_texts.map("https://{}".format) | tag_texts.map("alias:{}".format)
tag_names = st.sampled_from(["service", "stage", "version", "tenant", "variant", "weight", "endpoint"])
tag_maps = st.dictionaries(
    tag_names.map("discovery:{}".format) | st.sampled_from(["discovery:x", "x"]), tag_values
)


@given(tag_maps, st.booleans(), st.sampled_from([None, "-", "Test", "A>B"]))
def test_whatever_the_tags_are_they_make_a_record_that_can_be_written_or_reasons_why_not(
    tags: dict[str, str],
    urls: bool,  # noqa: FBT001 -- hypothesis draws it
    default_stage: str | None,
) -> None:
    wish = read_tags(USERS, tags, Permits(urls=urls), default_stage=default_stage)

    assert not isinstance(wish, NotPermitted)
    if isinstance(wish, Rejected):
        assert wish.function == USERS
        assert wish.reasons
        assert all(wish.reasons)
    else:
        who = wish.identity
        endpoint = wish.endpoint if "://" in wish.endpoint else USERS
        record = Instance(
            who.service,
            endpoint,
            who.stage,
            who.version,
            who.tenant,
            who.variant,
            wish.weight,
            owner=tag_owner(USERS),
        )
        assert encode_attributes(record)
        assert is_tagged(tags)
