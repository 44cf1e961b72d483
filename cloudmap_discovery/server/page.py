"""The page: the registry at a glance, and each service by itself, for people."""

from __future__ import annotations

import asyncio
import difflib
from typing import TYPE_CHECKING, Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.routing import Route

from cloudmap_discovery.errors import InvalidValueError, StoreError
from cloudmap_discovery.limits import LADDER, check_ladder
from cloudmap_discovery.server.page_dependencies import dependencies
from cloudmap_discovery.server.page_glance import Filter, glance, stages_of, with_named
from cloudmap_discovery.server.page_ladder import ladder
from cloudmap_discovery.server.page_paths import HOME, UP, home_of, service_of, without_slash
from cloudmap_discovery.server.page_picture import picture
from cloudmap_discovery.server.page_records import by_stage
from cloudmap_discovery.server.page_rendering import ICON, STYLE, asset, page
from cloudmap_discovery.server.problems import RETRY_AFTER_SECONDS
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from cloudmap_discovery.model import Explanation
    from cloudmap_discovery.server.overview import Listed
    from cloudmap_discovery.server.site import Site

_RETRY: Final = {"retry-after": str(RETRY_AFTER_SECONDS)}


def routes(site: Site) -> list[BaseRoute]:
    """Return the routes of this surface."""
    pages = _Pages(site)
    return [
        Route("/", pages.registry),
        Route(f"/ui/-/{STYLE}", _asset(STYLE)),  # no service has that name
        Route(f"/ui/-/{ICON}", _asset(ICON)),
        Route("/ui/", _folder),
        Route("/ui/{service:path}", pages.service),
    ]


def _asset(name: str) -> Any:
    async def answer(request: Request) -> Response:
        return asset(request, name)

    return answer


async def _folder(request: Request) -> Response:
    """Lead to the service that a form names, or to all of them."""
    return RedirectResponse(service_of(request) or UP)


@value
class _Asked:
    """What a service's page is asked for; what is empty is not given. `home` is the way back to the registry."""

    home: str
    service: str
    stage: str
    version: str
    tenant: str

    @classmethod
    def of(cls, request: Request) -> _Asked:
        given = {name: request.query_params.get(name, "").strip() for name in ("stage", "version", "tenant")}
        return cls(home_of(request), request.path_params["service"], **given)


class _Pages:
    """Answers with pages; each says for itself that the registry fails, as people do not read problem details.

    A page of thousands of cells takes its time: it is made on a thread, while the event loop goes on with others.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    async def registry(self, request: Request) -> Response:
        """Return services by stage."""
        try:
            listed = await self._site.overview.listed()
        except StoreError as error:
            return page("outage.html", {**self._frame(HOME), "why": str(error)}, status=503, headers=_RETRY)
        wanted = Filter(
            stages=tuple(stage for stage in request.query_params.getlist("stage") if stage),
            text=request.query_params.get("q", "").strip(),
        )
        return await run_in_threadpool(self._registry, listed, wanted)

    def _registry(self, listed: Listed, wanted: Filter) -> Response:
        shown = glance(listed.records, self._overrides, wanted, self._site.clock.wall())
        return page("registry.html", {**self._frame(HOME), "glance": shown, "listed": listed})

    async def service(self, request: Request) -> Response:
        """Return one service, and how it is looked up if a stage is given."""
        elsewhere = without_slash(request)
        if elsewhere is not None:
            return RedirectResponse(elsewhere)
        asked = _Asked.of(request)
        (listed, why), (explained, mistake) = await asyncio.gather(self._listed(), self._explained(asked))
        return await run_in_threadpool(self._service, asked, listed, why, explained, mistake)

    def _service(
        self,
        asked: _Asked,
        listed: Listed | None,
        why: str | None,
        explained: Explanation | None,
        mistake: InvalidValueError | None,
    ) -> Response:
        content = {
            **self._frame(asked.home),
            "asked": asked,
            "listed": listed,
            "why": why,
            "mistake": mistake,
            "stages": self._stages(listed, asked.service),
            "ladder": None,
        }
        if explained is not None:
            shown = ladder(explained)
            content |= {"ladder": shown, "picture": picture(shown)}
        if listed is None:
            return page("service_outage.html", content, status=503, headers=_RETRY)
        names = with_named(listed.records, self._overrides)
        if asked.service not in names and not _is_somewhere(explained):
            content["near_misses"] = difflib.get_close_matches(asked.service, names, n=5, cutoff=0.6)
            return page("service_missing.html", content, status=404)
        content |= self._about(asked, listed, is_wrong=mistake is not None)
        return page("service.html", content, status=200 if mistake is None else 400)

    @property
    def _overrides(self) -> dict[str, str]:
        return dict(self._site.settings.overrides)

    def _frame(self, home: str) -> dict[str, Any]:
        return {"home": home, "namespace": self._site.settings.namespace, "region": self._site.region}

    async def _listed(self) -> tuple[Listed | None, str | None]:
        try:
            return await self._site.overview.listed(), None
        except StoreError as error:
            return None, str(error)

    async def _explained(self, asked: _Asked) -> tuple[Explanation | None, InvalidValueError | None]:
        if not asked.stage:
            return None, None
        try:
            explained = await self._site.core.discovery.explain(
                asked.service,
                stage=asked.stage,
                version=asked.version or None,
                tenant=asked.tenant or None,
            )
        except InvalidValueError as error:
            return None, error
        return explained, None

    def _stages(self, listed: Listed | None, service: str) -> list[str]:
        """Return the stages that may be asked for: those of the service first."""
        if listed is None:
            return []
        own = {record.stage for record in listed.records.get(service, ())}
        return sorted(stages_of(listed.records), key=lambda stage: stage not in own)

    def _about(self, asked: _Asked, listed: Listed, *, is_wrong: bool) -> dict[str, Any]:
        """Return what the registry says of the service, in the stages that are asked for."""
        records = listed.records.get(asked.service, ())
        chosen = () if is_wrong or not asked.stage else check_ladder(asked.stage)
        needs, needed_by = dependencies(
            asked.service,
            listed.records,
            chosen,
            version_suffix=self._site.settings.version_suffix,
            overrides=self._overrides,
        )
        there = {record.stage for record in records}
        now = self._site.clock.wall()
        own = by_stage(records, [stage for stage in stages_of(listed.records) if stage in there], now)
        return {
            "own": own,
            "shown": by_stage(records, chosen, now) if chosen else own,
            "chosen": f" {LADDER} ".join(chosen),
            "records": len(records),
            "override": self._overrides.get(asked.service),
            "needs": needs,
            "needed_by": needed_by,
        }


def _is_somewhere(explained: Explanation | None) -> bool:
    """Return whether a lookup knows the service although it is not listed, such as from Parameter Store."""
    if explained is None:
        return False
    rungs = explained.rungs or (explained,)
    return any(report.instances for rung in rungs for report in rung.stores) or explained.found
