"""Credentials that were fetched: how long they are held, and who fetches the next."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.testing import FakeClock
from cloudmap_discovery.transport.credentials import CredentialSource, CredentialsUnavailableError
from cloudmap_discovery.transport.signing import Credentials
from tests.unit.container_server import Answer, ContainerServer, container_server, good

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START = 1_700_000_000.0
HOUR = 3600.0
AHEAD = 200.0  # nothing here takes so long, whatever the machine does besides
FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"


class Bed:
    """A source, the endpoint that it asks, and the clock that both go by."""

    def __init__(self, server: ContainerServer) -> None:
        self.server = server
        self.clock = FakeClock(wall=START)
        self.environment = {FULL: server.url}
        self.source = CredentialSource(
            self.environment, clock=self.clock, ahead_seconds=AHEAD, fetch_seconds=HOUR
        )

    def read(self, *, timeout_seconds: float = 5) -> str:
        return self.source.current(timeout_seconds=timeout_seconds).access_key_id

    def serve(self, *answers: Answer) -> None:
        self.server.answers = list(answers)

    @property
    def fetches(self) -> int:
        return len(self.server.asked)


def until(gate: threading.Event) -> Callable[[], object]:
    return lambda: gate.wait(20)


def eventually(read: Callable[[], object], wanted: object) -> bool:
    deadline = time.monotonic() + 20
    while read() != wanted and time.monotonic() < deadline:
        time.sleep(0.01)
    return read() == wanted


@pytest.fixture
def bed() -> Iterator[Bed]:
    with container_server() as server:
        made = Bed(server)
        made.serve(good(1, START + HOUR), good(2, START + 2 * HOUR))
        yield made


def test_credentials_are_fetched_once_until_a_quarter_of_an_hour_before_they_expire(bed: Bed) -> None:
    assert bed.read() == "AKID1"
    bed.clock.advance(HOUR - 901)

    assert bed.read() == "AKID1"
    assert bed.fetches == 1


def test_credentials_are_fetched_anew_before_they_expire(bed: Bed) -> None:
    bed.read()
    bed.clock.advance(HOUR - 899)

    assert bed.read() == "AKID2"


def test_a_freeze_counts_as_time(bed: Bed) -> None:
    bed.read()
    bed.clock.set(START + 2 * HOUR, bed.clock.monotonic())  # the other clock stood still

    assert bed.read() == "AKID2"


def test_a_wall_clock_that_was_set_back_does_not_keep_them_longer(bed: Bed) -> None:
    bed.read()
    bed.clock.set(START - HOUR, bed.clock.monotonic() + HOUR)

    assert bed.read() == "AKID2"


def test_a_refresh_that_fails_keeps_those_that_are_still_good(bed: Bed) -> None:
    bed.read()
    bed.serve(Answer(500))
    bed.clock.advance(HOUR - 600)

    assert bed.read() == "AKID1"


def test_a_refresh_that_failed_is_tried_again_after_a_minute_and_not_at_every_call(bed: Bed) -> None:
    bed.read()
    bed.serve(Answer(500), Answer(500), Answer(500), good(3, START + 2 * HOUR))
    bed.clock.advance(HOUR - 600)
    bed.read()
    fetches = bed.fetches

    at_once = bed.read()
    fetches_at_once = bed.fetches
    bed.clock.advance(60)

    assert (at_once, fetches_at_once) == ("AKID1", fetches)
    assert bed.read() == "AKID3"


def test_a_refresh_in_good_time_costs_the_caller_a_moment_and_goes_on(bed: Bed) -> None:
    gate = threading.Event()
    bed.source = CredentialSource(bed.environment, clock=bed.clock, ahead_seconds=0.05, fetch_seconds=HOUR)
    bed.read()
    bed.serve(good(2, START + 2 * HOUR, before=until(gate)))
    bed.clock.advance(HOUR - 600)

    meanwhile = bed.read(timeout_seconds=20)
    gate.set()

    assert meanwhile == "AKID1"
    assert eventually(lambda: bed.read(timeout_seconds=20), "AKID2")
    assert bed.fetches == 2


def test_a_fetch_goes_on_where_whoever_asked_gives_up(bed: Bed) -> None:
    gate = threading.Event()
    bed.serve(good(1, START + HOUR, before=until(gate)))

    with pytest.raises(CredentialsUnavailableError, match="still being fetched"):
        bed.read(timeout_seconds=0.05)
    gate.set()

    assert bed.read(timeout_seconds=20) == "AKID1"
    assert bed.fetches == 1


def test_expired_credentials_are_not_used_when_there_are_no_others(bed: Bed) -> None:
    bed.read()
    bed.serve(Answer(500))
    bed.clock.advance(HOUR)

    with pytest.raises(CredentialsUnavailableError, match="HTTP 500"):
        bed.read()


def test_where_the_clock_is_ahead_new_credentials_are_good_for_a_minute(bed: Bed) -> None:
    bed.serve(good(1, START - HOUR), good(2, START - HOUR))
    bed.read()
    bed.clock.advance(59)
    within = bed.read()
    bed.clock.advance(2)

    assert within == "AKID1"
    assert bed.read() == "AKID2"


def test_credentials_that_last_minutes_only_are_fetched_anew_once_a_minute(bed: Bed) -> None:
    bed.serve(good(1, START + 300), good(2, START + 600))
    bed.read()
    bed.clock.advance(59)
    within = bed.read()
    bed.clock.advance(1)

    assert within == "AKID1"
    assert bed.read() == "AKID2"


def test_what_aws_did_not_accept_is_read_anew(bed: Bed) -> None:
    bed.source.reject(bed.source.current(timeout_seconds=5))

    assert bed.read() == "AKID2"


def test_what_aws_did_not_accept_of_before_does_not_spoil_what_came_since(bed: Bed) -> None:
    old = bed.source.current(timeout_seconds=5)
    bed.source.reject(old)
    bed.read()

    bed.source.reject(old)

    assert bed.read() == "AKID2"
    assert bed.fetches == 2


def test_rejected_credentials_are_not_kept_by_a_refresh_that_fails(bed: Bed) -> None:
    first = bed.source.current(timeout_seconds=5)
    bed.serve(Answer(500))
    bed.clock.advance(HOUR - 600)
    bed.source.reject(first)

    with pytest.raises(CredentialsUnavailableError):
        bed.read()


def test_after_a_fork_or_a_restore_they_are_read_anew(bed: Bed) -> None:
    bed.read()

    bed.source.forget()

    assert bed.read() == "AKID2"


def test_after_a_fork_nobody_waits_for_a_fetch_of_before_nor_uses_what_it_brings(bed: Bed) -> None:
    gate = threading.Event()
    bed.serve(good(1, START + HOUR, before=until(gate)), good(2, START + HOUR))
    with ThreadPoolExecutor(1) as pool:
        before = pool.submit(bed.read, timeout_seconds=20)
        assert bed.server.arrived.wait(20)
        bed.source.forget()

        after = bed.read()
        gate.set()

        assert before.result(20) == "AKID1"
    assert after == bed.read() == "AKID2"
    assert bed.fetches == 2


def test_many_threads_make_one_fetch(bed: Bed) -> None:
    gate = threading.Event()
    bed.serve(good(1, START + HOUR, before=until(gate)), good(2, START + HOUR))
    with ThreadPoolExecutor(20) as pool:
        readers = [pool.submit(bed.read, timeout_seconds=20) for _ in range(20)]
        assert bed.server.arrived.wait(20)
        gate.set()

        assert {reader.result(20) for reader in readers} == {"AKID1"}
    assert bed.fetches == 1


def test_who_waits_for_another_s_fetch_waits_no_longer_than_told(bed: Bed) -> None:
    gate = threading.Event()
    bed.serve(good(1, START + HOUR, before=until(gate)))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(bed.read, timeout_seconds=20)
        assert bed.server.arrived.wait(20)

        with pytest.raises(CredentialsUnavailableError, match="still being fetched"):
            bed.read(timeout_seconds=0.05)

        gate.set()
        assert first.result(20) == "AKID1"


def test_while_one_refreshes_in_good_time_the_others_go_on_with_what_there_is(bed: Bed) -> None:
    bed.read()
    bed.server.arrived.clear()
    gate = threading.Event()
    bed.serve(good(2, START + 2 * HOUR, before=until(gate)))
    bed.clock.advance(HOUR - 600)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(bed.read, timeout_seconds=1000)
        assert bed.server.arrived.wait(20)
        bed.clock.advance(61)

        meanwhile = bed.read(timeout_seconds=1000)
        gate.set()

        assert first.result(60) == "AKID2"
    assert meanwhile == "AKID1"


def test_who_waited_for_a_fetch_that_failed_gets_its_reason_and_the_next_call_tries_again(bed: Bed) -> None:
    gate = threading.Event()
    bed.serve(Answer(500, before=until(gate)), Answer(500), Answer(500), good(4, START + HOUR))
    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(bed.read, timeout_seconds=20) for _ in range(8)]
        assert bed.server.arrived.wait(20)
        gate.set()

        outcomes = [reader.exception(20) for reader in readers]

    assert {type(outcome) for outcome in outcomes} == {CredentialsUnavailableError}
    assert len({id(outcome) for outcome in outcomes}) == len(outcomes)
    assert bed.fetches == 3
    assert bed.read() == "AKID4"


def test_variables_that_appear_come_before_what_is_held(bed: Bed) -> None:
    bed.read()
    bed.environment.update(AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="the secret")

    assert bed.source.current(timeout_seconds=5) == Credentials("AKIDEXAMPLE", "the secret")
