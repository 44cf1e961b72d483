"""Runs over tagged functions: what leaves the registry, and what must not."""

from __future__ import annotations

import pytest

from cloudmap_discovery.errors import AccessDeniedError, RemoteError, ThrottledError
from tests.unit.fake_functions import arn_of
from tests.unit.fake_transport import remote
from tests.unit.registrar_bed import RegistrarBed

USERS = {"service": "users", "stage": "Production"}


def throttled() -> ThrottledError:
    return ThrottledError("too fast", code="ThrottlingException", service="servicediscovery")


def remote_gone() -> RemoteError:
    error = remote("ResourceNotFoundException")
    error.service = "lambda"
    return error


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("function-url", "has no URL of its own: give it one, or say function-url:NAME"),
        ("function-url:live", "has no alias with a URL"),
        ("alias:live", "has no such alias"),
    ],
)
async def test_a_function_without_what_its_tag_names_is_reported_and_others_go_on(
    endpoint: str, reason: str
) -> None:
    bed = RegistrarBed()
    bed.lambdas.add("users", **USERS, endpoint=endpoint)
    bed.lambdas.add("mail", service="mail", stage="Production")

    summary = await bed.run()

    assert list(bed.registered) == ["mail/Production"]
    (rejected,) = summary.plan.rejected
    assert reason in rejected.reasons[0]


async def test_a_tag_that_is_no_legal_name_is_reported_and_others_go_on() -> None:
    bed = RegistrarBed()
    bed.lambdas.add("bad", service="no good", stage="Production")
    bed.lambdas.add("users", **USERS)

    summary = await bed.run()

    assert list(bed.registered) == ["users/Production"]
    assert summary.plan.rejected[0].function == arn_of("bad")
    assert summary.is_clean


async def test_the_record_of_a_function_that_is_gone_goes_after_a_hint_and_after_none() -> None:
    for hint in (True, False):
        bed = RegistrarBed()
        function = bed.lambdas.add("users", **USERS)
        await bed.run()
        del bed.lambdas.functions[function]

        summary = await bed.run(*[function] if hint else [])

        assert bed.cloud.has("users") == {}
        assert [one.proof for one in summary.plan.removals] == ["gone"]


async def test_taking_the_tag_away_removes_the_record() -> None:
    bed = RegistrarBed()
    function = bed.lambdas.add("users", **USERS)
    await bed.run()
    bed.lambdas.functions[function].tags.clear()

    await bed.run()

    assert bed.cloud.has("users") == {}


async def test_tags_that_may_not_be_read_are_not_taken_for_missing() -> None:
    bed = RegistrarBed()
    bed.lambdas.add("users", **USERS)
    await bed.run()
    bed.lambdas.hides_tags = True
    bed.lambdas.failing["ListTags"] = lambda _: AccessDeniedError("no", action="lambda:ListTags")

    summary = await bed.run()

    assert list(bed.registered) == ["users/Production"]
    assert "could not be read" in summary.plan.kept[0].reason
    assert not summary.is_clean


async def test_tags_that_get_function_leaves_out_are_read_from_list_tags() -> None:
    bed = RegistrarBed()
    bed.lambdas.add("users", **USERS)
    bed.lambdas.hides_tags = True

    await bed.run()

    assert list(bed.registered) == ["users/Production"]


async def test_an_empty_answer_of_the_tagging_api_empties_nothing() -> None:
    bed = RegistrarBed()
    for number in range(10):
        bed.lambdas.add(f"f{number}", service=f"s{number}", stage="Production")
    await bed.run()
    bed.lambdas.lists_nothing = True

    summary = await bed.run()

    assert len(bed.registered) == 10
    assert summary.plan.unchanged == 10


async def test_a_page_that_fails_fails_the_runs_removals_and_not_its_additions() -> None:
    bed = RegistrarBed()
    bed.lambdas.page = 1
    gone = bed.lambdas.add("gone", service="gone", stage="Production")
    await bed.run()
    del bed.lambdas.functions[gone]
    bed.lambdas.add("a", service="a", stage="Production")
    bed.lambdas.add("b", service="b", stage="Production")
    bed.lambdas.failing["GetResources"] = lambda params: (
        throttled() if params.get("PaginationToken") else None
    )

    summary = await bed.run()

    assert set(bed.registered) == {"gone/Production", "a/Production"}
    assert summary.plan.stopped is not None
    assert "not all functions could be listed" in summary.plan.stopped


async def test_a_run_that_would_remove_too_much_removes_nothing_unless_forced() -> None:
    bed = RegistrarBed()
    for number in range(10):
        bed.lambdas.add(f"f{number}", service=f"s{number}", stage="Production")
    await bed.run()
    for number in range(4):
        del bed.lambdas.functions[arn_of(f"f{number}")]
    bed.lambdas.add("new", service="new", stage="Production")

    stopped = await bed.run()
    after_stopped = len(bed.registered)
    forced = await bed.run(forced=True)

    assert stopped.plan.stopped is not None
    assert "4 of the 10 records" in stopped.plan.stopped
    assert after_stopped == 11
    assert len(forced.done.removed) == 4
    assert len(bed.registered) == 7


async def test_a_list_that_is_not_whole_leaves_the_run_unfinished_even_where_nothing_would_go() -> None:
    bed = RegistrarBed()
    bed.lambdas.failing["GetResources"] = lambda _: AccessDeniedError("no", action="tag:GetResources")

    summary = await bed.run()

    assert summary.plan.incomplete is not None
    assert not summary.is_clean


async def test_a_function_whose_new_tags_ask_for_somebody_elses_record_keeps_its_own() -> None:
    bed = RegistrarBed()
    function = bed.lambdas.add("users", **USERS)
    await bed.run()
    await bed.ask("Create", Service="mail", Endpoint="https://mail.test", Stage="Production")
    bed.lambdas.add("users", service="mail", stage="Production")

    summary = await bed.run()

    assert bed.registered["users/Production"] == function
    assert [one.reason for one in summary.plan.kept] == [
        "what its function asks for instead is somebody else's"
    ]


async def test_a_function_with_new_tags_moves_its_record_and_writes_before_it_removes() -> None:
    bed = RegistrarBed()
    function = bed.lambdas.add("users", **USERS)
    await bed.run()
    bed.lambdas.add("users", service="people", stage="Production")

    await bed.run()

    assert bed.registered == {"people/Production": function}
    operations = [
        o for o in bed.cloud.transport.operations if o in {"RegisterInstance", "DeregisterInstance"}
    ]
    assert operations[-2:] == ["RegisterInstance", "DeregisterInstance"]


async def test_a_record_stays_while_what_is_to_take_its_place_cannot_be_written() -> None:
    bed = RegistrarBed()
    function = bed.lambdas.add("users", **USERS)
    await bed.run()
    bed.lambdas.add("users", service="people", stage="Production")
    bed.cloud.failures = [("ACCESS_DENIED", "no")]

    summary = await bed.run()

    assert bed.registered == {"users/Production": function}
    assert len(summary.done.failed) == 1
    assert not summary.is_clean


async def test_a_new_function_takes_the_record_of_one_that_is_gone_without_a_gap() -> None:
    bed = RegistrarBed()
    old = bed.lambdas.add("users-1", **USERS)
    await bed.run()
    del bed.lambdas.functions[old]
    new = bed.lambdas.add("users-2", **USERS)

    summary = await bed.run()

    assert bed.registered == {"users/Production": new}
    assert bed.count("DeregisterInstance") == 0
    assert [one.owner for one in summary.done.updated] == [f"tag:{new}"]


async def test_a_second_claimant_is_reported_and_not_applied() -> None:
    bed = RegistrarBed()
    first = bed.lambdas.add("users-1", **USERS)
    await bed.run()
    second = bed.lambdas.add("users-0", **USERS)

    summary = await bed.run()

    assert bed.registered == {"users/Production": first}
    assert [(one.function, one.owner) for one in summary.plan.conflicts] == [(second, f"tag:{first}")]


async def test_records_of_stacks_and_of_people_are_never_touched() -> None:
    bed = RegistrarBed()
    bed.cloud.seed("mail", "by-hand", {"endpoint": "https://mail.test", "stage": "Production"})
    await bed.ask("Create", Service="users", Endpoint="https://users.test", Stage="Production")
    bed.lambdas.add("users", **USERS)

    summary = await bed.run(scheduled=True)

    assert bed.registered == {
        "mail/Production": "https://mail.test",
        "users/Production": "https://users.test",
    }
    assert len(summary.plan.conflicts) == 1


async def test_functions_and_records_of_other_accounts_and_regions_are_not_touched() -> None:
    bed = RegistrarBed()
    far = arn_of("users", account="210987654321")
    bed.cloud.seed("users", "theirs", {"endpoint": far, "stage": "Production", "owner": f"tag:{far}"})
    bed.lambdas.listed_still = {arn_of("x", region="us-east-1"): {"discovery:service": "x"}}

    summary = await bed.run(far)

    assert list(bed.registered) == ["users/Production"]
    assert bed.count("GetFunction") == 0
    assert summary.plan.owned == 0


async def test_stages_that_are_not_on_the_list_are_reported_and_left() -> None:
    bed = RegistrarBed()
    function = bed.lambdas.add("users", **USERS)
    await bed.run()
    del bed.lambdas.functions[function]
    later = RegistrarBed(bed.cloud, registrar_stages=("Staging",))
    later.lambdas.add("mail", service="mail", stage="Production")

    summary = await later.run()

    assert later.registered == {"users/Production": function}
    assert "does not register stage 'Production'" in summary.plan.not_permitted[0].reason
    assert summary.plan.rejected == ()


async def test_endpoints_of_others_that_are_gone_are_reported_on_the_schedule_and_not_removed() -> None:
    bed = RegistrarBed()
    there = bed.lambdas.add("there")
    for name, endpoint in (("gone", arn_of("gone")), ("there", there), ("url", "https://x.test")):
        bed.cloud.seed(name, f"{name}-1", {"endpoint": endpoint, "stage": "Production"})

    quiet = await bed.run()
    summary = await bed.run(scheduled=True)

    assert quiet.gone == ()
    assert [one.service for one in summary.gone] == ["gone"]
    assert len(bed.registered) == 3


async def test_an_endpoint_of_which_aws_does_not_speak_is_not_reported_as_gone() -> None:
    bed = RegistrarBed()
    bed.cloud.seed("users", "users-1", {"endpoint": arn_of("users"), "stage": "Production"})
    bed.lambdas.failing["GetFunction"] = lambda _: throttled()

    summary = await bed.run(scheduled=True)

    assert summary.gone == ()


async def test_a_function_that_is_back_when_its_record_is_to_go_keeps_it() -> None:
    bed = RegistrarBed()
    function = bed.lambdas.add("users", **USERS)
    await bed.run()
    bed.lambdas.failures["GetFunction"] = [remote_gone()]

    summary = await bed.run()

    assert bed.registered == {"users/Production": function}
    assert [one.reason for one in summary.done.kept] == ["its function wants it again"]
