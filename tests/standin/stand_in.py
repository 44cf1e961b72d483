"""The stand-in for AWS as an object: started, asked, disturbed and stopped from Python."""

import itertools
import os
import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Self

from tests.standin.applications import Applications
from tests.standin.conditions import Conditions, OperationFailure, Settings
from tests.standin.control import Control
from tests.standin.faults import Armed, ErrorAnswer, Fault, Faults, Hang, Reset
from tests.standin.gateway import Gateway
from tests.standin.journal import Journal
from tests.standin.seeds import Seeds
from tests.standin.server import Connection, StandInServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.standin.identify import Request

DEFAULT_REGION = "us-east-1"
DEFAULT_NAMESPACE = "services"
_ACCOUNTS = itertools.count(123_456_789_012)  # one account each: moto's state is global to the process

Outage = Literal["reset", "hang", "unavailable"]
_OUTAGES: dict[str, Fault] = {
    "reset": Reset(),
    "hang": Hang(),
    "unavailable": ErrorAnswer("ServiceUnavailable", "The service is down.", 503),
}


class StandIn:
    """moto's server on 127.0.0.1, corrected, with faults and counters; several may run side by side.

    Each has an AWS account of its own, whatever access key a client uses, and so state of its own; only S3 bucket
    names are common to all stand-ins of a process, as they are common to all accounts in AWS.
    """

    def __init__(self, *, port: int = 0, region: str = DEFAULT_REGION, account_id: str | None = None) -> None:
        if "MOTO_ACCOUNT_ID" in os.environ:
            raise RuntimeError(
                "MOTO_ACCOUNT_ID is set: moto would mix the accounts of all stand-ins; unset it"
            )
        self.region = region
        self.account_id = account_id or str(next(_ACCOUNTS))
        self.faults = Faults()
        self._conditions = Conditions()
        self._journal = Journal()
        self._outages: dict[str, Armed] = {}
        self._lock = threading.Lock()
        self._applications = Applications(self._conditions)
        self._seeds = Seeds(self._applications.cloud_map, self.account_id, region)
        gateway = Gateway(
            application=self._applications,
            control=Control(self).respond,
            account_id=self.account_id,
            conditions=self._conditions,
            faults=self.faults,
            journal=self._journal,
        )
        self._server = StandInServer(port, respond=gateway.respond, wake=self.faults.notify)

    # Life

    def start(self) -> Self:
        self._server.start()
        return self

    def stop(self) -> None:
        """Close the port and every connection, and forget all state."""
        self._server.stop()
        self.faults.clear()
        self._applications.reset(self.account_id)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def reset(self) -> None:
        """Be as new: no state, no faults, default settings, no calls; open connections stay open."""
        with self._lock:
            self._outages.clear()
        self.faults.clear()
        self._conditions.reset()
        self._applications.reset(self.account_id)
        self._journal.reset()

    # How to reach it

    @property
    def url(self) -> str:
        return self._server.url

    def environment(self) -> dict[str, str]:
        """Return the variables that point boto3, aiobotocore, the AWS CLI and other SDKs here, and nowhere else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "AKIASTANDINEXAMPLE00",
            "AWS_SECRET_ACCESS_KEY": "a-secret-that-opens-nothing",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_PAGER": "",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    # What was asked

    def calls(self) -> dict[str, int]:
        """Return the number of requests by operation since the last reset, such as `ssm:GetParameters`."""
        return self._journal.calls()

    def reset_calls(self) -> None:
        self._journal.reset()

    def requests(self, target: str = "*") -> "list[Request]":
        """Return the latest requests for `*`, a service, or `service:Operation`, oldest first."""
        return self._journal.requests(target)

    # How AWS behaves

    @property
    def settings(self) -> Settings:
        return self._conditions.settings

    def configure(self, **changes: Any) -> Settings:
        """Change settings by name (see `Settings`); the others stay as they are."""
        return self._conditions.change(**changes)

    def fail_next_operations(
        self, count: int = 1, *, code: str = "INTERNAL_FAILURE", message: str = "The operation failed."
    ) -> None:
        """Let the next `count` asynchronous Cloud Map operations end with FAIL, without effect."""
        self._conditions.fail_next_operations(OperationFailure(code, message), count)

    def freeze_clock(self) -> None:
        self._conditions.clock.freeze()

    def advance_clock(self, seconds: float) -> None:
        """Let pending operations and propagation get on by so much; faults' latencies are real time all the same."""
        self._conditions.clock.advance(seconds)

    def thaw_clock(self) -> None:
        self._conditions.clock.thaw()

    # What goes wrong

    def down(self, service: str = "*", *, how: Outage = "reset") -> None:
        """Take a service (`servicediscovery`, `ssm` …) or everything down until `up`."""
        if how not in _OUTAGES:
            raise ValueError(f"how={how!r}: there are {sorted(_OUTAGES)}")
        self.up(service)
        with self._lock:
            self._outages[service] = self.faults.add(_OUTAGES[how], service)

    def up(self, service: str = "*") -> None:
        """End what `down` with the same argument began."""
        with self._lock:
            armed = self._outages.pop(service, None)
        if armed is not None:
            armed.clear()

    def drop_connections(self, *, except_for: Connection | None = None) -> int:
        """Reset every connection that is open now, idle or not; returns how many there were."""
        return self._server.drop_connections(except_for=except_for)

    @property
    def open_connections(self) -> int:
        return self._server.open_connections

    # Seeds

    def seed_namespace(self, name: str = DEFAULT_NAMESPACE, *, owner_account: str | None = None) -> str:
        """Make an HTTP namespace, of another account if one is given; returns its id. No call is counted."""
        return self._seeds.namespace(name, owner_account)

    def seed_service(self, namespace: str, service: str, *, owner_account: str | None = None) -> str:
        """Make a service without instances, and its namespace; returns the service's id."""
        return self._seeds.service(namespace, service, owner_account)

    def seed_instance(
        self,
        namespace: str,
        service: str,
        instance_id: str,
        attributes: "Mapping[str, str]",
        *,
        owner_account: str | None = None,
    ) -> None:
        """Register an instance at once, with its service and namespace; one of the same id is replaced."""
        self._seeds.instance(namespace, service, instance_id, attributes, owner_account)

    def seed_parameter(self, name: str, value: str) -> None:
        """Put a String parameter, replacing what is there."""
        self._seeds.parameter(name, value)

    def seed_function(
        self,
        name: str,
        tags: "Mapping[str, str]" = MappingProxyType({}),
        *,
        url_auth_type: str | None = None,
        aliases: "Iterable[str]" = (),
    ) -> str:
        """Make a Lambda function, replacing one of the same name; returns its ARN.

        With `url_auth_type` (NONE or AWS_IAM) it has a URL; its aliases point to $LATEST.
        """
        return self._seeds.function(name, tags, url_auth_type, aliases)

    def unseed_function(self, name: str) -> None:
        """Delete a Lambda function, with its URLs and aliases."""
        self._seeds.no_function(name)

    def seed_bucket(self, name: str) -> None:
        """Make a bucket, if it is not there, and have it keep the versions of its objects."""
        self._seeds.bucket(name)
