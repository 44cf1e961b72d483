"""The OpenAPI document of the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from cloudmap_discovery.server.bodies import MAX_BYTES
from cloudmap_discovery.server.documents import document
from cloudmap_discovery.server.problems import MEDIA_TYPE
from cloudmap_discovery.server.resources import Resource
from cloudmap_discovery.server.schemas import (
    LADDER,
    RANGE,
    SCHEMAS,
    SERVICE_NAME,
    TENANT,
    WHERE,
    Schema,
    ref,
    text,
)
from cloudmap_discovery.version import VERSION

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from cloudmap_discovery.server.site import Site

_JSON: Final = "application/json"
_ETAG: Final = {"description": "For If-None-Match.", "required": True, "schema": {"type": "string"}}
_CACHE_CONTROL: Final = {
    "description": "How long it may be kept.",
    "required": True,
    "schema": {"type": "string"},
}
_PROBLEMS: Final = {
    400: "A parameter, a field or the body is wrong; `field` names it.",
    403: "This server does not write, or not for this caller.",
    404: "There is nothing of that name.",
    405: "The path does not have this method.",
    409: "The record belongs to somebody else, such as a stack.",
    413: f"The body has more than {MAX_BYTES} bytes.",
    415: "The body is not JSON.",
    502: "Cloud Map did not take it, or did not show it in time.",
    503: "The registry does not answer, and nothing is held; Retry-After says when to try again.",
}
_WRITING: Final = "Needs DISCOVERY_ALLOW_WRITES, and a caller whom the front has authorized."


def routes(site: Site) -> list[BaseRoute]:
    """Return the route of the document."""
    content = described()

    async def get(request: Request) -> Response:
        return document(request, content, cache_control="private, no-cache")

    return [Route("/openapi.json", Resource({"GET": get}, origins=site.settings.cors_origins))]


def described() -> dict[str, Any]:
    """Return the document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "cloudmap_discovery: the catalog",
            "version": VERSION,
            "summary": "Where services are, for those that cannot look it up themselves.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/v1/services": _resource(get=_list_services()),
            "/v1/services/{service}": _resource(_SERVICE, get=_find()),
            "/v1/services/{service}/explain": _resource(_SERVICE, get=_explain()),
            "/catalog/service": _resource(get=_legacy_lookup(), post=_legacy_create()),
            "/catalog/service/{id}": _resource(_ID, get=_legacy_get(), delete=_legacy_delete()),
            "/openapi.json": _resource(get=_document()),
        },
        "components": {"schemas": SCHEMAS},
    }


def _parameter(name: str, schema: Schema, *, place: str = "query", **more: Any) -> Schema:
    return {"name": name, "in": place, "required": place == "path", "schema": schema, **more}


_SERVICE: Final = _parameter("service", SERVICE_NAME, place="path")
_ID: Final = _parameter("id", text("The ServiceID of a record.", minLength=1), place="path")
_LOOKUP: Final = [
    _parameter("stage", LADDER),
    _parameter("version", RANGE),
    _parameter("tenant", TENANT),
    _parameter("where", WHERE, style="form", explode=True),
]


def _resource(*parameters: Schema, **operations: Schema) -> Schema:
    """Return the path: OPTIONS and HEAD, which every one has, are HTTP's own."""
    return {**({"parameters": list(parameters)} if parameters else {}), **operations}


def _operation(
    name: str, summary: str, answers: dict[int, Schema], problems: tuple[int, ...], **more: Any
) -> Schema:
    described = {str(status): answer for status, answer in answers.items()}
    described |= {str(status): _problem(status) for status in problems}
    return {"operationId": name, "summary": summary, **more, "responses": described}


def _answer(description: str, schema: Schema, *, is_kept: bool = True) -> Schema:
    headers = (
        {"ETag": _ETAG, "Cache-Control": _CACHE_CONTROL} if is_kept else {"Cache-Control": _CACHE_CONTROL}
    )
    return {"description": description, "headers": headers, "content": {_JSON: {"schema": schema}}}


def _kept(description: str, schema: Schema) -> dict[int, Schema]:
    return {200: _answer(description, schema), 304: {"description": "As it was: see If-None-Match."}}


def _problem(status: int) -> Schema:
    found: Schema = {"description": _PROBLEMS[status], "content": {MEDIA_TYPE: {"schema": ref("Problem")}}}
    if status == 503:  # noqa: PLR2004 -- the status that says when to come again
        found["headers"] = {
            "Retry-After": {"description": "In seconds.", "required": True, "schema": {"type": "integer"}}
        }
    return found


def _list_services() -> Schema:
    return _operation(
        "listServices",
        "The services that have records",
        _kept("They may be none.", ref("Services")),
        (400, 405, 503),
        parameters=[
            _parameter(
                "stage",
                text(
                    "Only those with records there, or in one of several with > between them.",
                    format="stages",
                ),
            )
        ],
    )


def _find() -> Schema:
    return _operation(
        "findService",
        "Every record that a lookup finds",
        _kept("They may be none, where the service is there and nothing of it matches.", ref("Answer")),
        (400, 404, 405, 503),
        parameters=_LOOKUP,
    )


def _explain() -> Schema:
    return _operation(
        "explainService",
        "Why a lookup finds what it finds: every store is asked",
        {200: _answer("Also where nothing is found.", ref("Explanation"), is_kept=False)},
        (400, 405),
        parameters=_LOOKUP,
    )


def _legacy_lookup() -> Schema:
    return _operation(
        "lookupService",
        "The record that a lookup chooses",
        _kept(
            "The one record, in a list.",
            {"type": "array", "items": ref("Record"), "minItems": 1, "maxItems": 1},
        ),
        (400, 404, 405, 503),
        parameters=[
            _parameter("ServiceName", SERVICE_NAME) | {"required": True},
            _parameter("StageName", LADDER),
            _parameter("Version", RANGE),
            _parameter("ExternalID", TENANT),
        ],
    )


def _legacy_create() -> Schema:
    return _operation(
        "createService",
        "Register a record, or give the one of the same name, stage, version and tenant another address",
        {
            200: _answer("It was there, and has the address now.", ref("Record"), is_kept=False),
            201: _answer("It is registered, and lookups see it.", ref("Record"), is_kept=False),
        },
        (400, 403, 405, 409, 413, 415, 502, 503),
        description=_WRITING,
        requestBody={"required": True, "content": {_JSON: {"schema": ref("NewRecord")}}},
    )


def _legacy_get() -> Schema:
    return _operation(
        "getService",
        "The record of this id, as it is in the registry now",
        _kept("The record.", ref("Record")),
        (404, 405, 503),
    )


def _legacy_delete() -> Schema:
    return _operation(
        "deleteService",
        "Remove the record of this id",
        {204: {"description": "It is not there, or not any more."}},
        (403, 405, 409, 502, 503),
        description=_WRITING,
    )


def _document() -> Schema:
    return _operation(
        "describe",
        "This document",
        _kept("OpenAPI 3.1.", {"type": "object", "required": ["openapi"]}),
        (405,),
    )
