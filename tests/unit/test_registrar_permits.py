"""What a registrar may touch is its own account and region, and what its list names; nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.registrar.permits import Home, Permits, tag_owner, tagged_function
from tests.unit.fake_functions import ACCOUNT, REGION, arn_of
from tests.unit.records import stages

HOME = Home(ACCOUNT, REGION)
OTHER_ACCOUNT = "210987654321"
USERS = arn_of("users")


@pytest.mark.parametrize(
    "reference",
    [
        "users",
        USERS,
        f"{USERS}:live",
        f"{USERS}:42",
        f"{USERS}:$LATEST",
        f"{ACCOUNT}:function:users",
        f"{ACCOUNT}:function:users:live",
        f"{ACCOUNT}:function:users:$LATEST",
    ],
)
def test_a_function_is_known_by_each_of_the_names_that_lambda_takes(reference: str) -> None:
    assert HOME.function(reference) == USERS


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "u" * 65,
        arn_of("u" * 65),
        f"{ACCOUNT}:function:{'u' * 65}",
        "users and more",
        "users\n",
        "üsers",
        None,
        7,
        ["users"],
        {"name": "users"},
        arn_of("users", account=OTHER_ACCOUNT),
        arn_of("users", region="us-east-1"),
        f"{arn_of('users', account=OTHER_ACCOUNT)}:live",
        f"{OTHER_ACCOUNT}:function:users",
        f"{ACCOUNT}:layer:users",
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:users:1",
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:91eaeb7e",
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:",
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:users:live:more",
        f"arn:aws:s3:{REGION}:{ACCOUNT}:function:users",
        f"x{USERS}",
    ],
)
def test_what_is_no_function_of_this_account_and_region_is_none(reference: object) -> None:
    assert HOME.function(reference) is None


def test_functions_are_named_in_the_partition_that_the_registrar_is_in() -> None:
    china = Home(ACCOUNT, "cn-north-1", "aws-cn")

    assert china.function("users") == f"arn:aws-cn:lambda:cn-north-1:{ACCOUNT}:function:users"


@given(
    st.text()
    | st.from_regex(r"(arn:aws:lambda:[a-z-]*:[0-9]{12}:function:)?[a-z]*(:[a-z]*)?", fullmatch=True)
)
def test_whatever_is_taken_for_a_function_is_one_of_this_account_and_region(reference: str) -> None:
    found = HOME.function(reference)

    if found is not None:
        assert found.startswith(arn_of(""))
        assert HOME.function(found) == found


@pytest.mark.parametrize(
    ("endpoint", "is_function"),
    [
        (USERS, True),
        (f"{USERS}:live", True),
        ("users", False),
        (f"{ACCOUNT}:function:users", False),
        ("https://users.test", False),
        (arn_of("users", account=OTHER_ACCOUNT), False),
        (arn_of("users", region="us-east-1"), False),
    ],
)
def test_only_a_whole_arn_is_the_endpoint_of_a_function_here(endpoint: str, *, is_function: bool) -> None:
    assert HOME.is_function(endpoint) is is_function


def test_an_owner_tells_whose_tags_made_a_record() -> None:
    assert tag_owner(USERS) == f"tag:{USERS}"
    assert tagged_function(tag_owner(USERS)) == USERS


@pytest.mark.parametrize(
    "owner", [None, "", "manual", f"cfn:{ACCOUNT}:{REGION}:stack", USERS, f"TAG:{USERS}"]
)
def test_other_owners_are_no_functions(owner: str | None) -> None:
    assert tagged_function(owner) is None


@pytest.mark.parametrize(
    ("permits", "service", "stage"),
    [
        (Permits(), "users", "Production"),
        (Permits(), "users", "-"),
        (Permits(services=("users",), stages=("Production",)), "users", "Production"),
        (Permits(services=("team-a.*",)), "team-a.users", "-"),
        (Permits(services=("orders", "user?")), "users", "Test"),
        (Permits(stages=("pr-*", "-")), "users", "pr-7"),
        (Permits(stages=("pr-*", "-")), "users", "-"),
    ],
)
def test_what_the_list_names_is_allowed(permits: Permits, service: str, stage: str) -> None:
    assert permits.refusal(service, stage) is None


def test_anything_else_is_refused_with_what_is_allowed_and_where_that_is_said() -> None:
    assert Permits(services=("team-a.*", "orders")).refusal("users", "Production") == (
        "this registrar does not register service 'users': it is allowed team-a.*,orders "
        "(DISCOVERY_REGISTRAR_SERVICES, a parameter of its template)"
    )
    assert Permits(stages=("pr-*", "production")).refusal("users", "Production") == (
        "this registrar does not register stage 'Production': it is allowed pr-*,production "
        "(DISCOVERY_REGISTRAR_STAGES, a parameter of its template)"
    )


def test_records_without_a_stage_have_to_be_allowed_by_the_dash() -> None:
    refusal = Permits(stages=("Production",)).refusal("users", "-")

    assert refusal is not None
    assert refusal.startswith("this registrar does not register no stage (-): it is allowed Production")


@given(stages, stages)
def test_a_stage_without_wildcards_allows_itself_alone(stage: str, allowed: str) -> None:
    permits = Permits(stages=(allowed,))

    assert (permits.refusal("users", stage) is None) == (stage == allowed)
