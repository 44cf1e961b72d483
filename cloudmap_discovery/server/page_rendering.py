"""Makes pages of templates: everything in them is text, whoever wrote it, and nothing but their own style is loaded."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from cloudmap_discovery.server.page_text import age, source_name, stage_name
from cloudmap_discovery.shown import counted, shown
from cloudmap_discovery.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

_FOLDER: Final = "templates"
STYLE: Final = "style.css"
ICON: Final = "icon.svg"
_MEDIA_TYPES: Final = {STYLE: "text/css", ICON: "image/svg+xml"}
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_SAFETY: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_KEEP: Final = "private, max-age=86400"
"""Pages name the style by its digest, so that a newer one is another address."""


def page(
    template: str,
    content: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the page of a template."""
    text = _environment().get_template(template).render(content)
    return HTMLResponse(text, status, {"cache-control": "private, no-store", **_SAFETY, **(headers or {})})


def asset(request: Request, name: str) -> Response:
    """Return one of the files that pages load, or 304 where the browser has it."""
    body, digest = _asset(name)
    headers = {"etag": f'"{digest}"', "cache-control": _KEEP, **_SAFETY}
    given = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if headers["etag"] in given:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=_MEDIA_TYPES[name])


@cache
def _asset(name: str) -> tuple[bytes, str]:
    body = resources.files(__package__).joinpath(_FOLDER, name).read_bytes()
    return body, hashlib.sha256(body).hexdigest()[:16]


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader(__package__, _FOLDER),
        autoescape=True,
        finalize=_plain,
        undefined=StrictUndefined,
        lstrip_blocks=True,
    )
    made.filters.update(
        age=age, counted=counted, source=source_name, stage=stage_name, part=_part, query=_query
    )
    made.globals.update(package=VERSION, digest={name: _asset(name)[1] for name in _MEDIA_TYPES})
    return made


def _plain(given: Any) -> Any:
    """Return what is about to be put into a page: of text, only what can be printed."""
    return shown(given) if isinstance(given, str) and not isinstance(given, Markup) else given


def _part(text: str) -> str:
    """Return the text as one part of a path."""
    return quote(text, safe="", errors="replace")


def _query(text: str, name: str) -> str:
    """Return the text as the query parameter of this name."""
    return urlencode({name: text}, errors="replace")
