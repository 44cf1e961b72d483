"""Looks at functions: what each of them wants in the registry, as AWS has it now."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.encoding import encode_attributes
from cloudmap_discovery.errors import InvalidValueError, StoreError
from cloudmap_discovery.model import Instance
from cloudmap_discovery.registrar.permits import tag_owner
from cloudmap_discovery.registrar.reconcile import Claim, Seen
from cloudmap_discovery.registrar.tags import (
    ALIAS,
    ALIAS_URL,
    ARN,
    FUNCTION_URL,
    NotPermitted,
    Rejected,
    Wish,
    is_tagged,
    read_tags,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.registrar.functions import Functions
    from cloudmap_discovery.registrar.permits import Permits

CONCURRENT: Final = 8
_NO_URL: Final = (
    f"the function has no URL of its own: give it one, or say {ALIAS_URL}NAME if an alias has it "
    "(as SAM's AutoPublishAlias makes it)"
)
_NO_ALIAS_URL: Final = "the function has no alias with a URL of this name"


class Looking:
    """Turns functions into what they claim."""

    def __init__(self, functions: Functions, permits: Permits, *, default_stage: str | None) -> None:
        self._functions = functions
        self._permits = permits
        self._default_stage = default_stage

    async def seen(self, functions: Iterable[str], deadline: Deadline) -> dict[str, Seen]:
        """Return what AWS says of each function now, by ARN; one that cannot be read in time has a `reason`."""
        found: dict[str, Seen] = {}

        async def work(waiting: Iterator[str]) -> None:
            for function in waiting:
                if deadline.seconds_left <= 0:
                    found[function] = Seen(reason="no time was left to read it")
                    continue
                try:
                    found[function] = await self._seen(function)
                except StoreError as error:
                    found[function] = Seen(reason=f"it could not be read: {error}")

        waiting = iter(sorted(functions))
        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENT):
                group.create_task(work(waiting))
        return found

    async def is_unwanted(self, function: str, service: str, instance_id: str) -> bool:
        """Return whether AWS says, now, that the function does not want this record."""
        seen = await self._seen(function)
        if seen.claim is not None:
            return (seen.claim.record.service, seen.claim.record.id) != (service, instance_id)
        return seen.proof is not None or seen.not_permitted is not None

    async def _seen(self, function: str) -> Seen:
        tags = await self._functions.tags(function)
        if tags is None:
            return Seen(proof="gone")
        if not is_tagged(tags):
            return Seen(proof="untagged")
        wish = read_tags(function, tags, self._permits, default_stage=self._default_stage)
        if isinstance(wish, Rejected):
            return Seen(rejected=wish)
        if isinstance(wish, NotPermitted):
            return Seen(not_permitted=wish)
        return await self._claimed(wish)

    async def _claimed(self, wish: Wish) -> Seen:
        endpoint = wish.endpoint
        attributes: dict[str, str] = {}
        if endpoint == ARN:
            endpoint = wish.function
        elif endpoint == FUNCTION_URL or endpoint.startswith(ALIAS_URL):
            _, _, alias = endpoint.partition(":")
            url = await self._functions.url(wish.function, alias or None)
            if url is None:
                return _rejected(wish, _NO_ALIAS_URL if alias else _NO_URL)
            endpoint = url.url
            attributes = {"auth": "iam"} if url.is_signed else {}
        elif endpoint.startswith(ALIAS):
            name = endpoint.removeprefix(ALIAS)
            endpoint = f"{wish.function}:{name}"
            if not await self._functions.exists(endpoint):
                return _rejected(wish, "the function has no such alias")
        who = wish.identity
        wanted = Instance(
            service=who.service,
            endpoint=endpoint,
            stage=who.stage,
            version=who.version,
            tenant=who.tenant,
            variant=who.variant,
            weight=wish.weight,
            attributes=attributes,
            owner=tag_owner(wish.function),
        )
        try:
            encode_attributes(wanted)
        except InvalidValueError as error:
            return Seen(rejected=Rejected(wish.function, (str(error),)))
        return Seen(claim=Claim(wish.function, wanted))


def _rejected(wish: Wish, reason: str) -> Seen:
    return Seen(rejected=Rejected(wish.function, (f"discovery:endpoint is {wish.endpoint!r}: {reason}",)))
