"""Where a page stands below the registry's, as all of its links are relative: by the path as it came, encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from starlette.requests import Request

HOME: Final = "./"
UP: Final = "../"
_FOLDER: Final = "/ui/"


def home_of(request: Request) -> str:
    """Return the way from the page of a service to the registry's: one folder up for each slash; `%2F` is none."""
    return UP * (_below(request).count("/") + 1)


def without_slash(request: Request) -> str | None:
    """Return the way to the same page without slashes at the end of its path, or None where there are none."""
    below = _below(request)
    path = below.rstrip("/")
    if path in {"", below}:
        return None
    query = request.scope.get("query_string", b"").decode("latin-1")
    last = path.rpartition("/")[2]
    return f"{UP * (len(below) - len(path))}{last}{'?' if query else ''}{query}"


def service_of(request: Request) -> str | None:
    """Return the way from the folder of services to the one that a form names, or None where it names none."""
    service = request.query_params.get("service", "").strip()
    if not service:
        return None
    query = urlencode({"stage": request.query_params.get("stage", "").strip()}, errors="replace")
    return f"{HOME}{quote(service, safe='', errors='replace')}?{query}"


def _below(request: Request) -> str:
    raw: bytes | None = request.scope.get("raw_path")
    path = quote(request.scope["path"]) if raw is None else raw.partition(b"?")[0].decode("latin-1")
    return path.removeprefix(request.scope.get("root_path", "")).removeprefix(_FOLDER)
