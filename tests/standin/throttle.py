"""Throttling by token bucket, per operation, with AWS's real rates for whoever asks for them."""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Throttle:
    """One bucket: it holds `burst` tokens, refills at `rate_per_second`; its operations share it."""

    operations: tuple[str, ...]
    rate_per_second: float
    burst: int

    def __post_init__(self) -> None:
        if not self.operations:
            raise ValueError("operations=(): name at least one, such as 'servicediscovery:DiscoverInstances'")
        if self.rate_per_second < 0 or self.burst < 0:
            raise ValueError(f"rate_per_second={self.rate_per_second}, burst={self.burst}: give 0 or more")

    @classmethod
    def parse(cls, data: "Mapping[str, Any]") -> "Throttle":
        """Read what the control endpoint was sent."""
        return cls(tuple(data["operations"]), float(data["rate_per_second"]), int(data["burst"]))


# Quotas per account and region. Cloud Map: "The bucket size for the DiscoverInstances API operation is 2,000
# tokens, and the refill rate is 1,000 tokens per second" (Cloud Map Developer Guide, API request throttling quota);
# "DiscoverInstancesRevision operation per account rate: 3,000" (service quotas). ListInstances at about 50 a second
# is what its users report, with no published burst. Parameter Store: "Transactions per second: default
# throughput 40, shared by GetParameter, GetParameters, GetParametersByPath" (AWS General Reference). Lambda: "GetFunction
# API requests: 100 requests per second"; "Remainder of the control plane API requests (excludes invocation, GetFunction,
# and GetPolicy requests): 15 requests per second (across all APIs, not 15 requests per second per API)" (Lambda quotas).
AWS_RATES = (
    Throttle(("servicediscovery:DiscoverInstances",), 1_000, 2_000),
    Throttle(("servicediscovery:DiscoverInstancesRevision",), 3_000, 3_000),
    Throttle(("servicediscovery:ListInstances",), 50, 50),
    Throttle(("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"), 40, 40),
    Throttle(("lambda:GetFunction",), 100, 100),
    Throttle(("lambda:GetAlias", "lambda:GetFunctionUrlConfig", "lambda:ListTags"), 15, 15),
)


class _Bucket:
    def __init__(self, throttle: Throttle, now: float) -> None:
        self.throttle = throttle
        self._tokens = float(throttle.burst)
        self._filled_at = now

    def take(self, now: float) -> bool:
        refilled = self._tokens + max(0.0, now - self._filled_at) * self.throttle.rate_per_second
        self._tokens = min(float(self.throttle.burst), refilled)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Buckets:
    """The buckets in force; an operation that none of them names is never throttled."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def use(self, throttles: "Iterable[Throttle]", now: float) -> None:
        """Replace all buckets by full ones."""
        buckets = {}
        for throttle in throttles:
            bucket = _Bucket(throttle, now)
            buckets.update(dict.fromkeys(throttle.operations, bucket))
        with self._lock:
            self._buckets = buckets

    def admits(self, operation: str, now: float) -> bool:
        with self._lock:
            bucket = self._buckets.get(operation)
            return bucket is None or bucket.take(now)
