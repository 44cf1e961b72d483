"""Runs over tagged functions: what comes into the registry, what leaves it, and what must not."""

from __future__ import annotations

import pytest

from cloudmap_discovery.errors import AccessDeniedError, RemoteError, StoreTimeoutError, ThrottledError
from tests.unit.fake_functions import arn_of
from tests.unit.fake_transport import remote
from tests.unit.registrar_bed import RegistrarBed

USERS = {"service": "users", "stage": "Production"}


def throttled() -> ThrottledError:
    return ThrottledError("too fast", code="ThrottlingException", service="servicediscovery")


async def test_a_tagged_function_is_registered_with_its_arn_for_itself() -> None:
    bed = RegistrarBed()
    function = bed.lambdas.add(
        "users-api", **USERS, version="1.4.0", tenant="acme", variant="blue", weight="30"
    )

    summary = await bed.run()

    (record,) = bed.cloud.has("users").values()
    assert record.pop("registered-at")
    assert record == {
        "endpoint": function,
        "stage": "Production",
        "version": "1.4.0",
        "tenant": "acme",
        "variant": "blue",
        "weight": "30",
        "owner": f"tag:{function}",
    }
    assert [one.service for one in summary.done.registered] == ["users"]
    assert summary.is_clean


async def test_without_a_stage_tag_a_record_is_of_no_stage_or_of_the_default_stage() -> None:
    bed, staged = RegistrarBed(), RegistrarBed(stage="Production")
    bed.lambdas.add("users", service="users")
    staged.lambdas.add("users", service="users")

    await bed.run()
    await staged.run()

    assert list(bed.registered) == ["users/-"]
    assert list(staged.registered) == ["users/Production"]


async def test_a_second_run_changes_nothing_and_writes_nothing() -> None:
    bed = RegistrarBed()
    bed.lambdas.add("users", **USERS)
    await bed.run()
    written = bed.count("RegisterInstance")

    summary = await bed.run()

    assert summary.plan.unchanged == 1
    assert bed.count("RegisterInstance") == written


FUNCTION_URL = "https://a1b2c3d4e5f6g7h8.lambda-url.eu-central-1.on.aws"


@pytest.mark.parametrize(
    ("about", "endpoint", "auth"),
    [
        ({"endpoint": "arn"}, arn_of("users"), None),
        ({"endpoint": "function-url", "url": f"{FUNCTION_URL}/"}, FUNCTION_URL, None),
        (
            {"endpoint": "function-url", "url": f"{FUNCTION_URL}/", "auth_type": "AWS_IAM"},
            FUNCTION_URL,
            "iam",
        ),
        (
            {"endpoint": "function-url:live", "url": f"{FUNCTION_URL}/", "url_alias": "live"},
            FUNCTION_URL,
            None,
        ),
        ({"endpoint": "alias:live", "aliases": {"live"}}, f"{arn_of('users')}:live", None),
    ],
    ids=["arn", "function-url", "signed-function-url", "alias-url", "alias"],
)
async def test_the_endpoint_tag_says_where_the_function_is_reached(
    about: dict[str, str], endpoint: str, auth: str | None
) -> None:
    bed = RegistrarBed()
    bed.lambdas.add("users", **USERS, **about)

    await bed.run()

    (record,) = bed.cloud.has("users").values()
    assert (record["endpoint"], record.get("auth")) == (endpoint, auth)


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


async def test_urls_from_tags_are_taken_only_where_that_is_switched_on() -> None:
    off, on = RegistrarBed(), RegistrarBed(registrar_urls=True)
    for bed in (off, on):
        bed.lambdas.add("users", **USERS, endpoint="https://users.example.com")

    await off.run()
    await on.run()

    assert off.registered == {}
    assert on.registered == {"users/Production": "https://users.example.com"}


async def test_a_tag_that_is_no_legal_name_is_reported_and_others_go_on() -> None:
    bed = RegistrarBed()
    bed.lambdas.add("bad", service="no good", stage="Production")
    bed.lambdas.add("users", **USERS)

    summary = await bed.run()

    assert list(bed.registered) == ["users/Production"]
    assert summary.plan.rejected[0].function == arn_of("bad")
    assert summary.is_clean


async def test_a_function_that_only_the_event_knows_is_registered() -> None:
    bed = RegistrarBed()
    function = bed.lambdas.add("users", **USERS)
    bed.lambdas.listed_late = {function}

    await bed.run()
    before = dict(bed.registered)
    await bed.run(function)

    assert before == {}
    assert bed.registered == {"users/Production": function}


async def test_the_record_of_a_function_that_is_gone_goes_after_a_hint_and_after_none() -> None:
    for hint in (True, False):
        bed = RegistrarBed()
        function = bed.lambdas.add("users", **USERS)
        await bed.run()
        del bed.lambdas.functions[function]

        summary = await bed.run(*[function] if hint else [])

        assert bed.cloud.has("users") == {}
        assert [one.proof for one in summary.plan.removals] == ["gone"]


async def test_a_function_that_was_deleted_between_event_and_reading_is_not_registered() -> None:
    bed = RegistrarBed()
    bed.lambdas.listed_still = {arn_of("users"): {"discovery:service": "users"}}

    summary = await bed.run(arn_of("users"))

    assert bed.registered == {}
    assert summary.is_clean


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


async def test_a_run_that_cannot_list_the_registry_fails_as_a_whole() -> None:
    bed = RegistrarBed()
    bed.lambdas.add("users", **USERS)
    bed.cloud.transport.answer("ListNamespaces", throttled())

    with pytest.raises(ThrottledError):
        await bed.run()

    assert bed.count("RegisterInstance") == 0


async def test_when_cloud_map_throttles_all_the_way_a_run_gives_up_early_and_the_next_one_goes_on() -> None:
    bed = RegistrarBed()
    for number in range(60):
        bed.lambdas.add(f"f{number:02}", service=f"s{number:02}", stage="Production")
    bed.cloud.transport.answer("RegisterInstance", throttled())

    throttled_run = await bed.run()
    bed.cloud.transport.answer("RegisterInstance", bed.cloud._RegisterInstance)
    summary = await bed.run()

    assert len(throttled_run.done.failed) < 30
    assert throttled_run.done.unfinished > 30
    assert not throttled_run.is_clean
    assert len(bed.registered) == 60
    assert summary.is_clean


async def test_reading_functions_ends_with_the_time_and_leaves_a_line_to_be_written() -> None:
    bed = RegistrarBed()
    for number in range(100):
        bed.lambdas.add(f"f{number:02}", service=f"s{number:02}", stage="Production")

    def slow(_: object) -> StoreTimeoutError:
        bed.clock.advance(15)
        return StoreTimeoutError("no answer")

    bed.lambdas.failing["GetFunction"] = slow
    before = bed.clock.monotonic()

    summary = await bed.run(seconds=100, scheduled=True)

    assert bed.clock.monotonic() - before < 250
    assert len(summary.plan.unread) == 100
    assert summary.plan.unread[-1][1] == "no time was left to read it"


async def test_a_run_whose_time_ends_leaves_the_rest_to_the_next() -> None:
    bed = RegistrarBed()
    for number in range(40):
        bed.lambdas.add(f"f{number:02}", service=f"s{number:02}", stage="Production")
    bed.cloud.operation_seconds = 3.0

    first = await bed.run(seconds=30)
    second = await bed.run()

    assert 0 < len(first.done.registered) < 40
    assert first.done.unfinished + len(first.done.failed) + len(first.done.registered) == 40
    assert len(bed.registered) == 40
    assert second.is_clean


async def test_two_registrars_at_once_make_the_same_records_and_fail_nothing() -> None:
    import asyncio  # noqa: PLC0415 -- used here only

    one = RegistrarBed()
    one.cloud.operation_seconds = 1.0
    other = RegistrarBed(one.cloud)
    for bed in (one, other):
        for number in range(12):
            bed.lambdas.add(f"f{number}", service=f"s{number}", stage="Production")

    summaries = await asyncio.gather(one.run(), other.run())
    removed_from = RegistrarBed(one.cloud)
    both = await asyncio.gather(removed_from.run(forced=True), RegistrarBed(one.cloud).run(forced=True))

    assert all(summary.is_clean for summary in (*summaries, *both))
    assert one.registered == {}


async def test_five_hundred_functions_are_registered_in_one_run_within_lambdas_fifteen_minutes() -> None:
    bed = RegistrarBed()
    bed.cloud.operation_seconds = 2.0
    for number in range(500):
        bed.lambdas.add(f"function-{number:03}", service=f"service-{number:03}", stage="Production")
    before = bed.clock.monotonic()

    summary = await bed.run(scheduled=True)

    assert summary.is_clean
    assert len(bed.registered) == 500
    assert bed.clock.monotonic() - before < 850


async def test_a_timed_out_read_of_one_function_leaves_the_others_to_go_on() -> None:
    bed = RegistrarBed()
    bed.lambdas.add("slow", service="slow", stage="Production")
    bed.lambdas.add("users", **USERS)
    bed.lambdas.failing["GetFunction"] = lambda params: (
        StoreTimeoutError("no answer") if params["FunctionName"] == arn_of("slow") else None
    )

    summary = await bed.run()

    assert list(bed.registered) == ["users/Production"]
    assert [function for function, _ in summary.plan.unread] == [arn_of("slow")]


def remote_gone() -> RemoteError:
    error = remote("ResourceNotFoundException")
    error.service = "lambda"
    return error
