"""A manifest has one endpoint for each public service, the same one for the same records, and nothing else of them."""

from __future__ import annotations

import random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.calls.targets import HttpTarget, target_of
from cloudmap_discovery.model import NO_STAGE, Instance
from cloudmap_discovery.selection import candidates, matching
from cloudmap_discovery.server.manifest_entries import Entry, entries
from cloudmap_discovery.server.manifest_schema import SCHEMA

STAGE = "Production"
URL = "https://users.example.com"
API = "https://abc123.execute-api.eu-west-1.amazonaws.com"
FUNCTION = "https://abc123.lambda-url.eu-west-1.on.aws"


def record(endpoint: str = URL, *, service: str = "users", **fields: Any) -> Instance:
    attributes = {"public": "true", **fields.pop("attributes", {})}
    return Instance(service, endpoint, **{"stage": STAGE, **fields}, attributes=attributes)


def manifest(*records: Instance, stages: tuple[str, ...] = (STAGE,), **more: Any) -> dict[str, Entry]:
    by_service: dict[str, list[Instance]] = {}
    for one in records:
        by_service.setdefault(one.service, []).append(one)
    return entries(by_service, **{"stages": stages, "overrides": {}, "region": None, **more})


def endpoint(*records: Instance, **more: Any) -> str | None:
    found = manifest(*records, **more)
    return found["users"]["endpoint"] if found else None


@pytest.mark.parametrize("public", [None, "false", "True", "TRUE", "1", "yes", "true ", ""])
def test_a_record_that_does_not_say_public_true_is_not_in_it(public: str | None) -> None:
    attributes = {} if public is None else {"public": public}
    hidden = Instance("users", URL, stage=STAGE, attributes=attributes)

    assert manifest(hidden) == {}


def test_a_public_record_is_in_it_beside_others_that_are_not() -> None:
    hidden = Instance("users", "https://internal.example.com", stage=STAGE, version="9.0.0", weight=1000)

    assert manifest(hidden, record(version="1.0.0")) == {"users": {"endpoint": URL}}


def test_nothing_of_a_record_is_published_but_its_endpoint_region_and_service() -> None:
    secret = {"auth": "iam", "region": "eu-central-1", "depends-on": "payments", "note": "internal"}

    found = manifest(record(version="1.2.3", owner="stack", owner_ref="arn:secret", attributes=secret))

    assert found == {"users": {"endpoint": URL, "region": "eu-central-1", "service": "execute-api"}}


def test_the_highest_release_is_taken_then_the_heaviest_then_the_first_by_id() -> None:
    records = [
        record("https://old.example.com", version="1.9.0", weight=1000),
        record("https://pre.example.com", version="3.0.0-rc.1", weight=1000),
        record("https://light.example.com", version="1.10.0", variant="a", weight=1),
        record("https://second.example.com", version="1.10.0", variant="b", id="2", weight=50),
        record("https://first.example.com", version="1.10.0", variant="c", id="1", weight=50),
        record("https://tenant.example.com", version="4.0.0", tenant="acme"),
    ]
    random.shuffle(records)

    assert endpoint(*records) == "https://first.example.com"


def test_a_drained_record_is_taken_only_where_all_are_as_in_a_lookup() -> None:
    drained, other = record("https://new.example.com", version="2.0.0", weight=0), record(version="1.0.0")

    assert endpoint(drained, other) == URL
    assert endpoint(drained) == "https://new.example.com"


@pytest.mark.parametrize(
    "address",
    [
        "arn:aws:lambda:eu-west-1:123456789012:function:users",
        "users.internal:8080",
        "ftp://users.example.com",
        "https://",
        "https:///path",
        "https://user:password@users.example.com",
        "https://users.example.com?key=1",
        "https://users.example.com/#there",
        "https://users.example.com\\@evil.test",
        "https://users.example.com/a b",
        "https://users.example.com/\n",
        "javascript://users.example.com/%0aalert(1)",
    ],
)
def test_what_amplify_cannot_append_a_path_to_is_left_out_and_hides_nothing_behind_it(address: str) -> None:
    unusable = record(address, version="2.0.0")

    assert manifest(unusable) == {}
    assert endpoint(unusable, record(version="1.0.0")) == URL


@pytest.mark.parametrize(
    ("registered", "published"),
    [
        ("https://users.example.com/", "https://users.example.com"),
        ("https://users.example.com/prod/", "https://users.example.com/prod"),
        ("https://users.example.com/prod//", "https://users.example.com/prod"),
        ("HTTPS://Users.example.com/Prod", "https://Users.example.com/Prod"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ],
)
def test_an_endpoint_has_no_slash_at_its_end(registered: str, published: str) -> None:
    assert endpoint(record(registered)) == published


@pytest.mark.parametrize(
    ("address", "attribute", "default", "region"),
    [
        (API, "us-east-2", "us-east-1", "us-east-2"),
        (API, None, "us-east-1", "eu-west-1"),
        ("https://a.execute-api.cn-north-1.amazonaws.com.cn/prod", None, "us-east-1", "cn-north-1"),
        ("https://ABC.Execute-API.us-gov-west-1.amazonaws.com", None, None, "us-gov-west-1"),
        (f"{FUNCTION}/", None, "us-east-1", "eu-west-1"),
        (URL, None, "us-east-1", "us-east-1"),
        (URL, "not a region", "us-east-1", "us-east-1"),
        (API, "not a region", "us-east-1", "eu-west-1"),
        (URL, None, None, None),
        ("https://a.execute-api.eu-west-1.amazonaws.com.evil.test", None, None, None),
        ("https://evil.test/a.execute-api.eu-west-1.amazonaws.com", None, None, None),
    ],
)
def test_the_region_is_the_records_own_then_the_hosts_then_the_servers_and_else_left_out(
    address: str, attribute: str | None, default: str | None, region: str | None
) -> None:
    attributes = {} if attribute is None else {"region": attribute}

    found = manifest(record(address, attributes=attributes), region=default)

    assert found["users"].get("region") == region


@pytest.mark.parametrize(
    ("address", "auth", "service"),
    [
        (API, "iam", "execute-api"),
        (FUNCTION, "iam", "lambda"),
        (URL, "iam", "execute-api"),
        (API, "IAM", "execute-api"),
        (FUNCTION, "Iam", "lambda"),
        (API, "iam ", None),
        (FUNCTION, "none", None),
        (FUNCTION, None, None),
    ],
)
def test_the_service_to_sign_for_stands_only_where_the_record_says_auth_iam(
    address: str, auth: str | None, service: str | None
) -> None:
    attributes = {} if auth is None else {"auth": auth}

    one = record(address, attributes=attributes)
    called = target_of(one, region="eu-west-1")

    assert manifest(one)["users"].get("service") == service
    assert isinstance(called, HttpTarget)
    assert (called.signing and called.signing.service) == service  # as the router and `invoke` sign


def test_of_a_ladder_the_first_stage_that_has_the_service_decides_for_it() -> None:
    here = record("https://pr.example.com", stage="pr-7")
    below = record("https://staging.example.com", stage="Staging")
    elsewhere = record("https://orders.example.com", service="orders", stage="Staging")

    found = manifest(here, below, elsewhere, stages=("pr-7", "Staging"))

    assert {name: entry["endpoint"] for name, entry in found.items()} == {
        "orders": "https://orders.example.com",
        "users": "https://pr.example.com",
    }


def test_a_stage_ends_the_ladder_even_where_what_it_has_is_not_public() -> None:
    hidden = Instance("users", URL, stage="pr-7")

    assert manifest(hidden, record(stage="Staging"), stages=("pr-7", "Staging")) == {}


def test_records_without_a_stage_are_those_of_the_stage_that_means_none() -> None:
    assert endpoint(record(stage=NO_STAGE), stages=(NO_STAGE,)) == URL
    assert endpoint(record(stage=NO_STAGE)) is None


def test_an_override_stands_in_for_a_public_service_and_publishes_no_other() -> None:
    overrides = {
        "users": "http://localhost:3001/",
        "hidden": "http://localhost:1",
        "unknown": "http://localhost:2",
    }
    hidden = Instance("hidden", URL, stage=STAGE)

    found = manifest(record(API, attributes={"auth": "iam"}), hidden, overrides=overrides)

    assert found == {"users": {"endpoint": "http://localhost:3001"}}


def test_an_override_that_is_no_url_leaves_the_service_out() -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:users"

    assert manifest(record(), overrides={"users": arn}) == {}


def test_chosen_services_are_the_only_ones_and_unknown_ones_are_absent() -> None:
    records = [record(service=name) for name in ("users", "orders", "payments")]

    assert list(manifest(*records, services={"users", "payments", "unknown"})) == ["payments", "users"]
    assert manifest(*records, services=frozenset()) == {}


TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
ENDPOINTS = st.one_of(
    TEXTS,
    st.builds("https://{}".format, TEXTS),
    st.builds("{}/{}".format, st.sampled_from([API, FUNCTION, URL, "http://[::1]:80"]), TEXTS),
)
RECORDS = st.lists(
    st.builds(
        Instance,
        service=st.sampled_from(["users", "orders", "__proto__"]),
        endpoint=ENDPOINTS,
        stage=st.sampled_from([STAGE, "Staging"]),
        version=st.sampled_from([None, "1.0.0", "1.2.0", "2.0.0-rc.1", "latest"]),
        tenant=st.sampled_from([None, None, "acme"]),
        weight=st.sampled_from([0, 1, 100]),
        attributes=st.fixed_dictionaries(
            {}, optional={"public": st.sampled_from(["true", "false"]), "auth": TEXTS, "region": TEXTS}
        ),
        id=st.uuids().map(str),
    ),
    max_size=8,
)


@given(RECORDS, st.randoms(use_true_random=False))
def test_whatever_is_registered_the_manifest_fits_its_schema_and_has_only_what_a_lookup_could_choose(
    records: list[Instance], shuffler: random.Random
) -> None:
    found = manifest(*records, stages=(STAGE, "Staging"), region="eu-central-1")
    shuffler.shuffle(records)

    jsonschema_rs.validator_for(SCHEMA).validate({"API": {"REST": found}})
    assert manifest(*records, stages=(STAGE, "Staging"), region="eu-central-1") == found
    for name, entry in found.items():
        public = [one for one in records if one.service == name and one.attributes.get("public") == "true"]
        addresses = [one.endpoint.rstrip("/").lower() for one in public if one.tenant is None]
        assert entry["endpoint"].lower() in addresses


def test_with_one_public_url_at_each_version_the_choice_is_that_of_a_lookup() -> None:
    records = [
        record(f"https://{number}.example.com", version=version)
        for number, version in enumerate(["1.0.0", "1.10.0", "1.9.0", "2.0.0-rc.1"])
    ]
    (chosen,) = candidates(matching(records))

    assert endpoint(*records) == chosen.endpoint
