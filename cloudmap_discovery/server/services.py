"""The registry as JSON: which services there are, what one lookup finds, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse
from starlette.routing import Route

from cloudmap_discovery import as_json
from cloudmap_discovery.limits import check_ladder
from cloudmap_discovery.selection import ordered
from cloudmap_discovery.server.documents import document
from cloudmap_discovery.server.queries import lookup, single
from cloudmap_discovery.server.resources import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from cloudmap_discovery.model import Instance
    from cloudmap_discovery.server.site import Site


def routes(site: Site) -> list[BaseRoute]:
    """Return the routes under /v1."""
    services = _Services(site)
    origins = site.settings.cors_origins
    return [
        Route("/v1/services", Resource({"GET": services.listed}, origins=origins)),
        Route("/v1/services/{service}", Resource({"GET": services.found}, origins=origins)),
        Route("/v1/services/{service}/explain", Resource({"GET": services.explained}, origins=origins)),
    ]


class _Services:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def listed(self, request: Request) -> Response:
        """Answer with the services that have records: in one stage, in one of a ladder, or in any."""
        stage = single(request, ("stage",)).get("stage")
        stages = None if stage is None else check_ladder(stage)
        listed = await self._site.overview.listed()
        services = [
            _summary(name, [record for record in records if stages is None or record.stage in stages])
            for name, records in sorted(listed.records.items())
        ]
        content = {
            "stage": stage,
            "source": listed.source,
            "age_seconds": listed.age_seconds,
            "stale": listed.stale,
            "missing": listed.missing or None,
            "services": [summary for summary in services if summary["count"]],
        }
        return self._aging(request, content)

    async def found(self, request: Request) -> Response:
        """Answer with every record that a lookup finds: none is an answer, as long as there is the service."""
        asked = lookup(request)
        answer = await self._site.core.discovery.answer(
            request.path_params["service"],
            stage=asked.stage,
            where=asked.where,
            version=asked.version,
            tenant=asked.tenant,
        )
        return self._aging(request, as_json.answer(answer))

    async def explained(self, request: Request) -> Response:
        """Answer with why a lookup finds what it finds, having asked every store."""
        asked = lookup(request)
        explained = await self._site.core.discovery.explain(
            request.path_params["service"],
            stage=asked.stage,
            where=asked.where,
            version=asked.version,
            tenant=asked.tenant,
        )
        return JSONResponse(as_json.explanation(explained), headers={"cache-control": "no-store"})

    def _aging(self, request: Request, content: dict[str, Any]) -> Response:
        """Return content that is good as long as it is fresh here, and the same whatever its age."""
        left = int(self._site.settings.ttl - content["age_seconds"])
        is_good = left > 0 and not content["stale"] and not content.get("missing")
        fresh = f"private, max-age={left}" if is_good else "private, no-cache"
        tagged = {name: text for name, text in content.items() if name != "age_seconds"}
        return document(request, content, cache_control=fresh, tagged=tagged)


def _summary(name: str, records: Iterable[Instance]) -> dict[str, Any]:
    own = ordered(tuple(records))
    return {
        "service": name,
        "stages": sorted({record.stage for record in own}),
        "versions": list(dict.fromkeys(record.version for record in own if record.version is not None)),
        "count": len(own),
    }
