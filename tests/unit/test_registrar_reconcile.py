"""A plan follows from what functions claim and what is registered: rule by rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.registrar.permits import Permits, tag_owner
from cloudmap_discovery.registrar.reconcile import Change, Conflict, Kept, Plan, Removal, Seen
from cloudmap_discovery.registrar.tags import Rejected
from tests.unit.fake_functions import ACCOUNT, REGION, arn_of
from tests.unit.plan_bed import GONE, UNTAGGED, claiming, plan, record, written

if TYPE_CHECKING:
    from cloudmap_discovery.registrar.reconcile import Proof

STACK = f"cfn:{ACCOUNT}:{REGION}:users"


def rejected(name: str) -> Rejected:
    return Rejected(arn_of(name), ("discovery:weight is 'x': …",))


# What is written


def test_nothing_seen_and_nothing_registered_is_nothing_to_do() -> None:
    assert plan({}) == Plan()


def test_a_claim_of_what_is_not_there_is_registered() -> None:
    assert plan(claiming(record("users"))) == Plan(changes=(Change(record("users")),))


def test_a_claim_of_what_is_there_is_unchanged() -> None:
    assert plan(claiming(record("users")), written("users")) == Plan(unchanged=1, owned=1)


def test_what_aws_adds_to_a_record_is_no_difference() -> None:
    present = written("users", attributes={"AWS_INIT_HEALTH_STATUS": "HEALTHY"})

    assert plan(claiming(record("users")), present) == Plan(unchanged=1, owned=1)


@pytest.mark.parametrize(
    "before",
    [
        {"endpoint": "https://old.test"},
        {"weight": 7},
        {"attributes": {"auth": "iam"}},
        {"attributes": {"weight": "heavy"}},  # what somebody else wrote, and we never would
        {"owner_ref": "Users"},
    ],
)
def test_a_claim_that_differs_from_its_record_is_written_over_it(before: dict[str, Any]) -> None:
    present = written("users", **before)

    found = plan(claiming(record("users")), present)

    assert found == Plan(changes=(Change(record("users"), present),), owned=1)


def test_changes_come_in_order_of_service_stage_and_id() -> None:
    claims = [record(name, service) for name, service in (("z", "a"), ("y", "b"), ("x", "c"))]

    found = plan(claiming(*reversed(claims)))

    assert [change.record.service for change in found.changes] == ["a", "b", "c"]


# What is removed


@pytest.mark.parametrize(("seen", "proof"), [(GONE, "gone"), (UNTAGGED, "untagged")])
def test_a_record_is_removed_on_proof_for_its_function(seen: Seen, proof: Proof) -> None:
    present = written("users")

    found = plan({arn_of("users"): seen}, present)

    assert found == Plan(removals=(Removal(present, arn_of("users"), proof),), owned=1)


def test_a_function_that_asks_for_another_record_has_moved() -> None:
    present, wanted = written("users"), record("users", "people")

    found = plan(claiming(wanted), present)

    assert found.changes == (Change(wanted),)
    assert found.removals == (Removal(present, arn_of("users"), "moved"),)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (None, "nothing is known of its function"),
        (Seen(), "nothing is known of its function"),
        (Seen(rejected=rejected("users")), "its function's tags are not understood"),
        (Seen(reason="it could not be read: too fast"), "it could not be read: too fast"),
    ],
)
def test_a_record_stays_where_there_is_no_proof(seen: Seen | None, reason: str) -> None:
    present = written("users")

    found = plan({} if seen is None else {arn_of("users"): seen}, present)

    assert (found.changes, found.removals) == ((), ())
    assert found.kept == (Kept(present, reason),)
    assert found.owned == 1


@pytest.mark.parametrize(
    "owner",
    [
        None,
        "manual",
        STACK,
        tag_owner(arn_of("users", account="210987654321")),
        tag_owner(arn_of("users", region="us-east-1")),
        tag_owner(f"{arn_of('users')}:live"),
        "tag:users",
    ],
)
def test_records_of_other_owners_accounts_and_regions_are_nobodys_business(owner: str | None) -> None:
    present = written("users", owner=owner)
    seen = {arn_of("users"): GONE, (owner or "").removeprefix("tag:"): GONE}

    assert plan(seen, present) == Plan()


@pytest.mark.parametrize("permits", [Permits(services=("orders",)), Permits(stages=("Test", "-"))])
def test_records_outside_the_permits_are_nobodys_business(permits: Permits) -> None:
    assert plan({arn_of("users"): GONE}, written("users"), permits=permits) == Plan()


def test_what_could_not_be_read_or_understood_is_told() -> None:
    seen = {arn_of("b"): Seen(reason="too fast"), arn_of("a"): Seen(rejected=rejected("a"))}

    found = plan({**seen, arn_of("c"): Seen(reason="no answer")})

    assert found.rejected == (rejected("a"),)
    assert found.unread == ((arn_of("b"), "too fast"), (arn_of("c"), "no answer"))


# Who gets a record that several want


@pytest.mark.parametrize("owner", [None, "manual", STACK, tag_owner(arn_of("x", region="us-east-1"))])
def test_what_somebody_else_has_is_a_conflict(owner: str | None) -> None:
    wanted = record("users")
    present = written("users", endpoint="https://other.test", owner=owner)

    found = plan(claiming(wanted), present)

    assert found == Plan(conflicts=(Conflict(arn_of("users"), wanted, owner or "manual"),))


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_claims_the_first_by_arn_is_granted(*, turned: bool) -> None:
    first, second = record("a", "users"), record("b", "users")

    found = plan(claiming(*((second, first) if turned else (first, second))))

    assert found.changes == (Change(first),)
    assert found.conflicts == (Conflict(arn_of("b"), second, tag_owner(arn_of("a"))),)


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_claims_the_one_that_has_the_record_keeps_it(*, turned: bool) -> None:
    first, second = record("a", "users"), record("b", "users")

    found = plan(claiming(*((second, first) if turned else (first, second))), written("b", "users"))

    assert (found.changes, found.removals, found.unchanged) == ((), (), 1)
    assert found.conflicts == (Conflict(arn_of("a"), first, tag_owner(arn_of("b"))),)


def test_claims_of_the_same_service_in_other_stages_or_versions_are_no_conflict() -> None:
    claims = [record("a", "users"), record("b", "users", stage="Test"), record("c", "users", version="1.0.0")]

    found = plan(claiming(*claims))

    assert len(found.changes) == 3
    assert found.conflicts == ()


@pytest.mark.parametrize("seen", [GONE, UNTAGGED])
def test_the_record_of_a_function_that_wants_it_no_more_is_handed_over(seen: Seen) -> None:
    present, wanted = written("blue", "users"), record("green", "users")

    found = plan({**claiming(wanted), arn_of("blue"): seen}, present)

    assert found == Plan(changes=(Change(wanted, present, adopt=True),), owned=1)


def test_functions_that_change_places_take_each_others_records() -> None:
    claims = claiming(record("a", "two"), record("b", "one"))

    found = plan(claims, written("a", "one"), written("b", "two"))

    assert found.changes == (
        Change(record("b", "one"), written("a", "one"), adopt=True),
        Change(record("a", "two"), written("b", "two"), adopt=True),
    )
    assert (found.removals, found.conflicts) == ((), ())


@pytest.mark.parametrize("seen", [Seen(reason="too fast"), Seen(rejected=rejected("blue"))])
def test_a_record_is_not_handed_over_without_proof(seen: Seen) -> None:
    present, wanted = written("blue", "users"), record("green", "users")

    found = plan({**claiming(wanted), arn_of("blue"): seen}, present)

    assert found.changes == ()
    assert found.conflicts == (Conflict(arn_of("green"), wanted, tag_owner(arn_of("blue"))),)
    assert [one.record for one in found.kept] == [present]
