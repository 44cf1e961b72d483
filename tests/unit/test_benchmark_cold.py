"""What the benchmark of cold starts says follows from what was measured."""

from __future__ import annotations

import http.client
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.benchmarks.cached import FIVE, NOW, ONE, unpack_revision
from tests.benchmarks.cold import BEFORE, BEGIN, END, cached_aims, written
from tests.benchmarks.cold_aims import Aim
from tests.benchmarks.cold_fresh import BOTO3, DIRECT, FLOOR, HTTP, FirstAnswers
from tests.benchmarks.cold_processes import ENDPOINT, Machine, MeasurementError, Sample
from tests.benchmarks.cold_profile import dearest, grouped, read_imports
from tests.benchmarks.cold_throttle import NoThrottle
from tests.benchmarks.cold_tls import tls_in_front_of
from tests.benchmarks.measuring import Spread, fastest, medians, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.standin.stand_in import StandIn

IMPORTS = """\
import time: self [us] | cumulative | imported package
import time:       300 |        300 |   json
import time:      1500 |       1800 | cloudmap_discovery
import time:      2500 |       2500 | shutil
something else that the process said
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("machine"))


@contextmanager
def connected(variables: dict[str, str], trusted: str | None) -> Iterator[http.client.HTTPSConnection]:
    context = ssl.create_default_context(cafile=trusted)
    connection = http.client.HTTPSConnection(
        urlsplit(variables["AWS_ENDPOINT_URL"]).netloc, timeout=20, context=context
    )
    try:
        yield connection
    finally:
        connection.close()


def test_a_spread_is_the_median_between_the_quartiles() -> None:
    spread = Spread.of([5, 1, 3, 2, 4])

    assert spread == Spread(3, 2, 4)
    assert spread.shown("ms") == "3 ms (2 to 4)"
    assert spread.shown("s", 0.5, digits=1) == "1.5 s (1.0 to 2.0)"


def test_rounds_come_down_to_one_number_for_each_name() -> None:
    rounds = [{"a": 3.0, "b": 1.0}, {"a": 1.0, "b": 2.0}, {"a": 2.0, "b": 9.0}]

    assert medians(rounds) == {"a": 2.0, "b": 2.0}
    assert fastest(rounds) == {"a": 1.0, "b": 1.0}


def test_a_table_is_markdown() -> None:
    assert table(("a", "long"), [("long", 1)]) == "| a    | long |\n|------|------|\n| long | 1    |"


def test_ratios_are_of_medians_and_growth_is_beyond_a_bare_interpreter() -> None:
    answers = FirstAnswers(
        {
            (DIRECT, HTTP): [Sample(0.04, 0.06, 20.0), Sample(0.05, 0.05, 20.0), Sample(1.0, 1.0, 90.0)],
            (BOTO3, HTTP): [Sample(0.3, 0.1, 50.0)],
            (FLOOR, HTTP): [Sample(0.04, 0.04, 15.0)],
        },
        bare_mb=10.0,
    )

    assert answers.answer_ratio(DIRECT, BOTO3, HTTP) == pytest.approx(0.25)
    assert answers.answer_ratio(DIRECT, FLOOR, HTTP) == pytest.approx(1.25)
    assert answers.peak_ratio(DIRECT, BOTO3, HTTP) == pytest.approx(0.4)
    assert answers.growth_ratio(DIRECT, BOTO3, HTTP) == pytest.approx(0.25)


def test_an_aim_says_whether_it_is_reached_and_by_how_much_it_is_not() -> None:
    assert Aim("import", 0.0151, 0.015, " ms", 1e3).row == (
        "import",
        "at most 15 ms",
        "15.10 ms",
        "not reached: 1% too much",
    )
    assert Aim("ratio", 0.5, 0.5).row == ("ratio", "at most 0.5", "0.50", "reached")


def test_an_aim_shows_what_single_rounds_say() -> None:
    slow, fast = Sample(0.1, 0.1, 20.0), Sample(0.05, 0.05, 20.0)
    answers = FirstAnswers(
        {(DIRECT, HTTP): [slow, slow, fast], (FLOOR, HTTP): [slow, fast, fast]}, bare_mb=10.0
    )

    rounds = answers.round_ratios(DIRECT, FLOOR, HTTP)

    assert rounds == Spread(1.0, 1.0, 1.5)
    assert Aim("ratio", 2.0, 1.2, rounds=rounds).row[2] == "2.00 (1.00 to 1.50)"


def test_cached_reads_are_held_against_those_of_before_where_there_are_some() -> None:
    now, before = {ONE: 0.4, FIVE: 0.66}, {ONE: 0.5, FIVE: 0.6}

    one, five = cached_aims({NOW: now, BEFORE: before})

    assert (one.is_reached, five.is_reached) == (True, False)
    assert cached_aims({NOW: now}) == []


def test_a_revision_that_the_clone_does_not_have_is_not_unpacked(tmp_path: Path) -> None:
    assert unpack_revision("no-such-revision", tmp_path) is None


def test_only_what_is_between_the_marks_is_written() -> None:
    document = f"# Title\n\n{BEGIN}\nold\n\n{END}\n\nrest\n"

    assert written(document, "new\n") == f"# Title\n\n{BEGIN}\nnew\n\n{END}\n\nrest\n"


@pytest.mark.parametrize("document", ["", BEGIN, END, f"{END}\n{BEGIN}"])
def test_a_document_without_its_marks_is_left_alone(document: str) -> None:
    with pytest.raises(ValueError, match="has not the marks"):
        written(document, "new")


def test_imports_are_read_and_divided_by_who_needs_them() -> None:
    imports = read_imports(IMPORTS)
    shared, own, others = grouped(imports, {"json": 0.3}).values()

    assert imports == {"json": 0.3, "cloudmap_discovery": 1.5, "shutil": 2.5}
    assert (shared, own, others) == ({"json": 0.3}, {"cloudmap_discovery": 1.5}, {"shutil": 2.5})
    assert dearest(imports)[0] == ("shutil", 2.5)


def test_a_peer_that_answers_right_is_measured(machine: Machine, aws: StandIn) -> None:
    aws.seed_instance("services", "users", "1", {"endpoint": ENDPOINT, "stage": "Production"})

    sample = machine.first_answer("floor", aws.environment(), NoThrottle())

    assert sample.import_seconds > 0
    assert sample.ask_seconds > 0
    assert sample.peak_mb > 1
    assert aws.calls() == {"servicediscovery:DiscoverInstances": 1}


def test_a_peer_that_answers_wrong_is_an_error(machine: Machine, aws: StandIn) -> None:
    aws.seed_instance("services", "users", "1", {"endpoint": "https://other", "stage": "Production"})

    with pytest.raises(MeasurementError, match="https://other"):
        machine.first_answer("floor", aws.environment(), NoThrottle())


def test_a_peer_that_fails_is_an_error_with_its_traceback(machine: Machine) -> None:
    with pytest.raises(MeasurementError, match="ModuleNotFoundError"):
        machine.first_answer("no_such_peer", {}, NoThrottle(), init_is_whole=True)
    with pytest.raises(MeasurementError, match="ZeroDivisionError"):
        machine.run("1 / 0", {})


def test_who_trusts_the_bundle_gets_through_to_the_stand_in(aws: StandIn, tmp_path: Path) -> None:
    with (
        tls_in_front_of(aws.url, tmp_path) as variables,
        connected(variables, variables["AWS_CA_BUNDLE"]) as connection,
    ):
        connection.request("POST", "/_standin/describe", b"{}")
        status = connection.getresponse().status

    assert status == 200


def test_who_does_not_trust_the_bundle_is_not_served(aws: StandIn, tmp_path: Path) -> None:
    with (
        tls_in_front_of(aws.url, tmp_path) as variables,
        connected(variables, None) as connection,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        connection.request("GET", "/")
