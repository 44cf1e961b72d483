"""The API of the serverless-discovery family: its clients work against it as they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NoReturn

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cloudmap_discovery.allow_list import not_listed
from cloudmap_discovery.encoding import decode_attributes, encode_time
from cloudmap_discovery.endpoints import is_allowed
from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.limits import RESERVED_ATTRIBUTES, check_endpoint, check_instance_id, check_service
from cloudmap_discovery.model import NO_STAGE, Attributes, Instance, record_id
from cloudmap_discovery.registration import MANUAL_OWNER, Identity, identity
from cloudmap_discovery.server.bodies import json_object
from cloudmap_discovery.server.documents import document
from cloudmap_discovery.server.problems import ProblemError, problem
from cloudmap_discovery.server.queries import single
from cloudmap_discovery.server.resources import Resource
from cloudmap_discovery.settings import CLOUD_MAP
from cloudmap_discovery.values import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from cloudmap_discovery.server.site import Site

PARAMETERS: Final = ("ServiceName", "StageName", "Version", "ExternalID")
# What the library calls them.
_NAMES: Final = {
    "service": "ServiceName",
    "stage": "StageName",
    "endpoint": "ServiceURL",
    "version": "Version",
    "tenant": "ExternalID",
}
# Weights decide anew each time: whoever keeps an answer asks whether it is still the one.
_CACHE_CONTROL: Final = "private, no-cache"
# What one request may take of it, all calls together: API Gateway waits for 29 or 30 s.
_REGISTRY_SECONDS: Final = 25.0
_OWN_ID: Final = r"(?P<stage>[A-Za-z0-9_.-]{1,40})-[0-9a-f]{20}"
_FOREIGN_ID: Final = "follows from the other fields: leave it out"


def routes(site: Site) -> list[BaseRoute]:
    """Return the routes of the catalog."""
    catalog = _Catalog(site)
    origins = site.settings.cors_origins
    return [
        Route("/catalog/service", Resource({"GET": catalog.lookup, "POST": catalog.create}, origins=origins)),
        Route(
            "/catalog/service/{id:path}",
            Resource({"GET": catalog.get, "DELETE": catalog.delete}, origins=origins),
        ),
    ]


class _Catalog:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._has_cloud_map = CLOUD_MAP in site.settings.sources

    async def lookup(self, request: Request) -> Response:
        """Answer with the one record that a lookup chooses, in a list, as the clients expect it."""
        given = single(request, PARAMETERS, strict=False)
        try:
            found = await self._site.core.discovery.discover(
                given.get("ServiceName") or _missing("ServiceName"),
                stage=given.get("StageName"),
                version=given.get("Version"),
                tenant=given.get("ExternalID"),
            )
        except InvalidValueError as error:
            raise _in_their_words(error) from error
        return document(request, [shown(found)], cache_control=_CACHE_CONTROL)

    async def get(self, request: Request) -> Response:
        """Answer with the record of this id, as it is in the registry now."""
        service_id = request.path_params["id"]
        found = await self._record(service_id)
        if found is None or not is_allowed(found.endpoint, self._site.settings.allowed_endpoints):
            return problem(
                404, "no-such-record", "There is no such record", f"no record has the id {service_id!r:.300}"
            )
        return document(request, shown(found), cache_control=_CACHE_CONTROL)

    async def create(self, request: Request) -> Response:
        """Register a record, or give it another address: the identity is the rest of what it says."""
        self._check_may_write(request)
        given = _fields(await json_object(request))
        ends = self._ends()
        try:
            who, endpoint = self._wanted(given)
        except InvalidValueError as error:
            raise _in_their_words(error) from error
        self._check_is_permitted(who.service, who.stage)
        present = await self._attributes(who.service, _record_id(who), ends)
        if present is not None:  # it may say another stage than its id
            self._check_is_permitted(who.service, present.get("stage") or NO_STAGE)
        wanted, core = _changed(who, endpoint, present), self._site.core
        try:
            written = await core.io.submit(
                lambda: core.registry.write(wanted, timeout_seconds=self._left(ends))
            )
        finally:
            self._site.overview.forget()
        status = 201 if present is None else 200
        return JSONResponse(shown(written), status, {"cache-control": "no-store"})

    async def delete(self, request: Request) -> Response:
        """Remove the record of this id; that there is none is as good."""
        self._check_may_write(request)
        place = _place(request.path_params["id"])
        if place is not None:
            core, ends = self._site.core, self._ends()
            # Of a record that is not there, its id says what it was.
            own = re.fullmatch(_OWN_ID, place[1])
            present = await self._attributes(*place, ends)
            stage = present.get("stage") if present is not None else own and own["stage"]
            stage = stage or NO_STAGE
            self._check_is_permitted(place[0], stage)
            meant = Instance(place[0], "-", stage, id=place[1])
            try:
                await core.io.submit(
                    lambda: core.registry.deregister(meant, timeout_seconds=self._left(ends))
                )
            finally:
                self._site.overview.forget()
        return Response(status_code=204, headers={"cache-control": "no-store"})

    def _check_may_write(self, request: Request) -> None:
        settings, refused = self._site.settings, None
        if not settings.allow_writes:
            refused = "writes-off", "it does not write unless DISCOVERY_ALLOW_WRITES is set"
        elif not self._has_cloud_map:
            refused = (
                "read-only",
                f"it reads {', '.join(settings.sources)}, and records are written to Cloud Map",
            )
        elif not self._site.trusts(request):
            refused = "not-authorized", "nothing in front of this server has authorized the caller"
        if refused is not None:
            name, why = refused
            raise ProblemError(problem(403, name, "This server does not write that", why))

    def _check_is_permitted(self, service: str, stage: str) -> None:
        settings = self._site.settings
        wrong = not_listed(
            service, stage, services=settings.registrar_services, stages=settings.registrar_stages
        )
        if wrong is not None:
            field, allowed = _NAMES[wrong.what], ", ".join(wrong.patterns)
            why = f"{field} is {wrong.name!r}; it may be {allowed}, says {wrong.variable}"
            raise ProblemError(
                problem(403, "not-permitted", "This server does not write that", why, field=field)
            )

    def _wanted(self, given: Mapping[str, str]) -> tuple[Identity, str]:
        settings = self._site.settings
        who = identity(
            given.get("ServiceName") or _missing("ServiceName"),
            given.get("StageName"),
            given.get("Version"),
            given.get("ExternalID"),
            None,
            default_stage=settings.stage or NO_STAGE,
        )
        endpoint = check_endpoint(given.get("ServiceURL") or _missing("ServiceURL"))
        if not is_allowed(endpoint, settings.allowed_endpoints):
            raise InvalidValueError("endpoint", endpoint, "DISCOVERY_ALLOWED_ENDPOINTS does not have it")
        given_id = given.get("ServiceID")
        if given_id is not None and given_id != _service_id(who.service, _record_id(who)):
            raise InvalidValueError("ServiceID", given_id, _FOREIGN_ID)
        return who, endpoint

    def _ends(self) -> float:
        return self._site.clock.monotonic() + _REGISTRY_SECONDS

    def _left(self, ends: float) -> float:
        return max(ends - self._site.clock.monotonic(), 0.01)

    async def _attributes(self, service: str, instance_id: str, ends: float) -> Mapping[str, str] | None:
        core = self._site.core
        entry = await core.io.submit(
            lambda: core.registry.entry(service, instance_id, timeout_seconds=self._left(ends))
        )
        return None if entry is None else entry.attributes

    async def _record(self, service_id: str) -> Instance | None:
        place = _place(service_id)
        if place is None:
            return None
        service, instance_id = place
        if self._has_cloud_map:
            core = self._site.core
            return await core.io.submit(
                lambda: core.registry.record(service, instance_id, timeout_seconds=_REGISTRY_SECONDS)
            )
        listed = await self._site.overview.listed()
        return next((one for one in listed.records.get(service, ()) if one.id == instance_id), None)


def shown(record: Instance) -> dict[str, str]:
    """Return the record as the clients know it; what it does not have is left out."""
    fields = {
        "ServiceID": _service_id(record.service, record.id),
        "ServiceName": record.service,
        "StageName": record.stage,
        "ServiceURL": record.endpoint,
        "Version": record.version,
        "ExternalID": record.tenant,
        "CreatedAt": None if record.registered_at is None else encode_time(record.registered_at),
    }
    return {name: text for name, text in fields.items() if text is not None}


def _changed(who: Identity, endpoint: str, present: Mapping[str, str] | None) -> Instance:
    """Return the record to write: of one that is there, only the address changes, be the old one usable or not."""
    wanted = Instance(who.service, endpoint, who.stage, who.version, who.tenant, owner=MANUAL_OWNER)
    if present is None:
        return wanted
    kept = decode_attributes(who.service, _record_id(who), {**present, "endpoint": endpoint})
    if not isinstance(kept, Instance):
        return wanted
    return replace(
        wanted,
        weight=kept.weight,
        attributes=Attributes(_writable(kept.attributes)),
        owner_ref=kept.owner_ref,
    )


def _writable(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes that a user may write: records of others may have more."""
    return {
        key: text
        for key, text in attributes.items()
        if key not in RESERVED_ATTRIBUTES and not key.upper().startswith("AWS_")
    }


def _fields(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields that are given; null and empty ones are not."""
    given: dict[str, str] = {}
    for name in (*_NAMES.values(), "ServiceID"):
        text = body.get(name)
        if text is None or text == "":
            continue
        if not isinstance(text, str):
            raise InvalidValueError(name, text, "must be text")
        given[name] = text
    return given


def _place(service_id: str) -> tuple[str, str] | None:
    """Return the service and the id within it, or None for what can be nobody's id."""
    service, _, instance_id = service_id.partition(":")
    try:
        return check_service(service), check_instance_id(instance_id)
    except InvalidValueError:
        return None


def _service_id(service: str, instance_id: str) -> str:
    return f"{service}:{instance_id}"


def _record_id(who: Identity) -> str:
    return record_id(who.service, who.stage, who.version, who.tenant, who.variant)


def _missing(name: str) -> NoReturn:
    raise InvalidValueError(name, None, "must be given")


def _in_their_words(error: InvalidValueError) -> InvalidValueError:
    return InvalidValueError(_NAMES.get(error.field, error.field), error.value, error.limit)
