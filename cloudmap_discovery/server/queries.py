"""What the query of a request says: known parameters, each once, and empty ones as if they were not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from starlette.requests import Request

LOOKUP: Final = ("stage", "version", "tenant", "where")
_WHERE: Final = "where"


@value
class Lookup:
    """The parameters of a lookup, None where they are not given."""

    stage: str | None
    version: str | None
    tenant: str | None
    where: Mapping[str, str] | None


def lookup(request: Request) -> Lookup:
    """Return what the query asks for; raises an `InvalidValueError` that names the parameter."""
    given = single(request, LOOKUP, but=(_WHERE,))
    return Lookup(given.get("stage"), given.get("version"), given.get("tenant"), _conditions(request))


def single(
    request: Request, names: Collection[str], *, but: Collection[str] = (), strict: bool = True
) -> dict[str, str]:
    """Return the parameters of these names that are given, each of them once, except for those in `but`.

    Others are an error where it is `strict`. Raises an `InvalidValueError` that names the parameter.
    """
    found: dict[str, str] = {}
    for name, text in request.query_params.multi_items():
        if name not in names:
            if strict:
                known = f"there are {', '.join(names)}" if names else "this path has none"
                raise InvalidValueError(name, text, f"there is no such parameter; {known}")
        elif name not in but and text:
            if name in found:
                raise InvalidValueError(name, text, "is given twice")
            found[name] = text
    return found


def _conditions(request: Request) -> dict[str, str] | None:
    where: dict[str, str] = {}
    for text in filter(None, request.query_params.getlist(_WHERE)):
        attribute, colon, wanted = text.partition(":")
        if not attribute or not colon:
            raise InvalidValueError(_WHERE, text, "must be an attribute and its value, such as color:blue")
        if attribute in where:
            raise InvalidValueError(_WHERE, text, f"asks for {attribute!r} twice")
        where[attribute] = wanted
    return where or None
