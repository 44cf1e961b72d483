"""What the document on lookups says of failing AWS is what happens, against the stand-in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest

from cloudmap_discovery import errors, wiring
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.testing import FakeClock
from tests.project.markdown import ROOT, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cloudmap_discovery.assembly import Core
    from tests.standin.stand_in import StandIn

DISCOVER: Final = "servicediscovery:DiscoverInstances"
STAGE: Final = "Production"
ROWS: Final = {row[0]: row[1:] for row in table(ROOT / "docs/lookup.md", "AWS", "attempts")}
UNREACHABLE: Final = "does not answer, refuses or cuts connections, cannot be resolved"
NOT_AWS: Final = "answers 502, 503, 504, or something that is not of AWS"

FAULTS: Final[dict[str, tuple[str, Callable[[StandIn], Any]]]] = {
    "throttled": ("throttles", lambda aws: aws.faults.error("RequestLimitExceeded", DISCOVER)),
    "silent": (UNREACHABLE, lambda aws: aws.faults.hang(DISCOVER)),
    "cut": (UNREACHABLE, lambda aws: aws.faults.reset(DISCOVER)),
    "unavailable": (NOT_AWS, lambda aws: aws.down("servicediscovery", how="unavailable")),
    "garbage": (NOT_AWS, lambda aws: aws.faults.garbage(DISCOVER)),
    "broken": (
        "answers any other error of its own (500)",
        lambda aws: aws.faults.error("InternalFailure", DISCOVER, status=500),
    ),
    "denied": ("denies", lambda aws: aws.faults.access_denied(DISCOVER)),
    "malformed": ("has records of which none can be used", lambda _: None),
}


@pytest.fixture
def core(aws: StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Core]:
    """Yield a core whose clock stands still, so that no back-off ends while the machine is busy."""
    environment = aws.environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)  # the SDK reads the environment itself
    settings = wiring.read_settings(environment)
    core = wiring.build(settings, environment, io=IOThread(), clock=FakeClock(), events=EventHub())
    yield core
    core.io.run(core.transport.aclose)


async def cause_of_failure(core: Core, service: str) -> errors.StoreError:
    with pytest.raises(errors.DiscoveryUnavailableError) as raised:
        await core.discovery.discover(service, stage=STAGE)
    return raised.value.causes[0]


def test_every_row_of_the_table_is_tried() -> None:
    assert {row for row, _ in FAULTS.values()} == ROWS.keys()


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_failing_cloud_map_is_met_as_the_table_says(aws: StandIn, core: Core, fault: str) -> None:
    row, set_fault = FAULTS[fault]
    attempts, cause, afterwards = ROWS[row]
    attributes = {"stage": STAGE, **({} if fault == "malformed" else {"endpoint": "https://users.test"})}
    for service in ("users", "orders"):
        aws.seed_instance("services", service, "1", attributes)
    set_fault(aws)

    error = await cause_of_failure(core, "users")
    first_calls = aws.calls()[DISCOVER]
    aws.reset_calls()
    await cause_of_failure(core, "users")
    calls_for_the_same_key = aws.calls()
    await cause_of_failure(core, "orders")
    calls_for_another_key = aws.calls().get(DISCOVER, 0)

    (kind,) = re.findall(r"`(\w+Error)`", cause)
    assert isinstance(error, getattr(errors, kind))
    assert 1 <= first_calls <= int(attempts.removeprefix("up to "))
    assert calls_for_the_same_key == {}
    assert (calls_for_another_key == 0) == ("store" in afterwards)
