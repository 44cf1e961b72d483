"""The command `reconcile` where removals are stopped, or AWS fails: what it still does, and how it ends."""

from __future__ import annotations

import pytest

from cloudmap_discovery.errors import AccessDeniedError, StoreTimeoutError, ThrottledError
from tests.cli.reconcile_bed import PLAIN, USERS, WITH_S3, ReconcileBed
from tests.unit.fake_functions import arn_of
from tests.unit.fake_s3 import FakeS3


@pytest.fixture
def bed() -> ReconcileBed:
    return ReconcileBed()


def denied(action: str) -> AccessDeniedError:
    return AccessDeniedError(f"{action} is not allowed", service="lambda")


def test_too_many_removals_are_stopped_with_what_to_do_and_exit_code_2(bed: ReconcileBed) -> None:
    bed.seed_gone(6)
    bed.lambdas.add("users", **USERS)

    planned = bed.run("--dry-run")
    ran = bed.run()

    assert (planned.code, ran.code) == (2, 2)
    warning = " ".join(ran.err.split())
    assert warning.startswith(
        "warning: nothing is removed: 6 of the 6 records that functions' tags own would go"
    )
    assert "`cloudmap-discovery reconcile --force`" in warning
    assert "Not removed, see the warning" in ran.out
    assert "  \N{EN DASH} gone0 in stage Production" in ran.out.splitlines()
    assert planned.out.endswith("\n1 to register, 0 to update, 0 to remove, 0 unchanged, 6 not removed\n")
    assert ran.out.endswith("\n1 registered, 0 updated, 0 removed, 0 unchanged, 6 not removed\n")
    assert len(bed.endpoints()) == 7


def test_force_removes_however_many_there_are(bed: ReconcileBed) -> None:
    bed.seed_gone(6)

    planned = bed.run("--dry-run", "--force")
    ran = bed.run("--force")

    assert (planned.code, planned.err, ran.code, ran.err) == (0, "", 0, "")
    assert planned.out.endswith("\n0 to register, 0 to update, 6 to remove, 0 unchanged\n")
    assert ran.out.endswith("\n0 registered, 0 updated, 6 removed, 0 unchanged\n")
    assert bed.endpoints() == {}


@pytest.mark.parametrize("options", [(), ("--force",)])
def test_where_functions_cannot_be_listed_nothing_is_removed_and_it_is_exit_code_3(
    bed: ReconcileBed, options: tuple[str, ...]
) -> None:
    bed.seed("mail", arn_of("mail"))
    bed.cloud.transport.answer("GetResources", denied("tag:GetResources"))

    planned = bed.run("--dry-run", *options)
    ran = bed.run(*options)

    assert (planned.code, ran.code) == (3, 3)
    for told in (planned, ran):
        assert " ".join(told.err.split()) == (
            "warning: not all functions could be listed: tag:GetResources is not allowed; "
            "nothing is removed before they can be"
        )
    assert list(bed.endpoints()) == ["mail"]


def test_that_functions_cannot_be_listed_is_told_also_where_nothing_would_be_removed(
    bed: ReconcileBed,
) -> None:
    bed.cloud.transport.answer("GetResources", denied("tag:GetResources"))

    ran = bed.run("--dry-run", environment=PLAIN | {"COLUMNS": "200"})

    assert ran.code == 3
    assert ran.err.endswith("warning: not all functions could be listed: tag:GetResources is not allowed\n")


def test_a_function_that_cannot_be_read_is_told_and_exit_code_3(bed: ReconcileBed) -> None:
    bed.lambdas.add("users", **USERS)
    slow = bed.lambdas.add("slow", service="slow")
    bed.lambdas.failing["GetFunction"] = lambda params: (
        StoreTimeoutError("no answer in time") if params["FunctionName"] == slow else None
    )

    planned = bed.run("--dry-run")
    ran = bed.run()

    assert (planned.code, ran.code) == (3, 3)
    assert planned.out.endswith(
        "\nFunctions that could not be read\n  ✗ slow\n      it could not be read: no answer in time\n"
        "\n1 to register, 0 to update, 0 to remove, 0 unchanged, 1 unread\n"
    )
    assert list(bed.endpoints()) == ["users"]


def test_trouble_comes_before_removals_that_were_stopped(bed: ReconcileBed) -> None:
    bed.seed_gone(6)
    bed.lambdas.add("slow", service="slow")
    bed.lambdas.failing["GetFunction"] = lambda params: (
        StoreTimeoutError("no answer") if params["FunctionName"] == arn_of("slow") else None
    )

    assert bed.run("--dry-run").code == 3


def test_a_record_that_cannot_be_written_is_told_and_others_go_on(bed: ReconcileBed) -> None:
    bed.lambdas.add("mail", service="mail", stage="Production")
    bed.lambdas.add("users", **USERS)
    bed.cloud.failures = [("INTERNAL_FAILURE", "Something broke.")]

    ran = bed.run()

    assert ran.code == 3
    assert "\nFailed\n  ✗ mail in stage Production\n" in ran.out
    assert "Something broke." in ran.out
    assert ran.out.endswith("\n1 registered, 0 updated, 0 removed, 0 unchanged, 1 failed\n")
    assert list(bed.endpoints()) == ["users"]


def test_what_there_was_no_time_for_is_counted_and_left_to_the_next_run(bed: ReconcileBed) -> None:
    for number in range(40):
        bed.lambdas.add(f"f{number:02}", service=f"s{number:02}", stage="Production")
    bed.cloud.operation_seconds = 3.0

    ran = bed.run("--timeout", "30")

    assert ran.code == 3
    assert "not begun, for want of time" in " ".join(ran.out.split())
    assert bed.run().code == 0
    assert len(bed.endpoints()) == 40


def test_a_mirror_that_cannot_be_written_is_told_and_exit_code_3(bed: ReconcileBed) -> None:
    FakeS3(transport=bed.cloud.transport).failure = denied("s3:GetObject")
    bed.lambdas.add("users", **USERS)

    ran = bed.run(environment=WITH_S3)

    assert ran.code == 3
    assert ran.out.splitlines()[-4:-2] == [
        "Beside the records",
        "  ✗ mirrors: not compared with Cloud Map: s3:GetObject is not allowed",
    ]
    assert list(bed.endpoints()) == ["users"]


def test_a_mirror_most_of_which_would_go_is_told_with_the_command_that_writes_it_anyway(
    bed: ReconcileBed,
) -> None:
    FakeS3(transport=bed.cloud.transport)
    for number in range(6):
        bed.cloud.seed(f"s{number}", "1", {"endpoint": "https://x.test", "stage": "Production"})
    bed.run(environment=WITH_S3)
    for service in bed.cloud.services.values():
        service.history.clear()

    ran = bed.run(environment=WITH_S3)

    assert ran.code == 3
    assert "run `cloudmap-discovery sync --force`" in " ".join(ran.out.split())


def test_a_registry_that_cannot_be_listed_is_exit_code_3_and_nothing_on_standard_output(
    bed: ReconcileBed,
) -> None:
    bed.cloud.transport.answer("ListNamespaces", ThrottledError("too fast", service="servicediscovery"))

    for arguments in ((), ("--dry-run",)):
        ran = bed.run(*arguments)

        assert (ran.code, ran.out, ran.err) == (3, "", "error: too fast\n")


def test_a_timeout_that_cannot_be_is_wrong_use(bed: ReconcileBed) -> None:
    ran = bed.run("--dry-run", "--timeout", "-1")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: --timeout")
