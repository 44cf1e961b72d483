"""Pages of a listing, with tokens that stay valid while entries come and go."""

import base64
import binascii
from typing import TYPE_CHECKING, TypeVar

from tests.standin.corrections.cloud_map_errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_PAGE = 100  # "If you don't specify a value for MaxResults, Cloud Map returns up to 100 ..."

Item = TypeVar("Item")


def page_of(
    entries: "Iterable[tuple[str, Item]]", *, max_results: int | None, next_token: str | None
) -> tuple[list[Item], str | None]:
    """Return one page of the entries, ordered by their key, and the token of the next page if there is one."""
    after = _decoded(next_token) if next_token else ""
    rest = sorted(((key, item) for key, item in entries if key > after), key=lambda entry: entry[0])
    page = rest[: max_results or DEFAULT_PAGE]
    token = _encoded(page[-1][0]) if len(page) < len(rest) else None
    return [item for _, item in page], token


def _encoded(key: str) -> str:
    return base64.urlsafe_b64encode(f"after:{key}".encode()).decode()


def _decoded(token: str) -> str:
    try:
        text = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError("NextToken is not one that an earlier answer gave") from error
    if not text.startswith("after:"):
        raise InvalidInputError("NextToken is not one that an earlier answer gave")
    return text.removeprefix("after:")
