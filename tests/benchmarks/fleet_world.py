"""A world in virtual time: an event loop whose clock jumps, and an AWS with quotas, delays, an outage and a registry."""

from __future__ import annotations

import asyncio
import selectors
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.clock import Instant
from cloudmap_discovery.errors import RemoteError, StoreTimeoutError, ThrottledError
from cloudmap_discovery.model import Instance
from cloudmap_discovery.snapshot_writing import empty_snapshot, rewritten, snapshot_text

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Mapping

NAMESPACE: Final = "services"
STAGE: Final = "Production"
WALL_AT_START: Final = 1_800_000_000.0

CLOUD_MAP: Final = "Cloud Map"
PARAMETERS: Final = "Parameter Store"
S3: Final = "S3"


@dataclass(frozen=True, slots=True)
class Api:
    """One of AWS's: what it allows in a second and in a burst, its usual delay, what a million calls cost in dollars."""

    per_second: float
    burst: float
    delay_seconds: float
    price: float


APIS: Final[Mapping[str, Api]] = {
    CLOUD_MAP: Api(per_second=1_000, burst=2_000, delay_seconds=0.012, price=1.0),
    PARAMETERS: Api(per_second=40, burst=40, delay_seconds=0.012, price=0.0),
    S3: Api(per_second=5_500, burst=5_500, delay_seconds=0.025, price=0.4),
}
"""Quotas by account and region: the last, by prefix."""

_NAMES: Final = {"servicediscovery": CLOUD_MAP, "ssm": PARAMETERS, "s3": S3}
# A mirror is written so long after Cloud Map.
_MIRROR_SECONDS: Final = 1.0
_FIRST: Final = (float("-inf"), 0)


class _NoWaiting(selectors.SelectSelector):
    """Lets the time that a loop would wait pass at once: nothing comes from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everything waits for something that never happens")
        self.passed += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in which waiting takes no time."""

    def __init__(self) -> None:
        self._clock_of_time = _NoWaiting()
        super().__init__(self._clock_of_time)

    def time(self) -> float:
        return self._clock_of_time.passed

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]  # for any function
        """Call the function at once."""
        del executor
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 -- it is the caller's
            future.set_exception(error)
        return future

    def _write_to_self(self) -> None:
        """Wake nobody: there is one thread."""


@contextmanager
def virtual_time() -> Iterator[VirtualLoop]:
    """Give a loop, which is closed at the end with all that is under way."""
    loop = VirtualLoop()
    try:
        yield loop
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


class WorldClock:
    """Both clocks of every sandbox."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.monotonic: Callable[[], float] = loop.time
        self.wall: Callable[[], float] = lambda: WALL_AT_START + loop.time()

    def now(self) -> Instant:
        time = self.monotonic()
        return Instant(WALL_AT_START + time, time)


@dataclass
class TokenBucket:
    """Fills by `per_second` up to `burst`; whoever finds nothing in it is refused."""

    per_second: float
    burst: float
    tokens: float = field(init=False)
    filled_at: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def take(self, now: float, tokens: float = 1.0) -> bool:
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.per_second)
        self.filled_at = now
        if self.tokens < tokens:
            return False
        self.tokens -= tokens
        return True


class Registry:
    """Services with one record each; a deployment gives one of them another address."""

    def __init__(self, services: int) -> None:
        self.names = [f"service-{number}" for number in range(services)]
        self._deployed: dict[str, tuple[float, int]] = {}
        self._bodies: dict[int, bytes] = {}

    def deploy(self, name: str, now: float) -> None:
        _, version = self._deployed.get(name, _FIRST)
        self._deployed[name] = (now, version + 1)

    def endpoint(self, name: str, now: float, behind_seconds: float = 0.0) -> str:
        at, version = self._deployed.get(name, _FIRST)
        known = version if now - behind_seconds >= at else version - 1
        return f"https://{known}.{name}.example.com"

    def snapshot(self, now: float) -> tuple[bytes, str]:
        """Return the object in S3 and its tag."""
        version = sum(version for at, version in self._deployed.values() if now - _MIRROR_SECONDS >= at)
        if version not in self._bodies:
            places = {
                (name, STAGE): [Instance(name, self.endpoint(name, now, _MIRROR_SECONDS), STAGE)]
                for name in self.names
            }
            wall = WALL_AT_START + now
            empty = empty_snapshot("", NAMESPACE, wall)
            self._bodies[version] = snapshot_text(rewritten(empty, places, wall=wall, checked=True)).encode()
        return self._bodies[version], f'"{version}"'


class World:
    """AWS, as a transport. Each call stands for `weight` calls of sandboxes that are not simulated."""

    def __init__(
        self, loop: VirtualLoop, registry: Registry, *, weight: float, random: random.Random
    ) -> None:
        self._loop = loop
        self._registry = registry
        self._random = random
        # Each call takes a token of a quota that is divided as the fleet is. A burst that is less than one call of a
        # simulated sandbox still has to let one through, or nobody ever gets an answer.
        self._buckets = {
            name: TokenBucket(api.per_second / weight, max(api.burst / weight, 1.0))
            for name, api in APIS.items()
        }
        self.is_cloud_map_out = False
        self.calls: dict[str, Counter[int]] = {name: Counter() for name in APIS}
        self.refused: dict[str, Counter[int]] = {name: Counter() for name in APIS}

    async def call(
        self, service: str, operation: str, params: Mapping[str, Any], *, timeout_seconds: float
    ) -> Mapping[str, Any]:
        name, now = _NAMES[service], self._loop.time()
        self.calls[name][int(now)] += 1
        if name == CLOUD_MAP and self.is_cloud_map_out:
            await asyncio.sleep(timeout_seconds)
            raise StoreTimeoutError("no answer", service=service, operation=operation)
        is_allowed = self._buckets[name].take(now)
        await asyncio.sleep(APIS[name].delay_seconds * self._random.lognormvariate(0, 0.5))
        if not is_allowed:
            self.refused[name][int(now)] += 1
            raise ThrottledError(
                "slow down", code="ThrottlingException", service=service, operation=operation
            )
        return self._answer(name, params)

    def _answer(self, name: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        now = self._loop.time()
        if name == S3:
            body, tag = self._registry.snapshot(now)
            if params.get("IfNoneMatch") == tag:
                raise RemoteError("not modified", code="304", status=304)
            return {"Body": body, "ETag": tag}
        if name == PARAMETERS:
            (parameter,) = params["Names"]
            endpoint = self._registry.endpoint(parameter.rpartition("/")[2], now, _MIRROR_SECONDS)
            value = f'{{"format":1,"mirrored":true,"instances":[{{"endpoint":"{endpoint}"}}]}}'
            return {"Parameters": [{"Name": parameter, "Type": "String", "Value": value}]}
        endpoint = self._registry.endpoint(params["ServiceName"], now)
        return {"Instances": [{"InstanceId": "1", "Attributes": {"endpoint": endpoint, "stage": STAGE}}]}

    async def aclose(self) -> None:
        """Nothing is open."""

    def forget(self) -> None:
        """Nothing is open."""
