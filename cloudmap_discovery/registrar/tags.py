"""What the tags of a function ask for."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.endpoints import is_url
from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.limits import MAX_WEIGHT, check_endpoint, check_weight
from cloudmap_discovery.model import DEFAULT_WEIGHT, NO_STAGE
from cloudmap_discovery.registration import Identity, identity
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.registrar.permits import Permits

PREFIX: Final = "discovery:"
SERVICE_TAG: Final = f"{PREFIX}service"
ARN: Final = "arn"
FUNCTION_URL: Final = "function-url"
ALIAS: Final = "alias:"
ALIAS_URL: Final = f"{FUNCTION_URL}:"

_IDENTITY: Final = ("service", "stage", "version", "tenant", "variant")
_OF_ALIAS: Final = rf"(?:{ALIAS}|{ALIAS_URL})[A-Za-z0-9_-]{{1,128}}"  # CreateAlias, Name
_TAGS: Final = tuple(f"{PREFIX}{name}" for name in (*_IDENTITY, "weight", "endpoint"))


@value
class Rejected:
    """Tags that make no record: of which `function`, and the `reasons`, each with the tag, its value and the limit."""

    function: str
    reasons: tuple[str, ...]


@value
class NotPermitted:
    """Tags of a function that are another registrar's business; `reason` says which service or stage is not ours."""

    function: str
    reason: str


@value
class Wish:
    """What a function's tags ask for; `endpoint` as the tag has it.

    That is arn, function-url, function-url:NAME for the URL of an alias, alias:NAME, or a URL.
    """

    function: str
    identity: Identity
    weight: int
    endpoint: str


def is_tagged(tags: Mapping[str, str]) -> bool:
    """Return whether these are the tags of a function that wants to be registered."""
    return SERVICE_TAG in tags


def read_tags(
    function: str, tags: Mapping[str, str], permits: Permits, *, default_stage: str | None
) -> Wish | Rejected | NotPermitted:
    """Return what the tags ask for, or all that is wrong with them, or why it is not this registrar's to do."""
    reasons = [_unknown(tag) for tag in sorted(tags) if tag.startswith(PREFIX) and tag not in _TAGS]
    given = {tag.removeprefix(PREFIX): text for tag, text in tags.items() if tag in _TAGS}
    fields: dict[str, str | None] = {}
    for name in _IDENTITY:
        text = given.get(name)
        # An empty value is how some tools write that there is none.
        fields[name] = text if text or name == "service" else None
        try:
            checked = {"service": "any", "stage": NO_STAGE} | {name: fields[name]}
            identity(**_complete(checked), default_stage=default_stage or NO_STAGE)
        except InvalidValueError as error:
            reasons.append(f"{PREFIX}{name} is {error.value!r}: {error.limit}")
    weight = DEFAULT_WEIGHT
    try:
        weight = _weight(given.get("weight", ""))
    except InvalidValueError as error:
        reasons.append(f"{PREFIX}weight is {given['weight']!r}: {error.limit}")
    endpoint = given.get("endpoint") or ARN
    reason = _endpoint_fault(endpoint, permits)
    if reason is not None:
        reasons.append(f"{PREFIX}endpoint is {endpoint!r}: {reason}")
    if reasons:
        return Rejected(function, tuple(reasons))
    who = identity(**_complete(fields), default_stage=default_stage or NO_STAGE)
    refusal = permits.refusal(who.service, who.stage)
    return NotPermitted(function, refusal) if refusal else Wish(function, who, weight, endpoint)


def _complete(fields: Mapping[str, str | None]) -> dict[str, str | None]:
    return {name: fields.get(name) for name in _IDENTITY}


def _weight(text: str) -> int:
    if not text:
        return DEFAULT_WEIGHT
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_WEIGHT))):
        raise InvalidValueError("weight", text, f"must be a whole number from 0 (drained) to {MAX_WEIGHT}")
    return check_weight(int(text))


def _endpoint_fault(endpoint: str, permits: Permits) -> str | None:
    # Lambda does not look for an alias by a name that none can have: it says that the call is wrong.
    if endpoint in {ARN, FUNCTION_URL} or re.fullmatch(_OF_ALIAS, endpoint):
        return None
    if not is_url(endpoint) or not endpoint.startswith(("https://", "http://")):
        return (
            f"must be {ARN}, {FUNCTION_URL}, {ALIAS}NAME, {ALIAS_URL}NAME (a name is 1 to 128 of the characters A-Z a-z 0-9 _ -) "
            "or an http or https URL"
        )
    if not permits.urls:
        return "URLs from tags are switched off (DISCOVERY_REGISTRAR_URLS, the template's AllowUrlEndpoints)"
    try:
        check_endpoint(endpoint)
    except InvalidValueError as error:
        return error.limit
    return None


def _unknown(tag: str) -> str:
    close = difflib.get_close_matches(tag, _TAGS, n=1)
    meant = f"; did you mean {close[0]}?" if close else f"; known are {', '.join(_TAGS)}"
    return f"{tag} is no tag of the registrar's{meant}"
