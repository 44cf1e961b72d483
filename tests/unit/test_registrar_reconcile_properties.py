"""Plans hold their rules whatever functions claim and whatever is registered, in any order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.encoding import decode_attributes, encode_attributes
from cloudmap_discovery.model import Instance, record_id
from cloudmap_discovery.registrar.permits import Home, Permits, tag_owner, tagged_function
from cloudmap_discovery.registrar.reconcile import Change, Claim, Plan, Seen, exceeds, make_plan
from cloudmap_discovery.registrar.tags import Rejected
from cloudmap_discovery.values import replace
from tests.unit.fake_functions import ACCOUNT, REGION, arn_of
from tests.unit.records import foreign_attributes

if TYPE_CHECKING:
    import random

HOME = Home(ACCOUNT, REGION)
DATE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FUNCTIONS = [arn_of(name) for name in "abcdefgh"]
OTHERS = [
    None,
    "manual",
    f"cfn:{ACCOUNT}:{REGION}:stack",
    tag_owner(arn_of("a", account="210987654321")),
    tag_owner(arn_of("a", region="us-east-1")),
    tag_owner(f"{arn_of('a')}:live"),
]
PLACES = [(service, stage) for service in ("one", "two", "three", "four") for stage in ("Production", "Test")]
PERMITS = [Permits(), Permits(), Permits(services=("o*", "three")), Permits(stages=("Test",))]


@dataclass
class World:
    """What is seen of functions, and what is registered, by service and id."""

    seen: dict[str, Seen]
    registered: dict[tuple[str, str], Instance]
    permits: Permits
    incomplete: str | None
    forced: bool = field(kw_only=True)

    def plan(self, **more: Any) -> Plan:
        given = {"incomplete": self.incomplete, "forced": self.forced, **more}
        return make_plan(self.seen, self.registered.values(), home=HOME, permits=self.permits, **given)

    def carry_out(self, plan: Plan) -> None:
        """Do what is planned, as the registry does it: another's record is written only where it is adopted."""
        for change in plan.changes:
            place = (change.record.service, change.record.id)
            present = self.registered.get(place)
            assert present == change.present
            assert present is None or present.owner == change.record.owner or change.adopt
            date = DATE if present is None else present.registered_at or DATE
            attributes = encode_attributes(replace(change.record, registered_at=date))
            self.registered[place] = as_listed(change.record.service, change.record.id, attributes)
        for removal in plan.removals if plan.stopped is None else ():
            del self.registered[removal.record.service, removal.record.id]

    def is_ours(self, record: Instance) -> bool:
        return tagged_function(record.owner) in FUNCTIONS and (
            self.permits.refusal(record.service, record.stage) is None
        )

    def has_ended(self, function: str | None, record: Instance) -> bool:
        """Return whether AWS said that the function does not want this record."""
        seen = self.seen.get(function or "", Seen())
        if seen.claim is None:
            return seen.proof is not None
        return (seen.claim.record.service, seen.claim.record.id) != (record.service, record.id)


def as_listed(service: str, instance_id: str, attributes: dict[str, str]) -> Instance:
    record = decode_attributes(service, instance_id, attributes)
    assert isinstance(record, Instance)
    return record


USUAL = ["claim", "claim", "claim", "claim", "gone", "untagged", "rejected", "unread", "unseen"]
DISASTER = ["gone", "gone", "gone", "untagged", "claim"]


@st.composite
def sightings(draw: st.DrawFn, function: str, permits: Permits, kinds: list[str]) -> Seen | None:
    kind = draw(st.sampled_from(kinds))
    service, stage = draw(st.sampled_from(PLACES))
    if kind == "claim" and permits.refusal(service, stage) is None:
        endpoint = draw(st.sampled_from([function, "https://users.test"]))
        weight = draw(st.sampled_from([100, 0]))
        record = Instance(service, endpoint, stage, weight=weight, owner=tag_owner(function))
        return Seen(claim=Claim(function, record))
    return {
        "gone": Seen(proof="gone"),
        "untagged": Seen(proof="untagged"),
        "unread": Seen(reason="too fast"),
        "unseen": None,
    }.get(kind, Seen(rejected=Rejected(function, ("wrong",))))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    permits = draw(st.sampled_from(PERMITS))
    kinds = draw(st.sampled_from([USUAL, DISASTER]))
    seen = {function: draw(sightings(function, permits, kinds)) for function in FUNCTIONS}
    registered = {}
    owners = st.sampled_from([*map(tag_owner, FUNCTIONS), *map(tag_owner, FUNCTIONS), *OTHERS])
    for service, stage in draw(st.sets(st.sampled_from(PLACES))):
        owner = draw(owners)
        foreign = draw(st.just({}) | foreign_attributes)
        attributes = {
            "endpoint": draw(st.sampled_from([*FUNCTIONS[:3], "https://users.test"])),
            "stage": stage,
            **{key: text for key, text in foreign.items() if isinstance(text, str) and key != "endpoint"},
            "owner": owner or "",
        }
        instance_id = record_id(service, stage, None, None, None)
        claims = [one.claim.record for one in seen.values() if one is not None and one.claim is not None]
        claimed = [one for one in claims if (one.service, one.stage) == (service, stage)]
        writer = draw(st.sampled_from([None, *claimed]))
        if writer is not None:
            attributes = encode_attributes(replace(writer, registered_at=DATE))
        registered[service, instance_id] = as_listed(service, instance_id, attributes)
    return World(
        {function: one for function, one in seen.items() if one is not None},
        registered,
        permits,
        draw(st.sampled_from([None, None, "a page failed"])),
        forced=draw(st.booleans()),
    )


@given(worlds())
def test_after_a_plan_is_carried_out_there_is_nothing_more_to_do(world: World) -> None:
    world.incomplete = None
    plan = world.plan(forced=True)
    world.carry_out(plan)

    again = world.plan(forced=True)

    assert (again.changes, again.removals, again.stopped) == ((), (), None)
    assert again.unchanged == plan.unchanged + len(plan.changes)
    assert (again.conflicts, again.rejected, again.unread) == (plan.conflicts, plan.rejected, plan.unread)
    assert again.kept == plan.kept


@given(worlds())
def test_what_a_stopped_run_left_is_all_that_the_next_one_has_to_do(world: World) -> None:
    plan = world.plan()
    world.carry_out(plan)

    again = world.plan()

    assert again.changes == ()
    assert again.removals == (() if plan.stopped is None else plan.removals)


@given(worlds())
def test_nothing_is_removed_without_proof_for_its_own_function(world: World) -> None:
    for removal in world.plan().removals:
        assert removal.record.owner == tag_owner(removal.function)
        assert world.has_ended(removal.function, removal.record)


@given(worlds())
def test_only_records_of_our_own_functions_and_within_the_permits_are_removed_or_kept(world: World) -> None:
    plan = world.plan()

    assert all(world.is_ours(removal.record) for removal in plan.removals)
    assert all(world.is_ours(one.record) for one in plan.kept)
    assert plan.owned == sum(map(world.is_ours, world.registered.values()))


@given(worlds())
def test_nothing_is_written_over_what_somebody_else_has(world: World) -> None:
    for change in world.plan().changes:
        assert world.permits.refusal(change.record.service, change.record.stage) is None
        if change.present is not None and change.present.owner != change.record.owner:
            assert change.adopt
            assert world.has_ended(tagged_function(change.present.owner), change.present)
        else:
            assert not change.adopt


@given(worlds())
def test_records_of_others_are_as_they_were_after_any_run(world: World) -> None:
    before = dict(world.registered)

    world.carry_out(world.plan(forced=True))

    for place, record in before.items():
        if tagged_function(record.owner) not in FUNCTIONS:
            assert world.registered[place] == record


@given(worlds())
def test_every_claim_is_met_or_told_as_a_conflict(world: World) -> None:
    plan = world.plan()

    claims = [one.claim for one in world.seen.values() if one.claim is not None]
    assert len(claims) == len(plan.changes) + plan.unchanged + len(plan.conflicts)
    for conflict in plan.conflicts:
        assert world.seen[conflict.function].claim == Claim(conflict.function, conflict.record)
        assert conflict.owner != conflict.record.owner


@given(worlds())
def test_a_place_is_written_or_removed_once_at_most(world: World) -> None:
    plan = world.plan()

    touched = [change.record for change in plan.changes] + [removal.record for removal in plan.removals]
    assert len({(one.service, one.id) for one in touched}) == len(touched)


@given(worlds())
def test_whoever_has_a_record_and_claims_it_keeps_it(world: World) -> None:
    for conflict in world.plan().conflicts:
        present = world.registered.get((conflict.record.service, conflict.record.id))
        assert present is None or present.owner != tag_owner(conflict.function)


@given(worlds())
def test_of_new_claims_the_first_by_arn_wins(world: World) -> None:
    plan = world.plan()

    winners: dict[tuple[str, str], Change] = {
        (one.record.service, one.record.id): one for one in plan.changes
    }
    for conflict in plan.conflicts:
        winner = winners.get((conflict.record.service, conflict.record.id))
        if winner is not None and (winner.present is None or winner.adopt):
            assert winner.record.owner == conflict.owner
            assert conflict.owner < tag_owner(conflict.function)


@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_in_which_things_are_told_is_of_no_account(world: World, chance: random.Random) -> None:
    plan = world.plan()

    seen, registered = list(world.seen.items()), list(world.registered.items())
    chance.shuffle(seen)
    chance.shuffle(registered)
    other = World(dict(seen), dict(registered), world.permits, world.incomplete, forced=world.forced)
    assert other.plan() == plan


@given(worlds())
def test_a_run_is_stopped_where_it_would_remove_too_many_or_does_not_know_all(world: World) -> None:
    plan = world.plan()

    is_too_many = exceeds(len(plan.removals), plan.owned) and not world.forced
    is_in_doubt = world.incomplete is not None or is_too_many
    assert (plan.stopped is not None) == (bool(plan.removals) and is_in_doubt)
    assert plan.removes_too_many == (is_too_many and world.incomplete is None)
    assert plan.changes == world.plan(incomplete=None, forced=True).changes
    assert plan.removals == world.plan(incomplete=None, forced=True).removals


@given(worlds())
def test_what_is_not_seen_at_all_changes_and_removes_nothing(world: World) -> None:
    world.seen = {}

    plan = world.plan(forced=True)

    assert (plan.changes, plan.removals) == ((), ())
    assert len(plan.kept) == plan.owned
