"""The pytest fixtures of the stand-in: `aws`, one per test process and as new for every test, and SDK clients for it.

PYTEST_DONT_REWRITE: nothing is asserted here, and whoever imports this module first need not be pytest.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.standin.conformity import check_conformity
from tests.standin.stand_in import StandIn


@pytest.fixture(scope="session")
def stand_in_of_process() -> Iterator[StandIn]:
    with StandIn() as stand_in:
        yield stand_in


@pytest.fixture
def aws(stand_in_of_process: StandIn) -> Iterator[StandIn]:
    """Yield a running stand-in without state, faults or calls, and with no connection left from the test before."""
    yield stand_in_of_process
    stand_in_of_process.faults.clear()
    stand_in_of_process.drop_connections()
    stand_in_of_process.reset()


@pytest.fixture
def sdk(aws: StandIn) -> Iterator[Callable[..., Any]]:
    """Yield `sdk(service, stand_in=aws, **config)`, which makes boto3 clients that never retry and closes them at the end.

    Clients of Cloud Map, Lambda and the tagging API fail on any answer that the service model does not allow.
    """
    clients: list[Any] = []

    def make(service: str, stand_in: StandIn = aws, **config: Any) -> Any:
        clients.append(sdk_client(service, stand_in, **config))
        if service in {"lambda", "resourcegroupstaggingapi", "servicediscovery"}:
            check_conformity(clients[-1])
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def sdk_client(service: str, stand_in: StandIn, **config: Any) -> Any:
    """Make a boto3 client; whoever makes it closes it."""
    defaults = {
        "retries": {"total_max_attempts": 1},
        "inject_host_prefix": False,
        "read_timeout": 20,
        "proxies": {},
    }
    return _session().client(
        service,
        endpoint_url=stand_in.url,
        region_name=stand_in.region,
        aws_access_key_id="AKIASTANDINEXAMPLE00",
        aws_secret_access_key="a-secret-that-opens-nothing",
        config=Config(**{**defaults, **config}),
    )


def refusal(call: Callable[..., Any], **parameters: Any) -> dict[str, Any]:
    """Call an SDK client's method that has to fail; returns the error as the service sent it."""
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return dict(refused.value.response)


def refusal_code(call: Callable[..., Any], **parameters: Any) -> str:
    """Call an SDK client's method that has to fail; returns the code of the error."""
    return str(refusal(call, **parameters)["Error"]["Code"])


@cache
def _session() -> Any:
    return boto3.Session()
