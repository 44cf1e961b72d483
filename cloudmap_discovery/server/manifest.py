"""`GET /manifest/{stage}`: the public services of a stage, as the block that `Amplify.configure` takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from cloudmap_discovery.errors import DiscoveryError, InvalidValueError, StoreError
from cloudmap_discovery.limits import check_ladder, check_service
from cloudmap_discovery.server.cors import ANY, Cors
from cloudmap_discovery.server.documents import document
from cloudmap_discovery.server.manifest_entries import entries
from cloudmap_discovery.server.manifest_schema import SCHEMA
from cloudmap_discovery.server.problems import RETRY_AFTER_SECONDS, problem_of, unavailable

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from cloudmap_discovery.server.overview import Listed
    from cloudmap_discovery.server.site import Site

_METHODS: Final = ("GET", "HEAD")
_SERVICES: Final = "services"
_SCHEMA_SECONDS: Final = 3600


def routes(site: Site) -> list[BaseRoute]:
    """Return the routes of the manifest. A stage named `schema.json` is asked for as part of a ladder."""
    manifest = _Manifest(site)
    methods = [*_METHODS, "OPTIONS"]
    return [
        Route("/manifest/schema.json", manifest.schema, methods=methods),
        Route("/manifest/{stage}", manifest.of_stage, methods=methods),
    ]


class _Manifest:
    """Answers for one site; pages of every origin may read it unless the setting names some."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._cors = Cors(site.settings.cors_origins or (ANY,), _METHODS)

    async def of_stage(self, request: Request) -> Response:
        """Answer with the public services of a stage, or of the first of several that has each."""
        if request.method == "OPTIONS":
            return self._cors.preflight(request)
        try:
            return await self._document(request)
        except StoreError:  # logged where it was met: what it says of the account is not for everybody
            answer = unavailable(
                f"nothing is known of what is registered; ask again in {RETRY_AFTER_SECONDS} s"
            )
        except DiscoveryError as error:
            answer = problem_of(error)
        answer.headers.update(self._cors.headers(request))
        return answer

    async def schema(self, request: Request) -> Response:
        """Answer with the schema of a manifest."""
        if request.method == "OPTIONS":
            return self._cors.preflight(request)
        return document(
            request,
            SCHEMA,
            cache_control=f"public, max-age={_SCHEMA_SECONDS}",
            headers=self._cors.headers(request),
            media_type="application/schema+json",
        )

    async def _document(self, request: Request) -> Response:
        stages = check_ladder(request.path_params["stage"])
        services = _wanted(request.query_params)
        listed = await self._site.overview.listed()
        if listed.missing:  # an empty manifest would take every API from pages that are open
            raise StoreError(listed.missing)
        found = entries(
            listed.records,
            stages=stages,
            overrides=self._site.settings.overrides,
            region=self._site.region,
            services=services,
            unusable=listed.unusable,
        )
        return document(
            request,
            {"API": {"REST": found}},
            cache_control=self._cache_control(listed),
            headers={**self._cors.headers(request), **self._cache_status(listed)},
        )

    def _cache_control(self, listed: Listed) -> str:
        settings = self._site.settings
        seconds = min(settings.ttl, RETRY_AFTER_SECONDS) if listed.stale else settings.ttl
        return (
            f"public, max-age={seconds:.0f}, stale-while-revalidate={settings.stale_while_revalidate:.0f}, "
            f"stale-if-error={settings.max_stale:.0f}"
        )

    def _cache_status(self, listed: Listed) -> dict[str, str]:
        """Return what says that the listing is stale, and for how long (RFC 9211)."""
        if not listed.stale:
            return {}
        overdue = max(1, round(listed.age_seconds - self._site.settings.ttl))
        return {"cache-status": f"cloudmap-discovery; hit; ttl=-{overdue}"}


def _wanted(parameters: QueryParams) -> frozenset[str] | None:
    """Return the names that the request chooses, or None for all."""
    for name in parameters:
        if name != _SERVICES:
            raise InvalidValueError(
                "query", name, f"the one parameter is {_SERVICES}, names of services separated by commas"
            )
    given = ",".join(parameters.getlist(_SERVICES)).split(",")
    try:
        return frozenset(check_service(name.strip()) for name in given if name.strip()) or None
    except InvalidValueError as error:
        raise InvalidValueError(_SERVICES, error.value, error.limit) from error
