"""The functions of the package for code that is not async: the same names, blocking.

They may be called from any thread but that of `on_event` callbacks, and also where an event loop runs, which they
then hold up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudmap_discovery.api import process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudmap_discovery.calls.messages import Reply
    from cloudmap_discovery.model import Answer, Explanation, Instance


def discover(
    service: str,
    *,
    stage: str | None = None,
    where: Mapping[str, str] | None = None,
    version: str | None = None,
    tenant: str | None = None,
    sticky: str | None = None,
) -> Instance:
    """Block until `cloudmap_discovery.discover` has an instance."""
    held = process.held(service, stage, where, version, tenant, sticky)
    return held or process.io.run(
        lambda: process.discover(
            service, stage=stage, where=where, version=version, tenant=tenant, sticky=sticky
        )
    )


def discover_all(
    service: str,
    *,
    stage: str | None = None,
    where: Mapping[str, str] | None = None,
    version: str | None = None,
    tenant: str | None = None,
) -> Answer:
    """Block until `cloudmap_discovery.discover_all` has an answer."""
    held = process.held_all(service, stage, where, version, tenant)
    return held or process.io.run(
        lambda: process.discover_all(service, stage=stage, where=where, version=version, tenant=tenant)
    )


def discover_many(names: Sequence[str], *, stage: str | None = None) -> dict[str, Instance]:
    """Block until `cloudmap_discovery.discover_many` has all instances."""
    return process.io.run(lambda: process.discover_many(names, stage=stage))


def prefetch(*names: str, stage: str | None = None) -> None:
    """Block until `cloudmap_discovery.prefetch` is done: for module level, while the function starts."""
    process.io.run(lambda: process.prefetch(*names, stage=stage))


def explain(
    service: str,
    *,
    stage: str | None = None,
    where: Mapping[str, str] | None = None,
    version: str | None = None,
    tenant: str | None = None,
    sticky: str | None = None,
) -> Explanation:
    """Block until `cloudmap_discovery.explain` has asked every store."""
    return process.io.run(
        lambda: process.explain(
            service, stage=stage, where=where, version=version, tenant=tenant, sticky=sticky
        )
    )


def report_failure(instance: Instance) -> None:
    """Block until `cloudmap_discovery.report_failure` has noted the failure."""
    process.io.run(lambda: process.report_failure(instance))


def invoke(
    service: str,
    payload: Any = None,
    *,
    method: str | None = None,
    path: str | None = None,
    query: Mapping[str, str | Sequence[str]] | str | None = None,
    headers: Mapping[str, str] | None = None,
    stage: str | None = None,
    where: Mapping[str, str] | None = None,
    version: str | None = None,
    tenant: str | None = None,
    sticky: str | None = None,
    timeout_seconds: float = 30,
) -> Reply:
    """Block until `cloudmap_discovery.invoke` has the answer."""
    return process.io.run(
        lambda: process.invoke(
            service,
            payload,
            method=method,
            path=path,
            query=query,
            headers=headers,
            stage=stage,
            where=where,
            version=version,
            tenant=tenant,
            sticky=sticky,
            timeout_seconds=timeout_seconds,
        )
    )


def services(*, stage: str | None = None) -> list[str]:
    """Block until `cloudmap_discovery.services` has listed the services."""
    return process.io.run(lambda: process.services(stage=stage))


def register(
    service: str,
    endpoint: str,
    *,
    stage: str | None = None,
    version: str | None = None,
    tenant: str | None = None,
    variant: str | None = None,
    weight: int = 100,
    attributes: Mapping[str, str] | None = None,
    owner: str | None = None,
    owner_ref: str | None = None,
    adopt: bool = False,
    wait: bool = True,
    timeout_seconds: float = 60,
) -> Instance:
    """Block until `cloudmap_discovery.register` has written the record."""
    return process.io.run(
        lambda: process.register(
            service,
            endpoint,
            stage=stage,
            version=version,
            tenant=tenant,
            variant=variant,
            weight=weight,
            attributes=attributes,
            owner=owner,
            owner_ref=owner_ref,
            adopt=adopt,
            wait=wait,
            timeout_seconds=timeout_seconds,
        )
    )


def deregister(
    service_or_instance: str | Instance,
    *,
    stage: str | None = None,
    version: str | None = None,
    tenant: str | None = None,
    variant: str | None = None,
    owner: str | None = None,
    owner_ref: str | None = None,
    wait: bool = True,
    timeout_seconds: float = 60,
) -> bool:
    """Block until `cloudmap_discovery.deregister` has removed the record."""
    return process.io.run(
        lambda: process.deregister(
            service_or_instance,
            stage=stage,
            version=version,
            tenant=tenant,
            variant=variant,
            owner=owner,
            owner_ref=owner_ref,
            wait=wait,
            timeout_seconds=timeout_seconds,
        )
    )
